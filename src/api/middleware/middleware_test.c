// The hooks around a real server with a few routes of every policy, a real database and the in-process cache.
#include "api/middleware/middleware.h"

#include "api/test_api.h"
#include "base/rand.h"
#include "data/audit.h"
#include "data/ip_rules.h"

static struct test_api test;

static enum sok_status say_who(struct sok_request *request, struct sok_error *err SOK_UNUSED)
{
    json_t *body = json_object();
    sok_json_set_text(body, "username", request->principal.username);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

static enum sok_status check_origin(struct sok_request *request, struct sok_error *err)
{
    SOK_TRY(sok_api_check_origin(request, err));
    return say_who(request, err);
}

static enum sok_status leave_a_trace(struct sok_request *request, struct sok_error *err)
{
    sok_api_audit(request, "test", "thing", "1", NULL, "{}");
    return say_who(request, err);
}

#define ROW(path, policy, rate, handler)                                                                \
    {                                                                                                   \
        SOK_GET, path, SOK_POLICY_##policy, SOK_RATE_##rate, SOK_LANE_INLINE, SOK_BODY_NONE, 0, handler \
    }
static const struct sok_route routes[] = {
    ROW("/public", PUBLIC, NONE, say_who),       ROW("/user", USER, NONE, say_who),
    ROW("/moderator", MODERATOR, NONE, say_who), ROW("/admin", ADMIN, NONE, say_who),
    ROW("/signed", SIGNED_URL, NONE, say_who),   ROW("/operator", OPERATOR, NONE, say_who),
    ROW("/origin", PUBLIC, NONE, check_origin),  ROW("/audited", USER, NONE, leave_a_trace),
    ROW("/limited/api", USER, API, say_who),     ROW("/limited/search", USER, SEARCH, say_who),
    ROW("/limited/auth", PUBLIC, AUTH, say_who),
};

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

static struct sok_http_reply get(const char *path, const char *token, const char *header)
{
    return test_api_call(&test, "GET", path, token, header, NULL);
}

static void every_policy_meets_every_credential(void **state SOK_UNUSED)
{
    static const struct {
        const char *path;
        int nobody, user, moderator, admin, invalid;
    } rows[] = {
        {"/public", 200, 200, 200, 200, 200},    {"/user", 401, 200, 200, 200, 401},
        {"/moderator", 401, 403, 200, 200, 401}, {"/admin", 401, 403, 403, 200, 401},
        {"/signed", 200, 200, 200, 200, 200},    {"/operator", 200, 200, 200, 200, 200}, // from this machine
        {"/nowhere", 404, 404, 404, 404, 404},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        assert_int_equal(rows[i].nobody, get(rows[i].path, NULL, NULL).status);
        assert_int_equal(rows[i].user, get(rows[i].path, test.tokens[SOK_USER_USER], NULL).status);
        assert_int_equal(rows[i].moderator, get(rows[i].path, test.tokens[SOK_USER_MODERATOR], NULL).status);
        assert_int_equal(rows[i].admin, get(rows[i].path, test.tokens[SOK_USER_ADMIN], NULL).status);
        assert_int_equal(rows[i].invalid, get(rows[i].path, "x.y.z", NULL).status);
    }
}

static void another_scheme_is_nobody(void **state SOK_UNUSED)
{
    assert_int_equal(401, get("/user", NULL, "Authorization: Basic dXNlcjpwYXNz").status);
    assert_int_equal(401, get("/user", NULL, "Authorization: Bearer").status);
    const char *lower = sok_format(test.arena, "Authorization: bearer %s", test.tokens[SOK_USER_USER]);
    assert_int_equal(200, get("/user", NULL, lower).status); // the scheme's case does not matter
}

static void operator_route_is_for_this_machine_alone_without_a_proxy(void **state SOK_UNUSED)
{
    assert_int_equal(401, get("/operator", NULL, "X-Forwarded-For: 127.0.0.1").status);
    assert_int_equal(401, get("/operator", NULL, "X-Real-IP: 127.0.0.1").status);
    assert_int_equal(403, get("/operator", NULL, "Host: rebound.example.org").status);
    assert_int_equal(401, get("/operator", NULL, "Host: machine").status);
    assert_int_equal(200, get("/operator", NULL, "Host: localhost:3000").status);
    assert_int_equal(403, get("/operator", test.tokens[SOK_USER_USER], "X-Forwarded-For: 127.0.0.1").status);
    assert_int_equal(200, get("/operator", test.tokens[SOK_USER_ADMIN], "X-Forwarded-For: 127.0.0.1").status);
}

static void pages_of_other_sites_are_refused(void **state SOK_UNUSED)
{
    const char *ours =
        sok_format(test.arena, "Origin: http://127.0.0.1:%d", sok_http_server_port(test.server));
    assert_int_equal(200, get("/origin", NULL, NULL).status);
    assert_int_equal(200, get("/origin", NULL, ours).status);
    assert_int_equal(403, get("/origin", NULL, "Origin: http://127.0.0.1:1").status);
    assert_int_equal(403, get("/origin", NULL, "Origin: null").status);
    assert_int_equal(403, get("/origin", NULL, "Origin: https://evil.example.org").status);
    assert_int_equal(403, get("/origin", NULL, "Sec-Fetch-Site: cross-site").status);
    test.config.public_url = "https://films.example.org/";
    assert_int_equal(200, get("/origin", NULL, "Origin: https://films.example.org").status);
    test.config.public_url = NULL;
}

static void user_is_limited_and_others_are_not_touched(void **state SOK_UNUSED)
{
    test.config.rate_api = 3;
    test.config.rate_search = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(200, get("/limited/api", test.tokens[SOK_USER_USER], NULL).status);
    struct sok_http_reply reply = get("/limited/api", test.tokens[SOK_USER_USER], NULL);
    assert_int_equal(429, reply.status);
    assert_string_equal("rate_limited", test_api_text(&test, &reply, "code"));
    assert_int_equal(200, get("/limited/api", test.tokens[SOK_USER_ADMIN], NULL).status);
    assert_int_equal(200, get("/limited/search", test.tokens[SOK_USER_USER], NULL).status);
    assert_int_equal(429, get("/limited/search", test.tokens[SOK_USER_USER], NULL).status);
    test.config.rate_api = test.config.rate_search = 0;
    assert_int_equal(200, get("/limited/api", test.tokens[SOK_USER_USER], NULL).status); // 0 is off
}

static void signing_in_is_limited_by_address_whoever_asks(void **state SOK_UNUSED)
{
    test.config.rate_auth = 2;
    assert_int_equal(200, get("/limited/auth", NULL, NULL).status);
    assert_int_equal(200, get("/limited/auth", test.tokens[SOK_USER_USER], NULL).status);
    assert_int_equal(429, get("/limited/auth", test.tokens[SOK_USER_ADMIN], NULL).status);
    test.config.rate_auth = 0;
}

static void address_is_limited_over_all_limited_routes(void **state SOK_UNUSED)
{
    test.config.rate_ip = 2;
    assert_int_equal(200, get("/limited/api", test.tokens[SOK_USER_USER], NULL).status);
    assert_int_equal(200, get("/limited/search", test.tokens[SOK_USER_ADMIN], NULL).status);
    assert_int_equal(429, get("/limited/auth", NULL, NULL).status);
    assert_int_equal(200, get("/public", NULL, NULL).status);
    test.config.rate_ip = 0;
}

static enum sok_status add_rule(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_ip_rules_insert(tx, context, err);
}

static void insert_rule(const char *kind, const char *cidr)
{
    char id[SOK_UUID_LEN + 1];
    struct sok_error err = {0};
    sok_uuid7(sok_clock_now_ms(&sok_clock_system), id);
    struct sok_ip_rule rule = {.id = id, .kind = kind, .cidr = cidr, .created_at = 1};
    assert_ok(sok_db_write(test.api.db, add_rule, &rule, &err));
    sok_ip_gate_reload(test.api.ip_gate);
}

static void blacklisted_address_is_out_unless_whitelisted(void **state SOK_UNUSED)
{
    insert_rule("blacklist", "127.0.0.0/8");
    struct sok_http_reply reply = get("/user", test.tokens[SOK_USER_ADMIN], NULL);
    assert_int_equal(403, reply.status);
    assert_string_equal("address_blocked", test_api_text(&test, &reply, "code"));
    insert_rule("whitelist", "127.0.0.1/32");
    assert_int_equal(200, get("/user", test.tokens[SOK_USER_USER], NULL).status);
    assert_int_equal(200, get("/operator", NULL, "Host: machine").status);
    assert_int_equal(401, get("/operator", NULL, "X-Real-IP: 1.2.3.4").status); // a proxy speaks for others
}

static void ended_session_is_out(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_principal principal;
    assert_int_equal(200, get("/user", test.tokens[SOK_USER_USER], NULL).status);
    assert_ok(sok_session_authenticate(
        test.api.auth->sessions, test.arena, test.tokens[SOK_USER_USER], &principal, &err));
    assert_ok(sok_session_end(test.api.auth->sessions, principal.session_id, "logout", &err));
    struct sok_http_reply reply = get("/user", test.tokens[SOK_USER_USER], NULL);
    assert_int_equal(401, reply.status);
    assert_string_equal("session_ended", test_api_text(&test, &reply, "code"));
}

static void audit_says_who_did_what_from_where(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    struct sok_page page = {.page = 1, .per_page = 10};
    struct sok_page_info info;
    struct sok_audit *entries = NULL;
    size_t count = 0;
    assert_int_equal(200, get("/audited", test.tokens[SOK_USER_MODERATOR], "X-Request-ID: trace-me").status);
    assert_ok(
        sok_audit_list(sok_db_reader(test.api.db), test.arena, NULL, &page, &entries, &count, &info, &err));
    assert_int_equal(1, count);
    assert_string_equal("thing", entries[0].resource);
    assert_string_equal("127.0.0.1", entries[0].ip_address);
    assert_string_equal("trace-me", entries[0].request_id);
    assert_non_null(entries[0].user_id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_policy_meets_every_credential),
        TEST(another_scheme_is_nobody),
        TEST(operator_route_is_for_this_machine_alone_without_a_proxy),
        TEST(pages_of_other_sites_are_refused),
        TEST(user_is_limited_and_others_are_not_touched),
        TEST(signing_in_is_limited_by_address_whoever_asks),
        TEST(address_is_limited_over_all_limited_routes),
        TEST(blacklisted_address_is_out_unless_whitelisted),
        TEST(ended_session_is_out),
        TEST(audit_says_who_did_what_from_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
