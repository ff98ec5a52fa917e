// Lists in pages: by number or by cursor, sorted by an allowed column, filtered by conditions put together
// here.
#ifndef SOK_DATA_PAGE_H
#define SOK_DATA_PAGE_H

#include "data/record.h"

struct sok_cache;

#define SOK_PAGE_DEFAULT 50
#define SOK_PAGE_MAX 200

// What a client asks for. Zeroes mean the defaults: first page of 50, the list's own order.
struct sok_page {
    int64_t page, per_page; // page counts from 1; per_page 1-200
    const char *cursor;     // from an earlier answer; wins over page
    const char *sort;       // "field" or "-field" (descending); SOK_INVALID when not in the list's table
    // The value of a filter (data/filter.h), NULL when there is none; may be NULL itself.
    const char *(*param)(const void *context, const char *name);
    const void *context;
    struct sok_cache *cache; // keeps what is costly and the same for everybody; NULL: nothing is kept
};

struct sok_page_info {
    int64_t page, per_page, total;
    const char *next_cursor; // NULL on the last page
};

// A column that may be sorted by. `expression` never gives NULL.
struct sok_sort {
    const char *name, *expression;
    bool is_text;
};

#define SOK_WHERE_MAX 40

// Conditions joined by AND. `text` holds "?" for each of its values.
struct sok_where {
    struct sok_buf sql;
    struct sok_db_value values[SOK_WHERE_MAX];
    size_t count;
    uint64_t list; // which list its cursors belong to; 0: told from the conditions and their values
};
void sok_where_init(struct sok_where *where);
void sok_where_done(struct sok_where *where);
#define SOK_WHERE_AUTO SOK_CLEANUP(sok_where_done) struct sok_where
void sok_where_add(struct sok_where *where, const char *condition, ...); // one struct sok_db_value a '?'
void sok_where_value(
    struct sok_where *where, const char *condition, struct sok_db_value value);         // each '?' is it
void sok_where_text(struct sok_where *where, const char *condition, const char *value); // not when NULL
void sok_where_min(struct sok_where *where, const char *condition, int64_t value);      // not when 0

// A number for these conditions and values (data/cursor.h).
uint64_t sok_where_list(struct sok_arena *arena, const struct sok_where *where);

// Lists `table` under `where`. sorts[0] is the list's own order, descending if `descending`; the last sort
// key is always the column `key` (unique). SOK_INVALID, with every wrong field noted, for an unknown sort, a
// cursor of another list, other filters or another order, and when a filter was refused before.
SOK_MUST_CHECK enum sok_status sok_page_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table,
    const struct sok_where *where, const struct sok_sort *sorts, size_t sort_count, bool descending,
    const char *key, const struct sok_page *page, void *ret_records, size_t *ret_count,
    struct sok_page_info *ret_info, struct sok_error *err);

#endif
