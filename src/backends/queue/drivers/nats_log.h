// Lines of the log on their way into JetStream: a bounded line of them and one thread that hands them over,
// each until the server says that it has it. Nobody else waits for that.
#ifndef SOK_BACKENDS_QUEUE_DRIVERS_NATS_LOG_H
#define SOK_BACKENDS_QUEUE_DRIVERS_NATS_LOG_H

#include <nats/nats.h>
#include <stdbool.h>

struct sok_nats_log;

// `ensure` makes the streams again when the server does not know them. All is borrowed. Owned by the caller.
struct sok_nats_log *sok_nats_log_start(
    natsConnection *connection, jsCtx *js, natsStatus (*ensure)(void *context), void *context);

// Copies a line. False when too much waits. `subject` is a literal; NULL log: false. Any thread; does not
// block.
bool sok_nats_log_put(struct sok_nats_log *log, const char *subject, const char *text, size_t len);

// Gives what waits a last second and ends the thread. NULL is fine. Returns NULL.
struct sok_nats_log *sok_nats_log_stop(struct sok_nats_log *log);

#endif
