// The hunter's thread: leases tasks while there are slots, steps every download, obeys commands, reports,
// renews.
//
// It sleeps in sok_torrents_wait and is woken by whatever happens in the session, by the queue's offers, by
// "command.download" events and by finished pool jobs; at the latest every half second. A download's row is
// the truth: a lost wake-up delays, and loses nothing.
#include "workers/hunter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "data/tasks.h"
#include "runtime/log.h"
#include "workers/hunter-private.h"

#define TICK_MS 500
#define LEASE_EVERY_MS 2000
#define SYNC_EVERY_MS 5000
#define STOP_PATIENCE_MS 8000
#define POOL_THREADS 2
#define POOL_QUEUE 256

// --- Taking downloads on.

static struct sok_hunt *find_hunt(const struct sok_hunter *hunter, const char *id)
{
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
        if (hunt->phase != SOK_HUNT_ENDED && strcmp(hunt->row.id, id) == 0)
            return hunt;
    return NULL;
}

static void append(struct sok_hunter *hunter, struct sok_hunt *hunt)
{
    struct sok_hunt **end = &hunter->hunts;
    while (*end)
        end = &(*end)->next;
    *end = hunt;
}

struct lease {
    struct sok_hunter *hunter;
    struct sok_arena *arena;
    const char *id; // this one; NULL: the one that has waited longest
    struct sok_task task;
};

static enum sok_status write_lease(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct lease *lease = context;
    const struct sok_worker_env *env = &lease->hunter->env;
    int64_t now_ms = sok_clock_now_ms(env->clock);
    if (lease->id)
        return sok_tasks_lease_id(
            tx, lease->arena, lease->id, env->owner, now_ms, SOK_HUNT_LEASE_MS, &lease->task, err);
    return sok_tasks_lease(
        tx, lease->arena, SOK_JOB_DOWNLOAD, env->owner, now_ms, SOK_HUNT_LEASE_MS, &lease->task, err);
}

static enum sok_status write_orphan(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct lease *lease = context;
    return sok_tasks_complete(
        tx, lease->task.id, lease->task.fence, "{\"note\":\"the download was deleted\"}",
        sok_clock_now_ms(lease->hunter->env.clock), err);
}

// Leases one task; false when there is none to be had.
static bool lease_one(struct sok_hunter *hunter, const char *id)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct lease lease = {.hunter = hunter, .arena = arena, .id = id};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunter->env.db, write_lease, &lease, &err);
    if (status == SOK_NOT_FOUND)
        return false;
    if (status != SOK_OK) {
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot lease a download", &err);
        return false;
    }
    struct sok_hunt *old = find_hunt(hunter, lease.task.id);
    if (old) { // our own lease had run out unnoticed
        old->fence = lease.task.fence;
        return true;
    }
    struct sok_hunt *hunt = sok_hunt_load(hunter, lease.task.id, lease.task.fence, &err);
    if (hunt)
        append(hunter, hunt);
    else if (err.status == SOK_NOT_FOUND)
        status = sok_db_write(hunter->env.db, write_orphan, &lease, &err);
    return status == SOK_OK;
}

static bool wants_more(const struct sok_hunter *hunter)
{
    int64_t max = hunter->env.config->torrent_max_active;
    int waiting = 0;
    for (const struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
        waiting += hunt->phase == SOK_HUNT_WAITING && sok_text_eq(hunt->row.wanted, "run");
    return max <= 0 || sok_hunter_active(hunter) + waiting < max;
}

static void lease_more(struct sok_hunter *hunter, int64_t mono_ms)
{
    bool is_offered = atomic_exchange(&hunter->offered, false);
    if (!is_offered && mono_ms < hunter->lease_at)
        return;
    hunter->lease_at = mono_ms + LEASE_EVERY_MS;
    while (wants_more(hunter) && lease_one(hunter, NULL))
        ;
}

// --- Commands: the rows say what users want.

// A download that seeds has no task to lease; it is found here after a restart.
static void adopt(struct sok_hunter *hunter, const struct sok_download *row)
{
    struct sok_error err = {0};
    struct sok_hunt *hunt = sok_hunt_load(hunter, row->id, 0, &err);
    if (hunt)
        append(hunter, hunt);
}

static void sync_row(struct sok_hunter *hunter, const struct sok_download *row)
{
    struct sok_hunt *hunt = find_hunt(hunter, row->id);
    if (hunt) {
        if (!sok_text_eq(hunt->row.media_id, row->media_id)) // merged into another work
            hunt->row.media_id = sok_strdup(hunt->arena, row->media_id);
        sok_hunt_obey(hunt, row->wanted, row->delete_files);
    } else if (row->imported_at) {
        adopt(hunter, row);
    } else if (sok_text_eq(row->wanted, "cancelled")) { // does not wait for a slot
        (void)lease_one(hunter, row->id);
    }
}

static void sync_rows(struct sok_hunter *hunter, int64_t mono_ms)
{
    if (!hunter->was_woken && mono_ms < hunter->sync_at)
        return;
    hunter->sync_at = mono_ms + SYNC_EVERY_MS;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_download *rows;
    size_t count;
    if (sok_downloads_list_live(sok_db_reader(hunter->env.db), arena, &rows, &count, &err) != SOK_OK) {
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot read the downloads", &err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        sync_row(hunter, &rows[i]);
    sok_hunter_clear_gone(hunter, rows, count);
}

// --- The thread.

static void forget_ended(struct sok_hunter *hunter)
{
    for (struct sok_hunt **at = &hunter->hunts; *at;) {
        struct sok_hunt *hunt = *at;
        if (hunt->phase == SOK_HUNT_ENDED && sok_hunt_take_job(hunt)) {
            *at = hunt->next;
            sok_hunt_free(hunt);
        } else {
            at = &hunt->next;
        }
    }
}

static void note_speed(struct sok_hunter *hunter)
{
    int64_t speed = 0, up_speed = 0, peers = 0;
    for (const struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next) {
        speed += hunt->row.download_speed;
        up_speed += hunt->row.upload_speed;
        peers += hunt->row.peers;
    }
    sok_metric_set(hunter->env.metrics, SOK_METRIC_DOWNLOAD_UP_SPEED, (double)up_speed, 0, 0);
    sok_metric_set(hunter->env.metrics, SOK_METRIC_DOWNLOAD_PEERS, (double)peers, 0, 0);
    sok_metric_set(hunter->env.metrics, SOK_METRIC_DOWNLOADS_ACTIVE, sok_hunter_active(hunter), 0, 0);
    sok_metric_set(hunter->env.metrics, SOK_METRIC_DOWNLOAD_SPEED, (double)speed, 0, 0);
    int label = sok_label_find(SOK_LABEL_WORKER, "hunter");
    sok_metric_set(hunter->env.metrics, SOK_METRIC_WORKER_BUSY, sok_hunter_active(hunter), label, 0);
    sok_metric_set(
        hunter->env.metrics, SOK_METRIC_WORKER_HEARTBEAT,
        (double)(sok_clock_now_ms(hunter->env.clock) / 1000), label, 0);
}

static void turn(struct sok_hunter *hunter)
{
    int64_t mono_ms = sok_clock_mono_ms(hunter->env.clock);
    sync_rows(hunter, mono_ms);
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next) {
        sok_hunt_enter(hunt);
        sok_hunt_step(hunt, mono_ms);
    }
    sok_log_set_context("", "");
    lease_more(hunter, mono_ms);
    if (mono_ms >= hunter->renew_at) {
        hunter->renew_at = mono_ms + SOK_HUNT_RENEW_MS;
        sok_hunter_renew(hunter);
    }
    bool is_due = mono_ms >= hunter->report_at;
    if (is_due) {
        hunter->report_at = mono_ms + SOK_HUNT_REPORT_MS;
        note_speed(hunter);
    }
    sok_hunter_report(hunter, is_due);
    forget_ended(hunter);
}

static void *run(void *context)
{
    struct sok_hunter *hunter = context;
    uint64_t generation = 0;
    while (!atomic_load(&hunter->stopping)) {
        turn(hunter);
        uint64_t before = generation;
        sok_torrents_wait(hunter->env.torrents, &generation, TICK_MS);
        hunter->was_woken = generation != before;
    }
    return NULL;
}

static void *listen_queue(void *context)
{
    struct sok_hunter *hunter = context;
    char id[SOK_UUID_LEN + 1];
    while (!atomic_load(&hunter->stopping)) {
        struct sok_error err = {0};
        if (sok_queue_wait(hunter->env.queue, SOK_JOB_DOWNLOAD, 1000, id, &err) == SOK_CANCELLED)
            break;
        atomic_store(&hunter->offered, true);
        sok_torrents_wake(hunter->env.torrents);
    }
    return NULL;
}

// A user changed a row. The queue may deliver this when the hunter is gone already; the session outlives the
// queue.
static void on_command(const struct sok_event *event, void *context)
{
    sok_torrents_wake(context);
}

// --- Start and stop.

static enum sok_status prepare(struct sok_hunter *hunter, struct sok_error *err)
{
    const struct sok_config *config = hunter->env.config;
    hunter->resume_dir = sok_format(hunter->arena, "%s/resume", config->data_dir);
    if (mkdir(hunter->resume_dir, 0700) < 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %s", hunter->resume_dir);
    char *real = realpath(config->download_dir, NULL);
    if (!real)
        return sok_fail_errno(err, SOK_IO, errno, "cannot use the folder %s", config->download_dir);
    hunter->download_dir = sok_strdup(hunter->arena, real);
    free(real);
    return sok_queue_subscribe(hunter->env.queue, "command.download", on_command, hunter->env.torrents, err);
}

enum sok_status sok_hunter_start(
    const struct sok_worker_env *env, struct sok_hunter **ret, struct sok_error *err)
{
    struct sok_hunter *hunter = calloc(1, sizeof(*hunter));
    if (!hunter)
        sok_panic("out of memory for the hunter");
    hunter->env = *env;
    hunter->arena = sok_arena_new(0);
    hunter->was_woken = true;
    atomic_store(&hunter->offered, true);
    enum sok_status status = prepare(hunter, err);
    if (status == SOK_OK) {
        hunter->pool = sok_pool_new("hunter", POOL_THREADS, POOL_QUEUE);
        hunter->has_thread = pthread_create(&hunter->thread, NULL, run, hunter) == 0;
        hunter->has_listener = pthread_create(&hunter->listener, NULL, listen_queue, hunter) == 0;
        if (!hunter->has_thread || !hunter->has_listener)
            status = sok_fail(err, SOK_UNAVAILABLE, "cannot start the hunter's threads");
    }
    if (status != SOK_OK) {
        sok_hunter_stop(hunter);
        return status;
    }
    sok_metric_set(
        env->metrics, SOK_METRIC_WORKER_THREADS, 2 + POOL_THREADS, // steps, listens, pool
        sok_label_find(SOK_LABEL_WORKER, "hunter"), 0);
    *ret = hunter;
    return SOK_OK;
}

// Asks for all resume data at once and writes it as it comes.
static void save_all(struct sok_hunter *hunter)
{
    int64_t until = sok_clock_mono_ms(hunter->env.clock) + STOP_PATIENCE_MS;
    int open = 0;
    for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next) {
        sok_hunt_keep_resume(hunt, true, true, 0);
        open += hunt->resume_asked;
    }
    uint64_t generation = 0;
    while (open && sok_clock_mono_ms(hunter->env.clock) < until) {
        sok_torrents_wait(hunter->env.torrents, &generation, 100);
        for (struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
            open -= hunt->resume_asked && sok_hunt_write_resume(hunt);
    }
}

struct sok_hunter *sok_hunter_stop(struct sok_hunter *hunter)
{
    if (!hunter)
        return NULL;
    atomic_store(&hunter->stopping, true);
    if (hunter->has_thread || hunter->has_listener)
        sok_torrents_wake(hunter->env.torrents);
    if (hunter->has_thread)
        pthread_join(hunter->thread, NULL);
    if (hunter->has_listener)
        pthread_join(hunter->listener, NULL);
    hunter->pool = sok_pool_free(hunter->pool);
    save_all(hunter);
    while (hunter->hunts) {
        struct sok_hunt *hunt = hunter->hunts;
        if (hunt->fence && hunt->phase != SOK_HUNT_ENDED)
            (void)sok_hunt_hand_back(hunt);
        hunter->hunts = hunt->next;
        sok_hunt_free(hunt);
    }
    sok_arena_free(hunter->arena);
    free(hunter);
    return NULL;
}
