// A little HTTP server for unit tests: one thread a connection, one request a connection, the test's handler
// writes the answer. Loopback only. For tests alone: it trusts what it reads.
#ifndef SOK_NET_TEST_SERVER_H
#define SOK_NET_TEST_SERVER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/status.h"

#define TEST_CONNECTIONS_MAX 256

struct test_request {
    int fd;
    char method[16], target[4096]; // the target as sent, with its query
    char text[16384];              // the whole head
    const char *body;              // as far as it came with the head
    int number;                    // counts from 1
    void *context;
};
typedef void (*test_handler)(struct test_request *request);

struct test_server {
    int port;
    char base[64]; // "http://127.0.0.1:PORT"
    _Atomic int requests;
    test_handler handler;
    void *context;
    int fd;
    pthread_t thread;
    pthread_t connections[TEST_CONNECTIONS_MAX];
    int connection_count;
};

struct test_connection {
    struct test_server *server;
    int fd;
};

static inline void test_send(int fd, const void *bytes, size_t len)
{
    for (const char *at = bytes; len;) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

// `headers`: lines with CRLF, or "".
static inline void test_reply_bytes(int fd, int status, const char *headers, const void *body, size_t len)
{
    char head[4096];
    int n = snprintf(
        head, sizeof(head), "HTTP/1.1 %d Answer\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
        status, len, headers);
    test_send(fd, head, (size_t)n);
    test_send(fd, body, len);
}

static inline void test_reply(int fd, int status, const char *headers, const char *body)
{
    test_reply_bytes(fd, status, headers, body, strlen(body));
}

// Blocks until the client closes the connection.
static inline void test_wait_for_close(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

static inline void *test_serve_connection(void *argument)
{
    struct test_connection *connection = argument;
    struct test_request *request = calloc(1, sizeof(*request));
    size_t len = 0;
    request->fd = connection->fd;
    request->context = connection->server->context;
    char *end = NULL;
    while (!end && len < sizeof(request->text) - 1) {
        ssize_t n = recv(connection->fd, request->text + len, sizeof(request->text) - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        request->text[len] = 0;
        end = strstr(request->text, "\r\n\r\n");
    }
    if (end && sscanf(request->text, "%15s %4095s", request->method, request->target) == 2) {
        request->body = end + 4;
        request->number = ++connection->server->requests;
        connection->server->handler(request);
        shutdown(connection->fd, SHUT_WR);
        test_wait_for_close(connection->fd);
    }
    close(connection->fd);
    free(request);
    free(connection);
    return NULL;
}

static inline void *test_accept(void *argument)
{
    struct test_server *server = argument;
    for (;;) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        if (server->connection_count == TEST_CONNECTIONS_MAX)
            sok_panic("test server: too many connections");
        struct test_connection *connection = malloc(sizeof(*connection));
        connection->server = server;
        connection->fd = fd;
        pthread_create(
            &server->connections[server->connection_count++], NULL, test_serve_connection, connection);
    }
}

static inline void test_server_start(struct test_server *server, test_handler handler, void *context)
{
    memset(server, 0, sizeof(*server));
    server->handler = handler;
    server->context = context;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (bind(server->fd, (struct sockaddr *)&address, len) != 0 || listen(server->fd, 64) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &len) != 0)
        sok_panic("test server: cannot listen");
    server->port = ntohs(address.sin_port);
    snprintf(server->base, sizeof(server->base), "http://127.0.0.1:%d", server->port);
    pthread_create(&server->thread, NULL, test_accept, server);
}

// Every client must have closed its connections by now (free the HTTP client first).
static inline void test_server_stop(struct test_server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < server->connection_count; i++)
        pthread_join(server->connections[i], NULL);
    close(server->fd);
}

#endif
