#include "data/tables.h"

#include <string.h>

#include "base/text.h"
#include "data/tables_private.h"

#define SQL_MAX_BYTES 16384
#define BATCH_MAX_BYTES ((size_t)256 << 20) // one row at least: each value up to its own limit
#define OF_HEALTH_CHECKS "db_ping"

static const struct sok_tables_dialect *dialect_of(const struct sok_db_tx *tx)
{
    return strcmp(sok_db_tx_dialect(tx), "sqlite") == 0 ? &sok_tables_sqlite : &sok_tables_postgresql;
}

static bool read_type(const char *text, enum sok_db_type *ret)
{
    static const struct {
        const char *name;
        enum sok_db_type type;
    } types[] = {
        {"text", SOK_DB_TEXT},   {"bigint", SOK_DB_INT}, {"double precision", SOK_DB_REAL},
        {"integer", SOK_DB_INT}, {"bytea", SOK_DB_BLOB},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(types); i++) {
        if (sok_text_eq_nocase(types[i].name, text)) {
            *ret = types[i].type;
            return true;
        }
    }
    return false;
}

struct listing {
    struct sok_table_schema *tables;
    size_t count;
    size_t *refers; // refers[i * SOK_TABLES_MAX + n]: tables that table i refers to
    size_t *refer_count;
};

static enum sok_status add_column(
    struct sok_arena *arena, const struct sok_db_result *rows, size_t row, struct listing *listing,
    struct sok_error *err)
{
    const char *name = sok_db_get_text(rows, row, 0), *type = sok_db_get_text(rows, row, 2);
    struct sok_table_schema *table = listing->count ? &listing->tables[listing->count - 1] : NULL;
    if (!table || strcmp(table->name, name) != 0) {
        if (listing->count == SOK_TABLES_MAX)
            return sok_fail(err, SOK_TOO_LARGE, "the database has more than %d tables", SOK_TABLES_MAX);
        table = &listing->tables[listing->count++];
        table->name = name;
        table->columns = sok_alloc_array(arena, SOK_TABLE_COLUMNS_MAX, sizeof(*table->columns));
    }
    if (table->column_count == SOK_TABLE_COLUMNS_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "the table %.60s has too many columns", name);
    struct sok_table_column *column = &table->columns[table->column_count++];
    column->name = sok_db_get_text(rows, row, 1);
    column->key = sok_db_get_int(rows, row, 3);
    if (!read_type(type, &column->type))
        return sok_fail(
            err, SOK_UNSUPPORTED, "the column %.60s.%.60s has a type of its own: %.40s", name, column->name,
            type);
    return SOK_OK;
}

static enum sok_status list_columns(
    struct sok_db_tx *tx, struct sok_arena *arena, struct listing *listing, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(sok_db_query(tx, arena, dialect_of(tx)->columns_sql, NULL, 0, &rows, err));
    for (size_t row = 0; row < rows.row_count; row++)
        if (strcmp(sok_db_get_text(&rows, row, 0), OF_HEALTH_CHECKS) != 0)
            SOK_TRY(add_column(arena, &rows, row, listing, err));
    return SOK_OK;
}

static size_t place_of(const struct listing *listing, const char *name)
{
    size_t place = 0;
    while (place < listing->count && strcmp(listing->tables[place].name, name) != 0)
        place++;
    return place;
}

static enum sok_status list_references(
    struct sok_db_tx *tx, struct sok_arena *arena, struct listing *listing, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(sok_db_query(tx, arena, dialect_of(tx)->references_sql, NULL, 0, &rows, err));
    for (size_t row = 0; row < rows.row_count; row++) {
        size_t from = place_of(listing, sok_db_get_text(&rows, row, 0));
        size_t to = place_of(listing, sok_db_get_text(&rows, row, 2));
        if (from == listing->count || to == listing->count)
            continue;
        if (from == to)
            listing->tables[from].parent = sok_db_get_text(&rows, row, 1);
        else if (listing->refer_count[from] < SOK_TABLES_MAX)
            listing->refers[from * SOK_TABLES_MAX + listing->refer_count[from]++] = to;
    }
    return SOK_OK;
}

static bool may_follow(const struct listing *listing, size_t table, const bool *done)
{
    for (size_t i = 0; i < listing->refer_count[table]; i++)
        if (!done[listing->refers[table * SOK_TABLES_MAX + i]])
            return false;
    return true;
}

// By name among those that may be next. Tables that refer to each other in a circle would have no order.
static enum sok_status sort_tables(
    struct sok_arena *arena, const struct listing *listing, struct sok_table_schema **ret,
    struct sok_error *err)
{
    bool done[SOK_TABLES_MAX] = {false};
    struct sok_table_schema *sorted = sok_alloc_array(arena, listing->count, sizeof(*sorted));
    for (size_t count = 0; count < listing->count;) {
        size_t before = count;
        for (size_t i = 0; i < listing->count; i++) {
            if (done[i] || !may_follow(listing, i, done))
                continue;
            sorted[count++] = listing->tables[i];
            done[i] = true;
        }
        if (count == before)
            return sok_fail(err, SOK_UNSUPPORTED, "tables refer to each other in a circle");
    }
    *ret = sorted;
    return SOK_OK;
}

enum sok_status sok_tables_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_table_schema **ret, size_t *ret_count,
    struct sok_error *err)
{
    struct listing listing = {
        .tables = sok_alloc_array(arena, SOK_TABLES_MAX, sizeof(*listing.tables)),
        .refers = sok_alloc_array(arena, (size_t)SOK_TABLES_MAX * SOK_TABLES_MAX, sizeof(size_t)),
        .refer_count = sok_alloc_array(arena, SOK_TABLES_MAX, sizeof(size_t)),
    };
    SOK_TRY(list_columns(tx, arena, &listing, err));
    SOK_TRY(list_references(tx, arena, &listing, err));
    SOK_TRY(sort_tables(arena, &listing, ret, err));
    *ret_count = listing.count;
    return SOK_OK;
}

const struct sok_table_schema *sok_tables_find(
    const struct sok_table_schema *tables, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

void sok_tables_columns(struct sok_buf *buf, const struct sok_table_schema *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        sok_buf_printf(buf, "%s%s", i ? ", " : "", table->columns[i].name);
}

static void append_order(struct sok_buf *sql, const struct sok_table_schema *table)
{
    const char *before = " ORDER BY ";
    for (int64_t place = 1; place <= (int64_t)table->column_count; place++) {
        for (size_t i = 0; i < table->column_count; i++) {
            if (table->columns[i].key != place)
                continue;
            sok_buf_printf(sql, "%s%s", before, table->columns[i].name);
            before = ", ";
        }
    }
}

// Two scans rather than one sorted by both: each walks the primary key, and nothing is kept for sorting.
enum sok_status sok_tables_scan(
    struct sok_db_tx *tx, const struct sok_table_schema *table, sok_db_row row, void *context,
    struct sok_error *err)
{
    static const char *const conditions[] = {"IS NULL", "IS NOT NULL"};
    for (size_t i = 0; i < (table->parent ? 2 : 1); i++) {
        SOK_BUF_AUTO sql;
        sok_buf_init(&sql, SQL_MAX_BYTES);
        sok_buf_puts(&sql, "SELECT ");
        sok_tables_columns(&sql, table);
        sok_buf_printf(&sql, " FROM %s", table->name);
        if (table->parent)
            sok_buf_printf(&sql, " WHERE %s %s", table->parent, conditions[i]);
        append_order(&sql, table);
        if (sql.overflow)
            return sok_fail(err, SOK_TOO_LARGE, "the table %.60s has too many columns", table->name);
        SOK_TRY(sok_db_scan(tx, sql.data, row, context, err));
    }
    return SOK_OK;
}

void sok_table_loader_begin(
    struct sok_table_loader *loader, struct sok_db_tx *tx, struct sok_arena *arena,
    const struct sok_table_schema *table)
{
    *loader = (struct sok_table_loader){.tx = tx, .table = table};
    loader->sql = dialect_of(tx)->insert_sql(arena, table);
    sok_buf_init(&loader->batch, BATCH_MAX_BYTES);
}

enum sok_status sok_table_loader_row(
    struct sok_table_loader *loader, const struct sok_db_value *cells, struct sok_error *err)
{
    return dialect_of(loader->tx)->add_row(loader, cells, err);
}

enum sok_status sok_table_loader_end(struct sok_table_loader *loader, struct sok_error *err)
{
    return dialect_of(loader->tx)->flush(loader, err);
}

void sok_table_loader_done(struct sok_table_loader *loader)
{
    sok_buf_done(&loader->batch);
}

enum sok_status sok_tables_drop_indexes(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_table_indexes *ret, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(sok_db_query(tx, arena, dialect_of(tx)->indexes_sql, NULL, 0, &rows, err));
    ret->sql = sok_alloc_array(arena, rows.row_count, sizeof(*ret->sql));
    ret->count = rows.row_count;
    for (size_t row = 0; row < rows.row_count; row++) {
        const char *drop = sok_format(arena, "DROP INDEX %s", sok_db_get_text(&rows, row, 0));
        ret->sql[row] = sok_db_get_text(&rows, row, 1);
        SOK_TRY(sok_db_query(tx, NULL, drop, NULL, 0, NULL, err));
    }
    return SOK_OK;
}

enum sok_status sok_tables_make_indexes(
    struct sok_db_tx *tx, const struct sok_table_indexes *indexes, struct sok_error *err)
{
    for (size_t i = 0; i < indexes->count; i++)
        SOK_TRY(sok_db_query(tx, NULL, indexes->sql[i], NULL, 0, NULL, err));
    return SOK_OK;
}

enum sok_status sok_tables_renumber(struct sok_db_tx *tx, struct sok_error *err)
{
    return dialect_of(tx)->renumber(tx, err);
}

enum sok_status sok_tables_drop_all(struct sok_db_tx *tx, struct sok_error *err)
{
    return dialect_of(tx)->drop_all(tx, err);
}

enum sok_status sok_tables_take_time(struct sok_db_tx *tx, struct sok_error *err)
{
    return dialect_of(tx)->take_time(tx, err);
}

enum sok_status sok_tables_claim(struct sok_db_tx *tx, struct sok_error *err)
{
    return dialect_of(tx)->claim(tx, err);
}

enum sok_status sok_tables_sessions(struct sok_db_tx *tx, int64_t *ret_count, struct sok_error *err)
{
    return dialect_of(tx)->sessions(tx, ret_count, err);
}
