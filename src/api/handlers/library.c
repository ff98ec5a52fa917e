// The caller's favorites and watchlist.
#include "data/library.h"

#include "api/cached.h"
#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/handlers/personal.h"
#include "base/rand.h"

#define PRIORITY_MAX 100

static json_t *entry_json(const char *id, const char *media_id, int64_t added_at)
{
    json_t *object = json_object();
    sok_json_set_text(object, "id", id);
    sok_json_set_text(object, "media_id", media_id);
    sok_json_set_time(object, "added_at", added_at);
    return object;
}

static json_t *watchlist_json(const struct sok_watchlist_entry *entry)
{
    json_t *object = entry_json(entry->id, entry->media_id, entry->added_at);
    sok_json_set_int(object, "priority", entry->priority);
    return object;
}

// --- Adding.

struct addition {
    struct sok_request *request;
    char id[SOK_UUID_LEN + 1]; // of a new entry
    const char *media_id;
    int64_t priority, now_ms;
    struct sok_media media;
    struct sok_favorite favorite;
    struct sok_watchlist_entry entry;
    bool is_new;
};

static enum sok_status write_favorite(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct addition *add = context;
    struct sok_arena *arena = add->request->arena;
    struct sok_favorite favorite = {
        .id = add->id,
        .user_id = add->request->principal.user_id,
        .media_id = add->media_id,
        .added_at = add->now_ms};
    SOK_TRY(sok_media_find(tx, arena, add->media_id, &add->media, err));
    return sok_favorites_add(tx, arena, &favorite, &add->favorite, &add->is_new, err);
}

static enum sok_status write_watchlist(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct addition *add = context;
    struct sok_arena *arena = add->request->arena;
    struct sok_watchlist_entry entry = {
        .id = add->id,
        .user_id = add->request->principal.user_id,
        .media_id = add->media_id,
        .priority = add->priority,
        .added_at = add->now_ms};
    SOK_TRY(sok_media_find(tx, arena, add->media_id, &add->media, err));
    return sok_watchlist_add(tx, arena, &entry, &add->entry, &add->is_new, err);
}

static enum sok_status run_addition(
    struct sok_request *request, sok_db_body body, struct addition *add, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    if (err->field_count)
        return err->status;
    add->request = request;
    add->now_ms = sok_clock_now_ms(api->clock);
    sok_uuid7(add->now_ms, add->id);
    return sok_db_write(api->db, body, add, err);
}

static enum sok_status reply_added(
    struct sok_request *request, const struct addition *add, json_t *entry_taken, const char *change,
    struct sok_error *err)
{
    SOK_JSON_AUTO *entry = entry_taken;
    json_t *media = sok_media_json(&add->media);
    json_object_set_new(entry, "media", media);
    sok_personal_announce(request, "media_id", add->media.id, change);
    SOK_TRY(sok_media_json_complete_one(request, media, err));
    sok_reply_json(request, add->is_new ? 201 : 200, json_incref(entry));
    return SOK_OK;
}

enum sok_status sok_library_favorite_add(struct sok_request *request, struct sok_error *err)
{
    struct addition add = {.media_id = sok_personal_media_id(request, err)};
    SOK_TRY(run_addition(request, write_favorite, &add, err));
    json_t *entry = entry_json(add.favorite.id, add.favorite.media_id, add.favorite.added_at);
    return reply_added(request, &add, entry, "favorite_added", err);
}

enum sok_status sok_library_watchlist_add(struct sok_request *request, struct sok_error *err)
{
    struct addition add = {
        .media_id = sok_personal_media_id(request, err),
        .priority = sok_api_int(request, "priority", 0, PRIORITY_MAX, -1, err)};
    SOK_TRY(run_addition(request, write_watchlist, &add, err));
    return reply_added(request, &add, watchlist_json(&add.entry), "watchlist_added", err);
}

// --- Listing.

enum sok_status sok_library_favorites_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_favorite *rows;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_favorites_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, &page,
        &rows, &count, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *entry = entry_json(rows[i].id, rows[i].media_id, rows[i].added_at);
        SOK_TRY(sok_personal_append(request, list, entry, rows[i].media_id, err));
    }
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    sok_cached_list(request, &cached, json_incref(list), &info);
    return SOK_OK;
}

enum sok_status sok_library_watchlist_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_watchlist_entry *rows;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_watchlist_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, &page,
        &rows, &count, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++)
        SOK_TRY(sok_personal_append(request, list, watchlist_json(&rows[i]), rows[i].media_id, err));
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    sok_cached_list(request, &cached, json_incref(list), &info);
    return SOK_OK;
}

// --- Removing.

struct removal {
    const char *user_id, *media_id;
};

static enum sok_status write_favorite_removal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct removal *removal = context;
    return sok_favorites_remove(tx, removal->user_id, removal->media_id, err);
}

static enum sok_status write_watchlist_removal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct removal *removal = context;
    return sok_watchlist_remove(tx, removal->user_id, removal->media_id, err);
}

static enum sok_status remove_entry(
    struct sok_request *request, sok_db_body body, const char *change, struct sok_error *err)
{
    struct removal removal = {.user_id = request->principal.user_id};
    SOK_TRY(sok_api_param_id(request, "media_id", &removal.media_id, err));
    SOK_TRY(sok_db_write(sok_api_of(request)->db, body, &removal, err));
    sok_personal_announce(request, "media_id", removal.media_id, change);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

enum sok_status sok_library_favorite_remove(struct sok_request *request, struct sok_error *err)
{
    return remove_entry(request, write_favorite_removal, "favorite_removed", err);
}

enum sok_status sok_library_watchlist_remove(struct sok_request *request, struct sok_error *err)
{
    return remove_entry(request, write_watchlist_removal, "watchlist_removed", err);
}
