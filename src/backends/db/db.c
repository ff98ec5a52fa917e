#include "backends/db/db.h"

#include <stdio.h>
#include <string.h>

#include "backends/db/driver.h"
#include "base/time.h"

#define WRITE_WAIT_MS 15000

static const struct sok_db_driver *const drivers[] = {&sok_db_sqlite, &sok_db_postgres, &sok_db_failing};

static const struct sok_db_driver *find_driver(const char *url)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(drivers); i++) {
        size_t len = strlen(drivers[i]->scheme);
        if (strncmp(url, drivers[i]->scheme, len) == 0 && url[len] == ':')
            return drivers[i];
    }
    return NULL;
}

enum sok_status sok_db_check_url(const char *url, struct sok_error *err)
{
    const struct sok_db_driver *driver = find_driver(url);
    if (!driver) // the URL may hold a password, so it is not repeated
        return sok_fail(
            err, SOK_INVALID, "no driver for its scheme; there are sqlite:PATH and postgresql://...");
    return driver->check ? driver->check(url + strlen(driver->scheme) + 1, err) : SOK_OK;
}

enum sok_status sok_db_open_with(
    const struct sok_db_options *options, struct sok_db **ret, struct sok_error *err)
{
    const struct sok_db_driver *driver = find_driver(options->url);
    struct sok_error why = {0};
    if (sok_db_check_url(options->url, &why) != SOK_OK)
        return sok_fail(err, SOK_INVALID, "SOKOUL_DATABASE_URL: %s", why.message);
    return driver->open(options->url + strlen(driver->scheme) + 1, options, ret, err);
}

enum sok_status sok_db_open(
    const char *url, struct sok_metrics *metrics, struct sok_db **ret, struct sok_error *err)
{
    const struct sok_db_options options = {.url = url, .metrics = metrics};
    return sok_db_open_with(&options, ret, err);
}

enum sok_status sok_db_add_row(
    struct sok_arena *arena, struct sok_db_result *result, size_t *capacity, struct sok_db_value **ret_cells,
    struct sok_error *err)
{
    if (result->row_count >= SOK_DB_ROWS_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "a query gave more than %d rows", SOK_DB_ROWS_MAX);
    size_t before = result->row_count++ * result->column_count;
    result->cells =
        sok_grow_array(arena, result->cells, capacity, before + result->column_count, sizeof(*result->cells));
    *ret_cells = &result->cells[before];
    return SOK_OK;
}

struct sok_db *sok_db_close(struct sok_db *db)
{
    if (db)
        db->driver->close(db);
    return NULL;
}

const char *sok_db_dialect(const struct sok_db *db)
{
    return db->driver->dialect(db);
}

const char *sok_db_tx_dialect(const struct sok_db_tx *tx)
{
    return sok_db_dialect(tx->db);
}

struct sok_db_tx *sok_db_reader(struct sok_db *db)
{
    return db->driver->reader(db);
}

struct sok_db_tx *sok_db_replica_reader(struct sok_db *db)
{
    return db->driver->replica_reader ? db->driver->replica_reader(db) : sok_db_reader(db);
}

size_t sok_db_pool_size(const struct sok_db *db)
{
    return db->driver->pool_size ? db->driver->pool_size(db) : 0;
}

static int query_type(const char *sql)
{
    switch (*sql | 0x20) {
    case 's':
        return strncasecmp(sql, "select", 6) == 0 ? SOK_QUERY_SELECT : SOK_QUERY_OTHER;
    case 'i':
        return strncasecmp(sql, "insert", 6) == 0 ? SOK_QUERY_INSERT : SOK_QUERY_OTHER;
    case 'u':
        return strncasecmp(sql, "update", 6) == 0 ? SOK_QUERY_UPDATE : SOK_QUERY_OTHER;
    case 'd':
        return strncasecmp(sql, "delete", 6) == 0 ? SOK_QUERY_DELETE : SOK_QUERY_OTHER;
    default:
        return SOK_QUERY_OTHER;
    }
}

// --- What a transaction writes, told by its statements.

#define TABLES_MAX 12 // of one transaction; more: any

struct sok_db_writes {
    sok_db_body body;
    void *context;
    struct {
        char name[40];
        bool is_deletion;
    } tables[TABLES_MAX];
    size_t count;
    bool is_any;
    int64_t slowest_ms;
    char slowest_sql[1024]; // "": none was slow. A copy: the statement's memory may be the body's
};

static void note_table(struct sok_db_writes *writes, const char *name, bool is_deletion)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");
    for (size_t i = 0; i < writes->count; i++) {
        if (strncmp(writes->tables[i].name, name, len) == 0 && !writes->tables[i].name[len]) {
            writes->tables[i].is_deletion = writes->tables[i].is_deletion || is_deletion;
            return;
        }
    }
    if (!len || len >= sizeof(writes->tables[0].name) || writes->count == TABLES_MAX) {
        writes->is_any = true;
        return;
    }
    memcpy(writes->tables[writes->count].name, name, len);
    writes->tables[writes->count].name[len] = '\0';
    writes->tables[writes->count++].is_deletion = is_deletion;
}

static void note_statement(struct sok_db_writes *writes, const char *sql)
{
    static const char *const begin[] = {"INSERT INTO ", "UPDATE ", "DELETE FROM "};
    for (size_t i = 0; i < SOK_ARRAY_LEN(begin); i++) {
        if (strncasecmp(sql, begin[i], strlen(begin[i])) == 0) {
            note_table(writes, sql + strlen(begin[i]), i == 2);
            return;
        }
    }
    if (strncasecmp(sql, "SELECT", strlen("SELECT")) != 0)
        writes->is_any = true;
}

static enum sok_status run_noting(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_db_writes *writes = context;
    tx->writes = writes;
    enum sok_status status = writes->body(tx, writes->context, err);
    tx->writes = NULL;
    return status;
}

// Also of a write that failed: its commit may have come through although nobody said so.
static void tell(const struct sok_db *db, const struct sok_db_writes *writes)
{
    if (writes->slowest_sql[0])
        db->slow_listener(db->slow_context, writes->slowest_sql, writes->slowest_ms);
    if (!db->listener)
        return;
    if (writes->is_any)
        db->listener(db->listener_context, "", true);
    for (size_t i = 0; i < writes->count && !writes->is_any; i++)
        db->listener(db->listener_context, writes->tables[i].name, writes->tables[i].is_deletion);
}

void sok_db_listen(struct sok_db *db, sok_db_listener listener, void *context)
{
    db->listener = listener;
    db->listener_context = context;
}

void sok_db_listen_slow(struct sok_db *db, int64_t slow_ms, sok_db_slow_listener listener, void *context)
{
    db->slow_ms = slow_ms;
    db->slow_listener = listener;
    db->slow_context = context;
}

// A statement of a transaction may run on a thread that knows nothing of whose it is: it is told afterwards.
static void note_duration(const struct sok_db_tx *tx, const char *sql, int64_t took_us)
{
    const struct sok_db *db = tx->db;
    struct sok_db_writes *writes = tx->writes;
    int64_t took_ms = took_us / 1000;
    if (!db->slow_listener || took_ms < db->slow_ms)
        return;
    if (!writes) {
        db->slow_listener(db->slow_context, sql, took_ms);
    } else if (!writes->slowest_sql[0] || took_ms > writes->slowest_ms) {
        writes->slowest_ms = took_ms;
        snprintf(writes->slowest_sql, sizeof(writes->slowest_sql), "%s", sql);
    }
}

int64_t sok_db_measure_wait(struct sok_db *db)
{
    sok_metric_add(db->metrics, SOK_METRIC_DB_POOL_WAITING, 1, 0, 0, 0);
    return sok_time_mono_us();
}

void sok_db_measure_taken(
    struct sok_db *db, int64_t began_us, enum sok_status status, const struct sok_error *err)
{
    bool is_away = err && err->code && strcmp(err->code, SOK_DB_AWAY) == 0;
    sok_metric_add(db->metrics, SOK_METRIC_DB_POOL_WAITING, -1, 0, 0, 0);
    sok_metric_observe(
        db->metrics, SOK_METRIC_DB_POOL_WAIT_SECONDS, (double)(sok_time_mono_us() - began_us) / 1e6, 0);
    if (status == SOK_OK)
        sok_metric_add(db->metrics, SOK_METRIC_DB_CONNECTIONS, 1, 0, 0, 0);
    else if (status == SOK_UNAVAILABLE && !is_away)
        sok_metric_add(db->metrics, SOK_METRIC_DB_POOL_EXHAUSTED, 1, 0, 0, 0);
}

void sok_db_measure_returned(struct sok_db *db)
{
    sok_metric_add(db->metrics, SOK_METRIC_DB_CONNECTIONS, -1, 0, 0, 0);
}

// A statement of a transaction is part of the time that its sok_db_write measures.
static void measure_query(
    const struct sok_db_tx *tx, const char *sql, int64_t started_us, enum sok_status status)
{
    struct sok_db *db = tx->db;
    double seconds = tx == sok_db_reader(db) || tx == sok_db_replica_reader(db)
                         ? sok_metrics_spend(db->metrics, SOK_PART_DATABASE, started_us)
                         : (double)(sok_time_mono_us() - started_us) / 1e6;
    sok_metric_add(db->metrics, SOK_METRIC_DB_QUERIES, 1, 0, 0, 0);
    sok_metric_observe(db->metrics, SOK_METRIC_DB_QUERY_SECONDS, seconds, query_type(sql));
    if (status != SOK_OK)
        sok_metric_add(db->metrics, SOK_METRIC_DB_ERRORS, 1, (int)status, 0, 0);
}

enum sok_status sok_db_query(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    struct sok_metrics *metrics = tx->db->metrics;
    int64_t started_us = metrics || tx->db->slow_listener ? sok_time_mono_us() : 0;
    if (tx->writes)
        note_statement(tx->writes, sql);
    enum sok_status status = tx->db->driver->query(tx, arena, sql, params, param_count, ret, err);
    if (metrics)
        measure_query(tx, sql, started_us, status);
    if (tx->db->slow_listener)
        note_duration(tx, sql, sok_time_mono_us() - started_us);
    return status;
}

static enum sok_status write_and_tell(
    struct sok_db *db, sok_db_body body, void *context, bool rows_only, struct sok_error *err)
{
    if (!db->listener && !db->slow_listener)
        return db->driver->write(db, body, context, rows_only, WRITE_WAIT_MS, err);
    struct sok_db_writes writes = {.body = body, .context = context};
    enum sok_status status = db->driver->write(db, run_noting, &writes, rows_only, WRITE_WAIT_MS, err);
    tell(db, &writes);
    return status;
}

static enum sok_status measure_write(
    struct sok_db *db, sok_db_body body, void *context, bool rows_only, struct sok_error *err)
{
    if (!db->metrics)
        return write_and_tell(db, body, context, rows_only, err);
    int64_t started_us = sok_time_mono_us();
    enum sok_status status = write_and_tell(db, body, context, rows_only, err);
    double seconds = sok_metrics_spend(db->metrics, SOK_PART_DATABASE, started_us);
    sok_metric_observe(db->metrics, SOK_METRIC_DB_TRANSACTION_SECONDS, seconds, 0);
    sok_metric_add(
        db->metrics, SOK_METRIC_DB_TRANSACTIONS, 1,
        status == SOK_OK ? SOK_TRANSACTION_COMMITTED : SOK_TRANSACTION_FAILED, 0, 0);
    return status;
}

enum sok_status sok_db_write(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    return measure_write(db, body, context, false, err);
}

enum sok_status sok_db_write_rows(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    return measure_write(db, body, context, true, err);
}

enum sok_status sok_db_read(struct sok_db *db, sok_db_body body, void *context, struct sok_error *err)
{
    int64_t started_us = sok_time_mono_us();
    enum sok_status status = db->driver->read(db, body, context, err);
    sok_metrics_spend(db->metrics, SOK_PART_DATABASE, started_us);
    return status;
}

enum sok_status sok_db_scan(
    struct sok_db_tx *tx, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    if (!tx->is_read)
        return sok_fail(err, SOK_INTERNAL, "a scan outside a transaction that reads");
    return tx->db->driver->scan(tx, sql, row, context, err);
}

enum sok_status sok_db_snapshot(struct sok_db *db, const char *path, struct sok_error *err)
{
    return db->driver->snapshot(db, path, err);
}

// The row is there so that a ping has something to write; it belongs to this layer, not to the schema.
static enum sok_status ping_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "CREATE TABLE IF NOT EXISTS db_ping (id BIGINT PRIMARY KEY, at BIGINT NOT NULL)"));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO db_ping (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        sok_db_int(*(const int64_t *)context));
}

enum sok_status sok_db_ping(struct sok_db *db, int64_t timeout_ms, struct sok_error *err)
{
    int64_t now_ms = sok_time_now_ms();
    SOK_TRY(SOK_DB_QUERY(sok_db_reader(db), NULL, NULL, err, "SELECT 1"));
    return db->driver->write(db, ping_body, &now_ms, false, timeout_ms, err);
}

static const struct sok_db_value *cell(const struct sok_db_result *result, size_t row, size_t column)
{
    if (row >= result->row_count || column >= result->column_count)
        sok_panic(
            "cell %zu,%zu of a result of %zu x %zu", row, column, result->row_count, result->column_count);
    return &result->cells[row * result->column_count + column];
}

const char *sok_db_get_text(const struct sok_db_result *result, size_t row, size_t column)
{
    const struct sok_db_value *value = cell(result, row, column);
    return value->type == SOK_DB_TEXT || value->type == SOK_DB_BLOB ? value->text : NULL;
}

int64_t sok_db_get_int(const struct sok_db_result *result, size_t row, size_t column)
{
    const struct sok_db_value *value = cell(result, row, column);
    return value->type == SOK_DB_INT ? value->integer : value->type == SOK_DB_REAL ? (int64_t)value->real : 0;
}

double sok_db_get_real(const struct sok_db_result *result, size_t row, size_t column)
{
    const struct sok_db_value *value = cell(result, row, column);
    return value->type == SOK_DB_REAL ? value->real : value->type == SOK_DB_INT ? (double)value->integer : 0;
}
