// The catalogue: films, series and episodes, their files, and the jobs that keep them in order.
#include "data/media.h"

#include <string.h>

#include "api/cached.h"
#include "api/handlers/handlers.h"
#include "api/handlers/media_fields.h"
#include "api/handlers/media_json.h"
#include "api/middleware/middleware.h"
#include "backends/queue/queue.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/media_files.h"
#include "data/tasks.h"

#define TITLE_MAX 500
#define EPISODES_MAX 5000

static enum sok_status load_media(struct sok_request *request, struct sok_media *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    return sok_media_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, ret, err);
}

static enum sok_status reply_media_list(
    struct sok_request *request, const struct sok_cached *cached, const struct sok_media *rows, size_t count,
    const struct sok_page_info *info, struct sok_error *err)
{
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sok_media_json(&rows[i]));
    SOK_TRY(sok_media_json_complete(request, list, NULL, err));
    sok_cached_list(request, cached, json_incref(list), info);
    return SOK_OK;
}

// --- Reading.

enum sok_status sok_media_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_media *rows;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page(request, &page, err));
    struct sok_media_filter filter = {.text = NULL}; // all is asked for in the query string
    SOK_TRY(sok_media_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, &filter, &page, &rows, &count, &info,
        err));
    return reply_media_list(request, &cached, rows, count, &info, err);
}

// A file that comes or goes makes no new version of the work, but another answer.
static enum sok_status reply_media(
    struct sok_request *request, int http_status, const struct sok_media *media, struct sok_error *err)
{
    SOK_JSON_AUTO *body = sok_media_json(media);
    if (http_status == 201) // is committed: nothing more to ask that could fail
        sok_json_set_bool(body, "available", false);
    else
        SOK_TRY(sok_media_json_complete_one(request, body, err));
    const char *version = sok_api_version(request, media->id, media->updated_at);
    sok_reply_header(request, "ETag", sok_api_version_with(request, version, body));
    sok_reply_json(request, http_status, json_incref(body));
    return SOK_OK;
}

enum sok_status sok_media_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media;
    SOK_TRY(load_media(request, &media, err));
    return reply_media(request, 200, &media, err);
}

static enum sok_status append_files(
    struct sok_request *request, const char *media_id, json_t *list, struct sok_error *err)
{
    struct sok_media_file *rows;
    size_t count;
    SOK_TRY(sok_media_files_list(
        sok_db_reader(sok_api_of(request)->db), request->arena, media_id, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sok_media_file_json(&rows[i]));
    return SOK_OK;
}

// The files of a work; of a series those of its episodes.
enum sok_status sok_media_list_files(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media, *episodes = NULL;
    size_t count = 0;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(load_media(request, &media, err));
    if (sok_text_eq(media.media_type, SOK_MEDIA_TV))
        SOK_TRY(sok_media_list_episodes(
            sok_db_replica_reader(sok_api_of(request)->db), request->arena, media.id, -1, &episodes, &count,
            err));
    SOK_JSON_AUTO *list = json_array();
    SOK_TRY(append_files(request, media.id, list, err));
    for (size_t i = 0; i < count && i < EPISODES_MAX; i++)
        SOK_TRY(append_files(request, episodes[i].id, list, err));
    json_t *items;
    struct sok_page_info info;
    SOK_TRY(sok_api_cut_json(request, media.id, json_incref(list), &items, &info, err));
    sok_cached_list(request, &cached, items, &info);
    return SOK_OK;
}

enum sok_status sok_media_episodes(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media, *rows;
    struct sok_page page;
    struct sok_page_info info;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(load_media(request, &media, err));
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_media_list_episodes_page(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, media.id, &page, &rows, &count, &info,
        err));
    return reply_media_list(request, &cached, rows, count, &info, err);
}

// --- Writing.

struct media_write {
    struct sok_media media;
    int64_t seen_updated_at; // of the row that the caller's change starts from
};

static enum sok_status check_series(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    struct sok_media parent;
    struct sok_error failure = {0};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    enum sok_status status = sok_media_find(tx, arena, id, &parent, &failure);
    if (status == SOK_OK && sok_text_eq(parent.media_type, SOK_MEDIA_TV))
        return SOK_OK;
    if (status != SOK_OK && status != SOK_NOT_FOUND) {
        *err = failure;
        return status;
    }
    sok_fail_field(
        err, "parent_id", status == SOK_OK ? "invalid" : "not_found", "%s",
        status == SOK_OK ? "is no series" : "there is no such series");
    return SOK_INVALID;
}

static enum sok_status write_insert(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_media *media = &((const struct media_write *)context)->media;
    if (media->parent_id) // deleted since it was looked at, perhaps
        SOK_TRY(check_series(tx, media->parent_id, err));
    return sok_media_insert(tx, media, err);
}

static enum sok_status write_update(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct media_write *write = context;
    struct sok_media present;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_TRY(sok_media_find(tx, arena, write->media.id, &present, err));
    if (present.updated_at != write->seen_updated_at)
        return sok_fail(err, SOK_PRECONDITION, "somebody else changed it at the same time");
    return sok_media_update(tx, &write->media, err);
}

static enum sok_status check_new(struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    media->media_type = sok_api_text(request, "media_type", true, 16, err);
    media->parent_id = sok_api_text(request, "parent_id", false, SOK_UUID_LEN, err);
    sok_media_fields_read(request, media, err);
    bool is_episode = sok_text_eq(media->media_type, SOK_MEDIA_EPISODE);
    if (media->media_type && !is_episode && !sok_text_eq(media->media_type, SOK_MEDIA_MOVIE) &&
        !sok_text_eq(media->media_type, SOK_MEDIA_TV))
        sok_fail_field(err, "media_type", "invalid", "must be movie, tv or episode");
    if (is_episode && !media->parent_id)
        sok_fail_field(err, "parent_id", "required", "must be the series' id");
    else if (media->parent_id && !sok_api_is_id(media->parent_id))
        sok_fail_field(err, "parent_id", "invalid", "must be the series' id");
    else if (media->media_type && !is_episode && media->parent_id)
        sok_fail_field(err, "parent_id", "invalid", "goes with an episode only");
    else if (is_episode)
        SOK_TRY(check_series(sok_db_reader(sok_api_of(request)->db), media->parent_id, err));
    return err->field_count ? err->status : SOK_OK;
}

enum sok_status sok_media_create(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct media_write write = {.media = SOK_MEDIA_INIT};
    struct sok_media *media = &write.media;
    media->alternative_titles = media->genres = "[]";
    SOK_TRY(check_new(request, media, err));
    char id[SOK_UUID_LEN + 1];
    media->created_at = media->updated_at = sok_clock_now_ms(api->clock);
    sok_uuid7(media->created_at, id);
    media->id = id;
    media->origin = "user";
    SOK_TRY(sok_db_write(api->db, write_insert, &write, err));
    sok_media_announce(request, id, "added");
    sok_api_audit_change(request, "media.create", "media", id, NULL, sok_media_audit_json(media));
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/media/%s", id));
    return reply_media(request, 201, media, err);
}

enum sok_status sok_media_change(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct media_write write;
    SOK_TRY(load_media(request, &write.media, err));
    const struct sok_media before = write.media;
    SOK_TRY(sok_api_check_version(
        request, sok_api_version(request, write.media.id, write.media.updated_at), err));
    write.seen_updated_at = write.media.updated_at;
    sok_media_fields_read(request, &write.media, err);
    if (err->field_count)
        return err->status;
    if (!json_object_size(request->json)) {
        return reply_media(request, 200, &before, err);
    }
    write.media.origin = "user";
    int64_t now_ms = sok_clock_now_ms(api->clock);
    write.media.updated_at = now_ms > write.seen_updated_at ? now_ms : write.seen_updated_at + 1;
    SOK_TRY(sok_db_write(api->db, write_update, &write, err));
    sok_media_announce(request, write.media.id, "changed");
    sok_api_audit_change(
        request, "media.update", "media", write.media.id, sok_media_audit_json(&before),
        sok_media_audit_json(&write.media));
    return reply_media(request, 200, &write.media, err);
}

// --- Jobs (workers/librarian.c does them).

struct job_write {
    struct sok_task task;
};

static enum sok_status write_job(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tasks_insert(tx, &((const struct job_write *)context)->task, err);
}

static enum sok_status start_job(
    struct sok_request *request, const char *action, const char *payload, const char *media_id,
    struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms = sok_clock_now_ms(api->clock);
    sok_uuid7(now_ms, id);
    struct job_write write = {
        .task = {
            .id = id,
            .task_type = sok_job_name(SOK_JOB_MONITOR),
            .payload = payload,
            .user_id = request->principal.user_id,
            .media_id = media_id,
            .request_id = request->request_id,
            .traceparent = request->traceparent,
            .run_at = now_ms,
            .created_at = now_ms,
            .updated_at = now_ms}};
    SOK_TRY(sok_db_write(api->db, write_job, &write, err));
    sok_queue_publish(api->queue, SOK_JOB_MONITOR, id);
    sok_api_audit(
        request, action, "media", media_id, NULL, sok_format(request->arena, "{\"task_id\":\"%s\"}", id));
    json_t *body = json_object();
    sok_json_set_text(body, "task_id", id);
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/tasks/%s", id));
    sok_reply_json(request, 202, body);
    return SOK_OK;
}

enum sok_status sok_media_enrich(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media;
    SOK_TRY(load_media(request, &media, err));
    const char *payload = sok_format(request->arena, "{\"kind\":\"enrich\",\"media_id\":\"%s\"}", media.id);
    return start_job(request, "media.enrich", payload, media.id, err);
}

enum sok_status sok_media_scan(struct sok_request *request, struct sok_error *err)
{
    return start_job(request, "media.scan", "{\"kind\":\"scan\"}", NULL, err);
}
