#include "base/test.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

static void memory_is_zeroed_and_apart(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t size = 0; size < 20000; size = size * 2 + 1) {
        unsigned char *a = sok_alloc(arena, size), *b = sok_alloc(arena, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(0, a[i]);
        memset(a, 0xaa, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(0, b[i]);
    }
    sok_arena_reset(arena);
    assert_int_equal(0, sok_arena_used(arena));
    assert_string_equal("7-x", sok_format(arena, "%d-%s", 7, "x"));
}

static void array_grows_and_keeps_its_items(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int *items = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        items = sok_grow_array(arena, items, &capacity, (size_t)i + 1, sizeof(*items));
        items[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(i, items[i]);
}

static void buffer_refuses_past_its_limit_and_remembers(void **state)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, 10);
    assert_true(sok_buf_puts(&buf, "12345"));
    assert_true(sok_buf_printf(&buf, "%d", 67890));
    assert_false(sok_buf_puts(&buf, "x"));
    assert_false(sok_buf_puts(&buf, ""));
    assert_true(buf.overflow);
    assert_string_equal("1234567890", buf.data);
    sok_buf_clear(&buf);
    assert_true(sok_buf_puts(&buf, "again"));
}

static void errors_carry_status_text_and_fields(void **state)
{
    struct sok_error err = {0};
    assert_int_equal(SOK_NO_SPACE, sok_fail_errno(&err, SOK_IO, 28, "cannot write %s", "x"));
    assert_non_null(strstr(err.message, "cannot write x: No space"));
    sok_fail_field(&err, "year", "out_of_range", "must be at most %d", 2100);
    sok_fail_field(&err, "title", "required", "is missing");
    assert_int_equal(SOK_INVALID, err.status);
    assert_int_equal(2, err.field_count);
    assert_string_equal("title", err.fields[1].field);
    for (int status = 0; status < SOK_STATUS_COUNT; status++)
        assert_int_equal(status, sok_status_info(status)->status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_apart),
        cmocka_unit_test(array_grows_and_keeps_its_items),
        cmocka_unit_test(buffer_refuses_past_its_limit_and_remembers),
        cmocka_unit_test(errors_carry_status_text_and_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
