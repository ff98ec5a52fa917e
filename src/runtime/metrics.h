// Counters, gauges and histograms, and the Prometheus text of them (exposition format 0.0.4).
//
// The metrics are one table in metrics.c: name, kind, help, label names. Call sites name a row by its enum
// value, so a name that is not in the table does not build. Label values are bounded: at most the
// combinations of its row (64 and more); what comes after is counted under "other".
#ifndef SOK_RUNTIME_METRICS_H
#define SOK_RUNTIME_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum sok_metric {
    SOK_METRIC_API_REQUESTS,        // sokoul_api_requests_total{endpoint,method,status}
    SOK_METRIC_API_REQUEST_SECONDS, // sokoul_api_request_duration_seconds{endpoint}
    SOK_METRIC_API_REQUEST_BYTES,   // sokoul_api_request_size_bytes{endpoint}
    SOK_METRIC_API_RESPONSE_BYTES,  // sokoul_api_response_size_bytes{endpoint}
    SOK_METRIC_DB_CONNECTIONS,      // sokoul_db_connections_active
    SOK_METRIC_DB_QUERY_SECONDS,    // sokoul_db_query_duration_seconds{query_type}
    SOK_METRIC_DB_POOL_SIZE,        // sokoul_db_pool_size
    SOK_METRIC_DB_QUERIES,          // sokoul_db_queries_total
    SOK_METRIC_CACHE_HITS,          // sokoul_cache_hits_total{cache_type}
    SOK_METRIC_CACHE_MISSES,        // sokoul_cache_misses_total{cache_type}
    SOK_METRIC_CACHE_BYTES,         // sokoul_cache_size_bytes
    SOK_METRIC_CACHE_EVICTIONS,     // sokoul_cache_evictions_total
    SOK_METRIC_WORKER_JOBS,         // sokoul_worker_jobs_total{worker_type,status}
    SOK_METRIC_WORKER_JOB_SECONDS,  // sokoul_worker_job_duration_seconds{worker_type}
    SOK_METRIC_WORKER_QUEUE,        // sokoul_worker_queue_size{worker_type}
    SOK_METRIC_WORKER_THREADS,      // sokoul_worker_threads{worker_type}
    SOK_METRIC_WORKER_BUSY,         // sokoul_worker_busy{worker_type}
    SOK_METRIC_WORKER_ERRORS,       // sokoul_worker_errors_total{worker_type,error_type}
    SOK_METRIC_SEARCH_REQUESTS,     // sokoul_search_requests_total{provider}
    SOK_METRIC_SEARCH_RESULTS,      // sokoul_search_results_total{provider}
    SOK_METRIC_SEARCH_SECONDS,      // sokoul_search_latency_seconds{provider}
    SOK_METRIC_SEARCH_ERRORS,       // sokoul_search_errors_total{provider,error_type}
    SOK_METRIC_DOWNLOAD_BYTES,      // sokoul_download_bytes_total
    SOK_METRIC_DOWNLOAD_SECONDS,    // sokoul_download_duration_seconds
    SOK_METRIC_DOWNLOAD_SPEED,      // sokoul_download_speed_bytes_per_second
    SOK_METRIC_SYSTEM_CPU,          // sokoul_system_cpu_percent
    SOK_METRIC_SYSTEM_MEMORY,       // sokoul_system_memory_bytes
    SOK_METRIC_SYSTEM_DISK_FREE,    // sokoul_system_disk_free_bytes
    SOK_METRIC_WS_CLIENTS,          // sokoul_ws_clients
    SOK_METRIC_COUNT
};

struct sok_metrics;

// One registry a process, made at start by app and handed down. Owned by the caller.
struct sok_metrics *sok_metrics_new(void);
struct sok_metrics *sok_metrics_free(struct sok_metrics *metrics);

// Label values in the table's order, NULL for labels the metric does not have. `metrics` may be NULL: nothing
// happens. Any thread; does not block for longer than another thread's update.
void sok_metric_add(
    struct sok_metrics *metrics, enum sok_metric metric, double by, const char *label1, const char *label2,
    const char *label3);
void sok_metric_set(struct sok_metrics *metrics, enum sok_metric metric, double value, const char *label1);
void sok_metric_observe(
    struct sok_metrics *metrics, enum sok_metric metric, double value, const char *label1);

// What a counter or gauge has come to; 0 when nothing was noted. Any thread.
double sok_metric_get(struct sok_metrics *metrics, enum sok_metric metric, const char *label1);

// Calls `each` for every value of a counter or gauge with its first label ("" without one), under the
// metric's lock: it must not touch the same metric.
void sok_metric_each(
    struct sok_metrics *metrics, enum sok_metric metric,
    void (*each)(void *context, const char *label1, double value), void *context);

// Appends the whole registry as Prometheus text.
void sok_metrics_format(struct sok_metrics *metrics, struct sok_buf *ret_text);

#endif
