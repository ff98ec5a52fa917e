#include "workers/scout.h"

#include <string.h>
#include <unistd.h>

#include "backends/queue/queue.h"
#include "base/test.h"
#include "base/text.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "data/tasks.h"
#include "data/test_db.h"
#include "runtime/log.h"
#include "services/providers/providers_testing.h"
#include "services/providers/registry.h"
#include "workers/worker.h"

#define SEARCH "01900000-0000-7000-8000-000000000001"
#define MEDIA "01900000-0000-7000-8000-00000000000a"
#define OTHER_MEDIA "01900000-0000-7000-8000-00000000000b"
#define SINTEL_HASH "08ada5a7a6183aae1e09d831df6748d566095a10"

#define CAPS                                                                                      \
    "<caps><limits max='100'/><searching><search available='yes'/><movie-search available='yes' " \
    "supportedParams='q,year'/><tv-search available='yes' "                                       \
    "supportedParams='q,season,ep'/></searching></caps>"
#define SINTEL_ROW                                                                                     \
    "\"id\":45745,\"title\":\"Sintel\",\"original_title\":\"Sintel\",\"release_date\":\"2010-09-30\"," \
    "\"overview\":\"A girl and a dragon.\",\"vote_average\":7.5,\"vote_count\":500,\"popularity\":9.0"

static const struct test_answer indexer_rows[] = {
    {.with = {"t=caps"}, .status = 200, .body = CAPS},
    {.with = {"t=movie", "Sintel"}, .status = 200, .fixture = "synthetic/jackett/torznab_search.xml"},
    {.with = {"/api"}, .status = 200, .fixture = "synthetic/prowlarr/torznab_search_empty.xml"},
    {0},
};
static const struct test_answer broken_rows[] = {{.with = {"/"}, .status = 500, .body = "oops"}, {0}};
static const struct test_answer prowlarr_rows[] = {
    {.with = {"/api/v1/search", "Sintel"}, .status = 200, .fixture = "synthetic/prowlarr/search.json"},
    {.with = {"/api/v1/search"}, .status = 200, .body = "[]"},
    {0},
};
static const struct test_answer tmdb_rows[] = {
    {.with = {"/3/search/movie"}, .status = 200, .body = "{\"results\":[{" SINTEL_ROW "}]}"},
    {.with = {"/3/movie/45745"},
     .status = 200,
     .body = "{" SINTEL_ROW
             ",\"runtime\":15,\"imdb_id\":\"tt1727587\",\"genres\":[{\"id\":16,\"name\":\"Animation\"}],"
             "\"alternative_titles\":{\"titles\":[{\"title\":\"Durian\"}]}}"},
    {0},
};

// The same film, typed under its original title.
static const struct test_answer tmdb_original_rows[] = {
    {.with = {"/3/search/movie"},
     .status = 200,
     .body = "{\"results\":[{\"id\":45745,\"title\":\"Sintel\",\"original_title\":\"Projekt Durian\","
             "\"release_date\":\"2010-09-30\"}]}"},
    {0},
};

struct fixture {
    struct sok_test_db t;
    struct sok_queue *queue;
    struct sok_http_client *http;
    struct sok_providers *providers;
    struct sok_config config;
    struct sok_worker_env env;
    struct test_server indexer, broken, prowlarr, tmdb;
    struct test_answers indexer_answers, broken_answers, prowlarr_answers, tmdb_answers;
    _Atomic int results_events, completed_events;
};

static void count_event(const struct sok_event *event, void *context)
{
    struct fixture *f = context;
    if (strcmp(event->user_id, "alice") != 0)
        return;
    f->results_events += strcmp(event->subject, "search.results") == 0;
    f->completed_events += strcmp(event->subject, "search.completed") == 0;
}

static void serve(struct test_server *server, struct test_answers *answers, const struct test_answer *rows)
{
    answers->rows = rows;
    test_server_start(server, test_answer, answers);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sok_log_set(SOK_LOG_ERROR + 1, SOK_LOG_TEXT); // the failures are on purpose
    sok_test_db_open(&f->t, "");
    sok_test_db_add_user(&f->t, "alice", "user");
    serve(&f->indexer, &f->indexer_answers, indexer_rows);
    serve(&f->broken, &f->broken_answers, broken_rows);
    serve(&f->prowlarr, &f->prowlarr_answers, prowlarr_rows);
    serve(&f->tmdb, &f->tmdb_answers, tmdb_rows);
    assert_ok(sok_queue_open("embedded:", &f->queue, &f->t.err));
    assert_ok(sok_queue_subscribe(f->queue, "search.", count_event, f, &f->t.err));
    struct sok_http_client_options options = {.clock = &sok_clock_system, .backoff_unit_ms = 1};
    assert_ok(sok_http_client_new(&options, &f->http, &f->t.err));
    f->config = (struct sok_config){
        .torznab_urls = sok_format(
            f->t.arena, "%s/api?apikey=SECRET %s/api?apikey=SECRET", f->indexer.base, f->broken.base),
        .prowlarr_url = f->prowlarr.base,
        .prowlarr_api_key = "SECRET",
        .tmdb_url = f->tmdb.base,
        .tmdb_api_key = "0123456789abcdef0123456789abcdef",
        .tvmaze_url = "off",
        .archive_org_url = "off",
    };
    f->providers = sok_providers_new(&f->config, f->t.db, NULL, f->http, &sok_clock_system);
    f->env = (struct sok_worker_env){
        .config = &f->config,
        .clock = &sok_clock_system,
        .db = f->t.db,
        .queue = f->queue,
        .http = f->http,
        .providers = f->providers,
        .owner = "test",
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_queue_close(f->queue);
    sok_providers_free(f->providers);
    sok_http_client_free(f->http);
    test_server_stop(&f->indexer);
    test_server_stop(&f->broken);
    test_server_stop(&f->prowlarr);
    test_server_stop(&f->tmdb);
    sok_test_db_close(&f->t);
    free(f);
    return 0;
}

static enum sok_status insert_search(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_search *search = context;
    SOK_TRY(sok_searches_insert(tx, search, err));
    struct sok_task task = {
        .id = search->id,
        .task_type = "search",
        .payload = "{\"search_id\":\"" SEARCH "\"}",
        .user_id = "alice",
        .media_id = search->media_id,
        .created_at = 1,
        .updated_at = 1,
    };
    return sok_tasks_insert(tx, &task, err);
}

static void add_search(struct fixture *f, const char *query, const char *media_id)
{
    struct sok_search search = {
        .id = SEARCH,
        .user_id = "alice",
        .media_id = media_id,
        .query = query,
        .year = 2010,
        .media_type = "movie",
        .season = -1,
        .episode = -1,
        .providers = "[]",
        .status = "pending",
        .created_at = 1,
        .updated_at = 1,
    };
    assert_ok(sok_db_write(f->t.db, insert_search, &search, &f->t.err));
}

static struct sok_search find_search(struct fixture *f)
{
    struct sok_search search;
    assert_ok(sok_searches_find(f->t.reader, f->t.arena, SEARCH, &search, &f->t.err));
    return search;
}

// Runs the worker until the search has ended. The deadline only bounds a test that has failed.
static struct sok_search run_search(struct fixture *f)
{
    struct sok_worker *worker;
    assert_ok(sok_scout_start(&f->env, &worker, &f->t.err));
    sok_queue_publish(f->queue, SOK_JOB_SEARCH, SEARCH);
    struct sok_search search = {0};
    struct sok_task task = {0};
    for (int i = 0; i < 6000; i++) {
        search = find_search(f);
        assert_ok(sok_tasks_find(f->t.reader, f->t.arena, SEARCH, &task, &f->t.err));
        bool ended = strcmp(task.status, "completed") == 0 || strcmp(task.status, "failed") == 0;
        if (ended && (strcmp(search.status, "completed") == 0 || strcmp(search.status, "failed") == 0))
            break;
        usleep(5000);
    }
    sok_worker_stop(worker, 1000);
    return find_search(f);
}

static struct sok_search_result *all_results(struct fixture *f, size_t *ret_count)
{
    struct sok_search_result *rows;
    assert_ok(sok_search_results_all(f->t.reader, f->t.arena, SEARCH, &rows, ret_count, &f->t.err));
    return rows;
}

static const struct sok_search_result *result_of(struct fixture *f, const char *hash)
{
    size_t count;
    struct sok_search_result *rows = all_results(f, &count);
    const struct sok_search_result *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sok_text_eq(rows[i].info_hash, hash)) {
            assert_null(found); // merged into one
            found = &rows[i];
        }
    }
    assert_non_null(found);
    return found;
}

static const struct sok_search_provider *state_of(struct fixture *f, const char *name)
{
    struct sok_search_provider *rows;
    size_t count;
    assert_ok(sok_searches_list_providers(f->t.reader, f->t.arena, SEARCH, &rows, &count, &f->t.err));
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq(rows[i].name, name))
            return &rows[i];
    fail_msg("no provider %s", name);
    return NULL;
}

static const char *name_of(struct fixture *f, const struct test_server *server)
{
    return sok_format(f->t.arena, "127.0.0.1:%d", server->port);
}

static void partial_answers_are_answers(void **state)
{
    struct fixture *f = *state;
    sok_test_db_add_movie(&f->t, MEDIA, "sintel", 0);
    add_search(f, "sintel", MEDIA);
    struct sok_search search = run_search(f);
    assert_string_equal("completed", search.status);
    assert_string_equal("failed", state_of(f, name_of(f, &f->broken))->status);
    assert_string_equal("127.0.0.1 answered 500", state_of(f, name_of(f, &f->broken))->error);
    assert_string_equal("completed", state_of(f, name_of(f, &f->indexer))->status);
    assert_int_equal(3, state_of(f, name_of(f, &f->indexer))->results);
    assert_string_equal("completed", state_of(f, "prowlarr")->status);
    assert_int_equal(1, state_of(f, "tmdb")->results);
    const struct sok_search_result *sintel = result_of(f, SINTEL_HASH);
    assert_int_equal(2204, sintel->seeders); // the best of all sources
    assert_non_null(strstr(sintel->duplicates, "prowlarr"));
    assert_non_null(strstr(sintel->parsed, "\"1080p\""));
    assert_true(sintel->score > 0);
    assert_non_null(strstr(sintel->score_breakdown, "reason"));
    assert_null(strstr(sintel->guid, "SECRET"));
    assert_true(f->results_events >= 4);
    assert_int_equal(1, f->completed_events);
}

static void the_work_is_completed_from_the_metadata(void **state)
{
    struct fixture *f = *state;
    sok_test_db_add_movie(&f->t, MEDIA, "sintel", 0);
    add_search(f, "sintel", MEDIA);
    struct sok_search search = run_search(f);
    struct sok_media media;
    assert_string_equal(MEDIA, search.media_id);
    assert_ok(sok_media_find(f->t.reader, f->t.arena, MEDIA, &media, &f->t.err));
    assert_string_equal("Sintel", media.title);
    assert_int_equal(45745, media.tmdb_id);
    assert_int_equal(15, media.runtime_minutes);
    assert_string_equal("tt1727587", media.imdb_id);
    assert_non_null(strstr(media.alternative_titles, "Durian"));
}

static enum sok_status set_tmdb_id(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct fixture *f = context;
    struct sok_media media;
    SOK_TRY(sok_media_find(tx, f->t.arena, OTHER_MEDIA, &media, err));
    media.tmdb_id = 45745;
    return sok_media_update(tx, &media, err);
}

static void a_work_that_is_there_already_takes_the_search_over(void **state)
{
    struct fixture *f = *state;
    sok_test_db_add_movie(&f->t, OTHER_MEDIA, "Sintel", 2010);
    sok_test_db_add_movie(&f->t, MEDIA, "sintel film", 0);
    assert_ok(sok_db_write(f->t.db, set_tmdb_id, f, &f->t.err));
    add_search(f, "Sintel", MEDIA);
    struct sok_search search = run_search(f);
    struct sok_media media;
    assert_string_equal(OTHER_MEDIA, search.media_id);
    assert_int_equal(SOK_NOT_FOUND, sok_media_find(f->t.reader, f->t.arena, MEDIA, &media, &f->t.err));
    assert_string_equal(OTHER_MEDIA, result_of(f, SINTEL_HASH)->media_id);
}

static enum sok_status start_again(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE tasks SET status = 'pending', lease_owner = NULL, finished_at = NULL, run_at = 0 WHERE id = "
        "$1",
        sok_db_text(SEARCH)));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "UPDATE searches SET status = 'running' WHERE id = $1", sok_db_text(SEARCH));
}

static void a_run_after_a_kill_makes_no_doubles(void **state)
{
    struct fixture *f = *state;
    sok_test_db_add_movie(&f->t, MEDIA, "sintel", 0);
    add_search(f, "sintel", MEDIA);
    run_search(f);
    size_t first_count, second_count;
    struct sok_search_result *first = all_results(f, &first_count);
    assert_ok(sok_db_write(f->t.db, start_again, NULL, &f->t.err));
    assert_string_equal("completed", run_search(f).status);
    struct sok_search_result *second = all_results(f, &second_count);
    assert_int_equal(first_count, second_count);
    for (size_t i = 0; i < first_count; i++) {
        assert_int_equal(first[i].id, second[i].id);
        assert_string_equal(first[i].guid, second[i].guid);
        assert_string_equal(first[i].duplicates, second[i].duplicates);
    }
}

static void a_search_that_nobody_answers_fails_with_the_reason(void **state)
{
    struct fixture *f = *state;
    f->config.torznab_urls = sok_format(f->t.arena, "%s/api", f->broken.base);
    f->config.prowlarr_url = NULL;
    sok_test_db_add_movie(&f->t, MEDIA, "sintel", 0);
    add_search(f, "sintel", MEDIA);
    struct sok_search search = run_search(f);
    assert_string_equal("failed", search.status);
    assert_non_null(strstr(search.error_message, "127.0.0.1"));
    struct sok_task task;
    assert_ok(sok_tasks_find(f->t.reader, f->t.arena, SEARCH, &task, &f->t.err));
    assert_string_equal("failed", task.status);
    assert_int_equal(3, task.retry_count);
    assert_int_equal(1, f->completed_events);
}

static void a_search_without_indexers_says_so_at_once(void **state)
{
    struct fixture *f = *state;
    f->config.torznab_urls = NULL;
    f->config.prowlarr_url = NULL;
    sok_test_db_add_movie(&f->t, MEDIA, "sintel", 0);
    add_search(f, "sintel", MEDIA);
    struct sok_search search = run_search(f);
    assert_string_equal("failed", search.status);
    assert_non_null(strstr(search.error_message, "no indexer"));
}

static void another_title_of_the_work_is_tried_when_the_first_finds_nothing(void **state)
{
    struct fixture *f = *state;
    f->tmdb_answers.rows = tmdb_original_rows;
    sok_test_db_add_movie(&f->t, MEDIA, "projekt durian", 2010);
    f->config.torznab_urls = sok_format(f->t.arena, "%s/api", f->indexer.base);
    f->config.prowlarr_url = NULL;
    add_search(f, "projekt durian", MEDIA);
    struct sok_search search = run_search(f);
    assert_string_equal("completed", search.status);
    result_of(f, SINTEL_HASH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(partial_answers_are_answers),
        TEST(the_work_is_completed_from_the_metadata),
        TEST(a_work_that_is_there_already_takes_the_search_over),
        TEST(a_run_after_a_kill_makes_no_doubles),
        TEST(a_search_that_nobody_answers_fails_with_the_reason),
        TEST(a_search_without_indexers_says_so_at_once),
        TEST(another_title_of_the_work_is_tried_when_the_first_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
