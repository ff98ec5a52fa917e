#include "base/test.h"

#include <string.h>

#include "base/compiler.h"
#include "runtime/trace.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void a_traceparent_is_read(void **state)
{
    static const struct {
        const char *text, *want; // NULL: not one
    } cases[] = {
        {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00"},
        {"cc-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"}, // a later version
        {"cc-" TRACE "-" SPAN "-01-what the future brings", "00-" TRACE "-" SPAN "-01"},
        {"cc-" TRACE "-" SPAN "-01.more", NULL},
        {"ff-" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "-01-more", NULL},
        {"00-" TRACE "-" SPAN "-0", NULL},
        {"00-" TRACE "-" SPAN "-0x", NULL},
        {"00-" TRACE "-0000000000000000-01", NULL},
        {"00-00000000000000000000000000000000-" SPAN "-01", NULL},
        {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", NULL},
        {"00-" TRACE "_" SPAN "-01", NULL},
        {"0--" TRACE "-" SPAN "-01", NULL},
        {" 00-" TRACE "-" SPAN "-01", NULL},
        {"00-xyz", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char found[SOK_TRACEPARENT_LEN + 1] = "untouched";
        assert_int_equal(cases[i].want != NULL, sok_trace_parse(cases[i].text, found));
        assert_string_equal(cases[i].want ? cases[i].want : "untouched", found);
    }
}

static void a_child_keeps_trace_and_flags_under_a_span_of_its_own(void **state)
{
    char child[SOK_TRACEPARENT_LEN + 1], again[SOK_TRACEPARENT_LEN + 1];
    sok_trace_child("00-" TRACE "-" SPAN "-01", child);
    assert_true(sok_trace_parse(child, again));
    assert_memory_equal("00-" TRACE "-", child, 36);
    assert_string_equal("-01", child + 52);
    assert_memory_not_equal(SPAN, child + 36, 16);
}

static void without_a_parent_a_trace_begins(void **state)
{
    static const char *const parents[] = {NULL, "", "00-xyz"};
    char first[SOK_TRACEPARENT_LEN + 1], second[SOK_TRACEPARENT_LEN + 1], read[SOK_TRACEPARENT_LEN + 1];
    sok_trace_child(NULL, first);
    for (size_t i = 0; i < SOK_ARRAY_LEN(parents); i++) {
        sok_trace_child(parents[i], second);
        assert_true(sok_trace_parse(second, read));
        assert_string_equal("-00", second + 52);
        assert_memory_not_equal(first + 3, second + 3, SOK_TRACE_ID_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read),
        cmocka_unit_test(a_child_keeps_trace_and_flags_under_a_span_of_its_own),
        cmocka_unit_test(without_a_parent_a_trace_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
