// The embedded database. Readers come from a pool: a thread takes the connection that was used last, so that
// there are only as many (each with a page cache of its own) as threads that read at the same moment, and
// their caches are warm.
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/db/drivers/sqlite.h"
#include "base/wait.h"

// The whole file is checked at start only where that takes no time to speak of; damage in a larger one is met
// when it is read.
#define QUICK_CHECK_BYTES ((int64_t)32 << 20)

struct sqlite_db {
    struct sok_db base;
    struct sok_db_tx reader;
    char *path;
    struct sok_sqlite_writer *writer;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t returned;
    struct sok_sqlite_conn *idle[SOK_SQLITE_READERS_MAX];
    size_t idle_count, reader_count;
};

struct read_tx {
    struct sok_db_tx base;
    struct sok_sqlite_conn *conn;
};

static struct sqlite_db *sqlite_of(struct sok_db *db)
{
    return (struct sqlite_db *)db;
}

static void set_up_library(void)
{
    // Without it every allocation takes a lock that all threads share.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static enum sok_status sync_folder(const char *path, struct sok_error *err)
{
    char *copy = strdup(path);
    if (!copy)
        sok_panic("out of memory");
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the folder of the database");
    int result = fsync(fd);
    int error = errno;
    close(fd);
    return result == 0 ? SOK_OK
                       : sok_fail_errno(err, SOK_IO, error, "cannot sync the folder of the database");
}

// SQLite gives its other files the mode of this one.
static enum sok_status make_file(const char *path, int flags, int64_t *ret_size, struct sok_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the database file %s", path);
    struct stat st;
    enum sok_status status = SOK_OK;
    if (fstat(fd, &st) != 0 || fchmod(fd, 0600) != 0)
        status = sok_fail_errno(err, SOK_IO, errno, "cannot protect the database file %s", path);
    else
        *ret_size = st.st_size;
    close(fd);
    return status;
}

static enum sok_status check_sound(struct sok_sqlite_conn *conn, const char *path, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result result;
    enum sok_status status =
        sok_sqlite_conn_query(conn, arena, "PRAGMA quick_check(1)", NULL, 0, &result, err);
    if (status == SOK_TIMEOUT) // a slow disk is not a broken one
        return SOK_OK;
    SOK_TRY(status);
    const char *verdict = result.row_count ? sok_db_get_text(&result, 0, 0) : NULL;
    if (verdict && strcmp(verdict, "ok") == 0)
        return SOK_OK;
    return sok_fail(err, SOK_IO, "the database file %s is damaged; restore a backup or a snapshot", path);
}

static void free_db(struct sqlite_db *db)
{
    for (size_t i = 0; i < db->idle_count; i++)
        sok_sqlite_conn_close(db->idle[i]);
    sok_sqlite_writer_stop(db->writer); // last: closing the last connection folds the WAL into the file
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->returned);
    free(db->path);
    free(db);
}

static enum sok_status open_writer(struct sqlite_db *db, int64_t size, struct sok_error *err)
{
    struct sok_sqlite_conn *conn;
    SOK_TRY(sok_sqlite_conn_open(db->path, true, &conn, err));
    if (size <= QUICK_CHECK_BYTES) {
        enum sok_status status = check_sound(conn, db->path, err);
        if (status != SOK_OK) {
            sok_sqlite_conn_close(conn);
            return status;
        }
    }
    return sok_sqlite_writer_start(&db->base, conn, &db->writer, err);
}

static enum sok_status sqlite_open(
    const char *location, const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up_library);
    if (!location[0] || strcmp(location, ":memory:") == 0)
        return sok_fail(err, SOK_INVALID, "the database URL needs a path: sqlite:PATH");
    int64_t size = 0;
    SOK_TRY(make_file(location, 0, &size, err));
    SOK_TRY(sok_sqlite_check_fs(location, err));

    struct sqlite_db *db = calloc(1, sizeof(*db));
    if (!db || !(db->path = strdup(location)))
        sok_panic("out of memory for the database");
    db->base = (struct sok_db){.driver = &sok_db_sqlite, .metrics = options->metrics};
    db->reader.db = &db->base;
    pthread_mutex_init(&db->lock, NULL);
    sok_wait_init(&db->returned);

    enum sok_status status = open_writer(db, size, err);
    if (status == SOK_OK)
        status = sync_folder(db->path, err);
    if (status != SOK_OK) {
        free_db(db);
        return status;
    }
    sok_metric_set(options->metrics, SOK_METRIC_DB_POOL_SIZE, SOK_SQLITE_READERS_MAX, 0, 0);
    *ret = &db->base;
    return SOK_OK;
}

static void sqlite_close(struct sok_db *db)
{
    free_db(sqlite_of(db));
}

static const char *sqlite_dialect(const struct sok_db *db)
{
    return "sqlite";
}

static struct sok_db_tx *sqlite_reader(struct sok_db *db)
{
    return &sqlite_of(db)->reader;
}

static enum sok_status take_reader(struct sqlite_db *db, struct sok_sqlite_conn **ret, struct sok_error *err)
{
    struct timespec until = sok_wait_deadline(SOK_SQLITE_QUERY_MS);
    int64_t began_us = sok_db_measure_wait(&db->base);
    pthread_mutex_lock(&db->lock);
    while (db->idle_count == 0 && db->reader_count >= SOK_SQLITE_READERS_MAX)
        if (!sok_wait_until(&db->returned, &db->lock, &until))
            break;
    bool may_open = db->reader_count < SOK_SQLITE_READERS_MAX;
    struct sok_sqlite_conn *conn = db->idle_count ? db->idle[--db->idle_count] : NULL;
    if (!conn && may_open)
        db->reader_count++;
    pthread_mutex_unlock(&db->lock);
    sok_db_measure_taken(&db->base, began_us, conn || may_open ? SOK_OK : SOK_UNAVAILABLE, NULL);
    if (!conn && !may_open)
        return sok_fail(err, SOK_UNAVAILABLE, "all connections to the database are in use");
    if (!conn) {
        enum sok_status status = sok_sqlite_conn_open(db->path, false, &conn, err);
        if (status != SOK_OK) {
            pthread_mutex_lock(&db->lock);
            db->reader_count--;
            pthread_cond_signal(&db->returned);
            pthread_mutex_unlock(&db->lock);
            sok_db_measure_returned(&db->base);
            return status;
        }
    }
    *ret = conn;
    return SOK_OK;
}

static void return_reader(struct sqlite_db *db, struct sok_sqlite_conn *conn)
{
    sok_db_measure_returned(&db->base);
    pthread_mutex_lock(&db->lock);
    db->idle[db->idle_count++] = conn;
    pthread_cond_signal(&db->returned);
    pthread_mutex_unlock(&db->lock);
}

static enum sok_status sqlite_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct sqlite_db *db = sqlite_of(tx->db);
    if (tx->is_read)
        return sok_sqlite_conn_query(((struct read_tx *)tx)->conn, arena, sql, params, param_count, ret, err);
    if (tx != &db->reader)
        return sok_sqlite_writer_query(tx, arena, sql, params, param_count, ret, err);
    struct sok_sqlite_conn *conn = NULL;
    SOK_TRY(take_reader(db, &conn, err));
    enum sok_status status = sok_sqlite_conn_query(conn, arena, sql, params, param_count, ret, err);
    return_reader(db, conn);
    return status;
}

static enum sok_status sqlite_write(
    struct sok_db *db, sok_db_body body, void *context, bool rows_only, int64_t wait_ms,
    struct sok_error *err)
{
    return sok_sqlite_write(sqlite_of(db)->writer, body, context, wait_ms, err);
}

// A transaction that only began sees nothing yet: what it sees is settled by its first statement.
static enum sok_status sqlite_read(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    struct read_tx tx = {.base = {.db = db, .is_read = true}};
    SOK_TRY(sok_sqlite_conn_open(sqlite_of(db)->path, false, &tx.conn, err));
    enum sok_status status = sok_sqlite_conn_run(tx.conn, "BEGIN; SELECT count(*) FROM sqlite_schema", err);
    if (status == SOK_OK)
        status = body(&tx.base, context, err);
    sok_sqlite_conn_close(tx.conn);
    return status;
}

static enum sok_status sqlite_scan(
    struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    return sok_sqlite_conn_scan(((struct read_tx *)tx)->conn, sql, row, context, err);
}

static enum sok_status vacuum_into(struct sqlite_db *db, const char *path, struct sok_error *err)
{
    struct sok_sqlite_conn *conn;
    SOK_TRY(sok_sqlite_conn_open(db->path, true, &conn, err));
    sqlite3_progress_handler(conn->handle, 0, NULL, NULL); // as long as it takes
    struct sok_db_value target = sok_db_text(path);
    enum sok_status status = sok_sqlite_conn_query(conn, NULL, "VACUUM INTO $1", &target, 1, NULL, err);
    sok_sqlite_conn_close(conn);
    return status;
}

static enum sok_status sync_file(const char *path, struct sok_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return sok_fail_errno(err, SOK_IO, error, "cannot sync the snapshot %s", path);
    }
    close(fd);
    return sync_folder(path, err);
}

static enum sok_status sqlite_snapshot(struct sok_db *db, const char *path, struct sok_error *err)
{
    int64_t size;
    SOK_TRY(make_file(path, O_EXCL, &size, err));
    enum sok_status status = vacuum_into(sqlite_of(db), path, err);
    if (status == SOK_OK)
        status = sync_file(path, err);
    if (status != SOK_OK)
        unlink(path);
    return status;
}

const struct sok_db_driver sok_db_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .dialect = sqlite_dialect,
    .reader = sqlite_reader,
    .query = sqlite_query,
    .write = sqlite_write,
    .read = sqlite_read,
    .scan = sqlite_scan,
    .snapshot = sqlite_snapshot,
};
