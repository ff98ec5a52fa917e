#include "api/handlers/handlers.h"
#include "api/test_api.h"
#include "base/uri.h"
#include "services/providers/registry.h"

#define ROW(method, path, body, handler)                                                      \
    {                                                                                         \
        SOK_##method, "/api/v1/admin" path, SOK_POLICY_ADMIN, SOK_RATE_NONE, SOK_LANE_INLINE, \
            SOK_BODY_##body, SOK_BODY_##body == SOK_BODY_JSON ? 16384 : 0, handler            \
    }
static const struct sok_route routes[] = {
    ROW(GET, "/providers", NONE, sok_admin_providers_list),
    ROW(POST, "/providers", JSON, sok_admin_provider_add),
    ROW(PUT, "/providers/{id}", JSON, sok_admin_provider_update),
    ROW(DELETE, "/providers/{id}", NONE, sok_admin_provider_remove),
    ROW(POST, "/providers/{id}/test", NONE, sok_admin_provider_test),
    ROW(GET, "/users", NONE, sok_admin_users_list),
};

static struct test_api test;

static int setup(void **state SOK_UNUSED)
{
    test_api_start(&test, routes, SOK_ARRAY_LEN(routes));
    test.config.archive_org_url = "off";
    test.config.tvmaze_url = "off";
    test.config.torznab_urls = "http://127.0.0.1:9/api?apikey=env-secret";
    test.api.providers =
        sok_providers_new(&test.config, test.api.db, test.api.auth->secretbox, test.http, test.api.clock);
    return 0;
}

static int teardown(void **state SOK_UNUSED)
{
    sok_providers_free(test.api.providers);
    test_api_stop(&test);
    return 0;
}

static struct sok_http_reply call(const char *method, const char *path, const char *json)
{
    const char *full = sok_format(test.arena, "/api/v1/admin%s", path);
    return test_api_call(&test, method, full, test.tokens[SOK_USER_ADMIN], NULL, json);
}

#define MINE \
    "{\"name\":\"mine\",\"kind\":\"torznab\",\"base_url\":\"http://127.0.0.1:9/t\",\"api_key\":\"k3y\"}"

static const char *add_mine(void)
{
    struct sok_http_reply reply = call("POST", "/providers", MINE);
    assert_int_equal(201, reply.status);
    return test_api_text(&test, &reply, "id");
}

static void key_goes_in_and_never_out(void **state SOK_UNUSED)
{
    const char *id = add_mine();
    struct sok_provider_instance provider;
    struct sok_error err = {0};
    struct sok_http_reply list = call("GET", "/providers", NULL);
    assert_int_equal(200, list.status);
    assert_non_null(strstr(list.body, "\"mine\""));
    assert_non_null(strstr(list.body, "\"has_key\":true"));
    assert_null(strstr(list.body, "k3y"));
    assert_null(strstr(list.body, "env-secret"));
    assert_ok(sok_providers_load_one(test.api.providers, test.arena, id, &provider, &err));
    assert_string_equal("k3y", provider.config.api_key);
}

static void key_inside_the_url_is_sealed_like_any_other(void **state SOK_UNUSED)
{
    struct sok_provider_instance provider;
    struct sok_error err = {0};
    struct sok_http_reply reply = call(
        "POST", "/providers",
        "{\"name\":\"pasted\",\"kind\":\"torznab\",\"base_url\":\"http://127.0.0.1:9/t?x=1&apikey=k%204y\"}");
    assert_int_equal(201, reply.status);
    assert_ok(sok_providers_load_one(test.api.providers, test.arena, "pasted", &provider, &err));
    assert_string_equal("k 4y", provider.config.api_key);
    assert_string_equal("http://127.0.0.1:9/t?x=1", provider.config.base_url);
}

static void change_is_partial_and_keeps_the_key(void **state SOK_UNUSED)
{
    struct sok_provider_instance provider;
    struct sok_error err = {0};
    const char *path = sok_format(test.arena, "/providers/%s", add_mine());
    struct sok_http_reply reply = call("PUT", path, "{\"enabled\":false,\"priority\":7}");
    assert_int_equal(200, reply.status);
    assert_non_null(strstr(reply.body, "\"enabled\":false"));
    assert_ok(sok_providers_load_one(test.api.providers, test.arena, "mine", &provider, &err));
    assert_string_equal("k3y", provider.config.api_key);
    assert_int_equal(7, provider.config.priority);
    assert_int_equal(200, call("PUT", path, "{\"api_key\":null}").status);
    assert_ok(sok_providers_load_one(test.api.providers, test.arena, "mine", &provider, &err));
    assert_true(sok_text_empty(provider.config.api_key));
}

static void wrong_input_is_named(void **state SOK_UNUSED)
{
    static const struct {
        const char *json, *field;
    } rows[] = {
        {"{}", "\"kind\""},
        {"{\"name\":\"x\",\"kind\":\"king\"}", "\"kind\""},
        {"{\"name\":\"\",\"kind\":\"torznab\",\"base_url\":\"http://a/\"}", "\"name\""},
        {"{\"name\":\"x\",\"kind\":\"torznab\"}", "\"base_url\""},
        {"{\"name\":\"x\",\"kind\":\"torznab\",\"base_url\":\"file:///etc/passwd\"}", "\"base_url\""},
        {"{\"name\":\"x\",\"kind\":\"prowlarr\",\"base_url\":\"http://a/\"}", "\"api_key\""},
        {"{\"name\":\"x\",\"kind\":\"tvmaze\",\"priority\":1001}", "\"priority\""},
        {"{\"name\":\"x\",\"kind\":\"tvmaze\",\"enabled\":1}", "\"enabled\""},
        {"{\"name\":5,\"kind\":\"tvmaze\"}", "\"name\""},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_http_reply reply = call("POST", "/providers", rows[i].json);
        if (reply.status != 422 || !strstr(reply.body, rows[i].field))
            fail_msg("row %zu: %d %s", i, reply.status, reply.body);
    }
    add_mine();
    assert_int_equal(409, call("POST", "/providers", MINE).status);
}

static void provider_of_the_environment_is_tested_but_not_changed(void **state SOK_UNUSED)
{
    struct sok_provider_instance *items = NULL;
    size_t count = 0;
    struct sok_error err = {0};
    assert_ok(sok_providers_load(test.api.providers, test.arena, &items, &count, &err));
    assert_int_equal(1, count);
    const char *id = sok_uri_encode(test.arena, items[0].config.id); // it holds a slash
    const char *path = sok_format(test.arena, "/providers/%s", id);
    assert_int_equal(409, call("PUT", path, "{\"enabled\":false}").status);
    assert_int_equal(409, call("DELETE", path, NULL).status);
    struct sok_http_reply reply = call("POST", sok_format(test.arena, "%s/test", path), NULL);
    assert_int_equal(200, reply.status); // nothing listens there, and the answer says so
    assert_non_null(strstr(reply.body, "\"ok\":false"));
    assert_string_not_equal("", test_api_text(&test, &reply, "error"));
}

static void removed_provider_is_gone(void **state SOK_UNUSED)
{
    const char *path = sok_format(test.arena, "/providers/%s", add_mine());
    assert_int_equal(204, call("DELETE", path, NULL).status);
    assert_int_equal(404, call("DELETE", path, NULL).status);
    assert_int_equal(404, call("PUT", path, "{}").status);
    assert_int_equal(404, call("POST", sok_format(test.arena, "%s/test", path), NULL).status);
}

static void accounts_are_listed_without_hashes(void **state SOK_UNUSED)
{
    struct sok_http_reply reply = call("GET", "/users?role=admin", NULL);
    assert_int_equal(200, reply.status);
    assert_non_null(strstr(reply.body, "\"total\":1"));
    assert_non_null(strstr(reply.body, "admin@example.org"));
    assert_null(strstr(reply.body, "$2b$"));
    assert_int_equal(422, call("GET", "/users?per_page=0", NULL).status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(key_goes_in_and_never_out),
        TEST(change_is_partial_and_keeps_the_key),
        TEST(key_inside_the_url_is_sealed_like_any_other),
        TEST(wrong_input_is_named),
        TEST(provider_of_the_environment_is_tested_but_not_changed),
        TEST(removed_provider_is_gone),
        TEST(accounts_are_listed_without_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
