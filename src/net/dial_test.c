#include "net/dial.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test.h"

#define LONG_MS 20000

static int listen_tcp(int *ret_port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&name, sizeof(name)));
    assert_int_equal(0, listen(fd, 4));
    assert_int_equal(0, getsockname(fd, (struct sockaddr *)&name, &len));
    *ret_port = ntohs(name.sin_port);
    return fd;
}

static void assert_connected(int listener, const char *address)
{
    struct sok_error err = {0};
    char byte = 0;
    int fd = -1;
    if (sok_dial(address, LONG_MS, &fd, &err) != SOK_OK)
        fail_msg("%s: %s", address, err.message);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int other = accept(listener, NULL, NULL);
    assert_int_equal(1, write(fd, "x", 1));
    assert_int_equal(1, read(other, &byte, 1));
    assert_int_equal('x', byte);
    close(other);
    close(fd);
}

static void numbers_and_names_are_reached(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    int port, listener = listen_tcp(&port);
    for (size_t i = 0; i < SOK_ARRAY_LEN(hosts); i++) {
        char address[64];
        snprintf(address, sizeof(address), "tcp:%s:%d", hosts[i], port);
        assert_connected(listener, address);
    }
    close(listener);
}

static void a_unix_socket_is_reached(void **state)
{
    char folder[] = "/tmp/sokoul-dial-XXXXXX", address[128];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&name, sizeof(name)));
    assert_int_equal(0, listen(listener, 4));
    snprintf(address, sizeof(address), "unix:%s", name.sun_path);
    assert_connected(listener, address);
    close(listener);
    unlink(name.sun_path);
    rmdir(folder);
}

static void what_cannot_be_reached_says_so_and_leaves_no_socket(void **state)
{
    char path[200];
    memset(path, 'x', sizeof(path));
    memcpy(path, "unix:/", 6);
    path[sizeof(path) - 1] = 0;
    int port;
    close(listen_tcp(&port));
    char closed[64];
    snprintf(closed, sizeof(closed), "tcp:127.0.0.1:%d", port);
    const struct {
        const char *address;
        enum sok_status status;
    } rows[] = {
        {closed, SOK_UNAVAILABLE},
        {"tcp:nowhere.invalid:80", SOK_UNAVAILABLE},
        {"unix:/nonexistent/socket", SOK_UNAVAILABLE},
        {path, SOK_INVALID},
        {"unix:", SOK_INVALID},
        {"tcp:127.0.0.1", SOK_INVALID},
        {"tcp::80", SOK_INVALID},
        {"tcp:127.0.0.1:0", SOK_INVALID},
        {"tcp:127.0.0.1:65536", SOK_INVALID},
        {"tcp:127.0.0.1:80x", SOK_INVALID},
        {"udp:127.0.0.1:80", SOK_INVALID},
        {"", SOK_INVALID},
    };
    int before = dup(0);
    close(before);
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_error err = {0};
        int fd = -1;
        enum sok_status status = sok_dial(rows[i].address, LONG_MS, &fd, &err);
        if (status != rows[i].status || !*err.message || fd != -1)
            fail_msg("%s: %d %s", rows[i].address, status, err.message);
    }
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

static void a_deadline_that_is_over_is_a_timeout(void **state)
{
    struct sok_error err = {0};
    int fd = -1;
    assert_int_equal(SOK_TIMEOUT, sok_dial("tcp:localhost:9", 0, &fd, &err));
    assert_int_equal(-1, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_names_are_reached),
        cmocka_unit_test(a_unix_socket_is_reached),
        cmocka_unit_test(what_cannot_be_reached_says_so_and_leaves_no_socket),
        cmocka_unit_test(a_deadline_that_is_over_is_a_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
