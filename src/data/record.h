// Rows as structs: a table of columns maps a C struct to a database table, so that each file here holds only
// its queries.
#ifndef SOK_DATA_RECORD_H
#define SOK_DATA_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/db/db.h"
#include "base/buf.h"

// A blob field of a record.
struct sok_bytes {
    const void *data;
    size_t len;
};

enum sok_column_kind {
    SOK_COLUMN_TEXT,     // const char *, NULL is NULL
    SOK_COLUMN_LIST,     // const char *, JSON; NULL is written as []
    SOK_COLUMN_OBJECT,   // const char *, JSON; NULL is written as {}
    SOK_COLUMN_INT,      // int64_t
    SOK_COLUMN_OPT,      // int64_t, 0 is NULL: times, optional sizes
    SOK_COLUMN_NATURAL,  // int64_t, -1 is NULL: seasons, seeders, where 0 means something
    SOK_COLUMN_REAL,     // double
    SOK_COLUMN_OPT_REAL, // double, 0 is NULL
    SOK_COLUMN_BOOL,     // bool
    SOK_COLUMN_BLOB      // struct sok_bytes, empty is NULL
};

struct sok_column {
    const char *name;
    size_t offset;
    enum sok_column_kind kind;
    bool is_fixed; // written once, not by updates
};
#define SOK_COLUMN(record, field, column_kind)                                        \
    {                                                                                 \
        .name = #field, .kind = column_kind, .offset = offsetof(struct record, field) \
    }
#define SOK_COLUMN_FIXED(record, field, column_kind)                                                    \
    {                                                                                                   \
        .name = #field, .kind = column_kind, .offset = offsetof(struct record, field), .is_fixed = true \
    }

// The first column is the key.
struct sok_table {
    const char *name;
    const struct sok_column *columns;
    size_t column_count;
    size_t record_bytes;
    bool key_is_generated; // by the database: an insert leaves it out
};
#define SOK_TABLE(table_name, record, column_list)                                              \
    {                                                                                           \
        .name = table_name, .columns = column_list, .column_count = SOK_ARRAY_LEN(column_list), \
        .record_bytes = sizeof(struct record)                                                   \
    }

// Appends "a, b, c".
void sok_table_columns(struct sok_buf *buf, const struct sok_table *table);

// One row of a result whose first columns are the table's.
void sok_table_map(
    const struct sok_table *table, const struct sok_db_result *result, size_t row, void *ret_record);

// "SELECT columns FROM table " + tail ("WHERE id = $1 ORDER BY ..."). *ret_records: an array of the table's
// struct in the arena.
SOK_MUST_CHECK enum sok_status sok_table_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *tail,
    const struct sok_db_value *params, size_t param_count, void *ret_records, size_t *ret_count,
    struct sok_error *err);

// The first row of the same into *ret_record; SOK_NOT_FOUND ("no such <what>") without one.
SOK_MUST_CHECK enum sok_status sok_table_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *what,
    const char *tail, const struct sok_db_value *params, size_t param_count, void *ret_record,
    struct sok_error *err);

// A statement that ends in RETURNING: `sql` + the table's columns. Otherwise as sok_table_find.
SOK_MUST_CHECK enum sok_status sok_table_returning(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const char *what,
    const char *sql, const struct sok_db_value *params, size_t param_count, void *ret_record,
    struct sok_error *err);

// A column that the struct does not have, such as a folded copy for comparing.
struct sok_extra {
    const char *column;
    struct sok_db_value value;
};

// INSERT of all columns and the extras + tail (ON CONFLICT ..., RETURNING ..., or ""). arena and ret may be
// NULL.
SOK_MUST_CHECK enum sok_status sok_table_insert(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_table *table, const void *record,
    const struct sok_extra *extras, size_t extra_count, const char *tail, struct sok_db_result *ret,
    struct sok_error *err);

// UPDATE by the key of all columns that are not fixed, and of the extras; SOK_NOT_FOUND when no row has it.
SOK_MUST_CHECK enum sok_status sok_table_update(
    struct sok_db_tx *tx, const struct sok_table *table, const char *what, const void *record,
    const struct sok_extra *extras, size_t extra_count, struct sok_error *err);

// A parameter list for the calls above: SOK_PARAMS(sok_db_text(id), sok_db_int(n)).
#define SOK_PARAMS(...)                                                         \
    (const struct sok_db_value[]){{0} __VA_OPT__(, ) __VA_ARGS__} + 1,          \
        sizeof((const struct sok_db_value[]){{0} __VA_OPT__(, ) __VA_ARGS__}) / \
                sizeof(struct sok_db_value) -                                   \
            1

// A write of one row by key that must be there: runs `sql`, SOK_NOT_FOUND ("no such <what>") when it changed
// none.
SOK_MUST_CHECK enum sok_status sok_change_one(
    struct sok_db_tx *tx, const char *what, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_error *err);

// Runs `sql` and gives the one number of its one row, or rows changed by it.
SOK_MUST_CHECK enum sok_status sok_load_int(
    struct sok_db_tx *tx, const char *sql, const struct sok_db_value *params, size_t param_count,
    int64_t *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_count_changes(
    struct sok_db_tx *tx, const char *sql, const struct sok_db_value *params, size_t param_count,
    int64_t *ret_changed, struct sok_error *err);

#endif
