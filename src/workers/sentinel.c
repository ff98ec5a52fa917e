#include "workers/sentinel.h"

#include <stdlib.h>

#include "base/wait.h"
#include "data/alerts.h"
#include "data/audit.h"
#include "data/dead_letters.h"
#include "data/idempotency.h"
#include "data/ip_rules.h"
#include "data/searches.h"
#include "data/sessions.h"
#include "data/streams.h"
#include "data/tasks.h"
#include "runtime/log.h"
#include "workers/sentinel_private.h"
#include "workers/worker.h"

#define DAY_MS ((int64_t)86400000)
#define SETTING_MS 500  // a changed interval counts after this at the latest
#define PURGE_ROUNDS 20 // a step deletes at most so many batches; the next one goes on

// What has had its day. `keep_ms`: how long it stays after its end.
static const struct {
    enum sok_status (*purge)(
        struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);
    int64_t keep_ms;
} purges[] = {
    {sok_searches_purge, 7 * DAY_MS},      {sok_sessions_purge, DAY_MS},
    {sok_streams_purge, DAY_MS},           {sok_idempotency_purge, 0},
    {sok_ip_rules_purge, DAY_MS},          {sok_tasks_purge, 30 * DAY_MS},
    {sok_dead_letters_purge, 30 * DAY_MS}, {sok_audit_purge, SOK_AUDIT_KEEP_MS},
    {sok_alerts_purge, 30 * DAY_MS},
};

struct purge {
    size_t which;
    int64_t now_ms, deleted;
};

static enum sok_status purge_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct purge *purge = context;
    return purges[purge->which].purge(tx, purge->now_ms - purges[purge->which].keep_ms, &purge->deleted, err);
}

// Small batches, so that nobody waits long behind them.
static void purge_all(const struct sok_worker_env *env)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(purges); i++) {
        struct purge purge = {.which = i, .now_ms = sok_clock_now_ms(env->clock), .deleted = 1};
        for (int round = 0; round < PURGE_ROUNDS && purge.deleted; round++) {
            struct sok_error err = {0};
            if (sok_db_write(env->db, purge_body, &purge, &err) == SOK_OK)
                continue;
            sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot delete what has expired", &err);
            return;
        }
    }
}

static void reconcile(const struct sok_worker_env *env)
{
    struct sok_error err = {0};
    int64_t expired;
    if (sok_worker_reconcile(env, &expired, &err) != SOK_OK)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot reconcile jobs", &err);
    else if (expired)
        sok_log(SOK_LOG_WARN, SOK_LOG_WORKER, "jobs of lost workers wait again", SOK_INT("count", expired));
}

void sok_sentinel_step(struct sok_sentinel *sentinel)
{
    struct sok_sample sample;
    reconcile(sentinel->env);
    sok_watch_sync(sentinel->env, &sentinel->watch);
    sok_sentinel_sample(sentinel->env, &sentinel->cpu, &sample);
    sok_sentinel_judge(sentinel->env, &sample, &sentinel->watch);
    if (sentinel->watch.change_count)
        sok_watch_sync(sentinel->env, &sentinel->watch);
    purge_all(sentinel->env);
}

// Until the next round is due, or the end. The setting is read again and again: it may change meanwhile.
static void wait_for_round(struct sok_sentinel *sentinel)
{
    int64_t begun_ms = sok_clock_mono_ms(&sok_clock_system), left_ms;
    while (!sentinel->stopping) {
        left_ms =
            begun_ms + sentinel->env->config->sentinel_seconds * 1000 - sok_clock_mono_ms(&sok_clock_system);
        if (left_ms <= 0)
            break;
        struct timespec until = sok_wait_deadline(left_ms < SETTING_MS ? left_ms : SETTING_MS);
        sok_wait_until(&sentinel->wake, &sentinel->lock, &until);
    }
}

static void *run(void *context)
{
    struct sok_sentinel *sentinel = context;
    pthread_mutex_lock(&sentinel->lock);
    while (!sentinel->stopping) {
        pthread_mutex_unlock(&sentinel->lock);
        sok_sentinel_step(sentinel);
        pthread_mutex_lock(&sentinel->lock);
        wait_for_round(sentinel);
    }
    pthread_mutex_unlock(&sentinel->lock);
    return NULL;
}

enum sok_status sok_sentinel_start(
    const struct sok_worker_env *env, struct sok_sentinel **ret, struct sok_error *err)
{
    struct sok_sentinel *sentinel = calloc(1, sizeof(*sentinel));
    if (!sentinel)
        sok_panic("out of memory for sentinel");
    sentinel->env = env;
    sok_watch_init(&sentinel->watch);
    sok_watch_sync(env, &sentinel->watch); // from now on something watches, whatever goes away
    pthread_mutex_init(&sentinel->lock, NULL);
    sok_wait_init(&sentinel->wake);
    int error = pthread_create(&sentinel->thread, NULL, run, sentinel);
    if (error) {
        free(sentinel);
        return sok_fail_errno(err, SOK_UNAVAILABLE, error, "cannot start sentinel");
    }
    *ret = sentinel;
    return SOK_OK;
}

struct sok_sentinel *sok_sentinel_stop(struct sok_sentinel *sentinel)
{
    if (!sentinel)
        return NULL;
    pthread_mutex_lock(&sentinel->lock);
    sentinel->stopping = true;
    pthread_cond_signal(&sentinel->wake);
    pthread_mutex_unlock(&sentinel->lock);
    pthread_join(sentinel->thread, NULL);
    sok_watch_end(sentinel->env);
    pthread_mutex_destroy(&sentinel->lock);
    pthread_cond_destroy(&sentinel->wake);
    free(sentinel);
    return NULL;
}
