// PostgreSQL: reads (one statement each) and write transactions, which are SERIALIZABLE: bodies are written
// as if each ran alone, and are run again when two of them could not both have. Those that rely on nothing
// they read are READ COMMITTED (docs/adr/serializable.md).
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/db/drivers/postgres.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"

#define POOL_MIN 5
#define POOL_MAX 20
#define TRIES_MAX 50 // about 2 s of pauses: four writers of one row on a busy machine lost twelve in a row
#define CONN_WAIT_MS 1500 // for a connection
#define AGAIN_WAIT_MS 500 // for another one, where the time was spent with one that was lost

struct postgres_db {
    struct sok_db base;
    struct sok_db_tx reader, replica_reader;
    struct sok_pg_pool pool;
    struct sok_pg_replicas *replicas;   // NULL: none
    pthread_mutex_t lock;               // guards what follows
    pthread_t writers[SOK_PG_POOL_MAX]; // threads inside a write
    size_t writer_count;
};

struct postgres_tx {
    struct sok_db_tx base;
    struct sok_pg_conn *conn;
};

static struct postgres_db *postgres_of(struct sok_db *db)
{
    return (struct postgres_db *)db;
}

static enum sok_status take_conn(
    struct postgres_db *db, int64_t wait_ms, struct sok_pg_conn **ret, struct sok_error *err)
{
    size_t in_use = 0;
    struct sok_error found = {0};
    int64_t began_us = sok_db_measure_wait(&db->base);
    enum sok_status status = sok_pg_pool_take(&db->pool, wait_ms, ret, &in_use, &found);
    sok_db_measure_taken(&db->base, began_us, status, &found);
    if (status != SOK_OK && err)
        *err = found;
    return status;
}

static void return_conn(struct postgres_db *db, struct sok_pg_conn *conn)
{
    sok_pg_pool_return(&db->pool, conn);
    sok_db_measure_returned(&db->base);
}

// --- Reads.

// A read changes nothing, so that one whose server went away may be asked again: a restart between two
// requests is not seen by anybody.
static enum sok_status read_once(
    struct postgres_db *db, int64_t wait_ms, struct sok_arena *arena, const char *sql,
    const struct sok_db_value *params, size_t param_count, struct sok_db_result *ret, bool *ret_lost,
    struct sok_error *err)
{
    struct sok_pg_conn *conn = NULL;
    *ret_lost = false;
    SOK_TRY(take_conn(db, wait_ms, &conn, err));
    conn->in_conflict = false;
    enum sok_status status = sok_pg_conn_query(conn, arena, sql, params, param_count, ret, err);
    *ret_lost = conn->lost;
    return_conn(db, conn);
    return status;
}

// What is left of the time for a connection after one was lost.
static int64_t wait_after(int64_t began_ms)
{
    int64_t left_ms = began_ms + CONN_WAIT_MS - sok_time_mono_ms();
    return left_ms > AGAIN_WAIT_MS ? left_ms : AGAIN_WAIT_MS;
}

static enum sok_status read_primary(
    struct postgres_db *db, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    bool lost = false;
    struct sok_error first = {0};
    int64_t began_ms = sok_time_mono_ms();
    enum sok_status status = read_once(db, CONN_WAIT_MS, arena, sql, params, param_count, ret, &lost, &first);
    if (lost)
        sok_metric_add(db->base.metrics, SOK_METRIC_DB_RETRIES, 1, 0, 0, 0);
    if (lost)
        return read_once(db, wait_after(began_ms), arena, sql, params, param_count, ret, &lost, err);
    if (status != SOK_OK && err)
        *err = first;
    return status;
}

static enum sok_status postgres_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct postgres_db *db = postgres_of(tx->db);
    if (tx != &db->reader && tx != &db->replica_reader)
        return sok_pg_conn_query(((struct postgres_tx *)tx)->conn, arena, sql, params, param_count, ret, err);
    if (tx == &db->replica_reader && db->replicas &&
        sok_pg_replicas_query(db->replicas, arena, sql, params, param_count, ret) == SOK_OK)
        return SOK_OK;
    return read_primary(db, arena, sql, params, param_count, ret, err);
}

// --- Writes.

static bool enter_write(struct postgres_db *db)
{
    bool is_inside = false;
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < db->writer_count; i++)
        is_inside = is_inside || pthread_equal(db->writers[i], pthread_self());
    if (!is_inside && db->writer_count < SOK_PG_POOL_MAX)
        db->writers[db->writer_count++] = pthread_self();
    pthread_mutex_unlock(&db->lock);
    return !is_inside;
}

static void leave_write(struct postgres_db *db)
{
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; i < db->writer_count; i++)
        if (pthread_equal(db->writers[i], pthread_self()))
            db->writers[i] = db->writers[--db->writer_count];
    pthread_mutex_unlock(&db->lock);
}

enum outcome { DONE, MAY_RUN_AGAIN };

// A transaction whose COMMIT was sent and never answered may have happened: it is not run again, the caller
// hears SOK_UNAVAILABLE.
static enum outcome run_transaction(
    struct postgres_db *db, struct sok_pg_conn *conn, sok_db_body body, void *context, bool rows_only,
    enum sok_status *ret_status, struct sok_error *err)
{
    struct postgres_tx tx = {.base.db = &db->base, .conn = conn};
    char tag[32] = "";
    conn->in_conflict = false;
    *ret_status = sok_pg_conn_run(
        conn,
        rows_only ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                  : "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
        NULL, 0, err);
    if (*ret_status != SOK_OK)
        return conn->is_standby ? DONE : MAY_RUN_AGAIN; // the next caller may be led to the primary
    *ret_status = body(&tx.base, context, err);
    bool is_again = conn->in_conflict || conn->lost;
    if (*ret_status != SOK_OK) {
        struct sok_error unseen = {0};
        if (!conn->broken && sok_pg_conn_run(conn, "ROLLBACK", NULL, 0, &unseen) != SOK_OK)
            conn->broken = true;
        return is_again ? MAY_RUN_AGAIN : DONE;
    }
    *ret_status = sok_pg_conn_run(conn, "COMMIT", tag, sizeof(tag), err);
    if (*ret_status == SOK_OK && strcmp(tag, "COMMIT") != 0) // a statement had failed and the body went on
        *ret_status = sok_fail(err, SOK_INTERNAL, "a write whose statement failed was rolled back");
    return conn->in_conflict ? MAY_RUN_AGAIN : DONE;
}

static void pause_before(int try)
{
    uint32_t most_ms = 1u << (try < 6 ? try : 6);
    struct timespec pause = {.tv_nsec = (long)sok_random_below(most_ms * 1000) * 1000};
    nanosleep(&pause, NULL);
}

static enum sok_status write_until(
    struct postgres_db *db, sok_db_body body, void *context, bool rows_only, int64_t until_ms,
    struct sok_error *err)
{
    int64_t wait_ms = CONN_WAIT_MS;
    for (int try = 1;; try++) {
        struct sok_pg_conn *conn = NULL;
        struct sok_error found = {0};
        enum sok_status status;
        int64_t began_ms = sok_time_mono_ms(), left_ms = until_ms > began_ms ? until_ms - began_ms : 0;
        SOK_TRY(take_conn(db, left_ms < wait_ms ? left_ms : wait_ms, &conn, err));
        enum outcome outcome = run_transaction(db, conn, body, context, rows_only, &status, &found);
        wait_ms = conn->lost ? wait_after(began_ms) : CONN_WAIT_MS;
        return_conn(db, conn);
        if (outcome == DONE || try == TRIES_MAX || sok_time_mono_ms() > until_ms) {
            if (status != SOK_OK && err)
                *err = found;
            return status;
        }
        sok_metric_add(db->base.metrics, SOK_METRIC_DB_RETRIES, 1, 0, 0, 0);
        pause_before(try);
    }
}

static enum sok_status postgres_write(
    struct sok_db *db, sok_db_body body, void *context, bool rows_only, int64_t wait_ms,
    struct sok_error *err)
{
    struct postgres_db *postgres = postgres_of(db);
    if (!enter_write(postgres))
        return sok_fail(err, SOK_INTERNAL, "a write from inside a write");
    enum sok_status status =
        write_until(postgres, body, context, rows_only, sok_time_mono_ms() + wait_ms, err);
    leave_write(postgres);
    return status;
}

// --- Reads of one moment.

static enum sok_status run_read(
    struct postgres_db *db, struct sok_pg_conn *conn, sok_db_body body, void *context, struct sok_error *err)
{
    struct postgres_tx tx = {.base = {.db = &db->base, .is_read = true}, .conn = conn};
    struct sok_error unseen = {0};
    enum sok_status status =
        sok_pg_conn_run(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0, err);
    if (status == SOK_OK)
        status = sok_pg_conn_run(
            conn, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0", NULL,
            0, err);
    if (status == SOK_OK)
        status = body(&tx.base, context, err);
    if (!conn->broken && sok_pg_conn_run(conn, "ROLLBACK", NULL, 0, &unseen) != SOK_OK)
        conn->broken = true;
    return status;
}

static enum sok_status postgres_read(
    struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    struct sok_pg_conn *conn = NULL;
    SOK_TRY(take_conn(postgres_of(db), CONN_WAIT_MS, &conn, err));
    enum sok_status status = run_read(postgres_of(db), conn, body, context, err);
    return_conn(postgres_of(db), conn);
    return status;
}

static enum sok_status postgres_scan(
    struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    return sok_pg_conn_scan(((struct postgres_tx *)tx)->conn, sql, row, context, err);
}

static enum sok_status postgres_snapshot(struct sok_db *db, const char *path, struct sok_error *err)
{
    return sok_fail(err, SOK_UNSUPPORTED, "PostgreSQL is copied with its own tools");
}

// --- Opening and closing.

static void postgres_close(struct sok_db *db)
{
    struct postgres_db *postgres = postgres_of(db);
    sok_pg_replicas_close(postgres->replicas);
    sok_pg_pool_done(&postgres->pool);
    pthread_mutex_destroy(&postgres->lock);
    free(postgres);
}

static size_t bounded(int64_t value, size_t fallback, size_t max)
{
    return value <= 0 ? fallback : (size_t)value > max ? max : (size_t)value;
}

static enum sok_status postgres_open(
    const char *location, const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err)
{
    struct postgres_db *db = calloc(1, sizeof(*db));
    if (!db)
        sok_panic("out of memory for the database");
    const struct sok_pg_server server = {
        .url = options->url,
        .setting = "SOKOUL_DATABASE_URL",
        .query_ms = options->query_ms > 0 ? options->query_ms : SOK_PG_QUERY_MS};
    size_t max = bounded(options->pool_max, POOL_MAX, SOK_PG_POOL_MAX);
    db->base = (struct sok_db){.driver = &sok_db_postgres, .metrics = options->metrics};
    db->reader.db = db->replica_reader.db = &db->base;
    pthread_mutex_init(&db->lock, NULL);
    sok_pg_pool_init(&db->pool, &server, max);
    enum sok_status status = sok_pg_pool_fill(&db->pool, bounded(options->pool_min, POOL_MIN, max), err);
    if (status == SOK_OK)
        status =
            sok_pg_replicas_open(options->replica_urls, &server, max, options->metrics, &db->replicas, err);
    if (status != SOK_OK) {
        postgres_close(&db->base);
        return status;
    }
    sok_metric_set(options->metrics, SOK_METRIC_DB_POOL_SIZE, (double)max, 0, 0);
    *ret = &db->base;
    return SOK_OK;
}

static const char *postgres_dialect(const struct sok_db *db)
{
    return "postgresql";
}

static struct sok_db_tx *postgres_reader(struct sok_db *db)
{
    return &postgres_of(db)->reader;
}

static struct sok_db_tx *postgres_replica_reader(struct sok_db *db)
{
    return &postgres_of(db)->replica_reader;
}

static size_t postgres_pool_size(const struct sok_db *db)
{
    return ((const struct postgres_db *)db)->pool.max;
}

// libpq's own reading, but for the ports, which it looks at only when it connects.
static enum sok_status postgres_check(const char *location, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *problem = NULL;
    PQconninfoOption *parsed = PQconninfoParse(sok_format(arena, "postgresql:%s", location), &problem);
    PQfreemem(problem); // may quote the password
    bool is_good = parsed != NULL;
    for (const PQconninfoOption *option = parsed; is_good && option->keyword; option++) {
        if (strcmp(option->keyword, "port") != 0 || !option->val)
            continue;
        char *rest = sok_strdup(arena, option->val), *port;
        int64_t number;
        while (is_good && (port = strsep(&rest, ",")))
            is_good = !*port || sok_parse_int(port, 1, 65535, &number);
    }
    PQconninfoFree(parsed);
    return is_good ? SOK_OK : sok_fail(err, SOK_INVALID, "is not a URL of PostgreSQL");
}

const struct sok_db_driver sok_db_postgres = {
    .scheme = "postgresql",
    .check = postgres_check,
    .open = postgres_open,
    .close = postgres_close,
    .dialect = postgres_dialect,
    .reader = postgres_reader,
    .replica_reader = postgres_replica_reader,
    .pool_size = postgres_pool_size,
    .query = postgres_query,
    .write = postgres_write,
    .read = postgres_read,
    .scan = postgres_scan,
    .snapshot = postgres_snapshot,
};
