#include "net/raw_client_test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/un.h>

#include "net/http_server.h"
#include "runtime/clock.h"
#include "runtime/trace.h"

// What the handlers of this file share: a gate that slow ones wait at, and what `after` saw.
struct world {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool open;
    int waiting;
    _Atomic int after_count, before_count;
    _Atomic int after_status;
    _Atomic int64_t after_bytes;
};

static struct world world = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static struct sok_clock_manual manual;
static struct sok_http_server *server;
static int port, connections_max;

static enum sok_status say_hello(struct sok_request *request, struct sok_error *err)
{
    json_t *body = json_object();
    sok_json_set_text(body, "hello", "world");
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

// Everything the request was understood as.
static enum sok_status echo(struct sok_request *request, struct sok_error *err)
{
    json_t *body = json_object();
    sok_json_set_text(body, "path", request->path);
    sok_json_set_text(body, "ip", request->client_ip);
    sok_json_set_text(body, "request_id", request->request_id);
    sok_json_set_text(body, "traceparent", request->traceparent);
    sok_json_set_text(body, "q", sok_request_query(request, "q"));
    sok_json_set_text(body, "id", sok_request_param(request, "id"));
    sok_json_set_text(body, "cookie", sok_request_cookie(request, "sid"));
    sok_json_set_text(body, "upload_field", request->upload_field);
    sok_json_set_int(body, "upload_len", (int64_t)request->upload_len);
    if (request->json)
        json_object_set(body, "json", request->json);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

static enum sok_status create(struct sok_request *request, struct sok_error *err)
{
    if (!json_object_get(request->json, "name"))
        sok_fail_field(err, "name", "required", "is missing");
    if (!json_object_get(request->json, "size"))
        sok_fail_field(err, "size", "required", "is missing");
    if (err->field_count)
        return err->status;
    sok_reply_header(request, "Location", "/things/1");
    sok_reply_json(request, 201, json_object());
    return SOK_OK;
}

static enum sok_status remove_it(struct sok_request *request, struct sok_error *err)
{
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

static enum sok_status fail_so(struct sok_request *request, struct sok_error *err)
{
    const char *how = sok_request_param(request, "how");
    for (int status = SOK_NOT_FOUND; status < SOK_STATUS_COUNT; status++)
        if (sok_text_eq(how, sok_status_info((enum sok_status)status)->code))
            return sok_fail(err, (enum sok_status)status, "SELECT secret FROM somewhere");
    return SOK_OK; // and no reply
}

static enum sok_status limit(struct sok_request *request, struct sok_error *err)
{
    (void)sok_fail(err, SOK_LIMITED, "too many");
    err->retry_after_s = 17;
    return SOK_LIMITED;
}

static enum sok_status wait_at_gate(struct sok_request *request, struct sok_error *err)
{
    pthread_mutex_lock(&world.lock);
    world.waiting++;
    pthread_cond_broadcast(&world.wake);
    while (!world.open)
        pthread_cond_wait(&world.wake, &world.lock);
    world.waiting--;
    pthread_mutex_unlock(&world.lock);
    return say_hello(request, err);
}

static void take_socket(void *context, int fd, const char *early, size_t early_len)
{
    if (fd < 0)
        return;
    raw_say(fd, "hi from behind the upgrade");
    raw_say_bytes(fd, early, early_len);
    close(fd);
}

static enum sok_status upgrade(struct sok_request *request, struct sok_error *err)
{
    return sok_reply_upgrade(request, take_socket, NULL, err);
}

#define ROW(method, path, lane, body, max, handler)                              \
    {                                                                            \
        method, path, SOK_POLICY_PUBLIC, SOK_RATE_NONE, lane, body, max, handler \
    }
#define INLINE SOK_LANE_INLINE

static const struct sok_route routes[] = {
    ROW(SOK_GET, "/hello", INLINE, SOK_BODY_NONE, 0, say_hello),
    ROW(SOK_GET, "/echo/{id}", INLINE, SOK_BODY_NONE, 0, echo),
    ROW(SOK_POST, "/echo/{id}", INLINE, SOK_BODY_MULTIPART_OR_JSON, 100000, echo),
    ROW(SOK_POST, "/things", INLINE, SOK_BODY_JSON, 1000, create),
    ROW(SOK_DELETE, "/things", INLINE, SOK_BODY_NONE, 0, remove_it),
    ROW(SOK_GET, "/fail/{how}", INLINE, SOK_BODY_NONE, 0, fail_so),
    ROW(SOK_GET, "/limit", INLINE, SOK_BODY_NONE, 0, limit),
    ROW(SOK_GET, "/slow", SOK_LANE_SLOW, SOK_BODY_NONE, 0, wait_at_gate),
    ROW(SOK_POST, "/slow", SOK_LANE_SLOW, SOK_BODY_JSON, 1000, echo),
    ROW(SOK_GET, "/hash", SOK_LANE_HASH, SOK_BODY_NONE, 0, wait_at_gate),
    ROW(SOK_GET, "/ws", INLINE, SOK_BODY_NONE, 0, upgrade),
};

static enum sok_status before(struct sok_request *request, struct sok_error *err)
{
    world.before_count++;
    sok_reply_header(request, "X-RateLimit-Limit", "100");
    if (sok_text_eq(sok_request_query(request, "deny"), "1"))
        return sok_fail(err, SOK_UNAUTHENTICATED, "sign in first");
    return SOK_OK;
}

static void after(struct sok_request *request, int http_status, int64_t body_bytes)
{
    world.after_status = http_status;
    world.after_bytes = body_bytes;
    world.after_count++;
}

static void start_on(const char *listen, const char *proxies)
{
    sok_clock_manual_init(&manual, 1000000);
    const struct sok_http_server_options options = {
        .listen = listen,
        .routes = routes,
        .route_count = SOK_ARRAY_LEN(routes),
        .before = before,
        .after = after,
        .trusted_proxies = proxies,
        .clock = &manual.clock,
        .connections_max = connections_max,
        .lane_threads = 1,
        .lane_queue = 2,
        .hash_queue = 2,
    };
    struct sok_error err = {0};
    if (sok_http_server_start(&options, &server, &err) != SOK_OK)
        fail_msg("%s", err.message);
    port = sok_http_server_port(server);
}

static int start(void **state)
{
    world.open = false;
    start_on("127.0.0.1:0", "127.0.0.1,10.0.0.0/8");
    return 0;
}

static void open_gate(void)
{
    pthread_mutex_lock(&world.lock);
    world.open = true;
    pthread_cond_broadcast(&world.wake);
    pthread_mutex_unlock(&world.lock);
}

static int stop(void **state)
{
    open_gate();
    server = sok_http_server_stop(server, 5000);
    return 0;
}

static void a_json_reply_has_every_promised_header(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(200, reply.status);
    assert_string_equal("{\"hello\":\"world\"}", reply.body);
    assert_string_equal("application/json", raw_header(arena, &reply, "Content-Type"));
    assert_int_equal(36, strlen(raw_header(arena, &reply, "X-Request-ID")));
    assert_string_equal("nosniff", raw_header(arena, &reply, "X-Content-Type-Options"));
    assert_string_equal("no-referrer", raw_header(arena, &reply, "Referrer-Policy"));
    assert_string_equal("DENY", raw_header(arena, &reply, "X-Frame-Options"));
    assert_non_null(strstr(raw_header(arena, &reply, "Content-Security-Policy"), "default-src 'none'"));
    assert_null(raw_header(arena, &reply, "Strict-Transport-Security"));
    assert_string_equal("100", raw_header(arena, &reply, "X-RateLimit-Limit"));
    assert_int_equal(34, strlen(raw_header(arena, &reply, "ETag")));
    assert_non_null(raw_header(arena, &reply, "Date"));
}

static void an_unchanged_reply_is_304(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply first = raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *etag = raw_header(arena, &first, "ETag");
    int fd = raw_dial(port);
    for (int i = 0; i < 2; i++) { // twice: the connection goes on behind a 304
        raw_say(fd, sok_format(arena, "GET /hello HTTP/1.1\r\nHost: x\r\nIf-None-Match: W/%s\r\n\r\n", etag));
        struct raw_reply reply = raw_listen(arena, fd, true);
        assert_int_equal(304, reply.status);
        assert_string_equal(etag, raw_header(arena, &reply, "ETag"));
        const char *length = raw_header(arena, &reply, "Content-Length");
        assert_true(!length || strcmp(length, "17") == 0);
    }
    raw_say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"other\"\r\n\r\n");
    assert_int_equal(200, raw_listen(arena, fd, true).status);
    close(fd);
}

static void head_is_get_without_the_body(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(port);
    raw_say(fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    struct raw_reply reply = raw_listen(arena, fd, false);
    assert_int_equal(200, reply.status);
    assert_string_equal("17", raw_header(arena, &reply, "Content-Length"));
    reply = raw_listen(arena, fd, true);
    assert_string_equal("{\"hello\":\"world\"}", reply.body);
    close(fd);
}

static void wrong_paths_and_methods_are_404_and_405(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = raw_ask(arena, port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(404, reply.status);
    assert_string_equal("application/problem+json", raw_header(arena, &reply, "Content-Type"));
    raw_assert_has(reply, "\"code\":\"not_found\"");
    raw_assert_has(reply, "\"instance\":\"/nothing\"");
    static const char *const methods[] = {"PUT", "PATCH", "OPTIONS", "TRACE", "BREW"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(methods); i++) {
        reply = raw_ask(arena, port, sok_format(arena, "%s /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n", methods[i]));
        assert_int_equal(405, reply.status);
        assert_string_equal("GET, HEAD, POST", raw_header(arena, &reply, "Allow"));
    }
    reply = raw_ask(arena, port, "GET /echo/%zz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(400, reply.status);
    reply = raw_ask(arena, port, "GET /echo/1?q=%ff HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(400, reply.status);
}

static struct raw_reply post(struct sok_arena *arena, const char *path, const char *type, const char *body)
{
    return raw_ask(
        arena, port,
        sok_format(
            arena, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", path,
            type, strlen(body), body));
}

static void bodies_are_judged_as_the_contract_says(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply =
        post(arena, "/things", "application/json; charset=utf-8", "{\"name\":\"a\",\"size\":1}");
    assert_int_equal(201, reply.status);
    assert_string_equal("/things/1", raw_header(arena, &reply, "Location"));
    reply = post(arena, "/things", "application/json", "{\"name\":\"a\"");
    assert_int_equal(400, reply.status);
    raw_assert_has(reply, "\"code\":\"malformed_json\"");
    assert_int_equal(400, post(arena, "/things", "application/json", "{\"name\":\"\xff\"}").status);
    assert_int_equal(400, post(arena, "/things", "application/json", "7").status);
    reply = post(arena, "/things", "application/json", "{}");
    assert_int_equal(422, reply.status);
    raw_assert_has(
        reply, "\"errors\":[{\"field\":\"name\",\"code\":\"required\",\"message\":\"is "
               "missing\"},{\"field\":\"size\"");
    assert_int_equal(422, post(arena, "/things", "text/plain", "").status);
    assert_int_equal(415, post(arena, "/things", "text/plain", "x").status);
    assert_int_equal(415, post(arena, "/things", "application/jsonx", "{}").status);
    assert_int_equal(415, post(arena, "/things", "multipart/form-data; boundary=x", "--x--").status);
    char *large = sok_alloc(arena, 2002);
    memset(large, ' ', 2001);
    reply = post(arena, "/things", "application/json", large);
    assert_int_equal(413, reply.status);
    raw_assert_has(reply, "\"code\":\"too_large\"");
    reply = raw_ask(
        arena, port,
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(415, reply.status);
}

static void chunked_bodies_have_the_same_limits(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *head = "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n";
    struct raw_reply reply = raw_ask(
        arena, port, sok_format(arena, "%s5\r\n{\"nam\r\n11\r\ne\":\"b\",\"size\":1}\n\r\n0\r\n\r\n", head));
    assert_int_equal(201, reply.status);
    char *large = sok_alloc(arena, 1025);
    memset(large, ' ', 1024);
    int fd = raw_dial(port);
    raw_say(fd, sok_format(arena, "%s400\r\n%s\r\n400\r\n%s\r\n0\r\n\r\n", head, large, large));
    assert_int_equal(413, raw_listen(arena, fd, true).status);
    raw_say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); // and the connection is still in step
    assert_int_equal(200, raw_listen(arena, fd, true).status);
    close(fd);
}

static void who_asks_before_sending_is_answered_before_sending(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(port);
    raw_say(
        fd, "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            "Content-Length: 5000\r\n\r\n");
    struct raw_reply reply = raw_listen(arena, fd, true);
    assert_int_equal(413, reply.status);
    assert_true(raw_is_closed(fd));
    close(fd);
    fd = raw_dial(port);
    raw_say(
        fd, "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            "Content-Length: 22\r\n\r\n");
    assert_int_equal(100, raw_listen(arena, fd, true).status);
    raw_say(fd, "{\"name\":1,\"size\":\"xx\"}");
    assert_int_equal(201, raw_listen(arena, fd, true).status);
    close(fd);
}

static void bodies_that_no_one_wants_do_not_put_the_connection_out_of_step(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(port);
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
        "DELETE /things HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
        "PATCH /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
    };
    static const int want[] = {200, 204, 404, 405};
    for (size_t i = 0; i < SOK_ARRAY_LEN(requests); i++) {
        raw_say(fd, requests[i]);
        raw_say(fd, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n     ");
        assert_int_equal(want[i], raw_listen(arena, fd, true).status);
    }
    close(fd);
}

static void unclear_framing_is_refused_and_the_connection_ends(void **state)
{
    static const char *const heads[] = {
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n{}",
        "DELETE /things HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n{}",
        "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        "POST /things HTTP/1.1\r\nHost : x\r\nContent-Length : 2\r\n\r\n{}",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(heads); i++) {
        int fd = raw_dial(port);
        raw_say(fd, heads[i]);
        struct raw_reply reply = raw_listen(arena, fd, true);
        if (reply.status != 400 && reply.status != 413)
            fail_msg("%s\n%s%s", heads[i], reply.head, reply.body);
        // libmicrohttpd says its own 400 twice; what matters is that nothing more is served.
        char rest[512] = "";
        for (size_t n = !reply.closed; n;) {
            n = raw_read(fd, rest, sizeof(rest) - 1);
            assert_null(strstr(rest, " 200 "));
        }
        close(fd);
    }
}

static void a_request_without_host_is_400(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_int_equal(400, raw_ask(arena, port, "GET /hello HTTP/1.1\r\n\r\n").status);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.0\r\n\r\n").status);
}

static void every_status_becomes_its_http_answer_and_tells_no_secret(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (int i = SOK_NOT_FOUND; i < SOK_STATUS_COUNT; i++) {
        const struct sok_status_info *info = sok_status_info((enum sok_status)i);
        struct raw_reply reply =
            raw_ask(arena, port, sok_format(arena, "GET /fail/%s HTTP/1.1\r\nHost: x\r\n\r\n", info->code));
        assert_int_equal(info->http_status, reply.status);
        raw_assert_has(reply, sok_format(arena, "\"code\":\"%s\"", info->code));
        if (reply.status == 500)
            assert_null(strstr(reply.body, "SELECT"));
        if (reply.status == 401)
            assert_string_equal("Bearer realm=\"sokoul\"", raw_header(arena, &reply, "WWW-Authenticate"));
        if (reply.status == 503)
            assert_non_null(raw_header(arena, &reply, "Retry-After"));
    }
    assert_int_equal(500, raw_ask(arena, port, "GET /fail/silent HTTP/1.1\r\nHost: x\r\n\r\n").status);
    struct raw_reply reply = raw_ask(arena, port, "GET /limit HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(429, reply.status);
    assert_string_equal("17", raw_header(arena, &reply, "Retry-After"));
    assert_string_equal("100", raw_header(arena, &reply, "X-RateLimit-Limit"));
}

static void the_before_hook_decides_and_after_sees_every_reply(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int seen = world.after_count, asked = world.before_count;
    assert_int_equal(401, raw_ask(arena, port, "GET /hello?deny=1 HTTP/1.1\r\nHost: x\r\n\r\n").status);
    assert_int_equal(401, world.after_status);
    assert_int_equal(404, raw_ask(arena, port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status);
    assert_int_equal(404, world.after_status);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    assert_int_equal(17, world.after_bytes);
    assert_int_equal(seen + 3, world.after_count);
    assert_int_equal(asked + 3, world.before_count);
}

static void request_ids_and_traces_are_taken_over_when_they_are_clean(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = raw_ask(
        arena, port,
        "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine 1\r\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
    assert_string_equal("mine 1", raw_header(arena, &reply, "X-Request-ID"));
    raw_assert_has(reply, "\"request_id\":\"mine 1\"");
    // The same trace under a span of the server's own.
    raw_assert_has(reply, "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-");
    assert_null(strstr(reply.body, "b7ad6b7169203331"));
    char *longest = sok_alloc(arena, 130);
    memset(longest, 'a', 129);
    static const char *const traces[] = {
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-xyz", "01"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(traces); i++) {
        reply = raw_ask(
            arena, port,
            sok_format(
                arena, "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: %s\r\ntraceparent: %s\r\n\r\n",
                i ? "caf\xc3\xa9" : longest, traces[i]));
        assert_int_equal(36, strlen(raw_header(arena, &reply, "X-Request-ID")));
        char *traceparent = strstr(reply.body, "\"traceparent\":\"00-"), found[SOK_TRACEPARENT_LEN + 1];
        assert_non_null(traceparent);
        traceparent += strlen("\"traceparent\":\"");
        traceparent[SOK_TRACEPARENT_LEN] = 0;
        assert_true(sok_trace_parse(traceparent, found));
        assert_null(strstr(found, "0af7651916cd43dd8448eb211c80319c"));
    }
}

static void only_trusted_proxies_say_who_the_client_is(void **state)
{
    static const struct {
        const char *headers, *want;
    } cases[] = {
        {"", "127.0.0.1"},
        {"X-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5"},
        {"X-Forwarded-For: 6.6.6.6, 203.0.113.5\r\n", "203.0.113.5"},
        {"X-Forwarded-For: 6.6.6.6, 203.0.113.5, 10.1.1.1\r\n", "203.0.113.5"},
        {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5"},
        {"X-Forwarded-For: 10.2.2.2, 10.1.1.1\r\n", "10.2.2.2"},
        {"X-Forwarded-For: nonsense, 10.1.1.1\r\n", "10.1.1.1"},
        {"X-Forwarded-For: 203.0.113.5:4711\r\n", "203.0.113.5"},
        {"X-Forwarded-For: [2001:db8::5]:4711\r\n", "2001:db8::5"},
        {"X-Real-IP: 203.0.113.6\r\n", "203.0.113.6"},
        {"X-Forwarded-For: 203.0.113.5\r\nX-Real-IP: 6.6.6.6\r\n", "203.0.113.5"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct raw_reply reply = raw_ask(
            arena, port, sok_format(arena, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n%s\r\n", cases[i].headers));
        raw_assert_has(reply, sok_format(arena, "\"ip\":\"%s\"", cases[i].want));
    }
    server = sok_http_server_stop(server, 5000);
    start_on("127.0.0.1:0", "10.0.0.0/8");
    struct raw_reply reply = raw_ask(
        arena, port,
        "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\r\n");
    raw_assert_has(reply, "\"ip\":\"127.0.0.1\"");
}

static void addresses_parameters_and_cookies_are_decoded_once(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = raw_ask(
        arena, port,
        "GET /echo/a%2Fb%2520c?q=x%26y+z&q=2 HTTP/1.1\r\nHost: x\r\nCookie: a=1; sid=s%41; b=2\r\n\r\n");
    raw_assert_has(reply, "\"id\":\"a/b%20c\"");
    raw_assert_has(reply, "\"q\":\"x&y z\"");
    raw_assert_has(reply, "\"cookie\":\"s%41\"");
    reply = raw_ask(arena, port, "GET http://x/echo/1?q=7 HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_assert_has(reply, "\"q\":\"7\"");
}

static void multipart_uploads_reach_the_handler(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = post(
        arena, "/echo/1", "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"torrent\"; "
        "filename=\"a.torrent\"\r\n\r\nd4:name1:ae\r\n"
        "--x\r\nContent-Disposition: form-data; name=\"media_id\"\r\n\r\nabc\r\n--x--\r\n");
    assert_int_equal(200, reply.status);
    raw_assert_has(reply, "\"upload_field\":\"torrent\",\"upload_len\":11,\"json\":{\"media_id\":\"abc\"}");
    reply = post(arena, "/echo/1", "multipart/form-data; boundary=x", "--x\r\nnonsense");
    assert_int_equal(400, reply.status);
    raw_assert_has(reply, "\"code\":\"malformed_multipart\"");
    reply = post(
        arena, "/echo/1", "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\n1\r\n"
        "--x\r\nContent-Disposition: form-data; name=b; filename=b\r\n\r\n2\r\n--x--\r\n");
    assert_int_equal(422, reply.status);
}

static void wait_for_waiting(int count)
{
    pthread_mutex_lock(&world.lock);
    while (world.waiting < count)
        pthread_cond_wait(&world.wake, &world.lock);
    pthread_mutex_unlock(&world.lock);
}

static void a_full_lane_answers_503_and_loses_nobody(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int slow = raw_dial(port);
    raw_say(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_waiting(1); // it has the lane's only thread; two more may wait
    int refused = 0, served = 0, waiting[8];
    for (int i = 0; i < 8; i++) {
        waiting[i] = raw_dial(port);
        raw_say(waiting[i], "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    // The fast routes do not care.
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    while (refused < 6) { // and never more: two are in the line
        struct pollfd fds[8];
        for (int i = 0; i < 8; i++)
            fds[i] = (struct pollfd){.fd = waiting[i], .events = POLLIN};
        assert_true(poll(fds, 8, RAW_DEADLINE_MS) > 0);
        refused = 0;
        for (int i = 0; i < 8; i++)
            refused += fds[i].revents != 0;
    }
    open_gate();
    assert_int_equal(200, raw_listen(arena, slow, true).status);
    for (int i = 0; i < 8; i++) {
        struct raw_reply reply = raw_listen(arena, waiting[i], true);
        if (reply.status == 200)
            served++;
        else
            raw_assert_has(reply, "\"code\":\"overloaded\"");
        raw_say(waiting[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(200, raw_listen(arena, waiting[i], true).status);
        close(waiting[i]);
    }
    close(slow);
    assert_int_equal(6, refused);
    assert_int_equal(2, served);
}

// A flood of sign-ins: one hashes, a few wait, the others are told to come back; and who is slow for another
// reason does not notice.
static void hashes_run_one_at_a_time_and_hold_up_no_other_lane(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int first = raw_dial(port), flood[8], refused = 0, served = 0;
    raw_say(first, "GET /hash HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_waiting(1);
    for (int i = 0; i < 8; i++) {
        flood[i] = raw_dial(port);
        raw_say(flood[i], "GET /hash HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(200, post(arena, "/slow", "application/json", "{}").status);
    pthread_mutex_lock(&world.lock);
    assert_int_equal(1, world.waiting);
    pthread_mutex_unlock(&world.lock);
    while (refused < 6) {
        struct pollfd fds[8];
        for (int i = 0; i < 8; i++)
            fds[i] = (struct pollfd){.fd = flood[i], .events = POLLIN};
        assert_true(poll(fds, 8, RAW_DEADLINE_MS) > 0);
        refused = 0;
        for (int i = 0; i < 8; i++)
            refused += fds[i].revents != 0;
    }
    open_gate();
    assert_int_equal(200, raw_listen(arena, first, true).status);
    close(first);
    for (int i = 0; i < 8; i++) {
        struct raw_reply reply = raw_listen(arena, flood[i], true);
        served += reply.status == 200;
        if (reply.status != 200)
            raw_assert_has(reply, "\r\nRetry-After: 5\r\n");
        close(flood[i]);
    }
    assert_int_equal(2, served);
}

static void a_slow_handler_gets_its_body_too(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = post(arena, "/slow", "application/json", "{\"a\":1}");
    raw_assert_has(reply, "\"json\":{\"a\":1}");
}

static void clients_that_leave_while_waiting_do_no_harm(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(port);
    raw_say(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_waiting(1);
    close(fd);
    open_gate();
    assert_int_equal(200, raw_ask(arena, port, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").status);
}

// libmicrohttpd would answer these itself, the second with the head twice.
static void what_cannot_be_read_gets_one_problem_document(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const struct {
        const char *request;
        int status;
        const char *code;
    } rows[] = {
        {"GET /hello HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "malformed_request"},
        {"GET /hello HTTP/1.1\r\n\r\n", 400, "malformed_request"},
        {"GET /hello HTTP/9.9\r\nHost: x\r\n\r\n", 505, "version_not_supported"},
        {"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413,
         "too_large"},
        {"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
         "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         400, "malformed_request"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        int fd = raw_dial(port), before_it = world.after_count;
        raw_say(fd, rows[i].request);
        struct raw_reply reply = raw_listen(arena, fd, true);
        assert_int_equal(rows[i].status, reply.status);
        assert_string_equal("application/problem+json", raw_header(arena, &reply, "Content-Type"));
        assert_string_equal("close", raw_header(arena, &reply, "Connection"));
        raw_assert_has(reply, rows[i].code);
        raw_assert_has(reply, raw_header(arena, &reply, "X-Request-ID"));
        assert_true(raw_is_closed(fd));
        assert_int_equal(before_it + 1, world.after_count);
        assert_int_equal(rows[i].status, world.after_status);
        close(fd);
    }
}

// libmicrohttpd says nothing of the end of such a request; a stop would wait for it.
static void request_with_too_many_parameters_ends(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char parameters[8001] = "";
    for (int i = 0; i < 8000; i += 2)
        memcpy(parameters + i, "a&", 2);
    struct raw_reply reply =
        raw_ask(arena, port, sok_format(arena, "GET /hello?%s HTTP/1.1\r\nHost: x\r\n\r\n", parameters));
    assert_int_equal(431, reply.status);
    raw_assert_has(reply, "headers_too_large");
    // Returns at once, though the grace is weeks.
    server = sok_http_server_stop(server, INT32_MAX);
}

static void headers_with_two_readings_are_refused(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *lines[] = {
        "X-A : b\r\n",
        "X-A: b\n",
        "X-A: b\rX-B: c\r\n",
        " X-A: b\r\n",
        "X-A: b\x01\r\n",
        "X A: b\r\n",
        "Host: y\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: +0\r\n",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(lines); i++) {
        const char *request = sok_format(
            arena, "GET /hello HTTP/1.1\r\nHost: x\r\n%sX-Z: z\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
            lines[i]);
        int fd = raw_dial(port);
        raw_say(fd, request);
        assert_int_equal(400, raw_listen(arena, fd, true).status);
        assert_true(raw_is_closed(fd));
        close(fd);
    }
    static const char with_nul[] = "GET /hello HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\nX-Z: z\r\n\r\n";
    int fd = raw_dial(port);
    raw_say_bytes(fd, with_nul, sizeof(with_nul) - 1);
    assert_int_equal(400, raw_listen(arena, fd, true).status);
    close(fd);
}

// Until it has begun to stop: nobody can connect any more.
static void wait_until_refused(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (bool refused = false; !refused;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        refused = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0;
        close(fd);
    }
}

static void *stop_in_thread(void *grace_ms)
{
    sok_http_server_stop(server, *(int64_t *)grace_ms);
    return NULL;
}

static void stopping_lets_running_requests_finish(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int slow = raw_dial(port), idle = raw_dial(port);
    raw_say(idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(200, raw_listen(arena, idle, true).status);
    raw_say(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_waiting(1);
    pthread_t stopper;
    int64_t grace_ms = 20000;
    pthread_create(&stopper, NULL, stop_in_thread, &grace_ms);
    wait_until_refused();
    open_gate();
    struct raw_reply reply = raw_listen(arena, slow, true);
    assert_int_equal(200, reply.status);
    assert_string_equal("close", raw_header(arena, &reply, "Connection"));
    pthread_join(stopper, NULL);
    server = NULL;
    assert_true(raw_is_closed(idle));
    close(slow);
    close(idle);
}

static void stopping_without_grace_ends_half_sent_requests(void **state)
{
    int half = raw_dial(port), slow = raw_dial(port);
    raw_say(
        half,
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{");
    raw_say(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_waiting(1);
    pthread_t stopper;
    int64_t grace_ms = 0;
    pthread_create(&stopper, NULL, stop_in_thread, &grace_ms);
    assert_true(raw_is_closed(half));
    open_gate();
    pthread_join(stopper, NULL);
    server = NULL;
    close(half);
    close(slow);
}

static void stopping_waits_for_half_sent_requests_a_moment_only(void **state)
{
    int half = raw_dial(port), head = raw_dial(port);
    raw_say(head, "GET /hello HTTP/1.1\r\nHost: ");
    raw_say(
        half,
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{");
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    pthread_t stopper;
    int64_t grace_ms = INT32_MAX;
    pthread_create(&stopper, NULL, stop_in_thread, &grace_ms);
    wait_until_refused();
    sok_clock_manual_advance(&manual, 4000);
    assert_true(raw_is_closed(half));
    assert_true(raw_is_closed(head));
    pthread_join(stopper, NULL);
    server = NULL;
    close(half);
    close(head);
}

static void one_address_does_not_get_every_connection(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    server = sok_http_server_stop(server, 5000);
    connections_max = 16;
    start_on("127.0.0.1:0", NULL);
    connections_max = 0;
    int greedy[8], modest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 4; i++) {
        greedy[i] = raw_dial(port);
        raw_say(greedy[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(200, raw_listen(arena, greedy[i], true).status);
    }
    for (int i = 4; i < 8; i++) {
        greedy[i] = raw_dial(port);
        assert_true(raw_is_closed(greedy[i]));
    }
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    assert_int_equal(0, bind(modest, (struct sockaddr *)&from, sizeof(from)));
    assert_int_equal(0, connect(modest, (struct sockaddr *)&to, sizeof(to)));
    raw_say(modest, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(200, raw_listen(arena, modest, true).status);
    for (int i = 0; i < 8; i++)
        close(greedy[i]);
    close(modest);
}

static void clients_that_trickle_are_cut_off(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int head = raw_dial(port), body = raw_dial(port);
    raw_say(head, "GET /hello HTTP/1.1\r\nHost: ");
    raw_say(
        body,
        "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{");
    // Once a later request on another connection is answered, both beginnings have arrived as well as they
    // ever will.
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    sok_clock_manual_advance(&manual, 76000);
    assert_true(raw_is_closed(head));
    sok_clock_manual_advance(&manual, 76000); // in case the body's phase began after the first
    assert_true(raw_is_closed(body));
    close(head);
    close(body);
}

static void who_stops_sending_in_the_middle_is_let_go(void **state)
{
    int fd = raw_dial(port);
    raw_say(fd, "GET /hello HTTP/1.1\r\nHost: ");
    shutdown(fd, SHUT_WR);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    sok_clock_manual_advance(&manual, 3000);
    assert_true(raw_is_closed(fd));
    close(fd);
}

static void large_headers_are_refused(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *large = sok_alloc(arena, 40001);
    memset(large, 'x', 40000);
    struct raw_reply reply = raw_ask(
        arena, port, sok_format(arena, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n", large));
    assert_true(reply.status == 431 || reply.status == 413 || reply.closed);
    reply = raw_ask(arena, port, sok_format(arena, "GET /hello?q=%s HTTP/1.1\r\nHost: x\r\n\r\n", large));
    assert_true(reply.status == 414 || reply.status == 431 || reply.closed);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
}

static void an_upgrade_hands_the_socket_over(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(port);
    raw_say(
        fd, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n!");
    struct raw_reply reply = raw_listen(arena, fd, true);
    assert_int_equal(101, reply.status);
    assert_string_equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", raw_header(arena, &reply, "Sec-WebSocket-Accept"));
    char text[64] = "";
    for (size_t len = 0, n = 1; n; len += n)
        n = raw_read(fd, text + len, sizeof(text) - 1 - len);
    assert_true(sok_text_starts(text, "hi from behind the upgrade"));
    close(fd);
    static const char *const wrong[] = {
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "short\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        reply = raw_ask(arena, port, sok_format(arena, "GET /ws HTTP/1.1\r\nHost: x\r\n%s\r\n", wrong[i]));
        assert_int_equal(400, reply.status);
    }
}

static void several_addresses_and_unix_sockets_are_served(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char directory[] = "/tmp/sokoul-unix-XXXXXX";
    assert_non_null(mkdtemp(directory));
    const char *path = sok_format(arena, "%s/s", directory);
    // A socket file that nobody listens on is in the way of nobody.
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(0, bind(stale, (struct sockaddr *)&address, sizeof(address)));
    close(stale);
    server = sok_http_server_stop(server, 0);
    start_on(sok_format(arena, "unix:%s, 127.0.0.1:0", path), NULL);
    assert_int_equal(200, raw_ask(arena, port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
    raw_say(fd, "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n");
    raw_assert_has(raw_listen(arena, fd, true), "\"ip\":\"203.0.113.5\"");
    close(fd);
    struct sok_http_server_options options = {
        .listen = sok_format(arena, "unix:%s", path), .routes = routes, .route_count = SOK_ARRAY_LEN(routes)};
    struct sok_http_server *second = NULL;
    struct sok_error err = {0};
    assert_int_not_equal(SOK_OK, sok_http_server_start(&options, &second, &err)); // taken, and stays ours
    server = sok_http_server_stop(server, 0);
    assert_int_not_equal(0, access(path, F_OK));
    rmdir(directory);
    start_on("127.0.0.1:0", NULL);
}

static void what_cannot_be_started_says_why(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *const listens[] = {
        "nowhere", "1.2.3.4.5:80", "::1:80", "", sok_format(arena, "127.0.0.1:%d", port)};
    for (size_t i = 0; i < SOK_ARRAY_LEN(listens); i++) {
        struct sok_http_server_options options = {
            .listen = listens[i], .routes = routes, .route_count = SOK_ARRAY_LEN(routes)};
        struct sok_http_server *refused = NULL;
        struct sok_error err = {0};
        assert_int_not_equal(SOK_OK, sok_http_server_start(&options, &refused, &err));
        assert_true(strlen(err.message) > 0);
    }
    struct sok_route bad = routes[0];
    bad.policy = 0;
    struct sok_http_server_options options = {.listen = "127.0.0.1:0", .routes = &bad, .route_count = 1};
    struct sok_http_server *refused = NULL;
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, sok_http_server_start(&options, &refused, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_json_reply_has_every_promised_header),
        TEST(an_unchanged_reply_is_304),
        TEST(head_is_get_without_the_body),
        TEST(wrong_paths_and_methods_are_404_and_405),
        TEST(bodies_are_judged_as_the_contract_says),
        TEST(chunked_bodies_have_the_same_limits),
        TEST(who_asks_before_sending_is_answered_before_sending),
        TEST(bodies_that_no_one_wants_do_not_put_the_connection_out_of_step),
        TEST(unclear_framing_is_refused_and_the_connection_ends),
        TEST(a_request_without_host_is_400),
        TEST(every_status_becomes_its_http_answer_and_tells_no_secret),
        TEST(the_before_hook_decides_and_after_sees_every_reply),
        TEST(request_ids_and_traces_are_taken_over_when_they_are_clean),
        TEST(only_trusted_proxies_say_who_the_client_is),
        TEST(addresses_parameters_and_cookies_are_decoded_once),
        TEST(multipart_uploads_reach_the_handler),
        TEST(a_full_lane_answers_503_and_loses_nobody),
        TEST(hashes_run_one_at_a_time_and_hold_up_no_other_lane),
        TEST(a_slow_handler_gets_its_body_too),
        TEST(clients_that_leave_while_waiting_do_no_harm),
        TEST(what_cannot_be_read_gets_one_problem_document),
        TEST(request_with_too_many_parameters_ends),
        TEST(headers_with_two_readings_are_refused),
        TEST(stopping_lets_running_requests_finish),
        TEST(stopping_waits_for_half_sent_requests_a_moment_only),
        TEST(one_address_does_not_get_every_connection),
        TEST(stopping_without_grace_ends_half_sent_requests),
        TEST(clients_that_trickle_are_cut_off),
        TEST(who_stops_sending_in_the_middle_is_let_go),
        TEST(large_headers_are_refused),
        TEST(an_upgrade_hands_the_socket_over),
        TEST(several_addresses_and_unix_sockets_are_served),
        TEST(what_cannot_be_started_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
