// What an engine gives to tables.c.
#ifndef SOK_DATA_TABLES_PRIVATE_H
#define SOK_DATA_TABLES_PRIVATE_H

#include "data/tables.h"

struct sok_tables_dialect {
    const char *columns_sql;    // (table, column, type, place in the primary key) by table and place
    const char *references_sql; // (table, column, the table it refers to)
    const char *indexes_sql;    // (name, the statement that makes it) of those that are not unique
    // The statement that writes rows, and what becomes of one.
    const char *(*insert_sql)(struct sok_arena *arena, const struct sok_table_schema *table);
    enum sok_status (*add_row)(
        struct sok_table_loader *loader, const struct sok_db_value *cells, struct sok_error *err);
    enum sok_status (*flush)(struct sok_table_loader *loader, struct sok_error *err);
    enum sok_status (*renumber)(struct sok_db_tx *tx, struct sok_error *err);
    enum sok_status (*drop_all)(struct sok_db_tx *tx, struct sok_error *err);
    enum sok_status (*take_time)(struct sok_db_tx *tx, struct sok_error *err);
    enum sok_status (*claim)(struct sok_db_tx *tx, struct sok_error *err);
    enum sok_status (*sessions)(struct sok_db_tx *tx, int64_t *ret_count, struct sok_error *err);
};

extern const struct sok_tables_dialect sok_tables_sqlite, sok_tables_postgresql;

// Appends the columns' names, "a, b, c".
void sok_tables_columns(struct sok_buf *buf, const struct sok_table_schema *table);

#endif
