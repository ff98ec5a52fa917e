// The one thread that writes. Bodies wait in a bounded queue; whatever waits is run as one transaction, each
// body in a savepoint of its own, and committed with one fsync. Nobody is released before that commit.
//
// Some errors (disk full, I/O, a statement that ran too long) make SQLite roll back the whole transaction and
// not only the statement. Then the others' work is lost too through no fault of theirs: they are run again
// one by one.
#include <stdlib.h>

#include "backends/db/drivers/sqlite.h"
#include "base/wait.h"

struct write_request {
    struct write_request *next;
    sok_db_body body;
    void *context;
    struct sok_error *err;
    enum sok_status status;
    bool done;
    pthread_cond_t done_cond;
};

struct write_tx {
    struct sok_db_tx base;
    struct sok_sqlite_writer *writer;
};

struct sok_sqlite_writer {
    struct sok_db *db;
    struct sok_sqlite_conn *conn;
    struct write_tx tx;
    bool tx_lost; // SQLite rolled the running transaction back
    pthread_t thread;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t wake;
    struct write_request *first, **last;
    size_t queued;
    bool stopping;
};

enum sok_status sok_sqlite_writer_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct sok_sqlite_writer *writer = ((struct write_tx *)tx)->writer;
    if (writer->tx_lost)
        return sok_fail(err, SOK_UNAVAILABLE, "the transaction was rolled back");
    enum sok_status status = sok_sqlite_conn_query(writer->conn, arena, sql, params, param_count, ret, err);
    if (status != SOK_OK && sqlite3_get_autocommit(writer->conn->handle))
        writer->tx_lost = true;
    return status;
}

static void finish(struct sok_sqlite_writer *writer, struct write_request *request, enum sok_status status)
{
    pthread_mutex_lock(&writer->lock);
    request->status = status;
    request->done = true;
    pthread_cond_signal(&request->done_cond);
    pthread_mutex_unlock(&writer->lock);
}

static enum sok_status begin(struct sok_sqlite_writer *writer, struct sok_error *err)
{
    writer->tx_lost = false;
    return sok_sqlite_conn_query(writer->conn, NULL, "BEGIN IMMEDIATE", NULL, 0, NULL, err);
}

static void roll_back(struct sok_sqlite_writer *writer)
{
    if (!sqlite3_get_autocommit(writer->conn->handle))
        (void)sok_sqlite_conn_run(writer->conn, "ROLLBACK", NULL);
}

static enum sok_status commit(struct sok_sqlite_writer *writer, struct sok_error *err)
{
    enum sok_status status = sok_sqlite_conn_query(writer->conn, NULL, "COMMIT", NULL, 0, NULL, err);
    if (status != SOK_OK)
        roll_back(writer);
    return status;
}

static enum sok_status run_body(struct sok_sqlite_writer *writer, struct write_request *request)
{
    enum sok_status status = request->body(&writer->tx.base, request->context, request->err);
    if (status == SOK_OK && writer->tx_lost)
        return sok_fail(request->err, SOK_UNAVAILABLE, "the transaction was rolled back");
    return status;
}

// One body in a transaction of its own.
static void run_alone(struct sok_sqlite_writer *writer, struct write_request *request)
{
    enum sok_status status = begin(writer, request->err);
    if (status == SOK_OK) {
        status = run_body(writer, request);
        if (status == SOK_OK)
            status = commit(writer, request->err);
        else
            roll_back(writer);
    }
    finish(writer, request, status);
}

// Runs one body of a batch; false when the whole transaction is gone.
static bool run_in_savepoint(struct sok_sqlite_writer *writer, struct write_request *request)
{
    struct sok_sqlite_conn *conn = writer->conn;
    request->status = sok_sqlite_conn_query(conn, NULL, "SAVEPOINT body", NULL, 0, NULL, request->err);
    if (request->status != SOK_OK)
        return false;
    request->status = run_body(writer, request);
    if (writer->tx_lost)
        return false;
    if (request->status != SOK_OK &&
        sok_sqlite_conn_query(conn, NULL, "ROLLBACK TO body", NULL, 0, NULL, NULL) != SOK_OK)
        return false;
    return sok_sqlite_conn_query(conn, NULL, "RELEASE body", NULL, 0, NULL, NULL) == SOK_OK;
}

static void finish_all(
    struct sok_sqlite_writer *writer, struct write_request *first, const struct sok_error *why)
{
    for (struct write_request *request = first, *next; request; request = next) {
        next = request->next;
        if (why && request->status == SOK_OK) {
            if (request->err)
                *request->err = *why;
            finish(writer, request, why->status);
        } else
            finish(writer, request, request->status);
    }
}

static void run_batch(struct sok_sqlite_writer *writer, struct write_request *first)
{
    struct sok_error err = {0};
    if (begin(writer, &err) != SOK_OK) {
        finish_all(writer, first, &err);
        return;
    }
    bool intact = true;
    for (struct write_request *request = first; request && intact; request = request->next)
        intact = run_in_savepoint(writer, request);
    if (intact) {
        finish_all(writer, first, commit(writer, &err) == SOK_OK ? NULL : &err);
        return;
    }
    roll_back(writer);
    for (struct write_request *request = first, *next; request; request = next) {
        next = request->next;
        run_alone(writer, request);
    }
}

// Up to a batch of what waits, as a list; NULL at the end of all. With `lock` held.
static struct write_request *take_batch(struct sok_sqlite_writer *writer)
{
    while (!writer->first && !writer->stopping)
        pthread_cond_wait(&writer->wake, &writer->lock);
    struct write_request *first = writer->first, *request = first;
    for (size_t taken = 1; request; taken++) {
        writer->queued--;
        if (taken == SOK_SQLITE_BATCH_MAX || !request->next)
            break;
        request = request->next;
    }
    if (!request)
        return NULL;
    writer->first = request->next;
    if (!writer->first)
        writer->last = &writer->first;
    request->next = NULL;
    return first;
}

static void *run_writer(void *context)
{
    struct sok_sqlite_writer *writer = context;
    for (;;) {
        pthread_mutex_lock(&writer->lock);
        struct write_request *first = take_batch(writer);
        pthread_mutex_unlock(&writer->lock);
        if (!first)
            return NULL;
        if (first->next)
            run_batch(writer, first);
        else
            run_alone(writer, first);
    }
}

static bool is_waiting(struct sok_sqlite_writer *writer, struct write_request *wanted)
{
    for (struct write_request *request = writer->first; request; request = request->next)
        if (request == wanted)
            return true;
    return false;
}

static void remove_waiting(struct sok_sqlite_writer *writer, struct write_request *wanted)
{
    for (struct write_request **link = &writer->first; *link; link = &(*link)->next) {
        if (*link != wanted)
            continue;
        *link = wanted->next;
        if (writer->last == &wanted->next)
            writer->last = link;
        writer->queued--;
        return;
    }
}

// Waits for the end of a request; one that is still in the queue at the deadline is taken out again. With
// `lock` held.
static enum sok_status wait_done(
    struct sok_sqlite_writer *writer, struct write_request *request, int64_t wait_ms)
{
    struct timespec until = sok_wait_deadline(wait_ms);
    bool may_leave = true;
    while (!request->done) {
        if (!may_leave) {
            pthread_cond_wait(&request->done_cond, &writer->lock); // running: its statements have time limits
            continue;
        }
        if (sok_wait_until(&request->done_cond, &writer->lock, &until) || request->done)
            continue;
        if (is_waiting(writer, request)) {
            remove_waiting(writer, request);
            return sok_fail(request->err, SOK_UNAVAILABLE, "the database has too much to write");
        }
        may_leave = false;
    }
    return request->status;
}

enum sok_status sok_sqlite_write(
    struct sok_sqlite_writer *writer, sok_db_body body, void *context, int64_t wait_ms, struct sok_error *err)
{
    if (pthread_equal(pthread_self(), writer->thread))
        return sok_fail(err, SOK_INTERNAL, "a write from inside a write");
    struct sok_error unseen = {0};
    struct write_request request = {.body = body, .context = context, .err = err ? err : &unseen};
    sok_wait_init(&request.done_cond);

    enum sok_status status;
    pthread_mutex_lock(&writer->lock);
    if (writer->stopping || writer->queued >= SOK_SQLITE_WRITES_MAX) {
        status = sok_fail(err, SOK_UNAVAILABLE, "the database has too much to write");
        if (err)
            err->retry_after_s = 1;
    } else {
        *writer->last = &request;
        writer->last = &request.next;
        writer->queued++;
        pthread_cond_signal(&writer->wake);
        status = wait_done(writer, &request, wait_ms);
    }
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_destroy(&request.done_cond);
    return status;
}

enum sok_status sok_sqlite_writer_start(
    struct sok_db *db, struct sok_sqlite_conn *conn_taken, struct sok_sqlite_writer **ret,
    struct sok_error *err)
{
    struct sok_sqlite_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        sok_panic("out of memory for the writer");
    writer->db = db;
    writer->conn = conn_taken;
    writer->tx = (struct write_tx){.base.db = db, .writer = writer};
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->wake, NULL);
    int error = pthread_create(&writer->thread, NULL, run_writer, writer);
    if (error) {
        sok_sqlite_conn_close(conn_taken);
        free(writer);
        return sok_fail_errno(err, SOK_UNAVAILABLE, error, "cannot start the database's writer");
    }
    *ret = writer;
    return SOK_OK;
}

struct sok_sqlite_writer *sok_sqlite_writer_stop(struct sok_sqlite_writer *writer)
{
    if (!writer)
        return NULL;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    sok_sqlite_conn_close(writer->conn);
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->wake);
    free(writer);
    return NULL;
}
