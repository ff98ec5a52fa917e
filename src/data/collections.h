// Collections: lists of works that a user names and orders, for themselves or for everybody to read.
#ifndef SOK_DATA_COLLECTIONS_H
#define SOK_DATA_COLLECTIONS_H

#include "data/page.h"

#define SOK_COLLECTIONS_MAX 500             // of one user
#define SOK_COLLECTION_MEDIA_MAX 5000       // works in one
#define SOK_COLLECTION_POSITION_MAX 1000000 // that one may ask for

struct sok_collection {
    const char *id, *user_id, *name;
    const char *description; // NULL: none
    bool is_public;
    int64_t created_at, updated_at; // updated_at moves with its list of works too
    // Worked out, never written:
    int64_t media_count;
    int64_t media_version; // moves when one of its works or their files changes; by sok_collections_find only
};

struct sok_collection_item {
    const char *id, *collection_id, *media_id;
    int64_t position; // from 0; what they are ordered by, with gaps and equal ones
    int64_t added_at;
};

// SOK_CONFLICT when the user has SOK_COLLECTIONS_MAX of them.
SOK_MUST_CHECK enum sok_status sok_collections_insert(
    struct sok_db_tx *tx, const struct sok_collection *collection, struct sok_error *err);
// Writes name, description, is_public and updated_at.
SOK_MUST_CHECK enum sok_status sok_collections_update(
    struct sok_db_tx *tx, const struct sok_collection *collection, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_collections_delete(
    struct sok_db_tx *tx, const char *id, struct sok_error *err);

// One that `viewer_id` may read: their own or a public one. Everything else is SOK_NOT_FOUND.
SOK_MUST_CHECK enum sok_status sok_collections_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *viewer_id,
    struct sok_collection *ret, struct sok_error *err);

// The viewer's own and the public ones. Sorts: updated_at (own order, newest first), created_at, name.
// Filters: q (its name), user_id, is_public.
SOK_MUST_CHECK enum sok_status sok_collections_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *viewer_id, const struct sok_page *page,
    struct sok_collection **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);

// Puts a work into the collection at item->position, behind those that have the same; -1: at the end. One
// that is in it already moves there (-1, or its own: stays); *ret is its entry, *ret_is_new (may be NULL).
// item->id is greater than those before it, as UUIDv7 are. SOK_CONFLICT when the collection is full or there
// is no such work.
SOK_MUST_CHECK enum sok_status sok_collections_put_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_collection_item *item,
    struct sok_collection_item *ret, bool *ret_is_new, struct sok_error *err);
// The others keep their positions. SOK_NOT_FOUND when it is not in it.
SOK_MUST_CHECK enum sok_status sok_collections_remove_media(
    struct sok_db_tx *tx, const char *collection_id, const char *media_id, int64_t now_ms,
    struct sok_error *err);
// Sorts: position (own order, first to last; equal ones as they were put there), added_at, title, year,
// rating. Filters: sok_entry_filters.
SOK_MUST_CHECK enum sok_status sok_collections_list_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *collection_id, const struct sok_page *page,
    struct sok_collection_item **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);

#endif
