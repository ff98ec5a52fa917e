// The next page begins behind the place of the last row (data/cursor.h), whatever was inserted or deleted in
// between.
#include "data/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "data/changes.h"
#include "data/cursor.h"

#define SQL_MAX ((size_t)64 << 10)
#define COUNT_TTL_MS ((int64_t)3600 * 1000)

void sok_where_init(struct sok_where *where)
{
    *where = (struct sok_where){.count = 0};
    sok_buf_init(&where->sql, SQL_MAX);
}

void sok_where_done(struct sok_where *where)
{
    sok_buf_done(&where->sql);
}

static void add_value(struct sok_where *where, struct sok_db_value value)
{
    if (where->count == SOK_WHERE_MAX)
        sok_panic("too many conditions");
    where->values[where->count++] = value;
}

void sok_where_add(struct sok_where *where, const char *condition, ...)
{
    va_list values;
    va_start(values, condition);
    sok_buf_puts(&where->sql, where->sql.len ? " AND (" : "(");
    for (const char *at = condition; *at; at++) {
        if (*at != '?') {
            sok_buf_append(&where->sql, at, 1);
            continue;
        }
        add_value(where, va_arg(values, struct sok_db_value));
        sok_buf_printf(&where->sql, "$%zu", where->count);
    }
    sok_buf_puts(&where->sql, ")");
    va_end(values);
}

void sok_where_value(struct sok_where *where, const char *condition, struct sok_db_value value)
{
    bool is_used = strchr(condition, '?') != NULL;
    sok_buf_puts(&where->sql, where->sql.len ? " AND (" : "(");
    if (is_used)
        add_value(where, value);
    for (const char *at = condition; *at; at++) {
        if (*at == '?')
            sok_buf_printf(&where->sql, "$%zu", where->count);
        else
            sok_buf_append(&where->sql, at, 1);
    }
    sok_buf_puts(&where->sql, ")");
}

void sok_where_text(struct sok_where *where, const char *condition, const char *value)
{
    if (value)
        sok_where_add(where, condition, sok_db_text(value));
}

void sok_where_min(struct sok_where *where, const char *condition, int64_t value)
{
    if (value)
        sok_where_add(where, condition, sok_db_int(value));
}

struct order {
    const struct sok_sort *sort;
    bool descending;
    const char *key;
    bool key_is_text;
};

static enum sok_status choose_order(
    struct sok_arena *arena, const struct sok_table *table, const struct sok_sort *sorts, size_t sort_count,
    bool descending, const char *key, const char *wanted, struct order *ret, struct sok_error *err)
{
    *ret = (struct order){.sort = &sorts[0], .descending = descending, .key = key};
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, key) == 0)
            ret->key_is_text = table->columns[i].kind == SOK_COLUMN_TEXT;
    if (!wanted || !*wanted)
        return SOK_OK;
    ret->descending = wanted[0] == '-';
    const char *name = wanted + ret->descending;
    for (size_t i = 0; i < sort_count; i++) {
        if (strcmp(sorts[i].name, name) == 0) {
            ret->sort = &sorts[i];
            return SOK_OK;
        }
    }
    const char *known = sorts[0].name;
    for (size_t i = 1; i < sort_count; i++)
        known = sok_format(arena, "%s, %s", known, sorts[i].name);
    sok_fail_field(err, "sort", "unknown_sort", "must be one of %s; - before it: descending", known);
    return SOK_INVALID;
}

static const char *cell_text(struct sok_arena *arena, const struct sok_db_value *value)
{
    switch (value->type) {
    case SOK_DB_INT:
        return sok_format(arena, "%lld", (long long)value->integer);
    case SOK_DB_REAL:
        return sok_format(arena, "%.17g", value->real);
    case SOK_DB_TEXT:
        return value->text;
    default:
        return "";
    }
}

static struct sok_db_value cursor_value(const char *text, bool is_text)
{
    double real;
    int64_t integer;
    if (is_text)
        return sok_db_text(text);
    if (sok_parse_int(text, INT64_MIN, INT64_MAX, &integer))
        return sok_db_int(integer);
    if (sok_parse_double(text, -1e300, 1e300, &real))
        return sok_db_real(real);
    return sok_db_null();
}

uint64_t sok_where_list(struct sok_arena *arena, const struct sok_where *where)
{
    uint64_t list = sok_cursor_list(0, where->sql.len ? where->sql.data : "");
    for (size_t i = 0; i < where->count; i++)
        list = sok_cursor_list(list, cell_text(arena, &where->values[i]));
    return list;
}

// Adds the condition that skips what the cursor has behind it.
static enum sok_status add_cursor(
    struct sok_arena *arena, struct sok_where *where, const struct order *order, uint64_t list,
    const char *text, struct sok_error *err)
{
    struct sok_cursor cursor = {.list = list, .sort = order->sort->name, .descending = order->descending};
    SOK_TRY(sok_cursor_parse(arena, text, &cursor, err));
    char condition[512];
    snprintf(
        condition, sizeof(condition), "(%s, %s) %s (?, ?)", order->sort->expression, order->key,
        order->descending ? "<" : ">");
    sok_where_add(
        where, condition, cursor_value(cursor.value, order->sort->is_text),
        cursor_value(cursor.key, order->key_is_text));
    return SOK_OK;
}

// The cursor behind row `row` of a result whose last two columns are the sort value and the key. NULL when
// the value is too long.
static const char *make_cursor(
    struct sok_arena *arena, const struct order *order, uint64_t list, const struct sok_db_result *result,
    size_t row)
{
    const struct sok_db_value *cells = &result->cells[row * result->column_count + result->column_count - 2];
    return sok_cursor_format(
        arena, &(struct sok_cursor){
                   .list = list,
                   .sort = order->sort->name,
                   .descending = order->descending,
                   .value = cell_text(arena, &cells[0]),
                   .key = cell_text(arena, &cells[1])});
}

static enum sok_status count_rows(
    struct sok_db_tx *tx, const struct sok_table *table, const struct sok_where *where, int64_t *ret,
    struct sok_error *err)
{
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX);
    sok_buf_printf(&sql, "SELECT count(*) FROM %s", table->name);
    if (where->sql.len)
        sok_buf_printf(&sql, " WHERE %s", where->sql.data);
    return sok_load_int(tx, sql.data, where->values, where->count, ret, err);
}

// Counting walks the whole list, on each of its pages again: where lists are long (the catalogue), the count
// is kept.
static enum sok_status count_all(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table,
    const struct sok_where *where, struct sok_cache *cache, int64_t *ret, struct sok_error *err)
{
    if (!cache || strcmp(table->name, "media") != 0)
        return count_rows(tx, table, where, ret, err);
    const char *text, *what = where->sql.len ? where->sql.data : "";
    for (size_t i = 0; i < where->count; i++) { // with its length: "a\nb" and "a", "b" are two questions
        const char *value = cell_text(arena, &where->values[i]);
        what = sok_format(arena, "%s\n%zu %s", what, value ? strlen(value) : 0, value ? value : "");
    }
    const char *key = sok_changes_key(cache, arena, "media media_files", what);
    size_t len;
    if (sok_cache_get(cache, arena, "count", key, &text, &len, NULL) == SOK_OK &&
        sok_parse_int(text, 0, INT64_MAX, ret))
        return SOK_OK;
    SOK_TRY(count_rows(tx, table, where, ret, err));
    text = sok_format(arena, "%lld", (long long)*ret);
    sok_cache_put(cache, "count", key, text, strlen(text), COUNT_TTL_MS);
    return SOK_OK;
}

static enum sok_status query_page(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, struct sok_where *where,
    const struct order *order, int64_t limit, int64_t offset, struct sok_db_result *ret,
    struct sok_error *err)
{
    const char *way = order->descending ? "DESC" : "ASC";
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX);
    sok_buf_puts(&sql, "SELECT ");
    sok_table_columns(&sql, table);
    sok_buf_printf(&sql, ", %s, %s FROM %s", order->sort->expression, order->key, table->name);
    if (where->sql.len)
        sok_buf_printf(&sql, " WHERE %s", where->sql.data);
    sok_buf_printf(
        &sql, " ORDER BY %s %s, %s %s LIMIT %lld OFFSET %lld", order->sort->expression, way, order->key, way,
        (long long)limit, (long long)offset);
    if (sql.overflow)
        return sok_fail(err, SOK_INTERNAL, "a statement is too long");
    return sok_db_query(tx, arena, sql.data, where->values, where->count, ret, err);
}

static enum sok_status check_page(
    const struct sok_page *page, struct sok_page_info *ret, struct sok_error *err)
{
    *ret = (struct sok_page_info){
        .page = page && page->page ? page->page : 1,
        .per_page = page && page->per_page ? page->per_page : SOK_PAGE_DEFAULT,
    };
    if (ret->per_page < 1 || ret->per_page > SOK_PAGE_MAX)
        sok_fail_field(err, "per_page", "out_of_range", "per_page must be 1 to %d", SOK_PAGE_MAX);
    else if (ret->page < 1 || ret->page > INT64_MAX / SOK_PAGE_MAX)
        sok_fail_field(err, "page", "out_of_range", "page must be 1 or more");
    else
        return SOK_OK;
    return SOK_INVALID;
}

enum sok_status sok_page_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table,
    const struct sok_where *where, const struct sok_sort *sorts, size_t sort_count, bool descending,
    const char *key, const struct sok_page *page, void *ret_records, size_t *ret_count,
    struct sok_page_info *ret_info, struct sok_error *err)
{
    struct sok_page_info info;
    struct order order;
    enum sok_status status = check_page(page, &info, err);
    enum sok_status known =
        choose_order(arena, table, sorts, sort_count, descending, key, page ? page->sort : NULL, &order, err);
    if (err && err->field_count) // a filter may have been refused before
        return err->status;
    SOK_TRY(status != SOK_OK ? status : known);

    SOK_WHERE_AUTO narrowed;
    sok_where_init(&narrowed);
    memcpy(narrowed.values, where->values, sizeof(narrowed.values));
    narrowed.count = where->count;
    sok_buf_append(&narrowed.sql, where->sql.data, where->sql.len);
    bool has_cursor = page && !sok_text_empty(page->cursor);
    uint64_t list = sok_cursor_list(where->list ? where->list : sok_where_list(arena, where), table->name);
    if (has_cursor)
        SOK_TRY(add_cursor(arena, &narrowed, &order, list, page->cursor, err));
    SOK_TRY(count_all(tx, arena, table, where, page ? page->cache : NULL, &info.total, err));

    struct sok_db_result result = {0};
    int64_t offset = has_cursor ? 0 : (info.page - 1) * info.per_page;
    SOK_TRY(query_page(tx, arena, table, &narrowed, &order, info.per_page + 1, offset, &result, err));
    size_t count = result.row_count;
    if (count > (size_t)info.per_page) { // one more than asked for says that there is a next page
        count--;
        info.next_cursor = make_cursor(arena, &order, list, &result, count - 1);
    }
    char *records = sok_alloc_array(arena, count, table->record_bytes);
    for (size_t row = 0; row < count; row++)
        sok_table_map(table, &result, row, records + row * table->record_bytes);
    memcpy(ret_records, &records, sizeof(records));
    *ret_count = count;
    *ret_info = info;
    return SOK_OK;
}
