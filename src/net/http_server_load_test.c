// Lanes that are full, clients that take their time or too much, and stopping in the middle of all that.
#include "net/http_server_world_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_lane_answers_503_and_loses_nobody),
        TEST(hashes_run_one_at_a_time_and_hold_up_no_other_lane),
        TEST(a_slow_handler_gets_its_body_too),
        TEST(clients_that_leave_while_waiting_do_no_harm),
        TEST(stopping_lets_running_requests_finish),
        TEST(stopping_waits_for_half_sent_requests_a_moment_only),
        TEST(one_address_does_not_get_every_connection),
        TEST(stopping_without_grace_ends_half_sent_requests),
        TEST(clients_that_trickle_are_cut_off),
        TEST(who_stops_sending_in_the_middle_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
