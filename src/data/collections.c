#include "data/collections.h"

#include "data/filter.h"

#define C(field, kind) SOK_COLUMN(sok_collection, field, SOK_COLUMN_##kind)
#define FIXED(field, kind) SOK_COLUMN_FIXED(sok_collection, field, SOK_COLUMN_##kind)
#define WORKED_OUT(field, expression)                                                                \
    {                                                                                                \
        .name = expression, .kind = SOK_COLUMN_INT, .offset = offsetof(struct sok_collection, field) \
    }
static const struct sok_column columns[] = {
    C(id, TEXT),
    FIXED(user_id, TEXT),
    C(name, TEXT),
    C(description, TEXT),
    C(is_public, BOOL),
    FIXED(created_at, INT),
    C(updated_at, INT),
    WORKED_OUT(
        media_count, "(SELECT count(*) FROM collection_media i WHERE i.collection_id = collections.id)"),
    WORKED_OUT(
        media_version,
        "(SELECT CAST(COALESCE(sum(v), 0) AS BIGINT) FROM ("
        "SELECT m.updated_at AS v FROM collection_media i JOIN media m ON m.id = i.media_id "
        "WHERE i.collection_id = collections.id UNION ALL "
        "SELECT f.updated_at FROM collection_media i JOIN media_files f ON f.media_id = i.media_id "
        "WHERE i.collection_id = collections.id AND f.missing_at IS NULL UNION ALL "
        "SELECT f.updated_at FROM collection_media i JOIN media e ON e.parent_id = i.media_id "
        "JOIN media_files f ON f.media_id = e.id "
        "WHERE i.collection_id = collections.id AND f.missing_at IS NULL) AS shown)"),
};
#undef C
#undef FIXED
#undef WORKED_OUT

// The same columns as far as each use needs them: what is stored, what a list shows, what one alone shows.
#define COLLECTIONS(columns_used)                                                \
    {                                                                            \
        .name = "collections", .columns = columns, .column_count = columns_used, \
        .record_bytes = sizeof(struct sok_collection)                            \
    }
static const struct sok_table stored = COLLECTIONS(SOK_ARRAY_LEN(columns) - 2);
static const struct sok_table listed = COLLECTIONS(SOK_ARRAY_LEN(columns) - 1);
static const struct sok_table shown = COLLECTIONS(SOK_ARRAY_LEN(columns));

#define I(field, kind) SOK_COLUMN(sok_collection_item, field, SOK_COLUMN_##kind)
static const struct sok_column item_columns[] = {
    I(id, TEXT), I(collection_id, TEXT), I(media_id, TEXT), I(position, INT), I(added_at, INT)};
#undef I
static const struct sok_table items = SOK_TABLE("collection_media", sok_collection_item, item_columns);

enum sok_status sok_collections_insert(
    struct sok_db_tx *tx, const struct sok_collection *collection, struct sok_error *err)
{
    int64_t count;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM collections WHERE user_id = $1",
        SOK_PARAMS(sok_db_text(collection->user_id)), &count, err));
    if (count >= SOK_COLLECTIONS_MAX)
        return sok_fail(err, SOK_CONFLICT, "%d collections are the most one can have", SOK_COLLECTIONS_MAX);
    return sok_table_insert(tx, NULL, &stored, collection, NULL, 0, "", NULL, err);
}

enum sok_status sok_collections_update(
    struct sok_db_tx *tx, const struct sok_collection *collection, struct sok_error *err)
{
    return sok_table_update(tx, &stored, "collection", collection, NULL, 0, err);
}

enum sok_status sok_collections_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "collection", "DELETE FROM collections WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

enum sok_status sok_collections_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *viewer_id,
    struct sok_collection *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &shown, "collection", "WHERE id = $1 AND (user_id = $2 OR is_public = 1)",
        SOK_PARAMS(sok_db_text(id), sok_db_text(viewer_id)), ret, err);
}

enum sok_status sok_collections_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *viewer_id, const struct sok_page *page,
    struct sok_collection **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"updated_at", "updated_at", false},
        {"created_at", "created_at", false},
        {"name", "fold(name)", true}};
    static const struct sok_filter filters[] = {
        {"q", SOK_FILTER_TITLE, .condition = "titles_match(fold(name), ?) = 1"},
        {"user_id", SOK_FILTER_ID, .condition = "user_id = ?"},
        {"is_public", SOK_FILTER_FLAG, .condition = "is_public = 1", .otherwise = "is_public = 0"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "user_id = ? OR is_public = 1", viewer_id);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    return sok_page_list(
        tx, arena, &listed, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}

// Two changes within a millisecond are two versions.
static enum sok_status touch(
    struct sok_db_tx *tx, const char *collection_id, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "collection",
        "UPDATE collections SET updated_at = CASE WHEN updated_at < $2 THEN $2 ELSE updated_at + 1 END "
        "WHERE id = $1",
        SOK_PARAMS(sok_db_text(collection_id), sok_db_int(now_ms)), err);
}

static enum sok_status find_item(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_collection_item *item,
    struct sok_collection_item *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &items, "work in the collection", "WHERE collection_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(item->collection_id), sok_db_text(item->media_id)), ret, err);
}

enum sok_status sok_collections_put_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_collection_item *item,
    struct sok_collection_item *ret, bool *ret_is_new, struct sok_error *err)
{
    struct sok_collection_item placed = *item;
    struct sok_error absent = {0};
    int64_t others;
    enum sok_status status = find_item(tx, arena, item, ret, &absent);
    if (status != SOK_OK && status != SOK_NOT_FOUND) {
        *err = absent;
        return status;
    }
    if (ret_is_new)
        *ret_is_new = status == SOK_NOT_FOUND;
    if (status == SOK_OK && (item->position < 0 || item->position == ret->position))
        return SOK_OK;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM collection_media WHERE collection_id = $1 AND media_id <> $2",
        SOK_PARAMS(sok_db_text(item->collection_id), sok_db_text(item->media_id)), &others, err));
    if (others >= SOK_COLLECTION_MEDIA_MAX)
        return sok_fail(err, SOK_CONFLICT, "a collection holds at most %d works", SOK_COLLECTION_MEDIA_MAX);
    if (placed.position < 0)
        SOK_TRY(sok_load_int(
            tx, "SELECT COALESCE(max(position) + 1, 0) FROM collection_media WHERE collection_id = $1",
            SOK_PARAMS(sok_db_text(item->collection_id)), &placed.position, err));
    SOK_TRY(sok_table_insert( // the new id is the greatest: behind those of the same position
        tx, NULL, &items, &placed, NULL, 0,
        "ON CONFLICT (collection_id, media_id) DO UPDATE SET position = excluded.position, id = excluded.id",
        NULL, err));
    SOK_TRY(touch(tx, item->collection_id, item->added_at, err));
    return find_item(tx, arena, item, ret, err);
}

enum sok_status sok_collections_remove_media(
    struct sok_db_tx *tx, const char *collection_id, const char *media_id, int64_t now_ms,
    struct sok_error *err)
{
    SOK_TRY(sok_change_one(
        tx, "work in the collection",
        "DELETE FROM collection_media WHERE collection_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(collection_id), sok_db_text(media_id)), err));
    return touch(tx, collection_id, now_ms, err);
}

enum sok_status sok_collections_list_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *collection_id, const struct sok_page *page,
    struct sok_collection_item **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"position", "position", false}, {"added_at", "added_at", false}, SOK_ENTRY_SORTS};
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "collection_id = ?", collection_id);
    sok_where_filters(&where, arena, sok_entry_filters, sok_entry_filter_count, page, err);
    return sok_page_list(
        tx, arena, &items, &where, sorts, SOK_ARRAY_LEN(sorts), false, "id", page, ret, ret_count, ret_info,
        err);
}
