// PostgreSQL: a pool of connections, used for reads (one statement each) and for write transactions, which
// are SERIALIZABLE: bodies are written as if each ran alone, and are run again when two of them could not
// both have.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/db/drivers/postgres.h"
#include "base/rand.h"
#include "base/time.h"
#include "base/wait.h"

#define POOL_MIN 5
#define POOL_MAX 20
#define DOWN_MS 500  // after a failed connect nobody tries for so long: all are told at once
#define TRIES_MAX 50 // about 2 s of pauses: four writers of one row on a busy machine lost twelve in a row
#define READ_WAIT_MS 5000

struct postgres_db {
    struct sok_db base;
    struct sok_db_tx reader;
    char *url;
    size_t min, max;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t returned;
    struct sok_pg_conn *idle[SOK_PG_POOL_MAX];
    size_t idle_count, conn_count, waiting;
    pthread_t writers[SOK_PG_POOL_MAX]; // threads inside a write
    size_t writer_count;
    int64_t down_until_ms; // monotonic
};

struct postgres_tx {
    struct sok_db_tx base;
    struct sok_pg_conn *conn;
};

static struct postgres_db *postgres_of(struct sok_db *db)
{
    return (struct postgres_db *)db;
}

// --- The pool.

static enum sok_status fail_full(struct sok_error *err)
{
    enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "all connections to the database are in use");
    if (err)
        err->retry_after_s = 1;
    return status;
}

// Waits until a connection is idle or one may be made, which is counted as made. With `lock` held.
static enum sok_status wait_for_place(
    struct postgres_db *db, int64_t wait_ms, struct sok_pg_conn **ret, struct sok_error *err)
{
    struct timespec until = sok_wait_deadline(wait_ms);
    bool in_time = true;
    if (db->idle_count == 0 && db->conn_count >= db->max && db->waiting >= 2 * db->max)
        return fail_full(err);
    db->waiting++;
    while (db->idle_count == 0 && db->conn_count >= db->max && in_time)
        in_time = sok_wait_until(&db->returned, &db->lock, &until);
    db->waiting--;
    *ret = db->idle_count ? db->idle[--db->idle_count] : NULL;
    if (*ret)
        return SOK_OK;
    if (!in_time)
        return fail_full(err);
    if (sok_time_mono_ms() < db->down_until_ms)
        return sok_pg_fail_away("the database cannot be reached", err);
    db->conn_count++;
    return SOK_OK;
}

static enum sok_status take_conn(
    struct postgres_db *db, int64_t wait_ms, struct sok_pg_conn **ret, struct sok_error *err)
{
    struct sok_pg_conn *conn = NULL;
    pthread_mutex_lock(&db->lock);
    enum sok_status status = wait_for_place(db, wait_ms, &conn, err);
    size_t in_use = db->conn_count - db->idle_count;
    pthread_mutex_unlock(&db->lock);
    if (status != SOK_OK)
        return SOK_UNAVAILABLE;
    sok_metric_set(db->base.metrics, SOK_METRIC_DB_CONNECTIONS, (double)in_use, 0, 0);
    struct sok_error why = {0};
    if (!conn && sok_pg_conn_open(db->url, &conn, &why) != SOK_OK) {
        pthread_mutex_lock(&db->lock);
        db->conn_count--;
        db->down_until_ms = sok_time_mono_ms() + DOWN_MS;
        pthread_cond_signal(&db->returned);
        pthread_mutex_unlock(&db->lock);
        sok_pg_fail_away("the database cannot be reached", err); // its address is nobody's business
        return SOK_UNAVAILABLE;
    }
    *ret = conn;
    return SOK_OK;
}

// A connection that was lost takes the idle ones with it: the server has most likely restarted.
static void return_conn(struct postgres_db *db, struct sok_pg_conn *conn)
{
    struct sok_pg_conn *dead[SOK_PG_POOL_MAX];
    size_t dead_count = 0;
    pthread_mutex_lock(&db->lock);
    if (conn->lost) {
        while (db->idle_count)
            dead[dead_count++] = db->idle[--db->idle_count];
    }
    if (conn->broken) {
        dead[dead_count++] = conn;
        db->conn_count -= dead_count;
        pthread_cond_broadcast(&db->returned);
    } else {
        db->idle[db->idle_count++] = conn;
        pthread_cond_signal(&db->returned);
    }
    pthread_mutex_unlock(&db->lock);
    for (size_t i = 0; i < dead_count; i++)
        sok_pg_conn_close(dead[i]);
}

// --- Reads.

// A read changes nothing, so that one whose server went away may be asked again: a restart between two
// requests is not seen by anybody.
static enum sok_status read_once(
    struct postgres_db *db, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, bool *ret_lost, struct sok_error *err)
{
    struct sok_pg_conn *conn = NULL;
    *ret_lost = false;
    SOK_TRY(take_conn(db, READ_WAIT_MS, &conn, err));
    conn->in_conflict = false;
    enum sok_status status = sok_pg_conn_query(conn, arena, sql, params, param_count, ret, err);
    *ret_lost = conn->lost;
    return_conn(db, conn);
    return status;
}

static enum sok_status postgres_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct postgres_db *db = postgres_of(tx->db);
    bool lost = false;
    if (tx != &db->reader)
        return sok_pg_conn_query(((struct postgres_tx *)tx)->conn, arena, sql, params, param_count, ret, err);
    struct sok_error first = {0};
    enum sok_status status = read_once(db, arena, sql, params, param_count, ret, &lost, &first);
    if (lost)
        return read_once(db, arena, sql, params, param_count, ret, &lost, err);
    if (status != SOK_OK && err)
        *err = first;
    return status;
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
    struct postgres_db *db, struct sok_pg_conn *conn, sok_db_body body, void *context,
    enum sok_status *ret_status, struct sok_error *err)
{
    struct postgres_tx tx = {.base.db = &db->base, .conn = conn};
    char tag[32] = "";
    conn->in_conflict = false;
    *ret_status = sok_pg_conn_run(conn, "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE", NULL, 0, err);
    if (*ret_status != SOK_OK)
        return MAY_RUN_AGAIN;
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
    struct postgres_db *db, sok_db_body body, void *context, int64_t until_ms, struct sok_error *err)
{
    for (int try = 1;; try++) {
        struct sok_pg_conn *conn = NULL;
        struct sok_error found = {0};
        enum sok_status status;
        int64_t left_ms = until_ms - sok_time_mono_ms();
        SOK_TRY(take_conn(db, left_ms > 0 ? left_ms : 0, &conn, err));
        enum outcome outcome = run_transaction(db, conn, body, context, &status, &found);
        return_conn(db, conn);
        if (outcome == DONE || try == TRIES_MAX || sok_time_mono_ms() > until_ms) {
            if (status != SOK_OK && err)
                *err = found;
            return status;
        }
        pause_before(try);
    }
}

static enum sok_status postgres_write(
    struct sok_db *db, sok_db_body body, void *context, int64_t wait_ms, struct sok_error *err)
{
    struct postgres_db *postgres = postgres_of(db);
    if (!enter_write(postgres))
        return sok_fail(err, SOK_INTERNAL, "a write from inside a write");
    enum sok_status status = write_until(postgres, body, context, sok_time_mono_ms() + wait_ms, err);
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
    SOK_TRY(take_conn(postgres_of(db), READ_WAIT_MS, &conn, err));
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
    for (size_t i = 0; i < postgres->idle_count; i++)
        sok_pg_conn_close(postgres->idle[i]);
    pthread_mutex_destroy(&postgres->lock);
    pthread_cond_destroy(&postgres->returned);
    free(postgres->url);
    free(postgres);
}

static enum sok_status open_first(struct postgres_db *db, struct sok_error *err)
{
    for (size_t i = 0; i < db->min; i++) {
        struct sok_pg_conn *conn;
        SOK_TRY(sok_pg_conn_open(db->url, &conn, err));
        db->idle[db->idle_count++] = conn;
        db->conn_count++;
    }
    return SOK_OK;
}

static size_t bounded(int64_t value, size_t fallback, size_t max)
{
    return value <= 0 ? fallback : (size_t)value > max ? max : (size_t)value;
}

static enum sok_status postgres_open(
    const char *location, const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err)
{
    struct postgres_db *db = calloc(1, sizeof(*db));
    size_t url_size = strlen("postgresql:") + strlen(location) + 1;
    if (!db || !(db->url = malloc(url_size)))
        sok_panic("out of memory for the database");
    snprintf(db->url, url_size, "postgresql:%s", location);
    db->base = (struct sok_db){.driver = &sok_db_postgres, .metrics = options->metrics};
    db->reader.db = &db->base;
    db->max = bounded(options->pool_max, POOL_MAX, SOK_PG_POOL_MAX);
    db->min = bounded(options->pool_min, POOL_MIN, db->max);
    pthread_mutex_init(&db->lock, NULL);
    sok_wait_init(&db->returned);
    enum sok_status status = open_first(db, err);
    if (status != SOK_OK) {
        postgres_close(&db->base);
        return status;
    }
    sok_metric_set(options->metrics, SOK_METRIC_DB_POOL_SIZE, (double)db->max, 0, 0);
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

const struct sok_db_driver sok_db_postgres = {
    .scheme = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .dialect = postgres_dialect,
    .reader = postgres_reader,
    .query = postgres_query,
    .write = postgres_write,
    .read = postgres_read,
    .scan = postgres_scan,
    .snapshot = postgres_snapshot,
};
