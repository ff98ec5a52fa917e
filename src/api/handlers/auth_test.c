#include "api/handlers/handlers.h"
#include "api/test_api.h"
#include "services/auth/ticket.h"

#define KIB ((size_t)1 << 10)
#define ROW(method, path, policy, body, handler)                                              \
    {                                                                                         \
        SOK_##method, "/api/v1/auth" path, SOK_POLICY_##policy, SOK_RATE_NONE, SOK_LANE_SLOW, \
            SOK_BODY_##body, SOK_BODY_##body == SOK_BODY_JSON ? 16 * KIB : 0, handler         \
    }
static const struct sok_route routes[] = {
    ROW(POST, "/register", PUBLIC, JSON, sok_auth_register),
    ROW(POST, "/login", PUBLIC, JSON, sok_auth_login),
    ROW(POST, "/refresh", PUBLIC, JSON, sok_auth_refresh),
    ROW(POST, "/logout", USER, NONE, sok_auth_logout),
    ROW(GET, "/me", USER, NONE, sok_auth_me),
    ROW(PUT, "/me", USER, JSON, sok_auth_update_me),
    ROW(PUT, "/me/password", USER, JSON, sok_auth_set_password),
    ROW(POST, "/ws-ticket", USER, NONE, sok_auth_ws_ticket),
    ROW(GET, "/jwks", PUBLIC, NONE, sok_auth_jwks),
};

static struct test_api test;

static int setup(void **state SOK_UNUSED)
{
    test_api_start(&test, routes, SOK_ARRAY_LEN(routes));
    return 0;
}

static int teardown(void **state SOK_UNUSED)
{
    test_api_stop(&test);
    return 0;
}

static struct sok_http_reply call(
    const char *method, const char *path, const char *token, const char *header, const char *json)
{
    return test_api_call(&test, method, sok_format(test.arena, "/api/v1/auth%s", path), token, header, json);
}

static struct sok_http_reply login(const char *name, const char *password)
{
    const char *body = sok_format(test.arena, "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
    return call("POST", "/login", NULL, NULL, body);
}

static const char *refresh_body(const char *token)
{
    return sok_format(test.arena, "{\"refresh_token\":\"%s\"}", token);
}

static void register_answers_with_the_account_but_no_secret(void **state SOK_UNUSED)
{
    struct sok_http_reply reply = call(
        "POST", "/register", NULL, NULL,
        "{\"username\":\"ada\",\"email\":\"ada@example.org\",\"password\":\"" TEST_PASSWORD "\"}");
    assert_int_equal(201, reply.status);
    assert_string_equal("ada", test_api_text(&test, &reply, "username"));
    assert_string_equal("user", test_api_text(&test, &reply, "role"));
    assert_null(strstr(reply.body, "password"));
    assert_null(strstr(reply.body, "$2b$"));
    assert_int_equal(200, login("ada", TEST_PASSWORD).status);
}

static void register_refuses_with_the_right_status(void **state SOK_UNUSED)
{
    static const struct {
        const char *json, *mentions;
        int status;
    } rows[] = {
        {"{}", "username", 422},
        {"{\"username\":5,\"email\":\"a@b\",\"password\":\"12345678\"}", "username", 422},
        {"{\"username\":\"ab\",\"email\":\"no\",\"password\":\"short\"}", "\"email\"", 422},
        {"{\"username\":\"user\",\"email\":\"x@example.org\",\"password\":\"12345678\"}", "username_taken",
         409},
        {"{\"username\":\"xyz\",\"email\":\"USER@example.org\",\"password\":\"12345678\"}", "email_taken",
         409},
        {"{\"username\":\"xyz\",\"email\":\"x@example.org\",\"password\":\"12345678\",\"setup_token\":"
         "\"guess\"}",
         "setup_token_invalid", 403},
        {"{\"username\":\"xyz\",\"username\":\"xyz\"}", "malformed", 400},
        {"[]", "expected a JSON object", 422},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_http_reply reply = call("POST", "/register", NULL, NULL, rows[i].json);
        if (reply.status != rows[i].status || !strstr(reply.body, rows[i].mentions))
            fail_msg("row %zu: %d %s", i, reply.status, reply.body);
    }
}

static void role_in_the_body_makes_nobody_an_admin(void **state SOK_UNUSED)
{
    struct sok_http_reply reply = call(
        "POST", "/register", NULL, NULL,
        "{\"username\":\"eve\",\"email\":\"eve@example.org\",\"password\":\"12345678\",\"role\":\"admin\","
        "\"is_active\":true,\"id\":\"1\"}");
    assert_int_equal(201, reply.status);
    assert_string_equal("user", test_api_text(&test, &reply, "role"));
}

static void wrong_logins_look_all_the_same(void **state SOK_UNUSED)
{
    struct sok_http_reply wrong = login("user", "not it at all"), unknown = login("nobody", TEST_PASSWORD);
    assert_int_equal(401, wrong.status);
    assert_int_equal(401, unknown.status);
    assert_string_equal(test_api_text(&test, &wrong, "detail"), test_api_text(&test, &unknown, "detail"));
    assert_string_equal("bad_credentials", test_api_text(&test, &unknown, "code"));
    assert_int_equal(422, call("POST", "/login", NULL, NULL, "{\"username\":\"user\"}").status);
    struct sok_http_reply mail = call(
        "POST", "/login", NULL, NULL, "{\"email\":\"user@example.org\",\"password\":\"" TEST_PASSWORD "\"}");
    assert_int_equal(200, mail.status);
}

static void refresh_takes_the_body_or_our_own_pages_cookie(void **state SOK_UNUSED)
{
    struct sok_http_reply first = login("user", TEST_PASSWORD);
    const char *token = test_api_text(&test, &first, "refresh_token");
    struct sok_http_reply second = call("POST", "/refresh", NULL, NULL, refresh_body(token));
    assert_int_equal(200, second.status);
    token = test_api_text(&test, &second, "refresh_token");
    const char *evil =
        sok_format(test.arena, "Cookie: sokoul_refresh=%s\r\nOrigin: https://evil.example", token);
    assert_int_equal(403, call("POST", "/refresh", NULL, evil, NULL).status);
    const char *cookie = sok_format(test.arena, "Cookie: sokoul_refresh=%s", token);
    struct sok_http_reply third = call("POST", "/refresh", NULL, cookie, NULL);
    assert_int_equal(200, third.status);
    assert_int_equal(401, call("POST", "/refresh", NULL, NULL, "{}").status);
    assert_int_equal(401, call("POST", "/refresh", NULL, NULL, refresh_body("x.y.z")).status);
    const char *access = test_api_text(&test, &third, "access_token");
    assert_int_equal(401, call("POST", "/refresh", NULL, NULL, refresh_body(access)).status);
    assert_int_equal(200, call("GET", "/me", access, NULL, NULL).status);
    assert_int_equal(401, call("POST", "/refresh", NULL, NULL, refresh_body(token)).status); // used before
    assert_int_equal(401, call("GET", "/me", access, NULL, NULL).status);
}

static void logout_is_at_once(void **state SOK_UNUSED)
{
    struct sok_http_reply pair = login("user", TEST_PASSWORD);
    const char *access = test_api_text(&test, &pair, "access_token");
    assert_int_equal(200, call("GET", "/me", access, NULL, NULL).status);
    assert_int_equal(204, call("POST", "/logout", access, NULL, NULL).status);
    assert_int_equal(401, call("GET", "/me", access, NULL, NULL).status);
    assert_int_equal(401, call("POST", "/logout", access, NULL, NULL).status);
    assert_int_equal(200, call("GET", "/me", test.tokens[SOK_USER_USER], NULL, NULL).status);
}

static void own_data_changes_in_part_and_by_version(void **state SOK_UNUSED)
{
    const char *token = test.tokens[SOK_USER_USER];
    struct sok_http_reply reply = call("PUT", "/me", token, NULL, "{\"email\":\"new@example.org\"}");
    assert_int_equal(200, reply.status);
    assert_string_equal("new@example.org", test_api_text(&test, &reply, "email"));
    assert_string_equal("user", test_api_text(&test, &reply, "username"));
    assert_int_equal(412, call("PUT", "/me", token, "If-Match: \"other\"", "{}").status);
    assert_int_equal(200, call("PUT", "/me", token, "If-Match: *", "{}").status);
    assert_int_equal(409, call("PUT", "/me", token, NULL, "{\"username\":\"ADMIN\"}").status);
    assert_int_equal(422, call("PUT", "/me", token, NULL, "{\"email\":\"no\"}").status);
    assert_int_equal(200, call("PUT", "/me", token, NULL, "{\"username\":\"renamed\"}").status);
    reply = call("GET", "/me", token, NULL, NULL);
    assert_string_equal("renamed", test_api_text(&test, &reply, "username"));
}

static void new_password_ends_the_other_sessions(void **state SOK_UNUSED)
{
    const char *mine = test.tokens[SOK_USER_USER];
    struct sok_http_reply pair = login("user", TEST_PASSWORD);
    const char *other = test_api_text(&test, &pair, "access_token");
    assert_int_equal(
        422, call(
                 "PUT", "/me/password", mine, NULL,
                 "{\"current_password\":\"not it at all\",\"new_password\":\"another good one\"}")
                 .status);
    assert_int_equal(
        204, call(
                 "PUT", "/me/password", mine, NULL,
                 "{\"current_password\":\"" TEST_PASSWORD "\",\"new_password\":\"another good one\"}")
                 .status);
    assert_int_equal(200, call("GET", "/me", mine, NULL, NULL).status);
    assert_int_equal(401, call("GET", "/me", other, NULL, NULL).status);
    assert_int_equal(401, login("user", TEST_PASSWORD).status);
    assert_int_equal(200, login("user", "another good one").status);
}

static void ticket_works_once(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    char session_id[SOK_UUID_LEN + 1];
    struct sok_principal principal;
    struct sok_http_reply reply = call("POST", "/ws-ticket", test.tokens[SOK_USER_ADMIN], NULL, NULL);
    assert_int_equal(200, reply.status);
    const char *ticket = test_api_text(&test, &reply, "ticket");
    assert_ok(sok_ticket_take(test.api.cache, ticket, session_id, &err));
    assert_ok(sok_session_find(test.api.auth->sessions, test.arena, session_id, &principal, &err));
    assert_int_equal(SOK_USER_ADMIN, principal.role);
    assert_int_equal(SOK_UNAUTHENTICATED, sok_ticket_take(test.api.cache, ticket, session_id, &err));
    assert_string_equal("ticket_invalid", err.code);
    assert_int_equal(SOK_UNAUTHENTICATED, sok_ticket_take(test.api.cache, NULL, session_id, &err));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_ticket_take(test.api.cache, "short", session_id, &err));
}

static void published_keys_are_public(void **state SOK_UNUSED)
{
    struct sok_http_reply reply = call("GET", "/jwks", NULL, NULL, NULL);
    assert_int_equal(200, reply.status);
    assert_non_null(strstr(reply.body, sok_keys_signer(test.api.auth->keys)->id));
    assert_null(strstr(reply.body, "\"d\""));
    assert_null(strstr(reply.body, "PRIVATE"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(register_answers_with_the_account_but_no_secret),
        TEST(register_refuses_with_the_right_status),
        TEST(role_in_the_body_makes_nobody_an_admin),
        TEST(wrong_logins_look_all_the_same),
        TEST(refresh_takes_the_body_or_our_own_pages_cookie),
        TEST(logout_is_at_once),
        TEST(own_data_changes_in_part_and_by_version),
        TEST(new_password_ends_the_other_sessions),
        TEST(ticket_works_once),
        TEST(published_keys_are_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
