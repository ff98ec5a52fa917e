// The sockets that a server listens on: made by us from SOKOUL_LISTEN, or handed over by a service manager.
#include "net/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define BACKLOG 1024

static int open_tcp(const struct sockaddr *address, socklen_t len, const char *text, struct sok_error *err)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0) {
        (void)sok_fail_errno(err, SOK_IO, errno, "cannot make a socket for %s", text);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6) // so that 0.0.0.0 and [::] can both be listed
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, address, len) < 0 || listen(fd, BACKLOG) < 0) {
        (void)sok_fail_errno(err, SOK_IO, errno, "cannot listen on %s", text);
        close(fd);
        return -1;
    }
    return fd;
}

// "127.0.0.1:3000", "[::1]:0", "localhost:80".
static enum sok_status listen_tcp(
    struct sok_listener *listener, struct sok_arena *arena, const char *text, struct sok_error *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !sok_parse_int(colon + 1, 0, 65535, &port))
        return sok_fail(err, SOK_INVALID, "%s is not ADDRESS:PORT", text);
    size_t len = (size_t)(colon - text);
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    const char *host = sok_strndup(arena, text + brackets, len - 2 * (size_t)brackets);
    struct sok_address address;
    if (!sok_address_parse(sok_text_eq(host, "localhost") ? "127.0.0.1" : host, &address) ||
        (strchr(host, ':') && !brackets))
        return sok_fail(err, SOK_INVALID, "%s is not ADDRESS:PORT", text);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    memcpy(&v4.sin_addr, address.bytes + 12, 4);
    memcpy(&v6.sin6_addr, address.bytes, 16);
    listener->fd = brackets ? open_tcp((struct sockaddr *)&v6, sizeof(v6), text, err)
                            : open_tcp((struct sockaddr *)&v4, sizeof(v4), text, err);
    if (listener->fd < 0)
        return err ? err->status : SOK_IO;
    socklen_t size = sizeof(v6);
    getsockname(listener->fd, (struct sockaddr *)&v6, &size); // the port stands at the same place in both
    listener->port = ntohs(v6.sin6_port);
    return SOK_OK;
}

static enum sok_status listen_unix(struct sok_listener *listener, const char *path, struct sok_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (!len || len >= sizeof(address.sun_path))
        return sok_fail(err, SOK_INVALID, "the path of a unix socket has 1 to 107 characters");
    memcpy(address.sun_path, path, len);
    // A socket file that nobody answers on is what a killed process left behind.
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe >= 0 && connect(probe, (struct sockaddr *)&address, sizeof(address)) < 0 &&
        errno == ECONNREFUSED)
        unlink(path);
    if (probe >= 0)
        close(probe);
    listener->fd = open_tcp((struct sockaddr *)&address, sizeof(address), path, err);
    if (listener->fd < 0)
        return err ? err->status : SOK_IO;
    chmod(path, 0660);
    memcpy(listener->unix_path, path, len);
    return SOK_OK;
}

static enum sok_status ask_socket(int fd, struct sockaddr_storage *ret_address, struct sok_error *err)
{
    int type = 0, listens = 0;
    socklen_t size = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || type != SOCK_STREAM || !listens)
        return sok_fail(
            err, SOK_INVALID, "descriptor %d, which was handed to us, is no listening stream socket", fd);
    *ret_address = (struct sockaddr_storage){0};
    size = sizeof(*ret_address);
    if (getsockname(fd, (struct sockaddr *)ret_address, &size) < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot use descriptor %d, which was handed to us", fd);
    return SOK_OK;
}

static int port_of(const struct sockaddr_storage *address)
{
    bool is_tcp = address->ss_family == AF_INET || address->ss_family == AF_INET6;
    return is_tcp ? ntohs(((const struct sockaddr_in6 *)address)->sin6_port) : 0; // at the same place in both
}

enum sok_status sok_http_sockets_text(
    struct sok_arena *arena, int first, int count, const char **ret, struct sok_error *err)
{
    const char *text = "";
    for (int fd = first; fd < first + count; fd++) {
        struct sockaddr_storage socket;
        SOK_TRY(ask_socket(fd, &socket, err));
        struct sok_address address;
        char host[46];
        const char *one;
        if (sok_address_from_sockaddr((struct sockaddr *)&socket, &address)) {
            sok_address_format(&address, host);
            one = sok_format(arena, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port_of(&socket));
        } else {
            one = sok_format(arena, "unix:%.107s", ((struct sockaddr_un *)&socket)->sun_path);
        }
        text = *text ? sok_format(arena, "%s,%s", text, one) : one;
    }
    *ret = text;
    return SOK_OK;
}

// A socket that whoever started us listens on already: it outlives this process, so that a client who comes
// between two of us waits in its queue instead of being refused.
static enum sok_status take_socket(struct sok_listener *listener, int fd, struct sok_error *err)
{
    struct sockaddr_storage address;
    SOK_TRY(ask_socket(fd, &address, err));
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot use descriptor %d, which was handed to us", fd);
    listener->port = port_of(&address);
    listener->fd = fd;
    return SOK_OK;
}

static enum sok_status take_inherited(struct sok_http_server *server, struct sok_error *err)
{
    if (server->options.inherited_count > SOK_LISTEN_MAX)
        return sok_fail(err, SOK_INVALID, "more than %d sockets to listen on", SOK_LISTEN_MAX);
    for (; server->listener_count < server->options.inherited_count; server->listener_count++)
        SOK_TRY(take_socket(
            &server->listeners[server->listener_count],
            server->options.inherited_first + server->listener_count, err));
    return SOK_OK;
}

enum sok_status sok_listeners_open(struct sok_http_server *server, struct sok_error *err)
{
    if (server->options.inherited_count > 0)
        return take_inherited(server, err);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (const char *at = server->options.listen; *at;) {
        size_t len = strcspn(at, ",");
        const char *text = sok_text_trim(arena, sok_strndup(arena, at, len));
        if (*text) {
            if (server->listener_count == SOK_LISTEN_MAX)
                return sok_fail(err, SOK_INVALID, "more than %d addresses to listen on", SOK_LISTEN_MAX);
            struct sok_listener *listener = &server->listeners[server->listener_count];
            SOK_TRY(
                sok_text_starts(text, "unix:") ? listen_unix(listener, text + 5, err)
                                               : listen_tcp(listener, arena, text, err));
            server->listener_count++;
        }
        at += len + (at[len] != 0);
    }
    return server->listener_count ? SOK_OK : sok_fail(err, SOK_INVALID, "no address to listen on");
}
