// What the hunter writes and tells. A failing write is logged and repeated at a later step: the session, not
// the row, says what is so while a download runs.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "data/tasks.h"
#include "runtime/log.h"
#include "services/torrent/download_view.h"
#include "workers/hunter-private.h"
#include "workers/worker_private.h"

int64_t sok_hunter_now_ms(const struct sok_hunter *hunter)
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

void sok_hunt_announce(struct sok_hunt *hunt, const char *status, const struct sok_error *why)
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

bool sok_hunt_did(
    struct sok_hunt *hunt, enum sok_status status, const char *what, const struct sok_error *err)
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
        sok_hunt_announce(hunt, "running", NULL);
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

void sok_hunt_report(struct sok_hunt *hunt)
{
    struct report one = {hunt->hunter, hunt, false, sok_hunter_now_ms(hunt->hunter)};
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
    if (sok_hunt_did(hunt, status, "cannot report a download", &err))
        hunt->is_dirty = false;
}

void sok_hunter_report(struct sok_hunter *hunter, bool all)
{
    struct report report = {hunter, NULL, all, sok_hunter_now_ms(hunter)};
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
            sok_hunt_report(hunt); // one of them stands in the way of all: each by itself
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
        struct renewal renewal = {hunt, sok_hunter_now_ms(hunter), false};
        struct sok_error err = {0};
        enum sok_status status = sok_db_write(hunter->env.db, write_renewal, &renewal, &err);
        if (sok_hunt_did(hunt, status, "cannot renew the lease of a download", &err) && renewal.cancel)
            sok_hunt_obey(hunt, "cancelled", hunt->row.delete_files);
    }
}

static enum sok_status write_hand_back(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_hunt *hunt = context;
    int64_t now_ms = sok_hunter_now_ms(hunt->hunter);
    hunt->row.updated_at = now_ms;
    SOK_TRY(sok_downloads_report(tx, &hunt->row, err));
    return sok_tasks_hand_back(tx, hunt->row.id, hunt->fence, 0, now_ms, err);
}

bool sok_hunt_hand_back(struct sok_hunt *hunt)
{
    struct sok_error err = {0};
    return sok_hunt_did(
        hunt, sok_db_write(hunt->hunter->env.db, write_hand_back, hunt, &err), "cannot hand back a download",
        &err);
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

// To everybody: the works, not whose download they came from.
void sok_hunt_publish_library(struct sok_hunt *hunt)
{
    SOK_JSON_AUTO *data = json_object();
    json_t *ids = json_array();
    const struct sok_import_result *result = &hunt->job.import.result;
    for (size_t i = 0; i < result->count; i++)
        if (result->files[i].media_id)
            json_array_append_new(ids, json_string(result->files[i].media_id));
    sok_json_set_text(data, "media_id", hunt->row.media_id);
    json_object_set_new(data, "media_ids", ids);
    publish(hunt, "library.changed", "", data);
    publish(hunt, "invalidate.media", "", data);
}
