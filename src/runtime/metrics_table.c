// Every metric and every label of it: one row each. docs/guide/metrics.md has the same rows (dev/check_docs).
#include "runtime/metrics_private.h"

#define ENDPOINTS_MAX 192
#define PROVIDERS_MAX 65

const struct sok_metric_bounds sok_metric_bounds[] = {
    [SOK_COUNTER] = {0},
    [SOK_GAUGE] = {0},
    [SOK_SECONDS] =
        {15, {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}},
    [SOK_BYTES] =
        {12, {64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 268435456, 4294967296}},
    [SOK_LONG_SECONDS] = {12, {0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200}},
};

static const char *const alerts[] = {
    "other", "cpu",   "memory",  "disk_data", "disk_downloads", "disk_library", "database",
    "cache", "queue", "scanner", "providers", "queue_depth",    "queue_age",    "dead_letters"};
static const char *const alert_states[] = {"other", "raised", "cleared"};
static const char *const answers[] = {"other", "replica", "behind", "away"};
static const char *const cache_types[] = {"other",    "count",  "history", "limit",   "media",
                                          "response", "search", "stats",   "version", "ws_ticket"};
static const char *const checks[] = {"other", "database", "cache", "queue", "scanner", "disk", "providers"};
static const char *const folders[] = {"other", "data", "downloads", "library"};
static const char *const error_types[] = {
    [SOK_OK] = "other",
    [SOK_NOT_FOUND] = "not_found",
    [SOK_INVALID] = "invalid",
    [SOK_UNAUTHENTICATED] = "unauthenticated",
    [SOK_DENIED] = "forbidden",
    [SOK_CONFLICT] = "conflict",
    [SOK_PRECONDITION] = "precondition_failed",
    [SOK_TOO_LARGE] = "too_large",
    [SOK_UNSUPPORTED] = "unsupported_media_type",
    [SOK_LIMITED] = "rate_limited",
    [SOK_UNAVAILABLE] = "unavailable",
    [SOK_TIMEOUT] = "timeout",
    [SOK_NO_SPACE] = "no_space",
    [SOK_PROTOCOL] = "bad_upstream",
    [SOK_CANCELLED] = "cancelled",
    [SOK_IO] = "io_error",
    [SOK_INTERNAL] = "internal",
};
_Static_assert(SOK_ARRAY_LEN(error_types) == SOK_STATUS_COUNT, "a text for every status");
static const char *const levels[] = {"other", "debug", "info", "warn", "error"};
static const char *const methods[] = {"other", "GET", "HEAD", "POST", "PUT", "DELETE"};
static const char *const cache_operations[] = {"other", "get", "put", "clear", "limit"};
static const char *const parts[] = {"other", "auth", "database", "cache", "serialisation"};
_Static_assert(SOK_ARRAY_LEN(parts) == SOK_PART_COUNT, "a text for every part");
static const char *const query_types[] = {"other", "select", "insert", "update", "delete"};
static const char *const removals[] = {"other", "evicted", "expired", "cleared"};
static const char *const job_statuses[] = {"other", "completed", "failed", "retried", "cancelled", "pending"};
static const char *const transactions[] = {"other", "committed", "failed"};
static const char *const workers[] = {"other", "scout", "hunter", "oracle", "librarian", "sentinel"};

static const char *const directions[] = {"other", "in", "out"};
static const char *const download_ends[] = {"other", "completed", "failed", "cancelled"};
static const char *const http_results[] = {"other", "2xx", "3xx", "4xx", "5xx", "failed"};
static const char *const jobs[] = {"other", "search", "download", "score", "monitor"};
static const char *const limits[] = {"other", "ip",      "api",       "search",
                                     "auth",  "account", "downloads", "websockets"};
static const char *const logins[] = {"other", "ok", "failed", "limited"};
static const char *const outcomes[] = {"other", "completed", "failed"};
static const char *const refreshes[] = {"other", "ok", "refused", "reused"};
static const char *const refusals[] = {"other", "blacklist", "host", "policy", "overload"};
static const char *const sendings[] = {"other", "sent", "failed"};
static const char *const states[] = {"other", "pending", "running", "failed", "completed", "cancelled"};
static const char *const uploads[] = {"other", "clean", "infected", "unavailable", "unscanned"};
static const char *const verifieds[] = {"other", "ok", "refused"};
static const char *const ws_drops[] = {"other", "slow", "silent"};

// What the server answers, beside what nobody has thought of.
static const char *const statuses[] = {
    "other", "101", "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "308", "400",
    "401",   "403", "404", "405", "406", "408", "409", "410", "411", "412", "413", "414", "415", "416",
    "417",   "421", "422", "426", "428", "429", "431", "500", "501", "502", "503", "504", "505", "507"};
static const unsigned char status_numbers[] = {
    [101] = 1,  [200] = 2,  [201] = 3,  [202] = 4,  [204] = 5,  [206] = 6,  [301] = 7,
    [302] = 8,  [303] = 9,  [304] = 10, [307] = 11, [308] = 12, [400] = 13, [401] = 14,
    [403] = 15, [404] = 16, [405] = 17, [406] = 18, [408] = 19, [409] = 20, [410] = 21,
    [411] = 22, [412] = 23, [413] = 24, [414] = 25, [415] = 26, [416] = 27, [417] = 28,
    [421] = 29, [422] = 30, [426] = 31, [428] = 32, [429] = 33, [431] = 34, [500] = 35,
    [501] = 36, [502] = 37, [503] = 38, [504] = 39, [505] = 40, [507] = 41};

int sok_label_status(int http_status)
{
    bool is_known = http_status >= 0 && http_status < (int)SOK_ARRAY_LEN(status_numbers);
    return is_known ? status_numbers[http_status] : 0;
}

#define FIXED(list) list, SOK_ARRAY_LEN(list)
const struct sok_label_row sok_label_rows[SOK_LABEL_COUNT] = {
    [SOK_LABEL_ALERT] = {"alert", FIXED(alerts)},
    [SOK_LABEL_ALERT_STATE] = {"state", FIXED(alert_states)},
    [SOK_LABEL_ANSWER] = {"answer", FIXED(answers)},
    [SOK_LABEL_CACHE_TYPE] = {"cache_type", FIXED(cache_types)},
    [SOK_LABEL_CHECK] = {"check", FIXED(checks)},
    [SOK_LABEL_ENDPOINT] = {"endpoint", NULL, ENDPOINTS_MAX},
    [SOK_LABEL_ERROR_TYPE] = {"error_type", FIXED(error_types)},
    [SOK_LABEL_FOLDER] = {"folder", FIXED(folders)},
    [SOK_LABEL_LEVEL] = {"level", FIXED(levels)},
    [SOK_LABEL_METHOD] = {"method", FIXED(methods)},
    [SOK_LABEL_CACHE_OPERATION] = {"operation", FIXED(cache_operations)},
    [SOK_LABEL_PART] = {"part", FIXED(parts)},
    [SOK_LABEL_PROVIDER] = {"provider", NULL, PROVIDERS_MAX},
    [SOK_LABEL_QUERY_TYPE] = {"query_type", FIXED(query_types)},
    [SOK_LABEL_REMOVAL] = {"reason", FIXED(removals)},
    [SOK_LABEL_STATUS] = {"status", FIXED(statuses)},
    [SOK_LABEL_JOB_STATUS] = {"status", FIXED(job_statuses)},
    [SOK_LABEL_TRANSACTION] = {"status", FIXED(transactions)},
    [SOK_LABEL_VERSION] = {"version", NULL, 2},
    [SOK_LABEL_DIRECTION] = {"direction", FIXED(directions)},
    [SOK_LABEL_DOWNLOAD_END] = {"status", FIXED(download_ends)},
    [SOK_LABEL_HTTP_RESULT] = {"result", FIXED(http_results)},
    [SOK_LABEL_JOB] = {"job", FIXED(jobs)},
    [SOK_LABEL_LIMIT] = {"limit", FIXED(limits)},
    [SOK_LABEL_LOGIN] = {"result", FIXED(logins)},
    [SOK_LABEL_OUTCOME] = {"status", FIXED(outcomes)},
    [SOK_LABEL_REFRESH] = {"result", FIXED(refreshes)},
    [SOK_LABEL_REFUSAL] = {"reason", FIXED(refusals)},
    [SOK_LABEL_SENDING] = {"result", FIXED(sendings)},
    [SOK_LABEL_STATE] = {"state", FIXED(states)},
    [SOK_LABEL_UPLOAD] = {"result", FIXED(uploads)},
    [SOK_LABEL_VERIFIED] = {"result", FIXED(verifieds)},
    [SOK_LABEL_WS_DROP] = {"reason", FIXED(ws_drops)},
    [SOK_LABEL_WORKER] = {"worker_type", FIXED(workers)},
};

#define L(label) SOK_LABEL_##label
const struct sok_metric_row sok_metric_rows[SOK_METRIC_COUNT] = {
    // HTTP
    [SOK_METRIC_API_REQUESTS] =
        {"sokoul_api_requests_total",
         "HTTP requests answered",
         SOK_COUNTER,
         {L(ENDPOINT), L(METHOD), L(STATUS)}},
    [SOK_METRIC_API_REQUEST_SECONDS] =
        {"sokoul_api_request_duration_seconds", "Time from request to reply", SOK_SECONDS, {L(ENDPOINT)}},
    [SOK_METRIC_API_REQUEST_BYTES] =
        {"sokoul_api_request_size_bytes", "Size of request bodies", SOK_BYTES, {L(ENDPOINT)}},
    [SOK_METRIC_API_RESPONSE_BYTES] =
        {"sokoul_api_response_size_bytes", "Size of reply bodies", SOK_BYTES, {L(ENDPOINT)}},
    [SOK_METRIC_API_PART_SECONDS] =
        {"sokoul_api_request_part_duration_seconds",
         "Time that a request spent in this part",
         SOK_SECONDS,
         {L(PART)}},
    [SOK_METRIC_API_ACTIVE] = {"sokoul_api_requests_active", "HTTP requests being answered", SOK_GAUGE, {0}},
    [SOK_METRIC_API_LIMITED] =
        {"sokoul_api_limited_total", "Requests refused because a limit was reached", SOK_COUNTER, {L(LIMIT)}},
    [SOK_METRIC_API_REFUSED] =
        {"sokoul_api_refused_total",
         "Requests refused before their handler for another reason",
         SOK_COUNTER,
         {L(REFUSAL)}},
    // Database
    [SOK_METRIC_DB_CONNECTIONS] =
        {"sokoul_db_connections_active", "Database connections in use", SOK_GAUGE, {0}},
    [SOK_METRIC_DB_POOL_SIZE] = {"sokoul_db_pool_size", "Database connections at most", SOK_GAUGE, {0}},
    [SOK_METRIC_DB_REPLICA_READS] =
        {"sokoul_db_replica_reads_total",
         "Reads that a replica may answer, by who did and why not one",
         SOK_COUNTER,
         {L(ANSWER)}},
    [SOK_METRIC_DB_POOL_WAITING] =
        {"sokoul_db_pool_waiting", "Threads that wait for a database connection", SOK_GAUGE, {0}},
    [SOK_METRIC_DB_POOL_WAIT_SECONDS] =
        {"sokoul_db_pool_wait_duration_seconds",
         "Time until a database connection was to be had",
         SOK_SECONDS,
         {0}},
    [SOK_METRIC_DB_POOL_EXHAUSTED] =
        {"sokoul_db_pool_exhausted_total",
         "Times that no database connection was free in time",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_DB_RETRIES] =
        {"sokoul_db_retries_total",
         "Reads and transactions run again, after a conflict or a lost connection",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_DB_QUERIES] = {"sokoul_db_queries_total", "Database statements run", SOK_COUNTER, {0}},
    [SOK_METRIC_DB_QUERY_SECONDS] =
        {"sokoul_db_query_duration_seconds", "Time of a database statement", SOK_SECONDS, {L(QUERY_TYPE)}},
    [SOK_METRIC_DB_ERRORS] =
        {"sokoul_db_errors_total", "Database statements that failed", SOK_COUNTER, {L(ERROR_TYPE)}},
    [SOK_METRIC_DB_TRANSACTIONS] =
        {"sokoul_db_transactions_total", "Write transactions ended", SOK_COUNTER, {L(TRANSACTION)}},
    [SOK_METRIC_DB_TRANSACTION_SECONDS] =
        {"sokoul_db_transaction_duration_seconds",
         "Time of a write transaction, with its wait for a turn",
         SOK_SECONDS,
         {0}},
    // Cache
    [SOK_METRIC_CACHE_HITS] =
        {"sokoul_cache_hits_total", "Lookups that found an entry", SOK_COUNTER, {L(CACHE_TYPE)}},
    [SOK_METRIC_CACHE_MISSES] =
        {"sokoul_cache_misses_total", "Lookups that found none", SOK_COUNTER, {L(CACHE_TYPE)}},
    [SOK_METRIC_CACHE_BYTES] = {"sokoul_cache_size_bytes", "Memory held by the cache", SOK_GAUGE, {0}},
    [SOK_METRIC_CACHE_ENTRIES] = {"sokoul_cache_entries", "Entries in the cache", SOK_GAUGE, {0}},
    [SOK_METRIC_CACHE_EVICTIONS] =
        {"sokoul_cache_evictions_total", "Entries dropped to make room", SOK_COUNTER, {0}},
    [SOK_METRIC_CACHE_REMOVALS] =
        {"sokoul_cache_removals_total", "Entries dropped, and why", SOK_COUNTER, {L(CACHE_TYPE), L(REMOVAL)}},
    [SOK_METRIC_CACHE_SECONDS] =
        {"sokoul_cache_operation_duration_seconds",
         "Time of a cache operation",
         SOK_SECONDS,
         {L(CACHE_OPERATION)}},
    [SOK_METRIC_CACHE_ERRORS] =
        {"sokoul_cache_errors_total",
         "Cache operations that failed because its server is away",
         SOK_COUNTER,
         {0}},
    // Jobs
    [SOK_METRIC_WORKER_JOBS] =
        {"sokoul_worker_jobs_total", "Jobs ended", SOK_COUNTER, {L(WORKER), L(JOB_STATUS)}},
    [SOK_METRIC_WORKER_JOB_SECONDS] =
        {"sokoul_worker_job_duration_seconds", "Time a job ran", SOK_LONG_SECONDS, {L(WORKER)}},
    [SOK_METRIC_WORKER_QUEUE] =
        {"sokoul_worker_queue_size", "Jobs waiting to be run", SOK_GAUGE, {L(WORKER)}},
    [SOK_METRIC_WORKER_THREADS] = {"sokoul_worker_threads", "Threads that run jobs", SOK_GAUGE, {L(WORKER)}},
    [SOK_METRIC_WORKER_BUSY] = {"sokoul_worker_busy", "Jobs being run", SOK_GAUGE, {L(WORKER)}},
    [SOK_METRIC_WORKER_ERRORS] =
        {"sokoul_worker_errors_total", "Jobs that failed a try", SOK_COUNTER, {L(WORKER), L(ERROR_TYPE)}},
    [SOK_METRIC_WORKER_RETRIES] =
        {"sokoul_worker_retries_total", "Jobs that wait for another try", SOK_COUNTER, {L(WORKER)}},
    [SOK_METRIC_WORKER_DEAD] =
        {"sokoul_worker_dead_letters_total", "Jobs that failed for good", SOK_COUNTER, {L(WORKER)}},
    [SOK_METRIC_WORKER_LEASES_LOST] =
        {"sokoul_worker_leases_lost_total",
         "Runs whose result was refused, since another worker has the job",
         SOK_COUNTER,
         {L(WORKER)}},
    [SOK_METRIC_WORKER_WAIT_SECONDS] =
        {"sokoul_worker_job_wait_duration_seconds",
         "Time from asking for a job to its first run",
         SOK_LONG_SECONDS,
         {L(WORKER)}},
    [SOK_METRIC_QUEUE_TASKS] =
        {"sokoul_queue_tasks",
         "Jobs in the database, as Sentinel counts them",
         SOK_GAUGE,
         {L(JOB), L(STATE)}},
    [SOK_METRIC_QUEUE_PUBLISHED] =
        {"sokoul_queue_published_total", "Wake-ups sent to workers", SOK_COUNTER, {L(JOB)}},
    [SOK_METRIC_QUEUE_EVENTS] =
        {"sokoul_queue_events_published_total",
         "Events sent to other threads and processes",
         SOK_COUNTER,
         {0}},
    // Providers
    [SOK_METRIC_SEARCH_REQUESTS] =
        {"sokoul_search_requests_total", "Searches sent to a provider", SOK_COUNTER, {L(PROVIDER)}},
    [SOK_METRIC_SEARCH_RESULTS] =
        {"sokoul_search_results_total", "Results a provider gave", SOK_COUNTER, {L(PROVIDER)}},
    [SOK_METRIC_SEARCH_SECONDS] =
        {"sokoul_search_latency_seconds", "Time until a provider answered", SOK_LONG_SECONDS, {L(PROVIDER)}},
    [SOK_METRIC_SEARCH_ERRORS] =
        {"sokoul_search_errors_total",
         "Searches a provider failed",
         SOK_COUNTER,
         {L(PROVIDER), L(ERROR_TYPE)}},
    [SOK_METRIC_HTTP_CLIENT_REQUESTS] =
        {"sokoul_http_client_requests_total",
         "Outgoing requests, by what came of the last try",
         SOK_COUNTER,
         {L(HTTP_RESULT)}},
    [SOK_METRIC_HTTP_CLIENT_SECONDS] =
        {"sokoul_http_client_request_duration_seconds",
         "Time of an outgoing request with its tries",
         SOK_LONG_SECONDS,
         {0}},
    [SOK_METRIC_HTTP_CLIENT_RETRIES] =
        {"sokoul_http_client_retries_total", "Further tries of outgoing requests", SOK_COUNTER, {0}},
    [SOK_METRIC_HTTP_CLIENT_SPARED] =
        {"sokoul_http_client_breaker_refused_total",
         "Outgoing requests not sent because the other side failed too often",
         SOK_COUNTER,
         {0}},
    // Downloads
    [SOK_METRIC_DOWNLOAD_BYTES] =
        {"sokoul_download_bytes_total", "Payload bytes downloaded", SOK_COUNTER, {0}},
    [SOK_METRIC_DOWNLOAD_SECONDS] =
        {"sokoul_download_duration_seconds", "Time from start to complete download", SOK_LONG_SECONDS, {0}},
    [SOK_METRIC_DOWNLOAD_SPEED] =
        {"sokoul_download_speed_bytes_per_second", "Payload speed of all downloads", SOK_GAUGE, {0}},
    [SOK_METRIC_DOWNLOAD_UPLOADED] =
        {"sokoul_download_uploaded_bytes_total", "Payload bytes given to peers", SOK_COUNTER, {0}},
    [SOK_METRIC_DOWNLOAD_UP_SPEED] =
        {"sokoul_download_upload_speed_bytes_per_second",
         "Payload speed to peers of all downloads",
         SOK_GAUGE,
         {0}},
    [SOK_METRIC_DOWNLOADS_ACTIVE] =
        {"sokoul_downloads_active",
         "Downloads that this process leads and that are not seeding",
         SOK_GAUGE,
         {0}},
    [SOK_METRIC_DOWNLOAD_PEERS] =
        {"sokoul_download_peers", "Peers connected, over all downloads", SOK_GAUGE, {0}},
    [SOK_METRIC_DOWNLOADS_ENDED] =
        {"sokoul_downloads_ended_total", "Downloads that came to their end", SOK_COUNTER, {L(DOWNLOAD_END)}},
    [SOK_METRIC_DOWNLOAD_ERRORS] =
        {"sokoul_download_errors_total", "Failed tries of downloads", SOK_COUNTER, {L(ERROR_TYPE)}},
    [SOK_METRIC_IMPORTS] =
        {"sokoul_library_imports_total", "Imports of downloads into the library", SOK_COUNTER, {L(OUTCOME)}},
    [SOK_METRIC_IMPORT_SECONDS] =
        {"sokoul_library_import_duration_seconds", "Time of an import", SOK_LONG_SECONDS, {0}},
    // Streaming
    [SOK_METRIC_STREAMS_ACTIVE] =
        {"sokoul_streams_active", "Films being sent by this process", SOK_GAUGE, {0}},
    [SOK_METRIC_STREAM_BYTES] =
        {"sokoul_stream_bytes_total",
         "Bytes of films sent by this process; a proxy that has the file sends others",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_STREAM_WAITS] =
        {"sokoul_stream_waits_total",
         "Times that a player waited for bytes which had not arrived yet",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_STREAM_WAIT_SECONDS] =
        {"sokoul_stream_wait_duration_seconds", "Time of such a wait", SOK_LONG_SECONDS, {0}},
    // WebSockets
    [SOK_METRIC_WS_CLIENTS] = {"sokoul_ws_clients", "WebSockets open", SOK_GAUGE, {0}},
    [SOK_METRIC_WS_CONNECTIONS] = {"sokoul_ws_connections_total", "WebSockets opened", SOK_COUNTER, {0}},
    [SOK_METRIC_WS_MESSAGES] =
        {"sokoul_ws_messages_total", "WebSocket messages", SOK_COUNTER, {L(DIRECTION)}},
    [SOK_METRIC_WS_DROPPED] =
        {"sokoul_ws_dropped_total",
         "WebSockets ended because their client was slow or silent",
         SOK_COUNTER,
         {L(WS_DROP)}},
    // Accounts
    [SOK_METRIC_AUTH_LOGINS] = {"sokoul_auth_logins_total", "Sign-in attempts", SOK_COUNTER, {L(LOGIN)}},
    [SOK_METRIC_AUTH_LOGIN_SECONDS] =
        {"sokoul_auth_password_hash_duration_seconds", "Time to judge a password", SOK_SECONDS, {0}},
    [SOK_METRIC_AUTH_TOKENS] =
        {"sokoul_auth_tokens_total", "Access tokens looked at", SOK_COUNTER, {L(VERIFIED)}},
    [SOK_METRIC_AUTH_API_KEYS] =
        {"sokoul_auth_api_keys_total", "API keys looked at", SOK_COUNTER, {L(VERIFIED)}},
    [SOK_METRIC_AUTH_REFRESHES] =
        {"sokoul_auth_refreshes_total",
         "Refresh tokens looked at; one that is used again ends its session",
         SOK_COUNTER,
         {L(REFRESH)}},
    [SOK_METRIC_AUDIT_ENTRIES] =
        {"sokoul_audit_entries_total", "Entries written to the audit log", SOK_COUNTER, {0}},
    [SOK_METRIC_MAILS] = {"sokoul_mails_total", "Mails for new passwords", SOK_COUNTER, {L(SENDING)}},
    [SOK_METRIC_UPLOADS] =
        {"sokoul_uploads_total", "Uploaded files, by what the virus scanner said", SOK_COUNTER, {L(UPLOAD)}},
    [SOK_METRIC_UPLOAD_SECONDS] =
        {"sokoul_upload_scan_duration_seconds", "Time of a virus scan", SOK_SECONDS, {0}},
    // The machine and the process
    [SOK_METRIC_SYSTEM_CPU] = {"sokoul_system_cpu_percent", "Busy share of all processors", SOK_GAUGE, {0}},
    [SOK_METRIC_SYSTEM_MEMORY] =
        {"sokoul_system_memory_bytes", "Resident memory of the process", SOK_GAUGE, {0}},
    [SOK_METRIC_SYSTEM_DISK_FREE] =
        {"sokoul_system_disk_free_bytes", "Room on the data directory's file system", SOK_GAUGE, {0}},
    [SOK_METRIC_WORKER_HEARTBEAT] =
        {"sokoul_worker_heartbeat_timestamp_seconds",
         "When a worker of this kind last looked for work, or went on with it",
         SOK_GAUGE,
         {L(WORKER)}},
    [SOK_METRIC_SYSTEM_NET_IN] =
        {"sokoul_system_network_receive_bytes_total",
         "Bytes that came in at the machine's interfaces, loopback left out",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_SYSTEM_NET_OUT] =
        {"sokoul_system_network_transmit_bytes_total",
         "Bytes that went out at the machine's interfaces, loopback left out",
         SOK_COUNTER,
         {0}},
    // What Sentinel finds
    [SOK_METRIC_QUEUE_OLDEST] =
        {"sokoul_worker_queue_oldest_seconds",
         "How long the first waiting job could have run",
         SOK_GAUGE,
         {L(WORKER)}},
    [SOK_METRIC_DEAD_LETTERS] =
        {"sokoul_worker_dead_letters",
         "Jobs that failed for good and were not started again",
         SOK_GAUGE,
         {0}},
    [SOK_METRIC_SENTINEL_UP] =
        {"sokoul_sentinel_check_up", "Whether a part passed the last check", SOK_GAUGE, {L(CHECK)}},
    [SOK_METRIC_SENTINEL_DISK_FREE] =
        {"sokoul_sentinel_disk_free_bytes", "Room for us on a folder's file system", SOK_GAUGE, {L(FOLDER)}},
    [SOK_METRIC_SENTINEL_DISK_SIZE] =
        {"sokoul_sentinel_disk_size_bytes", "Size of a folder's file system", SOK_GAUGE, {L(FOLDER)}},
    [SOK_METRIC_SENTINEL_MEMORY] =
        {"sokoul_sentinel_memory_used_ratio", "Used share of the machine's memory", SOK_GAUGE, {0}},
    [SOK_METRIC_SENTINEL_ACTIVE] =
        {"sokoul_sentinel_alerts_active",
         "Whether this sentinel holds the alert raised",
         SOK_GAUGE,
         {L(ALERT)}},
    [SOK_METRIC_SENTINEL_ALERTS] =
        {"sokoul_sentinel_alerts_total",
         "Alerts raised and cleared",
         SOK_COUNTER,
         {L(ALERT), L(ALERT_STATE)}},
    [SOK_METRIC_SENTINEL_RUN] =
        {"sokoul_sentinel_last_run_timestamp_seconds", "When everything was last looked at", SOK_GAUGE, {0}},
    [SOK_METRIC_LOG_MESSAGES] =
        {"sokoul_log_messages_total", "Lines written to the log", SOK_COUNTER, {L(LEVEL)}},
    [SOK_METRIC_LOG_DROPPED] =
        {"sokoul_log_stream_dropped_total",
         "Lines that the stream LOGS did not take in time",
         SOK_COUNTER,
         {0}},
    [SOK_METRIC_BUILD_INFO] = {"sokoul_build_info", "1, with the version that runs", SOK_GAUGE, {L(VERSION)}},
    [SOK_METRIC_PROCESS_CPU] =
        {"process_cpu_seconds_total", "Processor time used, user and system", SOK_COUNTER, {0}},
    [SOK_METRIC_PROCESS_RESIDENT] = {"process_resident_memory_bytes", "Resident memory", SOK_GAUGE, {0}},
    [SOK_METRIC_PROCESS_VIRTUAL] = {"process_virtual_memory_bytes", "Virtual memory", SOK_GAUGE, {0}},
    [SOK_METRIC_PROCESS_FDS] = {"process_open_fds", "File descriptors open", SOK_GAUGE, {0}},
    [SOK_METRIC_PROCESS_FDS_MAX] = {"process_max_fds", "File descriptors allowed", SOK_GAUGE, {0}},
    [SOK_METRIC_PROCESS_THREADS] = {"process_threads", "Threads of the process", SOK_GAUGE, {0}},
    [SOK_METRIC_PROCESS_START] =
        {"process_start_time_seconds", "When the process started, since 1970", SOK_GAUGE, {0}},
};
