// Jobs. A job exists once its row is committed; the queue only says that there is one.
//
// pending -> running (leased) -> completed | failed | cancelled, or back to pending: handed back, lease
// expired, or failed with tries left. A lease is (owner, fence, lease_until): `fence` grows with every lease,
// and whoever wants to change a running task must name the fence it was given, so a worker that was paused
// and comes back late changes nothing.
#ifndef SOK_DATA_TASKS_H
#define SOK_DATA_TASKS_H

#include "backends/queue/queue.h"
#include "data/page.h"

struct sok_task {
    const char *id, *task_type, *status;
    const char *payload, *result; // JSON
    double progress;              // 0-100
    int64_t retry_count;          // failures so far
    int64_t max_tries;            // 0 when inserting: the type's own (search, download, monitor 3; score 1)
    const char *error_message;
    const char *user_id, *media_id, *request_id, *traceparent;
    int64_t run_at; // not before
    const char *lease_owner;
    int64_t lease_until, fence;
    int64_t lost_leases; // leases that ran out one after the other, without progress between them
    bool cancel_requested;
    int64_t started_at, finished_at, created_at, updated_at;
};

// A new pending task; `status`, lease fields and counters are ignored, payload NULL is "{}". Publish it after
// the commit.
SOK_MUST_CHECK enum sok_status sok_tasks_insert(
    struct sok_db_tx *tx, const struct sok_task *task, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_tasks_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_task *ret,
    struct sok_error *err);

// Leases the task that has waited longest and may run now (pending, or running with an expired lease).
// SOK_NOT_FOUND: none.
SOK_MUST_CHECK enum sok_status sok_tasks_lease(
    struct sok_db_tx *tx, struct sok_arena *arena, enum sok_job job, const char *owner, int64_t now_ms,
    int64_t lease_ms, struct sok_task *ret, struct sok_error *err);
// Whether there is something for sok_tasks_lease: a cheap question for the read side.
SOK_MUST_CHECK enum sok_status sok_tasks_has_due(
    struct sok_db_tx *tx, enum sok_job job, int64_t now_ms, bool *ret, struct sok_error *err);
// The same for one task. SOK_NOT_FOUND when it is not there or not to be had.
SOK_MUST_CHECK enum sok_status sok_tasks_lease_id(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *owner, int64_t now_ms,
    int64_t lease_ms, struct sok_task *ret, struct sok_error *err);

// The following need the fence of the lease: SOK_CONFLICT (code "lease_lost") when the task is no longer held
// under it. *ret_cancel (may be NULL): somebody asked for the task to be cancelled.
SOK_MUST_CHECK enum sok_status sok_tasks_renew(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t now_ms, int64_t lease_ms, bool *ret_cancel,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_tasks_progress(
    struct sok_db_tx *tx, const char *id, int64_t fence, double progress, int64_t now_ms,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_tasks_complete(
    struct sok_db_tx *tx, const char *id, int64_t fence, const char *result_json, int64_t now_ms,
    struct sok_error *err);
// With tries left and `may_retry` it becomes pending again at retry_at, else failed with a row in
// dead_letters. *ret_dead (may be NULL): which.
SOK_MUST_CHECK enum sok_status sok_tasks_fail(
    struct sok_db_tx *tx, const char *id, int64_t fence, const struct sok_error *why, bool may_retry,
    int64_t retry_at, int64_t now_ms, bool *ret_dead, struct sok_error *err);
// Pending again at run_at with the reason noted, not counted as a try: for what is nobody's fault (a full
// disk).
SOK_MUST_CHECK enum sok_status sok_tasks_postpone(
    struct sok_db_tx *tx, const char *id, int64_t fence, const struct sok_error *why, int64_t run_at,
    int64_t now_ms, struct sok_error *err);
// Ends as cancelled; a search with it as failed.
SOK_MUST_CHECK enum sok_status sok_tasks_end_cancelled(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t now_ms, struct sok_error *err);
// Pending again, not counted as a try: what a worker does that stops. run_at: not before (0: now).
SOK_MUST_CHECK enum sok_status sok_tasks_hand_back(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t run_at, int64_t now_ms,
    struct sok_error *err);

// A pending task is cancelled at once, a running one is asked to stop. SOK_CONFLICT when it has ended.
SOK_MUST_CHECK enum sok_status sok_tasks_cancel(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err);

struct sok_task_ref {
    enum sok_job job;
    char id[SOK_UUID_LEN + 1];
};
// What the reconciler does: leases that ran out go back to pending (after SOK_TASK_LOST_MAX in a row to the
// dead letters), and the ids of what is pending and due are listed (at most `max`) to be published again.
// *ret_expired: how many leases ran out.
#define SOK_TASK_LOST_MAX 100
SOK_MUST_CHECK enum sok_status sok_tasks_reconcile(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t now_ms, size_t max, struct sok_task_ref **ret,
    size_t *ret_count, int64_t *ret_expired, struct sok_error *err);
// Hands back every lease of one owner: a process of this machine that is known to be dead. *ret_count (may be
// NULL).
SOK_MUST_CHECK enum sok_status sok_tasks_release_owner(
    struct sok_db_tx *tx, const char *owner, int64_t now_ms, int64_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_tasks_list_owners(
    struct sok_db_tx *tx, struct sok_arena *arena, const char ***ret, size_t *ret_count,
    struct sok_error *err);

struct sok_task_count {
    const char *task_type, *status;
    int64_t count, first_run_at; // since when the first of them could have run
};
// Pending and running ones by type.
SOK_MUST_CHECK enum sok_status sok_tasks_count(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_task_count **ret, size_t *ret_count,
    struct sok_error *err);
// Deletes ended tasks of which nothing hangs, finished before `before_ms`, at most a few thousand a call.
SOK_MUST_CHECK enum sok_status sok_tasks_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
