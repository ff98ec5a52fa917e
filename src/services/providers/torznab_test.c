#include "services/providers/torznab.h"

#include <string.h>

#include "base/test.h"
#include "services/providers/providers_testing.h"
#include "services/providers/torznab_caps.h"

#define CAPS(search) \
    "<caps><limits max='2'/><searching><search available='yes'/>" search "</searching></caps>"
#define PAGE(items) "<rss><channel>" items "</channel></rss>"
#define ITEM(n) "<item><title>t" n "</title><guid>g" n "</guid><link>http://x.invalid/" n "</link></item>"

static struct test_provider t;

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static void open_with(const struct test_answer *rows)
{
    test_provider_open(&t, rows, "torznab");
    t.config.base_url = sok_format(t.arena, "%s/api", t.server.base);
}

static enum sok_status search(struct sok_provider_query query, struct sok_found_releases *ret)
{
    t.err = (struct sok_error){0};
    return sok_torznab_driver.search(&t.call, &query, ret, &t.err);
}

static struct sok_provider_query query_of(const char *title, const char *type)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = title;
    query.media_type = type;
    return query;
}

static void pages_are_read_until_one_is_short(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps", "apikey=SECRET"}, .status = 200, .body = CAPS("")},
        {.with = {"offset=0", "limit=2", "q=film"}, .status = 200, .body = PAGE(ITEM("1") ITEM("2"))},
        {.with = {"offset=2"}, .status = 200, .body = PAGE(ITEM("2") ITEM("3"))},
        {.with = {"offset=4"}, .status = 200, .body = PAGE(ITEM("4"))},
        {0},
    };
    open_with(rows);
    struct sok_found_releases found;
    assert_ok(search(query_of("film", NULL), &found));
    assert_int_equal(4, found.count);
    assert_string_equal("g4", found.items[3].guid);
}

static void an_indexer_that_repeats_its_page_is_left(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"}, .status = 200, .body = CAPS("")},
        {.with = {"t=search"}, .status = 200, .body = PAGE(ITEM("1") ITEM("2"))},
        {0},
    };
    open_with(rows);
    struct sok_found_releases found;
    assert_ok(search(query_of("film", NULL), &found));
    assert_int_equal(2, found.count);
    assert_int_equal(2, t.answers.asked[1]);
}

static void the_query_follows_the_capabilities(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"},
         .status = 200,
         .body = CAPS("<movie-search available='yes' supportedParams='q,imdbid'/>"
                      "<tv-search available='yes' supportedParams='q,season,ep'/>")},
        {.with = {"t=movie", "imdbid=0133093"}, .status = 200, .body = PAGE(ITEM("by-id"))},
        {.with = {"t=movie", "q=Film%20Noir%202010"}, .status = 200, .body = PAGE(ITEM("by-year"))},
        {.with = {"t=tvsearch", "q=Show&season=2", "ep=5"}, .status = 200, .body = PAGE(ITEM("episode"))},
        {.with = {"t=search", "q=Old%20Show%20S01E03"}, .status = 200, .body = PAGE(ITEM("by-words"))},
        {.with = {"t="}, .status = 200, .body = PAGE("")},
        {0},
    };
    open_with(rows);
    struct sok_found_releases found;
    struct sok_provider_query query = query_of("The Matrix", "movie");
    query.imdb_id = "tt0133093";
    assert_ok(search(query, &found));
    assert_string_equal("gby-id", found.items[0].guid);
    query = query_of("Film: Noir!", "movie");
    query.year = 2010;
    assert_ok(search(query, &found));
    assert_string_equal("gby-year", found.items[0].guid);
    query = query_of("Show", "tv");
    query.season = 2;
    query.episode = 5;
    assert_ok(search(query, &found));
    assert_string_equal("gepisode", found.items[0].guid);
    query = query_of("Old Show", "tv");
    query.season = 1;
    query.episode = 3;
    assert_ok(search(query, &found)); // the season search found nothing, the words do
    assert_string_equal("gby-words", found.items[0].guid);
}

static void capabilities_are_asked_for_once(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"}, .status = 200, .body = CAPS("")},
        {.with = {"t=search"}, .status = 200, .body = PAGE(ITEM("1"))},
        {0},
    };
    open_with(rows);
    t.call.caps = sok_caps_cache_new();
    struct sok_found_releases found;
    for (int i = 0; i < 3; i++)
        assert_ok(search(query_of("film", NULL), &found));
    assert_int_equal(1, t.answers.asked[0]);
    sok_clock_manual_advance(&t.clock, SOK_CAPS_KEPT_MS);
    assert_ok(search(query_of("film", NULL), &found));
    assert_int_equal(2, t.answers.asked[0]);
    sok_caps_cache_free(t.call.caps);
}

static void a_refusal_is_told_in_the_indexers_words(void **state)
{
    struct {
        struct test_answer row;
        enum sok_status want;
        const char *words;
    } cases[] = {
        {{.status = 200, .fixture = "synthetic/jackett/error_bad_apikey_http200.xml"},
         SOK_UNAUTHENTICATED,
         "Invalid API Key"},
        {{.status = 401, .body = ""}, SOK_UNAUTHENTICATED, "answered 401"},
        {{.status = 400, .fixture = "synthetic/jackett/error_tracker_http400.xml"},
         SOK_UNAVAILABLE,
         "seems to be down"},
        {{.status = 429,
          .fixture = "synthetic/prowlarr/torznab_error_429_http429.xml",
          .headers = "Retry-After: 3600\r\n"},
         SOK_LIMITED,
         "Query Limit"},
        {{.status = 410, .fixture = "synthetic/prowlarr/torznab_error_410_http410.xml"},
         SOK_UNAVAILABLE,
         "disabled"},
        {{.status = 500, .body = "<h1>no</h1>"}, SOK_UNAVAILABLE, "answered 500"},
        {{.status = 200, .body = "<html>log in</html>"}, SOK_PROTOCOL, "web page"},
        {{.status = 200, .body = "\x01\x02\x03"}, SOK_PROTOCOL, "empty"},
        {{.status = 200, .body = "{}"}, SOK_PROTOCOL, "not XML"},
        {{.status = 301,
          .headers = "Location: magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10\r\n"},
         SOK_PROTOCOL,
         "magnet"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct test_answer rows[] = {cases[i].row, {0}};
        open_with(rows);
        struct sok_found_releases found;
        assert_int_equal(cases[i].want, search(query_of("film", NULL), &found));
        if (!strstr(t.err.message, cases[i].words))
            fail_msg("%zu: %s", i, t.err.message);
        assert_null(strstr(t.err.message, "SECRET"));
        assert_int_equal(cases[i].want, sok_torznab_driver.test(&t.call, &t.err));
        if (i + 1 < SOK_ARRAY_LEN(cases))
            test_provider_close(&t);
    }
}

static void what_came_before_a_failing_page_is_kept(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"}, .status = 200, .body = CAPS("")},
        {.with = {"offset=0"}, .status = 200, .body = PAGE(ITEM("1") ITEM("2"))},
        {.with = {"offset=2"}, .status = 500, .body = ""},
        {0},
    };
    open_with(rows);
    struct sok_found_releases found;
    assert_ok(search(query_of("film", NULL), &found));
    assert_int_equal(2, found.count);
    assert_non_null(strstr(found.warning, "500"));
}

static void the_key_in_a_url_is_never_shown(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"}, .status = 200, .body = CAPS("")},
        {.with = {"t=search"},
         .status = 200,
         .body = PAGE("<item><title>a</title><link>http://x.invalid/SECRET2/a</link></item>")},
        {0},
    };
    open_with(rows);
    t.config.api_key = NULL;
    t.config.base_url = sok_format(t.arena, "%s/api?apikey=SECRET2", t.server.base);
    struct sok_found_releases found;
    assert_ok(search(query_of("film", NULL), &found));
    assert_null(strstr(found.items[0].guid, "SECRET2"));
    assert_non_null(strstr(found.items[0].torrent_url, "SECRET2"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_are_read_until_one_is_short),       TEST(an_indexer_that_repeats_its_page_is_left),
        TEST(the_query_follows_the_capabilities),      TEST(capabilities_are_asked_for_once),
        TEST(a_refusal_is_told_in_the_indexers_words), TEST(what_came_before_a_failing_page_is_kept),
        TEST(the_key_in_a_url_is_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
