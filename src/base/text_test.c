#include "base/test.h"

#include <string.h>

#include "base/text.h"

static void folding_makes_titles_comparable(void **state)
{
    static const char *const cases[][2] = {
        {"Amélie", "amelie"},         {"STRAẞE", "strasse"},
        {"Kröniken", "kroniken"},     {"Æon Flux", "aeon flux"},
        {"Søstre", "sostre"},         {"Łódź", "lodz"},
        {"Plain 2010", "plain 2010"}, {"Nausicaä — 風の谷", "nausicaa — 風の谷"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        assert_string_equal(cases[i][1], sok_text_fold(arena, cases[i][0]));
}

static void utf8_is_checked_and_cleaned(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_true(sok_utf8_valid("héllo", 6));
    assert_false(sok_utf8_valid("\xc0\x80", 2));
    assert_false(sok_utf8_valid("\xed\xa0\x80", 3));
    assert_false(sok_utf8_valid("a\0b", 3));
    assert_string_equal(
        "a\xef\xbf\xbd"
        "b",
        sok_utf8_clean(
            arena,
            "a\xff\x07"
            "b",
            4));
    // C1 (a terminal's other way to begin an escape sequence) goes, what stands behind it in the table stays.
    assert_string_equal(
        "2J\xc2\xa0é\t\n", sok_utf8_clean(
                               arena,
                               "\xc2\x9b"
                               "2J\xc2\xa0é\t\n\xc2\x85",
                               12));
}

static void numbers_are_whole_or_refused(void **state)
{
    int64_t n = 7;
    assert_true(sok_parse_int("42", 0, 100, &n));
    assert_int_equal(42, n);
    static const char *const wrong[] = {
        "", " 1", "1 ", "0x10", "101", "-1", "+1", "1e3", "99999999999999999999"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_false(sok_parse_int(wrong[i], 0, 100, &n));
    assert_int_equal(42, n);
    double d;
    assert_false(sok_parse_double("nan", 0, 1, &d));
    assert_true(sok_parse_double("0.5", 0, 1, &d));
}

static void secrets_compare_whole(void **state)
{
    assert_true(sok_bytes_eq_secret("abc", 3, "abc", 3));
    assert_false(sok_bytes_eq_secret("abc", 3, "abd", 3));
    assert_false(sok_bytes_eq_secret("abc", 3, "ab", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_makes_titles_comparable),
        cmocka_unit_test(utf8_is_checked_and_cleaned),
        cmocka_unit_test(numbers_are_whole_or_refused),
        cmocka_unit_test(secrets_compare_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
