// The parts of the PostgreSQL driver among themselves: postgres.c (reads, write transactions),
// postgres_pool.c (connections to one server), postgres_replicas.c (reads elsewhere), postgres_conn.c (one
// connection: statements, deadlines), postgres_result.c (rows and errors).
#ifndef SOK_BACKENDS_DB_DRIVERS_POSTGRES_H
#define SOK_BACKENDS_DB_DRIVERS_POSTGRES_H

#include <libpq-fe.h>
#include <pthread.h>

#include "backends/db/driver.h"

#define SOK_PG_STATEMENTS 128 // kept prepared per connection; the least recently used goes
#define SOK_PG_PARAMS_MAX 128
#define SOK_PG_POOL_MAX 100
#define SOK_PG_CONNECT_S 2     // a host; nobody waits that long, but the thread that connects
#define SOK_PG_SILENCE_MS 1000 // what was sent must be confirmed by then, or the server cannot be reached
#define SOK_PG_QUERY_MS 10000  // the server ends a statement that runs longer
#define SOK_PG_SCAN_MS 600000  // a scan may sort a table before its first row
#define SOK_PG_GRACE_MS 1000   // a server that is silent for longer than that and this is given up

// The types' numbers never change (PostgreSQL's catalog/pg_type.dat).
enum {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_NUMERIC = 1700
};

struct sok_pg_statement {
    uint64_t hash, used; // of the key; the tick of its last use
    char *key;           // the statement's text and the types of its parameters; owned
    char name[24];
};

// Where connections go: the URL, the setting that it is from, and how long a statement may take there.
struct sok_pg_server {
    const char *url, *setting;
    int64_t query_ms;
};

// One connection; used by one thread at a time.
struct sok_pg_conn {
    PGconn *handle;
    int64_t query_ms;
    uint64_t tick;
    int64_t replayed; // at a replica: up to where it has replayed the primary's log, at least
    bool silent;      // lost since no answer came
    bool broken;      // nothing more can be done with it
    bool lost;        // the server was lost, as against a statement that failed: another connection may do
    bool is_standby;  // lost since it cannot do what a primary can
    bool in_conflict; // the transaction lost against another one: it may be run again
    struct sok_pg_statement statements[SOK_PG_STATEMENTS];
    size_t statement_count;
};

// Connects, for at most SOK_PG_CONNECT_S a host. SOK_UNAVAILABLE when there is no server, SOK_INVALID for a
// URL that cannot be read; neither message holds the password.
enum sok_status sok_pg_conn_open(
    const struct sok_pg_server *server, struct sok_pg_conn **ret, struct sok_error *err);
struct sok_pg_conn *sok_pg_conn_close(struct sok_pg_conn *conn);
enum sok_status sok_pg_conn_query(
    struct sok_pg_conn *conn, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err);
// A SELECT without parameters, row by row, each waited for a good while.
enum sok_status sok_pg_conn_scan(
    struct sok_pg_conn *conn, const char *sql, sok_db_row row, void *context, struct sok_error *err);
// SOK_UNAVAILABLE with SOK_DB_AWAY.
enum sok_status sok_pg_fail_away(const char *why, struct sok_error *err);
// BEGIN, COMMIT, ROLLBACK. *ret_tag (may be NULL): what the server says it did, up to `size` bytes.
enum sok_status sok_pg_conn_run(
    struct sok_pg_conn *conn, const char *sql, char *ret_tag, size_t size, struct sok_error *err);

// Gives the connection up: SOK_UNAVAILABLE with SOK_DB_AWAY.
enum sok_status sok_pg_lose(struct sok_pg_conn *conn, const char *why, struct sok_error *err);

// What an error of the server means to a caller; marks the connection as lost or in conflict when it is.
enum sok_status sok_pg_fail_result(struct sok_pg_conn *conn, const PGresult *result, struct sok_error *err);
// Adds a row, or the end of the rows, to the result; arena NULL: rows are not wanted. SOK_TOO_LARGE for one
// too many.
enum sok_status sok_pg_take_result(
    struct sok_pg_conn *conn, struct sok_arena *arena, PGresult *from, struct sok_db_result *result,
    size_t *capacity, struct sok_error *err);

// --- postgres_pool.c

// Connections to one server, made when needed, by a thread of the pool. A server that cannot be reached or
// does not answer is left alone for a while, then tried by one caller at a time; the others are told at once.
struct sok_pg_pool {
    struct sok_pg_server server; // its url is owned
    size_t max;
    int64_t down_ms, down_most_ms; // how long it is left alone, at first and after many failures
    bool no_queue;                 // whoever finds all of them in use is told at once
    pthread_t maker;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t returned, asked;
    struct sok_pg_conn *idle[SOK_PG_POOL_MAX];
    size_t idle_count, conn_count, waiting;
    size_t wanted;  // connections that are still to be made
    bool is_making; // one more, counted in conn_count
    bool has_maker, is_ending;
    bool is_stuck; // somebody waited in vain and none has come since: nobody else needs to
    bool is_down, is_tried;
    int64_t down_until_ms; // monotonic
    int failures;          // in a row
    uint64_t failed;       // ever
};

void sok_pg_pool_init(struct sok_pg_pool *pool, const struct sok_pg_server *server, size_t max);
void sok_pg_pool_done(struct sok_pg_pool *pool);
// Opens the first `count`. The error says why it could not.
enum sok_status sok_pg_pool_fill(struct sok_pg_pool *pool, size_t count, struct sok_error *err);
// Waits for wait_ms at most, for one to be returned or made. SOK_UNAVAILABLE: none was, or too many wait
// already, or (SOK_DB_AWAY) there is no server.
// A connection just made has a `tick` of 0.
enum sok_status sok_pg_pool_take(
    struct sok_pg_pool *pool, int64_t wait_ms, struct sok_pg_conn **ret, size_t *ret_in_use,
    struct sok_error *err);
void sok_pg_pool_return(struct sok_pg_pool *pool, struct sok_pg_conn *conn);
// As if it could not be reached.
void sok_pg_pool_leave_alone(struct sok_pg_pool *pool);

// --- postgres_replicas.c

struct sok_pg_replicas;

// `urls`: comma-separated. Replicas that are away now are tried again later; SOK_INVALID when one is no
// replica of the primary. SOK_OK with NULL when there are none.
enum sok_status sok_pg_replicas_open(
    const char *urls, const struct sok_pg_server *primary, size_t pool_max, struct sok_metrics *metrics,
    struct sok_pg_replicas **ret, struct sok_error *err);
struct sok_pg_replicas *sok_pg_replicas_close(struct sok_pg_replicas *replicas);
// Answers from a replica that has replayed all that was committed when this was called. SOK_UNAVAILABLE: ask
// the primary.
enum sok_status sok_pg_replicas_query(
    struct sok_pg_replicas *replicas, struct sok_arena *arena, const char *sql,
    const struct sok_db_value *params, size_t param_count, struct sok_db_result *ret);

#endif
