// A queue that is always down: nothing is carried, and no job may be lost by it. For tests.
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "backends/queue/driver.h"

struct failing {
    struct sok_queue base;
    _Atomic bool stopped;
};

static enum sok_status failing_open(const char *location, struct sok_queue **ret, struct sok_error *err)
{
    struct failing *queue = calloc(1, sizeof(*queue));
    if (!queue)
        sok_panic("out of memory for the queue");
    queue->base.driver = &sok_queue_failing;
    *ret = &queue->base;
    return SOK_OK;
}

static void failing_close(struct sok_queue *queue)
{
    free(queue);
}

static void failing_publish(struct sok_queue *queue, enum sok_job job, const char *task_id)
{
}

static enum sok_status failing_wait(
    struct sok_queue *base, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
    struct sok_error *err)
{
    struct failing *queue = (struct failing *)base;
    // The caller looks at the table itself and comes back: a short rest keeps it from spinning.
    struct timespec rest = {.tv_nsec = 10 * 1000 * 1000};
    nanosleep(&rest, NULL);
    if (queue->stopped)
        return sok_fail(err, SOK_CANCELLED, "the queue is stopping");
    return sok_fail(err, SOK_UNAVAILABLE, "the queue is down");
}

static void failing_stop(struct sok_queue *base)
{
    ((struct failing *)base)->stopped = true;
}

static void failing_publish_event(struct sok_queue *queue, const struct sok_event *event)
{
}

static enum sok_status failing_subscribe(
    struct sok_queue *queue, const char *prefix, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status failing_send(
    struct sok_queue *queue, const char *address, const void *bytes, size_t len, struct sok_error *err)
{
    return sok_fail(err, SOK_UNAVAILABLE, "the queue is down");
}

static enum sok_status failing_listen(
    struct sok_queue *queue, const char *address, sok_letter_callback callback, void *context,
    struct sok_error *err)
{
    return SOK_OK;
}

static enum sok_status failing_ping(struct sok_queue *queue, int64_t timeout_ms, struct sok_error *err)
{
    return sok_fail(err, SOK_UNAVAILABLE, "the queue is down");
}

const struct sok_queue_driver sok_queue_failing = {
    .scheme = "failing",
    .open = failing_open,
    .close = failing_close,
    .publish = failing_publish,
    .wait = failing_wait,
    .stop = failing_stop,
    .publish_event = failing_publish_event,
    .subscribe = failing_subscribe,
    .send = failing_send,
    .listen = failing_listen,
    .ping = failing_ping,
};
