// What a run writes: its progress, its results under its lease, and how it ended.
#include <string.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/alerts.h"
#include "runtime/log.h"
#include "workers/worker_private.h"

#define PROGRESS_EVERY_MS 1000
#define NO_SPACE_PAUSE_MS 30000
#define AWAY_PAUSE_MS 2000
#define RETRY_MAX_MS 300000
#define RECORD_TRIES 5
#define RECORD_PAUSE_MS 1000
#define REPUBLISH_MAX 1000

void sok_work_announce(const struct sok_work *work, const char *status, double progress, const char *error)
{
    if (!work->task.user_id) // an event of nobody would go to everybody
        return;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *data = json_object();
    sok_json_set_text(data, "task_id", work->task.id);
    sok_json_set_text(data, "task_type", work->task.task_type);
    sok_json_set_text(data, "media_id", work->task.media_id);
    sok_json_set_text(data, "status", status);
    sok_json_set_real(data, "progress", progress);
    sok_json_set_text(data, "error", error);
    struct sok_event event = {
        .subject = "task.updated",
        .user_id = work->task.user_id,
        .json = sok_json_dump(arena, data),
    };
    sok_queue_publish_event(work->env->queue, &event);
}

// --- Writes under the lease

struct held_write {
    struct sok_work *work;
    sok_db_body body;
    void *context;
    bool finish, rows_only;
    const char *result_json;
};

static enum sok_status held_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct held_write *held = context;
    const struct sok_task *task = &held->work->task;
    const struct sok_worker_env *env = held->work->env;
    int64_t now_ms = sok_clock_now_ms(env->clock);
    if (held->finish)
        SOK_TRY(sok_tasks_complete(tx, task->id, task->fence, held->result_json, now_ms, err));
    else
        SOK_TRY(sok_tasks_renew(
            tx, task->id, task->fence, now_ms, held->work->state->worker->options.lease_ms, NULL, err));
    return held->body ? held->body(tx, held->context, err) : SOK_OK;
}

static enum sok_status write_held(const struct held_write *held, struct sok_error *err)
{
    struct sok_error seen = {0};
    struct sok_db *db = held->work->env->db;
    enum sok_status status = held->rows_only ? sok_db_write_rows(db, held_body, (void *)held, &seen)
                                             : sok_db_write(db, held_body, (void *)held, &seen);
    if (status == SOK_CONFLICT && seen.code && strcmp(seen.code, "lease_lost") == 0)
        atomic_store(&held->work->state->lease_lost, true);
    if (status != SOK_OK && err)
        *err = seen;
    return status;
}

enum sok_status sok_work_write(struct sok_work *work, sok_db_body body, void *context, struct sok_error *err)
{
    return write_held(&(struct held_write){.work = work, .body = body, .context = context}, err);
}

enum sok_status sok_work_write_rows(
    struct sok_work *work, sok_db_body body, void *context, struct sok_error *err)
{
    return write_held(
        &(struct held_write){.work = work, .body = body, .context = context, .rows_only = true}, err);
}

enum sok_status sok_work_finish(
    struct sok_work *work, sok_db_body body, void *context, const char *result_json, struct sok_error *err)
{
    SOK_TRY(write_held(
        &(struct held_write){
            .work = work,
            .body = body,
            .context = context,
            .finish = true,
            .rows_only = true,
            .result_json = result_json},
        err));
    work->state->is_finished = true;
    return SOK_OK;
}

struct progress {
    struct sok_work *work;
    double percent;
};

static enum sok_status progress_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct progress *progress = context;
    const struct sok_task *task = &progress->work->task;
    return sok_tasks_progress(
        tx, task->id, task->fence, progress->percent, sok_clock_now_ms(progress->work->env->clock), err);
}

enum sok_status sok_work_progress(struct sok_work *work, double percent, struct sok_error *err)
{
    int64_t now_ms = sok_clock_mono_ms(work->env->clock);
    if (work->state->progress_at_ms && now_ms - work->state->progress_at_ms < PROGRESS_EVERY_MS)
        return SOK_OK;
    work->state->progress_at_ms = now_ms ? now_ms : 1;
    struct progress progress = {work, percent};
    SOK_TRY(sok_db_write_rows(work->env->db, progress_body, &progress, err));
    sok_work_announce(work, "running", percent, NULL);
    return SOK_OK;
}

// --- The end

enum ending { END_COMPLETED, END_CANCELLED, END_HANDED_BACK, END_POSTPONED, END_FAILED };

struct end {
    struct sok_work *work;
    enum ending ending;
    const char *result_json;
    const struct sok_error *why;
    int64_t retry_at;
    bool is_dead;
};

static enum sok_status tell_owner(struct sok_db_tx *tx, const struct end *end, struct sok_error *err)
{
    const struct sok_worker_options *options = &end->work->state->worker->options;
    return options->on_ended ? options->on_ended(tx, &end->work->task, end->why, err) : SOK_OK;
}

static bool is_away(const struct sok_error *why)
{
    return why->status == SOK_UNAVAILABLE && sok_text_eq(why->code, SOK_DB_AWAY);
}

static enum sok_status end_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct end *end = context;
    const struct sok_task *task = &end->work->task;
    int64_t now_ms = sok_clock_now_ms(end->work->env->clock);
    switch (end->ending) {
    case END_COMPLETED:
        return sok_tasks_complete(tx, task->id, task->fence, end->result_json, now_ms, err);
    case END_HANDED_BACK:
        return sok_tasks_hand_back(tx, task->id, task->fence, 0, now_ms, err);
    case END_POSTPONED:
        return sok_tasks_postpone(
            tx, task->id, task->fence, end->why,
            now_ms + (is_away(end->why) ? AWAY_PAUSE_MS : NO_SPACE_PAUSE_MS), now_ms, err);
    case END_CANCELLED:
        SOK_TRY(sok_tasks_end_cancelled(tx, task->id, task->fence, now_ms, err));
        return tell_owner(tx, end, err);
    case END_FAILED:
        SOK_TRY(sok_tasks_fail(
            tx, task->id, task->fence, end->why, sok_status_info(end->why->status)->retry, end->retry_at,
            now_ms, &end->is_dead, err));
        return end->is_dead ? tell_owner(tx, end, err) : SOK_OK;
    }
    return SOK_OK;
}

// What our own disk or database did to a job is none of its tries.
static enum ending choose_ending(
    const struct sok_work *work, enum sok_status status, const struct sok_error *why)
{
    const struct sok_work_state *state = work->state;
    switch (status) {
    case SOK_OK:
        return END_COMPLETED;
    case SOK_CANCELLED:
        if (atomic_load(&state->cancel_asked))
            return END_CANCELLED;
        return atomic_load(&state->worker->giving_up) ? END_HANDED_BACK : END_FAILED;
    case SOK_NO_SPACE:
        return END_POSTPONED;
    default:
        return is_away(why) ? END_POSTPONED : END_FAILED;
    }
}

// base * 2^retries, at most five minutes, times 0.5 to 1.5.
static int64_t backoff_ms(const struct sok_work *work)
{
    int64_t pause_ms = work->state->worker->options.retry_base_ms;
    for (int64_t i = 0; i < work->task.retry_count && pause_ms < RETRY_MAX_MS; i++)
        pause_ms *= 2;
    if (pause_ms > RETRY_MAX_MS)
        pause_ms = RETRY_MAX_MS;
    return pause_ms / 2 + sok_random_below((uint32_t)pause_ms + 1);
}

// The database may be down or full for a moment. If it stays so, the lease runs out and the task is run
// again.
static enum sok_status record(struct end *end, struct sok_error *err)
{
    struct sok_worker *worker = end->work->state->worker;
    enum sok_status status = SOK_OK;
    for (int i = 0; i < RECORD_TRIES; i++) {
        status = sok_db_write(end->work->env->db, end_body, end, err);
        if (status == SOK_OK || status == SOK_CONFLICT || status == SOK_INTERNAL)
            break;
        pthread_mutex_lock(&worker->lock);
        sok_worker_pause_locked(worker, RECORD_PAUSE_MS);
        pthread_mutex_unlock(&worker->lock);
    }
    return status;
}

static void report(const struct end *end)
{
    static const char *const names[] = {
        [END_COMPLETED] = "completed", [END_CANCELLED] = "cancelled", [END_HANDED_BACK] = "pending",
        [END_POSTPONED] = "pending",   [END_FAILED] = "pending",
    };
    const struct sok_work *work = end->work;
    const struct sok_worker_options *options = &work->state->worker->options;
    bool failed = end->ending == END_FAILED || end->ending == END_POSTPONED;
    const char *status = end->is_dead ? "failed" : names[end->ending];
    const char *error = failed ? end->why->message : NULL;
    sok_work_announce(work, status, end->ending == END_COMPLETED ? 100 : work->task.progress, error);
    const char *as = failed && !end->is_dead ? "retried" : status;
    int worker = work->state->worker->label;
    sok_metric_add(
        work->env->metrics, SOK_METRIC_WORKER_JOBS, 1, worker, sok_label_find(SOK_LABEL_JOB_STATUS, as), 0);
    if (!failed) {
        sok_log(
            SOK_LOG_INFO, SOK_LOG_WORKER, "job ended", SOK_TEXT("worker", options->name),
            SOK_TEXT("task_id", work->task.id), SOK_TEXT("status", status));
        return;
    }
    sok_metric_add(work->env->metrics, SOK_METRIC_WORKER_ERRORS, 1, worker, (int)end->why->status, 0);
    sok_metric_add(
        work->env->metrics, end->is_dead ? SOK_METRIC_WORKER_DEAD : SOK_METRIC_WORKER_RETRIES, 1, worker, 0,
        0);
    sok_log_error(
        end->is_dead ? SOK_LOG_ERROR : SOK_LOG_WARN, SOK_LOG_WORKER,
        end->is_dead ? "job failed for good" : "job failed, will be tried again", end->why);
}

void sok_work_end(
    struct sok_work *work, enum sok_status status, const char *result_json, const struct sok_error *why)
{
    struct sok_error reason = *why;
    reason.status = status;
    struct end end = {
        .work = work,
        .ending = choose_ending(work, status, &reason),
        .result_json = result_json,
        .why = &reason,
        .retry_at = sok_clock_now_ms(work->env->clock) + backoff_ms(work),
    };
    if (work->state->is_finished) {
        end.ending = END_COMPLETED;
        report(&end);
        return;
    }
    struct sok_error err = {0};
    enum sok_status recorded = atomic_load(&work->state->lease_lost)
                                   ? sok_fail(&err, SOK_CONFLICT, "somebody else has the task now")
                                   : record(&end, &err);
    if (recorded == SOK_CONFLICT)
        sok_metric_add(
            work->env->metrics, SOK_METRIC_WORKER_LEASES_LOST, 1, work->state->worker->label, 0, 0);
    if (recorded == SOK_OK)
        report(&end);
    else // whoever has it now, or takes it when the lease has run out, goes on
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "the end of a job was not recorded", &err);
}

// --- Leases that nobody holds any more

struct upkeep {
    const struct sok_worker_env *env;
    struct sok_arena *arena;
    struct sok_task_ref *refs;
    size_t ref_count;
    int64_t expired;
};

static enum sok_status take_over_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct upkeep *upkeep = context;
    const char **owners;
    size_t count;
    SOK_TRY(sok_tasks_list_owners(tx, upkeep->arena, &owners, &count, err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(owners[i], upkeep->env->owner) != 0)
            SOK_TRY(sok_tasks_release_owner(tx, owners[i], sok_clock_now_ms(upkeep->env->clock), NULL, err));
    return sok_alerts_leave(tx, NULL, err); // nobody else watches either
}

enum sok_status sok_worker_take_over(const struct sok_worker_env *env, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct upkeep upkeep = {.env = env, .arena = arena};
    return sok_db_write(env->db, take_over_body, &upkeep, err);
}

static enum sok_status reconcile_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct upkeep *upkeep = context;
    return sok_tasks_reconcile(
        tx, upkeep->arena, sok_clock_now_ms(upkeep->env->clock), REPUBLISH_MAX, &upkeep->refs,
        &upkeep->ref_count, &upkeep->expired, err);
}

enum sok_status sok_worker_reconcile(
    const struct sok_worker_env *env, int64_t *ret_expired, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct upkeep upkeep = {.env = env, .arena = arena};
    SOK_TRY(sok_db_write(env->db, reconcile_body, &upkeep, err));
    for (size_t i = 0; i < upkeep.ref_count; i++)
        sok_queue_publish(env->queue, upkeep.refs[i].job, upkeep.refs[i].id);
    *ret_expired = upkeep.expired;
    return SOK_OK;
}
