// tasks, dead letters, searches, results, downloads, and the small tables.
#include "data/tasks.h"

#include <string.h>

#include "data/audit.h"
#include "data/data_test.h"
#include "data/dead_letters.h"
#include "data/downloads.h"
#include "data/idempotency.h"
#include "data/ip_rules.h"
#include "data/providers.h"
#include "data/search_results.h"
#include "data/searches.h"
#include "data/settings.h"
#include "data/streams.h"

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

static void add_search(struct sok_test_db *t, const char *id)
{
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = sok_format(t->arena, "media-%s", id);
    media.media_type = "movie";
    media.title = "A film";
    media.created_at = media.updated_at = 1;
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
    struct sok_search search = {
        .id = id,
        .user_id = "ada",
        .media_id = media.id,
        .query = "a film",
        .season = -1,
        .episode = -1,
        .status = "pending",
        .created_at = 1,
        .updated_at = 1};
    assert_ok(sok_searches_insert(t->tx, &search, &t->err));
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

static struct sok_search_result new_result(const char *guid, const char *hash, int64_t score)
{
    return (struct sok_search_result){
        .search_id = "s1",
        .media_id = "media-s1",
        .provider = "indexer",
        .title = guid,
        .guid = guid,
        .info_hash = hash,
        .protocol = "torrent",
        .size_bytes = 5,
        .seeders = -1,
        .leechers = 0,
        .merge_key = "name:x:5",
        .season = -1,
        .episode = 3,
        .score = score,
        .resolution = "1080p",
        .created_at = 1,
        .updated_at = 1};
}

static void results_keep_their_id_and_are_found_for_merging(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_search_result found, *all;
    int64_t id, again, number;
    size_t count;
    struct sok_page_info info;
    add_search(t, "s1");
    struct sok_search_result result = new_result("g1", "aa", 10);
    assert_ok(sok_search_results_put(t->tx, &result, &id, &t->err));
    result.score = 20;
    result.created_at = 99;
    assert_ok(sok_search_results_put(t->tx, &result, &again, &t->err));
    assert_int_equal(id, again);
    assert_ok(sok_search_results_find(t->tx, t->arena, id, &found, &t->err));
    assert_int_equal(found.score, 20);
    assert_int_equal(found.created_at, 1);
    assert_int_equal(found.seeders, -1);
    assert_int_equal(found.leechers, 0);
    assert_string_equal(found.duplicates, "[]");
    assert_ok(sok_search_results_find_same(t->tx, t->arena, "s1", "aa", "other", &found, &t->err));
    // Another hash is another release, whatever its name; without a hash the name decides.
    assert_int_equal(
        sok_search_results_find_same(t->tx, t->arena, "s1", "bb", "name:x:5", &found, &t->err),
        SOK_NOT_FOUND);
    assert_ok(sok_search_results_find_same(t->tx, t->arena, "s1", NULL, "name:x:5", &found, &t->err));
    found.duplicates = "[{}]";
    assert_ok(sok_search_results_update(t->tx, &found, &t->err));
    assert_ok(sok_search_results_set_score(t->tx, id, 77, "[1]", true, 9, &t->err));
    for (int i = 0; i < 5; i++) {
        result = new_result(sok_format(t->arena, "x%d", i), NULL, i);
        assert_ok(sok_search_results_put(t->tx, &result, &again, &t->err));
    }
    assert_ok(sok_search_results_count(t->tx, "s1", &number, &t->err));
    assert_int_equal(number, 6);
    assert_ok(sok_search_results_all(t->tx, t->arena, "s1", &all, &count, &t->err));
    assert_int_equal(all[0].score, 77);
    assert_true(all[0].ai_validated);
    struct sok_page page = {.per_page = 2, SOK_TEST_FILTERS("min_score=3&resolution=1080p&episode=3")};
    assert_ok(sok_search_results_list(t->tx, t->arena, "s1", &page, &all, &count, &info, &t->err));
    assert_int_equal(info.total, 3);
    assert_int_equal(count, 2);
    page.cursor = info.next_cursor;
    assert_ok(sok_search_results_list(t->tx, t->arena, "s1", &page, &all, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(all[0].score, 3);
    static const char *const sorts[] = {"-seeders", "size_bytes", "published_at", "title", "-created_at"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(sorts); i++) {
        page = (struct sok_page){.sort = sorts[i], SOK_TEST_FILTERS("q=x")};
        assert_ok(sok_search_results_list(t->tx, t->arena, "s1", &page, &all, &count, &info, &t->err));
        assert_int_equal(count, 5);
    }
}

static void searches_know_their_providers_and_are_purged(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_search search;
    struct sok_search_provider *providers;
    struct sok_search_provider one = {
        .search_id = "s1", .name = "indexer", .status = "running", .updated_at = 1};
    size_t count;
    int64_t number;
    add_search(t, "s1");
    assert_ok(sok_searches_set_provider(t->tx, &one, &t->err));
    one.status = "failed";
    one.error = "timeout";
    one.latency_ms = 30000;
    assert_ok(sok_searches_set_provider(t->tx, &one, &t->err));
    assert_ok(sok_searches_list_providers(t->tx, t->arena, "s1", &providers, &count, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(providers[0].error, "timeout");
    struct sok_search_result result = new_result("g1", NULL, 1);
    assert_ok(sok_search_results_put(t->tx, &result, &number, &t->err));
    sok_test_db_check(SOK_OK, &t->err);
    assert_ok(sok_searches_set_status(t->tx, "s1", "completed", NULL, 50, &t->err));
    assert_ok(sok_searches_find(t->tx, t->arena, "s1", &search, &t->err));
    assert_int_equal(search.result_count, 1);
    assert_int_equal(search.completed_at, 50);
    assert_int_equal(search.season, -1);
    add_search(t, "s2");
    assert_ok(sok_searches_set_media(t->tx, "s1", "media-s2", 60, &t->err));
    assert_ok(sok_searches_purge(t->tx, 100, &number, &t->err));
    assert_int_equal(number, 1); // s2 is not at its end
    assert_ok(sok_search_results_count(t->tx, "s1", &number, &t->err));
    assert_int_equal(number, 0);
}

static struct sok_download new_download(const char *id, const char *user_id, const char *hash)
{
    return (struct sok_download){
        .id = id,
        .user_id = user_id,
        .title = id,
        .info_hash = hash,
        .wanted = "run",
        .status = "queued",
        .eta_seconds = -1,
        .created_at = 1,
        .updated_at = 1};
}

static void one_user_downloads_a_torrent_once(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_download download = new_download("d1", "ada", "aa"), found, *list;
    int64_t count_live;
    size_t count;
    struct sok_page_info info;
    download.torrent = (struct sok_bytes){"d8:x\0e", 6};
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = new_download("d2", "ada", "aa");
    assert_conflict(t, sok_downloads_insert(t->tx, &download, &t->err));
    assert_string_equal(t->err.code, "download_exists");
    download = new_download("d3", "bob", "aa");
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = new_download("d4", "ada", NULL); // the hash is not known yet
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    assert_ok(sok_downloads_find_live(t->tx, t->arena, "ada", "aa", &found, &t->err));
    assert_string_equal(found.id, "d1");
    assert_int_equal(found.torrent.len, 6);
    assert_memory_equal(found.torrent.data, "d8:x\0e", 6);
    download.info_hash = "aa"; // and turns out to be one they have
    assert_conflict(t, sok_downloads_report(t->tx, &download, &t->err));
    assert_string_equal(t->err.code, "download_exists");
    assert_ok(sok_downloads_count_live(t->tx, "ada", &count_live, &t->err));
    assert_int_equal(count_live, 2);
    assert_ok(sok_downloads_list(t->tx, t->arena, "ada", NULL, &list, &count, &info, &t->err));
    assert_int_equal(count, 2);
    assert_int_equal(list[1].torrent.len, 0);
    assert_ok(sok_downloads_set_status(t->tx, "d1", "failed", "gone", 5, &t->err));
    download = new_download("d5", "ada", "aa"); // a failed one makes room
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    assert_ok(sok_downloads_list_live(t->tx, t->arena, &list, &count, &t->err));
    assert_int_equal(count, 3);
}

static void wishes_fit_the_state_of_a_download(void **state)
{
    static const struct {
        const char *status, *wanted, *wish;
        bool fits;
    } cases[] = {
        {"queued", "run", "paused", true},        {"downloading", "run", "paused", true},
        {"paused", "paused", "paused", false},    {"paused", "paused", "run", true},
        {"downloading", "run", "run", false},     {"seeding", "run", "paused", true},
        {"completed", "run", "paused", false},    {"completed", "run", "cancelled", false},
        {"failed", "run", "run", false},          {"failed", "run", "cancelled", false},
        {"cancelled", "cancelled", "run", false}, {"importing", "run", "paused", false},
    };
    struct sok_test_db *t = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_download download = new_download(sok_format(t->arena, "d%zu", i), "ada", NULL), found;
        download.status = cases[i].status;
        download.wanted = cases[i].wanted;
        assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
        assert_int_equal(
            sok_downloads_set_wanted(t->tx, download.id, cases[i].wish, true, 9, &t->err),
            cases[i].fits ? SOK_OK : SOK_CONFLICT);
        assert_ok(sok_downloads_find(t->tx, t->arena, download.id, &found, &t->err));
        assert_string_equal(found.wanted, cases[i].fits ? cases[i].wish : cases[i].wanted);
    }
    assert_int_equal(sok_downloads_set_wanted(t->tx, "none", "run", false, 9, &t->err), SOK_NOT_FOUND);
}

static void downloads_report_and_hold_files(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_download download = new_download("d1", "ada", NULL), found, *list;
    size_t count;
    add_search(t, "s1");
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = (struct sok_download){
        .id = "d1",
        .info_hash = "bb",
        .status = "downloading",
        .progress = 12.5,
        .size_bytes = 1000,
        .ratio = 0.5,
        .eta_seconds = 0,
        .updated_at = 7};
    assert_ok(sok_downloads_report(t->tx, &download, &t->err));
    assert_ok(sok_downloads_set_media(t->tx, "d1", "media-s1", 8, &t->err));
    assert_ok(sok_downloads_set_torrent(t->tx, "d1", "xyz", 3, 8, &t->err));
    assert_ok(sok_downloads_find(t->tx, t->arena, "d1", &found, &t->err));
    assert_string_equal(found.title, "d1"); // kept
    assert_string_equal(found.info_hash, "bb");
    assert_true(found.progress == 12.5);
    assert_int_equal(found.eta_seconds, 0);
    assert_int_equal(found.torrent.len, 3);
    const struct sok_download_file files[] = {
        {.file_index = 0, .path = "a.mkv", .size_bytes = 5, .wanted = true},
        {.file_index = 1, .path = "b.nfo", .size_bytes = 1, .wanted = false},
    };
    struct sok_download_file *held;
    assert_ok(sok_download_files_replace(t->tx, "d1", files, 2, &t->err));
    assert_ok(sok_download_files_replace(t->tx, "d1", files, 2, &t->err));
    assert_ok(sok_download_files_set_progress(t->tx, "d1", 0, 4, &t->err));
    assert_ok(sok_download_files_set_imported(t->tx, "d1", 0, "media-s1", "/l/a.mkv", &t->err));
    assert_int_equal(sok_download_files_set_progress(t->tx, "d1", 9, 4, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_download_files_list(t->tx, t->arena, "d1", &held, &count, &t->err));
    assert_int_equal(count, 2);
    assert_int_equal(held[0].downloaded_bytes, 4);
    assert_string_equal(held[0].library_path, "/l/a.mkv");
    assert_false(held[1].wanted);
    assert_ok(sok_downloads_list_media(t->tx, t->arena, "media-s1", &list, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_downloads_delete(t->tx, "d1", &t->err));
    assert_ok(sok_download_files_list(t->tx, t->arena, "d1", &held, &count, &t->err));
    assert_int_equal(count, 0);
}

static void streams_start_stop_and_expire(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_stream stream =
                          {.id = "x1",
                           .user_id = "ada",
                           .media_id = "media-s1",
                           .file_index = -1,
                           .expires_at = 100,
                           .created_at = 1,
                           .updated_at = 1},
                      found;
    int64_t number;
    add_search(t, "s1");
    assert_ok(sok_streams_insert(t->tx, &stream, &t->err));
    assert_ok(sok_streams_count_active(t->tx, 50, &number, &t->err));
    assert_int_equal(number, 0);
    assert_ok(sok_streams_start(t->tx, "x1", 10, &t->err));
    assert_ok(sok_streams_count_active(t->tx, 50, &number, &t->err));
    assert_int_equal(number, 1);
    assert_ok(sok_streams_stop(t->tx, "x1", 33, 20, &t->err));
    assert_ok(sok_streams_set_file(t->tx, "x1", NULL, 20, &t->err));
    assert_ok(sok_streams_find(t->tx, t->arena, "x1", &found, &t->err));
    assert_int_equal(found.position_seconds, 33);
    assert_int_equal(found.file_index, -1);
    assert_ok(sok_streams_purge(t->tx, 101, &number, &t->err));
    assert_int_equal(number, 1);
}

static void an_answer_is_kept_under_its_key(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_idempotency answer =
                               {.user_id = "ada",
                                .name = "POST /search:k",
                                .request_hash = "h",
                                .http_status = 202,
                                .response = "{}",
                                .created_at = 1,
                                .expires_at = 100},
                           found;
    int64_t number;
    assert_ok(sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_conflict(t, sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_ok(sok_idempotency_find(t->tx, t->arena, "ada", "POST /search:k", 50, &found, &t->err));
    assert_int_equal(found.http_status, 202);
    assert_int_equal(
        sok_idempotency_find(t->tx, t->arena, "bob", "POST /search:k", 50, &found, &t->err), SOK_NOT_FOUND);
    assert_int_equal(
        sok_idempotency_find(t->tx, t->arena, "ada", "POST /search:k", 100, &found, &t->err), SOK_NOT_FOUND);
    answer.created_at = 100;
    answer.expires_at = 200;
    assert_ok(sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_ok(sok_idempotency_purge(t->tx, 200, &number, &t->err));
    assert_int_equal(number, 1);
}

static void providers_settings_rules_and_the_log_are_kept(void **state)
{
    struct sok_test_db *t = *state;
    size_t count;
    int64_t number;
    struct sok_page_info info;
    struct sok_provider provider =
                            {.id = "p1",
                             .name = "indexer",
                             .kind = "torznab",
                             .url = "http://x/",
                             .key_encrypted = {"\0k", 2},
                             .is_enabled = true,
                             .created_at = 1},
                        found, *all;
    assert_ok(sok_providers_insert(t->tx, &provider, &t->err));
    provider.id = "p2";
    assert_conflict(t, sok_providers_insert(t->tx, &provider, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "indexer", "timeout", 5, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "of the environment", NULL, 5, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "of the environment", "timeout", 7, &t->err));
    struct sok_provider_health health;
    assert_ok(sok_providers_health(t->tx, t->arena, "of the environment", &health, &t->err));
    assert_int_equal(health.last_ok_at, 5);
    assert_int_equal(health.last_error_at, 7);
    assert_string_equal(health.last_error, "timeout");
    assert_ok(sok_providers_health(t->tx, t->arena, "indexer", &health, &t->err));
    assert_int_equal(health.last_ok_at, 0);
    assert_int_equal(health.last_error_at, 5);
    assert_ok(sok_providers_health(t->tx, t->arena, "never asked", &health, &t->err));
    assert_int_equal(health.last_ok_at + health.last_error_at, 0);
    assert_null(health.last_error);
    assert_ok(sok_providers_find_name(t->tx, t->arena, "indexer", &found, &t->err));
    assert_memory_equal(found.key_encrypted.data, "\0k", 2);
    assert_int_equal(found.last_error_at, 5);
    found.is_enabled = false;
    assert_ok(sok_providers_update(t->tx, &found, &t->err));
    assert_ok(sok_providers_list(t->tx, t->arena, true, &all, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_providers_list(t->tx, t->arena, false, &all, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_providers_find(t->tx, t->arena, "p1", &found, &t->err));
    assert_ok(sok_providers_delete(t->tx, "p1", &t->err));

    struct sok_setting setting =
                           {.name = "rates", .value = "{\"api\":5}", .updated_by = "bob", .updated_at = 1},
                       kept, *settings;
    assert_ok(sok_settings_set(t->tx, &setting, &t->err));
    setting.value = "{}";
    assert_ok(sok_settings_set(t->tx, &setting, &t->err));
    assert_ok(sok_settings_find(t->tx, t->arena, "rates", &kept, &t->err));
    assert_string_equal(kept.value, "{}");
    assert_ok(sok_settings_list(t->tx, t->arena, &settings, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_settings_remove(t->tx, "rates", &t->err));
    assert_ok(sok_settings_remove(t->tx, "rates", &t->err));

    struct sok_ip_rule
        rule = {.id = "r1", .kind = "blacklist", .cidr = "10.0.0.0/8", .expires_at = 50, .created_at = 1},
        held, *rules;
    assert_ok(sok_ip_rules_insert(t->tx, &rule, &t->err));
    assert_conflict(t, sok_ip_rules_insert(t->tx, &rule, &t->err));
    assert_ok(sok_ip_rules_list(t->tx, t->arena, NULL, 10, &rules, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_ip_rules_list(t->tx, t->arena, "whitelist", 10, &rules, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_ip_rules_list(t->tx, t->arena, "blacklist", 50, &rules, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_ip_rules_find(t->tx, t->arena, "blacklist", "r1", &held, &t->err));
    assert_int_equal(sok_ip_rules_delete(t->tx, "whitelist", "r1", &t->err), SOK_NOT_FOUND);
    assert_ok(sok_ip_rules_purge(t->tx, 60, &number, &t->err));
    assert_int_equal(number, 1);

    for (int i = 0; i < 3; i++) {
        struct sok_audit entry = {
            .id = sok_format(t->arena, "a%d", i),
            .user_id = i ? "ada" : NULL,
            .action = "login",
            .resource = "session",
            .created_at = 10 * i};
        assert_ok(sok_audit_insert(t->tx, &entry, &t->err));
    }
    struct sok_audit *entries;
    struct sok_page logins = {
        SOK_TEST_FILTERS("user=ada&action=login&from=1970-01-01T00:00:00.010Z&to=1970-01-01T00:00:00.020Z")};
    assert_ok(sok_audit_list(t->tx, t->arena, NULL, &logins, &entries, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].id, "a1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_are_leased_in_order_and_when_due),
        TEST(only_the_present_lease_may_change_a_task),
        TEST(a_dead_task_takes_its_search_along_and_both_can_be_retried),
        TEST(pending_tasks_are_cancelled_at_once_running_ones_are_told),
        TEST(the_reconciler_frees_buries_and_lists),
        TEST(results_keep_their_id_and_are_found_for_merging),
        TEST(searches_know_their_providers_and_are_purged),
        TEST(one_user_downloads_a_torrent_once),
        TEST(wishes_fit_the_state_of_a_download),
        TEST(downloads_report_and_hold_files),
        TEST(streams_start_stop_and_expire),
        TEST(an_answer_is_kept_under_its_key),
        TEST(providers_settings_rules_and_the_log_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
