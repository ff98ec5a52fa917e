// Which sentinel judges what, and which alerts are raised: both in the database, so that several sentinels
// raise an alert once, and one that is started anew goes on where its predecessor was. While the database
// does not answer, the one that watched goes on by what it knows, tells at once, and writes down later.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/rand.h"
#include "data/alerts.h"
#include "data/audit.h"
#include "runtime/log.h"
#include "workers/sentinel_private.h"

#define LEASE_MIN_MS 10000
#define LEASE_ROUNDS 3

struct sync {
    const struct sok_worker_env *env;
    struct sok_watch *watch;
    bool is_mine[SOK_PLACE_COUNT];
    bool is_stored[SOK_CHANGES_MAX]; // it was news to the database
    bool is_raised[SOK_GAUGE_COUNT];
};

void sok_watch_init(struct sok_watch *watch)
{
    *watch = (struct sok_watch){0};
    if (gethostname(watch->host, sizeof(watch->host) - 1) < 0)
        snprintf(watch->host, sizeof(watch->host), "localhost");
}

static const char *place_name(const struct sok_watch *watch, enum sok_place place)
{
    return place == SOK_PLACE_HOST ? watch->host : "";
}

void sok_watch_note(struct sok_watch *watch, const struct sok_alert_change *change)
{
    if (watch->change_count == SOK_CHANGES_MAX) { // the oldest has been told, and will not be written down
        sok_log(
            SOK_LOG_ERROR, SOK_LOG_AUDIT, "an alert could not be written down",
            SOK_TEXT("alert", sok_alert_name(watch->changes[0].gauge)));
        memmove(watch->changes, watch->changes + 1, (SOK_CHANGES_MAX - 1) * sizeof(*change));
        watch->change_count--;
    }
    watch->changes[watch->change_count++] = *change;
}

static enum sok_status store_change(
    struct sok_db_tx *tx, struct sync *sync, const struct sok_alert_change *change, bool *ret_stored,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    enum sok_place place = sok_alert_place(change->gauge);
    struct sok_alert alert = {
        .name = sok_alert_name(change->gauge),
        .place = place_name(sync->watch, place),
        .is_raised = change->is_raised,
        .severity = sok_alert_severity(change->gauge),
        .value = change->value,
        .raised_at = change->is_raised ? change->at_ms : 0,
        .cleared_at = change->is_raised ? 0 : change->at_ms,
        .updated_at = change->at_ms,
    };
    *ret_stored = false;
    if (!change->is_told && !sync->is_mine[place])
        return SOK_OK;
    SOK_TRY(sok_alerts_set(tx, &alert, ret_stored, err));
    if (!*ret_stored)
        return SOK_OK;
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(change->at_ms, id);
    SOK_JSON_AUTO *value = sok_alert_describe(change, sync->watch->host);
    struct sok_audit entry = {
        .id = id,
        .action = change->is_raised ? "alert.raised" : "alert.cleared",
        .resource = "alert",
        .resource_id = alert.name,
        .new_value = sok_json_dump(arena, value),
        .created_at = change->at_ms,
    };
    return sok_audit_insert(tx, &entry, err);
}

static enum sok_status load_raised(
    struct sok_db_tx *tx, struct sync *sync, enum sok_place place, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_alert *alerts;
    size_t count;
    SOK_TRY(sok_alerts_list_raised(tx, arena, place_name(sync->watch, place), &alerts, &count, err));
    for (size_t i = 0; i < count; i++)
        for (int gauge = 0; gauge < SOK_GAUGE_COUNT; gauge++)
            if (strcmp(alerts[i].name, sok_alert_name((enum sok_gauge)gauge)) == 0)
                sync->is_raised[gauge] = true;
    return SOK_OK;
}

// Runs again when two sentinels did it at the same time: everything it finds out begins anew.
static enum sok_status sync_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sync *sync = context;
    const struct sok_worker_env *env = sync->env;
    int64_t every_ms = env->config->sentinel_seconds * 1000;
    int64_t lease_ms = every_ms * LEASE_ROUNDS > LEASE_MIN_MS ? every_ms * LEASE_ROUNDS : LEASE_MIN_MS;
    memset(sync->is_raised, 0, sizeof(sync->is_raised));
    for (int place = 0; place < SOK_PLACE_COUNT; place++)
        SOK_TRY(sok_alerts_watch(
            tx, place_name(sync->watch, (enum sok_place)place), env->owner, sok_clock_now_ms(env->clock),
            lease_ms, &sync->is_mine[place], err));
    for (size_t i = 0; i < sync->watch->change_count; i++)
        SOK_TRY(store_change(tx, sync, &sync->watch->changes[i], &sync->is_stored[i], err));
    for (int place = 0; place < SOK_PLACE_COUNT; place++)
        if (sync->is_mine[place])
            SOK_TRY(load_raised(tx, sync, (enum sok_place)place, err));
    return SOK_OK;
}

static void take_over(struct sok_watch *watch, const struct sync *sync)
{
    memcpy(watch->is_mine, sync->is_mine, sizeof(watch->is_mine));
    for (int gauge = 0; gauge < SOK_GAUGE_COUNT; gauge++) {
        watch->states[gauge].is_raised = sync->is_raised[gauge];
        if (!watch->is_mine[sok_alert_place((enum sok_gauge)gauge)])
            watch->states[gauge].streak = 0;
    }
}

void sok_watch_sync(const struct sok_worker_env *env, struct sok_watch *watch)
{
    struct sync sync = {.env = env, .watch = watch};
    struct sok_error err = {0};
    bool is_written = sok_db_write(env->db, sync_body, &sync, &err) == SOK_OK;
    for (size_t i = 0; i < watch->change_count; i++) {
        struct sok_alert_change *change = &watch->changes[i];
        if (!change->is_told && (!is_written || sync.is_stored[i]))
            sok_alert_publish(env, change, watch->host);
        change->is_told = true;
    }
    if (is_written) {
        watch->change_count = 0;
        watch->is_known = true;
        take_over(watch, &sync);
    } else {
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "cannot write down which alerts there are", &err);
        for (int place = 0; place < SOK_PLACE_COUNT; place++)
            watch->is_mine[place] |= !watch->is_known;
    }
    for (int gauge = 0; gauge < SOK_GAUGE_COUNT; gauge++)
        sok_metric_set(
            env->metrics, SOK_METRIC_SENTINEL_ACTIVE, watch->states[gauge].is_raised,
            sok_label_find(SOK_LABEL_ALERT, sok_alert_name((enum sok_gauge)gauge)), 0);
}

static enum sok_status leave_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_worker_env *env = context;
    return sok_alerts_leave(tx, env->owner, err);
}

void sok_watch_end(const struct sok_worker_env *env)
{
    struct sok_error err = {0};
    if (sok_db_write(env->db, leave_body, (void *)env, &err) != SOK_OK) // its lease runs out
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "the sentinel's watch is not handed over at once", &err);
}
