#include "net/websocket_client_test.h"

#include "api/hub.h"
#include "base/json.h"

static struct sok_queue *queue;
static struct sok_hub *hub;
static struct sok_http_server *server;
static struct sok_clock_manual manual;

// The query says who it is: this test is not about signing in.
static enum sok_status accept_ws(struct sok_request *request, struct sok_error *err)
{
    struct sok_principal principal = {
        .user_id = sok_request_query(request, "user"), .session_id = sok_request_query(request, "session")};
    principal.role = sok_request_query(request, "admin") ? SOK_USER_ADMIN : SOK_USER_USER;
    return sok_hub_accept(hub, request, &principal, err);
}

static const struct sok_route routes[] = {
    {SOK_GET, "/ws", SOK_POLICY_PUBLIC, SOK_RATE_NONE, SOK_LANE_INLINE, SOK_BODY_NONE, 0, accept_ws},
};

static int start(void **state)
{
    sok_clock_manual_init(&manual, 1700000000000);
    struct sok_error err = {0};
    assert_ok(sok_queue_open("embedded:", &queue, &err));
    const struct sok_hub_options options = {.queue = queue, .clock = &manual.clock, .max_per_ip = 5};
    assert_ok(sok_hub_new(&options, &hub, &err));
    const struct sok_http_server_options server_options = {
        .listen = "127.0.0.1:0", .routes = routes, .route_count = SOK_ARRAY_LEN(routes)};
    assert_ok(sok_http_server_start(&server_options, &server, &err));
    return 0;
}

static int stop(void **state)
{
    server = sok_http_server_stop(server, 1000);
    queue = sok_queue_close(queue);
    hub = sok_hub_free(hub);
    return 0;
}

static int try_join(const char *query, int *ret_status)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = raw_dial(sok_http_server_port(server));
    raw_say(
        fd, sok_format(
                arena,
                "GET /ws?%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                query));
    *ret_status = raw_listen(arena, fd, true).status;
    return fd;
}

static void say(int fd, const char *text, const char *want)
{
    ws_say_text(fd, text);
    assert_non_null(strstr(ws_listen(fd)->text, want));
}

// In, and answering: from now on no event passes it by.
static int join(const char *query)
{
    int status, fd = try_join(query, &status);
    assert_int_equal(101, status);
    say(fd, "{}", "\"not_understood\"");
    return fd;
}

static void publish(const char *subject, const char *user_id, const char *json)
{
    const struct sok_event event = {subject, user_id, json};
    sok_queue_publish_event(queue, &event);
}

static void assert_next(int fd, const char *want)
{
    struct ws_frame *frame = ws_listen(fd);
    if (!strstr(frame->text, want))
        fail_msg("%s is not in %s", want, frame->text);
}

static void an_event_is_one_json_object(void **state)
{
    int fd = join("user=anna");
    publish("download.completed", "anna", "{\"download_id\":\"7\"}");
    SOK_JSON_AUTO *message = NULL;
    struct ws_frame *frame = ws_listen(fd);
    assert_ok(sok_json_parse(frame->text, frame->len, 65536, &message, NULL));
    assert_string_equal("download.completed", sok_json_text(message, "type", NULL));
    assert_int_equal(36, strlen(sok_json_text(message, "id", "")));
    assert_string_equal("2023-11-14T22:13:20.000Z", sok_json_text(message, "at", NULL));
    assert_string_equal("7", sok_json_text(json_object_get(message, "data"), "download_id", NULL));
    close(fd);
}

static void everybody_gets_what_concerns_them_only(void **state)
{
    int anna = join("user=anna"), berta = join("user=berta"), admin = join("user=root&admin=1");
    publish("download.progress", "anna", "{\"n\":1}");
    publish("task.updated", "", "{\"n\":2}");
    publish("alert", "", "{\"n\":3}");
    publish("alert", "anna", "{\"n\":4}");
    publish("command.download", "anna", "{\"n\":5}");
    publish("invalidate.media", "", "{\"n\":6}");
    publish("search.results", "", "{\"n\":7}");
    publish("library.changed", "", "{\"n\":8}");
    assert_next(anna, "{\"n\":1}");
    assert_next(anna, "{\"n\":8}");
    assert_next(berta, "{\"n\":8}");
    assert_next(admin, "{\"n\":2}");
    assert_next(admin, "{\"n\":3}");
    assert_next(admin, "{\"n\":4}");
    assert_next(admin, "{\"n\":7}");
    assert_next(admin, "{\"n\":8}");
    close(anna);
    close(berta);
    close(admin);
}

#define DOWNLOAD "01890a5d-ac96-774b-bcce-b302099a8051"
#define OTHER "01890a5d-ac96-774b-bcce-b302099a8052"

// The hunter hears of it a moment after everybody else.
static void a_cancelled_download_stays_cancelled(void **state)
{
    static const char running[] = "{\"download_id\":\"" DOWNLOAD "\",\"status\":\"seeding\",\"n\":1}";
    static const char other[] = "{\"download_id\":\"" OTHER "\",\"status\":\"seeding\",\"n\":2}";
    static const char cancelled[] = "{\"download_id\":\"" DOWNLOAD "\",\"status\":\"cancelled\",\"n\":3}";
    int anna = join("user=anna");
    publish("command.download", "", "{\"download_id\":\"" DOWNLOAD "\",\"wanted\":\"paused\"}");
    publish("download.progress", "anna", running);
    assert_next(anna, "\"n\":1}");
    publish("command.download", "", "{\"download_id\":\"" DOWNLOAD "\",\"wanted\":\"cancelled\"}");
    publish("download.progress", "anna", running);
    publish("download.completed", "anna", running);
    publish("download.progress", "anna", other);
    assert_next(anna, "\"n\":2}");
    publish("download.progress", "anna", cancelled);
    assert_next(anna, "\"n\":3}");
    publish("command.download", "", "{\"download_id\":\"" DOWNLOAD "\",\"wanted\":\"run\"}");
    publish("download.progress", "anna", running);
    assert_next(anna, "\"n\":1}");
    close(anna);
}

#define SEARCH_1 "01890a5d-ac96-774b-bcce-b302099a8057"
#define SEARCH_2 "01890a5d-ac96-774b-bcce-b302099a8058"

static void subscriptions_narrow_it_down(void **state)
{
    int fd = join("user=anna");
    say(fd, "{\"subscribe\":[\"downloads\",\"search:" SEARCH_1 "\"]}", "\"subscribed\"");
    publish("task.updated", "anna", "{\"n\":1}");
    publish("search.results", "anna", "{\"search_id\":\"" SEARCH_2 "\",\"n\":2}");
    publish("search.completed", "anna", "{\"search_id\":\"" SEARCH_1 "\",\"n\":3}");
    publish("download.failed", "anna", "{\"n\":4}");
    publish("download.failed", "berta", "{\"n\":5}");
    assert_next(fd, "\"n\":3}");
    assert_next(fd, "\"n\":4}");
    say(fd, "{\"subscribe\":[]}", "\"subscribed\"");
    publish("download.failed", "anna", "{\"n\":6}");
    publish("download.failed", "anna", "{\"n\":7}");
    say(fd, "{\"subscribe\":[\"nonsense\"]}", "\"invalid_subscription\"");
    say(fd, "{\"subscribe\":\"downloads\"}", "\"invalid_subscription\"");
    say(fd, "{\"subscribe\":[\"all\"]}", "\"subscribed\"");
    publish("task.updated", "anna", "{\"n\":8}");
    assert_next(fd, "{\"n\":8}");
    close(fd);
}

static void who_comes_back_gets_what_was_missed(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int fd = join("user=anna");
    publish("task.updated", "anna", "{\"n\":1}");
    SOK_JSON_AUTO *message = NULL;
    struct ws_frame *frame = ws_listen(fd);
    assert_ok(sok_json_parse(frame->text, frame->len, 65536, &message, NULL));
    publish("task.updated", "anna", "{\"n\":2}");
    assert_next(fd, "{\"n\":2}");
    close(fd);
    int status, witness = join("user=anna"); // shows that all has passed through before the others come
    publish("download.progress", "anna", "{\"n\":3}");
    publish("task.updated", "berta", "{\"n\":4}");
    publish("download.completed", "anna", "{\"n\":5}");
    assert_next(witness, "{\"n\":3}");
    assert_next(witness, "{\"n\":5}");
    close(witness);
    int other = try_join("user=anna&last_id=00000000-0000-0000-0000-000000000000", &status);
    assert_next(other, "{\"n\":1}");
    assert_next(other, "{\"n\":2}");
    assert_next(other, "{\"n\":5}");
    fd = try_join(sok_format(arena, "user=anna&last_id=%s", sok_json_text(message, "id", "")), &status);
    assert_next(fd, "{\"n\":2}");
    assert_next(fd, "{\"n\":5}");
    close(other);
    close(fd);
}

static void an_ended_session_closes_its_sockets_with_4401(void **state)
{
    int one = join("user=anna&session=s1"), two = join("user=anna&session=s2"),
        berta = join("user=berta&session=s3");
    publish("invalidate.session", "anna", "{\"user_id\":\"anna\",\"session_id\":\"s1\"}");
    assert_int_equal(4401, ws_close_code(one));
    publish("invalidate.session", "anna", "{\"user_id\":\"anna\",\"keep\":\"s2\"}");
    say(two, "{}", "\"not_understood\"");
    publish("invalidate.user", "anna", "{\"user_id\":\"anna\"}");
    assert_int_equal(1012, ws_close_code(two));
    sok_hub_close_session(hub, "s3");
    assert_int_equal(4401, ws_close_code(berta));
    close(one);
    close(two);
    close(berta);
}

static void an_address_has_so_many_sockets_only(void **state)
{
    int fds[6], status;
    for (int i = 0; i < 5; i++)
        fds[i] = join("user=anna");
    fds[5] = try_join("user=anna", &status);
    assert_int_equal(429, status);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    do { // gone clients make room
        fds[5] = try_join("user=anna", &status);
        close(fds[5]);
    } while (status != 101);
    sok_hub_set_max_per_ip(hub, 0);
    for (int i = 0; i < 6; i++)
        fds[i] = join("user=anna");
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}

static void a_plain_request_is_told_to_upgrade(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply =
        raw_ask(arena, sok_http_server_port(server), "GET /ws?user=anna HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(400, reply.status);
    int status;
    for (int i = 0; i < 5; i++) // and counts for nothing
        close(try_join("user=anna", &status));
    assert_int_equal(101, status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_one_json_object),          TEST(everybody_gets_what_concerns_them_only),
        TEST(a_cancelled_download_stays_cancelled), TEST(subscriptions_narrow_it_down),
        TEST(who_comes_back_gets_what_was_missed),  TEST(an_ended_session_closes_its_sockets_with_4401),
        TEST(an_address_has_so_many_sockets_only),  TEST(a_plain_request_is_told_to_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
