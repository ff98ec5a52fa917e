// A client for the server's tests that sends exactly the bytes it is told to and reads replies as they come.
#ifndef SOK_NET_RAW_CLIENT_TEST_H
#define SOK_NET_RAW_CLIENT_TEST_H

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

#define RAW_DEADLINE_MS 20000

struct raw_reply {
    int status;
    const char *head; // status line and headers, NUL-terminated
    const char *body;
    size_t body_len;
    bool closed; // the server ended the connection behind it
};

SOK_UNUSED static int raw_dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

SOK_UNUSED static void raw_say_bytes(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; // the server may have hung up already; the reply tells
        at += n;
        len -= (size_t)n;
    }
}

SOK_UNUSED static void raw_say(int fd, const char *text)
{
    raw_say_bytes(fd, text, strlen(text));
}

// Up to `max` bytes; 0 at the end; fails the test when nothing comes.
SOK_UNUSED static size_t raw_read(int fd, char *buf, size_t max)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, RAW_DEADLINE_MS) != 1)
        fail_msg("no answer");
    ssize_t n = recv(fd, buf, max, 0);
    return n > 0 ? (size_t)n : 0;
}

SOK_UNUSED static const char *raw_header(
    struct sok_arena *arena, const struct raw_reply *reply, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = reply->head; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return sok_text_trim(arena, sok_strndup(arena, line + len + 1, strcspn(line + len + 1, "\r")));
    return NULL;
}

// Reads one reply. `with_body` false: to HEAD.
SOK_UNUSED static struct raw_reply raw_listen(struct sok_arena *arena, int fd, bool with_body)
{
    struct sok_buf buf;
    sok_buf_init(&buf, 64 << 20);
    struct raw_reply reply = {0};
    char piece[65536];
    const char *end;
    while (!buf.data || !(end = strstr(buf.data, "\r\n\r\n"))) {
        size_t n = raw_read(fd, piece, 1);
        if (!n) {
            reply.closed = true;
            reply.head = sok_strndup(arena, buf.data ? buf.data : "", buf.len);
            sok_buf_done(&buf);
            return reply;
        }
        sok_buf_append(&buf, piece, n);
    }
    reply.head = sok_strndup(arena, buf.data, buf.len - 2);
    reply.status = (int)strtol(buf.data + 9, NULL, 10);
    sok_buf_clear(&buf);
    const char *length = raw_header(arena, &reply, "Content-Length");
    int64_t want = INT64_MAX;
    if (length)
        assert_true(sok_parse_int(length, 0, INT64_MAX, &want));
    if (!with_body || reply.status == 304 || reply.status == 204 || reply.status < 200)
        want = 0;
    while ((int64_t)buf.len < want) {
        size_t max = (size_t)(want - (int64_t)buf.len);
        size_t n = raw_read(fd, piece, max < sizeof(piece) ? max : sizeof(piece));
        if (!n) {
            reply.closed = true;
            break;
        }
        sok_buf_append(&buf, piece, n);
    }
    reply.body_len = buf.len;
    char *body = sok_alloc(arena, buf.len + 1);
    if (buf.len)
        memcpy(body, buf.data, buf.len);
    reply.body = body;
    sok_buf_done(&buf);
    return reply;
}

// Whether the server ends the connection now.
SOK_UNUSED static bool raw_is_closed(int fd)
{
    char byte;
    return raw_read(fd, &byte, 1) == 0;
}

// One request on a connection of its own.
SOK_UNUSED static struct raw_reply raw_ask(struct sok_arena *arena, int port, const char *request)
{
    int fd = raw_dial(port);
    raw_say(fd, request);
    struct raw_reply reply = raw_listen(arena, fd, strncmp(request, "HEAD", 4) != 0);
    close(fd);
    return reply;
}

SOK_UNUSED static void raw_assert_has(struct raw_reply reply, const char *text)
{
    if (!strstr(reply.head, text) && !(reply.body && strstr(reply.body, text)))
        fail_msg("%s is not in:\n%s\n%s", text, reply.head, reply.body ? reply.body : "");
}

#endif
