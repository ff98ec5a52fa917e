// What the caller has watched. It belongs to the work: replacing its file changes nothing here.
#include "data/history.h"

#include "api/cached.h"
#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/handlers/personal.h"
#include "base/rand.h"
#include "base/text.h"

#define SECONDS_MAX ((int64_t)1000 * 3600)
#define CONTINUE_MAX 100

struct record {
    struct sok_request *request;
    struct sok_watch watch, written;
};

static enum sok_status write_record(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct record *record = context;
    return sok_history_record(tx, record->request->arena, &record->watch, &record->written, err);
}

enum sok_status sok_history_watch(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    const char *media_id = sok_personal_media_id(request, err);
    int64_t progress = sok_api_int(request, "progress_seconds", 0, SECONDS_MAX, -1, err);
    int64_t total = sok_api_int(request, "total_seconds", 1, SECONDS_MAX, -1, err);
    if (progress < 0)
        sok_fail_field(err, "progress_seconds", "required", "is missing");
    if (total < 0)
        sok_fail_field(err, "total_seconds", "required", "is missing");
    struct sok_media media = {0};
    struct sok_error missing = {0};
    enum sok_status found =
        media_id ? sok_media_find(sok_db_reader(api->db), request->arena, media_id, &media, &missing)
                 : SOK_OK;
    if (found == SOK_OK && sok_text_eq(media.media_type, SOK_MEDIA_TV))
        sok_fail_field(err, "media_id", "invalid", "is a series: name the episode");
    if (err->field_count)
        return err->status;
    if (found != SOK_OK)
        *err = missing;
    SOK_TRY(found);
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms = sok_clock_now_ms(api->clock);
    sok_uuid7(now_ms, id);
    struct record record = {
        .request = request,
        .watch = {
            .id = id,
            .user_id = request->principal.user_id,
            .media_id = media.id,
            .progress_seconds = progress < total ? progress : total, // players count past the end
            .total_seconds = total,
            .last_watched = now_ms,
            .created_at = now_ms}};
    SOK_TRY(sok_db_write(api->db, write_record, &record, err));
    sok_reply_json(request, 200, sok_watch_json(&record.written));
    return SOK_OK;
}

static json_t *continue_json(const struct sok_continue_item *item)
{
    json_t *object = sok_watch_json(&item->watch);
    sok_json_set_text(object, "media_id", item->media.id);
    json_object_set_new(object, "media", sok_media_json(&item->media));
    sok_json_set_bool(object, "available", item->is_available);
    json_object_set_new(object, "series", item->series.id ? sok_media_json(&item->series) : json_null());
    return object;
}

enum sok_status sok_history_going_on(struct sok_request *request, struct sok_error *err)
{
    struct sok_continue_item *items;
    struct sok_page page;
    struct sok_page_info info;
    size_t count, first;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page_of_one_order(request, &page, err));
    SOK_TRY(sok_history_continue(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, request->principal.user_id,
        CONTINUE_MAX, &items, &count, err));
    const char **ids = sok_alloc_array(request->arena, count, sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        ids[i] = items[i].media.id;
    SOK_TRY(sok_api_cut(request, &page, "", ids, count, &first, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = first; i < count && i < first + (size_t)info.per_page; i++)
        json_array_append_new(list, continue_json(&items[i]));
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    SOK_TRY(sok_media_json_complete(request, list, "series", err));
    sok_cached_list(request, &cached, json_incref(list), &info);
    return SOK_OK;
}

enum sok_status sok_history_watched_list(struct sok_request *request, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_replica_reader(sok_api_of(request)->db);
    struct sok_page page;
    struct sok_page_info info;
    struct sok_watch *rows;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_history_watched(
        tx, request->arena, request->principal.user_id, &page, &rows, &count, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++)
        SOK_TRY(sok_personal_append(request, list, sok_watch_json(&rows[i]), rows[i].media_id, err));
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    sok_cached_list(request, &cached, json_incref(list), &info);
    return SOK_OK;
}

struct removal {
    const char *user_id, *id;
};

static enum sok_status write_removal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct removal *removal = context;
    return sok_history_delete(tx, removal->user_id, removal->id, err);
}

enum sok_status sok_history_remove(struct sok_request *request, struct sok_error *err)
{
    struct removal removal = {.user_id = request->principal.user_id};
    SOK_TRY(sok_api_param_id(request, "watch_id", &removal.id, err));
    SOK_TRY(sok_db_write(sok_api_of(request)->db, write_removal, &removal, err));
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
