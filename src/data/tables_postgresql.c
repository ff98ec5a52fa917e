// Whole tables on PostgreSQL: rows go there as one JSON array per statement, since each statement is a
// journey to the server and a list of parameters would be prepared anew for each pattern of NULLs.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data/record.h"
#include "data/tables_private.h"

#define SQL_MAX_BYTES 16384
#define BATCH_ROWS 2000
#define CLAIM "6003127482651"         // a number of ours, for whoever makes a database anew
#define BATCH_BYTES ((size_t)1 << 20) // then it goes; one row may be larger

static const char *type_name(enum sok_db_type type)
{
    switch (type) {
    case SOK_DB_INT:
        return "BIGINT";
    case SOK_DB_REAL:
        return "DOUBLE PRECISION";
    case SOK_DB_BLOB:
        return "BYTEA";
    default:
        return "TEXT";
    }
}

static const char *insert_sql(struct sok_arena *arena, const struct sok_table_schema *table)
{
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX_BYTES);
    sok_buf_printf(&sql, "INSERT INTO %s (", table->name);
    sok_tables_columns(&sql, table);
    sok_buf_puts(&sql, ") SELECT ");
    sok_tables_columns(&sql, table);
    sok_buf_puts(&sql, " FROM json_to_recordset(CAST($1 AS JSON)) AS given (");
    for (size_t i = 0; i < table->column_count; i++)
        sok_buf_printf(
            &sql, "%s%s %s", i ? ", " : "", table->columns[i].name, type_name(table->columns[i].type));
    sok_buf_puts(&sql, ")");
    return sok_strndup(arena, sql.data, sql.len);
}

static void append_text(struct sok_buf *buf, const char *text, size_t len)
{
    sok_buf_puts(buf, "\"");
    for (size_t at = 0; at < len;) {
        size_t plain = at;
        while (plain < len && (unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        sok_buf_append(buf, text + at, plain - at);
        if (plain < len)
            sok_buf_printf(buf, "\\u%04x", (unsigned char)text[plain]);
        at = plain + 1;
    }
    sok_buf_puts(buf, "\"");
}

static void append_blob(struct sok_buf *buf, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char hex[512];
    sok_buf_puts(buf, "\"\\\\x");
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        for (; n < sizeof(hex) && at < len; at++) {
            hex[n++] = digits[(unsigned char)bytes[at] >> 4];
            hex[n++] = digits[(unsigned char)bytes[at] & 15];
        }
        sok_buf_append(buf, hex, n);
    }
    sok_buf_puts(buf, "\"");
}

static void append_value(struct sok_buf *buf, enum sok_db_type column, const struct sok_db_value *cell)
{
    switch (cell->type) {
    case SOK_DB_INT:
        sok_buf_printf(buf, "%" PRId64, cell->integer);
        return;
    case SOK_DB_REAL:
        sok_buf_printf(buf, "%.17g", cell->real);
        return;
    case SOK_DB_TEXT:
    case SOK_DB_BLOB:
        if (column == SOK_DB_BLOB)
            append_blob(buf, cell->text, cell->len);
        else
            append_text(buf, cell->text, cell->len);
        return;
    case SOK_DB_NULL:
    default:
        sok_buf_puts(buf, "null");
    }
}

static enum sok_status flush(struct sok_table_loader *loader, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result done = {0};
    if (loader->batch_rows == 0)
        return SOK_OK;
    sok_buf_puts(&loader->batch, "]");
    if (loader->batch.overflow)
        return sok_fail(err, SOK_TOO_LARGE, "a row of %.60s is too large", loader->table->name);
    struct sok_db_value rows = sok_db_text(loader->batch.data);
    SOK_TRY(sok_db_query(loader->tx, arena, loader->sql, &rows, 1, &done, err));
    loader->written += done.changed;
    loader->batch_rows = 0;
    sok_buf_clear(&loader->batch);
    return SOK_OK;
}

static enum sok_status add_row(
    struct sok_table_loader *loader, const struct sok_db_value *cells, struct sok_error *err)
{
    const struct sok_table_schema *table = loader->table;
    sok_buf_puts(&loader->batch, loader->batch_rows++ ? ",{" : "[{");
    const char *before = "";
    for (size_t i = 0; i < table->column_count; i++) {
        if (cells[i].type == SOK_DB_NULL)
            continue;
        sok_buf_printf(&loader->batch, "%s\"%s\":", before, table->columns[i].name);
        append_value(&loader->batch, table->columns[i].type, &cells[i]);
        before = ",";
    }
    sok_buf_puts(&loader->batch, "}");
    return loader->batch_rows >= BATCH_ROWS || loader->batch.len >= BATCH_BYTES ? flush(loader, err) : SOK_OK;
}

static enum sok_status renumber(struct sok_db_tx *tx, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND is_identity = 'YES'"));
    for (size_t row = 0; row < rows.row_count; row++) {
        const char *table = sok_db_get_text(&rows, row, 0), *column = sok_db_get_text(&rows, row, 1);
        const char *sql = sok_format(
            arena,
            "SELECT setval(pg_get_serial_sequence('%s', '%s'), COALESCE(max(%s), 1), max(%s) IS NOT NULL) "
            "FROM %s",
            table, column, column, column, table);
        SOK_TRY(sok_db_query(tx, NULL, sql, NULL, 0, NULL, err));
    }
    return SOK_OK;
}

static enum sok_status drop_all(struct sok_db_tx *tx, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "DO $$ DECLARE thing RECORD; BEGIN "
        "FOR thing IN SELECT c.oid::regclass AS name FROM pg_class AS c "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS "
        "(SELECT 1 FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e') "
        "LOOP EXECUTE 'DROP TABLE ' || thing.name || ' CASCADE'; END LOOP; "
        "FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc AS p "
        "WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f' AND NOT EXISTS "
        "(SELECT 1 FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e') "
        "LOOP EXECUTE 'DROP FUNCTION ' || thing.name || ' CASCADE'; END LOOP; END $$");
}

static enum sok_status take_time(struct sok_db_tx *tx, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, "SET LOCAL idle_in_transaction_session_timeout = 0");
}

static enum sok_status claim(struct sok_db_tx *tx, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "SET LOCAL lock_timeout = 60000"));
    return SOK_DB_QUERY(tx, NULL, NULL, err, "SELECT pg_advisory_xact_lock(" CLAIM ")");
}

static enum sok_status sessions(struct sok_db_tx *tx, int64_t *ret_count, struct sok_error *err)
{
    return sok_load_int(
        tx,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'sokoul' AND pid <> pg_backend_pid()",
        NULL, 0, ret_count, err);
}

const struct sok_tables_dialect sok_tables_postgresql = {
    .columns_sql =
        "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), format_type(a.atttypid, NULL), "
        "COALESCE(array_position(CAST(i.indkey AS SMALLINT[]), a.attnum) + 1, 0) FROM pg_class AS c "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary "
        "WHERE c.relnamespace = CAST(current_schema() AS REGNAMESPACE) AND c.relkind IN ('r', 'p') "
        "AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e') "
        "ORDER BY c.relname COLLATE \"C\", a.attnum",
    .references_sql = "SELECT CAST(f.relname AS TEXT), CAST(a.attname AS TEXT), CAST(t.relname AS TEXT) "
                      "FROM pg_constraint AS k JOIN pg_class AS f ON f.oid = k.conrelid "
                      "JOIN pg_class AS t ON t.oid = k.confrelid "
                      "JOIN pg_attribute AS a ON a.attrelid = f.oid AND a.attnum = k.conkey[1] "
                      "WHERE k.contype = 'f' AND f.relnamespace = CAST(current_schema() AS REGNAMESPACE)",
    .indexes_sql = "SELECT CAST(CAST(i.indexrelid AS REGCLASS) AS TEXT), pg_get_indexdef(i.indexrelid) "
                   "FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
                   "WHERE c.relnamespace = CAST(current_schema() AS REGNAMESPACE) AND NOT i.indisunique "
                   "ORDER BY c.relname COLLATE \"C\"",
    .insert_sql = insert_sql,
    .add_row = add_row,
    .flush = flush,
    .renumber = renumber,
    .drop_all = drop_all,
    .take_time = take_time,
    .claim = claim,
    .sessions = sessions,
};
