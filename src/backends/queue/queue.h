// What wakes workers up and carries events. It is never the truth: a job is a row in `tasks` (data/tasks.h)
// and is leased there; losing every message of the queue loses no job. Drivers: embedded (in-process),
// nats (JetStream, shared by several processes), failing.
#ifndef SOK_BACKENDS_QUEUE_QUEUE_H
#define SOK_BACKENDS_QUEUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "base/status.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

enum sok_job { SOK_JOB_SEARCH, SOK_JOB_DOWNLOAD, SOK_JOB_SCORE, SOK_JOB_MONITOR, SOK_JOB_COUNT };

// "search", ...; and back (SOK_JOB_COUNT when unknown).
const char *sok_job_name(enum sok_job job);
enum sok_job sok_job_find(const char *name);

struct sok_queue;

// Whether such a URL can be meant, without opening it: a driver has its scheme and understands the rest. The
// message names no setting, and no secret of the URL.
SOK_MUST_CHECK enum sok_status sok_queue_check_url(const char *url, struct sok_error *err);

// url: "embedded:" or "nats://[USER:PASSWORD@]HOST[:PORT]" (a server that is away is waited
// for, see sok_queue_ping; SOK_UNAVAILABLE: it refuses us, or has no JetStream). Owned by the caller; close
// after every worker has stopped.
SOK_MUST_CHECK enum sok_status sok_queue_open(const char *url, struct sok_queue **ret, struct sok_error *err);
struct sok_queue *sok_queue_close(struct sok_queue *queue);

// What goes through it is counted from now on; before any other thread uses it. Borrowed.
void sok_queue_measure(struct sok_queue *queue, struct sok_metrics *metrics);

// Says that the task is there to be done: after its row is committed. Failing is harmless, the reconciler
// repeats it. Any thread, does not block.
void sok_queue_publish(struct sok_queue *queue, enum sok_job job, const char *task_id);

// Waits until something may be there for `job` (a message, a wake-up, or the timeout): *ret_task_id is the
// task's id, or "" for "look yourself". Always SOK_OK or SOK_UNAVAILABLE (queue down; the caller waits and
// looks itself) or SOK_CANCELLED after sok_queue_stop.
enum sok_status sok_queue_wait(
    struct sok_queue *queue, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
    struct sok_error *err);

// Wakes every waiter with SOK_CANCELLED, for good: the start of a shutdown.
void sok_queue_stop(struct sok_queue *queue);

// Events: a subject ("search.results", "download.progress", "command.download", "invalidate.media", ...),
// whom it concerns
// ("" everybody's, else a user id) and a JSON text of at most 256 KiB. Delivered to every subscriber of every
// process, in order per publisher, once; but after a server was away, what was missed comes afterwards, and
// some of what was not (is_late). Any thread; does not block; a subscriber that lags loses the oldest
// (bounded at 4,096 events).
struct sok_event {
    const char *subject, *user_id, *json;
    const char *id; // a UUIDv7, the same in every process; NULL when publishing: one is made
    bool is_late;   // false when publishing: it was missed (below), and may have come before
};
void sok_queue_publish_event(struct sok_queue *queue, const struct sok_event *event);

// `callback` runs on the queue's own thread, one event at a time, and must not block for long. prefix "" is
// everything. Subscribers are fixed at start, at most 16; they end with the queue.
typedef void (*sok_event_callback)(const struct sok_event *event, void *context);
SOK_MUST_CHECK enum sok_status sok_queue_subscribe(
    struct sok_queue *queue, const char *prefix, sok_event_callback callback, void *context,
    struct sok_error *err);

// Calls back, on the caller's thread and oldest first, with the events of the last max_age_ms that are kept
// anywhere outside this process: at most the newest 16,384, within 3 s. Its own are among them, all is_late.
// embedded: none. SOK_UNAVAILABLE when the server does not give them, or not all.
SOK_MUST_CHECK enum sok_status sok_queue_replay(
    struct sok_queue *queue, int64_t max_age_ms, sok_event_callback callback, void *context,
    struct sok_error *err);

// Keeps a line of the log (one JSON object of at most 128 KiB) in the stream LOGS, under LOGS.audit or
// LOGS.errors. False: it is too long, or too many wait already (1,024; 4 MiB), as when the server has been
// away for long. Any thread; does not block. A driver without streams keeps nothing and says true.
bool sok_queue_publish_log(struct sok_queue *queue, enum sok_log_stream stream, const char *json, size_t len);

// Letters: bytes for whoever listens at an address (lower-case letters, digits, '.' and '-', at most 80) in
// another process; kept nowhere, delivered at most once, in order per sender. A letter comes from outside: it
// may hold anything. Sending does not wait for anybody. SOK_UNAVAILABLE: the queue is down; SOK_TOO_LARGE.
#define SOK_LETTER_MAX_BYTES ((size_t)256 << 10)
#define SOK_LETTER_ADDRESS_MAX 80
SOK_MUST_CHECK enum sok_status sok_queue_send(
    struct sok_queue *queue, const char *address, const void *bytes, size_t len, struct sok_error *err);

// `callback` runs on a thread of the queue (embedded: on the sender's) and must not block. Listeners are
// fixed at start, at most 8; they end with the queue, whose closing waits for callbacks that run.
typedef void (*sok_letter_callback)(const void *bytes, size_t len, void *context);
SOK_MUST_CHECK enum sok_status sok_queue_listen(
    struct sok_queue *queue, const char *address, sok_letter_callback callback, void *context,
    struct sok_error *err);

// For health checks. Blocks at most timeout_ms.
SOK_MUST_CHECK enum sok_status sok_queue_ping(
    struct sok_queue *queue, int64_t timeout_ms, struct sok_error *err);

#endif
