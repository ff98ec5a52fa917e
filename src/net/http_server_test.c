// What a request is understood as, and what a reply is made of.
#include "net/http_server_world_test.h"

#include <stdio.h>
#include <sys/un.h>

#include "runtime/trace.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_json_reply_has_every_promised_header),
        TEST(an_unchanged_reply_is_304),
        TEST(head_is_get_without_the_body),
        TEST(wrong_paths_and_methods_are_404_and_405),
        TEST(bodies_are_judged_as_the_contract_says),
        TEST(every_status_becomes_its_http_answer_and_tells_no_secret),
        TEST(the_before_hook_decides_and_after_sees_every_reply),
        TEST(request_ids_and_traces_are_taken_over_when_they_are_clean),
        TEST(only_trusted_proxies_say_who_the_client_is),
        TEST(addresses_parameters_and_cookies_are_decoded_once),
        TEST(multipart_uploads_reach_the_handler),
        TEST(an_upgrade_hands_the_socket_over),
        TEST(several_addresses_and_unix_sockets_are_served),
        TEST(what_cannot_be_started_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
