// Counters, gauges and histograms. A metric's series are a hash map from the joined label values; each metric
// has its own lock, so only updates of the same metric meet. Series are never removed: their number is
// bounded by the row.
#include "runtime/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/status.h"

#define LABELS_MAX 3
#define KEY_MAX 256
#define BUCKETS_MAX 12
#define SEPARATOR "\x1f"

enum kind { COUNTER, GAUGE, SECONDS, BYTES, LONG_SECONDS };

static const double bounds[][BUCKETS_MAX] = {
    [SECONDS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10},
    [BYTES] = {64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 268435456, 4294967296},
    [LONG_SECONDS] = {0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200},
};

// `series_max` bounds the label combinations; what comes after is counted under "other".
static const struct row {
    const char *name, *help;
    enum kind kind;
    int series_max;
    const char *labels[LABELS_MAX];
} rows[SOK_METRIC_COUNT] = {
    [SOK_METRIC_API_REQUESTS] =
        {"sokoul_api_requests_total",
         "HTTP requests answered",
         COUNTER,
         1024,
         {"endpoint", "method", "status"}},
    [SOK_METRIC_API_REQUEST_SECONDS] =
        {"sokoul_api_request_duration_seconds", "Time from request to reply", SECONDS, 128, {"endpoint"}},
    [SOK_METRIC_API_REQUEST_BYTES] =
        {"sokoul_api_request_size_bytes", "Size of request bodies", BYTES, 128, {"endpoint"}},
    [SOK_METRIC_API_RESPONSE_BYTES] =
        {"sokoul_api_response_size_bytes", "Size of reply bodies", BYTES, 128, {"endpoint"}},
    [SOK_METRIC_DB_CONNECTIONS] =
        {"sokoul_db_connections_active", "Database connections in use", GAUGE, 1, {0}},
    [SOK_METRIC_DB_QUERY_SECONDS] =
        {"sokoul_db_query_duration_seconds", "Time of a database statement", SECONDS, 64, {"query_type"}},
    [SOK_METRIC_DB_POOL_SIZE] = {"sokoul_db_pool_size", "Database connections open", GAUGE, 1, {0}},
    [SOK_METRIC_DB_QUERIES] = {"sokoul_db_queries_total", "Database statements run", COUNTER, 1, {0}},
    [SOK_METRIC_CACHE_HITS] =
        {"sokoul_cache_hits_total", "Lookups that found an entry", COUNTER, 64, {"cache_type"}},
    [SOK_METRIC_CACHE_MISSES] =
        {"sokoul_cache_misses_total", "Lookups that found none", COUNTER, 64, {"cache_type"}},
    [SOK_METRIC_CACHE_BYTES] = {"sokoul_cache_size_bytes", "Memory held by the cache", GAUGE, 1, {0}},
    [SOK_METRIC_CACHE_EVICTIONS] =
        {"sokoul_cache_evictions_total", "Entries dropped to make room", COUNTER, 1, {0}},
    [SOK_METRIC_WORKER_JOBS] =
        {"sokoul_worker_jobs_total", "Jobs ended", COUNTER, 64, {"worker_type", "status"}},
    [SOK_METRIC_WORKER_JOB_SECONDS] =
        {"sokoul_worker_job_duration_seconds", "Time a job ran", LONG_SECONDS, 64, {"worker_type"}},
    [SOK_METRIC_WORKER_QUEUE] =
        {"sokoul_worker_queue_size", "Jobs waiting to be run", GAUGE, 64, {"worker_type"}},
    [SOK_METRIC_WORKER_THREADS] =
        {"sokoul_worker_threads", "Threads that run jobs", GAUGE, 64, {"worker_type"}},
    [SOK_METRIC_WORKER_BUSY] = {"sokoul_worker_busy", "Jobs being run", GAUGE, 64, {"worker_type"}},
    [SOK_METRIC_WORKER_ERRORS] =
        {"sokoul_worker_errors_total", "Jobs that failed a try", COUNTER, 128, {"worker_type", "error_type"}},
    [SOK_METRIC_SEARCH_REQUESTS] =
        {"sokoul_search_requests_total", "Searches sent to a provider", COUNTER, 64, {"provider"}},
    [SOK_METRIC_SEARCH_RESULTS] =
        {"sokoul_search_results_total", "Results a provider gave", COUNTER, 64, {"provider"}},
    [SOK_METRIC_SEARCH_SECONDS] =
        {"sokoul_search_latency_seconds", "Time until a provider answered", LONG_SECONDS, 64, {"provider"}},
    [SOK_METRIC_SEARCH_ERRORS] =
        {"sokoul_search_errors_total",
         "Searches a provider failed",
         COUNTER,
         128,
         {"provider", "error_type"}},
    [SOK_METRIC_DOWNLOAD_BYTES] =
        {"sokoul_download_bytes_total", "Payload bytes downloaded", COUNTER, 1, {0}},
    [SOK_METRIC_DOWNLOAD_SECONDS] =
        {"sokoul_download_duration_seconds", "Time from start to complete download", LONG_SECONDS, 1, {0}},
    [SOK_METRIC_DOWNLOAD_SPEED] =
        {"sokoul_download_speed_bytes_per_second", "Payload speed of all downloads", GAUGE, 1, {0}},
    [SOK_METRIC_SYSTEM_CPU] = {"sokoul_system_cpu_percent", "Busy share of all processors", GAUGE, 1, {0}},
    [SOK_METRIC_SYSTEM_MEMORY] =
        {"sokoul_system_memory_bytes", "Resident memory of the process", GAUGE, 1, {0}},
    [SOK_METRIC_SYSTEM_DISK_FREE] =
        {"sokoul_system_disk_free_bytes", "Room on the data directory's file system", GAUGE, 1, {0}},
    [SOK_METRIC_WS_CLIENTS] = {"sokoul_ws_clients", "WebSockets open", GAUGE, 1, {0}},
};

struct series {
    UT_hash_handle hh;
    double value; // of a histogram: the sum
    uint64_t count, buckets[BUCKETS_MAX];
    char key[]; // label values joined by SEPARATOR
};

struct family {
    pthread_mutex_t lock;
    struct series *series;
};

struct sok_metrics {
    struct family families[SOK_METRIC_COUNT];
};

struct sok_metrics *sok_metrics_new(void)
{
    struct sok_metrics *metrics = calloc(1, sizeof(*metrics));
    if (!metrics)
        sok_panic("out of memory for metrics");
    for (int i = 0; i < SOK_METRIC_COUNT; i++)
        pthread_mutex_init(&metrics->families[i].lock, NULL);
    return metrics;
}

struct sok_metrics *sok_metrics_free(struct sok_metrics *metrics)
{
    if (!metrics)
        return NULL;
    for (int i = 0; i < SOK_METRIC_COUNT; i++) {
        struct series *series = metrics->families[i].series, *next;
        HASH_CLEAR(hh, metrics->families[i].series);
        for (; series; series = next) {
            next = series->hh.next;
            free(series);
        }
        pthread_mutex_destroy(&metrics->families[i].lock);
    }
    free(metrics);
    return NULL;
}

static size_t join_labels(const struct row *row, const char *const values[LABELS_MAX], char key[KEY_MAX])
{
    size_t len = 0;
    for (int i = 0; i < LABELS_MAX && row->labels[i]; i++) {
        const char *value = values && values[i] ? values[i] : values ? "" : "other";
        if (i)
            key[len++] = *SEPARATOR;
        size_t n = strnlen(value, KEY_MAX / LABELS_MAX - 2);
        memcpy(key + len, value, n);
        len += n;
    }
    key[len] = 0;
    return len;
}

// The series of these values, made when it is new; with the family's lock held.
static struct series *find_series(
    struct family *family, const struct row *row, const char *const values[LABELS_MAX])
{
    char key[KEY_MAX];
    size_t len = join_labels(row, values, key);
    struct series *series = NULL;
    HASH_FIND(hh, family->series, key, len, series);
    if (series)
        return series;
    if ((int)HASH_COUNT(family->series) >= row->series_max && values && row->series_max > 1)
        return find_series(family, row, NULL);
    series = calloc(1, sizeof(*series) + len + 1);
    if (!series)
        sok_panic("out of memory for a metric");
    memcpy(series->key, key, len + 1);
    HASH_ADD_KEYPTR(hh, family->series, series->key, len, series);
    return series;
}

static struct series *lock_series(
    struct sok_metrics *metrics, enum sok_metric metric, const char *label1, const char *label2,
    const char *label3)
{
    const char *const values[LABELS_MAX] = {label1, label2, label3};
    pthread_mutex_lock(&metrics->families[metric].lock);
    return find_series(&metrics->families[metric], &rows[metric], values);
}

static void unlock(struct sok_metrics *metrics, enum sok_metric metric)
{
    pthread_mutex_unlock(&metrics->families[metric].lock);
}

void sok_metric_add(
    struct sok_metrics *metrics, enum sok_metric metric, double by, const char *label1, const char *label2,
    const char *label3)
{
    if (!metrics)
        return;
    lock_series(metrics, metric, label1, label2, label3)->value += by;
    unlock(metrics, metric);
}

void sok_metric_set(struct sok_metrics *metrics, enum sok_metric metric, double value, const char *label1)
{
    if (!metrics)
        return;
    lock_series(metrics, metric, label1, NULL, NULL)->value = value;
    unlock(metrics, metric);
}

void sok_metric_observe(struct sok_metrics *metrics, enum sok_metric metric, double value, const char *label1)
{
    if (!metrics)
        return;
    struct series *series = lock_series(metrics, metric, label1, NULL, NULL);
    series->value += value;
    series->count++;
    for (int i = 0; i < BUCKETS_MAX; i++)
        if (value <= bounds[rows[metric].kind][i])
            series->buckets[i]++;
    unlock(metrics, metric);
}

double sok_metric_get(struct sok_metrics *metrics, enum sok_metric metric, const char *label1)
{
    if (!metrics)
        return 0;
    double value = lock_series(metrics, metric, label1, NULL, NULL)->value;
    unlock(metrics, metric);
    return value;
}

void sok_metric_each(
    struct sok_metrics *metrics, enum sok_metric metric,
    void (*each)(void *context, const char *label1, double value), void *context)
{
    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->families[metric].lock);
    for (const struct series *at = metrics->families[metric].series; at; at = at->hh.next) {
        char label[KEY_MAX];
        size_t len = strcspn(at->key, SEPARATOR);
        memcpy(label, at->key, len);
        label[len] = 0;
        each(context, label, at->value);
    }
    unlock(metrics, metric);
}

// {a="x",b="y"} or nothing; `extra` is one more ready-made pair.
static void put_labels(struct sok_buf *text, const struct row *row, const char *key, const char *extra)
{
    if (!row->labels[0] && !extra)
        return;
    sok_buf_puts(text, "{");
    for (int i = 0; i < LABELS_MAX && row->labels[i]; i++) {
        sok_buf_printf(text, "%s%s=\"", i ? "," : "", row->labels[i]);
        size_t len = strcspn(key, SEPARATOR);
        for (size_t j = 0; j < len; j++) {
            if (key[j] == '"' || key[j] == '\\')
                sok_buf_puts(text, "\\");
            sok_buf_append(text, key[j] == '\n' ? "\\n" : key + j, key[j] == '\n' ? 2 : 1);
        }
        sok_buf_puts(text, "\"");
        key += len + (key[len] != 0);
    }
    if (extra)
        sok_buf_printf(text, "%s%s", row->labels[0] ? "," : "", extra);
    sok_buf_puts(text, "}");
}

static void put_value(struct sok_buf *text, double value)
{
    if (floor(value) == value && fabs(value) < 9e15)
        sok_buf_printf(text, " %lld\n", (long long)value);
    else
        sok_buf_printf(text, " %.9g\n", value);
}

static void put_line(
    struct sok_buf *text, const struct row *row, const char *suffix, const char *key, const char *extra,
    double value)
{
    sok_buf_printf(text, "%s%s", row->name, suffix);
    put_labels(text, row, key, extra);
    put_value(text, value);
}

static void put_series(struct sok_buf *text, const struct row *row, const struct series *series)
{
    if (row->kind == COUNTER || row->kind == GAUGE) {
        put_line(text, row, "", series->key, NULL, series->value);
        return;
    }
    for (int i = 0; i <= BUCKETS_MAX; i++) {
        char extra[48] = "le=\"+Inf\"";
        if (i < BUCKETS_MAX)
            snprintf(extra, sizeof(extra), "le=\"%.10g\"", bounds[row->kind][i]);
        put_line(
            text, row, "_bucket", series->key, extra,
            (double)(i < BUCKETS_MAX ? series->buckets[i] : series->count));
    }
    put_line(text, row, "_sum", series->key, NULL, series->value);
    put_line(text, row, "_count", series->key, NULL, (double)series->count);
}

void sok_metrics_format(struct sok_metrics *metrics, struct sok_buf *ret_text)
{
    for (int i = 0; i < SOK_METRIC_COUNT; i++) {
        const struct row *row = &rows[i];
        const char *type = row->kind == COUNTER ? "counter" : row->kind == GAUGE ? "gauge" : "histogram";
        sok_buf_printf(ret_text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, type);
        pthread_mutex_lock(&metrics->families[i].lock);
        // What has no labels is there from the start, at zero: a dashboard can tell "none yet" from "not
        // known".
        if (!row->labels[0])
            (void)find_series(&metrics->families[i], row, (const char *const[LABELS_MAX]){0});
        for (const struct series *at = metrics->families[i].series; at; at = at->hh.next)
            put_series(ret_text, row, at);
        pthread_mutex_unlock(&metrics->families[i].lock);
    }
}
