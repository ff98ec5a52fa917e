#include "base/test.h"

#include <string.h>

#include "base/compiler.h"
#include "base/uri.h"

static void text_survives_the_way_there_and_back(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *text = "a b&c=d/é+%";
    char *encoded = sok_uri_encode(arena, text);
    assert_string_equal("a%20b%26c%3Dd%2F%C3%A9%2B%25", encoded);
    assert_string_equal(text, sok_uri_decode(arena, encoded, strlen(encoded), true));
}

static void broken_escapes_are_refused(void **state)
{
    static const char *const wrong[] = {"%", "%4", "%zz", "a%00b", "%ff"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_null(sok_uri_decode(arena, wrong[i], strlen(wrong[i]), false));
}

static void query_splits_into_pairs(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_uri_param *params;
    size_t count;
    assert_true(sok_uri_parse_query(arena, "q=big+buck&&year=2008&flag", &params, &count));
    assert_int_equal(3, count);
    assert_string_equal("big buck", sok_uri_param(params, count, "q"));
    assert_string_equal("", sok_uri_param(params, count, "flag"));
    assert_null(sok_uri_param(params, count, "absent"));
    assert_false(sok_uri_parse_query(arena, "q=%zz", &params, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_survives_the_way_there_and_back),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(query_splits_into_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
