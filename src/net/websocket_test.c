#include "net/websocket_client_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "net/websocket.h"

struct world {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    char heard[256];
    size_t heard_len;
    int closed;
};

static struct world world = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static struct sok_clock_manual manual;
static struct sok_ws *ws;

static void on_message(void *context, uint64_t client, void *user, const char *text, size_t len)
{
    pthread_mutex_lock(&world.lock);
    world.heard_len = len;
    snprintf(
        world.heard, sizeof(world.heard), "%s:%.*s", (const char *)user, (int)(len < 99 ? len : 99), text);
    pthread_cond_broadcast(&world.wake);
    pthread_mutex_unlock(&world.lock);
}

static void on_close(void *context, uint64_t client, void *user)
{
    pthread_mutex_lock(&world.lock);
    world.closed++;
    pthread_cond_broadcast(&world.wake);
    pthread_mutex_unlock(&world.lock);
}

static void wait_heard(const char *want)
{
    pthread_mutex_lock(&world.lock);
    while (strcmp(world.heard, want) != 0)
        pthread_cond_wait(&world.wake, &world.lock);
    pthread_mutex_unlock(&world.lock);
}

static void wait_closed(int count)
{
    pthread_mutex_lock(&world.lock);
    while (world.closed < count)
        pthread_cond_wait(&world.wake, &world.lock);
    pthread_mutex_unlock(&world.lock);
}

static int start(void **state)
{
    sok_clock_manual_init(&manual, 1000000);
    world.closed = 0;
    world.heard[0] = 0;
    const struct sok_ws_options options = {
        .clock = &manual.clock, .on_message = on_message, .on_close = on_close, .clients_max = 100};
    return sok_ws_new(&options, &ws, NULL) != SOK_OK;
}

static int stop(void **state)
{
    ws = sok_ws_free(ws);
    return 0;
}

// A connected pair: the hub has one end as `user`, the other is returned.
static int join(const char *user, const char *early, uint64_t *ret_id)
{
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    uint64_t id = sok_ws_add(ws, ends[0], early, early ? strlen(early) : 0, (void *)(uintptr_t)user);
    if (ret_id)
        *ret_id = id;
    return ends[1];
}

static void send_text(uint64_t id, const char *text)
{
    struct sok_ws_message *message = sok_ws_message_new(text, strlen(text));
    sok_ws_send(ws, id, message);
    sok_ws_message_drop(message);
}

static bool is_user(const void *context, void *user)
{
    return strcmp(context, user) == 0;
}

static void messages_go_both_ways(void **state)
{
    uint64_t id;
    int fd = join("anna", NULL, &id);
    close(join("early", NULL, NULL));
    ws_say_text(fd, "hello");
    wait_heard("anna:hello");
    send_text(id, "first");
    send_text(id, "second é");
    assert_string_equal("first", ws_listen(fd)->text);
    assert_string_equal("second é", ws_listen(fd)->text);
    close(fd);
}

static void bytes_behind_the_handshake_are_not_lost(void **state)
{
    static const char early[] = {(char)0x81, (char)0x82, 1, 1, 1, 1, 'h' ^ 1, 'i' ^ 1, (char)0x81};
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    assert_true(sok_ws_add(ws, ends[0], early, sizeof(early), (void *)(uintptr_t) "anna") > 0);
    wait_heard("anna:hi");
    raw_say_bytes(ends[1], "\x82\1\1\1\1\x65\x6e", 7); // the rest of the second frame: "do"
    wait_heard("anna:do");
    close(ends[1]);
}

static void a_broadcast_reaches_whom_it_concerns(void **state)
{
    int anna = join("anna", NULL, NULL), berta = join("berta", NULL, NULL),
        also_anna = join("anna", NULL, NULL);
    struct sok_ws_message *message = sok_ws_message_new("for anna", 8);
    sok_ws_broadcast(ws, message, is_user, "anna");
    sok_ws_message_drop(message);
    message = sok_ws_message_new("for all", 7);
    sok_ws_broadcast(ws, message, NULL, NULL);
    sok_ws_message_drop(message);
    assert_string_equal("for anna", ws_listen(anna)->text);
    assert_string_equal("for anna", ws_listen(also_anna)->text);
    assert_string_equal("for all", ws_listen(berta)->text);
    assert_string_equal("for all", ws_listen(anna)->text);
    close(anna);
    close(berta);
    close(also_anna);
}

static void a_slow_reader_is_dropped_and_holds_up_nobody(void **state)
{
    uint64_t slow_id;
    int slow = join("slow", NULL, &slow_id), quick = join("quick", NULL, NULL);
    char text[8001];
    memset(text, 'x', 8000);
    text[8000] = 0;
    for (int i = 0; i < 400; i++) { // 3.2 MB: more than the queue and the socket's buffer hold
        struct sok_ws_message *message = sok_ws_message_new(text, 8000);
        sok_ws_broadcast(ws, message, NULL, NULL);
        sok_ws_message_drop(message);
        assert_int_equal(8000, ws_listen(quick)->len);
    }
    assert_int_equal(1013, ws_close_code(slow));
    ws_say(slow, 8, "\x03\xf5", 2);
    wait_closed(1);
    close(slow);
    send_text(slow_id, "nobody there");
    ws_say_text(quick, "still here");
    wait_heard("quick:still here");
    close(quick);
}

static void what_no_client_may_send_ends_with_its_code(void **state)
{
    static char large[65537];
    static const struct {
        int opcode;
        const char *text;
        size_t len;
        int want;
    } cases[] = {
        {1, large, sizeof(large), 1009},
        {1, "\xff\xfe", 2, 1007},
        {2, "binary", 6, 1003},
        {3, "", 0, 1002},
        {1, large, 65536, 0},
    };
    memset(large, 'a', sizeof(large));
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        int fd = join("anna", NULL, NULL);
        ws_say(fd, cases[i].opcode, cases[i].text, cases[i].len);
        if (cases[i].want) {
            assert_int_equal(cases[i].want, ws_close_code(fd));
            // It does not wait for ever for an answer; its time begins once the close is sent.
            while (sok_ws_count(ws))
                sok_clock_manual_advance(&manual, 6000);
        } else {
            pthread_mutex_lock(&world.lock);
            while (world.heard_len != cases[i].len)
                pthread_cond_wait(&world.wake, &world.lock);
            pthread_mutex_unlock(&world.lock);
        }
        close(fd);
    }
    int fd = join("anna", NULL, NULL);
    raw_say_bytes(fd, "\x81\x02hi", 4); // not masked
    assert_int_equal(1002, ws_close_code(fd));
    close(fd);
}

static void pings_come_every_30_s_and_silence_ends_after_two(void **state)
{
    int fd = join("silent", NULL, NULL), awake = join("awake", NULL, NULL);
    ws_say_text(fd, "a");
    wait_heard("silent:a");
    ws_say_text(awake, "b");
    wait_heard("awake:b");
    for (int i = 0; i < 2; i++) {
        sok_clock_manual_advance(&manual, 30000);
        assert_int_equal(9, ws_listen(fd)->opcode);
        assert_int_equal(9, ws_listen(awake)->opcode);
        ws_say(awake, 10, "", 0);
    }
    ws_say_text(awake, "c");
    wait_heard("awake:c");
    sok_clock_manual_advance(&manual, 30000);
    assert_int_equal(-1, ws_listen(fd)->opcode);
    assert_int_equal(9, ws_listen(awake)->opcode);
    wait_closed(1);
    close(fd);
    close(awake);
}

static void pings_are_answered(void **state)
{
    int fd = join("anna", NULL, NULL);
    ws_say(fd, 9, "abc", 3);
    struct ws_frame *frame = ws_listen(fd);
    assert_int_equal(10, frame->opcode);
    assert_string_equal("abc", frame->text);
    close(fd);
    wait_closed(1);
}

static void a_close_is_said_and_answered(void **state)
{
    int anna = join("anna", NULL, NULL), berta = join("berta", NULL, NULL);
    sok_ws_close(ws, 4401, "session ended", is_user, "anna");
    struct ws_frame *frame = ws_listen(anna);
    assert_int_equal(4401, frame->close_code);
    assert_string_equal("session ended", frame->text + 2);
    ws_say(anna, 8, frame->text, frame->len);
    assert_int_equal(-1, ws_listen(anna)->opcode);
    ws_say(berta, 8, "\x03\xe8", 2);
    assert_int_equal(1000, ws_listen(berta)->close_code);
    assert_int_equal(-1, ws_listen(berta)->opcode);
    wait_closed(2);
    close(anna);
    close(berta);
}

static void a_duplicate_that_is_still_open_does_no_harm(void **state)
{
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int duplicate = dup(ends[0]);
    assert_true(sok_ws_add(ws, ends[0], NULL, 0, (void *)(uintptr_t) "anna") > 0);
    ws_say(ends[1], 8, "\x03\xe8", 2);
    assert_int_equal(1000, ws_close_code(ends[1]));
    assert_int_equal(-1, ws_listen(ends[1])->opcode); // ended, whoever else holds it
    wait_closed(1);
    int other = join("berta", NULL, NULL);
    ws_say_text(other, "still served");
    wait_heard("berta:still served");
    close(other);
    close(duplicate);
    close(ends[1]);
}

static void there_is_room_for_so_many_only(void **state)
{
    int fds[101];
    uint64_t id;
    for (int i = 0; i < 100; i++)
        fds[i] = join("x", NULL, NULL);
    fds[100] = join("x", NULL, &id);
    assert_int_equal(0, id);
    assert_int_equal(-1, ws_listen(fds[100])->opcode);
    assert_int_equal(100, sok_ws_count(ws));
    for (int i = 0; i < 101; i++)
        close(fds[i]);
}

static void stopping_says_going_away(void **state)
{
    int fd = join("anna", NULL, NULL);
    ws_say_text(fd, "a");
    wait_heard("anna:a");
    ws = sok_ws_free(ws); // 2 s at most: this client does not answer
    assert_int_equal(1001, ws_close_code(fd));
    assert_int_equal(1, world.closed);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_go_both_ways),
        TEST(bytes_behind_the_handshake_are_not_lost),
        TEST(a_broadcast_reaches_whom_it_concerns),
        TEST(a_slow_reader_is_dropped_and_holds_up_nobody),
        TEST(what_no_client_may_send_ends_with_its_code),
        TEST(pings_come_every_30_s_and_silence_ends_after_two),
        TEST(pings_are_answered),
        TEST(a_close_is_said_and_answered),
        TEST(a_duplicate_that_is_still_open_does_no_harm),
        TEST(there_is_room_for_so_many_only),
        TEST(stopping_says_going_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
