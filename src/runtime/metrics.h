// Counters, gauges and histograms, and the Prometheus text of them (exposition format 0.0.4).
//
// The metrics are one table in metrics_table.c: name, kind, help, labels. Call sites name a row by its enum
// value, so a name that is not in the table does not build. A label's value is a number of a fixed list, or
// of a capped table for what only the running program knows (routes, providers): their number is bounded
// whatever anybody sends, and an update is an addition in a place that is the thread's own: no lock, no
// search, no text. docs/guide/metrics.md says what each means.
#ifndef SOK_RUNTIME_METRICS_H
#define SOK_RUNTIME_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "runtime/metrics_labels.h"

enum sok_metric {
    SOK_METRIC_API_REQUESTS,        // endpoint, method, status
    SOK_METRIC_API_REQUEST_SECONDS, // endpoint
    SOK_METRIC_API_REQUEST_BYTES,   // endpoint
    SOK_METRIC_API_RESPONSE_BYTES,  // endpoint
    SOK_METRIC_API_PART_SECONDS,    // part
    SOK_METRIC_API_ACTIVE,
    SOK_METRIC_DB_CONNECTIONS,
    SOK_METRIC_DB_POOL_SIZE,
    SOK_METRIC_DB_POOL_WAITING,
    SOK_METRIC_DB_POOL_WAIT_SECONDS,
    SOK_METRIC_DB_POOL_EXHAUSTED,
    SOK_METRIC_DB_RETRIES,
    SOK_METRIC_DB_QUERIES,
    SOK_METRIC_DB_REPLICA_READS, // answer
    SOK_METRIC_DB_QUERY_SECONDS, // query type
    SOK_METRIC_DB_ERRORS,        // error type
    SOK_METRIC_DB_TRANSACTIONS,  // transaction
    SOK_METRIC_DB_TRANSACTION_SECONDS,
    SOK_METRIC_CACHE_HITS,   // cache type
    SOK_METRIC_CACHE_MISSES, // cache type
    SOK_METRIC_CACHE_BYTES,
    SOK_METRIC_CACHE_ENTRIES,
    SOK_METRIC_CACHE_EVICTIONS,
    SOK_METRIC_CACHE_REMOVALS, // cache type, removal
    SOK_METRIC_CACHE_SECONDS,  // cache operation
    SOK_METRIC_CACHE_ERRORS,
    SOK_METRIC_WORKER_JOBS,        // worker, job status
    SOK_METRIC_WORKER_JOB_SECONDS, // worker
    SOK_METRIC_WORKER_QUEUE,       // worker
    SOK_METRIC_WORKER_THREADS,     // worker
    SOK_METRIC_WORKER_BUSY,        // worker
    SOK_METRIC_WORKER_ERRORS,      // worker, error type
    SOK_METRIC_SEARCH_REQUESTS,    // provider
    SOK_METRIC_SEARCH_RESULTS,     // provider
    SOK_METRIC_SEARCH_SECONDS,     // provider
    SOK_METRIC_SEARCH_ERRORS,      // provider, error type
    SOK_METRIC_DOWNLOAD_BYTES,
    SOK_METRIC_DOWNLOAD_SECONDS,
    SOK_METRIC_DOWNLOAD_SPEED,
    SOK_METRIC_WS_CLIENTS,
    SOK_METRIC_SYSTEM_CPU,
    SOK_METRIC_SYSTEM_MEMORY,
    SOK_METRIC_SYSTEM_DISK_FREE,
    SOK_METRIC_WORKER_HEARTBEAT, // worker
    SOK_METRIC_SYSTEM_NET_IN,
    SOK_METRIC_SYSTEM_NET_OUT,
    SOK_METRIC_QUEUE_OLDEST, // worker
    SOK_METRIC_DEAD_LETTERS,
    SOK_METRIC_SENTINEL_UP,        // check
    SOK_METRIC_SENTINEL_DISK_FREE, // folder
    SOK_METRIC_SENTINEL_DISK_SIZE, // folder
    SOK_METRIC_SENTINEL_MEMORY,
    SOK_METRIC_SENTINEL_ACTIVE, // alert
    SOK_METRIC_SENTINEL_ALERTS, // alert, alert state
    SOK_METRIC_SENTINEL_RUN,
    SOK_METRIC_LOG_MESSAGES, // level
    SOK_METRIC_LOG_DROPPED,
    SOK_METRIC_BUILD_INFO, // version
    SOK_METRIC_PROCESS_CPU,
    SOK_METRIC_PROCESS_RESIDENT,
    SOK_METRIC_PROCESS_VIRTUAL,
    SOK_METRIC_PROCESS_FDS,
    SOK_METRIC_PROCESS_FDS_MAX,
    SOK_METRIC_PROCESS_THREADS,
    SOK_METRIC_PROCESS_START,
    SOK_METRIC_API_LIMITED,         // limit
    SOK_METRIC_API_REFUSED,         // refusal
    SOK_METRIC_WORKER_RETRIES,      // worker
    SOK_METRIC_WORKER_DEAD,         // worker
    SOK_METRIC_WORKER_LEASES_LOST,  // worker
    SOK_METRIC_WORKER_WAIT_SECONDS, // worker
    SOK_METRIC_QUEUE_TASKS,         // job, state
    SOK_METRIC_QUEUE_PUBLISHED,     // job
    SOK_METRIC_QUEUE_EVENTS,
    SOK_METRIC_HTTP_CLIENT_REQUESTS, // http result
    SOK_METRIC_HTTP_CLIENT_SECONDS,
    SOK_METRIC_HTTP_CLIENT_RETRIES,
    SOK_METRIC_HTTP_CLIENT_SPARED,
    SOK_METRIC_DOWNLOAD_UPLOADED,
    SOK_METRIC_DOWNLOAD_UP_SPEED,
    SOK_METRIC_DOWNLOADS_ACTIVE,
    SOK_METRIC_DOWNLOAD_PEERS,
    SOK_METRIC_DOWNLOADS_ENDED, // download end
    SOK_METRIC_DOWNLOAD_ERRORS, // error type
    SOK_METRIC_IMPORTS,         // outcome
    SOK_METRIC_IMPORT_SECONDS,
    SOK_METRIC_WS_CONNECTIONS,
    SOK_METRIC_WS_MESSAGES, // direction
    SOK_METRIC_WS_DROPPED,  // ws drop
    SOK_METRIC_AUTH_LOGINS, // login
    SOK_METRIC_AUTH_LOGIN_SECONDS,
    SOK_METRIC_AUTH_TOKENS,    // verified
    SOK_METRIC_AUTH_API_KEYS,  // verified
    SOK_METRIC_AUTH_REFRESHES, // refresh
    SOK_METRIC_AUDIT_ENTRIES,
    SOK_METRIC_MAILS,   // sending
    SOK_METRIC_UPLOADS, // upload
    SOK_METRIC_UPLOAD_SECONDS,
    SOK_METRIC_STREAMS_ACTIVE,
    SOK_METRIC_STREAM_BYTES,
    SOK_METRIC_STREAM_WAITS,
    SOK_METRIC_STREAM_WAIT_SECONDS,
    SOK_METRIC_COUNT
};

struct sok_metrics;

// One registry a process, made at start by app and handed down. Owned by the caller; freed when no thread
// uses it any more.
struct sok_metrics *sok_metrics_new(void);
struct sok_metrics *sok_metrics_free(struct sok_metrics *metrics);

// Label values in the table's order, 0 for labels the metric does not have. One that is out of range counts
// as "other". `metrics` may be NULL: nothing happens. Any thread; never blocks (a thread's first update
// allocates its place).
void sok_metric_add(
    struct sok_metrics *metrics, enum sok_metric metric, double by, int label1, int label2, int label3);
void sok_metric_set(
    struct sok_metrics *metrics, enum sok_metric metric, double value, int label1, int label2);
void sok_metric_observe(struct sok_metrics *metrics, enum sok_metric metric, double value, int label1);

// The value called so of a label with a fixed list; 0 ("other") when there is none, or for NULL.
int sok_label_find(enum sok_label label, const char *text);

// The number of an HTTP status, a job's end or a failure.
int sok_label_status(int http_status);

// The value called so of an open label, made when it is new; 0 once its table is full. Text beyond 100 bytes
// is cut. Any thread; takes a lock when it is new.
int sok_label_intern(struct sok_metrics *metrics, enum sok_label label, const char *text);

// --- What one request's time goes to.

// Microseconds by enum sok_part.
struct sok_parts {
    int64_t us[SOK_PART_COUNT];
};

// From now on what this thread spends is added to `parts`, too, until it is called with NULL. Borrowed.
void sok_metrics_follow(struct sok_metrics *metrics, struct sok_parts *parts);

// Adds the time since `started_us` (sok_time_mono_us) to what this thread follows, if anything, and gives it
// back in seconds.
double sok_metrics_spend(struct sok_metrics *metrics, enum sok_part part, int64_t started_us);

// --- Reading

// What a counter or gauge has come to; 0 when nothing was noted. Any thread.
double sok_metric_get(struct sok_metrics *metrics, enum sok_metric metric, int label1);

// Calls `each` for every value of a counter or gauge with one label, by the label's text.
void sok_metric_each(
    struct sok_metrics *metrics, enum sok_metric metric,
    void (*each)(void *context, const char *label1, double value), void *context);

// Reads what the system says of this process into its gauges. Blocks on reading /proc.
void sok_metrics_sample_process(struct sok_metrics *metrics);

// Appends the whole registry as Prometheus text. Counters and histograms whose labels all have fixed values
// are there at zero from the start, so that a rate over them is 0 and not nothing; gauges once they are
// known.
void sok_metrics_format(struct sok_metrics *metrics, struct sok_buf *ret_text);

#endif
