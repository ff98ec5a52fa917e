#include "workers/oracle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/queue/queue.h"
#include "base/test.h"
#include "base/text.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "data/tasks.h"
#include "data/test_db.h"
#include "net/http_client.h"
#include "net/test_server.h"
#include "runtime/log.h"
#include "workers/worker.h"

#define SEARCH "01900000-0000-7000-8000-000000000001"
#define TASK "01900000-0000-7000-8000-000000000002"
#define MEDIA "01900000-0000-7000-8000-00000000000a"

static const char *const titles[] = {
    "Sintel.2010.1080p.BluRay.x264-GRP", "Sintel.2010.CAM.x264-GRP",
    "Sintel.Returns.2014.1080p.BluRay.x264-GRP"};

struct fixture {
    struct sok_test_db t;
    struct sok_queue *queue;
    struct sok_http_client *http;
    struct sok_config config;
    struct sok_worker_env env;
    struct test_server server;
    int status; // of the stand-in's answers
    _Atomic int results_events;
};

static void answer(struct test_request *request)
{
    const struct fixture *f = request->context;
    bool well = f->status == 200;
    test_reply(
        request->fd, f->status, "Content-Type: application/json\r\n",
        well
            ? "{\"data\":[{\"index\":0,\"embedding\":[1,0]},{\"index\":1,\"embedding\":[1,0]},"
              "{\"index\":2,\"embedding\":[1,0]},{\"index\":3,\"embedding\":[0,1]}]}"
            : "{\"error\":{\"code\":401,\"message\":\"Invalid API Key\",\"type\":\"authentication_error\"}}");
}

static void count_event(const struct sok_event *event, void *context)
{
    struct fixture *f = context;
    if (strcmp(event->subject, "search.results") == 0 && strstr(event->json, SEARCH))
        f->results_events++;
}

static enum sok_status insert_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_search search = {
        .id = SEARCH,
        .user_id = "alice",
        .media_id = MEDIA,
        .query = "Sintel",
        .media_type = "movie",
        .season = -1,
        .episode = -1,
        .providers = "[]",
        .status = "completed",
        .created_at = 1000,
        .updated_at = 1000};
    SOK_TRY(sok_searches_insert(tx, &search, err));
    for (size_t i = 0; i < SOK_ARRAY_LEN(titles); i++) {
        int64_t id;
        char guid[2] = {(char)('a' + i), 0};
        struct sok_search_result result = {
            .search_id = SEARCH,
            .media_id = MEDIA,
            .provider = "p",
            .title = titles[i],
            .guid = guid,
            .merge_key = guid,
            .protocol = "torrent",
            .size_bytes = (int64_t)2 << 30,
            .seeders = 10,
            .leechers = 1,
            .season = -1,
            .episode = -1,
            .trackers = "[]",
            .parsed = "{}",
            .score_breakdown = "[]",
            .duplicates = "[]",
            .created_at = 1000,
            .updated_at = 1000};
        SOK_TRY(sok_search_results_put(tx, &result, &id, err));
    }
    return SOK_OK;
}

static enum sok_status insert_task(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_task task = {
        .id = TASK,
        .task_type = sok_job_name(SOK_JOB_SCORE),
        .payload = *(const char **)context,
        .created_at = 1000};
    return sok_tasks_insert(tx, &task, err);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sok_test_db_open(&f->t, "");
    sok_test_db_add_user(&f->t, "alice", "user");
    sok_test_db_add_movie(&f->t, MEDIA, "Sintel", 2010);
    assert_ok(sok_queue_open("embedded:", &f->queue, &f->t.err));
    assert_ok(sok_queue_subscribe(f->queue, "search.", count_event, f, &f->t.err));
    struct sok_http_client_options options = {.clock = &sok_clock_system, .user_agent = "test"};
    assert_ok(sok_http_client_new(&options, &f->http, &f->t.err));
    f->status = 200;
    test_server_start(&f->server, answer, f);
    f->env = (struct sok_worker_env){
        .config = &f->config,
        .clock = &sok_clock_system,
        .db = f->t.db,
        .queue = f->queue,
        .http = f->http,
        .owner = "test"};
    assert_ok(sok_db_write(f->t.db, insert_rows, NULL, &f->t.err));
    sok_log_set(SOK_LOG_ERROR + 1, SOK_LOG_TEXT); // failures are on purpose
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_http_client_free(f->http);
    test_server_stop(&f->server);
    sok_queue_close(f->queue);
    sok_test_db_close(&f->t);
    free(f);
    return 0;
}

// Runs the job to its end; the deadline only bounds a test that has failed.
static struct sok_task run(struct fixture *f, const char *payload)
{
    struct sok_worker *worker = NULL;
    struct sok_task task = {0};
    assert_ok(sok_oracle_start(&f->env, &worker, &f->t.err));
    assert_ok(sok_db_write(f->t.db, insert_task, &payload, &f->t.err));
    sok_queue_publish(f->queue, SOK_JOB_SCORE, TASK);
    for (int i = 0; i < 4000; i++) {
        assert_ok(sok_tasks_find(f->t.reader, f->t.arena, TASK, &task, &f->t.err));
        if (strcmp(task.status, "completed") == 0 || strcmp(task.status, "failed") == 0)
            break;
        usleep(5000);
    }
    for (int i = 0; i < 1000 && !f->results_events && strcmp(task.status, "completed") == 0; i++)
        usleep(5000);
    sok_queue_stop(f->queue);
    sok_worker_stop(worker, 1000);
    return task;
}

static struct sok_search_result *results(struct fixture *f)
{
    struct sok_search_result *rows;
    size_t count;
    assert_ok(sok_search_results_all(f->t.reader, f->t.arena, SEARCH, &rows, &count, &f->t.err));
    assert_int_equal(SOK_ARRAY_LEN(titles), count);
    return rows;
}

static void results_are_scored_with_likeness_of_meaning(void **state)
{
    struct fixture *f = *state;
    f->config.embeddings_url = f->server.base;
    struct sok_task task = run(f, "{\"search_id\":\"" SEARCH "\"}");
    assert_string_equal("completed", task.status);
    assert_non_null(strstr(task.result, "\"ai_validated\":true"));
    struct sok_search_result *rows = results(f);
    assert_string_equal(titles[0], rows[0].title);
    assert_string_equal(titles[1], rows[1].title);
    assert_string_equal(titles[2], rows[2].title);
    assert_true(rows[0].score > 55 && rows[1].score <= 30 && rows[2].score <= 10);
    assert_true(rows[0].ai_validated && rows[2].ai_validated);
    assert_non_null(strstr(rows[0].score_breakdown, "Likeness of meaning 1.00"));
    assert_int_equal(1, f->results_events);
}

static void without_a_server_words_alone_are_compared(void **state)
{
    struct fixture *f = *state;
    struct sok_task task = run(f, "{\"search_id\":\"" SEARCH "\"}");
    assert_string_equal("completed", task.status);
    struct sok_search_result *rows = results(f);
    assert_true(rows[0].score > 55 && !rows[0].ai_validated);
}

static void a_broken_server_does_not_cost_the_scores(void **state)
{
    struct fixture *f = *state;
    f->config.embeddings_url = f->server.base;
    f->status = 401;
    struct sok_task task = run(f, "{\"search_id\":\"" SEARCH "\"}");
    assert_string_equal("completed", task.status);
    assert_non_null(strstr(task.result, "Invalid API Key"));
    struct sok_search_result *rows = results(f);
    assert_true(rows[0].score > 55 && !rows[0].ai_validated);
}

static void a_job_for_nothing_fails_with_the_reason(void **state)
{
    struct fixture *f = *state;
    struct sok_task task = run(f, "{\"search_id\":\"01900000-0000-7000-8000-0000000000ff\"}");
    assert_string_equal("failed", task.status);
    assert_false(sok_text_empty(task.error_message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results_are_scored_with_likeness_of_meaning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_server_words_alone_are_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_server_does_not_cost_the_scores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_job_for_nothing_fails_with_the_reason, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
