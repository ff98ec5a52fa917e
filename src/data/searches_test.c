// searches and their results.
#include "data/searches.h"

#include "data/data_test.h"
#include "data/search_results.h"
#include "data/searches_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_keep_their_id_and_are_found_for_merging),
        TEST(searches_know_their_providers_and_are_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
