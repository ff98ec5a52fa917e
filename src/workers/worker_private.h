// What worker.c (threads and leases) and worker_end.c (how runs end) share.
#ifndef SOK_WORKERS_WORKER_PRIVATE_H
#define SOK_WORKERS_WORKER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "workers/worker.h"

// What a running task's threads know about it. The handler's thread and the keeper both look at it.
struct sok_work_state {
    struct sok_worker *worker;
    struct sok_work *work;
    struct sok_work_state *prev, *next; // in worker->running, under its lock
    _Atomic bool cancel_asked, lease_lost;
    bool is_finished; // by sok_work_finish; of the handler's thread
    int64_t progress_at_ms;
};

struct sok_worker {
    struct sok_worker_options options;
    int label; // SOK_LABEL_WORKER
    pthread_t *threads, keeper;
    int started;
    bool keeper_started;
    _Atomic bool stopping;  // take no more
    _Atomic bool giving_up; // and cancel what runs
    pthread_mutex_t lock;   // guards what follows
    pthread_cond_t changed; // a run ended, or stopping
    struct sok_work_state *running;
    bool keeper_ends;
};

// Waits on `changed` for at most ms, less when the worker stops. With `lock` held.
void sok_worker_pause_locked(struct sok_worker *worker, int64_t ms);

// Records how a run ended: in the table, as event, metric and log line.
void sok_work_end(
    struct sok_work *work, enum sok_status status, const char *result_json, const struct sok_error *why);

// Tells the task's user about its state.
void sok_work_announce(const struct sok_work *work, const char *status, double progress, const char *error);

#endif
