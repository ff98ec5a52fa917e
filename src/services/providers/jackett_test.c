#include "services/providers/jackett.h"

#include <string.h>

#include "base/test.h"
#include "services/providers/providers_testing.h"

#define CAPS "<caps><searching><search available='yes'/></searching></caps>"

static struct test_provider t;

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static enum sok_status search(struct sok_found_releases *ret)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = "Sintel";
    t.err = (struct sok_error){0};
    return sok_jackett_driver.search(&t.call, &query, ret, &t.err);
}

static void all_trackers_are_asked_through_torznab(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/all/results/torznab/api?apikey=SECRET", "t=caps"}, .status = 200, .body = CAPS},
        {.with = {"/all/results/torznab/api?apikey=SECRET", "t=search"},
         .status = 200,
         .fixture = "synthetic/jackett/torznab_search.xml"},
        {0},
    };
    test_provider_open(&t, rows, "jackett");
    struct sok_found_releases found;
    assert_ok(search(&found));
    assert_int_equal(3, found.count);
    assert_string_equal("Indexer A", found.items[0].indexer);
    assert_null(found.warning);
}

static void a_url_of_one_tracker_is_taken_as_it_is(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/indexers/indexera/results/torznab/?apikey=SECRET", "t=caps"},
         .status = 200,
         .body = CAPS},
        {.with = {"/indexers/indexera/", "t=search"},
         .status = 200,
         .fixture = "synthetic/jackett/torznab_search.xml"},
        {0},
    };
    test_provider_open(&t, rows, "jackett");
    t.config.base_url = sok_format(t.arena, "%s/api/v2.0/indexers/indexera/results/torznab/", t.server.base);
    struct sok_found_releases found;
    assert_ok(search(&found));
    assert_int_equal(3, found.count);
}

static void when_nothing_is_found_the_failed_trackers_are_named(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"torznab", "t=caps"}, .status = 200, .body = CAPS},
        {.with = {"torznab"}, .status = 200, .fixture = "synthetic/prowlarr/torznab_search_empty.xml"},
        {.with = {"/all/results?apikey=SECRET"}, .status = 200, .fixture = "synthetic/jackett/results.json"},
        {0},
    };
    test_provider_open(&t, rows, "jackett");
    struct sok_found_releases found;
    assert_ok(search(&found));
    assert_int_equal(0, found.count);
    assert_string_equal("no answer from Indexer C", found.warning);
}

static void the_json_results_are_read(void **state)
{
    static const struct test_answer rows[] = {{0}};
    test_provider_open(&t, rows, "jackett");
    SOK_JSON_AUTO *answer = test_fixture_json(t.arena, "synthetic/jackett/results.json");
    struct sok_found_releases found;
    assert_ok(sok_jackett_parse(t.arena, answer, TEST_NOW_MS, &found, &t.err));
    assert_int_equal(1, found.count);
    assert_string_equal("Sintel (2010) [1080p]", found.items[0].title);
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", found.items[0].info_hash);
    assert_int_equal(2204, found.items[0].seeders);
    assert_int_equal(161, found.items[0].leechers);
    assert_int_equal(2040, found.items[0].category);
    assert_string_equal("tt1727587", found.items[0].imdb_id);
    SOK_JSON_AUTO *nothing = json_object();
    assert_int_equal(SOK_PROTOCOL, sok_jackett_parse(t.arena, nothing, TEST_NOW_MS, &found, &t.err));
}

static void a_wrong_key_is_said_with_http_200(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"t=caps"}, .status = 200, .body = CAPS},
        {.with = {"/"}, .status = 200, .fixture = "synthetic/jackett/error_bad_apikey_http200.xml"},
        {0},
    };
    test_provider_open(&t, rows, "jackett");
    struct sok_found_releases found;
    assert_int_equal(SOK_UNAUTHENTICATED, search(&found));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_jackett_driver.test(&t.call, &t.err));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_trackers_are_asked_through_torznab),
        TEST(a_url_of_one_tracker_is_taken_as_it_is),
        TEST(when_nothing_is_found_the_failed_trackers_are_named),
        TEST(the_json_results_are_read),
        TEST(a_wrong_key_is_said_with_http_200),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
