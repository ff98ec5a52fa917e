#include "backends/queue/drivers/nats_events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define SUBJECT "EVENTS."
#define STREAM "EVENTS"
#define USER_HEADER "Sokoul-User"
#define ID_HEADER "Sokoul-Event"
#define LOOK_MS 1000     // between two looks whether the server was away
#define SILENCE_MS 10000 // a connection can have been dead for so long before anybody knows
#define REPLAY_MAX 16384 // the newest of what the stream holds
#define REPLAY_MS 3000   // for all of them
#define CATCH_UPS_MAX 20 // tries, when a server comes back without its streams
#define NS_PER_MS ((int64_t)1000000)

struct sok_nats_events {
    struct sok_nats_events_parts parts;
    natsSubscription *subscription;
    pthread_t thread;
    bool has_thread;
    _Atomic bool closing;
};

void sok_nats_events_publish(struct sok_nats_events *events, const struct sok_event *event)
{
    natsMsg *message = NULL;
    char subject[128];
    int len = snprintf(subject, sizeof(subject), SUBJECT "%s", event->subject);
    if (len < 0 || (size_t)len >= sizeof(subject))
        return;
    natsStatus status = natsMsg_Create(&message, subject, NULL, event->json, (int)strlen(event->json));
    if (status == NATS_OK &&
        !sok_text_empty(event->user_id)) // a header without a value is refused where it arrives
        status = natsMsgHeader_Set(message, USER_HEADER, event->user_id);
    if (status == NATS_OK)
        status = natsMsgHeader_Set(message, ID_HEADER, event->id);
    if (status == NATS_OK)
        natsConnection_PublishMsg(events->parts.connection, message);
    natsMsg_Destroy(message);
}

// Subjects are our own words with dots between; a user id goes along as a header. What is no event of ours is
// passed over.
static void deliver(natsMsg *message, bool is_late, sok_event_callback callback, void *context)
{
    const char *user = NULL, *id = NULL, *subject = natsMsg_GetSubject(message);
    natsStatus status = natsMsgHeader_Get(message, USER_HEADER, &user);
    char *json = strndup(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    if (!json)
        sok_panic("out of memory for an event");
    if (sok_text_starts(subject, SUBJECT) && (status == NATS_OK || status == NATS_NOT_FOUND) &&
        natsMsgHeader_Get(message, ID_HEADER, &id) == NATS_OK && strlen(id) == SOK_UUID_LEN) {
        const struct sok_event event = {
            .subject = subject + strlen(SUBJECT),
            .user_id = status == NATS_OK ? user : "",
            .json = json,
            .id = id,
            .is_late = is_late};
        callback(&event, context);
    }
    free(json);
}

static void into_local(const struct sok_event *event, void *context)
{
    sok_queue_publish_event(context, event);
}

// --- What was missed.

struct replay {
    int64_t since_ns, until_mono_ms;
    uint64_t last; // the stream's newest when it began
    sok_event_callback callback;
    void *context;
};

static natsStatus newest_of_stream(struct sok_nats_events *events, uint64_t *ret)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus status = js_GetStreamInfo(&info, events->parts.js, STREAM, NULL, &code);
    // A stream whose messages are all too old is empty, though it remembers how many there were.
    *ret = status == NATS_OK && info->State.Msgs ? info->State.LastSeq : 0;
    jsStreamInfo_Destroy(info);
    return status;
}

// One message of the replay. *ret_over at the last one.
static natsStatus replay_one(const struct replay *replay, natsSubscription *subscription, bool *ret_over)
{
    natsMsg *message = NULL;
    jsMsgMetaData *about = NULL;
    int64_t left_ms = replay->until_mono_ms - sok_time_mono_ms();
    natsStatus status =
        left_ms > 0 ? natsSubscription_NextMsg(&message, subscription, left_ms) : NATS_TIMEOUT;
    if (status == NATS_OK)
        status = natsMsg_GetMetaData(&about, message);
    if (status == NATS_OK) {
        *ret_over = about->Sequence.Stream >= replay->last;
        if (about->Timestamp >= replay->since_ns)
            deliver(message, true, replay->callback, replay->context);
    }
    jsMsgMetaData_Destroy(about);
    natsMsg_Destroy(message);
    return status;
}

static natsStatus run_replay(struct sok_nats_events *events, struct replay *replay)
{
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    jsErrCode code = 0;
    natsStatus status = newest_of_stream(events, &replay->last);
    if (status != NATS_OK || replay->last == 0)
        return status;
    jsSubOptions_Init(&options);
    options.Ordered = true;
    options.Config.DeliverPolicy = js_DeliverByStartSequence;
    options.Config.OptStartSeq = replay->last > REPLAY_MAX ? replay->last - REPLAY_MAX + 1 : 1;
    status = js_SubscribeSync(&subscription, events->parts.js, SUBJECT ">", NULL, &options, &code);
    for (bool is_over = false; status == NATS_OK && !is_over;)
        status = replay_one(replay, subscription, &is_over);
    natsSubscription_Destroy(subscription);
    return status;
}

enum sok_status sok_nats_events_replay(
    struct sok_nats_events *events, int64_t max_age_ms, sok_event_callback callback, void *context,
    struct sok_error *err)
{
    struct replay replay = {
        .since_ns = (sok_time_now_ms() - max_age_ms) * NS_PER_MS,
        .until_mono_ms = sok_time_mono_ms() + REPLAY_MS,
        .callback = callback,
        .context = context};
    natsStatus status = run_replay(events, &replay);
    if (status == NATS_OK)
        return SOK_OK;
    return sok_fail(err, SOK_UNAVAILABLE, "NATS: the stream %s: %s", STREAM, natsStatus_GetText(status));
}

// --- The thread.

static bool is_connected(const struct sok_nats_events *events)
{
    return natsConnection_Status(events->parts.connection) == NATS_CONN_STATUS_CONNECTED;
}

static bool catch_up(struct sok_nats_events *events, int64_t age_ms)
{
    const struct sok_nats_events_parts *parts = &events->parts;
    return parts->ensure(parts->context) == NATS_OK &&
           sok_nats_events_replay(events, age_ms, into_local, parts->local, NULL) == SOK_OK;
}

// Hands over what has come; waits up to LOOK_MS when nothing has.
static void take_live(struct sok_nats_events *events)
{
    natsMsg *message = NULL;
    natsStatus status = NATS_OK;
    for (int64_t wait_ms = LOOK_MS; !events->closing && status == NATS_OK; wait_ms = 1) {
        status = natsSubscription_NextMsg(&message, events->subscription, wait_ms);
        if (status == NATS_OK) {
            deliver(message, false, into_local, events->parts.local);
            natsMsg_Destroy(message);
        }
    }
    if (status != NATS_OK && status != NATS_TIMEOUT && !events->closing)
        nats_Sleep(LOOK_MS); // the connection is closed for good: the library gives up who is refused twice
}

static void *run(void *context)
{
    struct sok_nats_events *events = context;
    int64_t alive_ms = sok_time_now_ms(); // when the server was last known to be there
    int connects = *events->parts.connects, tries = 0;
    while (!events->closing) {
        int now = *events->parts.connects;
        if (is_connected(events) && now != connects) {
            bool is_done = catch_up(events, sok_time_now_ms() - alive_ms + SILENCE_MS);
            tries = is_done ? 0 : tries + 1;
            if (is_done || tries == CATCH_UPS_MAX)
                connects = now;
        }
        if (is_connected(events) && now == connects)
            alive_ms = sok_time_now_ms();
        take_live(events);
    }
    nats_ReleaseThreadMemory();
    return NULL;
}

natsStatus sok_nats_events_start(const struct sok_nats_events_parts *parts, struct sok_nats_events **ret)
{
    struct sok_nats_events *events = calloc(1, sizeof(*events));
    if (!events)
        sok_panic("out of memory for the events");
    events->parts = *parts;
    natsStatus status = natsConnection_SubscribeSync(&events->subscription, parts->connection, SUBJECT ">");
    if (status == NATS_OK) {
        events->has_thread = pthread_create(&events->thread, NULL, run, events) == 0;
        status = events->has_thread ? NATS_OK : NATS_NO_MEMORY;
    }
    if (status != NATS_OK) {
        sok_nats_events_stop(events);
        return status;
    }
    *ret = events;
    return NATS_OK;
}

struct sok_nats_events *sok_nats_events_stop(struct sok_nats_events *events)
{
    if (!events)
        return NULL;
    events->closing = true;
    natsSubscription_Unsubscribe(events->subscription); // wakes the thread
    if (events->has_thread)
        pthread_join(events->thread, NULL);
    natsSubscription_Destroy(events->subscription);
    free(events);
    return NULL;
}
