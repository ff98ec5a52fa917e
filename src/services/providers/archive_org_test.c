#include "services/providers/archive_org.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "services/providers/providers_testing.h"

static struct test_provider t;

static int tear_down(void **state)
{
    test_provider_close(&t);
    return 0;
}

static enum sok_status search(const char *title, struct sok_found_releases *ret)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = title;
    t.err = (struct sok_error){0};
    return sok_archive_org_driver.search(&t.call, &query, ret, &t.err);
}

static void items_with_a_film_and_a_torrent_are_found(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/advancedsearch.php?q=title%3A%28cosmos%20laundromat%29"},
         .status = 200,
         .fixture = "synthetic/internet-archive/advancedsearch_movies.json"},
        {0},
    };
    test_provider_open(&t, rows, "archive_org");
    struct sok_found_releases found;
    assert_ok(search("Cosmos Laundromat", &found));
    assert_int_equal(1, found.count);
    const struct sok_found_release *item = &found.items[0];
    assert_string_equal("Cosmos Laundromat - First Cycle (2015)", item->title);
    assert_string_equal("CosmosLaundromatFirstCycle", item->guid);
    assert_string_equal("6a02592d2bbc069628cd5ed8a54f88ee06ac0ba5", item->info_hash);
    assert_true(sok_text_ends(
        item->torrent_url,
        "/download/CosmosLaundromatFirstCycle/CosmosLaundromatFirstCycle_archive.torrent"));
    assert_int_equal(277185130, item->size_bytes);
    assert_int_equal(-1, item->seeders);
}

static void fields_of_any_shape_are_read(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/"}, .status = 200, .fixture = "internet-archive/advancedsearch_response.json"}, {0}};
    test_provider_open(&t, rows, "archive_org");
    struct sok_found_releases found;
    assert_ok(search("nasa", &found));
    for (size_t i = 0; i < found.count; i++) {
        assert_non_null(found.items[i].title);
        assert_non_null(found.items[i].torrent_url);
        assert_null(found.items[i].info_hash); // an old answer, without btih
    }
    assert_true(found.count > 0);
    SOK_JSON_AUTO *scrape = test_fixture_json(t.arena, "internet-archive/scrape_response.json");
    assert_int_equal(
        SOK_PROTOCOL, sok_archive_org_parse(t.arena, scrape, "https://archive.org", 0, &found, &t.err));
}

static void errors_come_with_http_200(void **state)
{
    static const struct test_answer rows[] = {
        {.with = {"/", "broken"},
         .status = 200,
         .fixture = "synthetic/internet-archive/advancedsearch_range_error.json"},
        {.with = {"/"}, .status = 200, .fixture = "synthetic/internet-archive/advancedsearch_empty.json"},
        {0},
    };
    test_provider_open(&t, rows, "archive_org");
    struct sok_found_releases found;
    assert_int_equal(SOK_INVALID, search("broken", &found));
    assert_non_null(strstr(t.err.message, "RANGE_OUT_OF_BOUNDS"));
    assert_ok(search("nothing", &found));
    assert_int_equal(0, found.count);
    assert_ok(search("?!", &found)); // nothing to search for: nobody is asked
    assert_int_equal(2, t.server.requests);
    assert_ok(sok_archive_org_driver.test(&t.call, &t.err));
}

static void a_title_is_words_and_never_syntax(void **state)
{
    static const struct test_answer rows[] = {{0}};
    test_provider_open(&t, rows, "archive_org");
    const char *tail = ") AND mediatype:(movies) AND format:(\"Archive BitTorrent\")";
    struct {
        const char *title, *words;
    } cases[] = {
        {"Night OR Day", "night or day"},
        {"a) OR uploader:(x", "a or uploader x"},
        {"What? \"Why\" [1 TO 9] *", "what why 1 to 9"},
        {"AND NOT", "and not"},
        {"Am\xc3\xa9lie", "am\xc3\xa9lie"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        assert_string_equal(
            sok_format(t.arena, "title:(%s%s", cases[i].words, tail),
            sok_archive_org_query(t.arena, cases[i].title));
    assert_null(sok_archive_org_query(t.arena, "()"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_with_a_film_and_a_torrent_are_found),
        TEST(fields_of_any_shape_are_read),
        TEST(errors_come_with_http_200),
        TEST(a_title_is_words_and_never_syntax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
