// Starts and stops the workers of a process by its roles.
#ifndef SOK_WORKERS_ROLES_H
#define SOK_WORKERS_ROLES_H

#include "base/status.h"
#include "workers/env.h"

struct sok_workers;

// Starts every worker that `roles` (enum sok_role) names. On failure those that started are stopped again.
// `env` is borrowed.
SOK_MUST_CHECK enum sok_status sok_workers_start(
    const struct sok_worker_env *env, unsigned roles, struct sok_workers **ret, struct sok_error *err);

// Ends Sentinel's watch before the parts it watches are stopped on purpose: that is nothing to raise an alert
// about. May be called with NULL. Blocks for a round at most (a few seconds).
void sok_workers_end_watch(struct sok_workers *workers);

// Stops them all: what runs gets grace_ms to finish, leases are handed back, resume data is saved. Blocks.
// Returns NULL.
struct sok_workers *sok_workers_stop(struct sok_workers *workers, int64_t grace_ms);

#endif
