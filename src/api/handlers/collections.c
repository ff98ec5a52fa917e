// Collections of works. Their owner changes them; what is public everybody reads, and what is another's and
// private is not there.
#include "data/collections.h"

#include <string.h>

#include "api/cached.h"
#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/handlers/personal.h"
#include "base/rand.h"
#include "base/text.h"

#define NAME_MAX_BYTES 200
#define DESCRIPTION_MAX_BYTES 4000

static json_t *collection_json(const struct sok_collection *collection)
{
    json_t *object = json_object();
    sok_json_set_text(object, "id", collection->id);
    sok_json_set_text(object, "user_id", collection->user_id);
    sok_json_set_text(object, "name", collection->name);
    sok_json_set_optional_text(object, "description", collection->description);
    sok_json_set_bool(object, "is_public", collection->is_public);
    sok_json_set_int(object, "media_count", collection->media_count);
    sok_json_set_time(object, "created_at", collection->created_at);
    sok_json_set_time(object, "updated_at", collection->updated_at);
    return object;
}

static json_t *item_json(const struct sok_collection_item *item)
{
    json_t *object = json_object();
    sok_json_set_text(object, "media_id", item->media_id);
    sok_json_set_int(object, "position", item->position);
    sok_json_set_time(object, "added_at", item->added_at);
    return object;
}

// It is shown with its works: when one of them learns something or is deleted, this is another version too.
static const char *version_of(const struct sok_request *request, const struct sok_collection *collection)
{
    return sok_format(
        request->arena, "\"%llx-%llx-%llx\"", (unsigned long long)collection->updated_at,
        (unsigned long long)collection->media_count, (unsigned long long)collection->media_version);
}

static void reply_collection(
    struct sok_request *request, int http_status, const struct sok_collection *collection, json_t *body_taken)
{
    sok_reply_header(request, "ETag", version_of(request, collection));
    sok_reply_json(request, http_status, body_taken);
}

// --- Reading.

enum sok_status sok_collections_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page = {0};
    struct sok_page_info info;
    struct sok_collection *rows;
    size_t count;
    struct sok_cached cached;
    if (sok_cached_reply(request, &cached))
        return SOK_OK;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_collections_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, &page,
        &rows, &count, &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, collection_json(&rows[i]));
    sok_cached_list(request, &cached, list, &info);
    return SOK_OK;
}

// With a page of its works.
enum sok_status sok_collections_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_replica_reader(sok_api_of(request)->db);
    struct sok_page page;
    struct sok_page_info info;
    struct sok_collection collection;
    struct sok_collection_item *rows;
    const char *id;
    size_t count;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_collections_find(tx, request->arena, id, request->principal.user_id, &collection, err));
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_collections_list_media(tx, request->arena, id, &page, &rows, &count, &info, err));
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++)
        SOK_TRY(sok_personal_append(request, list, item_json(&rows[i]), rows[i].media_id, err));
    SOK_TRY(sok_media_json_complete(request, list, "media", err));
    json_t *body = collection_json(&collection);
    SOK_JSON_AUTO *listed = sok_api_list_json(json_incref(list), &info);
    json_object_update(body, listed);
    reply_collection(request, 200, &collection, body);
    return SOK_OK;
}

// --- Writing.

struct change {
    struct sok_request *request;
    struct sok_collection collection;
    struct sok_collection_item item, kept; // asked for, then in the collection
    struct sok_media media;
    int64_t now_ms;
    bool is_new;
};

static void read_fields(
    const struct sok_request *request, bool is_new, struct sok_collection *collection, struct sok_error *err)
{
    const char *name = sok_api_text(request, "name", is_new, NAME_MAX_BYTES, err);
    const char *description = sok_api_text(request, "description", false, DESCRIPTION_MAX_BYTES, err);
    const json_t *is_public = json_object_get(request->json, "is_public");
    if (!is_new)
        sok_api_refuse_null(request, "name", err);
    if (name && !*sok_text_trim(request->arena, name) && (*name || !is_new))
        sok_fail_field(err, "name", "required", "must not be empty");
    if (is_public && !json_is_boolean(is_public))
        sok_fail_field(err, "is_public", "wrong_type", "must be true or false");
    if (name)
        collection->name = sok_text_trim(request->arena, name);
    if (json_object_get(request->json, "description")) // null and "" take it away
        collection->description = sok_text_empty(description) ? NULL : description;
    if (is_public)
        collection->is_public = json_is_true(is_public);
}

static enum sok_status write_new(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_collections_insert(tx, &((const struct change *)context)->collection, err);
}

enum sok_status sok_collections_create(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms = sok_clock_now_ms(api->clock);
    sok_uuid7(now_ms, id);
    struct change change = {
        .collection = {
            .id = id, .user_id = request->principal.user_id, .created_at = now_ms, .updated_at = now_ms}};
    read_fields(request, true, &change.collection, err);
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_db_write(api->db, write_new, &change, err));
    sok_personal_announce(request, "collection_id", id, "collection_added");
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/collections/%s", id));
    reply_collection(request, 201, &change.collection, collection_json(&change.collection));
    return SOK_OK;
}

// The one place that says who may change a collection.
static enum sok_status find_own(
    struct sok_db_tx *tx, struct change *change, const char *id, struct sok_error *err)
{
    const char *caller = change->request->principal.user_id;
    SOK_TRY(sok_collections_find(tx, change->request->arena, id, caller, &change->collection, err));
    if (!sok_text_eq(change->collection.user_id, caller))
        return sok_fail(err, SOK_DENIED, "only its owner may change this collection");
    return SOK_OK;
}

static enum sok_status write_update(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    struct sok_collection *collection = &change->collection;
    SOK_TRY(find_own(tx, change, collection->id, err));
    SOK_TRY(sok_api_check_version(change->request, version_of(change->request, collection), err));
    if (!json_object_size(change->request->json))
        return SOK_OK;
    read_fields(change->request, false, collection, err); // checked before
    collection->updated_at =
        change->now_ms > collection->updated_at ? change->now_ms : collection->updated_at + 1;
    return sok_collections_update(tx, collection, err);
}

static enum sok_status write_removal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    SOK_TRY(find_own(tx, change, change->collection.id, err));
    return sok_collections_delete(tx, change->collection.id, err);
}

static enum sok_status write_item(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    struct sok_arena *arena = change->request->arena;
    SOK_TRY(find_own(tx, change, change->item.collection_id, err));
    SOK_TRY(sok_media_find(tx, arena, change->item.media_id, &change->media, err));
    return sok_collections_put_media(tx, arena, &change->item, &change->kept, &change->is_new, err);
}

static enum sok_status write_item_removal(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    SOK_TRY(find_own(tx, change, change->item.collection_id, err));
    return sok_collections_remove_media(
        tx, change->item.collection_id, change->item.media_id, change->now_ms, err);
}

// Runs `body` for the collection in the path and tells the owner's clients.
static enum sok_status run_change(
    struct sok_request *request, sok_db_body body, struct change *change, const char *what,
    struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    change->request = request;
    change->collection.id = change->item.collection_id = id;
    change->now_ms = change->item.added_at = sok_clock_now_ms(api->clock);
    SOK_TRY(sok_db_write(api->db, body, change, err));
    sok_personal_announce(request, "collection_id", id, what);
    return SOK_OK;
}

enum sok_status sok_collections_change(struct sok_request *request, struct sok_error *err)
{
    struct change change = {0};
    read_fields(request, false, &(struct sok_collection){0}, err);
    if (err->field_count)
        return err->status;
    SOK_TRY(run_change(request, write_update, &change, "collection_changed", err));
    reply_collection(request, 200, &change.collection, collection_json(&change.collection));
    return SOK_OK;
}

enum sok_status sok_collections_remove(struct sok_request *request, struct sok_error *err)
{
    struct change change = {0};
    SOK_TRY(run_change(request, write_removal, &change, "collection_removed", err));
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

enum sok_status sok_collections_media_add(struct sok_request *request, struct sok_error *err)
{
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(sok_clock_now_ms(sok_api_of(request)->clock), id);
    struct change change = {
        .item = {
            .id = id,
            .media_id = sok_personal_media_id(request, err),
            .position = sok_api_int(request, "position", 0, SOK_COLLECTION_POSITION_MAX, -1, err)}};
    if (err->field_count)
        return err->status;
    SOK_TRY(run_change(request, write_item, &change, "collection_changed", err));
    SOK_JSON_AUTO *body = item_json(&change.kept);
    json_t *media = sok_media_json(&change.media);
    json_object_set_new(body, "media", media);
    SOK_TRY(sok_media_json_complete_one(request, media, err));
    sok_reply_json(request, change.is_new ? 201 : 200, json_incref(body));
    return SOK_OK;
}

enum sok_status sok_collections_media_remove(struct sok_request *request, struct sok_error *err)
{
    struct change change = {0};
    SOK_TRY(sok_api_param_id(request, "media_id", &change.item.media_id, err));
    SOK_TRY(run_change(request, write_item_removal, &change, "collection_changed", err));
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
