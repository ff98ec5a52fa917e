// Hunter: owns the downloads. It leases `download` tasks, runs them in the torrent session, reports, imports
// what is complete into the library, and seeds.
#ifndef SOK_WORKERS_HUNTER_H
#define SOK_WORKERS_HUNTER_H

#include "base/status.h"
#include "workers/env.h"

struct sok_hunter;

// Starts the hunter's threads; env (with torrents and library) must outlive it. One a process. Owned by the
// caller.
SOK_MUST_CHECK enum sok_status sok_hunter_start(
    const struct sok_worker_env *env, struct sok_hunter **ret, struct sok_error *err);

// Saves resume data, hands leases back and ends the threads; nothing is lost. The queue must have been
// stopped (sok_queue_stop). Returns NULL. Blocks for at most about ten seconds (longer while a file is being
// imported).
struct sok_hunter *sok_hunter_stop(struct sok_hunter *hunter);

#endif
