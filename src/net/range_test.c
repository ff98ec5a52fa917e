#include "base/test.h"

#include <string.h>

#include "base/buf.h"
#include "net/range.h"

// "whole", "416", or the ranges as "0-4,6-9".
static const char *parsed(const char *header, int64_t size, char text[256])
{
    struct sok_range ranges[SOK_RANGES_MAX];
    int count = 0;
    enum sok_range_result result = sok_range_parse(header, size, ranges, &count);
    if (result != SOK_RANGE_PARTIAL)
        return result == SOK_RANGE_WHOLE ? "whole" : "416";
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, 255);
    for (int i = 0; i < count; i++)
        sok_buf_printf(
            &buf, "%s%lld-%lld", i ? "," : "", (long long)ranges[i].first, (long long)ranges[i].last);
    memcpy(text, buf.data, buf.len + 1);
    return text;
}

static void ranges_are_read_as_the_rfc_says(void **state)
{
    static const struct {
        const char *header;
        int64_t size;
        const char *want;
    } cases[] = {
        {NULL, 100, "whole"},
        {"bytes=0-49", 100, "0-49"},
        {"bytes=50-", 100, "50-99"},
        {"bytes=-10", 100, "90-99"},
        {"bytes=-200", 100, "0-99"},
        {"bytes=0-1000", 100, "0-99"},
        {"bytes=99-99", 100, "99-99"},
        {"bytes=100-", 100, "416"},
        {"bytes=-0", 100, "416"},
        {"bytes=0-", 0, "416"},
        {"bytes=-5", 0, "416"},
        {"Bytes = 0-1", 100, "0-1"},
        {"bytes=0-4, 10-14", 100, "0-4,10-14"},
        {"bytes=10-14,0-4", 100, "10-14,0-4"},
        {"bytes=0-4,,6-9,", 100, "0-4,6-9"},
        {"bytes=0-9,5-14", 100, "0-14"},
        {"bytes=20-29,0-9,10-14", 100, "0-14,20-29"},
        {"bytes=0-4,200-300", 100, "0-4"},
        {"bytes=200-300,400-", 100, "416"},
        {"bytes=0-0,0-0,0-0", 100, "0-0"},
        {"bytes=9223372036854775807-", 100, "416"},
        {"bytes=0-99999999999999999999999", 100, "0-99"},
        {"bytes=-99999999999999999999999", 100, "0-99"},
        {"bytes=5-1", 100, "whole"},
        {"bytes=", 100, "whole"},
        {"bytes=,", 100, "whole"},
        {"bytes=a-b", 100, "whole"},
        {"bytes=1", 100, "whole"},
        {"bytes=--1", 100, "whole"},
        {"bytes=0-1;2-3", 100, "whole"},
        {"items=0-1", 100, "whole"},
        {"bytes 0-1", 100, "whole"},
        {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30", 100,
         "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30"},
        {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
         100, "whole"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char text[256];
        const char *got = parsed(cases[i].header, cases[i].size, text);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s of %d: %s", cases[i].header, (int)cases[i].size, got);
    }
}

static void if_range_wants_the_very_same_representation(void **state)
{
    int64_t modified_ms = 784111777000; // Sun, 06 Nov 1994 08:49:37 GMT
    assert_true(sok_if_range_holds(NULL, "\"a\"", 0));
    assert_true(sok_if_range_holds("\"a\"", "\"a\"", 0));
    assert_false(sok_if_range_holds("\"b\"", "\"a\"", 0));
    assert_false(sok_if_range_holds("W/\"a\"", "W/\"a\"", 0));
    assert_true(sok_if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\"", modified_ms));
    assert_false(sok_if_range_holds("Sun, 06 Nov 1994 08:49:38 GMT", "\"a\"", modified_ms));
    assert_false(sok_if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\"", 0));
}

static void etag_lists_are_compared_weakly_or_strongly(void **state)
{
    assert_true(sok_etag_listed("\"a\", W/\"b\" ,\"c\"", "\"b\"", false));
    assert_false(sok_etag_listed("\"a\", W/\"b\" ,\"c\"", "\"b\"", true));
    assert_true(sok_etag_listed("\"a\", W/\"b\" ,\"c\"", "\"c\"", true));
    assert_true(sok_etag_listed("W/\"a\"", "W/\"a\"", false));
    assert_false(sok_etag_listed("W/\"a\"", "W/\"a\"", true));
    assert_true(sok_etag_listed("*", "\"x\"", true));
    assert_false(sok_etag_listed("\"a", "\"a\"", false));
    assert_false(sok_etag_listed("a", "\"a\"", false));
    assert_false(sok_etag_listed("", "\"a\"", false));
    assert_false(sok_etag_listed(NULL, "\"a\"", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_as_the_rfc_says),
        cmocka_unit_test(if_range_wants_the_very_same_representation),
        cmocka_unit_test(etag_lists_are_compared_weakly_or_strongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
