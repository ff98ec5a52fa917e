// What keeps the table of tasks true: leases that ran out, leases of the dead, counts, and what has had its
// day.
#include <stdio.h>
#include <string.h>

#include "data/tasks_private.h"

#define BURY_MAX 100 // a call; the next one takes more

static enum sok_status bury_lost(struct sok_db_tx *tx, int64_t now_ms, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_task *tasks;
    size_t count;
    SOK_TRY(sok_table_list(
        tx, arena, &sok_tasks_table,
        "WHERE status = 'running' AND lease_until < $1 AND lost_leases >= $2 LIMIT $3",
        SOK_PARAMS(sok_db_int(now_ms), sok_db_int(SOK_TASK_LOST_MAX), sok_db_int(BURY_MAX)), &tasks, &count,
        err));
    for (size_t i = 0; i < count; i++)
        SOK_TRY(sok_tasks_bury(
            tx, &tasks[i], "worker_lost", "every worker that took this job went away",
            tasks[i].retry_count + 1, now_ms, err));
    return SOK_OK;
}

static enum sok_status list_due(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t now_ms, size_t max, struct sok_task_ref **ret,
    size_t *ret_count, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT id, task_type FROM tasks WHERE status = 'pending' AND run_at <= $1 ORDER BY run_at, id LIMIT "
        "$2",
        sok_db_int(now_ms), sok_db_int((int64_t)max)));
    struct sok_task_ref *refs = sok_alloc_array(arena, rows.row_count, sizeof(*refs));
    for (size_t i = 0; i < rows.row_count; i++) {
        refs[i].job = sok_job_find(sok_db_get_text(&rows, i, 1));
        snprintf(refs[i].id, sizeof(refs[i].id), "%s", sok_db_get_text(&rows, i, 0));
    }
    *ret = refs;
    *ret_count = rows.row_count;
    return SOK_OK;
}

enum sok_status sok_tasks_reconcile(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t now_ms, size_t max, struct sok_task_ref **ret,
    size_t *ret_count, int64_t *ret_expired, struct sok_error *err)
{
    SOK_TRY(bury_lost(tx, now_ms, err));
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE tasks SET status = 'cancelled', finished_at = $1, lease_owner = NULL, lease_until = NULL, "
        "updated_at = $1 WHERE status = 'running' AND lease_until < $1 AND cancel_requested = 1",
        sok_db_int(now_ms)));
    int64_t expired;
    SOK_TRY(sok_count_changes(
        tx,
        "UPDATE tasks SET status = 'pending', run_at = $1, lost_leases = lost_leases + 1, lease_owner = "
        "NULL, "
        "lease_until = NULL, updated_at = $1 WHERE status = 'running' AND lease_until < $1 AND lost_leases < "
        "$2",
        SOK_PARAMS(sok_db_int(now_ms), sok_db_int(SOK_TASK_LOST_MAX)), &expired, err));
    SOK_TRY(list_due(tx, arena, now_ms, max, ret, ret_count, err));
    *ret_expired = expired;
    return SOK_OK;
}

enum sok_status sok_tasks_release_owner(
    struct sok_db_tx *tx, const char *owner, int64_t now_ms, int64_t *ret_count, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "UPDATE tasks SET status = 'pending', run_at = $2, lost_leases = lost_leases + 1, lease_owner = "
        "NULL, "
        "lease_until = NULL, updated_at = $2 "
        "WHERE status = 'running' AND lease_owner = $1 AND lost_leases < $3",
        SOK_PARAMS(sok_db_text(owner), sok_db_int(now_ms), sok_db_int(SOK_TASK_LOST_MAX)), ret_count, err);
}

enum sok_status sok_tasks_list_owners(
    struct sok_db_tx *tx, struct sok_arena *arena, const char ***ret, size_t *ret_count,
    struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT DISTINCT lease_owner FROM tasks WHERE status = 'running' AND lease_owner IS NOT NULL"));
    const char **owners = sok_alloc_array(arena, rows.row_count, sizeof(*owners));
    for (size_t i = 0; i < rows.row_count; i++)
        owners[i] = sok_db_get_text(&rows, i, 0);
    *ret = owners;
    *ret_count = rows.row_count;
    return SOK_OK;
}

enum sok_status sok_tasks_count(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_task_count **ret, size_t *ret_count,
    struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT task_type, status, count(*), min(run_at) FROM tasks WHERE status = 'pending' GROUP BY "
        "task_type, status "
        "UNION ALL "
        "SELECT task_type, status, count(*), min(run_at) FROM tasks WHERE status = 'running' GROUP BY "
        "task_type, status"));
    struct sok_task_count *counts = sok_alloc_array(arena, rows.row_count, sizeof(*counts));
    for (size_t i = 0; i < rows.row_count; i++)
        counts[i] = (struct sok_task_count){
            .task_type = sok_db_get_text(&rows, i, 0),
            .status = sok_db_get_text(&rows, i, 1),
            .count = sok_db_get_int(&rows, i, 2),
            .first_run_at = sok_db_get_int(&rows, i, 3),
        };
    *ret = counts;
    *ret_count = rows.row_count;
    return SOK_OK;
}

enum sok_status sok_tasks_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "DELETE FROM tasks WHERE id IN (SELECT t.id FROM tasks t WHERE t.finished_at < $1 "
        "AND NOT EXISTS (SELECT 1 FROM searches s WHERE s.id = t.id) "
        "AND NOT EXISTS (SELECT 1 FROM downloads d WHERE d.id = t.id) LIMIT 2000)",
        SOK_PARAMS(sok_db_int(before_ms)), ret_deleted, err);
}
