// Favorites and the watchlist.
#ifndef SOK_DATA_LIBRARY_H
#define SOK_DATA_LIBRARY_H

#include "data/page.h"

struct sok_favorite {
    const char *id, *user_id, *media_id;
    int64_t added_at;
};
struct sok_watchlist_entry {
    const char *id, *user_id, *media_id;
    int64_t priority, added_at;
};

// Adding twice gives the entry that is there. *ret_is_new (may be NULL).
SOK_MUST_CHECK enum sok_status sok_favorites_add(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_favorite *favorite,
    struct sok_favorite *ret, bool *ret_is_new, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_favorites_remove(
    struct sok_db_tx *tx, const char *user_id, const char *media_id, struct sok_error *err);
// Sorts: added_at (own order, newest first), title, year, rating. Filters: sok_entry_filters.
SOK_MUST_CHECK enum sok_status sok_favorites_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_favorite **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);

// As above; adding again sets the priority. A priority of -1: 0 for a new entry, else what it has.
SOK_MUST_CHECK enum sok_status sok_watchlist_add(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_watchlist_entry *entry,
    struct sok_watchlist_entry *ret, bool *ret_is_new, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_watchlist_remove(
    struct sok_db_tx *tx, const char *user_id, const char *media_id, struct sok_error *err);
// Sorts: priority (own order, highest first), added_at, title, year, rating. Filters: those and priority,
// min_priority.
SOK_MUST_CHECK enum sok_status sok_watchlist_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_watchlist_entry **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);

#endif
