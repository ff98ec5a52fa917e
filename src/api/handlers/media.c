// The catalogue: films, series and episodes, their files, and the jobs that keep them in order.
#include "data/media.h"

#include <string.h>

#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/middleware/middleware.h"
#include "backends/queue/queue.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/media_files.h"
#include "data/tasks.h"
#include "domain/naming.h"
#include "services/library/library.h"

#define TITLE_MAX 500
#define TEXT_MAX 8000
#define EPISODES_MAX 5000

// Tells everybody that lists of works are not what they were.
static void announce(struct sok_request *request, const char *media_id, const char *change)
{
    sok_queue_publish_event(
        sok_api_of(request)->queue,
        &(struct sok_event){
            .subject = "library.changed",
            .user_id = "",
            .json = sok_format(request->arena, "{\"media_id\":\"%s\",\"change\":\"%s\"}", media_id, change)});
}

static enum sok_status load_media(struct sok_request *request, struct sok_media *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    return sok_media_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, ret, err);
}

static json_t *media_list_json(const struct sok_media *rows, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sok_media_json(&rows[i]));
    return list;
}

static void reply_whole_list(struct sok_request *request, json_t *list)
{
    int64_t count = (int64_t)json_array_size(list);
    struct sok_page_info info = {.page = 1, .per_page = count, .total = count};
    sok_api_reply_list(request, list, &info);
}

// --- Reading.

enum sok_status sok_media_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_media *rows;
    size_t count;
    SOK_TRY(sok_api_page(request, &page, err));
    struct sok_media_filter filter = {.text = NULL}; // all is asked for in the query string
    SOK_TRY(sok_media_list(
        sok_db_reader(sok_api_of(request)->db), request->arena, &filter, &page, &rows, &count, &info, err));
    sok_api_reply_list(request, media_list_json(rows, count), &info);
    return SOK_OK;
}

static void reply_media(struct sok_request *request, int http_status, const struct sok_media *media)
{
    sok_reply_header(request, "ETag", sok_api_version(request, media->id, media->updated_at));
    sok_reply_json(request, http_status, sok_media_json(media));
}

enum sok_status sok_media_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media;
    SOK_TRY(load_media(request, &media, err));
    reply_media(request, 200, &media);
    return SOK_OK;
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
    SOK_TRY(load_media(request, &media, err));
    if (sok_text_eq(media.media_type, SOK_MEDIA_TV))
        SOK_TRY(sok_media_list_episodes(
            sok_db_reader(sok_api_of(request)->db), request->arena, media.id, -1, &episodes, &count, err));
    SOK_JSON_AUTO *list = json_array();
    SOK_TRY(append_files(request, media.id, list, err));
    for (size_t i = 0; i < count && i < EPISODES_MAX; i++)
        SOK_TRY(append_files(request, episodes[i].id, list, err));
    reply_whole_list(request, json_incref(list));
    return SOK_OK;
}

enum sok_status sok_media_episodes(struct sok_request *request, struct sok_error *err)
{
    struct sok_media media, *rows;
    struct sok_page page;
    struct sok_page_info info;
    size_t count;
    SOK_TRY(load_media(request, &media, err));
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_media_list_episodes_page(
        sok_db_reader(sok_api_of(request)->db), request->arena, media.id, &page, &rows, &count, &info, err));
    sok_api_reply_list(request, media_list_json(rows, count), &info);
    return SOK_OK;
}

// --- Writing.

// Overwrites `media` with the fields that the body has.
static void read_fields(const struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    const struct {
        const char *field, **target;
        size_t max_bytes;
    } texts[] = {
        {"title", &media->title, TITLE_MAX},
        {"original_title", &media->original_title, TITLE_MAX},
        {"overview", &media->overview, TEXT_MAX},
        {"poster_url", &media->poster_url, 2000},
        {"backdrop_url", &media->backdrop_url, 2000},
        {"release_date", &media->release_date, 10},
        {"imdb_id", &media->imdb_id, 16},
        {"original_language", &media->original_language, 8},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(texts); i++) {
        const char *text = sok_api_text(request, texts[i].field, false, texts[i].max_bytes, err);
        if (text)
            *texts[i].target = text;
    }
    media->year = sok_api_int(request, "year", 1870, 2100, media->year, err);
    media->tmdb_id = sok_api_int(request, "tmdb_id", 1, INT32_MAX, media->tmdb_id, err);
    media->tvdb_id = sok_api_int(request, "tvdb_id", 1, INT32_MAX, media->tvdb_id, err);
    media->tvmaze_id = sok_api_int(request, "tvmaze_id", 1, INT32_MAX, media->tvmaze_id, err);
    media->runtime_minutes = sok_api_int(request, "runtime_minutes", 1, 10000, media->runtime_minutes, err);
    media->season_number = sok_api_int(request, "season_number", 0, 9999, media->season_number, err);
    media->episode_number = sok_api_int(request, "episode_number", 0, 99999, media->episode_number, err);
    if (media->title && !*sok_naming_sanitise(request->arena, media->title, SOK_NAMING_PART_MAX))
        sok_fail_field(err, "title", "invalid", "holds nothing that could name a folder");
}

struct media_write {
    struct sok_media media;
    int64_t seen_updated_at; // of the row that the caller's change starts from
};

static enum sok_status write_insert(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_media *media = &((const struct media_write *)context)->media;
    if (media->parent_id) {
        struct sok_media parent;
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        SOK_TRY(sok_media_find(tx, arena, media->parent_id, &parent, err));
        if (!sok_text_eq(parent.media_type, SOK_MEDIA_TV))
            return sok_fail(err, SOK_CONFLICT, "the parent of an episode is a series");
    }
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

static void check_new(struct sok_request *request, struct sok_media *media, struct sok_error *err)
{
    media->title = sok_api_text(request, "title", true, TITLE_MAX, err);
    media->media_type = sok_api_text(request, "media_type", true, 16, err);
    media->parent_id = sok_api_text(request, "parent_id", false, SOK_UUID_LEN, err);
    read_fields(request, media, err);
    bool is_episode = sok_text_eq(media->media_type, SOK_MEDIA_EPISODE);
    if (media->media_type && !is_episode && !sok_text_eq(media->media_type, SOK_MEDIA_MOVIE) &&
        !sok_text_eq(media->media_type, SOK_MEDIA_TV))
        sok_fail_field(err, "media_type", "invalid", "must be movie, tv or episode");
    if (is_episode && !sok_api_is_id(media->parent_id))
        sok_fail_field(err, "parent_id", "required", "must be the series' id");
    if (is_episode && (media->season_number < 0 || media->episode_number < 0))
        sok_fail_field(err, "episode_number", "required", "season_number and episode_number are missing");
    if (!is_episode && media->parent_id)
        sok_fail_field(err, "parent_id", "invalid", "goes with an episode only");
}

// What is written down of a work.
static json_t *audit_json(const struct sok_media *media)
{
    json_t *value = sok_media_json(media);
    json_object_del(value, "id");
    json_object_del(value, "created_at");
    json_object_del(value, "updated_at");
    return value;
}

enum sok_status sok_media_create(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct media_write write = {.media = SOK_MEDIA_INIT};
    struct sok_media *media = &write.media;
    check_new(request, media, err);
    if (err->field_count)
        return err->status;
    char id[SOK_UUID_LEN + 1];
    media->created_at = media->updated_at = sok_clock_now_ms(api->clock);
    sok_uuid7(media->created_at, id);
    media->id = id;
    media->alternative_titles = media->genres = "[]";
    media->origin = "user";
    SOK_TRY(sok_db_write(api->db, write_insert, &write, err));
    announce(request, id, "added");
    sok_api_audit_change(request, "media.create", "media", id, NULL, audit_json(media));
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/media/%s", id));
    reply_media(request, 201, media);
    return SOK_OK;
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
    read_fields(request, &write.media, err);
    if (sok_text_empty(write.media.title) && !err->field_count)
        sok_fail_field(err, "title", "required", "must not be empty");
    if (err->field_count)
        return err->status;
    write.media.origin = "user";
    int64_t now_ms = sok_clock_now_ms(api->clock);
    write.media.updated_at = now_ms > write.seen_updated_at ? now_ms : write.seen_updated_at + 1;
    SOK_TRY(sok_db_write(api->db, write_update, &write, err));
    announce(request, write.media.id, "changed");
    sok_api_audit_change(
        request, "media.update", "media", write.media.id, audit_json(&before), audit_json(&write.media));
    reply_media(request, 200, &write.media);
    return SOK_OK;
}

static enum sok_status write_delete(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_media_delete(tx, ((const struct media_write *)context)->media.id, err);
}

// Files that hold another work too (a double episode) stay.
static enum sok_status delete_files(struct sok_request *request, const char *media_id, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_db_tx *tx = sok_db_reader(api->db);
    struct sok_media_file *rows, *sharing;
    size_t count, sharing_count;
    SOK_TRY(sok_media_files_list(tx, request->arena, media_id, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        SOK_TRY(
            sok_media_files_list_path(tx, request->arena, rows[i].file_path, &sharing, &sharing_count, err));
        if (sharing_count <= 1)
            SOK_TRY(sok_library_remove_file(api->library, rows[i].file_path, err));
    }
    return SOK_OK;
}

enum sok_status sok_media_remove(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct media_write write;
    struct sok_media *episodes = NULL;
    size_t count = 0;
    SOK_TRY(load_media(request, &write.media, err));
    if (sok_text_eq(write.media.media_type, SOK_MEDIA_TV))
        SOK_TRY(sok_media_list_episodes(
            sok_db_reader(api->db), request->arena, write.media.id, -1, &episodes, &count, err));
    bool with_files = sok_text_eq(sok_request_query(request, "delete_files"), "true");
    if (with_files) {
        SOK_TRY(delete_files(request, write.media.id, err));
        for (size_t i = 0; i < count; i++)
            SOK_TRY(delete_files(request, episodes[i].id, err));
    }
    SOK_TRY(sok_db_write(api->db, write_delete, &write, err));
    announce(request, write.media.id, "removed");
    json_t *old_value = audit_json(&write.media);
    sok_json_set_bool(old_value, "delete_files", with_files);
    sok_api_audit_change(request, "media.delete", "media", write.media.id, old_value, NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
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
