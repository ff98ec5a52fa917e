#include "services/providers/answer.h"

#include <string.h>

#include "base/test.h"
#include "services/providers/providers_testing.h"

static struct sok_arena *arena;

static int set_up(void **state)
{
    arena = sok_arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    sok_arena_free(arena);
    return 0;
}

static void dates_are_read_as_feeds_write_them(void **state)
{
    struct {
        const char *text;
        int64_t want_s;
    } cases[] = {
        {"Mon, 03 Apr 2017 07:25:35 +0000", 1491204335},
        {"Mon, 03 Apr 2017 07:25:35 UTC", 1491204335},
        {"Son, 03 Apr 2017 07:25:35 +0000", 1491204335},
        {"Mon, 03 Apr 2017 07:25:35", 1491204335},
        {"Mon, 03 Apr 2017 03:25:35 -0400", 1491204335},
        {"03 Apr 2017 07:25:35 GMT", 1491204335},
        {"Mon, 3 Apr 2017 09:25:35 +02:00", 1491204335},
        {"Mon, 03 Apr 2017 02:25:35 CDT", 1491204335},
        {"Sun, 02 Apr 2017 19:25:35 -12", 1491204335},
        {"2017-04-03 07:25:35", 1491204335},
        {"2017-04-03T07:25:35Z", 1491204335},
        {"  2017-04-03T09:25:35+02:00", 1491204335},
        {"Mon, 03 Apr 17 07:25 GMT", 1491204300},
        {"Fri, 01 Jan 2100 00:00:00 GMT", TEST_NOW_MS / 1000},
        {"", 0},
        {"yesterday", 0},
        {"Mon, 99 Apr 2017 07:25:35", 0},
        {"Mon, 03 Foo 2017 07:25:35", 0},
        {NULL, 0},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        assert_int_equal(cases[i].want_s * 1000, sok_answer_date(cases[i].text, TEST_NOW_MS));
    assert_int_equal(2010, sok_answer_year("2010-07-16"));
    assert_int_equal(0, sok_answer_year(""));
    assert_int_equal(0, sok_answer_year("0000-00-00"));
    assert_int_equal(0, sok_answer_year(NULL));
}

static void sizes_are_read_as_trackers_write_them(void **state)
{
    struct {
        const char *text, *label;
        int64_t want;
    } cases[] = {
        {"1234567", NULL, 1234567},
        {"1.5 GiB", NULL, 1610612736},
        {"1.5GB", NULL, 1610612736},
        {"609.6 MiB", NULL, 639211929},
        {"341 m", NULL, 357564416},
        {"2 KB", NULL, 2048},
        {"5 bytes", NULL, 5},
        {"Size: 0.99 GB", "size:", 1063004405},
        {"a / SIZE : 1 GB / b", "size :", 1073741824},
        {"Size: 341 m Uploaded: 20:40", "size:", 357564416},
        {"none", NULL, 0},
        {"-5", NULL, 0},
        {"", NULL, 0},
        {NULL, NULL, 0},
        {"1 parsec", NULL, 0},
        {"0", NULL, 0},
        {"no label 5 GB", "size:", 0},
        {"9e300", NULL, 0},
        {"5 monkeys", NULL, 0},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        assert_int_equal(cases[i].want, sok_answer_size(cases[i].text, cases[i].label));
}

static void guid_that_carries_a_key_is_shown_as_its_digest(void **state SOK_UNUSED)
{
    assert_string_equal("https://x/details/1", sok_answer_guid(arena, " https://x/details/1", NULL, 100));
    assert_null(sok_answer_guid(arena, NULL, "k", 100));
    const char *const secret[] = {
        "https://x/dl?apikey=1", "http://x/?a=b&PassKey=2", "https://x/K3Y/dl",
        "a guid that is much longer than forty bytes"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(secret); i++) {
        const char *guid = sok_answer_guid(arena, secret[i], "K3Y", 40);
        assert_int_equal(strlen("sha256:") + 32, strlen(guid));
        assert_null(strstr(guid, "http"));
    }
}

static void text_is_cleaned_and_cut_at_a_character(void **state)
{
    assert_string_equal("a b", sok_answer_text(arena, " \n a\tb \r\n", 100));
    assert_null(sok_answer_text(arena, "   ", 100));
    assert_null(sok_answer_text(arena, NULL, 100));
    assert_string_equal("h\xc3\xa9", sok_answer_text(arena, "h\xc3\xa9\xc3\xa9", 4));
    assert_string_equal("x\xef\xbf\xbdy", sok_answer_text(arena, "x\xffy", 100));
    assert_string_equal("A & B <c>", sok_answer_unescape(arena, "A &amp; B &lt;c&gt;"));
    assert_string_equal("&#1; &nosuch; \xe2\x82\xac&", sok_answer_unescape(arena, "&#1; &nosuch; &euro;&"));
    assert_string_equal("Bold & new", sok_answer_html(arena, "<p><b>Bold</b> &amp; new</p>", 100));
    assert_null(sok_answer_html(arena, "<p unclosed", 100));
}

static void query_words_lose_what_indexers_stumble_over(void **state)
{
    assert_string_equal(
        "Mission Impossible Fallout", sok_answer_query_words(arena, "Mission: Impossible - Fallout"));
    assert_string_equal("Its a Bugs Life", sok_answer_query_words(arena, "It's a Bug\xe2\x80\x99s Life!"));
    assert_string_equal("amelie", sok_answer_query_words(arena, "(Am\xc3\xa9lie)"));
    assert_string_equal( // another script stays as it is
        "\xd0\xa1\xd1\x82\xd0\xb0\xd0\xbb\xd0\xba\xd0\xb5\xd1\x80",
        sok_answer_query_words(arena, "\xd0\xa1\xd1\x82\xd0\xb0\xd0\xbb\xd0\xba\xd0\xb5\xd1\x80!"));
    assert_string_equal("", sok_answer_query_words(arena, "?!"));
}

static void a_field_of_any_shape_gives_its_first_value(void **state)
{
    SOK_JSON_AUTO *object = NULL;
    const char *text =
        "{\"s\":\"1947\",\"n\":1947,\"l\":[\"a\",\"b\"],\"e\":[],\"o\":{},\"r\":3.9,\"m\":[7]}";
    assert_ok(sok_json_parse(text, strlen(text), 1000, &object, NULL));
    assert_string_equal("1947", sok_answer_any_text(arena, object, "s"));
    assert_string_equal("1947", sok_answer_any_text(arena, object, "n"));
    assert_string_equal("a", sok_answer_any_text(arena, object, "l"));
    assert_null(sok_answer_any_text(arena, object, "e"));
    assert_null(sok_answer_any_text(arena, object, "o"));
    assert_null(sok_answer_any_text(arena, object, "absent"));
    assert_int_equal(1947, sok_answer_any_int(object, "s", 0));
    assert_int_equal(1947, sok_answer_any_int(object, "n", 0));
    assert_int_equal(3, sok_answer_any_int(object, "r", 0));
    assert_int_equal(7, sok_answer_any_int(object, "m", 0));
    assert_int_equal(-1, sok_answer_any_int(object, "l", -1));
}

static void imdb_ids_come_in_every_form(void **state)
{
    assert_string_equal("tt0133093", sok_answer_imdb(arena, "0133093"));
    assert_string_equal("tt0133093", sok_answer_imdb(arena, "133093"));
    assert_string_equal("tt0133093", sok_answer_imdb(arena, "TT0133093"));
    assert_string_equal("tt10872600", sok_answer_imdb_number(arena, 10872600));
    assert_null(sok_answer_imdb(arena, "0"));
    assert_null(sok_answer_imdb(arena, "nm0000001"));
    assert_null(sok_answer_imdb(arena, ""));
    assert_null(sok_answer_imdb(arena, NULL));
}

static void the_magnet_wins_over_the_info_hash(void **state)
{
    struct sok_found_release release = {0};
    sok_answer_hashes(
        arena, &release, "magnet:?xt=urn:btih:BCW2LJ5GDA5K4HQJ3AY56Z2I2VTASWQQ&tr=udp%3A%2F%2Ft%3A1",
        "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c");
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", release.info_hash);
    assert_int_equal(1, release.tracker_count);
    release = (struct sok_found_release){0};
    sok_answer_hashes(arena, &release, NULL, "DD8255ECDC7CA55FB0BBF81323D87062DB1F6D1C");
    assert_string_equal("dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c", release.info_hash);
    release = (struct sok_found_release){0};
    sok_answer_hashes(arena, &release, "magnet:?dn=nothing", "(removed)");
    assert_null(release.info_hash);
    assert_null(release.magnet);
}

static void only_what_can_be_watched_passes(void **state)
{
    assert_true(sok_answer_category_fits((int[]){0}));
    assert_true(sok_answer_category_fits((int[]){2040, 0}));
    assert_true(sok_answer_category_fits((int[]){3000, 5070, 0}));
    assert_true(sok_answer_category_fits((int[]){131681, 0}));
    assert_true(sok_answer_category_fits((int[]){8000, 0}));
    assert_false(sok_answer_category_fits((int[]){3040, 0}));
    assert_false(sok_answer_category_fits((int[]){1000, 4050, 131681, 0}));
    assert_false(sok_answer_category_fits((int[]){6000, 2000, 0}));
    assert_false(sok_answer_category_fits((int[]){2040, 6999, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guid_that_carries_a_key_is_shown_as_its_digest),
        cmocka_unit_test(dates_are_read_as_feeds_write_them),
        cmocka_unit_test(sizes_are_read_as_trackers_write_them),
        cmocka_unit_test(text_is_cleaned_and_cut_at_a_character),
        cmocka_unit_test(query_words_lose_what_indexers_stumble_over),
        cmocka_unit_test(a_field_of_any_shape_gives_its_first_value),
        cmocka_unit_test(imdb_ids_come_in_every_form),
        cmocka_unit_test(the_magnet_wins_over_the_info_hash),
        cmocka_unit_test(only_what_can_be_watched_passes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
