#include "workers/sentinel.h"

#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "backends/cache/cache.h"
#include "backends/db/drivers/failing.h"
#include "backends/queue/queue.h"
#include "base/test.h"
#include "data/sessions.h"
#include "data/tasks.h"
#include "data/test_db.h"
#include "runtime/log.h"
#include "workers/sentinel_private.h"

struct fixture {
    struct sok_test_db t;
    struct sok_queue *queue;
    struct sok_cache *cache;
    struct sok_clock_manual clock;
    struct sok_config config;
    struct sok_metrics *metrics;
    struct sok_worker_env env;
    sem_t heard;
    char alerts[80][512];
    int alert_count;
};

static void hear(const struct sok_event *event, void *context)
{
    struct fixture *f = context;
    if (f->alert_count < 80)
        snprintf(f->alerts[f->alert_count++], sizeof(f->alerts[0]), "%s", event->json);
    sem_post(&f->heard);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sok_test_db_open(&f->t, "failing:");
    sok_clock_manual_init(&f->clock, 100LL * 86400000);
    f->metrics = sok_metrics_new();
    assert_ok(sok_queue_open("embedded:", &f->queue, &f->t.err));
    assert_ok(sok_cache_open("memory:", &f->clock.clock, NULL, &f->cache, &f->t.err));
    sem_init(&f->heard, 0, 0);
    assert_ok(sok_queue_subscribe(f->queue, "alert", hear, f, &f->t.err));
    f->config = (struct sok_config){
        .data_dir = f->t.dir.path,
        .download_dir = f->t.dir.path,
        .library_dirs = f->t.dir.path,
        .sentinel_seconds = 30,
        .alert_cpu_percent = 95,
        .alert_disk_mib = 1024,
        .alert_queue_seconds = 300,
    };
    f->env = (struct sok_worker_env){
        .config = &f->config,
        .clock = &f->clock.clock,
        .metrics = f->metrics,
        .db = f->t.db,
        .cache = f->cache,
        .queue = f->queue,
        .owner = "me"};
    sok_log_set(SOK_LOG_ERROR + 1, SOK_LOG_TEXT);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_queue_close(f->queue);
    sok_cache_close(f->cache);
    sok_metrics_free(f->metrics);
    sok_test_db_close(&f->t);
    sem_destroy(&f->heard);
    free(f);
    return 0;
}

static void the_kernels_figures_are_read(void **state)
{
    struct sok_cpu_times before, after;
    assert_true(sok_cpu_times_parse("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n", &before));
    assert_true(sok_cpu_times_parse("cpu  150 0 150 750 150 0 0 0 0 0\n", &after));
    assert_true(sok_cpu_percent(&before, &after) == 50);
    assert_true(sok_cpu_percent(&after, &after) == -1);
    assert_false(sok_cpu_times_parse("intr 1 2 3", &before));
    assert_true(sok_memory_percent("MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable:   250 kB\n") == 75);
    assert_true(sok_memory_percent("") == -1);
    double received, sent;
    sok_network_bytes(
        "Inter-|   Receive                |  Transmit\n face |bytes    packets\n"
        "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
        "  eth0: 1000 5 0 0 0 0 0 0 300 4 0 0 0 0 0 0\nwlan0:2000 5 0 0 0 0 0 0 50 4 0 0 0 0 0 0\n",
        &received, &sent);
    assert_true(received == 3000 && sent == 350);
}

static void judge(struct fixture *f, enum sok_gauge gauge, double value, struct sok_watch *watch)
{
    struct sok_sample sample;
    for (int i = 0; i < SOK_GAUGE_COUNT; i++)
        sample.values[i] = -1;
    sample.values[gauge] = value;
    sok_watch_sync(&f->env, watch);
    sok_sentinel_judge(&f->env, &sample, watch);
    sok_watch_sync(&f->env, watch);
}

static int64_t count_audit(struct fixture *f, const char *action)
{
    int64_t count;
    assert_ok(sok_load_int(
        f->t.reader, "SELECT count(*) FROM audit_logs WHERE action = $1", SOK_PARAMS(sok_db_text(action)),
        &count, &f->t.err));
    return count;
}

static void wait_for_alert(struct fixture *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(&f->heard, &until), 0);
}

static void hear_alert(struct fixture *f, const char *state)
{
    wait_for_alert(f);
    assert_non_null(strstr(f->alerts[f->alert_count - 1], state));
}

static void an_alert_is_raised_once_and_cleared_with_a_margin(void **state)
{
    struct fixture *f = *state;
    struct sok_watch watch;
    const double gib = 1073741824.0;
    sok_watch_init(&watch);
    judge(f, SOK_GAUGE_DISK_DATA, 3 * gib, &watch);
    judge(f, SOK_GAUGE_DISK_DATA, 0.5 * gib, &watch);
    hear_alert(f, "raised");
    judge(f, SOK_GAUGE_DISK_DATA, 0.4 * gib, &watch); // still
    judge(f, SOK_GAUGE_DISK_DATA, 1.5 * gib, &watch); // better, not well
    judge(f, SOK_GAUGE_DISK_DATA, 0.9 * gib, &watch);
    judge(f, SOK_GAUGE_DISK_DATA, 2.5 * gib, &watch);
    hear_alert(f, "cleared");
    assert_int_equal(f->alert_count, 2);
    assert_int_equal(count_audit(f, "alert.raised"), 1);
    assert_int_equal(count_audit(f, "alert.cleared"), 1);
}

static void an_alert_that_is_switched_off_clears(void **state)
{
    struct fixture *f = *state;
    struct sok_watch watch;
    sok_watch_init(&watch);
    judge(f, SOK_GAUGE_DISK_DATA, 1, &watch);
    hear_alert(f, "raised");
    f->config.alert_disk_mib = 0;
    judge(f, SOK_GAUGE_DISK_DATA, 1, &watch);
    hear_alert(f, "cleared");
    judge(f, SOK_GAUGE_DISK_DATA, 1, &watch);
    assert_int_equal(f->alert_count, 2);
}

static void one_busy_moment_is_no_alert(void **state)
{
    struct fixture *f = *state;
    struct sok_watch watch;
    sok_watch_init(&watch);
    for (int i = 0; i < 10; i++)
        judge(f, SOK_GAUGE_CPU, i % 4 == 3 ? 50 : 100, &watch);
    assert_false(watch.states[SOK_GAUGE_CPU].is_raised);
    for (int i = 0; i < 4; i++)
        judge(f, SOK_GAUGE_CPU, 100, &watch);
    hear_alert(f, "\"cpu\"");
    assert_true(watch.states[SOK_GAUGE_CPU].is_raised);
}

static void of_two_sentinels_one_raises_an_alert_and_its_successor_clears_it(void **state)
{
    struct fixture *f = *state;
    struct sok_watch first, second;
    sok_watch_init(&first);
    sok_watch_init(&second);
    judge(f, SOK_GAUGE_CACHE, 1, &first);
    hear_alert(f, "raised");
    f->env.owner = "she";
    judge(f, SOK_GAUGE_CACHE, 1, &second);
    assert_false(second.is_mine[SOK_PLACE_SYSTEM]);
    sok_clock_manual_advance(&f->clock, 91000); // nobody has heard of the first for three rounds
    judge(f, SOK_GAUGE_CACHE, 1, &second);
    assert_true(second.states[SOK_GAUGE_CACHE].is_raised);
    assert_int_equal(f->alert_count, 1);
    judge(f, SOK_GAUGE_CACHE, 0, &second);
    hear_alert(f, "cleared");
    f->env.owner = "me";
    judge(f, SOK_GAUGE_CACHE, 1, &first); // what it still believes is not told
    assert_int_equal(f->alert_count, 2);
    assert_int_equal(count_audit(f, "alert.raised"), 1);
    f->env.owner = "she";
    sok_watch_end(&f->env);
    f->env.owner = "me";
    judge(f, SOK_GAUGE_CACHE, 1, &first);
    hear_alert(f, "raised");
}

static void what_happens_without_a_database_is_told_at_once_and_written_later(void **state)
{
    struct fixture *f = *state;
    struct sok_watch watch;
    sok_watch_init(&watch);
    judge(f, SOK_GAUGE_DATABASE, 0, &watch);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    judge(f, SOK_GAUGE_DATABASE, 1, &watch);
    hear_alert(f, "raised");
    judge(f, SOK_GAUGE_DATABASE, 1, &watch);
    for (int i = 0; i < 2 * SOK_CHANGES_MAX; i++) { // more than it can keep in mind
        judge(f, SOK_GAUGE_QUEUE, i % 2 == 0, &watch);
        hear_alert(f, i % 2 ? "cleared" : "raised");
    }
    assert_int_equal(watch.change_count, SOK_CHANGES_MAX);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_NONE, 0, 0, SOK_OK);
    judge(f, SOK_GAUGE_DATABASE, 1, &watch);
    hear_alert(f, "\"database\""); // its entry was the oldest, and is gone: the database is told anew
    assert_int_equal(count_audit(f, "alert.raised"), 1 + SOK_CHANGES_MAX / 2);
    assert_int_equal(watch.change_count, 0);
}

static void who_starts_as_the_database_goes_away_tells_it(void **state)
{
    struct fixture *f = *state;
    struct sok_watch watch, other;
    sok_watch_init(&watch);
    sok_watch_init(&other);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    judge(f, SOK_GAUGE_DATABASE, 1, &watch);
    hear_alert(f, "raised");
    judge(f, SOK_GAUGE_DATABASE, 1, &watch);
    assert_int_equal(f->alert_count, 1);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_NONE, 0, 0, SOK_OK);
    judge(f, SOK_GAUGE_DATABASE, 0, &watch);
    hear_alert(f, "cleared");
    assert_int_equal(count_audit(f, "alert.raised"), 1);
    f->env.owner = "she"; // has heard that another watches, and stays silent
    sok_watch_sync(&f->env, &other);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    judge(f, SOK_GAUGE_DATABASE, 1, &other);
    assert_int_equal(f->alert_count, 2);
}

static enum sok_status insert_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct fixture *f = context;
    int64_t now_ms = sok_clock_now_ms(f->env.clock);
    struct sok_task task = {.id = "t1", .task_type = "search", .created_at = now_ms};
    struct sok_session old = {
        .id = "old", .user_id = "ada", .created_at = 1, .last_used_at = 1, .expires_at = 2};
    struct sok_session living = {
        .id = "living", .user_id = "ada", .created_at = 1, .last_used_at = 1, .expires_at = now_ms + 1000};
    SOK_TRY(sok_tasks_insert(tx, &task, err));
    SOK_TRY(sok_sessions_insert(tx, &old, err));
    return sok_sessions_insert(tx, &living, err);
}

static void a_round_sets_metrics_and_deletes_what_has_expired(void **state)
{
    struct fixture *f = *state;
    struct sok_sentinel sentinel = {.env = &f->env};
    struct sok_session session;
    SOK_BUF_AUTO text;
    sok_test_db_add_user(&f->t, "ada", "user");
    assert_ok(sok_db_write(f->t.db, insert_rows, f, &f->t.err));
    sok_sentinel_step(&sentinel);
    assert_int_equal(sok_sessions_find(f->t.reader, f->t.arena, "old", &session, &f->t.err), SOK_NOT_FOUND);
    assert_ok(sok_sessions_find(f->t.reader, f->t.arena, "living", &session, &f->t.err));
    sok_buf_init(&text, 1 << 20);
    sok_metrics_format(f->metrics, &text);
    assert_non_null(strstr(text.data, "sokoul_worker_queue_size{worker_type=\"scout\"} 1"));
    assert_non_null(strstr(text.data, "sokoul_worker_queue_oldest_seconds{worker_type=\"scout\"}"));
    assert_non_null(strstr(text.data, "sokoul_sentinel_check_up{check=\"database\"} 1"));
    assert_non_null(strstr(text.data, "sokoul_sentinel_disk_free_bytes{folder=\"library\"}"));
    assert_non_null(strstr(text.data, "sokoul_sentinel_alerts_active{alert=\"database\"} 0"));
    assert_non_null(strstr(text.data, "sokoul_system_memory_bytes"));
    assert_null(strstr(text.data, "sokoul_system_disk_free_bytes 0\n"));
}

static void a_database_that_fails_raises_an_alert_and_the_round_goes_on(void **state)
{
    struct fixture *f = *state;
    struct sok_sentinel sentinel = {.env = &f->env};
    f->config.alert_disk_mib = 0;
    sok_sentinel_step(&sentinel);
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    sok_sentinel_step(&sentinel);
    hear_alert(f, "\"database\"");
    sok_db_failing_set(f->t.db, SOK_DB_FAULT_NONE, 0, 0, SOK_OK);
    sok_sentinel_step(&sentinel);
    hear_alert(f, "cleared");
}

static void it_starts_and_stops_at_once(void **state)
{
    struct fixture *f = *state;
    struct sok_sentinel *sentinel;
    assert_ok(sok_sentinel_start(&f->env, &sentinel, &f->t.err));
    int64_t places; // it watches when it has started
    assert_ok(sok_load_int(f->t.reader, "SELECT count(*) FROM alert_watches", NULL, 0, &places, &f->t.err));
    assert_int_equal(places, SOK_PLACE_COUNT);
    assert_null(sok_sentinel_stop(sentinel));
}

static void a_changed_interval_counts_at_once(void **state)
{
    struct fixture *f = *state;
    struct sok_sentinel *sentinel;
    f->config.sentinel_seconds = 3600;
    f->config.alert_disk_mib = 1000000000; // more than any disk has free
    assert_ok(sok_sentinel_start(&f->env, &sentinel, &f->t.err));
    for (int disk = 0; disk < 3; disk++) // the first round
        wait_for_alert(f);
    f->config.alert_disk_mib = 0;
    f->config.sentinel_seconds = 1;
    for (int disk = 0; disk < 3; disk++) // and the next
        wait_for_alert(f);
    assert_null(sok_sentinel_stop(sentinel));
    assert_int_equal(f->alert_count, 6);
    assert_non_null(strstr(f->alerts[2], "raised"));
    assert_non_null(strstr(f->alerts[3], "cleared"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernels_figures_are_read),
        TEST(an_alert_is_raised_once_and_cleared_with_a_margin),
        TEST(an_alert_that_is_switched_off_clears),
        TEST(one_busy_moment_is_no_alert),
        TEST(of_two_sentinels_one_raises_an_alert_and_its_successor_clears_it),
        TEST(what_happens_without_a_database_is_told_at_once_and_written_later),
        TEST(who_starts_as_the_database_goes_away_tells_it),
        TEST(a_round_sets_metrics_and_deletes_what_has_expired),
        TEST(a_database_that_fails_raises_an_alert_and_the_round_goes_on),
        TEST(it_starts_and_stops_at_once),
        TEST(a_changed_interval_counts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
