#include "base/test.h"

#include "base/compiler.h"
#include "base/time.h"

static void moments_round_trip(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"2024-02-29T12:34:56.789Z", "2024-02-29T12:34:56.789Z"},
        {"2024-02-29T12:34:56+02:00", "2024-02-29T10:34:56.000Z"},
        {"2015-06-03 03:19:49", "2015-06-03T03:19:49.000Z"},
        {"1999-12-31", "1999-12-31T00:00:00.000Z"},
        {"1960-01-01T00:00:00.5Z", "1960-01-01T00:00:00.500Z"},
        {"2024-01-01T00:00:00-0400", "2024-01-01T04:00:00.000Z"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        int64_t at;
        char text[SOK_TIME_TEXT];
        assert_true(sok_time_parse(cases[i].in, &at));
        sok_time_format(at, text);
        assert_string_equal(cases[i].out, text);
    }
}

static void what_is_no_moment_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "2024",
        "2024-13-01",
        "2023-02-29",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:00:00Zx",
        "2024-01-01T00:00",
        "24-01-01"};
    int64_t at;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_false(sok_time_parse(wrong[i], &at));
}

static void http_date_of_rfc9110(void **state)
{
    char text[30];
    sok_time_format_http(784111777000, text);
    assert_string_equal("Sun, 06 Nov 1994 08:49:37 GMT", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_round_trip),
        cmocka_unit_test(what_is_no_moment_is_refused),
        cmocka_unit_test(http_date_of_rfc9110),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
