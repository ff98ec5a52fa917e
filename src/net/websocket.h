// WebSockets (RFC 6455) after the handshake: one epoll thread serves all of them with wslay. It knows
// messages and clients, not what they mean.
//
// Every client has a bounded queue; who does not read fast enough is dropped with 1013 and never holds up
// others. A client gets a ping every 30 s and is dropped when two stay unanswered. A message over 64 KiB ends
// with 1009, text that is not UTF-8 with 1007, a binary one with 1003.
#ifndef SOK_NET_WEBSOCKET_H
#define SOK_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

#define SOK_WS_GOING_AWAY 1001
#define SOK_WS_POLICY 1008
#define SOK_WS_TRY_LATER 1013

struct sok_ws;

struct sok_ws_options {
    const struct sok_clock *clock;
    struct sok_metrics *metrics; // may be NULL
    void *context;               // of the callbacks
    // A text message (UTF-8), valid during the call, not NUL-terminated. On the hub's own thread; must not
    // block.
    void (*on_message)(void *context, uint64_t client, void *user, const char *text, size_t len);
    // The client is gone; its `user` is not used any more. On the hub's own thread (or in sok_ws_free).
    void (*on_close)(void *context, uint64_t client, void *user);
    int clients_max;        // 0: 20,000
    int queue_messages_max; // of one client; 0: 256
    size_t queue_bytes_max; // 0: 1 MiB
};

SOK_MUST_CHECK enum sok_status sok_ws_new(
    const struct sok_ws_options *options, struct sok_ws **ret, struct sok_error *err);

// Says 1001 to everyone, waits 2 s at most for them to take it, ends the thread. NULL is fine. Returns NULL.
struct sok_ws *sok_ws_free(struct sok_ws *ws);

// Takes over a connected, non-blocking socket whose handshake is done; `early` is what came behind it
// (copied). Returns the client's id, never used twice; 0 when there are too many (the socket is closed then
// and on_close is not called). Any thread.
uint64_t sok_ws_add(struct sok_ws *ws, int fd, const char *early, size_t early_len, void *user);

// A text that goes to many clients is held once. References are counted; any thread.
struct sok_ws_message;
struct sok_ws_message *sok_ws_message_new(const char *text, size_t len);
struct sok_ws_message *sok_ws_message_hold(struct sok_ws_message *message);
void sok_ws_message_drop(struct sok_ws_message *message); // NULL is fine

// Queues a message for one client. An unknown id is fine. Any thread; does not block.
void sok_ws_send(struct sok_ws *ws, uint64_t client, struct sok_ws_message *message);

// Queues it for every client for which `wants` says so; `wants` runs under the hub's lock and may only look
// at its arguments. Any thread.
typedef bool (*sok_ws_wants)(const void *context, void *user);
void sok_ws_broadcast(
    struct sok_ws *ws, struct sok_ws_message *message, sok_ws_wants wants, const void *context);

// Ends every client for which `wants` says so (NULL: all), or one, with this code and a literal as reason.
// Any thread.
void sok_ws_close(struct sok_ws *ws, int code, const char *reason, sok_ws_wants wants, const void *context);

void sok_ws_close_one(struct sok_ws *ws, uint64_t client, int code, const char *reason);

int sok_ws_count(struct sok_ws *ws);

#endif
