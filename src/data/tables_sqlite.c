// Whole tables on SQLite: one statement a row, prepared once. The full-text index grows with the rows by its
// triggers, and rows are numbered behind the highest number without being told.
#include "data/tables_private.h"

#define SQL_MAX_BYTES 16384

static const char *insert_sql(struct sok_arena *arena, const struct sok_table_schema *table)
{
    SOK_BUF_AUTO sql;
    sok_buf_init(&sql, SQL_MAX_BYTES);
    sok_buf_printf(&sql, "INSERT INTO %s (", table->name);
    sok_tables_columns(&sql, table);
    sok_buf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < table->column_count; i++)
        sok_buf_printf(&sql, "%s$%zu", i ? ", " : "", i + 1);
    sok_buf_puts(&sql, ")");
    return sok_strndup(arena, sql.data, sql.len);
}

static enum sok_status add_row(
    struct sok_table_loader *loader, const struct sok_db_value *cells, struct sok_error *err)
{
    SOK_TRY(sok_db_query(loader->tx, NULL, loader->sql, cells, loader->table->column_count, NULL, err));
    loader->written++;
    return SOK_OK;
}

static enum sok_status flush(struct sok_table_loader *loader, struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status renumber(struct sok_db_tx *tx, struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status drop_all(struct sok_db_tx *tx, struct sok_error *err)
{
    return sok_fail(err, SOK_UNSUPPORTED, "a database of SQLite is replaced by a new file");
}

static enum sok_status take_time(struct sok_db_tx *tx, struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status claim(struct sok_db_tx *tx, struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status sessions(struct sok_db_tx *tx, int64_t *ret_count, struct sok_error *err)
{
    *ret_count = 0;
    return SOK_OK;
}

const struct sok_tables_dialect sok_tables_sqlite = {
    .columns_sql =
        "SELECT t.name, c.name, c.type, c.pk FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c "
        "WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY t.name, c.cid",
    .references_sql =
        "SELECT t.name, f.\"from\", f.\"table\" FROM pragma_table_list AS t "
        "JOIN pragma_foreign_key_list(t.name) AS f WHERE t.schema = 'main' AND t.type = 'table'",
    .indexes_sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL "
                   "AND sql NOT LIKE 'CREATE UNIQUE %' ORDER BY name",
    .insert_sql = insert_sql,
    .add_row = add_row,
    .flush = flush,
    .renumber = renumber,
    .drop_all = drop_all,
    .take_time = take_time,
    .claim = claim,
    .sessions = sessions,
};
