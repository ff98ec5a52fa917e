#include "base/test.h"

#include <string.h>

#include "net/multipart.h"

static const char type[] = "multipart/form-data; charset=utf-8; boundary=\"x y\"";

static enum sok_status parse(
    struct sok_arena *arena, const char *body, struct sok_multipart_part **ret_parts, size_t *ret_count)
{
    struct sok_error err = {0};
    enum sok_status status = sok_multipart_parse(arena, type, body, strlen(body), ret_parts, ret_count, &err);
    if (status != SOK_OK)
        assert_string_equal("malformed_multipart", err.code);
    return status;
}

static void files_and_fields_are_cut_out(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_multipart_part *parts;
    size_t count;
    assert_ok(parse(
        arena,
        "preamble\r\n--x y\r\n"
        "Content-Disposition: form-data; name=\"torrent\"; filename=\"a \\\"b\\\" c:\\d.torrent\"\r\n"
        "Content-Type: application/x-bittorrent\r\n\r\n"
        "line\r\n--x\r\nend\r\n--x y  \r\n"
        "content-disposition: FORM-DATA; name=media_id\r\n\r\n\r\n"
        "--x y--\r\nepilogue",
        &parts, &count));
    assert_int_equal(2, count);
    assert_string_equal("torrent", parts[0].name);
    assert_string_equal("a \"b\" c:\\d.torrent", parts[0].filename);
    assert_string_equal("application/x-bittorrent", parts[0].content_type);
    assert_int_equal(strlen("line\r\n--x\r\nend"), parts[0].len);
    assert_memory_equal("line\r\n--x\r\nend", parts[0].bytes, parts[0].len);
    assert_string_equal("media_id", parts[1].name);
    assert_null(parts[1].filename);
    assert_int_equal(0, parts[1].len);
}

static void a_body_may_have_no_part(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_multipart_part *parts;
    size_t count = 7;
    assert_ok(parse(arena, "--x y--", &parts, &count));
    assert_int_equal(0, count);
}

static void broken_bodies_are_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "--x",
        "--x y",
        "--x y\r\n",
        "--x y\r\n\r\n",
        "--x y\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue",
        "--x y\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue\r\n--x z--",
        "--x y\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--x y--",
        "--x y\r\nContent-Disposition: attachment; name=a\r\n\r\nvalue\r\n--x y--",
        "--x y\r\nContent-Disposition: form-data; name=\"a\r\n\r\nvalue\r\n--x y--",
        "--x y\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--x y--",
        "--x y\r\n\r\nvalue\r\n--x y--",
        "--x y\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nvalue\r\n--x y--",
        "--x yz\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue\r\n--x y--",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(bodies); i++) {
        struct sok_multipart_part *parts;
        size_t count;
        if (parse(arena, bodies[i], &parts, &count) != SOK_INVALID)
            fail_msg("%s", bodies[i]);
    }
}

static void too_many_parts_are_refused(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *body = "";
    for (int i = 0; i <= SOK_MULTIPART_PARTS_MAX; i++)
        body = sok_format(arena, "%s\r\n--x y\r\nContent-Disposition: form-data; name=a\r\n\r\nv", body);
    struct sok_multipart_part *parts;
    size_t count;
    assert_int_equal(SOK_INVALID, parse(arena, sok_format(arena, "%s\r\n--x y--", body), &parts, &count));
}

static void header_parameters_are_found_by_whole_name(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_string_equal("b", sok_header_param(arena, "x; filename=\"name=a\"; xname=no; NAME=b", "name"));
    assert_null(sok_header_param(arena, "x; filename=a", "name"));
    assert_null(sok_header_param(arena, "name=a", "name"));
    assert_null(sok_header_param(arena, NULL, "name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_fields_are_cut_out),
        cmocka_unit_test(a_body_may_have_no_part),
        cmocka_unit_test(broken_bodies_are_refused),
        cmocka_unit_test(too_many_parts_are_refused),
        cmocka_unit_test(header_parameters_are_found_by_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
