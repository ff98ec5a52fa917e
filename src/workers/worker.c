// Threads: `threads` that run handlers, and one keeper that renews the leases of what runs. The table is the
// truth: a message of the queue, the end of a run and the passing of poll_ms all only mean "look again".
#include "workers/worker.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/wait.h"
#include "runtime/log.h"
#include "workers/worker_private.h"

#define THREADS_DEFAULT 2
#define LEASE_DEFAULT_MS 30000
#define POLL_DEFAULT_MS 2000
#define RETRY_DEFAULT_MS 2000
#define WORK_ARENA_BYTES ((size_t)256 << 20)

void sok_worker_pause_locked(struct sok_worker *worker, int64_t ms)
{
    struct timespec until = sok_wait_deadline(ms);
    while (!atomic_load(&worker->stopping))
        if (!sok_wait_until(&worker->changed, &worker->lock, &until))
            return;
}

static void pause_worker(struct sok_worker *worker, int64_t ms)
{
    pthread_mutex_lock(&worker->lock);
    sok_worker_pause_locked(worker, ms);
    pthread_mutex_unlock(&worker->lock);
}

// --- Leasing

struct lease {
    const struct sok_worker_options *options;
    struct sok_arena *arena;
    struct sok_task task;
};

static enum sok_status lease_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct lease *lease = context;
    const struct sok_worker_env *env = lease->options->env;
    return sok_tasks_lease(
        tx, lease->arena, lease->options->job, env->owner, sok_clock_now_ms(env->clock),
        lease->options->lease_ms, &lease->task, err);
}

// SOK_NOT_FOUND when there is nothing to do. The writer is asked only when the read side saw something.
static enum sok_status lease_next(
    struct sok_worker *worker, struct sok_arena *arena, struct sok_task *ret, struct sok_error *err)
{
    const struct sok_worker_env *env = worker->options.env;
    bool due = false;
    SOK_TRY(sok_tasks_has_due(
        sok_db_reader(env->db), worker->options.job, sok_clock_now_ms(env->clock), &due, err));
    if (!due)
        return sok_fail(err, SOK_NOT_FOUND, "nothing to do");
    struct lease lease = {.options = &worker->options, .arena = arena};
    SOK_TRY(sok_db_write_rows(env->db, lease_body, &lease, err));
    *ret = lease.task;
    return SOK_OK;
}

// --- Running

static void run_task(struct sok_worker *worker, struct sok_arena *arena, const struct sok_task *task)
{
    struct sok_work_state state = {.worker = worker};
    struct sok_work work = {
        .arena = arena,
        .task = *task,
        .env = worker->options.env,
        .context = worker->options.context,
        .state = &state,
    };
    state.work = &work;
    atomic_init(&state.cancel_asked, task->cancel_requested);
    pthread_mutex_lock(&worker->lock);
    DL_APPEND(worker->running, &state);
    pthread_mutex_unlock(&worker->lock);

    sok_metric_add(work.env->metrics, SOK_METRIC_WORKER_BUSY, 1, worker->label, 0, 0);
    if (task->fence == 1) // its first run
        sok_metric_observe(
            work.env->metrics, SOK_METRIC_WORKER_WAIT_SECONDS,
            (double)(sok_clock_now_ms(work.env->clock) - task->created_at) / 1000, worker->label);
    sok_log_set_context(task->request_id ? task->request_id : task->id, task->traceparent);
    struct sok_error err = {0};
    const char *result = NULL;
    int64_t started_ms = sok_clock_mono_ms(work.env->clock);
    enum sok_status status;
    if (task->cancel_requested)
        status = sok_fail(&err, SOK_CANCELLED, "cancelled");
    else {
        sok_work_announce(&work, "running", task->progress, NULL);
        status = worker->options.handler(&work, &result, &err);
    }
    sok_metric_observe(
        work.env->metrics, SOK_METRIC_WORKER_JOB_SECONDS,
        (double)(sok_clock_mono_ms(work.env->clock) - started_ms) / 1000.0, worker->label);
    sok_work_end(&work, status, result, &err);
    sok_log_set_context("", "");
    sok_metric_add(work.env->metrics, SOK_METRIC_WORKER_BUSY, -1, worker->label, 0, 0);

    pthread_mutex_lock(&worker->lock);
    DL_DELETE(worker->running, &state);
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static void wait_for_work(struct sok_worker *worker)
{
    char task_id[SOK_UUID_LEN + 1];
    struct sok_error err = {0};
    if (sok_queue_wait(
            worker->options.env->queue, worker->options.job, worker->options.poll_ms, task_id, &err) !=
        SOK_OK)
        pause_worker(worker, worker->options.poll_ms); // down or stopping: the table is still there
}

static void *run_thread(void *context)
{
    struct sok_worker *worker = context;
    bool was_well = true;
    while (!atomic_load(&worker->stopping)) {
        SOK_ARENA_AUTO *arena = sok_arena_new(WORK_ARENA_BYTES);
        struct sok_task task = {0};
        struct sok_error err = {0};
        enum sok_status status = lease_next(worker, arena, &task, &err);
        sok_metric_set(
            worker->options.env->metrics, SOK_METRIC_WORKER_HEARTBEAT,
            (double)(sok_clock_now_ms(worker->options.env->clock) / 1000), worker->label, 0);
        if (status == SOK_OK)
            run_task(worker, arena, &task);
        else if (status != SOK_NOT_FOUND) {
            if (was_well) // once, not each time it is looked at
                sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot look for jobs", &err);
            pause_worker(worker, worker->options.poll_ms);
        } else
            wait_for_work(worker);
        was_well = status == SOK_OK || status == SOK_NOT_FOUND;
    }
    return NULL;
}

// --- The keeper

#define RENEW_MAX 64 // a worker has fewer threads than that

struct renewal {
    const struct sok_worker_options *options;
    size_t count;
    struct {
        char id[SOK_UUID_LEN + 1];
        int64_t fence;
        bool cancel, lost;
    } leases[RENEW_MAX];
};

static enum sok_status renew_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct renewal *renewal = context;
    int64_t now_ms = sok_clock_now_ms(renewal->options->env->clock);
    for (size_t i = 0; i < renewal->count; i++) {
        enum sok_status status = sok_tasks_renew(
            tx, renewal->leases[i].id, renewal->leases[i].fence, now_ms, renewal->options->lease_ms,
            &renewal->leases[i].cancel, err);
        renewal->leases[i].lost = status == SOK_CONFLICT;
        if (status != SOK_OK && status != SOK_CONFLICT)
            return status;
    }
    return SOK_OK;
}

static void collect_leases(struct sok_worker *worker, struct renewal *renewal)
{
    struct sok_work_state *state;
    renewal->count = 0;
    DL_FOREACH(worker->running, state)
    {
        if (renewal->count == RENEW_MAX)
            break;
        memcpy(renewal->leases[renewal->count].id, state->work->task.id, SOK_UUID_LEN);
        renewal->leases[renewal->count].id[SOK_UUID_LEN] = '\0';
        renewal->leases[renewal->count++].fence = state->work->task.fence;
    }
}

static void spread_news(struct sok_worker *worker, const struct renewal *renewal)
{
    struct sok_work_state *state;
    DL_FOREACH(worker->running, state)
    for (size_t i = 0; i < renewal->count; i++) {
        if (strcmp(state->work->task.id, renewal->leases[i].id) != 0 ||
            state->work->task.fence != renewal->leases[i].fence)
            continue;
        if (renewal->leases[i].cancel)
            atomic_store(&state->cancel_asked, true);
        if (renewal->leases[i].lost)
            atomic_store(&state->lease_lost, true);
    }
}

static void *run_keeper(void *context)
{
    struct sok_worker *worker = context;
    pthread_mutex_lock(&worker->lock);
    while (!worker->keeper_ends) {
        struct timespec until = sok_wait_deadline(worker->options.lease_ms / 3);
        while (!worker->keeper_ends && sok_wait_until(&worker->changed, &worker->lock, &until))
            continue;
        struct renewal renewal = {.options = &worker->options};
        collect_leases(worker, &renewal);
        if (renewal.count == 0 || worker->keeper_ends)
            continue;
        pthread_mutex_unlock(&worker->lock);
        struct sok_error err = {0};
        enum sok_status status = sok_db_write_rows(worker->options.env->db, renew_body, &renewal, &err);
        if (status != SOK_OK)
            sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot renew leases", &err);
        pthread_mutex_lock(&worker->lock);
        if (status == SOK_OK)
            spread_news(worker, &renewal);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

// --- Start and stop

static void set_defaults(struct sok_worker_options *options)
{
    if (options->threads <= 0)
        options->threads = THREADS_DEFAULT;
    if (options->lease_ms <= 0)
        options->lease_ms = LEASE_DEFAULT_MS;
    if (options->poll_ms <= 0)
        options->poll_ms = POLL_DEFAULT_MS;
    if (options->retry_base_ms <= 0)
        options->retry_base_ms = RETRY_DEFAULT_MS;
}

enum sok_status sok_worker_start(
    const struct sok_worker_options *options, struct sok_worker **ret, struct sok_error *err)
{
    struct sok_worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        sok_panic("out of memory for a worker");
    worker->options = *options;
    set_defaults(&worker->options);
    pthread_mutex_init(&worker->lock, NULL);
    sok_wait_init(&worker->changed);
    worker->label = sok_label_find(SOK_LABEL_WORKER, options->name);
    worker->threads = calloc((size_t)worker->options.threads, sizeof(*worker->threads));
    if (!worker->threads)
        sok_panic("out of memory for a worker");

    int error = pthread_create(&worker->keeper, NULL, run_keeper, worker);
    worker->keeper_started = error == 0;
    while (!error && worker->started < worker->options.threads) {
        error = pthread_create(&worker->threads[worker->started], NULL, run_thread, worker);
        worker->started += error == 0;
    }
    if (error) {
        sok_worker_stop(worker, 0);
        return sok_fail_errno(err, SOK_UNAVAILABLE, error, "cannot start the worker %s", options->name);
    }
    sok_metric_set(options->env->metrics, SOK_METRIC_WORKER_THREADS, worker->started, worker->label, 0);
    *ret = worker;
    return SOK_OK;
}

static void wait_for_runs(struct sok_worker *worker, int64_t grace_ms)
{
    struct timespec until = sok_wait_deadline(grace_ms);
    pthread_mutex_lock(&worker->lock);
    pthread_cond_broadcast(&worker->changed);
    while (worker->running)
        if (!sok_wait_until(&worker->changed, &worker->lock, &until))
            break;
    pthread_mutex_unlock(&worker->lock);
}

struct sok_worker *sok_worker_stop(struct sok_worker *worker, int64_t grace_ms)
{
    if (!worker)
        return NULL;
    atomic_store(&worker->stopping, true);
    wait_for_runs(worker, grace_ms);
    atomic_store(&worker->giving_up, true);
    for (int i = 0; i < worker->started; i++)
        pthread_join(worker->threads[i], NULL);
    // Last: until the handlers are through, their leases are kept.
    pthread_mutex_lock(&worker->lock);
    worker->keeper_ends = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (worker->keeper_started)
        pthread_join(worker->keeper, NULL);
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->changed);
    free(worker->threads);
    free(worker);
    return NULL;
}

bool sok_work_is_cancelled(const struct sok_work *work)
{
    const struct sok_work_state *state = work->state;
    return atomic_load(&state->cancel_asked) || atomic_load(&state->lease_lost) ||
           atomic_load(&state->worker->giving_up);
}
