#include "base/test.h"

#include <string.h>

#include "base/json.h"

static void hostile_texts_are_refused(void **state)
{
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    json_t *value = NULL;
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, sok_json_parse(deep, 400, 1000, &value, &err));
    assert_non_null(strstr(err.message, "deep"));
    assert_int_equal(SOK_TOO_LARGE, sok_json_parse("[1,2]", 5, 4, &value, &err));
    static const struct {
        const char *text, *message;
    } broken[] = {
        {"", "malformed JSON: it ends too early (line 1, column 0)"},
        {"{", "malformed JSON: it ends too early (line 1, column 1)"},
        {"{\"a\":1,\n\"a\":2}", "malformed JSON: a name stands twice in one object (line 2, column 3)"},
        {"[1] x", "malformed JSON: something stands behind its end (line 1, column 5)"},
        {"{\"a\":\"\xff\"}", "malformed JSON: it is not UTF-8 (line 1, column 6)"},
        {"\"\\u0000\"", "malformed JSON: this is not JSON (line 1, column 8)"},
        {"[1e400]", "malformed JSON: a number is too large (line 1, column 6)"},
        {"{\"password\": \"hunter2}", "malformed JSON: it ends too early (line 1, column 22)"},
        {"{hunter2: 1}", "malformed JSON: this is not JSON (line 1, column 7)"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(broken); i++) {
        const char *text = broken[i].text;
        assert_int_equal(SOK_INVALID, sok_json_parse(text, strlen(text), 1000, &value, &err));
        assert_string_equal("malformed_json", err.code);
        assert_string_equal(broken[i].message, err.message);
    }
    assert_null(value);
}

static void getters_give_the_fallback_for_a_wrong_type(void **state)
{
    const char *text = "{\"n\":3,\"r\":2.0,\"s\":\"x\",\"b\":true,\"z\":null}";
    SOK_JSON_AUTO *object = NULL;
    assert_ok(sok_json_parse(text, strlen(text), 1000, &object, NULL));
    assert_int_equal(3, sok_json_int(object, "n", -1));
    assert_int_equal(2, sok_json_int(object, "r", -1));
    assert_int_equal(-1, sok_json_int(object, "s", -1));
    assert_string_equal("x", sok_json_text(object, "s", NULL));
    assert_null(sok_json_text(object, "z", NULL));
    assert_true(sok_json_bool(object, "b", false));
    assert_int_equal(-1, sok_json_int(object, "absent", -1));
}

static void setters_write_time_and_clean_text(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *object = json_object();
    sok_json_set_time(object, "at", 1000);
    sok_json_set_text(object, "none", NULL);
    sok_json_set_text(object, "bad", "a\xff");
    assert_string_equal(
        "{\"at\":\"1970-01-01T00:00:01.000Z\",\"bad\":\"a\xef\xbf\xbd\"}", sok_json_dump(arena, object));
}

static void numbers_are_written_as_people_write_them(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *list = json_pack("[f, f, f, I]", 7.1, 2.0, 1e-7, (json_int_t)INT64_MAX);
    assert_string_equal("[7.1,2.0,1e-7,9223372036854775807]", sok_json_dump(arena, list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_texts_are_refused),
        cmocka_unit_test(getters_give_the_fallback_for_a_wrong_type),
        cmocka_unit_test(setters_write_time_and_clean_text),
        cmocka_unit_test(numbers_are_written_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
