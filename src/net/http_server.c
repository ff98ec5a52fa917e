// Start and stop. One libmicrohttpd daemon an address, each with a pool of epoll threads on a listening
// socket that we make ourselves (several addresses, unix sockets, a port that is known at once). Stopping
// goes in the order that libmicrohttpd demands: stop accepting, let everything that is running or suspended
// come to its end, cut what does not, and only then stop the daemons, which abort on a suspended connection.
#include "net/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"

#define CONNECTIONS_MAX 8192
#define CLIENT_SHARE 4 // one address gets a fourth of the connections at most
#define IDLE_S 60
#define JANITOR_MS 200
#define SWEEP_ROUNDS 5
#define LANE_THREADS 4
#define LANE_QUEUE 64
#define HASH_QUEUE 16
#define PUMP_THREADS 8
#define NEWCOMER_MS 1000 // for the first bytes of who came just before the end
#define ACCEPTING_MS 50  // until who has been accepted is known to us, with room to spare

static enum sok_status read_proxies(struct sok_http_server *server, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (const char *at = server->options.trusted_proxies; at && *at;) {
        size_t len = strcspn(at, ", ");
        const char *text = sok_strndup(arena, at, len);
        if (*text && (server->proxy_count == SOK_PROXIES_MAX ||
                      !sok_cidr_parse(text, &server->proxies[server->proxy_count++])))
            return sok_fail(
                err, SOK_INVALID, "trusted proxies: %.60s is no network, or there are more than %d", text,
                SOK_PROXIES_MAX);
        at += len + (at[len] != 0);
    }
    return SOK_OK;
}

// Paths, parameters and cookies are decoded by us: what comes must reach us as it is.
static size_t leave_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    return strlen(text);
}

static enum sok_status start_daemon(
    struct sok_http_server *server, struct sok_listener *listener, struct sok_error *err)
{
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
    int threads = server->options.threads;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listener->fd, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, server->options.connections_max, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, SOK_CONNECTION_MEMORY, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escapes, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)sok_exchange_new, server},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)sok_exchange_done, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)sok_connections_notify, server},
        {MHD_OPTION_END, 0, NULL},
    };
    listener->daemon = MHD_start_daemon(
        flags, 0, sok_connections_admit, server, sok_exchange_step, server, MHD_OPTION_ARRAY, options,
        MHD_OPTION_END);
    if (!listener->daemon)
        return sok_fail_errno(err, SOK_IO, errno, "cannot start the HTTP server");
    return SOK_OK;
}

// At most that long. The lock is held.
static void wait_for_wake(struct sok_http_server *server, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&server->wake, &server->lock, &until);
}

// Waits on server->wake until *counter is 0 or the deadline (monotonic) has passed.
static bool wait_for_none(struct sok_http_server *server, const _Atomic int *counter, int64_t deadline_ms)
{
    pthread_mutex_lock(&server->lock);
    while (*counter > 0 && sok_time_mono_ms() < deadline_ms)
        wait_for_wake(server, 50);
    pthread_mutex_unlock(&server->lock);
    return *counter == 0;
}

void sok_http_count(struct sok_http_server *server, _Atomic int *counter, int by)
{
    *counter += by;
    if (by < 0 && server->stopping) {
        pthread_mutex_lock(&server->lock);
        pthread_cond_broadcast(&server->wake);
        pthread_mutex_unlock(&server->lock);
    }
}

static void *sweep_slow_clients(void *context)
{
    struct sok_http_server *server = context;
    pthread_mutex_lock(&server->lock);
    for (int round = 0; server->janitor_runs; round++) {
        wait_for_wake(server, JANITOR_MS);
        pthread_mutex_unlock(&server->lock);
        if (round % SWEEP_ROUNDS == 0)
            sok_connections_sweep(server, sok_clock_mono_ms(server->options.clock), false);
        sok_connections_watch_limit(server);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

// Each connection may have a file open as well; a third stays for the database, WebSockets and peers.
static int count_connections(void)
{
    struct rlimit files = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur / 3 < CONNECTIONS_MAX ? (int)(files.rlim_cur / 3) : CONNECTIONS_MAX;
}

static void set_defaults(struct sok_http_server_options *options)
{
    if (!options->threads) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        options->threads = cores > 2 ? (int)cores * 2 : 4;
    }
    if (!options->connections_max)
        options->connections_max = count_connections();
    if (!options->lane_threads)
        options->lane_threads = LANE_THREADS;
    if (!options->lane_queue)
        options->lane_queue = LANE_QUEUE;
    if (!options->hash_queue)
        options->hash_queue = HASH_QUEUE;
    if (!options->clock)
        options->clock = &sok_clock_system;
}

static struct sok_http_server *server_new(const struct sok_http_server_options *options)
{
    struct sok_http_server *server = calloc(1, sizeof(*server));
    if (!server)
        sok_panic("out of memory for the HTTP server");
    server->options = *options;
    set_defaults(&server->options);
    server->connections.per_client_max = server->options.connections_max / CLIENT_SHARE;
    pthread_mutex_init(&server->connections.lock, NULL);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (int i = 0; i < SOK_LISTEN_MAX; i++)
        server->listeners[i].fd = -1;
    return server;
}

static enum sok_status start(struct sok_http_server *server, struct sok_error *err)
{
    SOK_TRY(sok_router_new(server->options.routes, server->options.route_count, &server->router, err));
    SOK_TRY(read_proxies(server, err));
    server->queue_response = sok_find_queue_response();
    if (!server->queue_response)
        return sok_fail(err, SOK_INTERNAL, "libmicrohttpd has no MHD_queue_response");
    SOK_TRY(sok_listeners_open(server, err));
    server->lane = sok_pool_new("sok-lane", server->options.lane_threads, server->options.lane_queue);
    server->hash_lane = sok_pool_new("sok-hash", 1, server->options.hash_queue);
    server->pumps = sok_pool_new("sok-pump", PUMP_THREADS, SOK_PUMPS_MAX);
    sok_connections_watch_limit(server);
    for (int i = 0; i < server->listener_count; i++)
        SOK_TRY(start_daemon(server, &server->listeners[i], err));
    server->janitor_runs = true;
    if (pthread_create(&server->janitor, NULL, sweep_slow_clients, server) != 0) {
        server->janitor_runs = false;
        return sok_fail(err, SOK_IO, "cannot start a thread");
    }
    pthread_setname_np(server->janitor, "sok-sweep");
    return SOK_OK;
}

enum sok_status sok_http_server_start(
    const struct sok_http_server_options *options, struct sok_http_server **ret, struct sok_error *err)
{
    struct sok_http_server *server = server_new(options);
    enum sok_status status = start(server, err);
    if (status == SOK_OK)
        *ret = server;
    else
        sok_http_server_stop(server, 0);
    return status;
}

int sok_http_server_port(const struct sok_http_server *server)
{
    for (int i = 0; i < server->listener_count; i++)
        if (server->listeners[i].port)
            return server->listeners[i].port;
    return 0;
}

// Another, unbound socket takes the place of the listening one, which the kernel thereby closes and takes out
// of every epoll set. MHD_quiesce_daemon would do the same by hand and races with the daemon's own threads:
// whoever comes second aborts the process (libmicrohttpd 0.9.75).
static void stop_accepting(struct sok_listener *listener)
{
    int unbound = listener->fd >= 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (unbound >= 0) {
        dup3(unbound, listener->fd, O_CLOEXEC);
        close(unbound);
    }
    if (*listener->unix_path)
        unlink(listener->unix_path);
}

static void close_listener(struct sok_listener *listener)
{
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon); // closes the socket
    else if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

static void stop_janitor(struct sok_http_server *server)
{
    if (!server->janitor_runs)
        return;
    pthread_mutex_lock(&server->lock);
    server->janitor_runs = false;
    pthread_cond_broadcast(&server->wake);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->janitor, NULL);
}

// Whoever was let in has been promised an answer, even where nothing was asked yet: a client who connects to
// a server that restarts is not to find a closed door behind an open one.
static void wait_for_newcomers(struct sok_http_server *server, int64_t grace_ms)
{
    if (grace_ms < NEWCOMER_MS)
        return;
    int64_t deadline_ms = sok_time_mono_ms() + ACCEPTING_MS;
    pthread_mutex_lock(&server->lock);
    while (sok_time_mono_ms() < deadline_ms)
        wait_for_wake(server, ACCEPTING_MS);
    pthread_mutex_unlock(&server->lock);
    (void)wait_for_none(server, &server->newcomers, deadline_ms + NEWCOMER_MS);
}

struct sok_http_server *sok_http_server_stop(struct sok_http_server *server, int64_t grace_ms)
{
    if (!server)
        return NULL;
    server->stopping_since_ms = sok_clock_mono_ms(server->options.clock);
    server->stopping = true;
    for (int i = 0; i < SOK_LISTEN_MAX; i++)
        stop_accepting(&server->listeners[i]);
    int64_t deadline_ms = sok_time_mono_ms() + grace_ms;
    wait_for_newcomers(server, grace_ms);
    bool drained = wait_for_none(server, &server->active, deadline_ms);
    server->ending = true; // from here nothing is suspended any more
    if (!drained)
        sok_connections_sweep(server, 0, true);
    // A handler that runs cannot be cut; each of its waits has a deadline, so this ends.
    (void)wait_for_none(server, &server->suspended, INT64_MAX);
    // A thread that has just resumed a connection may still be inside libmicrohttpd.
    sok_pool_free(server->lane);
    sok_pool_free(server->hash_lane);
    sok_pool_free(server->pumps);
    stop_janitor(server);
    for (int i = 0; i < SOK_LISTEN_MAX; i++)
        close_listener(&server->listeners[i]);
    sok_connections_end_watch(server);
    sok_router_free(server->router);
    pthread_cond_destroy(&server->wake);
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->connections.lock);
    free(server);
    return NULL;
}

const char *sok_http_server_version(void)
{
    return MHD_get_version();
}
