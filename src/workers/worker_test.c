#include "workers/worker.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "base/test.h"
#include "data/dead_letters.h"
#include "data/test_db.h"
#include "runtime/log.h"

#define OWNER "this process"

struct fixture {
    struct sok_test_db t;
    struct sok_queue *queue;
    struct sok_clock_manual clock;
    struct sok_worker_env env;
};

static int set_up_with(void **state, const char *prefix)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sok_test_db_open(&f->t, prefix);
    assert_ok(sok_queue_open("embedded:", &f->queue, &f->t.err));
    sok_clock_manual_init(&f->clock, 1000000);
    f->env =
        (struct sok_worker_env){.clock = &f->clock.clock, .db = f->t.db, .queue = f->queue, .owner = OWNER};
    sok_log_set(SOK_LOG_ERROR + 1, SOK_LOG_TEXT); // these failures are on purpose
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, "");
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_queue_close(f->queue);
    sok_test_db_close(&f->t);
    free(f);
    return 0;
}

static enum sok_status insert_task(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tasks_insert(tx, context, err);
}

static void add_task(struct fixture *f, const char *id, enum sok_job job)
{
    struct sok_task task = {
        .id = id,
        .task_type = sok_job_name(job),
        .payload = "{\"n\":1}",
        .created_at = sok_clock_now_ms(f->env.clock),
    };
    assert_ok(sok_db_write(f->t.db, insert_task, &task, &f->t.err));
}

static struct sok_task load_task(struct fixture *f, const char *id)
{
    struct sok_task task;
    assert_ok(sok_tasks_find(f->t.reader, f->t.arena, id, &task, &f->t.err));
    return task;
}

// A real worker works in real time: the deadline only bounds a test that has failed.
static void wait_for_status(struct fixture *f, const char *id, const char *status)
{
    for (int i = 0; i < 2000; i++) {
        if (strcmp(load_task(f, id).status, status) == 0)
            return;
        usleep(5000);
    }
    fail_msg("task %s did not become %s but %s", id, status, load_task(f, id).status);
}

static struct sok_worker *start(struct fixture *f, enum sok_job job, sok_work_handler handler, void *context)
{
    struct sok_worker *worker;
    struct sok_worker_options options = {
        .env = &f->env,
        .name = "test",
        .job = job,
        .threads = 2,
        .lease_ms = 60000,
        .poll_ms = 10,
        .retry_base_ms = 1000,
        .handler = handler,
        .context = context,
    };
    assert_ok(sok_worker_start(&options, &worker, &f->t.err));
    return worker;
}

// --- A handler told by a script

struct script {
    enum sok_status answer;
    _Atomic int runs;
    _Atomic bool inside, may_leave;
    _Atomic int late_status; // what finishing after the gate came to
};

static enum sok_status answer(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    struct script *script = work->context;
    atomic_fetch_add(&script->runs, 1);
    if (script->answer != SOK_OK)
        return sok_fail(err, script->answer, "as the script says");
    *ret_result = sok_format(work->arena, "{\"payload\":%s}", work->task.payload);
    return SOK_OK;
}

static void a_task_is_run_and_completed(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_OK};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, answer, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    wait_for_status(f, "t1", "completed");
    sok_worker_stop(worker, 1000);
    struct sok_task task = load_task(f, "t1");
    assert_string_equal(task.result, "{\"payload\":{\"n\":1}}");
    assert_true(task.progress == 100);
    assert_int_equal(task.finished_at, 1000000);
    assert_int_equal(script.runs, 1);
}

static void a_task_of_another_kind_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_OK};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, answer, &script);
    add_task(f, "other", SOK_JOB_MONITOR);
    add_task(f, "t1", SOK_JOB_SEARCH);
    wait_for_status(f, "t1", "completed");
    sok_worker_stop(worker, 1000);
    assert_string_equal(load_task(f, "other").status, "pending");
}

static void wait_for_runs(struct script *script, int runs)
{
    for (int i = 0; i < 2000 && atomic_load(&script->runs) < runs; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&script->runs), runs);
}

static void failures_are_retried_with_growing_pauses_and_then_buried(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_UNAVAILABLE};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, answer, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    for (int tries = 1; tries <= 2; tries++) {
        wait_for_runs(&script, tries);
        wait_for_status(f, "t1", "pending");
        struct sok_task task = load_task(f, "t1");
        int64_t pause_ms = task.run_at - sok_clock_now_ms(f->env.clock);
        assert_int_equal(task.retry_count, tries);
        assert_in_range(pause_ms, 500 << (tries - 1), 1500 << (tries - 1));
        assert_int_equal(atomic_load(&script.runs), tries); // not before its time
        sok_clock_manual_advance(&f->clock, pause_ms);
    }
    wait_for_status(f, "t1", "failed");
    sok_worker_stop(worker, 1000);
    assert_int_equal(script.runs, 3);
    assert_string_equal(load_task(f, "t1").error_message, "as the script says");
    struct sok_dead_letter *letters;
    size_t count;
    struct sok_page_info info;
    assert_ok(sok_dead_letters_list(f->t.reader, f->t.arena, NULL, NULL, &letters, &count, &info, &f->t.err));
    assert_int_equal(count, 1);
    assert_string_equal(letters[0].task_id, "t1");
    assert_string_equal(letters[0].error_code, "unavailable");
    assert_int_equal(letters[0].tries, 3);
}

static void what_cannot_get_better_is_not_tried_again(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_INVALID};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, answer, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    wait_for_status(f, "t1", "failed");
    sok_worker_stop(worker, 1000);
    assert_int_equal(script.runs, 1);
}

static void scoring_has_one_try(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_TIMEOUT};
    struct sok_worker *worker = start(f, SOK_JOB_SCORE, answer, &script);
    add_task(f, "t1", SOK_JOB_SCORE);
    wait_for_status(f, "t1", "failed");
    sok_worker_stop(worker, 1000);
    assert_int_equal(script.runs, 1);
}

static void a_full_disk_is_waited_out_and_no_try_is_lost(void **state)
{
    struct fixture *f = *state;
    struct script script = {.answer = SOK_NO_SPACE};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, answer, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    for (int i = 1; i <= 5; i++) {
        wait_for_runs(&script, i);
        wait_for_status(f, "t1", "pending");
        assert_int_equal(load_task(f, "t1").retry_count, 0);
        assert_string_equal(load_task(f, "t1").error_message, "as the script says");
        if (i == 5)
            script.answer = SOK_OK;
        sok_clock_manual_advance(&f->clock, 30000);
    }
    wait_for_status(f, "t1", "completed");
    sok_worker_stop(worker, 1000);
}

static enum sok_status count_effect(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "INSERT INTO settings (name, value, updated_at) VALUES ('late', '1', 1)");
}

// Holds its task until it is let go, then tries to finish it with an effect.
static enum sok_status linger(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    struct script *script = work->context;
    atomic_store(&script->inside, true);
    while (!atomic_load(&script->may_leave))
        usleep(1000);
    enum sok_status status = sok_work_finish(work, count_effect, NULL, NULL, err);
    atomic_store(&script->late_status, (int)status);
    return status;
}

struct other_lease {
    struct fixture *f;
    struct sok_task task;
};

static enum sok_status lease_for_other(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct other_lease *other = context;
    return sok_tasks_lease(
        tx, other->f->t.arena, SOK_JOB_SEARCH, "somebody else", sok_clock_now_ms(other->f->env.clock), 60000,
        &other->task, err);
}

static void a_late_result_of_a_paused_worker_is_fenced_off(void **state)
{
    struct fixture *f = *state;
    struct script script = {.late_status = -1};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, linger, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    while (!atomic_load(&script.inside))
        usleep(1000);
    // As if the whole process had been stopped: the time of the lease passes and another takes the task.
    sok_clock_manual_advance(&f->clock, 60001);
    struct other_lease other = {.f = f};
    enum sok_status leased = SOK_NOT_FOUND;
    while (leased == SOK_NOT_FOUND)
        leased = sok_db_write(f->t.db, lease_for_other, &other, &f->t.err);
    assert_ok(leased);
    assert_int_equal(other.task.fence, 2);
    atomic_store(&script.may_leave, true);
    sok_worker_stop(worker, 5000);
    assert_int_equal(atomic_load(&script.late_status), SOK_CONFLICT);
    struct sok_task task = load_task(f, "t1");
    assert_string_equal(task.status, "running");
    assert_string_equal(task.lease_owner, "somebody else");
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(
        f->t.reader, f->t.arena, &rows, &f->t.err, "SELECT count(*) FROM settings WHERE name = 'late'"));
    assert_int_equal(sok_db_get_int(&rows, 0, 0), 0);
}

// Goes on until somebody says that it should not.
static enum sok_status until_cancelled(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    struct script *script = work->context;
    atomic_store(&script->inside, true);
    while (!sok_work_is_cancelled(work))
        usleep(1000);
    return sok_fail(err, SOK_CANCELLED, "told to stop");
}

static enum sok_status cancel_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tasks_cancel(tx, "t1", 5, err);
}

static void a_cancelled_task_stops_and_ends(void **state)
{
    struct fixture *f = *state;
    struct script script = {0};
    struct sok_worker_options options = {
        .env = &f->env,
        .name = "test",
        .job = SOK_JOB_SEARCH,
        .threads = 1,
        .lease_ms = 30,
        .poll_ms = 10,
        .handler = until_cancelled,
        .context = &script};
    struct sok_worker *worker;
    assert_ok(sok_worker_start(&options, &worker, &f->t.err));
    add_task(f, "t1", SOK_JOB_SEARCH);
    while (!atomic_load(&script.inside))
        usleep(1000);
    assert_ok(sok_db_write(f->t.db, cancel_body, NULL, &f->t.err));
    wait_for_status(f, "t1", "cancelled");
    sok_worker_stop(worker, 1000);
    assert_int_equal(sok_db_write(f->t.db, cancel_body, NULL, &f->t.err), SOK_CONFLICT);
}

static void stopping_hands_the_task_back(void **state)
{
    struct fixture *f = *state;
    struct script script = {0};
    struct sok_worker *worker = start(f, SOK_JOB_SEARCH, until_cancelled, &script);
    add_task(f, "t1", SOK_JOB_SEARCH);
    while (!atomic_load(&script.inside))
        usleep(1000);
    sok_worker_stop(worker, 0);
    struct sok_task task = load_task(f, "t1");
    assert_string_equal(task.status, "pending");
    assert_int_equal(task.retry_count, 0);
    assert_null(task.lease_owner);
}

static void expired_leases_are_reconciled_and_published(void **state)
{
    struct fixture *f = *state;
    struct other_lease other = {.f = f};
    int64_t expired;
    const char *uuid = "01929b8e-0000-7000-8000-000000000001";
    char id[SOK_UUID_LEN + 1];
    add_task(f, uuid, SOK_JOB_SEARCH);
    assert_ok(sok_db_write(f->t.db, lease_for_other, &other, &f->t.err));
    assert_ok(sok_worker_reconcile(&f->env, &expired, &f->t.err));
    assert_int_equal(expired, 0);
    sok_clock_manual_advance(&f->clock, 60001);
    assert_ok(sok_worker_reconcile(&f->env, &expired, &f->t.err));
    assert_int_equal(expired, 1);
    assert_string_equal(load_task(f, uuid).status, "pending");
    assert_ok(sok_queue_wait(f->queue, SOK_JOB_SEARCH, 1000, id, &f->t.err));
    assert_string_equal(id, uuid);
}

static void leases_of_earlier_processes_are_taken_over_at_once(void **state)
{
    struct fixture *f = *state;
    struct other_lease other = {.f = f};
    add_task(f, "t1", SOK_JOB_SEARCH);
    assert_ok(sok_db_write(f->t.db, lease_for_other, &other, &f->t.err));
    assert_ok(sok_worker_take_over(&f->env, &f->t.err));
    assert_string_equal(load_task(f, "t1").status, "pending");
}

// --- Killed at any instant

#define WORK_UNTIL_KILLED "--work-until-killed"
#define KILLS 50
#define TASKS 1500

static enum sok_status effect_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "INSERT INTO effects (task_id) VALUES ($1)", sok_db_text(context));
}

// Writes some progress under the lease, then its effect together with its end.
static enum sok_status do_once(struct sok_work *work, const char **ret_result, struct sok_error *err)
{
    SOK_TRY(sok_work_progress(work, 50, err));
    return sok_work_finish(work, effect_body, (void *)work->task.id, "{}", err);
}

static enum sok_status make_effects(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "CREATE TABLE effects (task_id TEXT NOT NULL)"));
    for (int i = 0; i < TASKS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "task-%d", i);
        struct sok_task task = {.id = id, .task_type = "monitor", .created_at = 1};
        SOK_TRY(sok_tasks_insert(tx, &task, err));
    }
    return SOK_OK;
}

// The program as a child process has it: everything opened anew, earlier leases taken over, four threads at
// work.
static void work_until_killed(const char *url)
{
    struct sok_db *db;
    struct sok_queue *queue;
    struct sok_worker *worker;
    struct sok_error err = {0};
    char owner[SOK_UUID_LEN + 1];
    sok_uuid7(sok_time_now_ms(), owner);
    sok_log_set(SOK_LOG_ERROR + 1, SOK_LOG_TEXT);
    if (sok_db_open(url, NULL, &db, &err) != SOK_OK || sok_queue_open("embedded:", &queue, &err) != SOK_OK)
        _exit(3);
    struct sok_worker_env env = {.clock = &sok_clock_system, .db = db, .queue = queue, .owner = owner};
    struct sok_worker_options options = {
        .env = &env, .name = "test", .job = SOK_JOB_MONITOR, .threads = 4, .poll_ms = 5, .handler = do_once};
    if (sok_worker_take_over(&env, &err) != SOK_OK || sok_worker_start(&options, &worker, &err) != SOK_OK)
        _exit(4);
    for (;;)
        pause();
}

static int64_t count_in(struct sok_db *db, const char *sql)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(db), arena, &rows, &err, sql));
    return sok_db_get_int(&rows, 0, 0);
}

static void fifty_kills_lose_no_task_and_do_none_twice(void **state)
{
    struct fixture *f = *state;
    char url[128];
    snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", f->t.dir.path);
    assert_ok(sok_db_write(f->t.db, make_effects, NULL, &f->t.err));
    f->t.db = sok_db_close(f->t.db);
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) { // a program of its own, as after a restart
            execl("/proc/self/exe", "worker_test", WORK_UNTIL_KILLED, url, (char *)NULL);
            _exit(5);
        }
        usleep(sok_random_below(40000));
        int status;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); // it did not end by itself
    }
    assert_ok(sok_db_open(url, NULL, &f->t.db, &f->t.err)); // with its check of the file
    f->env.db = f->t.db;
    print_message(
        "done when the kills ended: %lld of %d\n",
        (long long)count_in(f->t.db, "SELECT count(*) FROM effects"), TASKS);
    assert_ok(sok_worker_take_over(&f->env, &f->t.err));
    f->env.clock = &sok_clock_system;
    struct sok_worker *worker = start(f, SOK_JOB_MONITOR, do_once, NULL);
    for (int i = 0; i < 20000; i++) {
        if (count_in(f->t.db, "SELECT count(*) FROM tasks WHERE status <> 'completed'") == 0)
            break;
        usleep(5000);
    }
    sok_worker_stop(worker, 1000);
    assert_int_equal(count_in(f->t.db, "SELECT count(*) FROM tasks WHERE status = 'completed'"), TASKS);
    assert_int_equal(count_in(f->t.db, "SELECT count(*) FROM effects"), TASKS);
    assert_int_equal(count_in(f->t.db, "SELECT count(DISTINCT task_id) FROM effects"), TASKS);
    f->t.reader = sok_db_reader(f->t.db);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], WORK_UNTIL_KILLED) == 0) {
        work_until_killed(argv[2]);
        return 6;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_run_and_completed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_task_of_another_kind_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            failures_are_retried_with_growing_pauses_and_then_buried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_get_better_is_not_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scoring_has_one_try, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_waited_out_and_no_try_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_result_of_a_paused_worker_is_fenced_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_task_stops_and_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_hands_the_task_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expired_leases_are_reconciled_and_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            leases_of_earlier_processes_are_taken_over_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fifty_kills_lose_no_task_and_do_none_twice, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
