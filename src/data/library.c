#include "data/library.h"

#include <string.h>

#include "data/filter.h"

#define F(field, kind) SOK_COLUMN(sok_favorite, field, SOK_COLUMN_##kind)
static const struct sok_column favorite_columns[] = {
    F(id, TEXT), F(user_id, TEXT), F(media_id, TEXT), F(added_at, INT)};
#undef F
static const struct sok_table favorites = SOK_TABLE("library_favorites", sok_favorite, favorite_columns);

#define L(field, kind) SOK_COLUMN(sok_watchlist_entry, field, SOK_COLUMN_##kind)
static const struct sok_column watchlist_columns[] = {
    L(id, TEXT), L(user_id, TEXT), L(media_id, TEXT), L(priority, INT), L(added_at, INT)};
#undef L
static const struct sok_table watchlist =
    SOK_TABLE("library_watchlist", sok_watchlist_entry, watchlist_columns);

// Adds `record` unless the user has that work; then the row of theirs into *ret.
static enum sok_status add(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const void *record,
    const char *user_id, const char *media_id, const char *tail, void *ret, struct sok_error *err)
{
    SOK_TRY(sok_table_insert(tx, NULL, table, record, NULL, 0, tail, NULL, err));
    return sok_table_find(
        tx, arena, table, "entry", "WHERE user_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(media_id)), ret, err);
}

enum sok_status sok_favorites_add(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_favorite *favorite,
    struct sok_favorite *ret, bool *ret_is_new, struct sok_error *err)
{
    SOK_TRY(
        add(tx, arena, &favorites, favorite, favorite->user_id, favorite->media_id,
            "ON CONFLICT (user_id, media_id) DO NOTHING", ret, err));
    if (ret_is_new)
        *ret_is_new = strcmp(favorite->id, ret->id) == 0;
    return SOK_OK;
}

enum sok_status sok_favorites_remove(
    struct sok_db_tx *tx, const char *user_id, const char *media_id, struct sok_error *err)
{
    return sok_change_one(
        tx, "favorite", "DELETE FROM library_favorites WHERE user_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(media_id)), err);
}

enum sok_status sok_favorites_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_favorite **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {{"added_at", "added_at", false}, SOK_ENTRY_SORTS};
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "user_id = ?", user_id);
    sok_where_filters(&where, arena, sok_entry_filters, sok_entry_filter_count, page, err);
    return sok_page_list(
        tx, arena, &favorites, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count,
        ret_info, err);
}

enum sok_status sok_watchlist_add(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_watchlist_entry *entry,
    struct sok_watchlist_entry *ret, bool *ret_is_new, struct sok_error *err)
{
    struct sok_watchlist_entry added = *entry;
    const char *tail = "ON CONFLICT (user_id, media_id) DO UPDATE SET priority = excluded.priority";
    if (added.priority < 0) {
        added.priority = 0;
        tail = "ON CONFLICT (user_id, media_id) DO NOTHING";
    }
    SOK_TRY(add(tx, arena, &watchlist, &added, entry->user_id, entry->media_id, tail, ret, err));
    if (ret_is_new)
        *ret_is_new = strcmp(entry->id, ret->id) == 0;
    return SOK_OK;
}

enum sok_status sok_watchlist_remove(
    struct sok_db_tx *tx, const char *user_id, const char *media_id, struct sok_error *err)
{
    return sok_change_one(
        tx, "watchlist entry", "DELETE FROM library_watchlist WHERE user_id = $1 AND media_id = $2",
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(media_id)), err);
}

enum sok_status sok_watchlist_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_watchlist_entry **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"priority", "priority", false}, {"added_at", "added_at", false}, SOK_ENTRY_SORTS};
    static const struct sok_filter filters[] = {
        {"priority", SOK_FILTER_NUMBER, .condition = "priority = ?", .max = 100},
        {"min_priority", SOK_FILTER_NUMBER, .condition = "priority >= ?", .max = 100},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "user_id = ?", user_id);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    sok_where_filters(&where, arena, sok_entry_filters, sok_entry_filter_count, page, err);
    return sok_page_list(
        tx, arena, &watchlist, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count,
        ret_info, err);
}
