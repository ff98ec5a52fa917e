// Sentinel: looks after the process and its tables every 30 seconds (SOKOUL_SENTINEL_SECONDS): metrics,
// alerts, lost jobs, what has expired.
#ifndef SOK_WORKERS_SENTINEL_H
#define SOK_WORKERS_SENTINEL_H

#include "workers/env.h"

struct sok_sentinel;

// Starts its thread. `env` is borrowed.
SOK_MUST_CHECK enum sok_status sok_sentinel_start(
    const struct sok_worker_env *env, struct sok_sentinel **ret, struct sok_error *err);
struct sok_sentinel *sok_sentinel_stop(struct sok_sentinel *sentinel);

#endif
