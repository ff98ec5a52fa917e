// getaddrinfo waits as long as the resolver's configuration says and cannot be called off, so a name is
// looked up by a thread of its own; it and the one who waits hold the result together, and the last one frees
// it. An address that is written in numbers needs none.
#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "base/wait.h"

#define HOST_SIZE 256
#define PORT_SIZE 6

// --- Looking up

struct lookup {
    char host[HOST_SIZE], port[PORT_SIZE];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int holders; // under the lock, as all below
    bool is_done;
    int code; // of getaddrinfo
    struct addrinfo *found;
};

static int ask(const char *host, const char *port, int flags, struct addrinfo **ret)
{
    const struct addrinfo hints = {.ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    return getaddrinfo(host, port, &hints, ret);
}

static void let_go(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool is_last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!is_last)
        return;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    pthread_mutex_destroy(&lookup->lock);
    pthread_cond_destroy(&lookup->wake);
    free(lookup);
}

static void *look_up(void *context)
{
    struct lookup *lookup = context;
    struct addrinfo *found = NULL;
    int code = ask(lookup->host, lookup->port, AI_ADDRCONFIG, &found);
    pthread_mutex_lock(&lookup->lock);
    lookup->code = code;
    lookup->found = code ? NULL : found;
    lookup->is_done = true;
    pthread_cond_signal(&lookup->wake);
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
    return NULL;
}

static struct lookup *start_lookup(const char *host, const char *port)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    pthread_t thread;
    if (!lookup)
        sok_panic("out of memory");
    snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    snprintf(lookup->port, sizeof(lookup->port), "%s", port);
    pthread_mutex_init(&lookup->lock, NULL);
    sok_wait_init(&lookup->wake);
    lookup->holders = 2;
    if (pthread_create(&thread, NULL, look_up, lookup) == 0) {
        pthread_detach(thread);
        return lookup;
    }
    lookup->holders = 1;
    let_go(lookup);
    return NULL;
}

static enum sok_status find_addresses(
    const char *host, const char *port, int64_t timeout_ms, struct addrinfo **ret, struct sok_error *err)
{
    if (ask(host, port, AI_NUMERICHOST | AI_NUMERICSERV, ret) == 0)
        return SOK_OK;
    if (timeout_ms <= 0)
        return sok_fail(err, SOK_TIMEOUT, "there is no time left to look %s up", host);
    struct lookup *lookup = start_lookup(host, port);
    if (!lookup)
        return sok_fail(err, SOK_UNAVAILABLE, "cannot look %s up now", host);
    struct timespec deadline = sok_wait_deadline(timeout_ms);
    pthread_mutex_lock(&lookup->lock);
    while (!lookup->is_done && sok_wait_until(&lookup->wake, &lookup->lock, &deadline))
        ;
    bool is_done = lookup->is_done;
    int code = lookup->code;
    struct addrinfo *found = lookup->found;
    lookup->found = NULL;
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
    if (!is_done)
        return sok_fail(err, SOK_TIMEOUT, "looking %s up took too long", host);
    if (!found)
        return sok_fail(err, SOK_UNAVAILABLE, "cannot look %s up: %s", host, gai_strerror(code));
    *ret = found;
    return SOK_OK;
}

// --- Connecting

// 0, or an errno value.
static int wait_connected(int fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int64_t left_ms = deadline_ms - sok_time_mono_ms();
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
        if (ready == 0)
            return ETIMEDOUT;
        if (ready < 0 && errno != EINTR)
            return errno;
        int failed = 0;
        socklen_t len = sizeof(failed);
        if (ready > 0)
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 ? failed : errno;
    }
}

static int connect_one(const struct sockaddr *address, socklen_t len, int64_t deadline_ms, int *ret_fd)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int failed = connect(fd, address, len) == 0 ? 0 : errno;
    if (failed == EINPROGRESS)
        failed = wait_connected(fd, deadline_ms);
    if (failed)
        close(fd);
    else
        *ret_fd = fd;
    return failed;
}

static enum sok_status dial_failed(const char *address, int why, struct sok_error *err)
{
    if (why == ETIMEDOUT)
        return sok_fail(err, SOK_TIMEOUT, "%s does not answer", address);
    return sok_fail_errno(err, SOK_UNAVAILABLE, why, "cannot reach %s", address);
}

static enum sok_status dial_unix(const char *address, int64_t deadline_ms, int *ret_fd, struct sok_error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const char *path = address + strlen("unix:");
    if (!*path || strlen(path) >= sizeof(name.sun_path))
        return sok_fail(err, SOK_INVALID, "%s is no socket's address", address);
    memcpy(name.sun_path, path, strlen(path));
    int failed = connect_one((const struct sockaddr *)&name, sizeof(name), deadline_ms, ret_fd);
    return failed ? dial_failed(address, failed, err) : SOK_OK;
}

static bool split(const char *address, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *start = address + strlen("tcp:"), *colon = strrchr(start, ':');
    int64_t number;
    if (!colon || !sok_parse_int(colon + 1, 1, 65535, &number))
        return false;
    size_t len = (size_t)(colon - start);
    if (len > 2 && start[0] == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    }
    if (!len || len >= HOST_SIZE)
        return false;
    snprintf(host, HOST_SIZE, "%.*s", (int)len, start);
    snprintf(port, PORT_SIZE, "%d", (int)number);
    return true;
}

static enum sok_status dial_tcp(const char *address, int64_t deadline_ms, int *ret_fd, struct sok_error *err)
{
    char host[HOST_SIZE], port[PORT_SIZE];
    struct addrinfo *found = NULL;
    int failed = EHOSTUNREACH, on = 1, fd = -1;
    if (!split(address, host, port))
        return sok_fail(err, SOK_INVALID, "%s is no tcp:HOST:PORT", address);
    SOK_TRY(find_addresses(host, port, deadline_ms - sok_time_mono_ms(), &found, err));
    for (const struct addrinfo *at = found; at && failed; at = at->ai_next)
        failed = connect_one(at->ai_addr, at->ai_addrlen, deadline_ms, &fd);
    freeaddrinfo(found);
    if (failed)
        return dial_failed(address, failed, err);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *ret_fd = fd;
    return SOK_OK;
}

enum sok_status sok_dial(const char *address, int64_t timeout_ms, int *ret_fd, struct sok_error *err)
{
    int64_t deadline_ms = sok_time_mono_ms() + timeout_ms;
    if (sok_text_starts(address, "unix:"))
        return dial_unix(address, deadline_ms, ret_fd, err);
    if (sok_text_starts(address, "tcp:"))
        return dial_tcp(address, deadline_ms, ret_fd, err);
    return sok_fail(err, SOK_INVALID, "%s is neither unix:PATH nor tcp:HOST:PORT", address);
}
