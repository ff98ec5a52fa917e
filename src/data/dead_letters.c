#include "data/dead_letters.h"

#include <string.h>

#include "data/tasks.h"

static const struct sok_column columns[] = {
    SOK_COLUMN(sok_dead_letter, id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, task_id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, task_type, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, payload, SOK_COLUMN_OBJECT),
    SOK_COLUMN(sok_dead_letter, user_id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, tries, SOK_COLUMN_INT),
    SOK_COLUMN(sok_dead_letter, error_code, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, error_message, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_dead_letter, created_at, SOK_COLUMN_INT),
    SOK_COLUMN(sok_dead_letter, retried_at, SOK_COLUMN_OPT),
};
static const struct sok_table table = SOK_TABLE("dead_letters", sok_dead_letter, columns);

enum sok_status sok_dead_letters_insert(
    struct sok_db_tx *tx, const struct sok_dead_letter *letter, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, letter, NULL, 0, "", NULL, err);
}

enum sok_status sok_dead_letters_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_dead_letter *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "dead letter", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_dead_letters_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_dead_letters_filter *filter,
    const struct sok_page *page, struct sok_dead_letter **ret, size_t *ret_count,
    struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},
        {"task_type", "task_type", true},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    if (filter) {
        sok_where_text(&where, "task_type = ?", filter->task_type);
        if (filter->only_retried)
            sok_where_add(&where, "retried_at IS NOT NULL");
        if (filter->only_open)
            sok_where_add(&where, "retried_at IS NULL");
    }
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}

enum sok_status sok_dead_letters_count_open(struct sok_db_tx *tx, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(tx, "SELECT count(*) FROM dead_letters WHERE retried_at IS NULL", NULL, 0, ret, err);
}

static enum sok_status conflict(struct sok_error *err, const char *code, const char *sentence)
{
    enum sok_status status = sok_fail(err, SOK_CONFLICT, "%s", sentence);
    if (err)
        err->code = code;
    return status;
}

// The search or download of the task starts again with it.
static enum sok_status restart_subject(
    struct sok_db_tx *tx, const struct sok_dead_letter *letter, int64_t now_ms, struct sok_error *err)
{
    int64_t others;
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE searches SET status = 'pending', error_message = NULL, completed_at = NULL, updated_at = $2 "
        "WHERE id = $1",
        sok_db_text(letter->task_id), sok_db_int(now_ms)));
    SOK_TRY(sok_load_int(
        tx,
        "SELECT count(*) FROM downloads d JOIN downloads o ON o.info_hash = d.info_hash AND o.user_id = "
        "d.user_id "
        "AND o.id <> d.id AND o.status NOT IN ('failed', 'cancelled') AND o.wanted <> 'cancelled' "
        "WHERE d.id = $1",
        SOK_PARAMS(sok_db_text(letter->task_id)), &others, err));
    if (others)
        return conflict(err, "already_downloading", "its owner has another download of the same by now");
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE downloads SET status = 'queued', wanted = 'run', error = NULL, updated_at = $2 "
        "WHERE id = $1 AND status = 'failed'",
        sok_db_text(letter->task_id), sok_db_int(now_ms));
}

enum sok_status sok_dead_letters_retry(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, int64_t now_ms,
    struct sok_dead_letter *ret, struct sok_error *err)
{
    struct sok_dead_letter letter;
    struct sok_task task;
    SOK_TRY(sok_dead_letters_find(tx, arena, id, &letter, err));
    if (letter.retried_at)
        return conflict(err, "already_retried", "this job was started again already");
    enum sok_status status = sok_tasks_find(tx, arena, letter.task_id, &task, err);
    if (status == SOK_NOT_FOUND)
        return conflict(err, "job_gone", "the job itself is gone");
    SOK_TRY(status);
    if (strcmp(task.status, "failed") != 0)
        return conflict(err, "not_failed", "the job does not stand still any more");
    SOK_TRY(sok_change_one(
        tx, "task",
        "UPDATE tasks SET status = 'pending', retry_count = 0, lost_leases = 0, cancel_requested = 0, "
        "progress = 0, "
        "error_message = NULL, run_at = $2, finished_at = NULL, lease_owner = NULL, lease_until = NULL, "
        "updated_at = $2 "
        "WHERE id = $1",
        SOK_PARAMS(sok_db_text(letter.task_id), sok_db_int(now_ms)), err));
    SOK_TRY(restart_subject(tx, &letter, now_ms, err));
    SOK_TRY(sok_change_one(
        tx, "dead letter", "UPDATE dead_letters SET retried_at = $2 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms)), err));
    letter.retried_at = now_ms;
    *ret = letter;
    return SOK_OK;
}

enum sok_status sok_dead_letters_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE created_at < $1 LIMIT 2000)",
        SOK_PARAMS(sok_db_int(before_ms)), ret_deleted, err);
}

enum sok_status sok_dead_letters_delete_of(struct sok_db_tx *tx, const char *user_id, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM dead_letters WHERE user_id = $1", sok_db_text(user_id));
}
