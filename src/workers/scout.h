// The scout: a search job asks every enabled provider at once, stores and announces what each finds as it
// answers, and completes the work from the metadata providers.
#ifndef SOK_WORKERS_SCOUT_H
#define SOK_WORKERS_SCOUT_H

#include "base/status.h"
#include "workers/env.h"

struct sok_worker;

// Starts the worker of search jobs; stop it with sok_worker_stop. Blocks no longer than a thread takes to
// start.
SOK_MUST_CHECK enum sok_status sok_scout_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err);

#endif
