// What the hunter writes and tells. A failing write is logged and repeated at a later step: the session, not
// the row, says what is so while a download runs.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "data/media.h"
#include "data/tasks.h"
#include "domain/release.h"
#include "runtime/log.h"
#include "services/torrent/download_view.h"
#include "workers/hunter-private.h"
#include "workers/worker_private.h"

#define RETRY_FIRST_MS 5000

static int64_t now_of(const struct sok_hunter *hunter)
{
    return sok_clock_now_ms(hunter->env.clock);
}

void sok_hunter_log(struct sok_hunt *hunt, const char *message, const struct sok_error *err)
{
    const struct sok_log_context before = *sok_log_context();
    sok_hunt_enter(hunt);
    sok_log(
        err ? SOK_LOG_WARN : SOK_LOG_INFO, SOK_LOG_WORKER, message, SOK_TEXT("worker", "hunter"),
        SOK_TEXT("download_id", hunt->row.id), SOK_TEXT("info_hash", hunt->key[0] ? hunt->key : NULL),
        SOK_TEXT("title", hunt->row.title), SOK_TEXT("error", err ? err->message : NULL));
    sok_log_set_context(before.request_id, before.traceparent);
}

void sok_hunt_enter(const struct sok_hunt *hunt)
{
    sok_log_set_context(hunt->request_id ? hunt->request_id : hunt->row.id, hunt->traceparent);
}

// Tells of the task's state, as the job loop does for the other workers.
static void announce(struct sok_hunt *hunt, const char *status, const struct sok_error *why)
{
    const struct sok_worker_env *env = &hunt->hunter->env;
    struct sok_work work = {
        .task =
            {.id = hunt->row.id,
             .task_type = sok_job_name(SOK_JOB_DOWNLOAD),
             .media_id = hunt->row.media_id,
             .user_id = hunt->row.user_id},
        .env = env};
    sok_work_announce(&work, status, hunt->row.progress, why ? why->message : NULL);
    if (sok_text_eq(status, "running"))
        return;
    bool is_retried = sok_text_eq(status, "pending");
    int hunter = sok_label_find(SOK_LABEL_WORKER, "hunter");
    int end = is_retried ? 0 : sok_label_find(SOK_LABEL_DOWNLOAD_END, status);
    if (end)
        sok_metric_add(env->metrics, SOK_METRIC_DOWNLOADS_ENDED, 1, end, 0, 0);
    if (is_retried && why)
        sok_metric_add(env->metrics, SOK_METRIC_WORKER_RETRIES, 1, hunter, 0, 0);
    else if (sok_text_eq(status, "failed"))
        sok_metric_add(env->metrics, SOK_METRIC_WORKER_DEAD, 1, hunter, 0, 0);
    if (why)
        sok_metric_add(env->metrics, SOK_METRIC_DOWNLOAD_ERRORS, 1, (int)why->status, 0, 0);
    int ending = sok_label_find(SOK_LABEL_JOB_STATUS, is_retried ? "retried" : status);
    sok_metric_add(env->metrics, SOK_METRIC_WORKER_JOBS, 1, hunter, ending, 0);
    sok_metric_observe(
        env->metrics, SOK_METRIC_WORKER_JOB_SECONDS,
        (double)(sok_clock_mono_ms(env->clock) - hunt->leased_ms) / 1000, hunter);
    if (why)
        sok_metric_add(env->metrics, SOK_METRIC_WORKER_ERRORS, 1, hunter, (int)why->status, 0);
}

static bool did(struct sok_hunt *hunt, enum sok_status status, const char *what, const struct sok_error *err)
{
    if (status == SOK_OK)
        return true;
    if (status == SOK_NOT_FOUND) { // most likely deleted with its user: the next look at the rows will tell
        hunt->hunter->sync_at = 0;
        return false;
    }
    if (status == SOK_CONFLICT && sok_text_eq(err->code, "lease_lost")) {
        sok_hunter_log(hunt, "lost the lease of a download", err);
        sok_metric_add(
            hunt->hunter->env.metrics, SOK_METRIC_WORKER_LEASES_LOST, 1,
            sok_label_find(SOK_LABEL_WORKER, "hunter"), 0, 0);
        sok_hunt_leave_session(hunt, false);
        hunt->fence = 0;
        hunt->phase = SOK_HUNT_ENDED;
        return false;
    }
    sok_hunter_log(hunt, what, err);
    return false;
}

// --- Loading.

struct sok_hunt *sok_hunt_free(struct sok_hunt *hunt)
{
    if (hunt) {
        sok_arena_free(hunt->job.arena);
        sok_arena_free(hunt->arena);
        free(hunt);
    }
    return NULL;
}

// Whose request it was says its task, which is there also when it has ended; without one the log names the
// download alone.
static void load_request(struct sok_hunt *hunt)
{
    struct sok_task task;
    struct sok_error none = {0};
    if (sok_tasks_find(sok_db_reader(hunt->hunter->env.db), hunt->arena, hunt->row.id, &task, &none) !=
        SOK_OK)
        return;
    hunt->request_id = task.request_id;
    hunt->traceparent = task.traceparent;
}

struct sok_hunt *sok_hunt_load(
    struct sok_hunter *hunter, const char *id, int64_t fence, struct sok_error *err)
{
    struct sok_hunt *hunt = calloc(1, sizeof(*hunt));
    if (!hunt)
        sok_panic("out of memory for a download");
    hunt->hunter = hunter;
    hunt->fence = fence;
    hunt->arena = sok_arena_new(0);
    if (sok_downloads_find(sok_db_reader(hunter->env.db), hunt->arena, id, &hunt->row, err) != SOK_OK)
        return sok_hunt_free(hunt);
    hunt->magnet = hunt->row.magnet_link;
    if (hunt->row.info_hash && strlen(hunt->row.info_hash) == SOK_TORRENT_KEY_LEN)
        memcpy(hunt->key, hunt->row.info_hash, sizeof(hunt->key));
    if (hunt->row.imported_at)
        hunt->phase = SOK_HUNT_SEEDING;
    hunt->leased_ms = sok_clock_mono_ms(hunter->env.clock);
    load_request(hunt);
    if (fence) {
        announce(hunt, "running", NULL);
        sok_hunter_log(hunt, "download taken on", NULL);
    }
    return hunt;
}

// --- Reporting.

struct report {
    struct sok_hunter *hunter;
    struct sok_hunt *only; // NULL: all that are dirty
    bool all;
    int64_t now_ms;
};

static bool is_reported(const struct report *report, const struct sok_hunt *hunt)
{
    if (report->only)
        return report->only == hunt;
    return hunt->phase != SOK_HUNT_ENDED && (hunt->is_dirty || (report->all && hunt->in_session));
}

static enum sok_status write_report(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct report *report = context;
    for (struct sok_hunt *hunt = report->hunter->hunts; hunt; hunt = hunt->next) {
        if (!is_reported(report, hunt))
            continue;
        hunt->row.updated_at = report->now_ms;
        SOK_TRY(sok_downloads_report(tx, &hunt->row, err));
        if (hunt->fence)
            SOK_TRY(
                sok_tasks_progress(tx, hunt->row.id, hunt->fence, hunt->row.progress, report->now_ms, err));
    }
    return SOK_OK;
}

static void report_one(struct sok_hunt *hunt)
{
    struct report one = {hunt->hunter, hunt, false, now_of(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_report, &one, &err);
    if (status == SOK_CONFLICT && sok_text_eq(err.code, "download_exists")) {
        hunt->row.info_hash = NULL; // the other one has it
        if (sok_hunt_store_failed(hunt, &err, false)) {
            sok_hunt_leave_session(hunt, false);
            hunt->phase = SOK_HUNT_ENDED;
        }
        return;
    }
    if (did(hunt, status, "cannot report a download", &err))
        hunt->is_dirty = false;
}

void sok_hunter_report(struct sok_hunter *hunter, bool all)
{
    struct report report = {hunter, NULL, all, now_of(hunter)};
    bool has_any = false;
    for (struct sok_hunt *hunt = hunter->hunts; hunt && !has_any; hunt = hunt->next)
        has_any = is_reported(&report, hunt);
    if (!has_any)
        return;
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunter->env.db, write_report, &report, &err);
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next) {
        if (!is_reported(&report, hunt))
            continue;
        if (status == SOK_OK)
            hunt->is_dirty = false;
        else if (status == SOK_CONFLICT || status == SOK_NOT_FOUND)
            report_one(hunt); // one of them stands in the way of all: each by itself
    }
    if (status != SOK_OK && status != SOK_CONFLICT && status != SOK_NOT_FOUND)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot report downloads", &err);
}

// --- Leases.

struct renewal {
    struct sok_hunt *hunt;
    int64_t now_ms;
    bool cancel;
};

static enum sok_status write_renewal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct renewal *renewal = context;
    struct sok_hunt *hunt = renewal->hunt;
    SOK_TRY(sok_tasks_renew(
        tx, hunt->row.id, hunt->fence, renewal->now_ms, SOK_HUNT_LEASE_MS, &renewal->cancel, err));
    return sok_tasks_progress(tx, hunt->row.id, hunt->fence, hunt->row.progress, renewal->now_ms, err);
}

void sok_hunter_renew(struct sok_hunter *hunter)
{
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next) {
        if (!hunt->fence || hunt->phase == SOK_HUNT_ENDED)
            continue;
        struct renewal renewal = {hunt, now_of(hunter), false};
        struct sok_error err = {0};
        enum sok_status status = sok_db_write(hunter->env.db, write_renewal, &renewal, &err);
        if (did(hunt, status, "cannot renew the lease of a download", &err) && renewal.cancel)
            sok_hunt_obey(hunt, "cancelled", hunt->row.delete_files);
    }
}

static enum sok_status write_hand_back(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_hunt *hunt = context;
    int64_t now_ms = now_of(hunt->hunter);
    hunt->row.updated_at = now_ms;
    SOK_TRY(sok_downloads_report(tx, &hunt->row, err));
    return sok_tasks_hand_back(tx, hunt->row.id, hunt->fence, 0, now_ms, err);
}

bool sok_hunt_hand_back(struct sok_hunt *hunt)
{
    struct sok_error err = {0};
    return did(
        hunt, sok_db_write(hunt->hunter->env.db, write_hand_back, hunt, &err), "cannot hand back a download",
        &err);
}

// --- What became known.

struct torrent_write {
    struct sok_hunt *hunt;
    const void *bytes;
    size_t len;
};

static enum sok_status write_torrent(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct torrent_write *write = context;
    return sok_downloads_set_torrent(
        tx, write->hunt->row.id, write->bytes, write->len, now_of(write->hunt->hunter), err);
}

bool sok_hunt_store_torrent(struct sok_hunt *hunt, const void *bytes, size_t len)
{
    struct torrent_write write = {hunt, bytes, len};
    struct sok_error err = {0};
    report_one(hunt);
    if (hunt->phase == SOK_HUNT_ENDED)
        return false;
    return did(
        hunt, sok_db_write(hunt->hunter->env.db, write_torrent, &write, &err), "cannot keep a torrent", &err);
}

struct files_write {
    struct sok_hunt *hunt;
    struct sok_download_file *files;
    size_t count;
    const void *torrent;
    size_t torrent_len;
};

static enum sok_status write_files(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct files_write *write = context;
    const char *id = write->hunt->row.id;
    int64_t now_ms = now_of(write->hunt->hunter);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_download_file *old;
    size_t old_count;
    SOK_TRY(sok_download_files_list(tx, arena, id, &old, &old_count, err));
    if (old_count != write->count) // after a restart they are there, with what was imported
        SOK_TRY(sok_download_files_replace(tx, id, write->files, write->count, err));
    if (write->torrent)
        SOK_TRY(sok_downloads_set_torrent(tx, id, write->torrent, write->torrent_len, now_ms, err));
    return SOK_OK;
}

bool sok_hunt_store_files(struct sok_hunt *hunt)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrents *torrents = hunt->hunter->env.torrents;
    struct files_write write = {.hunt = hunt};
    struct sok_error err = {0};
    struct sok_torrent_file *files;
    size_t count;
    if (sok_torrent_files(torrents, arena, hunt->key, &files, &count, &err) != SOK_OK)
        return false;
    write.files = sok_alloc_array(arena, count, sizeof(*write.files));
    for (size_t i = 0; i < count; i++) {
        if (files[i].flags & SOK_TORRENT_FILE_PAD)
            continue;
        write.files[write.count++] = (struct sok_download_file){
            .download_id = hunt->row.id,
            .file_index = files[i].index,
            .path = files[i].path,
            .size_bytes = files[i].size_bytes,
            .downloaded_bytes = files[i].done_bytes,
            .wanted = files[i].wanted,
        };
    }
    if (!hunt->row.torrent.len &&
        sok_torrent_metadata(torrents, arena, hunt->key, &write.torrent, &write.torrent_len, &err) != SOK_OK)
        return false;
    return did(
        hunt, sok_db_write(hunt->hunter->env.db, write_files, &write, &err), "cannot keep a torrent's files",
        &err);
}

// --- The work of a download that was started without one.

struct media_write {
    struct sok_hunt *hunt;
    struct sok_arena *arena;
    const struct sok_release *release;
    char media_id[SOK_UUID_LEN + 1], task_id[SOK_UUID_LEN + 1];
    bool is_new;
};

static enum sok_status insert_media(struct sok_db_tx *tx, struct media_write *write, struct sok_error *err)
{
    int64_t now_ms = now_of(write->hunt->hunter);
    bool is_series = sok_text_eq(write->release->type, "episode");
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = write->media_id;
    media.media_type = is_series ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE;
    media.title = write->release->title;
    media.year = write->release->year;
    media.origin = "file";
    media.created_at = media.updated_at = now_ms;
    SOK_TRY(sok_media_insert(tx, &media, err));
    struct sok_task task = {
        .id = write->task_id,
        .task_type = sok_job_name(SOK_JOB_MONITOR),
        .payload = sok_format(write->arena, "{\"kind\":\"enrich\",\"media_id\":\"%s\"}", write->media_id),
        .media_id = write->media_id,
        .request_id = write->hunt->request_id,
        .traceparent = write->hunt->traceparent,
        .run_at = now_ms,
        .created_at = now_ms,
        .updated_at = now_ms,
    };
    write->is_new = true;
    return sok_tasks_insert(tx, &task, err);
}

static enum sok_status write_media(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct media_write *write = context;
    bool is_series = sok_text_eq(write->release->type, "episode");
    struct sok_media media;
    int64_t now_ms = now_of(write->hunt->hunter);
    write->is_new = false;
    enum sok_status status = sok_media_find_title(
        tx, write->arena, write->release->title, write->release->year,
        is_series ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE, &media, err);
    if (status == SOK_OK) {
        memcpy(write->media_id, media.id, sizeof(write->media_id));
    } else if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        sok_uuid7(now_ms, write->media_id);
        sok_uuid7(now_ms, write->task_id);
        SOK_TRY(insert_media(tx, write, err));
    } else {
        return status;
    }
    return sok_downloads_set_media(tx, write->hunt->row.id, write->media_id, now_ms, err);
}

bool sok_hunt_store_media(struct sok_hunt *hunt)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_release release;
    sok_release_parse(arena, hunt->row.title, &release);
    if (sok_text_empty(release.title))
        release.title = hunt->row.title;
    struct media_write write = {.hunt = hunt, .arena = arena, .release = &release};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_media, &write, &err);
    if (!did(hunt, status, "cannot find the work of a download", &err))
        return false;
    hunt->row.media_id = sok_strdup(hunt->arena, write.media_id);
    if (write.is_new)
        sok_queue_publish(hunt->hunter->env.queue, SOK_JOB_MONITOR, write.task_id);
    return true;
}

// --- Endings.

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
    bool may_retry, is_dead, is_in_library;
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
    struct ending ending = {.hunt = hunt, .arena = arena, .now_ms = now_of(hunt->hunter)};
    struct sok_error err = {0};
    const char *before = hunt->row.status;
    ending.result = import_result(arena, hunt);
    hunt->row.status = status;
    hunt->row.imported_at = hunt->row.updated_at = ending.now_ms;
    hunt->row.progress = 100;
    hunt->row.eta_seconds = 0;
    bool is_stored =
        did(hunt, sok_db_write(hunt->hunter->env.db, write_imported, &ending, &err),
            "cannot finish a download", &err);
    if (is_stored) {
        announce(hunt, "completed", NULL);
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
    struct ending ending = {.hunt = hunt, .why = why, .may_retry = may_retry, .now_ms = now_of(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_failed, &ending, &err);
    if (!did(hunt, status, "cannot note that a download failed", &err))
        return false;
    hunt->row.status = ending.is_dead ? "failed" : "queued";
    hunt->row.error = sok_strdup(hunt->arena, why->message);
    hunt->row.download_speed = hunt->row.upload_speed = 0;
    hunt->row.eta_seconds = -1;
    announce(hunt, ending.is_dead ? "failed" : "pending", why);
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
    return sok_downloads_report(tx, &last, err);
}

bool sok_hunt_store_cancelled(struct sok_hunt *hunt)
{
    struct ending ending = {.hunt = hunt, .now_ms = now_of(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_cancelled, &ending, &err);
    if (!did(hunt, status, "cannot note that a download was cancelled", &err))
        return false;
    hunt->row.status = "cancelled";
    if (hunt->fence)
        announce(hunt, "cancelled", NULL);
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
    struct ending ending = {.hunt = hunt, .arena = arena, .now_ms = now_of(hunt->hunter)};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_ended, &ending, &err);
    *ret_in_library = ending.is_in_library;
    return did(hunt, status, "cannot note the end of seeding", &err);
}

// --- Events.

static void publish(struct sok_hunt *hunt, const char *subject, const char *user_id, json_t *data)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_event event = {.subject = subject, .user_id = user_id, .json = sok_json_dump(arena, data)};
    sok_queue_publish_event(hunt->hunter->env.queue, &event);
}

void sok_hunt_publish(struct sok_hunt *hunt, const char *subject)
{
    SOK_JSON_AUTO *data = sok_download_to_json(&hunt->row, NULL, 0);
    sok_json_set_text(data, "download_id", hunt->row.id);
    publish(hunt, subject, hunt->row.user_id, data);
}

void sok_hunt_publish_library(struct sok_hunt *hunt)
{
    SOK_JSON_AUTO *data = json_object();
    json_t *ids = json_array();
    const struct sok_import_result *result = &hunt->job.import.result;
    for (size_t i = 0; i < result->count; i++)
        if (result->files[i].media_id)
            json_array_append_new(ids, json_string(result->files[i].media_id));
    sok_json_set_text(data, "media_id", hunt->row.media_id);
    sok_json_set_text(data, "download_id", hunt->row.id);
    json_object_set_new(data, "media_ids", ids);
    publish(hunt, "library.changed", "", data);
    publish(hunt, "invalidate.media", "", data);
}
