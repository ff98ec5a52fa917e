// NATS JetStream, for several processes. The stream JOBS carries the ids of tasks to whichever worker process
// asks first; EVENTS.> carries events to all. Nothing is lost with it: the row of a task is the truth, and
// what the queue forgot is found by the workers' own look at the table. Inside the process everything goes
// through the embedded queue, so that events are in order and a server that is away stops nobody.
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/queue/driver.h"
#include "backends/queue/drivers/nats_events.h"
#include "backends/queue/drivers/nats_log.h"
#include "base/text.h"
#include "base/time.h"
#include "base/uri.h"
#include "base/wait.h"
#include "runtime/log.h"

#define SECOND_NS ((int64_t)1000000000)
#define CONNECT_MS 2000
#define RECONNECT_WAIT_MS 250
#define PING_MS 2000  // between two questions whether the server is still there
#define PINGS_MAX 2   // left without an answer: it is not, whatever the network says
#define WRITE_MS 2000 // until a write into a connection that takes nothing is given up
#define ORDER_MS 5000 // until an order to JetStream is given up
#define FETCH_MS 1000 // a puller asks for so long at once
#define PAUSE_MS 250  // between two attempts while the server is away
#define STREAM_BYTES_MIN (4 << 20)
#define OUT_BYTES (4 << 20) // kept for a server that is away; what is more is dropped

// The seed's durable groups; a process that asks takes a message from all the others of its group.
static const struct {
    const char *subject, *group;
} channels[] = {
    [SOK_JOB_SEARCH] = {"JOBS.search", "scout-group"},
    [SOK_JOB_DOWNLOAD] = {"JOBS.download", "hunter-group"},
    [SOK_JOB_SCORE] = {"JOBS.score", "oracle-group"},
    [SOK_JOB_MONITOR] = {"JOBS.monitor", "sentinel-group"},
};
_Static_assert(SOK_ARRAY_LEN(channels) == SOK_JOB_COUNT, "a channel for every job");

static const struct stream {
    const char *name, *subject;
    int64_t age_s, max_bytes;
    jsStorageType storage;
} streams[] = {
    {"JOBS", "JOBS.>", 7 * 86400, 1 << 30, js_FileStorage},
    {"LOGS", "LOGS.>", 7 * 86400, 1 << 30, js_FileStorage},
    {"EVENTS", "EVENTS.>", 3600, 256 << 20, js_FileStorage},
};

struct nats_queue;

// One thread a kind of job, started when somebody first waits for that kind. It pulls only while somebody
// waits: a message that lies here would be kept from the process that has time for it.
struct puller {
    struct nats_queue *queue;
    enum sok_job job;
    pthread_t thread;
    bool started;
    int waiting; // threads in sok_queue_wait
    pthread_cond_t wanted;
};

struct letterbox {
    struct nats_queue *queue;
    natsSubscription *subscription;
    sok_letter_callback callback;
    void *context;
};

struct nats_queue {
    struct sok_queue base;
    struct sok_queue *local;
    natsOptions *options;
    natsConnection *connection;
    jsCtx *js;
    struct sok_nats_events *events;
    struct sok_nats_log *log;
    struct letterbox letterboxes[SOK_LETTER_LISTENERS_MAX];
    int letterbox_count, letterboxes_open; // open: their threads run
    pthread_cond_t letterbox_ended;
    pthread_mutex_t lock; // guards the pullers, the letterboxes and `closing`
    struct puller pullers[SOK_JOB_COUNT];
    bool closing;
    _Atomic int connects; // a server that came back may have come without its streams
};

static bool is_connected(struct nats_queue *queue)
{
    return natsConnection_Status(queue->connection) == NATS_CONN_STATUS_CONNECTED;
}

// --- Streams.

static natsStatus make_stream(
    struct nats_queue *queue, const struct stream *stream, int64_t max_bytes, jsErrCode *ret_code)
{
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    jsStreamConfig_Init(&config);
    config.Name = stream->name;
    config.Subjects = (const char *[]){stream->subject};
    config.SubjectsLen = 1;
    config.Storage = stream->storage;
    config.MaxAge = stream->age_s * SECOND_NS;
    config.MaxBytes = max_bytes;
    config.Duplicates = 30 * SECOND_NS; // shorter than what the reconciler repeats after
    natsStatus status = js_AddStream(&info, queue->js, &config, NULL, ret_code);
    if (status != NATS_OK && *ret_code == JSStreamNameExistErr) // made by another version, with other limits
        status = js_UpdateStream(&info, queue->js, &config, NULL, ret_code);
    jsStreamInfo_Destroy(info);
    return status;
}

// The server sets a stream's room aside: where there is less, the stream is smaller.
static natsStatus ensure_stream(struct nats_queue *queue, const struct stream *stream)
{
    natsStatus status;
    jsErrCode code = 0;
    int64_t bytes = stream->max_bytes;
    do {
        code = 0;
        status = make_stream(queue, stream, bytes, &code);
        bytes /= 4;
    } while (status != NATS_OK && bytes >= STREAM_BYTES_MIN &&
             (code == JSStorageResourcesExceededErr || code == JSInsufficientResourcesErr));
    return status;
}

static natsStatus ensure_streams(struct nats_queue *queue)
{
    natsStatus status = NATS_OK;
    for (size_t i = 0; i < SOK_ARRAY_LEN(streams) && status == NATS_OK; i++)
        status = ensure_stream(queue, &streams[i]);
    return status;
}

static natsStatus open_pull(struct nats_queue *queue, enum sok_job job, natsSubscription **ret)
{
    jsSubOptions options;
    jsErrCode code = 0;
    jsSubOptions_Init(&options);
    options.ManualAck = true;
    options.Config.AckPolicy = js_AckExplicit;
    options.Config.AckWait = 30 * SECOND_NS;
    options.Config.MaxDeliver = 3;
    options.Config.MaxAckPending = 1024;
    return js_PullSubscribe(
        ret, queue->js, channels[job].subject, channels[job].group, NULL, &options, &code);
}

// --- Pulling.

// Waits until somebody waits for this kind, or, with `pause_ms`, for that long. False at the end.
static bool next_turn(struct puller *puller, int64_t pause_ms)
{
    struct nats_queue *queue = puller->queue;
    struct timespec until = sok_wait_deadline(pause_ms);
    pthread_mutex_lock(&queue->lock);
    while (pause_ms && !queue->closing && sok_wait_until(&puller->wanted, &queue->lock, &until)) {
    }
    while (!queue->closing && puller->waiting == 0)
        pthread_cond_wait(&puller->wanted, &queue->lock);
    bool goes_on = !queue->closing;
    pthread_mutex_unlock(&queue->lock);
    return goes_on;
}

// One message into the local queue. Acknowledged at once: the lease on the row guards the job from here on.
static natsStatus pull_one(struct puller *puller, natsSubscription *subscription)
{
    natsMsgList list = {.Count = 0};
    char id[SOK_UUID_LEN + 1] = "";
    jsErrCode code = 0;
    natsStatus status = natsSubscription_Fetch(&list, subscription, 1, FETCH_MS, &code);
    for (int i = 0; i < list.Count; i++) {
        if (natsMsg_GetDataLength(list.Msgs[i]) == SOK_UUID_LEN) {
            memcpy(id, natsMsg_GetData(list.Msgs[i]), SOK_UUID_LEN);
            sok_queue_publish(puller->queue->local, puller->job, id);
        }
        natsMsg_Ack(list.Msgs[i], NULL);
    }
    natsMsgList_Destroy(&list);
    return status;
}

// A server that does not know the group says nothing to a request for its messages: who hears nothing asks.
static natsStatus check_group(struct puller *puller)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus status =
        js_GetConsumerInfo(&info, puller->queue->js, "JOBS", channels[puller->job].group, NULL, &code);
    jsConsumerInfo_Destroy(info);
    return status;
}

static natsStatus pull(struct puller *puller, natsSubscription **subscription)
{
    natsStatus status = *subscription ? NATS_OK : ensure_streams(puller->queue);
    if (status == NATS_OK && !*subscription)
        status = open_pull(puller->queue, puller->job, subscription);
    if (status == NATS_OK)
        status = pull_one(puller, *subscription);
    return status == NATS_TIMEOUT ? check_group(puller) : status;
}

static void *run_puller(void *context)
{
    struct puller *puller = context;
    natsSubscription *subscription = NULL;
    natsStatus status = NATS_OK;
    int connects = 0;
    while (next_turn(puller, status == NATS_OK ? 0 : PAUSE_MS)) {
        int now = puller->queue->connects;
        if (status != NATS_OK || now != connects) {
            natsSubscription_Destroy(subscription);
            subscription = NULL;
            connects = now;
        }
        status = pull(puller, &subscription);
    }
    natsSubscription_Destroy(subscription);
    nats_ReleaseThreadMemory();
    return NULL;
}

// --- Jobs.

// Whose request it is about, for whoever looks at the streams: a worker reads it in the task's row.
static natsStatus add_context(natsMsg *message)
{
    const struct sok_log_context *context = sok_log_context();
    natsStatus status = NATS_OK;
    if (*context->request_id)
        status = natsMsgHeader_Set(message, "X-Request-ID", context->request_id);
    if (status == NATS_OK && *context->traceparent)
        status = natsMsgHeader_Set(message, "traceparent", context->traceparent);
    return status;
}

static void nats_publish(struct sok_queue *base, enum sok_job job, const char *task_id)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    natsMsg *message = NULL;
    natsStatus status = is_connected(queue)
                            ? natsMsg_Create(&message, channels[job].subject, NULL, task_id, SOK_UUID_LEN)
                            : NATS_CONNECTION_DISCONNECTED;
    if (status == NATS_OK)
        status = natsMsgHeader_Set(message, "Nats-Msg-Id", task_id);
    if (status == NATS_OK)
        status = add_context(message);
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(queue->connection, message);
    natsMsg_Destroy(message);
    if (status != NATS_OK) // at least whoever is in this process hears of it
        sok_queue_publish(queue->local, job, task_id);
}

static void enter_wait(struct puller *puller)
{
    struct nats_queue *queue = puller->queue;
    pthread_mutex_lock(&queue->lock);
    puller->waiting++;
    if (!puller->started && !queue->closing)
        puller->started = pthread_create(&puller->thread, NULL, run_puller, puller) == 0;
    pthread_cond_signal(&puller->wanted);
    pthread_mutex_unlock(&queue->lock);
}

static void leave_wait(struct puller *puller)
{
    pthread_mutex_lock(&puller->queue->lock);
    puller->waiting--;
    pthread_mutex_unlock(&puller->queue->lock);
}

static enum sok_status nats_wait(
    struct sok_queue *base, enum sok_job job, int64_t timeout_ms, char ret_task_id[SOK_UUID_LEN + 1],
    struct sok_error *err)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    enter_wait(&queue->pullers[job]);
    enum sok_status status = sok_queue_wait(queue->local, job, timeout_ms, ret_task_id, err);
    leave_wait(&queue->pullers[job]);
    return status;
}

static void nats_stop(struct sok_queue *base)
{
    sok_queue_stop(((struct nats_queue *)base)->local);
}

// --- Events.

static void nats_publish_event(struct sok_queue *base, const struct sok_event *event)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    sok_queue_publish_event(queue->local, event);
    sok_nats_events_publish(queue->events, event);
}

static enum sok_status nats_replay(
    struct sok_queue *base, int64_t max_age_ms, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    return sok_nats_events_replay(((struct nats_queue *)base)->events, max_age_ms, callback, context, err);
}

static enum sok_status nats_subscribe(
    struct sok_queue *base, const char *prefix, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    return sok_queue_subscribe(((struct nats_queue *)base)->local, prefix, callback, context, err);
}

static bool nats_publish_log(struct sok_queue *base, enum sok_log_stream stream, const char *json, size_t len)
{
    static const char *const subjects[] = {
        [SOK_LOG_STREAM_AUDIT] = "LOGS.audit", [SOK_LOG_STREAM_ERRORS] = "LOGS.errors"};
    return sok_nats_log_put(((struct nats_queue *)base)->log, subjects[stream], json, len);
}

static natsStatus ensure_streams_for(void *context)
{
    return ensure_streams(context);
}

// --- Letters, past JetStream: nothing of them is kept.

static enum sok_status nats_send(
    struct sok_queue *base, const char *address, const void *bytes, size_t len, struct sok_error *err)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    char subject[SOK_LETTER_ADDRESS_MAX + 16];
    (void)snprintf(subject, sizeof(subject), "LETTERS.%s", address);
    if (!is_connected(queue) ||
        natsConnection_Publish(queue->connection, subject, bytes, (int)len) != NATS_OK)
        return sok_fail(err, SOK_UNAVAILABLE, "NATS does not answer");
    return SOK_OK;
}

static void on_letter(
    natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *context)
{
    const struct letterbox *box = context;
    int len = natsMsg_GetDataLength(message);
    if (len >= 0 && (size_t)len <= SOK_LETTER_MAX_BYTES)
        box->callback(natsMsg_GetData(message), (size_t)len, box->context);
    natsMsg_Destroy(message);
}

static void on_letterbox_ended(void *context)
{
    struct nats_queue *queue = context;
    pthread_mutex_lock(&queue->lock);
    queue->letterboxes_open--;
    pthread_cond_signal(&queue->letterbox_ended);
    pthread_mutex_unlock(&queue->lock);
}

static enum sok_status nats_listen(
    struct sok_queue *base, const char *address, sok_letter_callback callback, void *context,
    struct sok_error *err)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    char subject[SOK_LETTER_ADDRESS_MAX + 16];
    (void)snprintf(subject, sizeof(subject), "LETTERS.%s", address);
    pthread_mutex_lock(&queue->lock);
    bool is_full = queue->letterbox_count == SOK_LETTER_LISTENERS_MAX;
    struct letterbox *box = is_full ? NULL : &queue->letterboxes[queue->letterbox_count++];
    pthread_mutex_unlock(&queue->lock);
    if (!box)
        return sok_fail(err, SOK_INTERNAL, "more than %d listeners", SOK_LETTER_LISTENERS_MAX);
    *box = (struct letterbox){.queue = queue, .callback = callback, .context = context};
    natsStatus status =
        natsConnection_Subscribe(&box->subscription, queue->connection, subject, on_letter, box);
    if (status == NATS_OK) {
        pthread_mutex_lock(&queue->lock);
        queue->letterboxes_open++;
        pthread_mutex_unlock(&queue->lock);
        status = natsSubscription_SetOnCompleteCB(box->subscription, on_letterbox_ended, queue);
        if (status != NATS_OK)
            on_letterbox_ended(queue);
    }
    return status == NATS_OK ? SOK_OK
                             : sok_fail(err, SOK_UNAVAILABLE, "NATS: %s", natsStatus_GetText(status));
}

// The library ends a subscription's thread by itself, some time later: its callback needs what we are about
// to free.
static void close_letterboxes(struct nats_queue *queue)
{
    struct timespec until = sok_wait_deadline(ORDER_MS);
    for (int i = 0; i < queue->letterbox_count; i++)
        natsSubscription_Destroy(queue->letterboxes[i].subscription);
    pthread_mutex_lock(&queue->lock);
    while (queue->letterboxes_open > 0 && sok_wait_until(&queue->letterbox_ended, &queue->lock, &until)) {
    }
    pthread_mutex_unlock(&queue->lock);
}

static enum sok_status nats_ping(struct sok_queue *base, int64_t timeout_ms, struct sok_error *err)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    SOK_TRY(sok_queue_ping(queue->local, timeout_ms, err));
    if (!is_connected(queue) || natsConnection_FlushTimeout(queue->connection, timeout_ms) != NATS_OK)
        return sok_fail(err, SOK_UNAVAILABLE, "NATS does not answer");
    return SOK_OK;
}

// --- Opening and closing.

static void on_connected(natsConnection *connection, void *context)
{
    ((struct nats_queue *)context)->connects++;
}

static void on_error(
    natsConnection *connection, natsSubscription *subscription, natsStatus status, void *context)
{
    // Without this the library writes to stderr by itself.
}

static void stop_pullers(struct nats_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        pthread_cond_signal(&queue->pullers[i].wanted);
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        if (queue->pullers[i].started)
            pthread_join(queue->pullers[i].thread, NULL);
}

static void nats_close(struct sok_queue *base)
{
    struct nats_queue *queue = (struct nats_queue *)base;
    stop_pullers(queue);
    queue->log = sok_nats_log_stop(queue->log);
    if (queue->connection)
        natsConnection_FlushTimeout(queue->connection, 500); // what was said last
    close_letterboxes(queue);
    queue->events = sok_nats_events_stop(queue->events);
    jsCtx_Destroy(queue->js);
    natsConnection_Close(queue->connection);
    natsConnection_Destroy(queue->connection);
    natsOptions_Destroy(queue->options);
    sok_queue_close(queue->local);
    for (size_t i = 0; i < SOK_JOB_COUNT; i++)
        pthread_cond_destroy(&queue->pullers[i].wanted);
    pthread_cond_destroy(&queue->letterbox_ended);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

// "//[USER:PASSWORD@]HOST[:PORT]", or "//TOKEN@…": the library takes what stands there as it is, a URL has it
// percent-encoded.
static natsStatus set_url(natsOptions *options, const char *location)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (!sok_text_starts(location, "//"))
        return NATS_INVALID_ARG;
    char *name = sok_strdup(arena, location + 2), *at = strrchr(name, '@'), *colon = NULL;
    const char *address = at ? at + 1 : name;
    natsStatus status = natsOptions_SetURL(options, sok_format(arena, "nats://%s", address));
    if (!at || status != NATS_OK)
        return status;
    *at = '\0';
    colon = strchr(name, ':');
    if (colon)
        *colon++ = '\0';
    const char *user = sok_uri_decode(arena, name, strlen(name), false);
    const char *password = colon ? sok_uri_decode(arena, colon, strlen(colon), false) : NULL;
    if (!user || (colon && !password))
        return NATS_INVALID_ARG;
    return password ? natsOptions_SetUserInfo(options, user, password) : natsOptions_SetToken(options, user);
}

static enum sok_status nats_check(const char *location, struct sok_error *err)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    status = status ? status : set_url(options, location);
    natsOptions_Destroy(options);
    return status == NATS_OK ? SOK_OK
                             : sok_fail(err, SOK_INVALID, "expected nats://[USER:PASSWORD@]HOST[:PORT]");
}

static natsStatus set_options(struct nats_queue *queue, const char *location)
{
    natsOptions *options = queue->options;
    natsStatus status = set_url(options, location);
    status = status ? status : natsOptions_SetName(options, "sokoul");
    status = status ? status : natsOptions_SetTimeout(options, CONNECT_MS);
    status = status ? status : natsOptions_SetMaxReconnect(options, -1);
    status = status ? status : natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
    status = status ? status : natsOptions_SetReconnectBufSize(options, OUT_BYTES);
    status = status ? status : natsOptions_SetPingInterval(options, PING_MS);
    status = status ? status : natsOptions_SetMaxPingsOut(options, PINGS_MAX);
    status = status ? status : natsOptions_SetWriteDeadline(options, WRITE_MS);
    status = status ? status : natsOptions_SetNoEcho(options, true);
    status = status ? status : natsOptions_SetReconnectedCB(options, on_connected, queue);
    return status ? status : natsOptions_SetErrorHandler(options, on_error, NULL);
}

static bool is_away(natsStatus status)
{
    return status == NATS_NO_SERVER || status == NATS_TIMEOUT || status == NATS_IO_ERROR ||
           status == NATS_CONNECTION_CLOSED || status == NATS_CONNECTION_DISCONNECTED;
}

// A server that is away is waited for from then on; one that refuses us is not.
static enum sok_status connect_server(struct nats_queue *queue, struct sok_error *err)
{
    natsStatus status = natsConnection_Connect(&queue->connection, queue->options);
    if (is_away(status)) {
        status = natsOptions_SetRetryOnFailedConnect(queue->options, true, on_connected, queue);
        if (status == NATS_OK)
            status = natsConnection_Connect(&queue->connection, queue->options);
    }
    if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED)
        return sok_fail(
            err, SOK_UNAVAILABLE, "SOKOUL_QUEUE_URL: NATS refuses us (%s)", natsStatus_GetText(status));
    return SOK_OK;
}

static enum sok_status connect_all(struct nats_queue *queue, const char *location, struct sok_error *err)
{
    jsOptions js;
    jsOptions_Init(&js);
    js.Wait = ORDER_MS;
    if (natsOptions_Create(&queue->options) != NATS_OK || set_options(queue, location) != NATS_OK)
        return sok_fail(err, SOK_INVALID, "SOKOUL_QUEUE_URL: expected nats://[USER:PASSWORD@]HOST[:PORT]");
    SOK_TRY(connect_server(queue, err));
    natsStatus status = natsConnection_JetStream(&queue->js, queue->connection, &js);
    if (status == NATS_OK && is_connected(queue))
        status = ensure_streams(queue);
    const struct sok_nats_events_parts events = {
        .connection = queue->connection,
        .js = queue->js,
        .local = queue->local,
        .connects = &queue->connects,
        .ensure = ensure_streams_for,
        .context = queue};
    if (status == NATS_OK)
        status = sok_nats_events_start(&events, &queue->events);
    if (status != NATS_OK)
        return sok_fail(
            err, SOK_UNAVAILABLE, "SOKOUL_QUEUE_URL: NATS without JetStream, or without room for it (%s)",
            natsStatus_GetText(status));
    queue->log = sok_nats_log_start(queue->connection, queue->js, ensure_streams_for, queue);
    return SOK_OK;
}

static enum sok_status nats_open(const char *location, struct sok_queue **ret, struct sok_error *err)
{
    struct nats_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        sok_panic("out of memory for the queue");
    queue->base.driver = &sok_queue_nats;
    pthread_mutex_init(&queue->lock, NULL);
    sok_wait_init(&queue->letterbox_ended);
    for (size_t i = 0; i < SOK_JOB_COUNT; i++) {
        queue->pullers[i] = (struct puller){.queue = queue, .job = (enum sok_job)i};
        sok_wait_init(&queue->pullers[i].wanted);
    }
    enum sok_status status = sok_queue_open("embedded:", &queue->local, err);
    if (status == SOK_OK)
        status = connect_all(queue, location, err);
    if (status != SOK_OK) {
        nats_close(&queue->base);
        return status;
    }
    *ret = &queue->base;
    return SOK_OK;
}

const struct sok_queue_driver sok_queue_nats = {
    .scheme = "nats",
    .check = nats_check,
    .open = nats_open,
    .close = nats_close,
    .publish = nats_publish,
    .wait = nats_wait,
    .stop = nats_stop,
    .publish_event = nats_publish_event,
    .subscribe = nats_subscribe,
    .replay = nats_replay,
    .publish_log = nats_publish_log,
    .send = nats_send,
    .listen = nats_listen,
    .ping = nats_ping,
};
