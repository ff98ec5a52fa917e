#include "net/url.h"

#include <string.h>

#include "base/test.h"

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

static void a_url_is_taken_apart(void **state)
{
    struct sok_url url;
    assert_ok(sok_url_parse(arena, "HTTP://Example.ORG/a/../b?x=1&y=%20#top", &url, NULL));
    assert_string_equal("http", url.scheme);
    assert_string_equal("example.org", url.host);
    assert_int_equal(80, url.port);
    assert_string_equal("/b", url.path);
    assert_string_equal("x=1&y=%20", url.query);
    assert_null(strchr(url.text, '#'));
    assert_ok(sok_url_parse(arena, "https://[::1]:8443", &url, NULL));
    assert_string_equal("::1", url.host);
    assert_int_equal(8443, url.port);
    assert_string_equal("/", url.path);
}

static void what_is_no_http_url_is_refused_and_not_quoted(void **state)
{
    const char *cases[] = {
        "",
        NULL,
        "example.org",
        "/path",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://user:pw@example.org/",
        "ftp://h/?key=SECRET",
        "http://bücher.example/",
        "http://a b/",
        "http://a/\r\nHost: b",
        "http://a:99999/",
        "magnet:?xt=urn:btih:00",

    };
    struct sok_url url;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_error err = {0};
        assert_int_equal(SOK_INVALID, sok_url_parse(arena, cases[i], &url, &err));
        assert_null(strstr(err.message, "SECRET"));
        assert_null(strstr(err.message, "pw"));
    }
    char *long_one = sok_alloc(arena, 9001);
    memset(long_one, 'a', 9000);
    memcpy(long_one, "http://a/", 9);
    assert_int_equal(SOK_INVALID, sok_url_parse(arena, long_one, &url, NULL));
}

static void references_resolve_as_the_rfc_says(void **state)
{
    struct {
        const char *base, *reference, *want;
    } cases[] = {
        {"http://h/api?t=search", "details/123", "http://h/details/123"},
        {"http://h/a/b", "../c?x=1", "http://h/c?x=1"},
        {"https://h/a", "//other/x", "https://other/x"},
        {"https://h/a", "?q=1", "https://h/a?q=1"},
        {"http://h/", "  http://x/a b\r\n", "http://x/a%20b"},
        {"http://h/", "magnet:?xt=urn:btih:AB", "magnet:?xt=urn:btih:AB"},
        {"http://h/", "getnzb/1.nzb&i=7", "http://h/getnzb/1.nzb&i=7"},
        {NULL, "http://x/y", "http://x/y"},
        {NULL, "relative", NULL},
        {"http://h/", "mailto:a@b", NULL},
        {"http://h/", "", NULL},
        {"http://h/", "ftp://x/", NULL},
        {"http://h/", "http://u:p@x/", NULL},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char *got = sok_url_resolve(arena, cases[i].base, cases[i].reference);
        if (cases[i].want)
            assert_string_equal(cases[i].want, got);
        else
            assert_null(got);
    }
}

static void paths_and_parameters_are_added(void **state)
{
    assert_string_equal("http://h/x/api/v1", sok_url_join(arena, "http://h/x/", "/api/v1"));
    assert_string_equal("http://h/x/api", sok_url_join(arena, "http://h/x?k=1", "api"));
    assert_string_equal("http://h/api", sok_url_join(arena, "http://h", "api"));
    assert_null(sok_url_join(arena, "h", "api"));
    assert_string_equal("http://h/?a=1%202", sok_url_with(arena, "http://h/", "a", "1 2"));
    assert_string_equal("http://h/?a&b=%26", sok_url_with(arena, "http://h/?a", "b", "&"));
    assert_string_equal("http://h/?b=1", sok_url_with(arena, "http://h/?", "b", "1"));
    assert_string_equal("http://h/", sok_url_with(arena, "http://h/", "b", NULL));
}

static void origins_are_scheme_host_and_port(void **state)
{
    struct sok_url a, b;
    assert_ok(sok_url_parse(arena, "http://h:80/a", &a, NULL));
    assert_ok(sok_url_parse(arena, "http://H/b", &b, NULL));
    assert_true(sok_url_same_origin(&a, &b));
    assert_ok(sok_url_parse(arena, "https://h:80/", &b, NULL));
    assert_false(sok_url_same_origin(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(what_is_no_http_url_is_refused_and_not_quoted),
        cmocka_unit_test(references_resolve_as_the_rfc_says),
        cmocka_unit_test(paths_and_parameters_are_added),
        cmocka_unit_test(origins_are_scheme_host_and_port),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
