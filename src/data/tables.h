// Whole tables, whatever they are: the schema as the database itself tells it, every row of a table, and the
// same rows written into another database. For backups and for moving from one engine to another
// (services/backup); everything else uses the file of its table.
//
// What one engine alone understands is in tables_sqlite.c and tables_postgresql.c.
#ifndef SOK_DATA_TABLES_H
#define SOK_DATA_TABLES_H

#include "backends/db/db.h"
#include "base/buf.h"

#define SOK_TABLES_MAX 200
#define SOK_TABLE_COLUMNS_MAX 100
#define SOK_TABLE_NAME_MAX 60
// Of one text or blob. What the program stores is far smaller: a torrent file has at most 16 MiB.
#define SOK_TABLE_VALUE_MAX_BYTES ((size_t)64 << 20)

struct sok_table_column {
    const char *name;
    enum sok_db_type type;
    int64_t key; // its place in the primary key, from 1; 0: none
};

struct sok_table_schema {
    const char *name;
    struct sok_table_column *columns;
    size_t column_count;
    const char *parent; // the column that refers to the table itself; NULL: none
};

// Every table of the schema but the one of health checks, those that others refer to first; full-text indexes
// are not among them. In the arena.
SOK_MUST_CHECK enum sok_status sok_tables_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_table_schema **ret, size_t *ret_count,
    struct sok_error *err);

// The table of that name, or NULL.
const struct sok_table_schema *sok_tables_find(
    const struct sok_table_schema *tables, size_t count, const char *name);

// Hands over every row by its primary key (rows that refer to others of the table come last), the cells in
// the order of table->columns. Inside sok_db_read only. Errors as sok_db_scan's.
SOK_MUST_CHECK enum sok_status sok_tables_scan(
    struct sok_db_tx *tx, const struct sok_table_schema *table, sok_db_row row, void *context,
    struct sok_error *err);

// Writes rows into one table, several with one statement where that is quicker. One thread, inside one write
// transaction.
struct sok_table_loader {
    struct sok_db_tx *tx;
    const struct sok_table_schema *table;
    const char *sql;
    struct sok_buf batch;
    size_t batch_rows;
    int64_t written; // rows that the database says it wrote
};

// The table must be empty. The columns are written in the order of table->columns. `arena` lives as long as
// the loader.
void sok_table_loader_begin(
    struct sok_table_loader *loader, struct sok_db_tx *tx, struct sok_arena *arena,
    const struct sok_table_schema *table);
SOK_MUST_CHECK enum sok_status sok_table_loader_row(
    struct sok_table_loader *loader, const struct sok_db_value *cells, struct sok_error *err);
// Writes what is left. The loader is done with, also after a failure anywhere.
SOK_MUST_CHECK enum sok_status sok_table_loader_end(struct sok_table_loader *loader, struct sok_error *err);
void sok_table_loader_done(struct sok_table_loader *loader);

// Indexes that find rows and forbid none: a table is filled in less time without, and each is made in one go
// afterwards. In the arena.
struct sok_table_indexes {
    const char **sql; // that makes each
    size_t count;
};
SOK_MUST_CHECK enum sok_status sok_tables_drop_indexes(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_table_indexes *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_tables_make_indexes(
    struct sok_db_tx *tx, const struct sok_table_indexes *indexes, struct sok_error *err);

// After the last table: what numbers rows by itself goes on behind the highest number.
SOK_MUST_CHECK enum sok_status sok_tables_renumber(struct sok_db_tx *tx, struct sok_error *err);

// Drops every table and function of the database, of the program's or not: PostgreSQL, where a database is
// made anew within a transaction. SOK_UNSUPPORTED on SQLite, where a new file is.
SOK_MUST_CHECK enum sok_status sok_tables_drop_all(struct sok_db_tx *tx, struct sok_error *err);

// For a transaction that also waits for other things than the database, such as files being written: it is
// not ended for its idleness. Nothing on SQLite.
SOK_MUST_CHECK enum sok_status sok_tables_take_time(struct sok_db_tx *tx, struct sok_error *err);

// One at a time makes a database anew: waits for another that does until its transaction is over, a kill of
// its process included. SOK_UNAVAILABLE or SOK_TIMEOUT after a minute at most. Nothing on SQLite.
SOK_MUST_CHECK enum sok_status sok_tables_claim(struct sok_db_tx *tx, struct sok_error *err);

// How many other sessions of the program the database has, as far as it tells: 0 on SQLite.
SOK_MUST_CHECK enum sok_status sok_tables_sessions(
    struct sok_db_tx *tx, int64_t *ret_count, struct sok_error *err);

#endif
