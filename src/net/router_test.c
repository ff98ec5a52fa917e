#include "base/test.h"

#include <string.h>

#include "net/router.h"

static enum sok_status handler(struct sok_request *request, struct sok_error *err)
{
    return SOK_OK;
}

#define ROW(method, path)                                                                          \
    {                                                                                              \
        method, path, SOK_POLICY_PUBLIC, SOK_RATE_NONE, SOK_LANE_INLINE, SOK_BODY_NONE, 0, handler \
    }

static const struct sok_route table[] = {
    ROW(SOK_GET, "/"),
    ROW(SOK_GET, "/media"),
    ROW(SOK_POST, "/media"),
    ROW(SOK_POST, "/media/scan"),
    ROW(SOK_GET, "/media/{id}"),
    ROW(SOK_PUT, "/media/{media_id}"),
    ROW(SOK_DELETE, "/c/{id}/media/{media_id}"),
    ROW(SOK_GET, "/assets/{path...}"),
    ROW(SOK_GET, "/stream/{id}/{file...}"),
};

static struct sok_router *router;

static int open_router(void **state)
{
    return sok_router_new(table, SOK_ARRAY_LEN(table), &router, NULL);
}

static int close_router(void **state)
{
    sok_router_free(router);
    return 0;
}

static const char *value(const struct sok_route_match *match, const char *name)
{
    for (int i = 0; i < SOK_REQUEST_PARAMS_MAX; i++)
        if (match->params[i].name && strcmp(match->params[i].name, name) == 0)
            return match->params[i].value;
    return NULL;
}

static void paths_find_their_row_and_parameters(void **state)
{
    static const struct {
        enum sok_method method;
        const char *path, *row, *name, *value;
    } cases[] = {
        {SOK_GET, "/", "/", NULL, NULL},
        {SOK_GET, "/media", "/media", NULL, NULL},
        {SOK_GET, "/media/7", "/media/{id}", "id", "7"},
        {SOK_PUT, "/media/7", "/media/{media_id}", "media_id", "7"},
        {SOK_GET, "/media/a%2Fb%20c", "/media/{id}", "id", "a/b c"},
        {SOK_DELETE, "/c/1/media/2", "/c/{id}/media/{media_id}", "media_id", "2"},
        {SOK_GET, "/assets/js/app.js", "/assets/{path...}", "path", "js/app.js"},
        {SOK_GET, "/stream/x/Film%20(1999).mkv", "/stream/{id}/{file...}", "file", "Film (1999).mkv"},
        {SOK_POST, "/media/scan", "/media/scan", NULL, NULL},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_route_match match;
        sok_router_find(router, arena, cases[i].method, cases[i].path, &match);
        if (!match.route || strcmp(match.route->path, cases[i].row) != 0)
            fail_msg("%s: %s", cases[i].path, match.route ? match.route->path : "none");
        assert_int_equal(cases[i].method, match.route->method);
        if (cases[i].name)
            assert_string_equal(cases[i].value, value(&match, cases[i].name));
    }
}

static void unknown_paths_match_nothing(void **state)
{
    static const char *const paths[] = {
        "",
        "media",
        "/medi",
        "/media/",
        "/media/7/x",
        "//media",
        "/assets",
        "/media/%zz",
        "/media/..",
        "/stream",
        "/media/%00",
        "/assets/../media",
        "/media/%ff",
        "/assets/%2e%2e/x",
        "/c//media/2",
        "/stream/x",
        "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(paths); i++) {
        struct sok_route_match match;
        sok_router_find(router, arena, SOK_GET, paths[i], &match);
        if (match.route || match.allowed)
            fail_msg("%s", paths[i]);
    }
}

static void a_wrong_method_names_the_right_ones(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_route_match match;
    sok_router_find(router, arena, SOK_DELETE, "/media", &match);
    assert_null(match.route);
    assert_string_equal("GET, HEAD, POST", sok_router_allow(arena, match.allowed));
    sok_router_find(router, arena, SOK_GET, "/media/scan", &match);
    assert_null(match.route);
    assert_string_equal("POST", sok_router_allow(arena, match.allowed));
    sok_router_find(router, arena, SOK_POST, "/media/7", &match);
    assert_null(match.route);
    assert_string_equal("GET, HEAD, PUT", sok_router_allow(arena, match.allowed));
}

static void incomplete_rows_are_refused_at_start(void **state)
{
    const struct sok_route good = ROW(SOK_GET, "/x");
    struct sok_route rows[12];
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        rows[i] = good;
    rows[0].method = 0;
    rows[1].policy = 0;
    rows[2].rate = 0;
    rows[3].lane = 0;
    rows[4].body = 0;
    rows[5].body = SOK_BODY_JSON;
    rows[6].body_max_bytes = 1;
    rows[7].handler = NULL;
    rows[8].path = "x";
    rows[9].path = "/{a...}/b";
    rows[10].path = "/a{b}";
    rows[11].path = NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_router *refused = NULL;
        struct sok_error err = {0};
        assert_int_equal(SOK_INVALID, sok_router_new(&rows[i], 1, &refused, &err));
        assert_non_null(strstr(err.message, "route 0"));
    }
    const struct sok_route twice[] = {ROW(SOK_GET, "/x/{a}"), ROW(SOK_GET, "/x/{b}")};
    struct sok_router *refused = NULL;
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, sok_router_new(twice, 2, &refused, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_row_and_parameters),
        cmocka_unit_test(unknown_paths_match_nothing),
        cmocka_unit_test(a_wrong_method_names_the_right_ones),
        cmocka_unit_test(incomplete_rows_are_refused_at_start),
    };
    return cmocka_run_group_tests(tests, open_router, close_router);
}
