#include "cli/cli.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "cli/client.h"

static int seen_count;

static int run_seven(int argc, char **argv)
{
    seen_count = argc;
    return argc > 1 && sok_text_eq(argv[1], "wrong") ? sok_cli_usage("seven", "not like this") : 7;
}

static int run(const char *first, const char *second)
{
    static const struct sok_cli_command more[] = {{"seven", "seven [wrong]", "returns seven", run_seven}};
    char *argv[] = {(char *)"sokoul", (char *)first, (char *)second, NULL};
    seen_count = 0;
    return sok_cli_main(first ? second ? 3 : 2 : 1, argv, more, 1);
}

static void exit_codes_are_those_of_the_manual(void **state SOK_UNUSED)
{
    assert_int_equal(SOK_EXIT_OK, run("--help", NULL));
    assert_int_equal(SOK_EXIT_OK, run("--version", NULL));
    assert_int_equal(SOK_EXIT_OK, run("user", "--help"));
    assert_int_equal(SOK_EXIT_USAGE, run(NULL, NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("nonsense", NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("--nonsense", NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("user", NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("user", "add"));
    assert_int_equal(SOK_EXIT_USAGE, run("provider", "add"));
    assert_int_equal(SOK_EXIT_USAGE, run("download", NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("search", NULL));
    assert_int_equal(SOK_EXIT_USAGE, run("config", "nonsense"));
}

static void commands_of_the_program_are_found_beside_its_own(void **state SOK_UNUSED)
{
    assert_int_equal(7, run("seven", "x"));
    assert_int_equal(2, seen_count);
    assert_int_equal(SOK_EXIT_USAGE, run("seven", "wrong"));
    assert_int_equal(SOK_EXIT_OK, run("seven", "--help"));
}

static void options_and_words_come_in_any_order(void **state SOK_UNUSED)
{
    const char *year = NULL, *words[2] = {NULL};
    bool explain = false;
    const struct sok_cli_option options[] = {{"year", &year, NULL}, {"explain", NULL, &explain}};
    char *argv[] = {(char *)"search",    (char *)"--year", (char *)"1968", (char *)"one",
                    (char *)"--explain", (char *)"--",     (char *)"--two"};
    assert_int_equal(2, sok_cli_parse("search", 7, argv, 1, options, 2, words, 2));
    assert_string_equal("1968", year);
    assert_true(explain);
    assert_string_equal("one", words[0]);
    assert_string_equal("--two", words[1]);
    char *joined[] = {(char *)"search", (char *)"--year=2019"};
    assert_int_equal(0, sok_cli_parse("search", 2, joined, 1, options, 2, words, 2));
    assert_string_equal("2019", year);
}

static void wrong_options_are_refused(void **state SOK_UNUSED)
{
    const char *year = NULL, *words[1];
    bool explain = false;
    const struct sok_cli_option options[] = {{"year", &year, NULL}, {"explain", NULL, &explain}};
    static const char *const wrong[][2] = {
        {"--month", "1"}, {"--yea", "1"}, {"x", "--year"}, {"x", "y"}, {"x", "--explain=1"}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        char *argv[] = {(char *)"search", (char *)wrong[i][0], (char *)wrong[i][1]};
        assert_int_equal(-1, sok_cli_parse("search", 3, argv, 1, options, 2, words, 1));
    }
}

static void names_from_elsewhere_cannot_steer_the_terminal(void **state SOK_UNUSED)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_string_equal("[31mred b c", sok_cli_clean(arena, "\x1b[31mred\tb\nc\x07"));
    assert_string_equal("", sok_cli_clean(arena, NULL));
}

static void sizes_are_written_for_people(void **state SOK_UNUSED)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_string_equal("0 B", sok_cli_bytes(arena, 0));
    assert_string_equal("1023 B", sok_cli_bytes(arena, 1023));
    assert_string_equal("1.5 KiB", sok_cli_bytes(arena, 1536));
    assert_string_equal("1.4 GiB", sok_cli_bytes(arena, 1503238553));
}

static void server_is_reached_where_it_listens(void **state SOK_UNUSED)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    static const struct {
        const char *listen, *url;
    } rows[] = {
        {"127.0.0.1:3000", "http://127.0.0.1:3000"},
        {"0.0.0.0:80", "http://127.0.0.1:80"},
        {"[::]:3000", "http://[::1]:3000"},
        {"[::1]:3000,127.0.0.1:4000", "http://[::1]:3000"},
        {"unix:/run/sokoul.sock, 127.0.0.1:4000", "http://127.0.0.1:4000"},
        {"unix:/run/sokoul.sock", NULL},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        const char *url = sok_client_base_url(arena, rows[i].listen);
        if (!sok_text_eq(url, rows[i].url))
            fail_msg("%s gives %s", rows[i].listen, url ? url : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_are_those_of_the_manual),
        cmocka_unit_test(commands_of_the_program_are_found_beside_its_own),
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(names_from_elsewhere_cannot_steer_the_terminal),
        cmocka_unit_test(sizes_are_written_for_people),
        cmocka_unit_test(server_is_reached_where_it_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
