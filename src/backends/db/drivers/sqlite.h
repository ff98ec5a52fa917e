// The parts of the SQLite driver among themselves: sqlite.c (open, readers), sqlite_conn.c (one connection),
// sqlite_writer.c (the writer thread), sqlite_fs.c (where a database may lie).
#ifndef SOK_BACKENDS_DB_DRIVERS_SQLITE_H
#define SOK_BACKENDS_DB_DRIVERS_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "backends/db/driver.h"

#define SOK_SQLITE_STATEMENTS 96 // kept prepared per connection; the least recently used goes
#define SOK_SQLITE_PARAMS_MAX 128
#define SOK_SQLITE_READERS_MAX 32
#define SOK_SQLITE_QUERY_MS 10000 // a statement that runs longer is interrupted
#define SOK_SQLITE_BUSY_MS 5000   // another process may hold the write lock so long
#define SOK_SQLITE_WRITES_MAX 1024
#define SOK_SQLITE_BATCH_MAX 128

// --- One connection; used by one thread at a time.

struct sok_sqlite_statement {
    sqlite3_stmt *handle;
    uint64_t hash, used;                         // of its text; the tick of its last use
    unsigned char places[SOK_SQLITE_PARAMS_MAX]; // places[i]: which $n the i-th bind parameter is
    int param_count;
};

struct sok_sqlite_conn {
    sqlite3 *handle;
    bool can_write;
    uint64_t tick;
    int64_t deadline_ms; // monotonic; of the statement that runs
    struct sok_sqlite_statement statements[SOK_SQLITE_STATEMENTS];
    size_t statement_count;
};

enum sok_status sok_sqlite_conn_open(
    const char *path, bool can_write, struct sok_sqlite_conn **ret, struct sok_error *err);
struct sok_sqlite_conn *sok_sqlite_conn_close(struct sok_sqlite_conn *conn);
enum sok_status sok_sqlite_conn_query(
    struct sok_sqlite_conn *conn, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err);
// A SELECT without parameters and without a time limit, row by row.
enum sok_status sok_sqlite_conn_scan(
    struct sok_sqlite_conn *conn, const char *sql, sok_db_row row, void *context, struct sok_error *err);
// Statements without parameters or rows: BEGIN, PRAGMA, ...
enum sok_status sok_sqlite_conn_run(struct sok_sqlite_conn *conn, const char *sql, struct sok_error *err);
// Makes fold, titles_match and titles_rank (db.h) known to a connection.
enum sok_status sok_sqlite_add_functions(sqlite3 *handle, struct sok_error *err);
// What SQLite's result code means to a caller. `handle` gives the operating system's reason; may be NULL.
enum sok_status sok_sqlite_fail(sqlite3 *handle, int code, struct sok_error *err);

// --- The writer.

struct sok_sqlite_writer;
enum sok_status sok_sqlite_writer_start(
    struct sok_db *db, struct sok_sqlite_conn *conn_taken, struct sok_sqlite_writer **ret,
    struct sok_error *err);
// Finishes what is queued, then closes the connection.
struct sok_sqlite_writer *sok_sqlite_writer_stop(struct sok_sqlite_writer *writer);
enum sok_status sok_sqlite_write(
    struct sok_sqlite_writer *writer, sok_db_body body, void *context, int64_t wait_ms,
    struct sok_error *err);
// The connection of a write transaction, or NULL when `tx` is not this writer's.
enum sok_status sok_sqlite_writer_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err);

// --- Where it may lie.

// SOK_UNSUPPORTED, naming it, for a file system on which SQLite's locks or shared memory cannot be relied on.
// `magic` is statfs's f_type, `type` the mount's type for FUSE (may be NULL).
enum sok_status sok_sqlite_check_fs_type(uint64_t magic, const char *type, struct sok_error *err);
enum sok_status sok_sqlite_check_fs(const char *path, struct sok_error *err);

#endif
