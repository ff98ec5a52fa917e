#include "services/providers/tvmaze.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "services/providers/providers_testing.h"

static struct test_provider t;
static const struct test_answer no_rows[] = {{0}};

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static void shows_are_read(void **state)
{
    struct {
        const char *fixture;
        int64_t id;
        const char *title, *imdb;
        int year, runtime;
        size_t genres, seasons, episodes;
    } cases[] = {
        {"tvmaze/endpoints/show_lookup.json", 143, "Silicon Valley", "tt2575988", 2014, 30, 1, 0, 0},
        {"tvmaze/endpoints/show_single_search.json", 143, "Silicon Valley", "tt2575988", 2014, 30, 1, 0, 0},
        {"tvmaze/endpoints/show_single_search_with_episodes.json", 143, "Silicon Valley", "tt2575988", 2014,
         30, 1, 0, 8},
        {"tvmaze/recorded/shows-13-embed-seasons.json", 13, "The Flash", "tt3107288", 2014, 60, 3, 7, 0},
        {"tvmaze/recorded/singlesearch-daily-show-embed-seasons.json", 249, "The Daily Show with Jon Stewart",
         "tt0115147", 1996, 30, 1, 20, 0},
        {"tvmaze/recorded/singlesearch-doctor-who-embed-seasons.json", 210, "Doctor Who", "tt0436992", 2005,
         45, 2, 10, 0},
        {"tvmaze/recorded/singlesearch-firefly-embed-seasons.json", 180, "Firefly", "tt0303461", 2002, 60, 3,
         1, 0},
        {"tvmaze/recorded/singlesearch-jessica-jones-webchannel.json", 1370, "Marvel's Jessica Jones",
         "tt2357547", 2015, 60, 3, 2, 0},
        {"tvmaze/recorded/singlesearch-kroniken-unicode.json", 15824, "Kr\xc3\xb8niken", "tt0327321", 2004,
         60, 0, 4, 0},
        {"tvmaze/recorded/singlesearch-the-flash-embed-seasons.json", 13, "The Flash", "tt3107288", 2014, 60,
         3, 4, 0},
        {"tvmaze/recorded/singlesearch-unite-9.json", 8652, "Unit\xc3\xa9 9", "tt2388350", 2012, 45, 0, 3, 0},
    };
    test_provider_open(&t, no_rows, "tvmaze");
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, cases[i].fixture);
        struct sok_found_media show;
        assert_ok(sok_tvmaze_parse_show(t.arena, answer, 1, &show, &t.err));
        assert_string_equal("tv", show.media_type);
        assert_int_equal(cases[i].id, show.tvmaze_id);
        assert_string_equal(cases[i].title, show.title);
        assert_string_equal(cases[i].imdb, show.imdb_id);
        assert_int_equal(cases[i].year, show.year);
        assert_int_equal(cases[i].runtime, show.runtime_minutes);
        assert_int_equal(cases[i].genres, show.genre_count);
        assert_int_equal(cases[i].seasons, show.season_count);
        if (cases[i].episodes)
            assert_int_equal(cases[i].episodes, show.episode_count);
        if (show.overview)
            assert_null(strchr(show.overview, '<'));
        if (show.poster_url)
            assert_true(sok_text_starts(show.poster_url, "https://"));
    }
}

static void a_search_is_read(void **state)
{
    test_provider_open(&t, no_rows, "tvmaze");
    struct sok_found_media *items;
    size_t count;
    SOK_JSON_AUTO *answer = test_fixture_json(t.arena, "tvmaze/endpoints/show_search.json");
    assert_ok(sok_tvmaze_parse_shows(t.arena, answer, &items, &count, &t.err));
    assert_int_equal(3, count);
    assert_string_equal("Silicon Valley", items[0].title);
    assert_int_equal(277165, items[0].tvdb_id);
    SOK_JSON_AUTO *missing = test_fixture_json(t.arena, "tvmaze/recorded/episodebynumber-unknown-404.json");
    assert_int_equal(SOK_PROTOCOL, sok_tvmaze_parse_shows(t.arena, missing, &items, &count, &t.err));
}

static void episodes_are_read(void **state)
{
    struct {
        const char *fixture;
        int season;
        size_t count;
        const char *first;
        int first_season, first_number;
    } cases[] = {
        {"tvmaze/endpoints/episodes.json", -1, 38, "Minimum Viable Product", 1, 1},
        {"tvmaze/endpoints/episodes.json", 2, 10, "Sand Hill Shuffle", 2, 1},
        {"tvmaze/endpoints/episode_season1_number1.json", -1, 1, "Pilot", 1, 1},
        {"tvmaze/recorded/episodebynumber-13-2-2.json", -1, 1, "Flash of Two Worlds", 2, 2},
        {"tvmaze/recorded/episodebynumber-210-2-3.json", -1, 1, "School Reunion", 2, 3},
        {"tvmaze/recorded/episodebynumber-firefly-no-air-date.json", -1, 1, "Trash", 1, 13},
        {"tvmaze/recorded/episodesbydate-249.json", -1, 1, NULL, 0, 0},
    };
    test_provider_open(&t, no_rows, "tvmaze");
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, cases[i].fixture);
        struct sok_found_episode *items;
        size_t count;
        assert_ok(sok_tvmaze_parse_episodes(t.arena, answer, cases[i].season, &items, &count, &t.err));
        assert_int_equal(cases[i].count, count);
        if (!cases[i].first)
            continue;
        assert_string_equal(cases[i].first, items[0].title);
        assert_int_equal(cases[i].first_season, items[0].season);
        assert_int_equal(cases[i].first_number, items[0].number);
    }
}

static void a_show_is_looked_up_and_completed(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/lookup/shows?imdb=tt2575988"},
         .status = 200,
         .fixture = "tvmaze/endpoints/show_lookup.json"},
        {.with = {"/lookup/"}, .status = 404, .body = ""},
        {.with = {"/search/shows?q=Silicon%20Valley"},
         .status = 200,
         .fixture = "tvmaze/endpoints/show_search.json"},
        {.with = {"/search/shows?q=test"}, .status = 200, .body = "[]"},
        {.with = {"/shows/143?", "embed[]=episodes"},
         .status = 200,
         .fixture = "tvmaze/endpoints/show_single_search_with_episodes.json"},
        {.with = {"/shows/143"}, .status = 200, .fixture = "tvmaze/endpoints/show_single_search.json"},
        {.with = {"/shows/"}, .status = 404, .fixture = "tvmaze/recorded/episodebynumber-unknown-404.json"},
        {0},
    };
    test_provider_open(&t, rows, "tvmaze");
    struct sok_found_media *items;
    size_t count;
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.imdb_id = "tt2575988";
    assert_ok(sok_tvmaze_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(143, items[0].tvmaze_id);
    query.imdb_id = "tt0000001"; // not known there: asked for by title
    query.title = "Silicon Valley";
    assert_ok(sok_tvmaze_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(3, count);
    assert_ok(sok_tvmaze_driver.details(&t.call, &items[0], 2, &t.err));
    assert_int_equal(10, items[0].episode_count);
    query.media_type = "movie";
    assert_ok(sok_tvmaze_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(0, count);
    struct sok_found_media unknown = {.media_type = "tv", .tvmaze_id = 9};
    assert_int_equal(SOK_NOT_FOUND, sok_tvmaze_driver.details(&t.call, &unknown, -1, &t.err));
    assert_ok(sok_tvmaze_driver.test(&t.call, &t.err));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_are_read),
        TEST(a_search_is_read),
        TEST(episodes_are_read),
        TEST(a_show_is_looked_up_and_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
