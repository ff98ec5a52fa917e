// The loop every worker runs: wait, lease a task, hand it to a handler, record how it ended.
//
// A handler may be killed at any instant and run again from the start, so it is idempotent; what it must not
// do twice it does in sok_work_finish, in the transaction that ends the task.
#ifndef SOK_WORKERS_WORKER_H
#define SOK_WORKERS_WORKER_H

#include <stdbool.h>

#include "backends/db/db.h"
#include "data/tasks.h"
#include "workers/env.h"

// One run of one task. The handler's thread owns it; text lives in the arena, which ends with the run.
struct sok_work {
    struct sok_arena *arena;
    struct sok_task task; // as it was leased
    const struct sok_worker_env *env;
    void *context; // of the options
    struct sok_work_state *state;
};

// Returns SOK_OK when the task is done (*ret_result: JSON for tasks.result or NULL, in work->arena). A
// failure whose status is worth it is tried again with backoff (sok_status_info), SOK_NO_SPACE without
// counting as a try, others go to the dead letters. SOK_CANCELLED: the run stopped because
// sok_work_is_cancelled said so. Looks at that at least once a second.
typedef enum sok_status (*sok_work_handler)(
    struct sok_work *work, const char **ret_result, struct sok_error *err);

struct sok_worker_options {
    const struct sok_worker_env *env; // borrowed
    const char *name;                 // "scout": for metrics and logs; a literal
    enum sok_job job;
    int threads;           // 0: 2
    int64_t lease_ms;      // 0: 30 s; renewed in time while the handler runs
    int64_t poll_ms;       // 0: 2 s; how often the table is looked at without a message
    int64_t retry_base_ms; // 0: 2 s; the first pause, doubled each time, with jitter
    sok_work_handler handler;
    // Told in the transaction that ends the task for good without the handler's success (dead, or cancelled),
    // so that its search or download row ends too; may be NULL. `why` has the reason.
    enum sok_status (*on_ended)(
        struct sok_db_tx *tx, const struct sok_task *task, const struct sok_error *why,
        struct sok_error *err);
    void *context;
};

struct sok_worker;

SOK_MUST_CHECK enum sok_status sok_worker_start(
    const struct sok_worker_options *options, struct sok_worker **ret, struct sok_error *err);

// Takes no more tasks, lets what runs finish for grace_ms, then cancels it; handlers that give up are handed
// back and go on elsewhere. Quick once sok_queue_stop was called. Blocks until every handler has returned.
// Returns NULL.
struct sok_worker *sok_worker_stop(struct sok_worker *worker, int64_t grace_ms);

// Whether the handler should give up: somebody cancelled the task, the lease is lost, or the process ends.
// Any thread.
bool sok_work_is_cancelled(const struct sok_work *work);

// Notes progress (0-100) in the row and as event `task.updated`, at most once a second. SOK_CONFLICT: the
// lease is lost.
enum sok_status sok_work_progress(struct sok_work *work, double percent, struct sok_error *err);

// A write that happens only while the task is still held under this lease: SOK_CONFLICT (code "lease_lost")
// otherwise, and nothing is written.
SOK_MUST_CHECK enum sok_status sok_work_write(
    struct sok_work *work, sok_db_body body, void *context, struct sok_error *err);

// The same as sok_db_write_rows: for bodies that rely on nothing they read.
SOK_MUST_CHECK enum sok_status sok_work_write_rows(
    struct sok_work *work, sok_db_body body, void *context, struct sok_error *err);

// Such a body again, and the task is completed in the same transaction: exactly once. body may be NULL. The
// handler then returns SOK_OK.
SOK_MUST_CHECK enum sok_status sok_work_finish(
    struct sok_work *work, sok_db_body body, void *context, const char *result_json, struct sok_error *err);

// At the start of the only process that works on this database: leases of earlier processes, which cannot be
// alive, go back to pending at once instead of running out.
SOK_MUST_CHECK enum sok_status sok_worker_take_over(const struct sok_worker_env *env, struct sok_error *err);

// What Sentinel does every 30 s: leases that ran out, publish again what is pending. *ret_expired: how many
// ran out.
SOK_MUST_CHECK enum sok_status sok_worker_reconcile(
    const struct sok_worker_env *env, int64_t *ret_expired, struct sok_error *err);

#endif
