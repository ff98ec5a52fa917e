// Threads of one search: each takes the next question, asks and puts the answer into the list of what is
// done; the job's own thread waits on that list. Metadata providers are asked one after the other by one
// thread, because one answer is enough.
#include <stdatomic.h>
#include <string.h>

#include "workers/scout_private.h"

#define LOOK_MS 500 // how often a cancelled job is noticed

struct crew {
    struct sok_scout *scout;
    struct sok_log_context log; // of the job: its threads work for the same request
    _Atomic bool cancelled;
    pthread_mutex_t lock; // guards all below
    pthread_cond_t changed;
    size_t next; // the next release provider to ask
    bool metadata_taken;
    struct sok_asking *done[2 * SOK_PROVIDERS_MAX];
    size_t done_count;
    size_t threads; // running
};

static void ask(struct crew *crew, struct sok_asking *asking)
{
    const struct sok_worker_env *env = crew->scout->work->env;
    int64_t timeout = asking->metadata ? SOK_SCOUT_METADATA_TIMEOUT_MS : SOK_SCOUT_TIMEOUT_MS;
    struct sok_provider_call call =
        sok_providers_call(env->providers, asking->arena, &asking->provider, timeout);
    call.cancelled = &crew->cancelled;
    asking->started_mono_ms = sok_clock_mono_ms(env->clock);
    if (asking->metadata)
        asking->status =
            sok_provider_identify(&asking->provider, &call, &asking->query, &asking->media, &asking->err);
    else
        asking->status =
            asking->provider.driver->search(&call, &asking->query, &asking->releases, &asking->err);
    asking->latency_ms = sok_clock_mono_ms(env->clock) - asking->started_mono_ms;
}

static void put_done(struct crew *crew, struct sok_asking *asking)
{
    pthread_mutex_lock(&crew->lock);
    crew->done[crew->done_count++] = asking;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

static void ask_metadata(struct crew *crew)
{
    bool known = false;
    for (size_t i = 0; i < crew->scout->count && !known && !crew->cancelled; i++) {
        struct sok_asking *asking = &crew->scout->askings[i];
        if (!asking->metadata)
            continue;
        ask(crew, asking);
        known = asking->status == SOK_OK; // the answer is the other thread's from here on
        put_done(crew, asking);
    }
}

// The next release provider, or NULL.
static struct sok_asking *take_next(struct crew *crew, bool *ret_metadata)
{
    struct sok_asking *asking = NULL;
    pthread_mutex_lock(&crew->lock);
    *ret_metadata = !crew->metadata_taken;
    crew->metadata_taken = true;
    while (!*ret_metadata && !asking && crew->next < crew->scout->count) {
        struct sok_asking *one = &crew->scout->askings[crew->next++];
        asking = one->metadata ? NULL : one;
    }
    pthread_mutex_unlock(&crew->lock);
    return asking;
}

static void *run_thread(void *argument)
{
    struct crew *crew = argument;
    sok_log_set_context(crew->log.request_id, crew->log.traceparent);
    for (;;) {
        bool metadata;
        struct sok_asking *asking = take_next(crew, &metadata);
        if (metadata) {
            ask_metadata(crew);
        } else if (asking && !crew->cancelled) {
            ask(crew, asking);
            put_done(crew, asking);
        } else {
            break;
        }
    }
    pthread_mutex_lock(&crew->lock);
    crew->threads--;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

// The next answer, NULL when there will be none. Notices a cancelled job.
static struct sok_asking *wait_done(struct crew *crew, size_t taken)
{
    struct sok_asking *asking = NULL;
    pthread_mutex_lock(&crew->lock);
    while (taken == crew->done_count && crew->threads) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&crew->changed, &crew->lock, &until);
        if (sok_work_is_cancelled(crew->scout->work))
            crew->cancelled = true;
    }
    if (taken < crew->done_count)
        asking = crew->done[taken];
    pthread_mutex_unlock(&crew->lock);
    return asking;
}

static size_t start_threads(struct crew *crew, pthread_t *threads, struct sok_error *err)
{
    size_t want = crew->scout->count + 1, started = 0;
    if (want > SOK_SCOUT_THREADS_MAX)
        want = SOK_SCOUT_THREADS_MAX;
    while (started < want) {
        pthread_mutex_lock(&crew->lock);
        crew->threads++;
        pthread_mutex_unlock(&crew->lock);
        int code = pthread_create(&threads[started], NULL, run_thread, crew);
        if (code == 0) {
            started++;
            continue;
        }
        pthread_mutex_lock(&crew->lock);
        crew->threads--;
        pthread_mutex_unlock(&crew->lock);
        sok_fail_errno(err, SOK_UNAVAILABLE, code, "cannot start a thread for a search");
        break;
    }
    return started;
}

enum sok_status sok_scout_ask(struct sok_scout *scout, sok_scout_take take, struct sok_error *err)
{
    struct crew crew = {.scout = scout, .log = *sok_log_context()};
    pthread_t threads[SOK_SCOUT_THREADS_MAX];
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crew.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&crew.lock, NULL);
    size_t started = start_threads(&crew, threads, err); // one is enough to go on
    enum sok_status status = started ? SOK_OK : SOK_UNAVAILABLE;
    struct sok_asking *asking;
    for (size_t taken = 0; started && (asking = wait_done(&crew, taken)); taken++) {
        if (status == SOK_OK && !crew.cancelled)
            status = take(scout, asking, err);
        if (status != SOK_OK)
            crew.cancelled = true;
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&crew.changed);
    pthread_mutex_destroy(&crew.lock);
    if (status == SOK_OK && crew.cancelled)
        status = sok_fail(err, SOK_CANCELLED, "the search was cancelled");
    return status;
}
