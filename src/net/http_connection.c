// libmicrohttpd's timeout starts anew with every byte, so a client that sends one byte a minute stays for
// ever. Here each connection's phase has a beginning, and a sweep every second shuts down the sockets of
// those whose phase lasts too long; libmicrohttpd then sees the end and cleans up as usual. It tells us
// before it closes a socket, so under the lock a file descriptor in the list is always the connection's.
//
// The same list is counted by address, so that one client cannot take every connection there is.
//
// Without a descriptor left, a thread of libmicrohttpd that has no connection yet asks again and again for
// the one that it cannot have. So some are kept back: once there are no others, they are given up, and
// everybody who is let in with one is turned away again.
#include "net/http_private.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/status.h"

#define HEAD_MS 75000      // from connection or last answer to a complete request header; idle time included
#define BODY_FREE_MS 30000 // a body may take this long at any speed,
#define BODY_BYTES_MS 1    // then it must come with 1 KiB/s on the whole
#define FINISHED_MS 2000   // to work on what came before the end of the stream
#define STOPPING_MS 3000   // to complete a request that has begun when the server is to stop
#define ASKED_MAX 128

// --- How many one client has

// False for those who are not counted: trusted proxies, and who reaches a unix socket, which is one.
static bool find_counted(
    const struct sok_http_server *server, const struct sockaddr *from, struct sok_address *ret)
{
    if (!from || !sok_address_from_sockaddr(from, ret) || sok_http_is_trusted(server, ret))
        return false;
    sok_address_to_household(ret);
    return true;
}

enum MHD_Result sok_connections_admit(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct sok_http_server *server = cls;
    struct sok_connections *list = &server->connections;
    struct sok_client *client;
    struct sok_address key;
    if (server->is_full)
        return MHD_NO;
    if (!find_counted(server, address, &key))
        return MHD_YES;
    pthread_mutex_lock(&list->lock);
    HASH_FIND(hh, list->clients, &key, sizeof(key), client);
    bool admitted = !client || client->count < list->per_client_max;
    pthread_mutex_unlock(&list->lock);
    return admitted ? MHD_YES : MHD_NO;
}

// Under the lock, as the next.
static void count_in(
    struct sok_connections *list, struct sok_connection *connection, const struct sok_address *key)
{
    struct sok_client *client;
    HASH_FIND(hh, list->clients, key, sizeof(*key), client);
    if (!client) {
        client = calloc(1, sizeof(*client));
        if (!client)
            sok_panic("out of memory for a client");
        client->address = *key;
        HASH_ADD(hh, list->clients, address, sizeof(client->address), client);
    }
    client->count++;
    connection->client = client;
}

static void count_out(struct sok_connections *list, struct sok_client *client)
{
    if (!client || --client->count > 0)
        return;
    HASH_DEL(list->clients, client);
    free(client);
}

// --- How long it takes

void sok_connections_notify(
    void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct sok_http_server *server = cls;
    struct sok_connections *list = &server->connections;
    struct sok_connection *connection = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof(*connection));
        if (!connection)
            sok_panic("out of memory for a connection");
        connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        connection->server = server;
        connection->since_ms = sok_clock_mono_ms(server->options.clock);
        struct sok_address key;
        bool counted = find_counted(
            server, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, &key);
        pthread_mutex_lock(&list->lock);
        DL_APPEND(list->first, connection);
        if (counted)
            count_in(list, connection, &key);
        pthread_mutex_unlock(&list->lock);
        *socket_context = connection;
        sok_http_count(server, &server->newcomers, 1);
    } else if (connection) {
        sok_connection_asks(connection); // or never will
        // It does not tell of the end of a request whose parameters it had no room for.
        void *unfinished = connection->exchange;
        if (unfinished)
            sok_exchange_done(server, mhd, &unfinished, MHD_REQUEST_TERMINATED_WITH_ERROR);
        pthread_mutex_lock(&list->lock);
        DL_DELETE(list->first, connection);
        count_out(list, connection->client);
        pthread_mutex_unlock(&list->lock);
        free(connection);
        *socket_context = NULL;
    }
}

struct sok_connection *sok_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void sok_connection_asks(struct sok_connection *connection)
{
    if (!connection->has_asked)
        sok_http_count(connection->server, &connection->server->newcomers, -1);
    connection->has_asked = true;
}

void sok_connection_set(
    struct sok_http_server *server, struct sok_connection *connection, enum sok_connection_phase phase)
{
    connection->body_bytes = 0;
    connection->since_ms = sok_clock_mono_ms(server->options.clock);
    connection->phase = phase;
}

static bool too_slow(
    const struct sok_http_server *server, const struct sok_connection *connection, int phase, int64_t now_ms)
{
    int64_t age_ms = now_ms - connection->since_ms;
    if (server->stopping && now_ms - server->stopping_since_ms > STOPPING_MS &&
        (phase == SOK_CONN_WAITING || phase == SOK_CONN_BODY))
        return true;
    if (phase == SOK_CONN_WAITING)
        return age_ms > HEAD_MS;
    return phase == SOK_CONN_BODY && age_ms > BODY_FREE_MS && connection->body_bytes < age_ms * BODY_BYTES_MS;
}

// Clients that have said they will send no more, in the middle of a request or between two. libmicrohttpd
// overlooks the end of a stream that arrives together with its last bytes and would wait for its timeout.
struct asked {
    struct pollfd fds[ASKED_MAX];
    nfds_t count;
};

static void cut_the_finished(struct asked *asked)
{
    if (asked->count && poll(asked->fds, asked->count, 0) > 0)
        for (nfds_t i = 0; i < asked->count; i++)
            if (asked->fds[i].revents)
                shutdown(asked->fds[i].fd, SHUT_RDWR);
    asked->count = 0;
}

void sok_connections_sweep(struct sok_http_server *server, int64_t now_ms, bool all)
{
    struct asked asked = {.count = 0};
    pthread_mutex_lock(&server->connections.lock);
    for (struct sok_connection *at = server->connections.first; at; at = at->next) {
        int phase = at->phase;
        int64_t age_ms = now_ms - at->since_ms;
        if (all ? phase != SOK_CONN_TAKEN : too_slow(server, at, phase, now_ms))
            shutdown(at->fd, SHUT_RDWR);
        else if ((phase == SOK_CONN_WAITING || phase == SOK_CONN_BODY) && age_ms > FINISHED_MS)
            asked.fds[asked.count++] = (struct pollfd){.fd = at->fd, .events = POLLRDHUP};
        if (asked.count == ASKED_MAX)
            cut_the_finished(&asked);
    }
    cut_the_finished(&asked);
    pthread_mutex_unlock(&server->connections.lock);
}

// --- When there is no descriptor left

// Opens descriptors into `fds`; how many it got.
static int take_descriptors(int *fds, int max)
{
    int count = 0;
    while (count < max && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    return count;
}

static void give_descriptors(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

void sok_connections_watch_limit(struct sok_http_server *server)
{
    int fds[2 * SOK_SPARE_FDS], count = take_descriptors(fds, server->spare_count ? 1 : 2 * SOK_SPARE_FDS);
    if (server->spare_count) { // all is well: is there one more?
        give_descriptors(fds, count);
        if (count)
            return;
        server->is_full = true; // first, so that nobody who is let in takes what is given up here
        give_descriptors(server->spares, server->spare_count);
        server->spare_count = 0;
    } else if (count < 2 * SOK_SPARE_FDS) {
        give_descriptors(fds, count);
        server->is_full = true;
    } else {
        memcpy(server->spares, fds, sizeof(server->spares));
        server->spare_count = SOK_SPARE_FDS;
        give_descriptors(fds + SOK_SPARE_FDS, SOK_SPARE_FDS);
        server->is_full = false;
    }
}

void sok_connections_end_watch(struct sok_http_server *server)
{
    give_descriptors(server->spares, server->spare_count);
    server->spare_count = 0;
}
