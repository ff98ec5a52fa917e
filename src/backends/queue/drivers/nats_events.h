// Events over NATS: what this process says goes out under EVENTS.>, what the others say comes from there into
// the local queue. The stream EVENTS keeps them for an hour: from it comes what this process missed while the
// server was away, and what was said before it started.
#ifndef SOK_BACKENDS_QUEUE_DRIVERS_NATS_EVENTS_H
#define SOK_BACKENDS_QUEUE_DRIVERS_NATS_EVENTS_H

#include <nats/nats.h>
#include <stdatomic.h>

#include "backends/queue/queue.h"

struct sok_nats_events;

// All borrowed.
struct sok_nats_events_parts {
    natsConnection *connection;
    jsCtx *js;
    struct sok_queue *local;             // takes what arrives
    const _Atomic int *connects;         // grows with each new connection to the server
    natsStatus (*ensure)(void *context); // makes the streams when the server does not know them
    void *context;
};

// Subscribes and starts the thread. Owned by the caller.
natsStatus sok_nats_events_start(const struct sok_nats_events_parts *parts, struct sok_nats_events **ret);

// Ends the thread. NULL is fine. Returns NULL.
struct sok_nats_events *sok_nats_events_stop(struct sok_nats_events *events);

// To the others, not to the local queue. Any thread; does not block.
void sok_nats_events_publish(struct sok_nats_events *events, const struct sok_event *event);

// See sok_queue_replay.
enum sok_status sok_nats_events_replay(
    struct sok_nats_events *events, int64_t max_age_ms, sok_event_callback callback, void *context,
    struct sok_error *err);

#endif
