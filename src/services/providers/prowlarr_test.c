#include "services/providers/prowlarr.h"

#include <string.h>

#include "base/test.h"
#include "services/providers/providers_testing.h"

static struct test_provider t;

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static enum sok_status search(const char *title, const char *type, int season, struct sok_found_releases *ret)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = title;
    query.media_type = type;
    query.season = season;
    query.year = season < 0 ? 2010 : -1;
    query.episode = season < 0 ? -1 : 2;
    t.err = (struct sok_error){0};
    return sok_prowlarr_driver.search(&t.call, &query, ret, &t.err);
}

static void the_recorded_shapes_are_read(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/api/v1/search?query=Sintel%202010", "categories=2000"},
         .status = 200,
         .fixture = "synthetic/prowlarr/search.json"},
        {0},
    };
    test_provider_open(&t, rows, "prowlarr");
    struct sok_found_releases found;
    assert_ok(search("Sintel", "movie", -1, &found));
    assert_int_equal(5, found.count); // without the one from Usenet and the one without a title
    const struct sok_found_release *first = &found.items[0], *magnet = &found.items[1],
                                   *base32 = &found.items[3];
    assert_string_equal("Sintel.2010.1080p.BluRay.x264-OPEN", first->title);
    assert_string_equal("https://indexer-a.invalid/torrent/101", first->guid);
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", first->info_hash);
    assert_true(strstr(first->torrent_url, "http://127.0.0.1:9696/1/download?") == first->torrent_url);
    assert_string_equal("Indexer A", first->indexer);
    assert_int_equal(129302391, first->size_bytes);
    assert_int_equal(31, first->seeders);
    assert_int_equal(4, first->leechers);
    assert_int_equal(2040, first->category);
    assert_int_equal(45745, first->tmdb_id);
    assert_string_equal("tt1727587", first->imdb_id);
    assert_true(first->download_factor == 0);
    assert_string_equal("Sintel (2010) [1080p]", magnet->title); // without the blank at the end
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", magnet->info_hash);
    assert_int_equal(1, magnet->tracker_count);
    assert_non_null(strstr(magnet->torrent_url, "/2/download"));
    assert_string_equal("209c8226b299b308beaf2b9cd3fb49212dbd13ec", base32->info_hash);
    assert_int_equal(-1, base32->seeders);
    assert_int_equal(0, base32->size_bytes);
}

static void a_series_is_asked_for_with_tokens(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"query=Show%20%7Bseason%3A1%7D%20%7Bepisode%3A2%7D", "type=tvsearch", "categories=5000"},
         .status = 200,
         .fixture = "synthetic/prowlarr/search_empty.json"},
        {.with = {"query=Show&"},
         .status = 200,
         .body = "[{\"title\":\"Show S01E02\",\"guid\":\"g\",\"downloadUrl\":\"http://x.invalid/1\"}]"},
        {0},
    };
    test_provider_open(&t, rows, "prowlarr");
    struct sok_found_releases found;
    assert_ok(search("Show", "tv", 1, &found));
    assert_int_equal(1, found.count);
    assert_int_equal(1, t.answers.asked[0]);
}

static void a_refusal_says_why(void **state)
{
    struct {
        struct test_answer row;
        enum sok_status want;
        const char *words;
    } cases[] = {
        {{.status = 401, .body = ""}, SOK_UNAUTHENTICATED, "answered 401"},
        {{.status = 400, .fixture = "synthetic/prowlarr/error_search_failed_400.json"},
         SOK_INVALID,
         "indexers being unavailable"},
        {{.status = 400, .fixture = "synthetic/prowlarr/error_validation_400.json"},
         SOK_INVALID,
         "answered 400"},
        {{.status = 404, .fixture = "synthetic/prowlarr/error_indexer_not_found_404.json"},
         SOK_NOT_FOUND,
         "does not exist"},
        {{.status = 200, .body = "<!doctype html><title>Login</title>"}, SOK_PROTOCOL, "web page"},
        {{.status = 200, .body = "[{\"title\":"}, SOK_PROTOCOL, "instead of JSON"},
        {{.status = 200, .body = "{\"a\":1}"}, SOK_PROTOCOL, "not"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct test_answer rows[] = {cases[i].row, {0}};
        test_provider_open(&t, rows, "prowlarr");
        struct sok_found_releases found;
        assert_int_equal(cases[i].want, search("Sintel", "movie", -1, &found));
        if (!strstr(t.err.message, cases[i].words))
            fail_msg("%zu: %s", i, t.err.message);
        assert_int_equal(cases[i].want, sok_prowlarr_driver.test(&t.call, &t.err));
        if (i + 1 < SOK_ARRAY_LEN(cases))
            test_provider_close(&t);
    }
}

static void the_test_asks_for_its_version(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/api/v1/system/status"},
         .status = 200,
         .fixture = "synthetic/prowlarr/system_status.json"},
        {0}};
    test_provider_open(&t, rows, "prowlarr");
    assert_ok(sok_prowlarr_driver.test(&t.call, &t.err));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_recorded_shapes_are_read),
        TEST(a_series_is_asked_for_with_tokens),
        TEST(a_refusal_says_why),
        TEST(the_test_asks_for_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
