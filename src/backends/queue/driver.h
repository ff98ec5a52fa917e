// What a queue driver provides; included by queue.c and the drivers only. The prototypes are those of
// queue.h.
#ifndef SOK_BACKENDS_QUEUE_DRIVER_H
#define SOK_BACKENDS_QUEUE_DRIVER_H

#include "backends/queue/queue.h"

struct sok_queue_driver {
    const char *scheme; // before the ':' of the URL
    // Whether `location` can be meant. NULL: any can.
    enum sok_status (*check)(const char *location, struct sok_error *err);
    enum sok_status (*open)(const char *location, struct sok_queue **ret, struct sok_error *err);
    void (*close)(struct sok_queue *queue);
    void (*publish)(struct sok_queue *queue, enum sok_job job, const char *task_id);
    enum sok_status (*wait)(
        struct sok_queue *queue, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
        struct sok_error *err);
    void (*stop)(struct sok_queue *queue);
    void (*publish_event)(struct sok_queue *queue, const struct sok_event *event);
    enum sok_status (*subscribe)(
        struct sok_queue *queue, const char *prefix, sok_event_callback callback, void *context,
        struct sok_error *err);
    enum sok_status (*replay)( // NULL: nothing is kept
        struct sok_queue *queue, int64_t max_age_ms, sok_event_callback callback, void *context,
        struct sok_error *err);
    bool (*publish_log)(
        struct sok_queue *queue, enum sok_log_stream stream, const char *json,
        size_t len); // NULL: no streams
    enum sok_status (*send)(
        struct sok_queue *queue, const char *address, const void *bytes, size_t len, struct sok_error *err);
    enum sok_status (*listen)(
        struct sok_queue *queue, const char *address, sok_letter_callback callback, void *context,
        struct sok_error *err);
    enum sok_status (*ping)(struct sok_queue *queue, int64_t timeout_ms, struct sok_error *err);
};

#define SOK_LETTER_LISTENERS_MAX 8

// First member of every driver's own struct.
struct sok_queue {
    const struct sok_queue_driver *driver;
    struct sok_metrics *metrics; // queue.c's
};

extern const struct sok_queue_driver sok_queue_embedded, sok_queue_nats, sok_queue_failing;

#endif
