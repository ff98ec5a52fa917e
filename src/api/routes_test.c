// Every route of the real table, called with every kind of credential. The handlers are replaced by one that
// says 200, so that what answers otherwise is the hook.
#include "api/test_api.h"

#define ROUTES_MAX 200

static struct test_api test;
static struct sok_route routes[ROUTES_MAX];

static enum sok_status say_yes(struct sok_request *request, struct sok_error *err SOK_UNUSED)
{
    sok_reply_bytes(request, 200, "text/plain", "yes", 3, true);
    return SOK_OK;
}

static int setup(void **state SOK_UNUSED)
{
    assert_in_range(sok_api_route_count, 1, ROUTES_MAX);
    for (size_t i = 0; i < sok_api_route_count; i++) {
        routes[i] = sok_api_routes[i];
        routes[i].handler = say_yes;
        routes[i].lane = SOK_LANE_INLINE;
    }
    test_api_start(&test, routes, sok_api_route_count);
    return 0;
}

static int teardown(void **state SOK_UNUSED)
{
    test_api_stop(&test);
    return 0;
}

// The pattern with something in the place of each parameter.
static const char *filled(const char *pattern)
{
    char *path = sok_alloc(test.arena, strlen(pattern) + 1), *out = path;
    for (const char *at = pattern; *at; at++) {
        if (*at == '{') {
            *out++ = 'x';
            at = strchr(at, '}');
        } else {
            *out++ = *at;
        }
    }
    return path;
}

static const char *method_name(enum sok_method method)
{
    return method == SOK_GET ? "GET" : method == SOK_POST ? "POST" : method == SOK_PUT ? "PUT" : "DELETE";
}

static int status_of(const struct sok_route *route, const char *token, const char *header)
{
    bool takes_json = route->body == SOK_BODY_JSON || route->body == SOK_BODY_MULTIPART_OR_JSON;
    const char *json = takes_json ? "{}" : NULL;
    return test_api_call(&test, method_name(route->method), filled(route->path), token, header, json).status;
}

// As somebody from outside, behind a proxy: what is open to this machine itself is another test's.
static void every_route_lets_in_whom_its_policy_names(void **state SOK_UNUSED)
{
    static const int needed[] = {
        [SOK_POLICY_PUBLIC] = SOK_USER_NOBODY, [SOK_POLICY_SIGNED_URL] = SOK_USER_NOBODY,
        [SOK_POLICY_USER] = SOK_USER_USER,     [SOK_POLICY_MODERATOR] = SOK_USER_MODERATOR,
        [SOK_POLICY_ADMIN] = SOK_USER_ADMIN,   [SOK_POLICY_OPERATOR] = SOK_USER_ADMIN,
        [SOK_POLICY_SESSION] = SOK_USER_USER,
    };
    for (size_t i = 0; i < sok_api_route_count; i++) {
        const struct sok_route *route = &sok_api_routes[i];
        assert_in_range(route->policy, SOK_POLICY_PUBLIC, SOK_POLICY_SESSION);
        for (int role = SOK_USER_NOBODY; role <= SOK_USER_ADMIN; role++) {
            int want = role >= needed[route->policy] ? 200 : role == SOK_USER_NOBODY ? 401 : 403;
            int got = status_of(route, test.tokens[role], "X-Forwarded-For: 192.0.2.7");
            if (got != want)
                fail_msg("%s %s as role %d: %d", method_name(route->method), route->path, role, got);
        }
        int invalid = status_of(route, "not.a.token", "X-Forwarded-For: 192.0.2.7");
        assert_int_equal(needed[route->policy] == SOK_USER_NOBODY ? 200 : 401, invalid);
    }
}

// Deny by default, seen from the other side: what of the API answers without signing in is a short list.
static void routes_open_to_everybody_are_these(void **state SOK_UNUSED)
{
    static const char *const open[] = {
        "/api/v1/auth/register",        "/api/v1/auth/login",          "/api/v1/auth/refresh",
        "/api/v1/auth/password/forgot", "/api/v1/auth/password/reset", "/api/v1/openapi.json",
    };
    for (size_t i = 0; i < sok_api_route_count; i++) {
        const struct sok_route *route = &sok_api_routes[i];
        if (route->policy != SOK_POLICY_PUBLIC && route->policy != SOK_POLICY_SIGNED_URL)
            continue;
        bool known = !sok_text_starts(route->path, "/api/"); // pages, health and signed bytes
        for (size_t j = 0; j < SOK_ARRAY_LEN(open); j++)
            known |= sok_text_eq(route->path, open[j]);
        if (!known)
            fail_msg("%s is open to everybody", route->path);
    }
}

static void what_guesses_passwords_is_limited_by_address(void **state SOK_UNUSED)
{
    static const char *const guessing[] = {
        "/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/me/password",
        "/api/v1/auth/password/reset"};
    size_t found = 0;
    for (size_t i = 0; i < sok_api_route_count; i++)
        for (size_t j = 0; j < SOK_ARRAY_LEN(guessing); j++)
            if (sok_text_eq(sok_api_routes[i].path, guessing[j])) {
                assert_in_range(sok_api_routes[i].rate, SOK_RATE_AUTH, SOK_RATE_LOGIN);
                assert_int_equal(SOK_LANE_HASH, sok_api_routes[i].lane); // bcrypt
                found++;
            }
    assert_int_equal(SOK_ARRAY_LEN(guessing), found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_lets_in_whom_its_policy_names),
        TEST(routes_open_to_everybody_are_these),
        TEST(what_guesses_passwords_is_limited_by_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
