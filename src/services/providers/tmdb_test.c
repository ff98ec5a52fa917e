#include "services/providers/tmdb.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "services/providers/providers_testing.h"

#define V3_KEY "0123456789abcdef0123456789abcdef"

static struct test_provider t;
static const struct test_answer no_rows[] = {{0}};

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static void lists_are_read(void **state)
{
    struct {
        const char *fixture, *type;
        size_t count;
        int64_t id;
        const char *title, *media_type;
        int year;
    } cases[] = {
        {"tmdb/recorded/search-movie-man-of-steel-2013.json", "movie", 1, 49521, "Man of Steel", "movie",
         2013},
        {"tmdb/recorded/search-movie-james-bond-page1.json", "movie", 20, 360133, "James Bond", "movie",
         2015},
        {"tmdb/recorded/search-movie-james-bond-page2.json", "movie", 20, 338749, "James Bond: For Real",
         "movie", 2006},
        {"tmdb/recorded/search-movie-no-result.json", "movie", 0, 0, NULL, NULL, 0},
        {"tmdb/recorded/search-tv-big-bang-theory.json", "tv", 2, 1418, "The Big Bang Theory", "tv", 2007},
        {"tmdb/recorded/search-tv-dallas.json", "tv", 20, 40, "Dallas", "tv", 1978},
        {"tmdb/recorded/search-tv-dallas-2012.json", "tv", 4, 37759, "Dallas", "tv", 2012},
        {"tmdb/api/search/movie.json", "movie", 20, 550, "Fight Club", "movie", 1999},
        {"tmdb/api/search/tv.json", "tv", 1, 1396, "Breaking Bad", "tv", 2008},
        {"tmdb/api/search/multi.json", NULL, 2, 11, "Star Wars", "movie", 1977},
        {"tmdb/api/search/person.json", NULL, 0, 0, NULL, NULL, 0},
        {"tmdb/api/trending/all.json", NULL, 2, 934433, "Scream VI", "movie", 2023},
        {"tmdb/api/trending/tv.json", "tv", 20, 103768, "Sweet Tooth", "tv", 2021},
        {"tmdb/api/discover/movies.json", "movie", 20, 640146, "Ant-Man and the Wasp: Quantumania", "movie",
         2023},
        {"tmdb/api/movies/recommendations.json", NULL, 21, 435, "The Day After Tomorrow", "movie", 2004},
        {"tmdb/api/find/movie_results.json", NULL, 1, 19995, "Avatar", "movie", 2009},
        {"tmdb/api/find/tv_results.json", NULL, 1, 1396, "Breaking Bad", "tv", 2008},
        {"tmdb/api/find/person_results.json", NULL, 0, 0, NULL, NULL, 0},
        {"tmdb/edge-cases/find-imdb-id-movie.json", NULL, 1, 550, "Fight Club", "movie", 1999},
        {"tmdb/edge-cases/find-tvdb-id-tvshow.json", NULL, 1, 1396, "Breaking Bad", "tv", 2008},
    };
    test_provider_open(&t, no_rows, "tmdb");
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, cases[i].fixture);
        struct sok_found_media *items;
        size_t count;
        assert_ok(sok_tmdb_parse_list(t.arena, answer, cases[i].type, &items, &count, &t.err));
        if (cases[i].count != count)
            fail_msg("%s: %zu", cases[i].fixture, count);
        if (!count)
            continue;
        assert_int_equal(cases[i].id, items[0].tmdb_id);
        assert_string_equal(cases[i].title, items[0].title);
        assert_string_equal(cases[i].media_type, items[0].media_type);
        assert_int_equal(cases[i].year, items[0].year);
    }
}

static void details_are_read(void **state)
{
    struct {
        const char *fixture, *type, *title, *imdb;
        int year, runtime;
        size_t genres, seasons;
        int64_t tvdb;
    } cases[] = {
        {"tmdb/api/movies/details.json", "movie", "Fight Club", "tt0137523", 1999, 139, 3, 0, 0},
        {"tmdb/api/tv_series/details.json", "tv", "Game of Thrones", NULL, 2011, 60, 3, 9, 0},
        {"tmdb/recorded/movie-49521-append-external-ids.json", "movie", "Man of Steel", "tt0770828", 2013,
         143, 3, 0, 0},
        {"tmdb/recorded/tv-1418-append-external-ids.json", "tv", "The Big Bang Theory", "tt0898266", 2007, 22,
         1, 13, 80379},
        {"tmdb/recorded/tv-34307-append-external-ids.json", "tv", "Shameless", "tt1586680", 2011, 0, 2, 12,
         161511},
        {"tmdb/edge-cases/movie-blank-homepage-release-date.json", "movie", "Chariots of Fire", "tt0082158",
         0, 124, 2, 0, 0},
        {"tmdb/edge-cases/tv-series-blank-homepage-first-air-date.json", "tv", "Secret Invasion", NULL, 0, 0,
         3, 1, 0},
        {"tmdb/edge-cases/tv-series-list-item-no-genre-ids.json", "tv", "Big Brother", NULL, 0, 0, 0, 0, 0},
    };
    test_provider_open(&t, no_rows, "tmdb");
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, cases[i].fixture);
        struct sok_found_media media;
        assert_ok(sok_tmdb_parse_details(t.arena, answer, cases[i].type, &media, &t.err));
        assert_string_equal(cases[i].title, media.title);
        assert_true(sok_text_eq(cases[i].imdb, media.imdb_id));
        if (cases[i].year)
            assert_int_equal(cases[i].year, media.year);
        assert_int_equal(cases[i].runtime, media.runtime_minutes);
        assert_int_equal(cases[i].genres, media.genre_count);
        assert_int_equal(cases[i].seasons, media.season_count);
        assert_int_equal(cases[i].tvdb, media.tvdb_id);
        if (media.poster_url)
            assert_true(sok_text_starts(media.poster_url, "https://image.tmdb.org/t/p/w500/"));
    }
    const char *no_media[] = {
        "tmdb/edge-cases/error-status-response.json", "tmdb/api/configuration/details.json"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(no_media); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, no_media[i]);
        struct sok_found_media media;
        assert_int_equal(SOK_PROTOCOL, sok_tmdb_parse_details(t.arena, answer, "movie", &media, &t.err));
    }
}

static void seasons_are_read(void **state)
{
    struct {
        const char *fixture;
        size_t count;
        const char *first;
        int runtime;
    } cases[] = {
        {"tmdb/api/tv_seasons/details.json", 10, "Winter Is Coming", 62},
        {"tmdb/edge-cases/tv-season-details-append-response.json", 1, "Winter Is Coming", 0},
    };
    test_provider_open(&t, no_rows, "tmdb");
    struct sok_found_episode *items;
    size_t count;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_JSON_AUTO *answer = test_fixture_json(t.arena, cases[i].fixture);
        assert_ok(sok_tmdb_parse_season(t.arena, answer, &items, &count, &t.err));
        assert_int_equal(cases[i].count, count);
        assert_string_equal(cases[i].first, items[0].title);
        assert_int_equal(cases[i].runtime, items[0].runtime_minutes);
        assert_int_equal(1302998400000, items[0].air_at); // 2011-04-17
    }
    SOK_JSON_AUTO *empty = test_fixture_json(t.arena, "tmdb/edge-cases/tv-episode-empty-air-date.json");
    SOK_JSON_AUTO *season = json_pack("{s:[O]}", "episodes", empty);
    assert_ok(sok_tmdb_parse_season(t.arena, season, &items, &count, &t.err));
    assert_int_equal(1, count);
    assert_int_equal(0, items[0].air_at);
}

static void a_work_is_looked_up_and_completed(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/3/search/movie?query=Man%20of%20Steel", "year=2013", "api_key=" V3_KEY},
         .status = 200,
         .fixture = "tmdb/recorded/search-movie-man-of-steel-2013.json"},
        {.with = {"/3/search/movie", "year=2014"},
         .status = 200,
         .fixture = "tmdb/recorded/search-movie-no-result.json"},
        {.with = {"/3/search/movie"},
         .status = 200,
         .fixture = "tmdb/recorded/search-movie-man-of-steel-2013.json"},
        {.with = {"/3/movie/49521?"},
         .status = 200,
         .fixture = "tmdb/recorded/movie-49521-append-external-ids.json"},
        {.with = {"/3/tv/1418/season/1"}, .status = 200, .fixture = "tmdb/api/tv_seasons/details.json"},
        {.with = {"/3/tv/1418?"}, .status = 200, .fixture = "tmdb/recorded/tv-1418-append-external-ids.json"},
        {.with = {"/3/find/tt0137523?", "external_source=imdb_id"},
         .status = 200,
         .fixture = "tmdb/edge-cases/find-imdb-id-movie.json"},
        {.with = {"/3/authentication"},
         .status = 200,
         .fixture = "tmdb/api/authentication/validate_key.json"},
        {0},
    };
    test_provider_open(&t, rows, "tmdb");
    t.config.api_key = V3_KEY;
    struct sok_found_media *items;
    size_t count;
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = "Man of Steel";
    query.media_type = "movie";
    query.year = 2013;
    assert_ok(sok_tmdb_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(1, count);
    assert_ok(sok_tmdb_driver.details(&t.call, &items[0], -1, &t.err));
    assert_string_equal("tt0770828", items[0].imdb_id);
    query.year = 2014; // a year off: asked again without it
    assert_ok(sok_tmdb_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(1, count);
    query = SOK_PROVIDER_QUERY_NONE;
    query.imdb_id = "tt0137523";
    assert_ok(sok_tmdb_driver.lookup(&t.call, &query, &items, &count, &t.err));
    assert_int_equal(550, items[0].tmdb_id);
    struct sok_found_media show = {.media_type = "tv", .tmdb_id = 1418};
    assert_ok(sok_tmdb_driver.details(&t.call, &show, 1, &t.err));
    assert_int_equal(10, show.episode_count);
    assert_ok(sok_tmdb_driver.details(&t.call, &show, 99, &t.err)); // no such season there: no error
    assert_int_equal(0, show.episode_count);
    assert_ok(sok_tmdb_driver.test(&t.call, &t.err));
}

static void check_bearer(struct test_request *request)
{
    bool right = strstr(request->text, "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln\r\n") &&
                 !strstr(request->target, "api_key");
    test_reply(request->fd, right ? 200 : 401, "", "{\"success\":true}");
}

static void a_v4_token_goes_into_a_header(void **state)
{
    test_provider_open(&t, no_rows, "tmdb");
    t.server.handler = check_bearer;
    t.config.api_key = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
    assert_ok(sok_tmdb_driver.test(&t.call, &t.err));
}

static void a_refusal_says_why(void **state)
{
    struct {
        struct test_answer row;
        enum sok_status want;
        const char *words;
    } cases[] = {
        {{.status = 401, .fixture = "tmdb/edge-cases/error-status-401.json"},
         SOK_UNAUTHENTICATED,
         "Invalid API key"},
        {{.status = 401, .fixture = "tmdb/api/authentication/validate_key_unsuccessful.json"},
         SOK_UNAUTHENTICATED,
         "Invalid API key"},
        {{.status = 404, .fixture = "tmdb/edge-cases/error-status-response.json"},
         SOK_NOT_FOUND,
         "could not be found"},
        {{.status = 400, .fixture = "tmdb/edge-cases/error-status-400.json"}, SOK_INVALID, "Invalid page"},
        {{.status = 422, .fixture = "tmdb/edge-cases/error-status-422.json"},
         SOK_INVALID,
         "Invalid date range"},
        {{.status = 400, .fixture = "synthetic/tmdb/error_append_400.json"}, SOK_INVALID, "append"},
        {{.status = 429, .fixture = "synthetic/tmdb/error_rate_429.json", .headers = "Retry-After: 99\r\n"},
         SOK_LIMITED,
         "request"},
        {{.status = 200, .body = "<html/>"}, SOK_PROTOCOL, "web page"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct test_answer rows[] = {cases[i].row, {0}};
        test_provider_open(&t, rows, "tmdb");
        struct sok_found_media *items;
        size_t count;
        struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
        query.title = "x";
        assert_int_equal(cases[i].want, sok_tmdb_driver.lookup(&t.call, &query, &items, &count, &t.err));
        if (!strstr(t.err.message, cases[i].words))
            fail_msg("%zu: %s", i, t.err.message);
        assert_null(strstr(t.err.message, "SECRET"));
        if (i + 1 < SOK_ARRAY_LEN(cases))
            test_provider_close(&t);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_read),
        TEST(details_are_read),
        TEST(seasons_are_read),
        TEST(a_work_is_looked_up_and_completed),
        TEST(a_v4_token_goes_into_a_header),
        TEST(a_refusal_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
