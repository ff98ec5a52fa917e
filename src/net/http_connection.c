// libmicrohttpd's timeout starts anew with every byte, so a client that sends one byte a minute stays for
// ever. Here each connection's phase has a beginning, and a sweep every second shuts down the sockets of
// those whose phase lasts too long; libmicrohttpd then sees the end and cleans up as usual. It tells us
// before it closes a socket, so under the lock a file descriptor in the list is always the connection's.
#include "net/http_private.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/status.h"

#define HEAD_MS 75000      // from connection or last answer to a complete request header; idle time included
#define BODY_FREE_MS 30000 // a body may take this long at any speed,
#define BODY_BYTES_MS 1    // then it must come with 1 KiB/s on the whole

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
        connection->since_ms = sok_clock_mono_ms(server->options.clock);
        pthread_mutex_lock(&list->lock);
        connection->next = list->first;
        if (list->first)
            list->first->prev = connection;
        list->first = connection;
        pthread_mutex_unlock(&list->lock);
        *socket_context = connection;
    } else if (connection) {
        pthread_mutex_lock(&list->lock);
        if (connection->prev)
            connection->prev->next = connection->next;
        else
            list->first = connection->next;
        if (connection->next)
            connection->next->prev = connection->prev;
        pthread_mutex_unlock(&list->lock);
        free(connection);
        *socket_context = NULL;
    }
}

struct sok_connection *sok_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void sok_connection_set(
    struct sok_http_server *server, struct sok_connection *connection, enum sok_connection_phase phase)
{
    connection->body_bytes = 0;
    connection->since_ms = sok_clock_mono_ms(server->options.clock);
    connection->phase = phase;
}

static bool too_slow(struct sok_connection *connection, int64_t now_ms)
{
    int phase = connection->phase;
    int64_t age_ms = now_ms - connection->since_ms;
    if (phase == SOK_CONN_WAITING)
        return age_ms > HEAD_MS;
    return phase == SOK_CONN_BODY && age_ms > BODY_FREE_MS && connection->body_bytes < age_ms * BODY_BYTES_MS;
}

void sok_connections_sweep(struct sok_http_server *server, int64_t now_ms, bool all)
{
    pthread_mutex_lock(&server->connections.lock);
    for (struct sok_connection *at = server->connections.first; at; at = at->next)
        if (all ? at->phase != SOK_CONN_TAKEN : too_slow(at, now_ms))
            shutdown(at->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->connections.lock);
}
