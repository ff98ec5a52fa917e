#include "data/tasks.h"

#include <string.h>

#include "base/text.h"
#include "data/dead_letters.h"
#include "data/tasks_private.h"

#define T(field, kind) SOK_COLUMN(sok_task, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    T(id, TEXT),
    T(task_type, TEXT),
    T(status, TEXT),
    T(payload, OBJECT),
    T(result, TEXT),
    T(progress, REAL),
    T(retry_count, INT),
    T(max_tries, INT),
    T(error_message, TEXT),
    T(user_id, TEXT),
    T(media_id, TEXT),
    T(request_id, TEXT),
    T(traceparent, TEXT),
    T(run_at, INT),
    T(lease_owner, TEXT),
    T(lease_until, OPT),
    T(fence, INT),
    T(lost_leases, INT),
    T(cancel_requested, BOOL),
    T(started_at, OPT),
    T(finished_at, OPT),
    T(created_at, INT),
    T(updated_at, INT),
};
#undef T
const struct sok_table sok_tasks_table = SOK_TABLE("tasks", sok_task, columns);

enum sok_status sok_tasks_insert(struct sok_db_tx *tx, const struct sok_task *task, struct sok_error *err)
{
    struct sok_task row = {
        .id = task->id,
        .task_type = task->task_type,
        .status = "pending",
        .payload = task->payload,
        .max_tries = task->max_tries,
        .user_id = task->user_id,
        .media_id = task->media_id,
        .request_id = task->request_id,
        .traceparent = task->traceparent,
        .run_at = task->run_at ? task->run_at : task->created_at,
        .created_at = task->created_at,
        .updated_at = task->created_at,
    };
    if (row.max_tries <= 0)
        row.max_tries = strcmp(task->task_type, sok_job_name(SOK_JOB_SCORE)) == 0 ? 1 : 3;
    return sok_table_insert(tx, NULL, &sok_tasks_table, &row, NULL, 0, "", NULL, err);
}

enum sok_status sok_tasks_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_task *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &sok_tasks_table, "task", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

// Leases the one task that `choice` selects: $4 is its subject (a job's name or an id), $2 the present.
static enum sok_status lease_chosen(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *choice, const char *subject, const char *owner,
    int64_t now_ms, int64_t lease_ms, struct sok_task *ret, struct sok_error *err)
{
    // Where writers run side by side, two of them must not choose the same row.
    const char *lock = strcmp(sok_db_tx_dialect(tx), "sqlite") == 0 ? "" : " FOR UPDATE SKIP LOCKED";
    const char *sql = sok_format(
        arena,
        "UPDATE tasks SET status = 'running', lease_owner = $1, lease_until = $3, fence = fence + 1, "
        "lost_leases = lost_leases + CASE WHEN status = 'running' THEN 1 ELSE 0 END, "
        "started_at = COALESCE(started_at, $2), updated_at = $2 "
        "WHERE id = (SELECT id FROM tasks WHERE %s LIMIT 1%s)",
        choice, lock);
    return sok_table_returning(
        tx, arena, &sok_tasks_table, "task", sql,
        SOK_PARAMS(
            sok_db_text(owner), sok_db_int(now_ms), sok_db_int(now_ms + lease_ms), sok_db_text(subject)),
        ret, err);
}

#define EXPIRED "status = 'running' AND lease_until < $2 AND lost_leases < 100"
_Static_assert(SOK_TASK_LOST_MAX == 100, "the number in EXPIRED");

enum sok_status sok_tasks_lease(
    struct sok_db_tx *tx, struct sok_arena *arena, enum sok_job job, const char *owner, int64_t now_ms,
    int64_t lease_ms, struct sok_task *ret, struct sok_error *err)
{
    const char *name = sok_job_name(job);
    enum sok_status status = lease_chosen(
        tx, arena, "task_type = $4 AND status = 'pending' AND run_at <= $2 ORDER BY run_at, id", name, owner,
        now_ms, lease_ms, ret, err);
    if (status != SOK_NOT_FOUND)
        return status;
    return lease_chosen(
        tx, arena, "task_type = $4 AND " EXPIRED " ORDER BY lease_until, id", name, owner, now_ms, lease_ms,
        ret, err);
}

enum sok_status sok_tasks_has_due(
    struct sok_db_tx *tx, enum sok_job job, int64_t now_ms, bool *ret, struct sok_error *err)
{
    int64_t due;
    SOK_TRY(sok_load_int(
        tx,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM tasks WHERE task_type = $1 AND status = 'pending' "
        "AND run_at <= $2) OR EXISTS (SELECT 1 FROM tasks WHERE task_type = $1 AND " EXPIRED
        ") THEN 1 ELSE 0 END",
        SOK_PARAMS(sok_db_text(sok_job_name(job)), sok_db_int(now_ms)), &due, err));
    *ret = due != 0;
    return SOK_OK;
}

enum sok_status sok_tasks_lease_id(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *owner, int64_t now_ms,
    int64_t lease_ms, struct sok_task *ret, struct sok_error *err)
{
    return lease_chosen(
        tx, arena, "id = $4 AND ((status = 'pending' AND run_at <= $2) OR (" EXPIRED "))", id, owner, now_ms,
        lease_ms, ret, err);
}

static enum sok_status lease_lost(struct sok_error *err)
{
    enum sok_status status = sok_fail(err, SOK_CONFLICT, "somebody else has the task now");
    if (err)
        err->code = "lease_lost";
    return status;
}

// Runs an UPDATE ... WHERE id = $1 AND fence = $2 AND status = 'running'.
static enum sok_status change_held(
    struct sok_db_tx *tx, const char *sql, const struct sok_db_value *params, size_t param_count,
    struct sok_error *err)
{
    int64_t changed;
    SOK_TRY(sok_count_changes(tx, sql, params, param_count, &changed, err));
    return changed ? SOK_OK : lease_lost(err);
}

#define HELD " WHERE id = $1 AND fence = $2 AND status = 'running'"

enum sok_status sok_tasks_renew(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t now_ms, int64_t lease_ms, bool *ret_cancel,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err, "UPDATE tasks SET lease_until = $3" HELD " RETURNING cancel_requested",
        sok_db_text(id), sok_db_int(fence), sok_db_int(now_ms + lease_ms)));
    if (rows.row_count == 0)
        return lease_lost(err);
    if (ret_cancel)
        *ret_cancel = sok_db_get_int(&rows, 0, 0) != 0;
    return SOK_OK;
}

enum sok_status sok_tasks_progress(
    struct sok_db_tx *tx, const char *id, int64_t fence, double progress, int64_t now_ms,
    struct sok_error *err)
{
    return change_held(
        tx, "UPDATE tasks SET progress = $3, lost_leases = 0, updated_at = $4" HELD,
        SOK_PARAMS(sok_db_text(id), sok_db_int(fence), sok_db_real(progress), sok_db_int(now_ms)), err);
}

enum sok_status sok_tasks_complete(
    struct sok_db_tx *tx, const char *id, int64_t fence, const char *result_json, int64_t now_ms,
    struct sok_error *err)
{
    return change_held(
        tx,
        "UPDATE tasks SET status = 'completed', progress = 100, result = $3, error_message = NULL, "
        "finished_at = $4, lease_owner = NULL, lease_until = NULL, updated_at = $4" HELD,
        SOK_PARAMS(sok_db_text(id), sok_db_int(fence), sok_db_text(result_json), sok_db_int(now_ms)), err);
}

// The search or download of a task ends with it.
static enum sok_status end_subject(
    struct sok_db_tx *tx, const char *id, const char *message, int64_t now_ms, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE searches SET status = 'failed', error_message = $2, completed_at = $3, updated_at = $3 "
        "WHERE id = $1 AND status IN ('pending', 'running')",
        sok_db_text(id), sok_db_text(message), sok_db_int(now_ms)));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE downloads SET status = 'failed', error = $2, download_speed = 0, upload_speed = 0, "
        "updated_at = $3 "
        "WHERE id = $1 AND status IN ('queued', 'downloading', 'importing')",
        sok_db_text(id), sok_db_text(message), sok_db_int(now_ms));
}

enum sok_status sok_tasks_end_cancelled(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t now_ms, struct sok_error *err)
{
    SOK_TRY(change_held(
        tx,
        "UPDATE tasks SET status = 'cancelled', finished_at = $3, lease_owner = NULL, lease_until = NULL, "
        "updated_at = $3" HELD,
        SOK_PARAMS(sok_db_text(id), sok_db_int(fence), sok_db_int(now_ms)), err));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE searches SET status = 'failed', error_message = 'cancelled', completed_at = $2, updated_at = "
        "$2 "
        "WHERE id = $1 AND status IN ('pending', 'running')",
        sok_db_text(id), sok_db_int(now_ms));
}

enum sok_status sok_tasks_postpone(
    struct sok_db_tx *tx, const char *id, int64_t fence, const struct sok_error *why, int64_t run_at,
    int64_t now_ms, struct sok_error *err)
{
    return change_held(
        tx,
        "UPDATE tasks SET status = 'pending', error_message = $3, run_at = $4, lease_owner = NULL, "
        "lease_until = NULL, updated_at = $5" HELD,
        SOK_PARAMS(
            sok_db_text(id), sok_db_int(fence), sok_db_text(why->message), sok_db_int(run_at),
            sok_db_int(now_ms)),
        err);
}

enum sok_status sok_tasks_hand_back(
    struct sok_db_tx *tx, const char *id, int64_t fence, int64_t run_at, int64_t now_ms,
    struct sok_error *err)
{
    return change_held(
        tx,
        "UPDATE tasks SET status = 'pending', run_at = $3, lease_owner = NULL, lease_until = NULL, "
        "updated_at = $4" HELD,
        SOK_PARAMS(
            sok_db_text(id), sok_db_int(fence), sok_db_int(run_at ? run_at : now_ms), sok_db_int(now_ms)),
        err);
}

enum sok_status sok_tasks_bury(
    struct sok_db_tx *tx, const struct sok_task *task, const char *code, const char *message, int64_t tries,
    int64_t now_ms, struct sok_error *err)
{
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(now_ms, id);
    struct sok_dead_letter letter = {
        .id = id,
        .task_id = task->id,
        .task_type = task->task_type,
        .payload = task->payload,
        .user_id = task->user_id,
        .tries = tries,
        .error_code = code,
        .error_message = message,
        .created_at = now_ms,
    };
    SOK_TRY(sok_dead_letters_insert(tx, &letter, err));
    SOK_TRY(end_subject(tx, task->id, message, now_ms, err));
    return sok_change_one(
        tx, "task",
        "UPDATE tasks SET status = 'failed', error_message = $2, retry_count = $3, finished_at = $4, "
        "lease_owner = NULL, lease_until = NULL, updated_at = $4 WHERE id = $1",
        SOK_PARAMS(sok_db_text(task->id), sok_db_text(message), sok_db_int(tries), sok_db_int(now_ms)), err);
}

enum sok_status sok_tasks_fail(
    struct sok_db_tx *tx, const char *id, int64_t fence, const struct sok_error *why, bool may_retry,
    int64_t retry_at, int64_t now_ms, bool *ret_dead, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_task task;
    SOK_TRY(sok_tasks_find(tx, arena, id, &task, err));
    if (task.fence != fence || strcmp(task.status, "running") != 0)
        return lease_lost(err);
    int64_t tries = task.retry_count + 1;
    bool dead = !may_retry || tries >= task.max_tries;
    if (ret_dead)
        *ret_dead = dead;
    if (dead) {
        const char *code = why->code ? why->code : sok_status_info(why->status)->code;
        return sok_tasks_bury(tx, &task, code, why->message, tries, now_ms, err);
    }
    return change_held(
        tx,
        "UPDATE tasks SET status = 'pending', retry_count = $3, error_message = $4, run_at = $5, "
        "lease_owner = NULL, lease_until = NULL, updated_at = $6" HELD,
        SOK_PARAMS(
            sok_db_text(id), sok_db_int(fence), sok_db_int(tries), sok_db_text(why->message),
            sok_db_int(retry_at), sok_db_int(now_ms)),
        err);
}

enum sok_status sok_tasks_cancel(struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err)
{
    int64_t changed;
    SOK_TRY(sok_count_changes(
        tx,
        "UPDATE tasks SET status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END, "
        "finished_at = CASE status WHEN 'pending' THEN $2 ELSE NULL END, cancel_requested = 1, updated_at = "
        "$2 "
        "WHERE id = $1 AND status IN ('pending', 'running')",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms)), &changed, err));
    if (changed)
        return SOK_OK;
    int64_t present;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM tasks WHERE id = $1", SOK_PARAMS(sok_db_text(id)), &present, err));
    return present ? sok_fail(err, SOK_CONFLICT, "the task has ended")
                   : sok_fail(err, SOK_NOT_FOUND, "no such task");
}
