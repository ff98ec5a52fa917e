#include "net/http_client.h"

#include "base/test.h"
#include "base/text.h"
#include "net/test_server.h"
#include "runtime/log.h"

#define BOMB_BYTES ((size_t)16 << 20)

struct fixture {
    struct test_server server;
    struct sok_clock_manual clock;
    struct sok_http_client *client;
    struct sok_arena *arena;
    char bomb[131072]; // compressed: far more than it looks
    size_t bomb_len;
};

// A raw deflate stream (RFC 1951, fixed codes) that says "one zero, then 258 times the byte before" over and
// over: 16 MiB from about 100 kB.
static void put_bits(struct fixture *fixture, size_t *at, unsigned bits, int count)
{
    for (int i = count - 1; i >= 0; i--, (*at)++)
        if (bits >> i & 1)
            fixture->bomb[*at / 8] |= (char)(1 << *at % 8);
}

static void make_bomb(struct fixture *fixture)
{
    size_t at = 0;
    put_bits(fixture, &at, 6, 3);    // last block, fixed codes
    put_bits(fixture, &at, 0x30, 8); // literal 0
    for (size_t i = 0; i < BOMB_BYTES / 258; i++) {
        put_bits(fixture, &at, 0xc5, 8); // length 258
        put_bits(fixture, &at, 0, 5);    // distance 1
    }
    put_bits(fixture, &at, 0, 7); // end of block
    fixture->bomb_len = at / 8 + 1;
}

static bool is(const struct test_request *request, const char *path)
{
    return strncmp(request->target, path, strlen(path)) == 0;
}

static void serve_endless(int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    static const char block[65536];
    test_send(fd, head, sizeof(head) - 1);
    while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
        continue;
}

static void serve_redirects(struct fixture *fixture, struct test_request *request)
{
    char headers[512];
    int port = fixture->server.port;
    if (is(request, "/to-magnet"))
        test_reply(request->fd, 301, "Location: magnet:?xt=urn:btih:08ADA5\r\n", "moved");
    else if (is(request, "/to-relative"))
        test_reply(request->fd, 302, "Location: hello?key=SECRET\r\n", "");
    else if (is(request, "/to-file"))
        test_reply(request->fd, 302, "Location: file:///etc/passwd\r\n", "");
    else if (is(request, "/to-name")) { // the same server under a name that nobody allowed
        snprintf(headers, sizeof(headers), "Location: http://localhost:%d/headers\r\n", port);
        test_reply(request->fd, 302, headers, "");
    } else if (is(request, "/to-private"))
        test_reply(request->fd, 302, "Location: http://169.254.169.254/latest\r\n", "");
    else
        test_reply(request->fd, 302, "Location: /loop\r\n", "");
}

static void serve(struct test_request *request)
{
    struct fixture *fixture = request->context;
    int fd = request->fd;
    if (is(request, "/hello"))
        test_reply(fd, 200, "Content-Type: text/plain\r\n", "hello");
    else if (is(request, "/headers"))
        test_reply(fd, 200, "", request->text);
    else if (is(request, "/status/")) {
        char status[4] = {0};
        memcpy(status, request->target + 8, 3);
        int64_t number = 500;
        sok_parse_int(status, 200, 599, &number);
        test_reply(fd, (int)number, "", "because");
    } else if (is(request, "/500-once"))
        test_reply(fd, request->number == 1 ? 500 : 200, "", "second");
    else if (is(request, "/429-once"))
        test_reply(fd, request->number == 1 ? 429 : 200, "Retry-After: 0\r\n", "second");
    else if (is(request, "/429-long"))
        test_reply(fd, 429, "Retry-After: 120\r\n", "");
    else if (is(request, "/503-date"))
        test_reply(fd, 503, "Retry-After: Thu, 01 Jan 1970 01:00:00 GMT\r\n", "");
    else if (is(request, "/bomb"))
        test_reply_bytes(fd, 200, "Content-Encoding: deflate\r\n", fixture->bomb, fixture->bomb_len);
    else if (is(request, "/slow"))
        test_wait_for_close(fd);
    else if (is(request, "/endless"))
        serve_endless(fd);
    else if (is(request, "/garbage"))
        test_send(fd, "\x01\x02 this is not HTTP\r\n\r\n", 23);
    else if (is(request, "/close"))
        shutdown(fd, SHUT_RDWR);
    else
        serve_redirects(fixture, request);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    make_bomb(fixture);
    test_server_start(&fixture->server, serve, fixture);
    sok_clock_manual_init(&fixture->clock, 0);
    char allow[64];
    snprintf(allow, sizeof(allow), "127.0.0.1:%d", fixture->server.port);
    struct sok_http_client_options options = {
        .clock = &fixture->clock.clock,
        .user_agent = "Sokoul/test",
        .allow_hosts = allow,
        .backoff_unit_ms = 1};
    assert_ok(sok_http_client_new(&options, &fixture->client, NULL));
    fixture->arena = sok_arena_new(0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sok_http_client_free(fixture->client);
    test_server_stop(&fixture->server);
    sok_arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct sok_http_reply reply;
static struct sok_error error;

static enum sok_status get_with(struct fixture *fixture, const char *path, struct sok_http_fetch fetch)
{
    fetch.url = sok_format(fixture->arena, "%s%s", fixture->server.base, path);
    error = (struct sok_error){0};
    return sok_http_fetch(fixture->client, fixture->arena, &fetch, &reply, &error);
}

static enum sok_status get(struct fixture *fixture, const char *path)
{
    return get_with(fixture, path, (struct sok_http_fetch){0});
}

static void a_plain_get_gives_the_body(void **state)
{
    assert_ok(get(*state, "/hello"));
    assert_int_equal(200, reply.status);
    assert_string_equal("hello", reply.body);
    assert_string_equal("text/plain", reply.content_type);
    assert_ok(get(*state, "/headers"));
    assert_non_null(strstr(reply.body, "User-Agent: Sokoul/test\r\n"));
}

static void a_body_is_posted_with_its_headers_and_not_tried_again(void **state)
{
    struct fixture *fixture = *state;
    const char *headers[] = {"Content-Type: application/json", NULL};
    struct sok_http_fetch fetch = {.body = "{}", .body_len = 2, .headers = headers};
    assert_ok(get_with(fixture, "/headers", fetch));
    assert_non_null(strstr(reply.body, "POST /headers"));
    assert_non_null(strstr(reply.body, "Content-Type: application/json"));
    int before = fixture->server.requests;
    assert_int_equal(SOK_UNAVAILABLE, get_with(fixture, "/status/500", fetch));
    assert_int_equal(before + 1, fixture->server.requests);
}

static void a_failure_says_its_cause_and_keeps_the_body(void **state)
{
    struct {
        const char *path;
        enum sok_status want;
    } cases[] = {
        {"/status/400", SOK_INVALID},   {"/status/401", SOK_UNAUTHENTICATED},
        {"/status/403", SOK_DENIED},    {"/status/404", SOK_NOT_FOUND},
        {"/status/410", SOK_NOT_FOUND}, {"/status/503", SOK_UNAVAILABLE},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        assert_int_equal(cases[i].want, get(*state, cases[i].path));
        assert_string_equal("because", reply.body);
        assert_non_null(strstr(error.message, "127.0.0.1 answered"));
    }
}

static void a_key_in_the_query_never_shows_in_an_error(void **state)
{
    assert_int_equal(SOK_NOT_FOUND, get(*state, "/status/404?apikey=SECRET"));
    assert_null(strstr(error.message, "SECRET"));
    assert_int_equal(SOK_PROTOCOL, get(*state, "/garbage?apikey=SECRET"));
    assert_null(strstr(error.message, "SECRET"));
}

static void a_passing_500_is_tried_again(void **state)
{
    assert_ok(get(*state, "/500-once"));
    assert_string_equal("second", reply.body);
}

static void tries_end(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(SOK_UNAVAILABLE, get(fixture, "/status/500"));
    assert_int_equal(3, fixture->server.requests);
    assert_int_equal(SOK_UNAVAILABLE, get(fixture, "/close"));
    assert_int_equal(SOK_DENIED, get_with(fixture, "/status/403", (struct sok_http_fetch){.tries = 5}));
    assert_int_equal(7, fixture->server.requests);
}

static void retry_after_is_honoured(void **state)
{
    assert_ok(get(*state, "/429-once"));
    assert_string_equal("second", reply.body);
}

static void a_retry_after_beyond_the_deadline_is_handed_on_at_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(SOK_LIMITED, get(fixture, "/429-long"));
    assert_int_equal(120, error.retry_after_s);
    assert_int_equal(SOK_UNAVAILABLE, get(fixture, "/503-date")); // the clock stands at 1970
    assert_int_equal(3600, error.retry_after_s);
    assert_int_equal(2, fixture->server.requests);
}

static void a_slow_answer_times_out(void **state)
{
    assert_int_equal(SOK_TIMEOUT, get_with(*state, "/slow", (struct sok_http_fetch){.timeout_ms = 30}));
    assert_non_null(strstr(error.message, "127.0.0.1"));
}

static void an_endless_body_is_cut_off(void **state)
{
    struct sok_http_fetch fetch = {.max_bytes = 100000};
    assert_int_equal(SOK_TOO_LARGE, get_with(*state, "/endless", fetch));
}

static void a_compressed_bomb_counts_as_what_it_becomes(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture->bomb_len < 110000);
    assert_int_equal(
        SOK_TOO_LARGE, get_with(fixture, "/bomb", (struct sok_http_fetch){.max_bytes = 1 << 20}));
    assert_ok(get_with(fixture, "/bomb", (struct sok_http_fetch){.max_bytes = 16 << 20}));
    assert_int_equal(BOMB_BYTES / 258 * 258 + 1, reply.body_len);
}

static void garbage_is_not_http(void **state)
{
    assert_int_equal(SOK_PROTOCOL, get(*state, "/garbage"));
}

static void a_redirect_to_magnet_is_a_result(void **state)
{
    assert_ok(get(*state, "/to-magnet"));
    assert_string_equal("magnet:?xt=urn:btih:08ADA5", reply.magnet);
    assert_int_equal(0, reply.body_len);
}

static void a_relative_redirect_is_followed(void **state)
{
    assert_ok(get(*state, "/to-relative"));
    assert_string_equal("hello", reply.body);
    assert_true(sok_text_ends(reply.final_url, "/hello?key=SECRET"));
}

static void a_redirect_loop_ends(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(SOK_PROTOCOL, get(fixture, "/loop"));
    assert_string_equal("redirect_loop", error.code);
    assert_int_equal(6, fixture->server.requests);
}

static void a_redirect_to_another_scheme_is_refused(void **state)
{
    assert_int_equal(SOK_PROTOCOL, get(*state, "/to-file"));
    assert_string_equal("bad_redirect", error.code);
}

static void a_private_address_is_refused_however_it_is_reached(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(SOK_DENIED, get(fixture, "/to-private"));
    assert_string_equal("address_refused", error.code);
    assert_int_equal(
        SOK_DENIED, get(fixture, "/to-name")); // judged after resolution, by the name's host:port
    assert_string_equal("address_refused", error.code);
    assert_int_equal(2, fixture->server.requests);
    const char *urls[] = {
        "http://localhost:%d/", "http://2130706433:%d/",         "http://0x7f.1:%d/",
        "http://[::1]:%d/",     "http://[::ffff:127.0.0.1]:%d/",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(urls); i++) {
        char url[80];
        int at = (int)(strstr(urls[i], "%d") - urls[i]);
        snprintf(url, sizeof(url), "%.*s%d/", at, urls[i], fixture->server.port + (i == 1 || i == 2));
        struct sok_http_fetch fetch = {.url = url};
        error = (struct sok_error){0};
        assert_int_equal(SOK_DENIED, sok_http_fetch(fixture->client, fixture->arena, &fetch, &reply, &error));
        assert_string_equal("address_refused", error.code);
    }
    assert_int_equal(2, fixture->server.requests);
}

static void a_trace_is_told_to_whom_it_is_for_and_not_to_where_that_leads(void **state)
{
    struct fixture *fixture = *state;
    const char *headers[] = {"X-Api-Key: SECRET", NULL};
    struct sok_http_fetch traced = {.headers = headers, .traced = true};
    assert_ok(get_with(fixture, "/headers", traced));
    assert_null(strstr(reply.body, "traceparent")); // nobody's request
    sok_log_set_context("r", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_ok(get_with(fixture, "/headers", traced));
    assert_non_null(strstr(reply.body, "X-Api-Key: SECRET"));
    assert_non_null(strstr(reply.body, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
    assert_null(strstr(reply.body, "b7ad6b7169203331")); // under a span of its own
    assert_ok(get_with(fixture, "/headers", (struct sok_http_fetch){.headers = headers}));
    assert_null(strstr(reply.body, "traceparent"));
    sok_http_client_allow(fixture->client, "localhost", fixture->server.port);
    assert_ok(get_with(fixture, "/to-name", traced));
    assert_non_null(strstr(reply.body, "GET /headers"));
    assert_null(strstr(reply.body, "traceparent"));
    sok_log_set_context("", "");
}

static void headers_are_not_told_to_another_host(void **state)
{
    struct fixture *fixture = *state;
    sok_http_client_allow(fixture->client, "LOCALHOST", fixture->server.port);
    const char *headers[] = {"X-Api-Key: SECRET", NULL};
    assert_ok(get_with(fixture, "/to-name", (struct sok_http_fetch){.headers = headers}));
    assert_non_null(strstr(reply.body, "GET /headers"));
    assert_null(strstr(reply.body, "SECRET"));
    assert_ok(get_with(fixture, "/headers", (struct sok_http_fetch){.headers = headers}));
    assert_non_null(strstr(reply.body, "SECRET"));
}

static void five_failures_open_the_breaker_and_one_success_closes_it(void **state)
{
    struct fixture *fixture = *state;
    struct sok_http_fetch fetch = {.breaker = "indexer", .tries = 1};
    for (int i = 0; i < 5; i++)
        assert_int_equal(SOK_UNAVAILABLE, get_with(fixture, "/status/500", fetch));
    assert_int_equal(SOK_UNAVAILABLE, get_with(fixture, "/hello", fetch));
    assert_string_equal("circuit_open", error.code);
    assert_int_equal(60, error.retry_after_s);
    assert_int_equal(5, fixture->server.requests);
    assert_ok(get(fixture, "/hello")); // others are not concerned
    sok_clock_manual_advance(&fixture->clock, 60000);
    assert_ok(get_with(fixture, "/hello", fetch));
    assert_ok(get_with(fixture, "/hello", fetch));
}

static void a_client_error_does_not_open_the_breaker(void **state)
{
    struct sok_http_fetch fetch = {.breaker = "indexer"};
    for (int i = 0; i < 8; i++)
        assert_int_equal(SOK_NOT_FOUND, get_with(*state, "/status/404", fetch));
}

static void *fetch_slowly(void *argument)
{
    struct fixture *fixture = argument;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_http_reply got;
    struct sok_http_fetch fetch = {.url = sok_format(arena, "%s/slow", fixture->server.base)};
    return (void *)(intptr_t)sok_http_fetch(fixture->client, arena, &fetch, &got, NULL);
}

static void freeing_the_client_cancels_what_runs(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    pthread_create(&thread, NULL, fetch_slowly, fixture);
    while (fixture->server.requests < 1)
        sched_yield();
    fixture->client = sok_http_client_free(fixture->client);
    void *status;
    pthread_join(thread, &status);
    assert_int_equal(SOK_CANCELLED, (intptr_t)status);
}

static void a_caller_may_give_up(void **state)
{
    struct fixture *fixture = *state;
    _Atomic bool cancelled = true;
    assert_int_equal(
        SOK_CANCELLED, get_with(fixture, "/slow", (struct sok_http_fetch){.cancelled = &cancelled}));
}

static void a_wrong_list_of_allowed_hosts_is_an_error(void **state)
{
    struct sok_http_client *client;
    struct sok_http_client_options options = {.clock = &sok_clock_system, .allow_hosts = "10.0.0.1:80, oops"};
    error = (struct sok_error){0};
    assert_int_equal(SOK_INVALID, sok_http_client_new(&options, &client, &error));
    assert_non_null(strstr(error.message, "oops"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plain_get_gives_the_body),
        TEST(a_body_is_posted_with_its_headers_and_not_tried_again),
        TEST(a_failure_says_its_cause_and_keeps_the_body),
        TEST(a_key_in_the_query_never_shows_in_an_error),
        TEST(a_passing_500_is_tried_again),
        TEST(tries_end),
        TEST(retry_after_is_honoured),
        TEST(a_retry_after_beyond_the_deadline_is_handed_on_at_once),
        TEST(a_slow_answer_times_out),
        TEST(an_endless_body_is_cut_off),
        TEST(a_compressed_bomb_counts_as_what_it_becomes),
        TEST(garbage_is_not_http),
        TEST(a_redirect_to_magnet_is_a_result),
        TEST(a_relative_redirect_is_followed),
        TEST(a_redirect_loop_ends),
        TEST(a_redirect_to_another_scheme_is_refused),
        TEST(a_private_address_is_refused_however_it_is_reached),
        TEST(a_trace_is_told_to_whom_it_is_for_and_not_to_where_that_leads),
        TEST(headers_are_not_told_to_another_host),
        TEST(five_failures_open_the_breaker_and_one_success_closes_it),
        TEST(a_client_error_does_not_open_the_breaker),
        TEST(freeing_the_client_cancels_what_runs),
        TEST(a_caller_may_give_up),
        cmocka_unit_test(a_wrong_list_of_allowed_hosts_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
