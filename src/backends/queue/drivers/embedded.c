// The queue of a single process. Jobs: a bounded ring of task ids for each kind; one that is full forgets the
// oldest, whose task is found by the workers' own look at the table. Events: a bounded list that one thread
// hands to the subscribers in order.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "backends/queue/driver.h"
#include "base/text.h"
#include "base/wait.h"

#define RING_MAX 1024
#define EVENTS_MAX 4096
#define EVENT_BYTES_MAX ((size_t)32 << 20) // of all that wait: 4,096 of the largest would be a gigabyte
#define SUBSCRIBERS_MAX 16

struct ring {
    char ids[RING_MAX][SOK_UUID_LEN + 1];
    size_t first, count;
    pthread_cond_t arrived;
};

struct event {
    struct event *prev, *next;
    struct sok_event shown;
    size_t bytes;
    char *subject, *user_id, *json, *id;
};

struct subscriber {
    char *prefix;
    sok_event_callback callback;
    void *context;
};

struct listener {
    char *address;
    sok_letter_callback callback;
    void *context;
};

struct embedded {
    struct sok_queue base;
    pthread_mutex_t lock; // guards all below but the subscribers' callbacks
    struct ring rings[SOK_JOB_COUNT];
    bool stopped; // for waiters
    struct event *events;
    size_t event_count, event_bytes;
    pthread_cond_t event_arrived;
    bool closing; // for the thread
    struct subscriber subscribers[SUBSCRIBERS_MAX];
    size_t subscriber_count;
    struct listener listeners[SOK_LETTER_LISTENERS_MAX];
    size_t listener_count;
    pthread_t thread;
};

static void event_free(struct event *event)
{
    free(event->subject);
    free(event->user_id);
    free(event->json);
    free(event->id);
    free(event);
}

static void deliver(struct embedded *queue, const struct event *event, size_t subscriber_count)
{
    for (size_t i = 0; i < subscriber_count; i++) {
        const struct subscriber *subscriber = &queue->subscribers[i];
        if (sok_text_starts(event->subject, subscriber->prefix))
            subscriber->callback(&event->shown, subscriber->context);
    }
}

// With the lock held.
static void take_out(struct embedded *queue, struct event *event)
{
    DL_DELETE(queue->events, event);
    queue->event_count--;
    queue->event_bytes -= event->bytes;
}

static void *run_events(void *context)
{
    struct embedded *queue = context;
    pthread_mutex_lock(&queue->lock);
    while (!queue->closing) {
        struct event *event = queue->events;
        if (!event) {
            pthread_cond_wait(&queue->event_arrived, &queue->lock);
            continue;
        }
        take_out(queue, event);
        size_t subscriber_count = queue->subscriber_count; // rows are only ever added
        pthread_mutex_unlock(&queue->lock);
        deliver(queue, event, subscriber_count);
        event_free(event);
        pthread_mutex_lock(&queue->lock);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

static enum sok_status embedded_open(const char *location, struct sok_queue **ret, struct sok_error *err)
{
    if (*location)
        return sok_fail(err, SOK_INVALID, "the queue URL embedded: takes nothing behind the colon");
    struct embedded *queue = calloc(1, sizeof(*queue));
    if (!queue)
        sok_panic("out of memory for the queue");
    queue->base.driver = &sok_queue_embedded;
    pthread_mutex_init(&queue->lock, NULL);
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        sok_wait_init(&queue->rings[i].arrived);
    sok_wait_init(&queue->event_arrived);
    int failed = pthread_create(&queue->thread, NULL, run_events, queue);
    if (failed) {
        free(queue);
        return sok_fail_errno(err, SOK_IO, failed, "cannot start the event thread");
    }
    *ret = &queue->base;
    return SOK_OK;
}

static void embedded_close(struct sok_queue *base)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    pthread_cond_signal(&queue->event_arrived);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    struct event *event, *next;
    DL_FOREACH_SAFE(queue->events, event, next)
    event_free(event);
    for (size_t i = 0; i < queue->subscriber_count; i++)
        free(queue->subscribers[i].prefix);
    for (size_t i = 0; i < queue->listener_count; i++)
        free(queue->listeners[i].address);
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        pthread_cond_destroy(&queue->rings[i].arrived);
    pthread_cond_destroy(&queue->event_arrived);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void embedded_publish(struct sok_queue *base, enum sok_job job, const char *task_id)
{
    struct embedded *queue = (struct embedded *)base;
    struct ring *ring = &queue->rings[job];
    pthread_mutex_lock(&queue->lock);
    if (ring->count == RING_MAX) {
        ring->first = (ring->first + 1) % RING_MAX;
        ring->count--;
    }
    memcpy(ring->ids[(ring->first + ring->count++) % RING_MAX], task_id, SOK_UUID_LEN + 1);
    pthread_cond_signal(&ring->arrived);
    pthread_mutex_unlock(&queue->lock);
}

static enum sok_status embedded_wait(
    struct sok_queue *base, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
    struct sok_error *err)
{
    struct embedded *queue = (struct embedded *)base;
    struct ring *ring = &queue->rings[job];
    struct timespec deadline = sok_wait_deadline(timeout_ms);
    pthread_mutex_lock(&queue->lock);
    while (!ring->count && !queue->stopped)
        if (!sok_wait_until(&ring->arrived, &queue->lock, &deadline))
            break;
    bool stopped = queue->stopped;
    if (!stopped && ring->count) {
        memcpy(ret_task_id, ring->ids[ring->first], SOK_UUID_LEN + 1);
        ring->first = (ring->first + 1) % RING_MAX;
        ring->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return stopped ? sok_fail(err, SOK_CANCELLED, "the queue is stopping") : SOK_OK;
}

static void embedded_stop(struct sok_queue *base)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    queue->stopped = true;
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        pthread_cond_broadcast(&queue->rings[i].arrived);
    pthread_mutex_unlock(&queue->lock);
}

static char *copy(const char *text)
{
    char *copied = strdup(text ? text : "");
    if (!copied)
        sok_panic("out of memory for an event");
    return copied;
}

static void embedded_publish_event(struct sok_queue *base, const struct sok_event *shown)
{
    struct embedded *queue = (struct embedded *)base;
    struct event *event = calloc(1, sizeof(*event));
    if (!event)
        sok_panic("out of memory for an event");
    event->subject = copy(shown->subject);
    event->user_id = copy(shown->user_id);
    event->json = copy(shown->json);
    event->id = copy(shown->id);
    event->shown = (struct sok_event){event->subject, event->user_id, event->json, event->id, shown->is_late};
    event->bytes = sizeof(*event) + strlen(event->subject) + strlen(event->user_id) + strlen(event->json);
    struct event *lost = NULL, *next;
    pthread_mutex_lock(&queue->lock);
    while (queue->events &&
           (queue->event_count == EVENTS_MAX || queue->event_bytes + event->bytes > EVENT_BYTES_MAX)) {
        struct event *oldest = queue->events;
        take_out(queue, oldest);
        DL_APPEND(lost, oldest);
    }
    DL_APPEND(queue->events, event);
    queue->event_count++;
    queue->event_bytes += event->bytes;
    pthread_cond_signal(&queue->event_arrived);
    pthread_mutex_unlock(&queue->lock);
    DL_FOREACH_SAFE(lost, event, next)
    event_free(event);
}

static enum sok_status embedded_subscribe(
    struct sok_queue *base, const char *prefix, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    bool full = queue->subscriber_count == SUBSCRIBERS_MAX;
    if (!full)
        queue->subscribers[queue->subscriber_count++] =
            (struct subscriber){.prefix = copy(prefix), .callback = callback, .context = context};
    pthread_mutex_unlock(&queue->lock);
    return full ? sok_fail(err, SOK_INTERNAL, "more than %d subscribers", SUBSCRIBERS_MAX) : SOK_OK;
}

static enum sok_status embedded_send(
    struct sok_queue *base, const char *address, const void *bytes, size_t len, struct sok_error *err)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->listener_count; // rows are only ever added
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq(queue->listeners[i].address, address))
            queue->listeners[i].callback(bytes, len, queue->listeners[i].context);
    return SOK_OK;
}

static enum sok_status embedded_listen(
    struct sok_queue *base, const char *address, sok_letter_callback callback, void *context,
    struct sok_error *err)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    bool full = queue->listener_count == SOK_LETTER_LISTENERS_MAX;
    if (!full)
        queue->listeners[queue->listener_count++] =
            (struct listener){.address = copy(address), .callback = callback, .context = context};
    pthread_mutex_unlock(&queue->lock);
    return full ? sok_fail(err, SOK_INTERNAL, "more than %d listeners", SOK_LETTER_LISTENERS_MAX) : SOK_OK;
}

static enum sok_status embedded_ping(struct sok_queue *base, int64_t timeout_ms, struct sok_error *err)
{
    struct embedded *queue = (struct embedded *)base;
    pthread_mutex_lock(&queue->lock);
    bool stopped = queue->stopped;
    pthread_mutex_unlock(&queue->lock);
    return stopped ? sok_fail(err, SOK_UNAVAILABLE, "the queue is stopping") : SOK_OK;
}

const struct sok_queue_driver sok_queue_embedded = {
    .scheme = "embedded",
    .open = embedded_open,
    .close = embedded_close,
    .publish = embedded_publish,
    .wait = embedded_wait,
    .stop = embedded_stop,
    .publish_event = embedded_publish_event,
    .subscribe = embedded_subscribe,
    .send = embedded_send,
    .listen = embedded_listen,
    .ping = embedded_ping,
};
