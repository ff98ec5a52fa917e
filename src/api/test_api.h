// For tests: the hooks around a real server on loopback, with a real database, the in-process cache and
// queue, and an account of every role.
#ifndef SOK_API_TEST_API_H
#define SOK_API_TEST_API_H

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/middleware/middleware.h"
#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/test.h"
#include "base/text.h"
#include "data/changes.h"
#include "data/migrate.h"
#include "net/http_client.h"
#include "runtime/log.h"
#include "services/auth/auth.h"
#include "services/auth/test_dir.h"
#include "services/uploads/uploads.h"

#define TEST_PASSWORD "correct horse battery"

struct test_api {
    struct sok_test_dir dir;
    struct sok_arena *arena;
    struct sok_api api;
    struct sok_config config;
    struct sok_http_server *server;
    struct sok_http_client *http;
    const char *tokens[SOK_USER_ADMIN + 1]; // by role; NULL for nobody
};

static inline void test_api_make_accounts(struct test_api *test)
{
    static const char *const names[] = {NULL, "user", "moderator", "admin"};
    for (int role = SOK_USER_USER; role <= SOK_USER_ADMIN; role++) {
        struct sok_error err = {0};
        struct sok_user user;
        struct sok_tokens pair;
        struct sok_new_account account = {
            .username = names[role],
            .email = sok_format(test->arena, "%s@example.org", names[role]),
            .password = TEST_PASSWORD,
            .role = names[role],
        };
        struct sok_auth *auth = test->api.auth;
        assert_ok(sok_accounts_create(&auth->accounts, test->arena, &account, &user, &err));
        assert_ok(sok_session_start(auth->sessions, test->arena, user.id, NULL, NULL, &pair, &err));
        test->tokens[role] = pair.access_token;
    }
}

static inline void test_api_start(struct test_api *test, const struct sok_route *routes, size_t route_count)
{
    struct sok_error err = {0};
    int64_t applied = 0;
    struct sok_api *api = &test->api;
    *test = (struct test_api){.arena = sok_arena_new(0)};
    sok_test_dir_make(&test->dir);
    sok_log_set(SOK_LOG_ERROR, SOK_LOG_JSON);
    test->config = (struct sok_config){.data_dir = test->dir.path, .bcrypt_cost = 4};
    api->config = &test->config;
    api->clock = &sok_clock_system;
    const char *url = sok_format(test->arena, "sqlite:%s/sokoul.db", test->dir.path);
    assert_ok(sok_db_open(url, NULL, &api->db, &err));
    assert_ok(sok_migrate(api->db, NULL, 0, &applied, &err));
    assert_ok(sok_cache_open("memory:", api->clock, NULL, &api->cache, &err));
    sok_changes_listen(api->db, api->cache);
    assert_ok(sok_queue_open("embedded:", &api->queue, &err));
    struct sok_auth_options auth = {
        .data_dir = test->dir.path,
        .db = api->db,
        .cache = api->cache,
        .queue = api->queue,
        .clock = api->clock,
        .bcrypt_cost = 4};
    assert_ok(sok_auth_open(&auth, &api->auth, &err));
    struct sok_uploads_options uploads = {
        .data_dir = test->dir.path, .probe_program = getenv("SOKOUL_PROBE")};
    assert_ok(sok_uploads_open(&uploads, &api->uploads, &err));
    assert_ok(sok_ip_gate_new(api->db, api->queue, api->clock, &api->ip_gate, &err));
    struct sok_http_server_options options = {
        .listen = "127.0.0.1:0",
        .routes = routes,
        .route_count = route_count,
        .app = api,
        .before = sok_api_before,
        .admit = sok_api_admit,
        .after = sok_api_after,
        .clock = api->clock,
    };
    assert_ok(sok_http_server_start(&options, &test->server, &err));
    struct sok_http_client_options client = {
        .clock = api->clock,
        .user_agent = "test",
        .allow_hosts = sok_format(test->arena, "127.0.0.1:%d", sok_http_server_port(test->server))};
    assert_ok(sok_http_client_new(&client, &test->http, &err));
    api->http = test->http;
    test_api_make_accounts(test);
}

static inline void test_api_stop(struct test_api *test)
{
    test->server = sok_http_server_stop(test->server, 1000);
    sok_queue_close(test->api.queue);
    sok_ip_gate_free(test->api.ip_gate);
    sok_auth_close(test->api.auth);
    sok_uploads_close(test->api.uploads);
    sok_http_client_free(test->http);
    sok_cache_close(test->api.cache);
    sok_db_close(test->api.db);
    sok_arena_free(test->arena);
    sok_test_dir_remove(test->dir.path);
}

// One request; `token`, `header` ("Name: value") and `json` may be NULL.
static inline struct sok_http_reply test_api_call(
    struct test_api *test, const char *method, const char *path, const char *token, const char *header,
    const char *json)
{
    struct sok_http_reply reply = {0};
    struct sok_error err = {0};
    const char *headers[4] = {NULL};
    size_t count = 0;
    if (token)
        headers[count++] = sok_format(test->arena, "Authorization: Bearer %s", token);
    if (json)
        headers[count++] = "Content-Type: application/json";
    if (header)
        headers[count++] = header;
    struct sok_http_fetch fetch = {
        .method = method,
        .url = sok_format(test->arena, "http://127.0.0.1:%d%s", sok_http_server_port(test->server), path),
        .headers = headers,
        .body = json,
        .body_len = json ? strlen(json) : 0,
        .tries = 1,
    };
    enum sok_status status = sok_http_fetch(test->http, test->arena, &fetch, &reply, &err);
    assert_true(status == SOK_OK || reply.status >= 400);
    return reply;
}

// A text field of a reply's JSON body ("" when it is not there), in the test's arena.
static inline const char *test_api_text(
    struct test_api *test, const struct sok_http_reply *reply, const char *field)
{
    json_t *body = NULL;
    assert_ok(sok_json_parse(reply->body, reply->body_len, 1 << 20, &body, NULL));
    const char *text = sok_strdup(test->arena, sok_json_text(body, field, ""));
    json_decref(body);
    return text;
}

#endif
