// What every worker is given: the parts of the running program, wired once by app/. The workers' counterpart
// of api/api.h.
#ifndef SOK_WORKERS_ENV_H
#define SOK_WORKERS_ENV_H

#include "runtime/clock.h"
#include "runtime/config.h"
#include "runtime/metrics.h"

struct sok_cache;
struct sok_db;
struct sok_http_client;
struct sok_library;
struct sok_providers;
struct sok_queue;
struct sok_secretbox;
struct sok_torrents;

// All borrowed; they outlive every worker. A part that the process's roles do not need may be NULL (torrents
// without hunter).
struct sok_worker_env {
    const struct sok_config *config;
    const struct sok_clock *clock;
    struct sok_metrics *metrics;
    struct sok_db *db;
    struct sok_cache *cache;
    struct sok_queue *queue;
    struct sok_http_client *http;
    struct sok_providers *providers;
    const struct sok_secretbox *secretbox; // for addresses that carry an indexer's key
    struct sok_torrents *torrents;
    struct sok_library *library;
    const char *owner; // this process's name in leases: unique per start
};

#endif
