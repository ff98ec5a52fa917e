// tasks and dead letters.
#include "data/tasks.h"

#include "data/data_test.h"
#include "data/dead_letters.h"
#include "data/searches_test.h"

static void add_task(struct sok_test_db *t, const char *id, const char *type, int64_t run_at)
{
    struct sok_task task = {.id = id, .task_type = type, .user_id = "ada", .created_at = 1, .run_at = run_at};
    assert_ok(sok_tasks_insert(t->tx, &task, &t->err));
}

static enum sok_status lease(struct sok_test_db *t, int64_t now_ms, struct sok_task *ret)
{
    return sok_tasks_lease(t->tx, t->arena, SOK_JOB_SEARCH, "me", now_ms, 100, ret, &t->err);
}

static void tasks_are_leased_in_order_and_when_due(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_task task;
    bool due;
    add_task(t, "late", "search", 50);
    add_task(t, "first", "search", 10);
    add_task(t, "score", "score", 1);
    assert_ok(sok_tasks_has_due(t->tx, SOK_JOB_SEARCH, 5, &due, &t->err));
    assert_false(due);
    assert_int_equal(lease(t, 5, &task), SOK_NOT_FOUND);
    assert_ok(sok_tasks_has_due(t->tx, SOK_JOB_SEARCH, 60, &due, &t->err));
    assert_true(due);
    assert_ok(lease(t, 60, &task));
    assert_string_equal(task.id, "first");
    assert_string_equal(task.status, "running");
    assert_string_equal(task.payload, "{}");
    assert_int_equal(task.max_tries, 3);
    assert_int_equal(task.fence, 1);
    assert_int_equal(task.lease_until, 160);
    assert_ok(lease(t, 60, &task));
    assert_string_equal(task.id, "late");
    assert_int_equal(lease(t, 60, &task), SOK_NOT_FOUND);
    assert_ok(lease(t, 161, &task)); // the first lease ran out
    assert_string_equal(task.id, "first");
    assert_int_equal(task.fence, 2);
    assert_int_equal(task.lost_leases, 1);
    assert_ok(sok_tasks_find(t->tx, t->arena, "score", &task, &t->err));
    assert_int_equal(task.max_tries, 1);
}

static void only_the_present_lease_may_change_a_task(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_task task;
    struct sok_error why = {.status = SOK_TIMEOUT, .message = "slow"};
    bool cancel = true;
    add_task(t, "t1", "search", 1);
    assert_ok(sok_tasks_lease_id(t->tx, t->arena, "t1", "me", 10, 100, &task, &t->err));
    assert_int_equal(
        sok_tasks_lease_id(t->tx, t->arena, "t1", "you", 20, 100, &task, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_tasks_renew(t->tx, "t1", 1, 50, 100, &cancel, &t->err));
    assert_false(cancel);
    assert_ok(sok_tasks_lease_id(t->tx, t->arena, "t1", "you", 151, 100, &task, &t->err));
    assert_conflict(t, sok_tasks_renew(t->tx, "t1", 1, 160, 100, NULL, &t->err));
    assert_string_equal(t->err.code, "lease_lost");
    assert_conflict(t, sok_tasks_progress(t->tx, "t1", 1, 5, 160, &t->err));
    assert_conflict(t, sok_tasks_complete(t->tx, "t1", 1, NULL, 160, &t->err));
    assert_conflict(t, sok_tasks_hand_back(t->tx, "t1", 1, 0, 160, &t->err));
    assert_conflict(t, sok_tasks_end_cancelled(t->tx, "t1", 1, 160, &t->err));
    assert_conflict(t, sok_tasks_postpone(t->tx, "t1", 1, &why, 170, 160, &t->err));
    assert_conflict(t, sok_tasks_fail(t->tx, "t1", 1, &why, true, 170, 160, NULL, &t->err));
    assert_ok(sok_tasks_progress(t->tx, "t1", 2, 40, 160, &t->err));
    assert_ok(sok_tasks_find(t->tx, t->arena, "t1", &task, &t->err));
    assert_true(task.progress == 40);
    assert_int_equal(task.lost_leases, 0); // it went on
    assert_ok(sok_tasks_complete(t->tx, "t1", 2, "{\"n\":3}", 170, &t->err));
    assert_conflict(t, sok_tasks_complete(t->tx, "t1", 2, NULL, 180, &t->err));
}

static void a_dead_task_takes_its_search_along_and_both_can_be_retried(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_task task;
    struct sok_search search;
    struct sok_dead_letter *letters, letter;
    struct sok_error why = {.status = SOK_UNAVAILABLE, .message = "down"};
    size_t count;
    struct sok_page_info info;
    bool dead;
    add_task(t, "t1", "search", 1);
    add_search(t, "t1");
    for (int tries = 1; tries <= 3; tries++) {
        assert_ok(lease(t, 1000 * tries, &task));
        assert_ok(sok_tasks_fail(
            t->tx, "t1", task.fence, &why, true, 1000 * tries + 1, 1000 * tries, &dead, &t->err));
        assert_int_equal(dead, tries == 3);
    }
    assert_ok(sok_searches_find(t->tx, t->arena, "t1", &search, &t->err));
    assert_string_equal(search.status, "failed");
    assert_string_equal(search.error_message, "down");
    assert_ok(sok_dead_letters_list(t->tx, t->arena, NULL, NULL, &letters, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_dead_letters_retry(t->tx, t->arena, letters[0].id, 5000, &letter, &t->err));
    assert_string_equal(letter.task_id, "t1");
    assert_conflict(t, sok_dead_letters_retry(t->tx, t->arena, letters[0].id, 5000, &letter, &t->err));
    assert_string_equal("already_retried", t->err.code);
    int64_t open;
    assert_ok(sok_dead_letters_count_open(t->tx, &open, &t->err));
    assert_int_equal(0, open);
    struct sok_dead_letters_filter filter = {.only_open = true};
    assert_ok(sok_dead_letters_list(t->tx, t->arena, &filter, NULL, &letters, &count, &info, &t->err));
    assert_int_equal(0, count);
    filter = (struct sok_dead_letters_filter){.only_retried = true, .task_type = "search"};
    assert_ok(sok_dead_letters_list(t->tx, t->arena, &filter, NULL, &letters, &count, &info, &t->err));
    assert_int_equal(1, count);
    int64_t deleted;
    assert_ok(sok_dead_letters_purge(t->tx, 3000, &deleted, &t->err));
    assert_int_equal(0, deleted);
    assert_ok(sok_dead_letters_purge(t->tx, 3001, &deleted, &t->err));
    assert_int_equal(1, deleted);
    assert_ok(sok_searches_find(t->tx, t->arena, "t1", &search, &t->err));
    assert_string_equal(search.status, "pending");
    assert_ok(lease(t, 5000, &task));
    assert_int_equal(task.retry_count, 0);
    assert_int_equal(
        sok_dead_letters_retry(t->tx, t->arena, "nothing", 5000, &letter, &t->err), SOK_NOT_FOUND);
}

static void pending_tasks_are_cancelled_at_once_running_ones_are_told(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_task task;
    bool cancel;
    add_task(t, "t1", "search", 1);
    add_task(t, "t2", "search", 2);
    assert_ok(lease(t, 10, &task));
    assert_ok(sok_tasks_cancel(t->tx, "t1", 20, &t->err));
    assert_ok(sok_tasks_cancel(t->tx, "t2", 20, &t->err));
    assert_conflict(t, sok_tasks_cancel(t->tx, "t2", 20, &t->err));
    assert_int_equal(sok_tasks_cancel(t->tx, "t3", 20, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_tasks_renew(t->tx, "t1", 1, 30, 100, &cancel, &t->err));
    assert_true(cancel);
    assert_ok(sok_tasks_end_cancelled(t->tx, "t1", 1, 40, &t->err));
    assert_ok(sok_tasks_find(t->tx, t->arena, "t2", &task, &t->err));
    assert_string_equal(task.status, "cancelled");
    assert_int_equal(task.finished_at, 20);
}

static void the_reconciler_frees_buries_and_lists(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_task task;
    struct sok_task_ref *refs;
    struct sok_task_count *counts;
    size_t count;
    int64_t expired;
    add_task(t, "t1", "search", 1);
    add_task(t, "t2", "search", 500);
    for (int i = 0; i < SOK_TASK_LOST_MAX; i++) { // workers that die, one after the other
        assert_ok(sok_tasks_lease_id(t->tx, t->arena, "t1", "me", 1000 * (i + 1), 100, &task, &t->err));
        assert_ok(
            sok_tasks_reconcile(t->tx, t->arena, 1000 * (i + 1) + 200, 10, &refs, &count, &expired, &t->err));
        assert_int_equal(expired, 1);
    }
    assert_int_equal(count, 2);
    assert_string_equal(refs[0].id, "t2");
    assert_int_equal(refs[0].job, SOK_JOB_SEARCH);
    int64_t now_ms = 1000 * (SOK_TASK_LOST_MAX + 1);
    assert_ok(sok_tasks_lease_id(t->tx, t->arena, "t1", "me", now_ms, 100, &task, &t->err));
    assert_ok(sok_tasks_count(t->tx, t->arena, &counts, &count, &t->err));
    assert_int_equal(count, 2);
    assert_ok(sok_tasks_reconcile(t->tx, t->arena, now_ms + 200, 10, &refs, &count, &expired, &t->err));
    assert_int_equal(expired, 0);
    assert_ok(sok_tasks_find(t->tx, t->arena, "t1", &task, &t->err));
    assert_string_equal(task.status, "failed");
    const char **owners;
    assert_ok(sok_tasks_lease_id(t->tx, t->arena, "t2", "gone", now_ms, 100, &task, &t->err));
    assert_ok(sok_tasks_list_owners(t->tx, t->arena, &owners, &count, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(owners[0], "gone");
    assert_ok(sok_tasks_release_owner(t->tx, "gone", now_ms, &expired, &t->err));
    assert_int_equal(expired, 1);
    assert_ok(sok_tasks_purge(t->tx, now_ms + 1000, &expired, &t->err));
    assert_int_equal(expired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_are_leased_in_order_and_when_due),
        TEST(only_the_present_lease_may_change_a_task),
        TEST(a_dead_task_takes_its_search_along_and_both_can_be_retried),
        TEST(pending_tasks_are_cancelled_at_once_running_ones_are_told),
        TEST(the_reconciler_frees_buries_and_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
