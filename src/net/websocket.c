// Threads: `lock` guards the table of clients and what other threads put there for the loop: each client's
// queue, its closing code, and the list of clients to look at. A client's socket and wslay context belong to
// the loop's thread alone, and only that thread frees clients, so it may use one it has found without the
// lock. Callbacks run without the lock.
//
// wslay copies what it is given and has no bound, so it is given one message at a time: the bounded queue is
// ours.
#include "net/websocket.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>
#include <wslay/wslay.h>

#include "base/time.h"

#define CLIENTS_MAX 20000
#define QUEUE_MESSAGES 256
#define QUEUE_BYTES ((size_t)1 << 20)
#define RECEIVE_MAX (64 << 10)
#define PING_MS 30000
#define CLOSE_MS 5000 // for the other side to answer our close
#define TICK_MS 500
#define STOP_MS 2000
#define EVENTS_MAX 64

struct sok_ws_message {
    _Atomic int holders;
    size_t len;
    char text[];
};

struct client {
    UT_hash_handle hh;
    struct sok_ws *ws;
    uint64_t id;
    void *user;
    // Under the lock:
    struct client *next_pending;
    bool is_pending, is_new;
    struct sok_ws_message **queue; // a ring of queue_messages_max, made with the first message
    int queue_first, queue_count;
    size_t queue_bytes;
    int close_code; // 0: none
    const char *close_reason;
    // The loop's:
    int fd;
    uint32_t watched; // the events epoll was told
    bool closing, broken;
    char *early;
    size_t early_len, early_at;
    struct wslay_event_context *wslay;
    int64_t ping_at_ms, gone_at_ms; // gone_at_ms: when a closing client is cut; 0: never
    int unanswered;
};

struct sok_ws {
    struct sok_ws_options options;
    pthread_t thread;
    int epoll_fd, wake_fd;
    pthread_mutex_t lock;
    struct client *clients, *pending; // `pending`: a list in no order
    uint64_t last_id;
    bool stopping;
};

// --- Messages

struct sok_ws_message *sok_ws_message_new(const char *text, size_t len)
{
    struct sok_ws_message *message = malloc(sizeof(*message) + len + 1);
    if (!message)
        sok_panic("out of memory for a message of %zu bytes", len);
    message->holders = 1;
    message->len = len;
    memcpy(message->text, text, len);
    message->text[len] = 0;
    return message;
}

struct sok_ws_message *sok_ws_message_hold(struct sok_ws_message *message)
{
    message->holders++;
    return message;
}

void sok_ws_message_drop(struct sok_ws_message *message)
{
    if (message && --message->holders == 0)
        free(message);
}

// --- The queue; with the lock held

static void mark_pending(struct sok_ws *ws, struct client *client)
{
    if (client->is_pending)
        return;
    client->is_pending = true;
    client->next_pending = ws->pending;
    ws->pending = client;
}

static void empty_queue(struct sok_ws *ws, struct client *client)
{
    for (; client->queue_count; client->queue_count--) {
        sok_ws_message_drop(client->queue[client->queue_first]);
        client->queue_first = (client->queue_first + 1) % ws->options.queue_messages_max;
    }
    client->queue_bytes = 0;
}

static void set_close(struct sok_ws *ws, struct client *client, int code, const char *reason)
{
    if (client->close_code)
        return;
    empty_queue(ws, client);
    client->close_code = code;
    client->close_reason = reason;
    mark_pending(ws, client);
}

static void push(struct sok_ws *ws, struct client *client, struct sok_ws_message *message)
{
    if (client->close_code)
        return;
    int max = ws->options.queue_messages_max;
    if (client->queue_count == max || client->queue_bytes + message->len > ws->options.queue_bytes_max) {
        set_close(ws, client, SOK_WS_TRY_LATER, "reading too slowly");
        sok_metric_add(ws->options.metrics, SOK_METRIC_WS_DROPPED, 1, SOK_WS_DROP_SLOW, 0, 0);
        return;
    }
    sok_metric_add(ws->options.metrics, SOK_METRIC_WS_MESSAGES, 1, SOK_DIRECTION_OUT, 0, 0);
    if (!client->queue && !(client->queue = calloc((size_t)max, sizeof(struct sok_ws_message *))))
        sok_panic("out of memory for a client's queue");
    client->queue[(client->queue_first + client->queue_count++) % max] = sok_ws_message_hold(message);
    client->queue_bytes += message->len;
    mark_pending(ws, client);
}

static struct sok_ws_message *pop(struct sok_ws *ws, struct client *client)
{
    if (!client->queue_count)
        return NULL;
    struct sok_ws_message *message = client->queue[client->queue_first];
    client->queue_first = (client->queue_first + 1) % ws->options.queue_messages_max;
    client->queue_count--;
    client->queue_bytes -= message->len;
    return message;
}

static void wake(struct sok_ws *ws)
{
    uint64_t one = 1;
    if (write(ws->wake_fd, &one, sizeof(one)) < 0) // EAGAIN: it is awake already
        return;
}

// --- wslay's callbacks

static ssize_t receive(
    struct wslay_event_context *wslay, uint8_t *buf, size_t len, int flags, void *user_data)
{
    struct client *client = user_data;
    if (client->early) {
        size_t n = client->early_len - client->early_at;
        n = n < len ? n : len;
        memcpy(buf, client->early + client->early_at, n);
        client->early_at += n;
        if (client->early_at == client->early_len) {
            free(client->early);
            client->early = NULL;
        }
        return (ssize_t)n;
    }
    ssize_t n;
    do
        n = recv(client->fd, buf, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    client->broken = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    wslay_event_set_error(wslay, client->broken ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static ssize_t transmit(
    struct wslay_event_context *wslay, const uint8_t *data, size_t len, int flags, void *user_data)
{
    struct client *client = user_data;
    ssize_t n;
    do
        n = send(client->fd, data, len, MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    client->broken = errno != EAGAIN && errno != EWOULDBLOCK;
    wslay_event_set_error(wslay, client->broken ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static void take_message(
    struct wslay_event_context *wslay, const struct wslay_event_on_msg_recv_arg *arg, void *user_data)
{
    struct client *client = user_data;
    const struct sok_ws_options *options = &client->ws->options;
    client->unanswered = 0; // whatever comes shows that somebody is there
    if (client->closing)
        return;
    if (arg->opcode == WSLAY_TEXT_FRAME || arg->opcode == WSLAY_BINARY_FRAME)
        sok_metric_add(options->metrics, SOK_METRIC_WS_MESSAGES, 1, SOK_DIRECTION_IN, 0, 0);
    if (arg->opcode == WSLAY_TEXT_FRAME)
        options->on_message(
            options->context, client->id, client->user, (const char *)arg->msg, arg->msg_length);
    else if (arg->opcode == WSLAY_BINARY_FRAME)
        wslay_event_queue_close(wslay, WSLAY_CODE_UNSUPPORTED_DATA, NULL, 0);
}

// --- One client; on the loop's thread, without the lock

static void free_client(struct sok_ws *ws, struct client *client)
{
    pthread_mutex_lock(&ws->lock);
    HASH_DEL(ws->clients, client);
    empty_queue(ws, client);
    for (struct client **at = &ws->pending; client->is_pending && *at; at = &(*at)->next_pending) {
        if (*at == client) {
            *at = client->next_pending;
            break;
        }
    }
    pthread_mutex_unlock(&ws->lock);
    ws->options.on_close(ws->options.context, client->id, client->user);
    // Where the socket came from another duplicate may still be open: closing ours would neither end the
    // connection nor take it out of epoll.
    epoll_ctl(ws->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
    shutdown(client->fd, SHUT_RDWR);
    close(client->fd);
    wslay_event_context_free(client->wslay);
    free(client->early);
    free(client->queue);
    free(client);
}

// Gives wslay the next message, or the close, once it has sent what it had.
static bool feed(struct sok_ws *ws, struct client *client)
{
    pthread_mutex_lock(&ws->lock);
    int code = client->close_code;
    const char *reason = client->close_reason;
    struct sok_ws_message *message = client->closing ? NULL : pop(ws, client);
    pthread_mutex_unlock(&ws->lock);
    if (message) {
        struct wslay_event_msg frame = {WSLAY_TEXT_FRAME, (const uint8_t *)message->text, message->len};
        wslay_event_queue_msg(client->wslay, &frame);
        sok_ws_message_drop(message);
        return true;
    }
    if (!code || client->closing)
        return false;
    client->closing = true;
    client->gone_at_ms = sok_clock_mono_ms(ws->options.clock) + CLOSE_MS;
    wslay_event_queue_close(client->wslay, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
    return true;
}

static void watch(struct sok_ws *ws, struct client *client)
{
    uint32_t events = (wslay_event_want_read(client->wslay) ? EPOLLIN : 0) |
                      (wslay_event_want_write(client->wslay) ? EPOLLOUT : 0);
    if (events == client->watched)
        return;
    client->watched = events;
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(ws->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

// Sends what can be sent. False: the client has been let go.
static bool flush(struct sok_ws *ws, struct client *client)
{
    do {
        if (wslay_event_want_write(client->wslay) && wslay_event_send(client->wslay) != 0)
            client->broken = true;
    } while (!client->broken && !wslay_event_want_write(client->wslay) && feed(ws, client));
    if (client->broken || (!wslay_event_want_read(client->wslay) && !wslay_event_want_write(client->wslay))) {
        free_client(ws, client);
        return false;
    }
    if (wslay_event_get_close_sent(client->wslay) && !client->gone_at_ms) { // wslay's own, for a wrong frame
        client->closing = true;
        client->gone_at_ms = sok_clock_mono_ms(ws->options.clock) + CLOSE_MS;
    }
    watch(ws, client);
    return true;
}

static void read_from(struct sok_ws *ws, struct client *client)
{
    if (wslay_event_want_read(client->wslay) && wslay_event_recv(client->wslay) != 0)
        client->broken = true;
    (void)flush(ws, client);
}

static bool start_client(struct sok_ws *ws, struct client *client)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = receive, .send_callback = transmit, .on_msg_recv_callback = take_message};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (wslay_event_context_server_init(&client->wslay, &callbacks, client) != 0)
        sok_panic("out of memory for a WebSocket");
    wslay_event_config_set_max_recv_msg_length(client->wslay, RECEIVE_MAX);
    client->watched = EPOLLIN;
    client->ping_at_ms = sok_clock_mono_ms(ws->options.clock) + PING_MS;
    if (epoll_ctl(ws->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
        client->broken = true;
    else if (client->early && wslay_event_recv(client->wslay) != 0)
        client->broken = true;
    return !client->broken;
}

// --- The loop

static void look_at_pending(struct sok_ws *ws)
{
    pthread_mutex_lock(&ws->lock);
    struct client *client = ws->pending;
    ws->pending = NULL;
    while (client) {
        struct client *next = client->next_pending;
        bool is_new = client->is_new;
        client->is_pending = client->is_new = false;
        pthread_mutex_unlock(&ws->lock);
        if (is_new)
            (void)start_client(ws, client);
        (void)flush(ws, client);
        pthread_mutex_lock(&ws->lock);
        client = next;
    }
    pthread_mutex_unlock(&ws->lock);
}

static void check_time(struct sok_ws *ws, struct client *client, int64_t now_ms)
{
    if (client->gone_at_ms && now_ms >= client->gone_at_ms) {
        client->broken = true;
    } else if (!client->closing && now_ms >= client->ping_at_ms) {
        client->ping_at_ms = now_ms + PING_MS;
        if (client->unanswered++ == 2) {
            sok_metric_add(ws->options.metrics, SOK_METRIC_WS_DROPPED, 1, SOK_WS_DROP_SILENT, 0, 0);
            client->broken = true;
        } else {
            struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
            wslay_event_queue_msg(client->wslay, &ping);
        }
    } else {
        return;
    }
    (void)flush(ws, client);
}

static void check_times(struct sok_ws *ws)
{
    int64_t now_ms = sok_clock_mono_ms(ws->options.clock);
    pthread_mutex_lock(&ws->lock);
    struct client *client = ws->clients;
    while (client) {
        struct client *next = client->hh.next; // new ones are added behind; nobody else removes
        bool is_new = client->is_new;
        pthread_mutex_unlock(&ws->lock);
        if (!is_new)
            check_time(ws, client, now_ms);
        pthread_mutex_lock(&ws->lock);
        client = next;
    }
    pthread_mutex_unlock(&ws->lock);
}

static void *run(void *context)
{
    struct sok_ws *ws = context;
    struct epoll_event events[EVENTS_MAX];
    int64_t stop_at_ms = 0;
    for (;;) {
        int count = epoll_wait(ws->epoll_fd, events, EVENTS_MAX, TICK_MS);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            uint64_t wakes;
            if (!client) {
                if (read(ws->wake_fd, &wakes, sizeof(wakes)) < 0)
                    continue;
            } else {
                read_from(ws, client);
            }
        }
        look_at_pending(ws);
        check_times(ws);
        pthread_mutex_lock(&ws->lock);
        bool stopping = ws->stopping, empty = !ws->clients;
        pthread_mutex_unlock(&ws->lock);
        if (stopping && !stop_at_ms)
            stop_at_ms = sok_time_mono_ms() + STOP_MS;
        if (stopping && (empty || sok_time_mono_ms() >= stop_at_ms))
            return NULL;
    }
}

// --- What others call

struct sok_ws *sok_ws_free(struct sok_ws *ws)
{
    if (!ws)
        return NULL;
    sok_ws_close(ws, SOK_WS_GOING_AWAY, "the server is stopping", NULL, NULL);
    pthread_mutex_lock(&ws->lock);
    ws->stopping = true;
    pthread_mutex_unlock(&ws->lock);
    wake(ws);
    pthread_join(ws->thread, NULL);
    struct client *client, *next;
    HASH_ITER(hh, ws->clients, client, next)
    {
        free_client(ws, client);
    }
    close(ws->epoll_fd);
    close(ws->wake_fd);
    pthread_mutex_destroy(&ws->lock);
    free(ws);
    return NULL;
}

static void set_defaults(struct sok_ws_options *options)
{
    if (!options->clients_max)
        options->clients_max = CLIENTS_MAX;
    if (!options->queue_messages_max)
        options->queue_messages_max = QUEUE_MESSAGES;
    if (!options->queue_bytes_max)
        options->queue_bytes_max = QUEUE_BYTES;
}

enum sok_status sok_ws_new(const struct sok_ws_options *options, struct sok_ws **ret, struct sok_error *err)
{
    struct sok_ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        sok_panic("out of memory for the WebSockets");
    ws->options = *options;
    set_defaults(&ws->options);
    pthread_mutex_init(&ws->lock, NULL);
    ws->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ws->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    bool fine = ws->epoll_fd >= 0 && ws->wake_fd >= 0 &&
                epoll_ctl(ws->epoll_fd, EPOLL_CTL_ADD, ws->wake_fd, &event) == 0 &&
                pthread_create(&ws->thread, NULL, run, ws) == 0;
    if (!fine) {
        enum sok_status status = sok_fail_errno(err, SOK_IO, errno, "cannot start the WebSocket thread");
        if (ws->epoll_fd >= 0)
            close(ws->epoll_fd);
        if (ws->wake_fd >= 0)
            close(ws->wake_fd);
        pthread_mutex_destroy(&ws->lock);
        free(ws);
        return status;
    }
    pthread_setname_np(ws->thread, "sok-ws");
    *ret = ws;
    return SOK_OK;
}

uint64_t sok_ws_add(struct sok_ws *ws, int fd, const char *early, size_t early_len, void *user)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client || (early_len && !(client->early = malloc(early_len))))
        sok_panic("out of memory for a WebSocket");
    client->ws = ws;
    client->fd = fd;
    client->user = user;
    client->is_new = true;
    client->early_len = early_len;
    if (early_len)
        memcpy(client->early, early, early_len);
    pthread_mutex_lock(&ws->lock);
    bool full = ws->stopping || (int)HASH_COUNT(ws->clients) >= ws->options.clients_max;
    uint64_t id = full ? 0 : ++ws->last_id;
    if (!full) {
        client->id = id;
        HASH_ADD(hh, ws->clients, id, sizeof(client->id), client);
        mark_pending(ws, client);
    }
    pthread_mutex_unlock(&ws->lock);
    if (full) {
        close(fd);
        free(client->early);
        free(client);
    } else {
        wake(ws);
    }
    return id;
}

void sok_ws_send(struct sok_ws *ws, uint64_t client_id, struct sok_ws_message *message)
{
    struct client *client = NULL;
    pthread_mutex_lock(&ws->lock);
    HASH_FIND(hh, ws->clients, &client_id, sizeof(client_id), client);
    if (client)
        push(ws, client, message);
    pthread_mutex_unlock(&ws->lock);
    wake(ws);
}

void sok_ws_broadcast(
    struct sok_ws *ws, struct sok_ws_message *message, sok_ws_wants wants, const void *context)
{
    pthread_mutex_lock(&ws->lock);
    for (struct client *at = ws->clients; at; at = at->hh.next)
        if (!wants || wants(context, at->user))
            push(ws, at, message);
    pthread_mutex_unlock(&ws->lock);
    wake(ws);
}

void sok_ws_close(struct sok_ws *ws, int code, const char *reason, sok_ws_wants wants, const void *context)
{
    pthread_mutex_lock(&ws->lock);
    for (struct client *at = ws->clients; at; at = at->hh.next)
        if (!wants || wants(context, at->user))
            set_close(ws, at, code, reason);
    pthread_mutex_unlock(&ws->lock);
    wake(ws);
}

void sok_ws_close_one(struct sok_ws *ws, uint64_t client_id, int code, const char *reason)
{
    struct client *client = NULL;
    pthread_mutex_lock(&ws->lock);
    HASH_FIND(hh, ws->clients, &client_id, sizeof(client_id), client);
    if (client)
        set_close(ws, client, code, reason);
    pthread_mutex_unlock(&ws->lock);
    wake(ws);
}

int sok_ws_count(struct sok_ws *ws)
{
    pthread_mutex_lock(&ws->lock);
    int count = (int)HASH_COUNT(ws->clients);
    pthread_mutex_unlock(&ws->lock);
    return count;
}
