// Librarian: does the `monitor` jobs that keep the library in order: {"kind":"scan","folder"?},
// {"kind":"enrich","media_id"?} (without an id: what was never completed).
#ifndef SOK_WORKERS_LIBRARIAN_H
#define SOK_WORKERS_LIBRARIAN_H

#include "workers/worker.h"

// Starts its worker; sok_worker_stop ends it. `env` is borrowed and needs a library.
SOK_MUST_CHECK enum sok_status sok_librarian_start(
    const struct sok_worker_env *env, struct sok_worker **ret, struct sok_error *err);

#endif
