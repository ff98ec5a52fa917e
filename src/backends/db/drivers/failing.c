#include "backends/db/drivers/failing.h"

#include <pthread.h>
#include <stdlib.h>

#include "backends/db/driver.h"

struct failing_db {
    struct sok_db base;
    struct sok_db *inner;
    struct sok_db_tx reader;
    pthread_mutex_t lock; // guards what follows
    enum sok_db_fault fault;
    int64_t left, every, calls;
    enum sok_status status;
};

struct failing_tx {
    struct sok_db_tx base;
    struct sok_db_tx *inner;
};

static struct failing_db *failing_of(struct sok_db *db)
{
    return (struct failing_db *)db;
}

static bool concerns(enum sok_db_fault fault, enum sok_db_fault call)
{
    return fault == call || (fault == SOK_DB_FAULT_ALL && call != SOK_DB_FAULT_COMMIT);
}

static enum sok_status strike(struct failing_db *db, enum sok_db_fault call, struct sok_error *err)
{
    enum sok_status status = SOK_OK;
    pthread_mutex_lock(&db->lock);
    db->calls++;
    if (concerns(db->fault, call) && db->left-- == 0) {
        status = db->status;
        db->left = db->every - 1; // never again with every 0: it only goes down
    }
    pthread_mutex_unlock(&db->lock);
    return status == SOK_OK ? SOK_OK : sok_fail(err, status, "the database failed on purpose");
}

void sok_db_failing_set(
    struct sok_db *db, enum sok_db_fault fault, int64_t after, int64_t every, enum sok_status status)
{
    if (db->driver != &sok_db_failing)
        sok_panic("not a failing database");
    struct failing_db *failing = failing_of(db);
    pthread_mutex_lock(&failing->lock);
    failing->fault = fault;
    failing->left = after;
    failing->every = every;
    failing->status = status;
    pthread_mutex_unlock(&failing->lock);
}

int64_t sok_db_failing_calls(struct sok_db *db)
{
    struct failing_db *failing = failing_of(db);
    pthread_mutex_lock(&failing->lock);
    int64_t calls = failing->calls;
    pthread_mutex_unlock(&failing->lock);
    return calls;
}

static enum sok_status failing_open(
    const char *location, const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err)
{
    struct sok_db *inner;
    const struct sok_db_options inside = {
        .url = location, .pool_min = options->pool_min, .pool_max = options->pool_max};
    SOK_TRY(sok_db_open_with(&inside, &inner, err));
    struct failing_db *db = calloc(1, sizeof(*db));
    if (!db)
        sok_panic("out of memory for the database");
    db->base = (struct sok_db){.driver = &sok_db_failing, .metrics = options->metrics};
    db->inner = inner;
    db->reader.db = &db->base;
    pthread_mutex_init(&db->lock, NULL);
    *ret = &db->base;
    return SOK_OK;
}

static void failing_close(struct sok_db *db)
{
    struct failing_db *failing = failing_of(db);
    sok_db_close(failing->inner);
    pthread_mutex_destroy(&failing->lock);
    free(failing);
}

static const char *failing_dialect(const struct sok_db *db)
{
    return sok_db_dialect(((const struct failing_db *)db)->inner);
}

static struct sok_db_tx *failing_reader(struct sok_db *db)
{
    return &failing_of(db)->reader;
}

static enum sok_status failing_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct failing_db *db = failing_of(tx->db);
    SOK_TRY(strike(db, SOK_DB_FAULT_QUERY, err));
    struct sok_db_tx *inner = tx == &db->reader ? sok_db_reader(db->inner) : ((struct failing_tx *)tx)->inner;
    return sok_db_query(inner, arena, sql, params, param_count, ret, err);
}

struct wrapped_body {
    struct failing_db *db;
    sok_db_body body;
    void *context;
};

static enum sok_status run_wrapped(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct wrapped_body *wrapped = context;
    struct failing_tx failing = {.base.db = &wrapped->db->base, .inner = tx};
    SOK_TRY(wrapped->body(&failing.base, wrapped->context, err));
    return strike(wrapped->db, SOK_DB_FAULT_COMMIT, err);
}

static enum sok_status failing_write(
    struct sok_db *db, sok_db_body body, void *context, bool rows_only, int64_t wait_ms,
    struct sok_error *err)
{
    struct failing_db *failing = failing_of(db);
    SOK_TRY(strike(failing, SOK_DB_FAULT_WRITE, err));
    struct wrapped_body wrapped = {.db = failing, .body = body, .context = context};
    return failing->inner->driver->write(failing->inner, run_wrapped, &wrapped, rows_only, wait_ms, err);
}

static enum sok_status run_wrapped_read(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct wrapped_body *wrapped = context;
    struct failing_tx failing = {.base = {.db = &wrapped->db->base, .is_read = true}, .inner = tx};
    return wrapped->body(&failing.base, wrapped->context, err);
}

static enum sok_status failing_read(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    struct wrapped_body wrapped = {.db = failing_of(db), .body = body, .context = context};
    return sok_db_read(wrapped.db->inner, run_wrapped_read, &wrapped, err);
}

static enum sok_status failing_scan(
    struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    SOK_TRY(strike(failing_of(tx->db), SOK_DB_FAULT_QUERY, err));
    return sok_db_scan(((struct failing_tx *)tx)->inner, sql, row, context, err);
}

static enum sok_status failing_snapshot(struct sok_db *db, const char *path, struct sok_error *err)
{
    SOK_TRY(strike(failing_of(db), SOK_DB_FAULT_WRITE, err));
    return sok_db_snapshot(failing_of(db)->inner, path, err);
}

const struct sok_db_driver sok_db_failing = {
    .scheme = "failing",
    .open = failing_open,
    .close = failing_close,
    .dialect = failing_dialect,
    .reader = failing_reader,
    .query = failing_query,
    .write = failing_write,
    .read = failing_read,
    .scan = failing_scan,
    .snapshot = failing_snapshot,
};
