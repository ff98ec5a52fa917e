#include "backends/queue/queue.h"

#include <stdbool.h>
#include <string.h>

#include "backends/queue/driver.h"
#include "base/time.h"

#define EVENT_MAX_BYTES ((size_t)256 << 10)
#define LOG_MAX_BYTES ((size_t)128 << 10)

static const struct sok_queue_driver *const drivers[] = {
    &sok_queue_embedded, &sok_queue_nats, &sok_queue_failing};

static const char *const job_names[] = {
    [SOK_JOB_SEARCH] = "search",
    [SOK_JOB_DOWNLOAD] = "download",
    [SOK_JOB_SCORE] = "score",
    [SOK_JOB_MONITOR] = "monitor",
};
_Static_assert(SOK_ARRAY_LEN(job_names) == SOK_JOB_COUNT, "a name for every job");

const char *sok_job_name(enum sok_job job)
{
    return (unsigned)job < SOK_JOB_COUNT ? job_names[job] : "unknown";
}

enum sok_job sok_job_find(const char *name)
{
    for (size_t i = 0; name && i < SOK_JOB_COUNT; i++)
        if (strcmp(job_names[i], name) == 0)
            return (enum sok_job)i;
    return SOK_JOB_COUNT;
}

static const struct sok_queue_driver *find_driver(const char *url)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(drivers); i++) {
        size_t len = strlen(drivers[i]->scheme);
        if (strncmp(url, drivers[i]->scheme, len) == 0 && url[len] == ':')
            return drivers[i];
    }
    return NULL;
}

enum sok_status sok_queue_check_url(const char *url, struct sok_error *err)
{
    const struct sok_queue_driver *driver = find_driver(url);
    if (!driver) // the URL may hold a password, so it is not repeated
        return sok_fail(err, SOK_INVALID, "no driver for its scheme; there are embedded: and nats://...");
    return driver->check ? driver->check(url + strlen(driver->scheme) + 1, err) : SOK_OK;
}

enum sok_status sok_queue_open(const char *url, struct sok_queue **ret, struct sok_error *err)
{
    const struct sok_queue_driver *driver = find_driver(url);
    struct sok_error why = {0};
    if (sok_queue_check_url(url, &why) != SOK_OK)
        return sok_fail(err, SOK_INVALID, "SOKOUL_QUEUE_URL: %s", why.message);
    return driver->open(url + strlen(driver->scheme) + 1, ret, err);
}

void sok_queue_measure(struct sok_queue *queue, struct sok_metrics *metrics)
{
    queue->metrics = metrics;
}

struct sok_queue *sok_queue_close(struct sok_queue *queue)
{
    if (queue)
        queue->driver->close(queue);
    return NULL;
}

void sok_queue_publish(struct sok_queue *queue, enum sok_job job, const char *task_id)
{
    if ((unsigned)job < SOK_JOB_COUNT && strlen(task_id) == SOK_UUID_LEN)
        queue->driver->publish(queue, job, task_id);
    sok_metric_add(
        queue->metrics, SOK_METRIC_QUEUE_PUBLISHED, 1, sok_label_find(SOK_LABEL_JOB, sok_job_name(job)), 0,
        0);
}

enum sok_status sok_queue_wait(
    struct sok_queue *queue, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
    struct sok_error *err)
{
    ret_task_id[0] = 0;
    return queue->driver->wait(queue, job, timeout_ms, ret_task_id, err);
}

void sok_queue_stop(struct sok_queue *queue)
{
    queue->driver->stop(queue);
}

void sok_queue_publish_event(struct sok_queue *queue, const struct sok_event *event)
{
    char id[SOK_UUID_LEN + 1];
    struct sok_event named = *event;
    if (!event->json || strlen(event->json) > EVENT_MAX_BYTES)
        return;
    if (!event->id) {
        sok_uuid7(sok_time_now_ms(), id);
        named.id = id;
    }
    queue->driver->publish_event(queue, &named);
    sok_metric_add(queue->metrics, SOK_METRIC_QUEUE_EVENTS, 1, 0, 0, 0);
}

enum sok_status sok_queue_subscribe(
    struct sok_queue *queue, const char *prefix, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    return queue->driver->subscribe(queue, prefix, callback, context, err);
}

enum sok_status sok_queue_replay(
    struct sok_queue *queue, int64_t max_age_ms, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    if (!queue->driver->replay)
        return SOK_OK;
    return queue->driver->replay(queue, max_age_ms, callback, context, err);
}

bool sok_queue_publish_log(struct sok_queue *queue, enum sok_log_stream stream, const char *json, size_t len)
{
    if (len > LOG_MAX_BYTES || (unsigned)stream >= SOK_LOG_STREAM_COUNT)
        return false;
    return !queue->driver->publish_log || queue->driver->publish_log(queue, stream, json, len);
}

static bool is_address(const char *address)
{
    size_t len = strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return len > 0 && len <= SOK_LETTER_ADDRESS_MAX && !address[len] && address[0] != '.' &&
           address[len - 1] != '.' && !strstr(address, "..");
}

enum sok_status sok_queue_send(
    struct sok_queue *queue, const char *address, const void *bytes, size_t len, struct sok_error *err)
{
    if (!is_address(address))
        return sok_fail(err, SOK_INVALID, "this is no address for a letter");
    if (len > SOK_LETTER_MAX_BYTES)
        return sok_fail(err, SOK_TOO_LARGE, "a letter of more than %zu bytes", SOK_LETTER_MAX_BYTES);
    return queue->driver->send(queue, address, bytes, len, err);
}

enum sok_status sok_queue_listen(
    struct sok_queue *queue, const char *address, sok_letter_callback callback, void *context,
    struct sok_error *err)
{
    if (!is_address(address))
        return sok_fail(err, SOK_INVALID, "this is no address for a letter");
    return queue->driver->listen(queue, address, callback, context, err);
}

enum sok_status sok_queue_ping(struct sok_queue *queue, int64_t timeout_ms, struct sok_error *err)
{
    return queue->driver->ping(queue, timeout_ms, err);
}
