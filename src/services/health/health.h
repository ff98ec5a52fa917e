// Whether the parts this process stands on work: what /health/deep answers and Sentinel watches.
#ifndef SOK_SERVICES_HEALTH_HEALTH_H
#define SOK_SERVICES_HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "runtime/clock.h"
#include "runtime/config.h"

struct sok_cache;
struct sok_db;
struct sok_http_client;
struct sok_providers;
struct sok_queue;

struct sok_health_env { // all borrowed
    const struct sok_config *config;
    const struct sok_clock *clock;
    struct sok_db *db;
    struct sok_cache *cache;
    struct sok_queue *queue;
    struct sok_http_client *http;    // NULL: providers and the scanner are not looked at
    struct sok_providers *providers; // likewise
};

struct sok_health_check {
    const char *name; // "database", "cache", "queue", "disk", "providers"; "scanner" with SOKOUL_CLAMD
    bool ok;
    bool vital; // without it this process cannot serve; providers are not
    int64_t latency_ms;
    const char *error;  // NULL when ok
    int64_t free_bytes; // of the fullest disk, else 0
};

// Free space below which a disk counts as full: room for the database to commit and for a download to be
// ended cleanly.
#define SOK_HEALTH_DISK_MIN_BYTES ((int64_t)256 << 20)

// Runs every check, each with a deadline of a second. The list is in the arena. Blocks.
void sok_health_run(
    const struct sok_health_env *env, struct sok_arena *arena, struct sok_health_check **ret,
    size_t *ret_count);

#endif
