// The server that its tests speak to: routes that answer, echo, fail and wait, a lane of one thread, a clock
// that stands still.
#ifndef SOK_NET_HTTP_SERVER_WORLD_TEST_H
#define SOK_NET_HTTP_SERVER_WORLD_TEST_H

#include "net/raw_client_test.h"

#include <pthread.h>

#include "net/http_server.h"
#include "runtime/clock.h"

// What the handlers of the server's tests share: a gate that slow ones wait at, and what `after` saw.
struct world {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool open;
    int waiting;
    _Atomic int after_count, before_count;
    _Atomic int after_status;
    _Atomic int64_t after_bytes;
};

SOK_UNUSED static struct world world = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
SOK_UNUSED static struct sok_clock_manual manual;
SOK_UNUSED static struct sok_http_server *server;
SOK_UNUSED static int port, connections_max;

SOK_UNUSED static enum sok_status say_hello(struct sok_request *request, struct sok_error *err)
{
    json_t *body = json_object();
    sok_json_set_text(body, "hello", "world");
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

// Everything the request was understood as.
SOK_UNUSED static enum sok_status echo(struct sok_request *request, struct sok_error *err)
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

SOK_UNUSED static enum sok_status create(struct sok_request *request, struct sok_error *err)
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

SOK_UNUSED static enum sok_status remove_it(struct sok_request *request, struct sok_error *err)
{
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

SOK_UNUSED static enum sok_status fail_so(struct sok_request *request, struct sok_error *err)
{
    const char *how = sok_request_param(request, "how");
    for (int status = SOK_NOT_FOUND; status < SOK_STATUS_COUNT; status++)
        if (sok_text_eq(how, sok_status_info((enum sok_status)status)->code))
            return sok_fail(err, (enum sok_status)status, "SELECT secret FROM somewhere");
    return SOK_OK; // and no reply
}

SOK_UNUSED static enum sok_status limit(struct sok_request *request, struct sok_error *err)
{
    (void)sok_fail(err, SOK_LIMITED, "too many");
    err->retry_after_s = 17;
    return SOK_LIMITED;
}

SOK_UNUSED static enum sok_status wait_at_gate(struct sok_request *request, struct sok_error *err)
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

SOK_UNUSED static void take_socket(void *context, int fd, const char *early, size_t early_len)
{
    if (fd < 0)
        return;
    raw_say(fd, "hi from behind the upgrade");
    raw_say_bytes(fd, early, early_len);
    close(fd);
}

SOK_UNUSED static enum sok_status upgrade(struct sok_request *request, struct sok_error *err)
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

SOK_UNUSED static enum sok_status before(struct sok_request *request, struct sok_error *err)
{
    world.before_count++;
    sok_reply_header(request, "X-RateLimit-Limit", "100");
    if (sok_text_eq(sok_request_query(request, "deny"), "1"))
        return sok_fail(err, SOK_UNAUTHENTICATED, "sign in first");
    return SOK_OK;
}

SOK_UNUSED static void after(struct sok_request *request, int http_status, int64_t body_bytes)
{
    world.after_status = http_status;
    world.after_bytes = body_bytes;
    world.after_count++;
}

SOK_UNUSED static void start_on(const char *listen, const char *proxies)
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

SOK_UNUSED static int start(void **state)
{
    world.open = false;
    start_on("127.0.0.1:0", "127.0.0.1,10.0.0.0/8");
    return 0;
}

SOK_UNUSED static void open_gate(void)
{
    pthread_mutex_lock(&world.lock);
    world.open = true;
    pthread_cond_broadcast(&world.wake);
    pthread_mutex_unlock(&world.lock);
}

SOK_UNUSED static int stop(void **state)
{
    open_gate();
    server = sok_http_server_stop(server, 5000);
    return 0;
}

SOK_UNUSED static struct raw_reply post(
    struct sok_arena *arena, const char *path, const char *type, const char *body)
{
    return raw_ask(
        arena, port,
        sok_format(
            arena, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", path,
            type, strlen(body), body));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

#endif
