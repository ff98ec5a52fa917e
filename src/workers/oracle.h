// The oracle: a score job judges the results of a search again, with likeness of meaning when an embeddings
// server is configured.
#ifndef SOK_WORKERS_ORACLE_H
#define SOK_WORKERS_ORACLE_H

#include "base/status.h"
#include "workers/env.h"

struct sok_worker;

// Starts the worker of score jobs; stop it with sok_worker_stop. Blocks no longer than a thread takes to
// start.
SOK_MUST_CHECK enum sok_status sok_oracle_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err);

#endif
