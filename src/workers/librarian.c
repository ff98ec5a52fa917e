#include "workers/librarian.h"

#include <string.h>

#include "backends/queue/queue.h"
#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/media.h"
#include "runtime/log.h"
#include "services/library/library.h"
#include "services/providers/registry.h"
#include "workers/enrich.h"

#define ENRICH_TIMEOUT_MS ((int64_t)120 * 1000)
#define STALE_MAX 200 // works one job completes; the next job goes on
#define PAYLOAD_BYTES_MAX 65536

static void announce_change(struct sok_work *work, const char *media_id, const char *change)
{
    SOK_JSON_AUTO *data = json_object();
    sok_json_set_text(data, "media_id", media_id);
    sok_json_set_text(data, "change", change);
    sok_queue_publish_event(
        work->env->queue,
        &(struct sok_event){
            .subject = "library.changed", .user_id = "", .json = sok_json_dump(work->arena, data)});
}

// --- Completing works.

static bool has_metadata_provider(struct sok_work *work)
{
    struct sok_provider_instance *providers;
    size_t count;
    struct sok_error ignored = {0};
    if (sok_providers_load(work->env->providers, work->arena, &providers, &count, &ignored) != SOK_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (providers[i].config.enabled && (providers[i].driver->can & SOK_PROVIDER_METADATA))
            return true;
    return false;
}

struct mark {
    const char *media_id;
    int64_t now_ms;
    struct sok_arena *arena;
};

// Nobody knows the work: not asked again with every job.
static enum sok_status write_mark(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct mark *mark = context;
    struct sok_media media;
    SOK_TRY(sok_media_find(tx, mark->arena, mark->media_id, &media, err));
    media.enriched_at = mark->now_ms;
    return sok_media_update(tx, &media, err);
}

// *ret_known: some provider knew it.
static enum sok_status enrich_one(
    struct sok_work *work, const char *media_id, bool *ret_known, struct sok_error *err)
{
    const char *kept_id;
    enum sok_status status =
        sok_enrich_media(work->env, work->arena, media_id, ENRICH_TIMEOUT_MS, &kept_id, err);
    *ret_known = status == SOK_OK;
    if (status == SOK_OK)
        announce_change(work, kept_id, "enriched");
    if (status != SOK_NOT_FOUND || !sok_text_eq(err->code, "unknown_work"))
        return status;
    struct mark mark = {
        .media_id = media_id, .now_ms = sok_clock_now_ms(work->env->clock), .arena = work->arena};
    return sok_work_write(work, write_mark, &mark, err);
}

static enum sok_status enrich_stale(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    struct sok_media *rows;
    size_t count;
    int64_t done = 0, failed = 0;
    SOK_TRY(
        sok_media_list_stale(sok_db_reader(work->env->db), work->arena, 1, STALE_MAX, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool known;
        struct sok_error why = {0};
        if (sok_work_is_cancelled(work))
            return sok_fail(err, SOK_CANCELLED, "stopped");
        enum sok_status status = enrich_one(work, rows[i].id, &known, &why);
        done += status == SOK_OK && known;
        failed += status != SOK_OK;
        SOK_TRY(sok_work_progress(work, 100.0 * (double)(i + 1) / (double)count, err));
        if (status == SOK_UNAVAILABLE || status == SOK_TIMEOUT || status == SOK_LIMITED)
            return sok_fail(err, status, "%s", why.message); // the job is tried again later
    }
    *ret_result =
        sok_format(work->arena, "{\"enriched\":%lld,\"failed\":%lld}", (long long)done, (long long)failed);
    return SOK_OK;
}

static enum sok_status do_enrich(
    struct sok_work *work, const json_t *payload, const char **ret_result, struct sok_error *err)
{
    const char *media_id = sok_json_text(payload, "media_id", NULL);
    bool known = false;
    *ret_result = "{\"found\":false}";
    if (!has_metadata_provider(work))
        return SOK_OK;
    if (!media_id)
        return enrich_stale(work, ret_result, err);
    SOK_TRY(enrich_one(work, media_id, &known, err));
    if (known)
        *ret_result = "{\"found\":true}";
    return SOK_OK;
}

// --- Scanning.

static bool is_cancelled(void *context)
{
    return sok_work_is_cancelled(context);
}

// How many files there are is not known before the end: the share creeps towards it.
static void show_progress(void *context, const struct sok_scan_result *so_far)
{
    struct sok_error ignored = {0};
    double files = (double)so_far->files;
    (void)sok_work_progress(context, 99.0 * files / (files + 2000.0), &ignored);
}

static const char *scan_json(struct sok_arena *arena, const struct sok_scan_result *result)
{
    SOK_JSON_AUTO *object = json_object();
    sok_json_set_int(object, "folders", result->folders);
    sok_json_set_int(object, "files", result->files);
    sok_json_set_int(object, "added", result->added);
    sok_json_set_int(object, "unchanged", result->unchanged);
    sok_json_set_int(object, "removed", result->removed);
    sok_json_set_int(object, "missing", result->missing);
    sok_json_set_int(object, "media_made", result->media_made);
    sok_json_set_int(object, "unclear", result->unclear);
    sok_json_set_int(object, "unreadable", result->unreadable);
    json_t *problems = json_array();
    for (size_t i = 0; i < result->problem_count; i++)
        json_array_append_new(problems, json_string(result->problems[i]));
    json_object_set_new(object, "problems", problems);
    return sok_json_dump(arena, object);
}

struct follow_up {
    struct sok_task task;
};

static enum sok_status write_follow_up(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tasks_insert(tx, &((const struct follow_up *)context)->task, err);
}

// New works are to be completed: a job of its own, in the transaction that ends the scan.
static enum sok_status finish_scan(
    struct sok_work *work, const struct sok_scan_result *result, const char *json, struct sok_error *err)
{
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms = sok_clock_now_ms(work->env->clock);
    sok_uuid7(now_ms, id);
    struct follow_up next = {
        .task = {
            .id = id,
            .task_type = sok_job_name(SOK_JOB_MONITOR),
            .payload = "{\"kind\":\"enrich\"}",
            .request_id = work->task.request_id,
            .traceparent = work->task.traceparent,
            .run_at = now_ms,
            .created_at = now_ms,
            .updated_at = now_ms}};
    bool wanted = result->media_made > 0 && has_metadata_provider(work);
    SOK_TRY(sok_work_finish(work, wanted ? write_follow_up : NULL, &next, json, err));
    if (wanted)
        sok_queue_publish(work->env->queue, SOK_JOB_MONITOR, id);
    return SOK_OK;
}

static enum sok_status do_scan(
    struct sok_work *work, const json_t *payload, const char **ret_result, struct sok_error *err)
{
    struct sok_scan_options options = {
        .folder = sok_json_text(payload, "folder", NULL),
        .probe = true,
        .cancelled = is_cancelled,
        .progress = show_progress,
        .context = work};
    struct sok_scan_result result;
    SOK_TRY(sok_library_scan(work->env->library, work->arena, &options, &result, err));
    if (result.cancelled)
        return sok_fail(err, SOK_CANCELLED, "stopped");
    *ret_result = scan_json(work->arena, &result);
    SOK_TRY(finish_scan(work, &result, *ret_result, err));
    if (result.added || result.removed || result.missing)
        announce_change(work, NULL, "scanned");
    sok_log(
        SOK_LOG_INFO, SOK_LOG_WORKER, "library scanned", SOK_TEXT("task_id", work->task.id),
        SOK_INT("files", result.files), SOK_INT("added", result.added), SOK_INT("removed", result.removed),
        SOK_INT("unreadable", result.unreadable));
    return SOK_OK;
}

static enum sok_status handle(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    SOK_JSON_AUTO *payload = NULL;
    SOK_TRY(sok_json_parse(work->task.payload, strlen(work->task.payload), PAYLOAD_BYTES_MAX, &payload, err));
    const char *kind = sok_json_text(payload, "kind", "");
    if (sok_text_eq(kind, "scan"))
        return do_scan(work, payload, ret_result, err);
    if (sok_text_eq(kind, "enrich"))
        return do_enrich(work, payload, ret_result, err);
    return sok_fail(err, SOK_INVALID, "there is no monitor job of the kind \"%.40s\"", kind);
}

enum sok_status sok_librarian_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err)
{
    struct sok_worker_options options = {
        .env = env, .name = "librarian", .job = SOK_JOB_MONITOR, .threads = 2, .handler = handle};
    return sok_worker_start(&options, ret, err);
}
