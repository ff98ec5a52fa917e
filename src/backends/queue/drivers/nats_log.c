#include "backends/queue/drivers/nats_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/status.h"
#include "base/time.h"
#include "base/wait.h"

#define LINES_MAX 1024
#define BYTES_MAX ((size_t)4 << 20)
#define ACCEPT_MS 2000 // until the server has said that it has a line
#define PAUSE_MS 250   // between two attempts while it is away
#define LAST_MS 1000

struct line {
    const char *subject;
    char *text;
    size_t len;
    char id[SOK_UUID_LEN + 1]; // JetStream keeps a line that comes twice once
};

struct sok_nats_log {
    natsConnection *connection;
    jsCtx *js;
    natsStatus (*ensure)(void *context);
    void *context;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; // guards all below; a leaf
    pthread_cond_t changed;
    struct line lines[LINES_MAX]; // a ring: `count` of them from `first` on
    size_t first, count, bytes;
    bool closing;
    int64_t give_up_ms; // when it is closing, monotonic
};

bool sok_nats_log_put(struct sok_nats_log *log, const char *subject, const char *text, size_t len)
{
    if (!log)
        return false;
    char *copy = malloc(len);
    if (!copy)
        sok_panic("out of memory for a line of the log");
    memcpy(copy, text, len);
    pthread_mutex_lock(&log->lock);
    bool fits = !log->closing && log->count < LINES_MAX && log->bytes + len <= BYTES_MAX;
    if (fits) {
        struct line *line = &log->lines[(log->first + log->count++) % LINES_MAX];
        *line = (struct line){.subject = subject, .text = copy, .len = len};
        sok_uuid7(sok_time_now_ms(), line->id);
        log->bytes += len;
        pthread_cond_signal(&log->changed);
    }
    pthread_mutex_unlock(&log->lock);
    if (!fits)
        free(copy);
    return fits;
}

static natsStatus publish(struct sok_nats_log *log, const struct line *line)
{
    jsPubOptions options;
    jsErrCode code = 0;
    if (natsConnection_Status(log->connection) != NATS_CONN_STATUS_CONNECTED)
        return NATS_CONNECTION_DISCONNECTED;
    jsPubOptions_Init(&options);
    options.MaxWait = ACCEPT_MS;
    options.MsgId = line->id;
    return js_Publish(NULL, log->js, line->subject, line->text, (int)line->len, &options, &code);
}

static void drop_first_locked(struct sok_nats_log *log)
{
    struct line *line = &log->lines[log->first];
    log->bytes -= line->len;
    free(line->text);
    log->first = (log->first + 1) % LINES_MAX;
    log->count--;
}

// The line stays in its place while it is on its way: only this thread takes lines out.
static void *run(void *context)
{
    struct sok_nats_log *log = context;
    pthread_mutex_lock(&log->lock);
    for (;;) {
        while (!log->closing && !log->count)
            pthread_cond_wait(&log->changed, &log->lock);
        if (!log->count || (log->closing && sok_time_mono_ms() >= log->give_up_ms))
            break;
        const struct line line = log->lines[log->first];
        pthread_mutex_unlock(&log->lock);
        natsStatus status = publish(log, &line);
        if (status != NATS_OK && status != NATS_CONNECTION_DISCONNECTED)
            (void)log->ensure(log->context); // it has forgotten its streams
        pthread_mutex_lock(&log->lock);
        if (status == NATS_OK) {
            drop_first_locked(log);
            continue;
        }
        if (log->closing)
            break;
        struct timespec until = sok_wait_deadline(PAUSE_MS);
        while (!log->closing && sok_wait_until(&log->changed, &log->lock, &until)) {
        }
    }
    pthread_mutex_unlock(&log->lock);
    nats_ReleaseThreadMemory();
    return NULL;
}

struct sok_nats_log *sok_nats_log_start(
    natsConnection *connection, jsCtx *js, natsStatus (*ensure)(void *context), void *context)
{
    struct sok_nats_log *log = calloc(1, sizeof(*log));
    if (!log)
        sok_panic("out of memory for the log's lines");
    log->connection = connection;
    log->js = js;
    log->ensure = ensure;
    log->context = context;
    pthread_mutex_init(&log->lock, NULL);
    sok_wait_init(&log->changed);
    log->has_thread = pthread_create(&log->thread, NULL, run, log) == 0;
    return log;
}

struct sok_nats_log *sok_nats_log_stop(struct sok_nats_log *log)
{
    if (!log)
        return NULL;
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    log->give_up_ms = sok_time_mono_ms() + LAST_MS;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->lock);
    if (log->has_thread)
        pthread_join(log->thread, NULL);
    while (log->count)
        drop_first_locked(log);
    pthread_cond_destroy(&log->changed);
    pthread_mutex_destroy(&log->lock);
    free(log);
    return NULL;
}
