#include "data/record.h"

#include <string.h>

#define SQL_MAX ((size_t)64 << 10)
#define COLUMNS_MAX 64

void sok_table_columns(struct sok_buf *buf, const struct sok_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        sok_buf_printf(buf, "%s%s", i ? ", " : "", table->columns[i].name);
}

static struct sok_db_value read_field(const struct sok_column *column, const void *record)
{
    const void *field = (const char *)record + column->offset;
    const char *text;
    const struct sok_bytes *bytes;
    int64_t number;
    switch (column->kind) {
    case SOK_COLUMN_TEXT:
        return sok_db_text(*(const char *const *)field);
    case SOK_COLUMN_LIST:
    case SOK_COLUMN_OBJECT:
        text = *(const char *const *)field;
        return sok_db_text(text ? text : column->kind == SOK_COLUMN_LIST ? "[]" : "{}");
    case SOK_COLUMN_INT:
        return sok_db_int(*(const int64_t *)field);
    case SOK_COLUMN_OPT:
        return sok_db_id(*(const int64_t *)field);
    case SOK_COLUMN_NATURAL:
        number = *(const int64_t *)field;
        return number < 0 ? sok_db_null() : sok_db_int(number);
    case SOK_COLUMN_REAL:
        return sok_db_real(*(const double *)field);
    case SOK_COLUMN_OPT_REAL:
        return *(const double *)field != 0 ? sok_db_real(*(const double *)field) : sok_db_null();
    case SOK_COLUMN_BOOL:
        return sok_db_int(*(const bool *)field);
    case SOK_COLUMN_BLOB:
        bytes = field;
        return bytes->len ? sok_db_blob(bytes->data, bytes->len) : sok_db_null();
    }
    sok_panic("a column of unknown kind");
}

static void write_field(
    const struct sok_column *column, const struct sok_db_result *result, size_t row, size_t place,
    void *record)
{
    void *field = (char *)record + column->offset;
    const struct sok_db_value *value = &result->cells[row * result->column_count + place];
    switch (column->kind) {
    case SOK_COLUMN_TEXT:
    case SOK_COLUMN_LIST:
    case SOK_COLUMN_OBJECT:
        *(const char **)field = sok_db_get_text(result, row, place);
        return;
    case SOK_COLUMN_INT:
    case SOK_COLUMN_OPT:
        *(int64_t *)field = sok_db_get_int(result, row, place);
        return;
    case SOK_COLUMN_NATURAL:
        *(int64_t *)field = value->type == SOK_DB_NULL ? -1 : sok_db_get_int(result, row, place);
        return;
    case SOK_COLUMN_REAL:
    case SOK_COLUMN_OPT_REAL:
        *(double *)field = sok_db_get_real(result, row, place);
        return;
    case SOK_COLUMN_BOOL:
        *(bool *)field = sok_db_get_int(result, row, place) != 0;
        return;
    case SOK_COLUMN_BLOB:
        *(struct sok_bytes *)field = (struct sok_bytes){value->text, value->text ? value->len : 0};
        return;
    }
}

void sok_table_map(
    const struct sok_table *table, const struct sok_db_result *result, size_t row, void *ret_record)
{
    if (result->column_count < table->column_count)
        sok_panic("a result with too few columns for %s", table->name);
    for (size_t i = 0; i < table->column_count; i++)
        write_field(&table->columns[i], result, row, i, ret_record);
}

static enum sok_status not_found(const char *what, struct sok_error *err)
{
    return sok_fail(err, SOK_NOT_FOUND, "no such %s", what);
}

static enum sok_status query_buf(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_buf *sql,
    const struct sok_db_value *params, size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    if (sql->overflow)
        return sok_fail(err, SOK_INTERNAL, "a statement is too long");
    return sok_db_query(tx, arena, sql->data, params, param_count, ret, err);
}

enum sok_status sok_table_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *tail,
    const struct sok_db_value *params, size_t param_count, void *ret_records, size_t *ret_count,
    struct sok_error *err)
{
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX);
    sok_buf_puts(&sql, "SELECT ");
    sok_table_columns(&sql, table);
    sok_buf_printf(&sql, " FROM %s %s", table->name, tail);
    struct sok_db_result result = {0};
    SOK_TRY(query_buf(tx, arena, &sql, params, param_count, &result, err));
    char *records = sok_alloc_array(arena, result.row_count, table->record_bytes);
    for (size_t row = 0; row < result.row_count; row++)
        sok_table_map(table, &result, row, records + row * table->record_bytes);
    memcpy(ret_records, &records, sizeof(records));
    *ret_count = result.row_count;
    return SOK_OK;
}

enum sok_status sok_table_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *what,
    const char *tail, const struct sok_db_value *params, size_t param_count, void *ret_record,
    struct sok_error *err)
{
    void *records = NULL;
    size_t count = 0;
    SOK_TRY(sok_table_list(tx, arena, table, tail, params, param_count, &records, &count, err));
    if (count == 0)
        return not_found(what, err);
    memcpy(ret_record, records, table->record_bytes);
    return SOK_OK;
}

enum sok_status sok_table_returning(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *what,
    const char *sql, const struct sok_db_value *params, size_t param_count, void *ret_record,
    struct sok_error *err)
{
    SOK_BUF_AUTO text;
    sok_buf_init(&text, SQL_MAX);
    sok_buf_printf(&text, "%s RETURNING ", sql);
    sok_table_columns(&text, table);
    struct sok_db_result result = {0};
    SOK_TRY(query_buf(tx, arena, &text, params, param_count, &result, err));
    if (result.row_count == 0)
        return not_found(what, err);
    sok_table_map(table, &result, 0, ret_record);
    return SOK_OK;
}

// The columns and values of an insert or update in the order of their parameters.
struct fields {
    const char *names[COLUMNS_MAX];
    struct sok_db_value values[COLUMNS_MAX];
    size_t count;
};

static void add_field(struct fields *fields, const char *name, struct sok_db_value value)
{
    if (fields->count == COLUMNS_MAX)
        sok_panic("too many columns");
    fields->names[fields->count] = name;
    fields->values[fields->count++] = value;
}

static void collect_fields(
    struct fields *fields, const struct sok_table *table, const void *record, size_t first_column,
    bool with_fixed, const struct sok_extra *extras, size_t extra_count)
{
    for (size_t i = first_column; i < table->column_count; i++)
        if (with_fixed || !table->columns[i].is_fixed)
            add_field(fields, table->columns[i].name, read_field(&table->columns[i], record));
    for (size_t i = 0; i < extra_count; i++)
        add_field(fields, extras[i].column, extras[i].value);
}

enum sok_status sok_table_insert(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const void *record,
    const struct sok_extra *extras, size_t extra_count, const char *tail, struct sok_db_result *ret,
    struct sok_error *err)
{
    struct fields fields = {.count = 0};
    collect_fields(&fields, table, record, table->key_is_generated ? 1 : 0, true, extras, extra_count);
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX);
    sok_buf_printf(&sql, "INSERT INTO %s (", table->name);
    for (size_t i = 0; i < fields.count; i++)
        sok_buf_printf(&sql, "%s%s", i ? ", " : "", fields.names[i]);
    sok_buf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < fields.count; i++)
        sok_buf_printf(&sql, "%s$%zu", i ? ", " : "", i + 1);
    sok_buf_printf(&sql, ") %s", tail);
    return query_buf(tx, arena, &sql, fields.values, fields.count, ret, err);
}

enum sok_status sok_table_update(
    struct sok_db_tx *tx, const struct sok_table *table, const char *what, const void *record,
    const struct sok_extra *extras, size_t extra_count, struct sok_error *err)
{
    struct fields fields = {.count = 0};
    add_field(&fields, table->columns[0].name, read_field(&table->columns[0], record));
    collect_fields(&fields, table, record, 1, false, extras, extra_count);
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX);
    sok_buf_printf(&sql, "UPDATE %s SET ", table->name);
    for (size_t i = 1; i < fields.count; i++)
        sok_buf_printf(&sql, "%s%s = $%zu", i > 1 ? ", " : "", fields.names[i], i + 1);
    sok_buf_printf(&sql, " WHERE %s = $1", fields.names[0]);
    struct sok_db_result result = {0};
    SOK_TRY(query_buf(tx, NULL, &sql, fields.values, fields.count, &result, err));
    return result.changed ? SOK_OK : not_found(what, err);
}

enum sok_status sok_change_one(
    struct sok_db_tx *tx, const char *what, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_error *err)
{
    int64_t changed;
    SOK_TRY(sok_count_changes(tx, sql, params, param_count, &changed, err));
    return changed ? SOK_OK : not_found(what, err);
}

enum sok_status sok_count_changes(
    struct sok_db_tx *tx, const char *sql, const struct sok_db_value *params, size_t param_count,
    int64_t *ret_changed, struct sok_error *err)
{
    struct sok_db_result result = {0};
    SOK_TRY(sok_db_query(tx, NULL, sql, params, param_count, &result, err));
    if (ret_changed)
        *ret_changed = result.changed;
    return SOK_OK;
}

enum sok_status sok_load_int(
    struct sok_db_tx *tx, const char *sql, const struct sok_db_value *params, size_t param_count,
    int64_t *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result result = {0};
    SOK_TRY(sok_db_query(tx, arena, sql, params, param_count, &result, err));
    if (result.row_count != 1)
        return sok_fail(err, SOK_INTERNAL, "a query for one number gave %zu rows", result.row_count);
    *ret = sok_db_get_int(&result, 0, 0);
    return SOK_OK;
}
