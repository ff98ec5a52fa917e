// How a download's task ends: imported, failed, cancelled; and how its seeding does. Each ending is one
// transaction of the download's row and the task's, fenced by the lease.
#include "base/json.h"
#include "base/text.h"
#include "data/tasks.h"
#include "workers/hunter-private.h"

#define RETRY_FIRST_MS 5000

static const char *import_result(struct sok_arena *arena, const struct sok_hunt *hunt)
{
    SOK_JSON_AUTO *object = json_object();
    const struct sok_import_result *result = &hunt->job.import.result;
    json_t *list = json_array();
    for (size_t i = 0; i < result->count; i++) {
        json_t *item = json_object();
        sok_json_set_text(item, "path", result->files[i].source_path);
        sok_json_set_text(item, "file_path", result->files[i].file_path);
        sok_json_set_text(item, "reason", result->files[i].reason);
        json_array_append_new(list, item);
    }
    sok_json_set_int(object, "placed", (int64_t)result->placed);
    sok_json_set_text(object, "note", hunt->job.import.note);
    sok_json_set_text(object, "error", hunt->job.status == SOK_OK ? NULL : hunt->job.err.message);
    json_object_set_new(object, "files", list);
    return sok_json_dump(arena, object);
}

struct ending {
    struct sok_hunt *hunt;
    struct sok_arena *arena;
    const char *result;
    const struct sok_error *why;
    bool may_retry, is_dead, is_in_library, is_wanted_elsewhere;
    int64_t now_ms;
};

static enum sok_status mark_files(struct sok_db_tx *tx, struct ending *ending, struct sok_error *err)
{
    const struct sok_import_result *result = &ending->hunt->job.import.result;
    struct sok_download_file *files;
    size_t count;
    SOK_TRY(sok_download_files_list(tx, ending->arena, ending->hunt->row.id, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < result->count; k++) {
            const struct sok_imported *placed = &result->files[k];
            if (placed->file_path && sok_text_eq(placed->source_path, files[i].path))
                SOK_TRY(sok_download_files_set_imported(
                    tx, files[i].download_id, files[i].file_index, placed->media_id, placed->file_path, err));
        }
        SOK_TRY(sok_download_files_set_progress(
            tx, files[i].download_id, files[i].file_index, files[i].wanted ? files[i].size_bytes : 0, err));
    }
    return SOK_OK;
}

static enum sok_status write_imported(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ending *ending = context;
    struct sok_hunt *hunt = ending->hunt;
    SOK_TRY(mark_files(tx, ending, err));
    SOK_TRY(sok_downloads_report(tx, &hunt->row, err));
    return sok_tasks_complete(tx, hunt->row.id, hunt->fence, ending->result, ending->now_ms, err);
}

bool sok_hunt_store_imported(struct sok_hunt *hunt, const char *status)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct ending ending = {.hunt = hunt, .arena = arena, .now_ms = sok_hunter_now_ms(hunt->hunter)};
    struct sok_error err = {0};
    const char *before = hunt->row.status;
    ending.result = import_result(arena, hunt);
    hunt->row.status = status;
    hunt->row.imported_at = hunt->row.updated_at = ending.now_ms;
    hunt->row.progress = 100;
    hunt->row.eta_seconds = 0;
    bool is_stored = sok_hunt_did(
        hunt, sok_db_write(hunt->hunter->env.db, write_imported, &ending, &err), "cannot finish a download",
        &err);
    if (is_stored) {
        sok_hunt_announce(hunt, "completed", NULL);
    } else {
        hunt->row.status = before;
        hunt->row.imported_at = 0;
    }
    return is_stored;
}

static enum sok_status write_failed(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ending *ending = context;
    struct sok_hunt *hunt = ending->hunt;
    ending->is_dead = true;
    if (hunt->fence)
        SOK_TRY(sok_tasks_fail(
            tx, hunt->row.id, hunt->fence, ending->why, ending->may_retry,
            ending->now_ms + RETRY_FIRST_MS + sok_random_below(RETRY_FIRST_MS), ending->now_ms,
            &ending->is_dead, err));
    return sok_downloads_set_status(
        tx, hunt->row.id, ending->is_dead ? "failed" : "queued", ending->why->message, ending->now_ms, err);
}

bool sok_hunt_store_failed(struct sok_hunt *hunt, const struct sok_error *why, bool may_retry)
{
    struct ending ending = {
        .hunt = hunt, .why = why, .may_retry = may_retry, .now_ms = sok_hunter_now_ms(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_failed, &ending, &err);
    if (!sok_hunt_did(hunt, status, "cannot note that a download failed", &err))
        return false;
    hunt->row.status = ending.is_dead ? "failed" : "queued";
    hunt->row.error = sok_strdup(hunt->arena, why->message);
    hunt->row.download_speed = hunt->row.upload_speed = 0;
    hunt->row.eta_seconds = -1;
    sok_hunt_announce(hunt, ending.is_dead ? "failed" : "pending", why);
    sok_hunt_publish(hunt, ending.is_dead ? "download.failed" : "download.progress");
    return true;
}

static enum sok_status write_cancelled(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ending *ending = context;
    struct sok_hunt *hunt = ending->hunt;
    if (hunt->fence)
        SOK_TRY(sok_tasks_end_cancelled(tx, hunt->row.id, hunt->fence, ending->now_ms, err));
    struct sok_download last = hunt->row; // how far it came
    last.status = "cancelled";
    last.error = NULL;
    last.download_speed = last.upload_speed = 0;
    last.eta_seconds = -1;
    last.updated_at = ending->now_ms;
    ending->is_wanted_elsewhere = false;
    if (*hunt->key)
        SOK_TRY(sok_downloads_is_wanted_elsewhere(
            tx, hunt->key, hunt->row.id, &ending->is_wanted_elsewhere, err));
    return sok_downloads_report(tx, &last, err);
}

bool sok_hunt_store_cancelled(struct sok_hunt *hunt, bool *ret_is_wanted_elsewhere)
{
    struct ending ending = {.hunt = hunt, .now_ms = sok_hunter_now_ms(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_cancelled, &ending, &err);
    if (!sok_hunt_did(hunt, status, "cannot note that a download was cancelled", &err))
        return false;
    *ret_is_wanted_elsewhere = ending.is_wanted_elsewhere;
    hunt->row.status = "cancelled";
    if (hunt->fence)
        sok_hunt_announce(hunt, "cancelled", NULL);
    hunt->row.error = NULL;
    hunt->row.download_speed = hunt->row.upload_speed = 0;
    return true;
}

static enum sok_status write_ended(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ending *ending = context;
    struct sok_download_file *files;
    size_t count;
    ending->hunt->row.updated_at = ending->now_ms;
    ending->is_in_library = false;
    SOK_TRY(sok_download_files_list(tx, ending->arena, ending->hunt->row.id, &files, &count, err));
    for (size_t i = 0; i < count; i++)
        ending->is_in_library |= files[i].library_path != NULL;
    return sok_downloads_report(tx, &ending->hunt->row, err);
}

bool sok_hunt_store_ended(struct sok_hunt *hunt, bool *ret_in_library)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct ending ending = {.hunt = hunt, .arena = arena, .now_ms = sok_hunter_now_ms(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_ended, &ending, &err);
    *ret_in_library = ending.is_in_library;
    return sok_hunt_did(hunt, status, "cannot note the end of seeding", &err);
}
