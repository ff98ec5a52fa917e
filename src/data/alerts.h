// Sentinel's alerts, and which of several sentinels watches over what.
#ifndef SOK_DATA_ALERTS_H
#define SOK_DATA_ALERTS_H

#include "data/record.h"

struct sok_alert {
    const char *name;     // "disk_data", ...: workers/sentinel_alerts.c
    const char *place;    // a host's name, or "": the whole system
    bool is_raised;       // false: it was, and has cleared
    const char *severity; // "warning", "critical"
    double value;         // when it was raised or cleared
    int64_t raised_at, cleared_at, updated_at;
};

// Inserts or replaces the alert of this name and place, unless it is in that state already (*ret_changed is
// false then). A cleared one keeps its raised_at.
SOK_MUST_CHECK enum sok_status sok_alerts_set(
    struct sok_db_tx *tx, const struct sok_alert *alert, bool *ret_changed, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_alerts_list_raised(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *place, struct sok_alert **ret,
    size_t *ret_count, struct sok_error *err);

// Takes or renews the lease on a place: *ret_mine is false while another owner's has not run out.
SOK_MUST_CHECK enum sok_status sok_alerts_watch(
    struct sok_db_tx *tx, const char *place, const char *owner, int64_t now_ms, int64_t lease_ms,
    bool *ret_mine, struct sok_error *err);
// Gives up what this owner watches; NULL: what anybody does.
SOK_MUST_CHECK enum sok_status sok_alerts_leave(
    struct sok_db_tx *tx, const char *owner, struct sok_error *err);

// Deletes alerts that cleared before `before_ms`; one that is raised stays, or it would be told again.
// *ret_deleted: alerts.
SOK_MUST_CHECK enum sok_status sok_alerts_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
