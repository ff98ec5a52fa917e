// The database: one interface, a driver for each engine (drivers/sqlite.c, drivers/postgres.c;
// drivers/failing.c breaks on purpose).
//
// SQL is written in the dialect both engines share: parameters are $1, $2, ...; times are BIGINT
// milliseconds, ids TEXT, booleans INTEGER 0/1, JSON TEXT; ON CONFLICT and RETURNING are allowed. All product
// SQL lives in data/.
//
// Beside SQL's own functions each engine has fold(text), titles_match(titles, text) and titles_rank(titles,
// text): sok_text_fold, sok_titles_match (1 or 0) and sok_titles_rank (base/similar.h), in queries only.
//
// Reads go to a connection of a bounded pool, made when needed. Writes are functions that run inside one
// transaction, as if it were alone: SQLite runs them on its single writer thread, many in one commit;
// PostgreSQL runs them side by side and again when two could not both have happened. sok_db_write returns
// only after the commit is on disk.
#ifndef SOK_BACKENDS_DB_DB_H
#define SOK_BACKENDS_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "runtime/metrics.h"

enum sok_db_type { SOK_DB_NULL, SOK_DB_INT, SOK_DB_REAL, SOK_DB_TEXT, SOK_DB_BLOB };

// A parameter or a cell. Text is NUL-terminated; a blob has `len`. Borrowed until the call returns
// (parameters) or the arena ends (cells).
struct sok_db_value {
    enum sok_db_type type;
    int64_t integer;
    double real;
    const char *text;
    size_t len;
};

static inline struct sok_db_value sok_db_int(int64_t value)
{
    return (struct sok_db_value){.type = SOK_DB_INT, .integer = value};
}
static inline struct sok_db_value sok_db_real(double value)
{
    return (struct sok_db_value){.type = SOK_DB_REAL, .real = value};
}
static inline struct sok_db_value sok_db_text(const char *text) // NULL becomes SQL NULL
{
    return (struct sok_db_value){.type = text ? SOK_DB_TEXT : SOK_DB_NULL, .text = text};
}
static inline struct sok_db_value sok_db_null(void)
{
    return (struct sok_db_value){.type = SOK_DB_NULL};
}
static inline struct sok_db_value sok_db_blob(const void *bytes, size_t len)
{
    return (struct sok_db_value){.type = SOK_DB_BLOB, .text = (const char *)bytes, .len = len};
}
static inline struct sok_db_value sok_db_id(int64_t value) // 0 becomes SQL NULL: for optional numbers
{
    return value ? sok_db_int(value) : sok_db_null();
}

// At most SOK_DB_ROWS_MAX rows; a query that gives more fails with SOK_TOO_LARGE (page it).
#define SOK_DB_ROWS_MAX 100000
struct sok_db_result {
    size_t row_count, column_count;
    int64_t changed; // rows written, for INSERT, UPDATE, DELETE
    struct sok_db_value *cells;
};

// A cell as the wanted type: NULL text is NULL, NULL numbers are 0. Out of range panics.
const char *sok_db_get_text(const struct sok_db_result *result, size_t row, size_t column);
int64_t sok_db_get_int(const struct sok_db_result *result, size_t row, size_t column);
double sok_db_get_real(const struct sok_db_result *result, size_t row, size_t column);

struct sok_db;
struct sok_db_tx; // a transaction, or the autocommitting read side: what data/ functions take

// Whether such a URL can be meant, without opening it: a driver has its scheme and understands the rest. The
// message names no setting, and no secret of the URL.
SOK_MUST_CHECK enum sok_status sok_db_check_url(const char *url, struct sok_error *err);

// err->code when the database's server is away: nothing that the caller did, and over by itself.
#define SOK_DB_AWAY "database_away"

struct sok_db_options {
    const char *url;             // "sqlite:PATH", "postgresql://USER:PASSWORD@HOST/NAME"
    const char *replica_urls;    // "postgresql://...", comma-separated; may be NULL
    struct sok_metrics *metrics; // may be NULL
    int64_t pool_min, pool_max;  // connections to PostgreSQL; 0: 5 and 20
    int64_t query_ms;            // PostgreSQL: how long a statement may take; 0: 10 s
};

// Opens and checks (SQLite: refuses a network filesystem and a file that is damaged; a database that a newer
// version wrote is data/migrate.c's to refuse). SOK_UNAVAILABLE when the server cannot be reached. Blocks.
// Owned by the caller; close when no thread uses it.
SOK_MUST_CHECK enum sok_status sok_db_open_with(
    const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_db_open(
    const char *url, struct sok_metrics *metrics, struct sok_db **ret, struct sok_error *err);
struct sok_db *sok_db_close(struct sok_db *db);

// "sqlite" or "postgresql": for choosing a query, in data/ only.
const char *sok_db_dialect(const struct sok_db *db);
const char *sok_db_tx_dialect(const struct sok_db_tx *tx);

// The read side as a sok_db_tx: each query sees the newest commit. Any thread; borrowed from db.
struct sok_db_tx *sok_db_reader(struct sok_db *db);

// The same for reads that are worth a way around: lists, searches by title, sums. A replica may answer, one
// that has replayed every commit there was when the query began (docs/adr/replicas.md); else the primary, and
// always where there is no replica.
struct sok_db_tx *sok_db_replica_reader(struct sok_db *db);

// How many callers a server answers at a time; 0: where that has no bound of its own.
size_t sok_db_pool_size(const struct sok_db *db);

// Runs one statement. Inside a write transaction it may change data; on the reader it may only read
// (SOK_INTERNAL otherwise). Constraint violations are SOK_CONFLICT; a busy, broken or full database
// SOK_UNAVAILABLE, SOK_IO or SOK_NO_SPACE, one that takes too long SOK_TIMEOUT; SQL text never shows in the
// message. ret may be NULL. Rows are copied into the arena (which may be NULL when ret is). A body in which a
// statement failed returns a failure itself: what it could still do differs from engine to engine (write ON
// CONFLICT where one is expected).
SOK_MUST_CHECK enum sok_status sok_db_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err);

// The same with the parameters listed: SOK_DB_QUERY(tx, arena, &rows, err, "SELECT ... $1", sok_db_text(id)).
#define SOK_DB_QUERY(tx, arena, ret, err, sql, ...)                                        \
    sok_db_query(                                                                          \
        tx, arena, sql, (const struct sok_db_value[]){{0} __VA_OPT__(, ) __VA_ARGS__} + 1, \
        sizeof((const struct sok_db_value[]){{0} __VA_OPT__(, ) __VA_ARGS__}) /            \
                sizeof(struct sok_db_value) -                                              \
            1,                                                                             \
        ret, err)

// A write transaction's body. Returning anything but SOK_OK rolls back. It may run on another thread than the
// caller's and may be run again after a conflict, so it touches only the database and what `context` points
// to, and overwrites its outputs. No blocking calls inside.
typedef enum sok_status (*sok_db_body)(struct sok_db_tx *tx, void *context, struct sok_error *err);

// Runs `body` in a transaction and commits; SOK_OK means it is on disk. SOK_UNAVAILABLE when the write queue
// is full (bounded) or the database is down. Blocks; never call it from inside a body.
SOK_MUST_CHECK enum sok_status sok_db_write(
    struct sok_db *db, sok_db_body body, void *context, struct sok_error *err);

// The same for a body that only changes rows it names, and where each statement's own WHERE (or ON CONFLICT)
// decides: it relies on nothing that it read before. Such bodies meet at single rows, where the later one
// waits for the earlier; they need not be run again for what else was written meanwhile. PostgreSQL: READ
// COMMITTED.
SOK_MUST_CHECK enum sok_status sok_db_write_rows(
    struct sok_db *db, sok_db_body body, void *context, struct sok_error *err);

// Runs `body` in a transaction that only reads and sees the database as it was at one moment, whatever others
// write meanwhile. It may take as long as it takes; on the caller's thread, over a connection of its own.
// SOK_UNAVAILABLE, SOK_IO when there is none. Blocks.
SOK_MUST_CHECK enum sok_status sok_db_read(
    struct sok_db *db, sok_db_body body, void *context, struct sok_error *err);

// One row of a scan; the cells are gone when it returns. Anything but SOK_OK ends the scan with that status.
typedef enum sok_status (*sok_db_row)(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err);

// Runs a SELECT inside a body of sok_db_read and hands over its rows one by one: as many as there are, in the
// memory of one. Nothing else may be asked of `tx` meanwhile. Errors as sok_db_query's. Blocks.
SOK_MUST_CHECK enum sok_status sok_db_scan(
    struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err);

// Hears of every table that a transaction may have written, once each, on the writing thread and before its
// sok_db_write returns: whoever learns of the write finds what hangs on it told already. `table` "": any of
// them. What a deletion takes along (ON DELETE) is not named. Set once, before other threads use the
// database.
typedef void (*sok_db_listener)(void *context, const char *table, bool is_deletion);
void sok_db_listen(struct sok_db *db, sok_db_listener listener, void *context);

// Hears of each statement that took at least `slow_ms`, of a transaction of the slowest only; on the thread
// that asked, so that whose request it was is known there. `sql` is the statement without its parameters'
// values, perhaps cut, and borrowed. Not of a scan. Must not use the database. Set once, before other threads
// use it.
typedef void (*sok_db_slow_listener)(void *context, const char *sql, int64_t took_ms);
void sok_db_listen_slow(struct sok_db *db, int64_t slow_ms, sok_db_slow_listener listener, void *context);

// A consistent copy of the database into a new file (SQLite: VACUUM INTO) for the snapshot before a
// migration. SOK_UNSUPPORTED where a server has its own ways. Blocks.
SOK_MUST_CHECK enum sok_status sok_db_snapshot(struct sok_db *db, const char *path, struct sok_error *err);

// Asks the database a trivial question and syncs a small write, for health checks. Blocks at most timeout_ms.
SOK_MUST_CHECK enum sok_status sok_db_ping(struct sok_db *db, int64_t timeout_ms, struct sok_error *err);

SOK_DEFINE_CLEANUP(struct sok_db, sok_db_cleanup, sok_db_close)

#endif
