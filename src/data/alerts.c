#include "data/alerts.h"

#define A(field, kind) SOK_COLUMN(sok_alert, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    A(name, TEXT),  A(place, TEXT),    A(is_raised, BOOL), A(severity, TEXT),
    A(value, REAL), A(raised_at, OPT), A(cleared_at, OPT), A(updated_at, INT),
};
#undef A
static const struct sok_table table = SOK_TABLE("alerts", sok_alert, columns);

enum sok_status sok_alerts_set(
    struct sok_db_tx *tx, const struct sok_alert *alert, bool *ret_changed, struct sok_error *err)
{
    struct sok_db_result done;
    SOK_TRY(sok_table_insert(
        tx, NULL, &table, alert, NULL, 0,
        "ON CONFLICT (name, place) DO UPDATE SET is_raised = excluded.is_raised, "
        "severity = excluded.severity, value = excluded.value, "
        "raised_at = COALESCE(excluded.raised_at, alerts.raised_at), cleared_at = excluded.cleared_at, "
        "updated_at = excluded.updated_at WHERE alerts.is_raised <> excluded.is_raised",
        &done, err));
    *ret_changed = done.changed != 0;
    return SOK_OK;
}

enum sok_status sok_alerts_list_raised(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *place, struct sok_alert **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "WHERE place = $1 AND is_raised = 1 ORDER BY name", SOK_PARAMS(sok_db_text(place)),
        ret, ret_count, err);
}

enum sok_status sok_alerts_watch(
    struct sok_db_tx *tx, const char *place, const char *owner, int64_t now_ms, int64_t lease_ms,
    bool *ret_mine, struct sok_error *err)
{
    int64_t changed;
    SOK_TRY(sok_count_changes(
        tx,
        "INSERT INTO alert_watches (place, lease_owner, lease_until) VALUES ($1, $2, $4) "
        "ON CONFLICT (place) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = "
        "excluded.lease_until "
        "WHERE alert_watches.lease_owner = $2 OR alert_watches.lease_until < $3",
        SOK_PARAMS(sok_db_text(place), sok_db_text(owner), sok_db_int(now_ms), sok_db_int(now_ms + lease_ms)),
        &changed, err));
    *ret_mine = changed != 0;
    return SOK_OK;
}

enum sok_status sok_alerts_leave(struct sok_db_tx *tx, const char *owner, struct sok_error *err)
{
    if (!owner)
        return SOK_DB_QUERY(tx, NULL, NULL, err, "DELETE FROM alert_watches");
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM alert_watches WHERE lease_owner = $1", sok_db_text(owner));
}

enum sok_status sok_alerts_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM alert_watches WHERE lease_until < $1", sok_db_int(before_ms)));
    return sok_count_changes(
        tx, "DELETE FROM alerts WHERE is_raised = 0 AND updated_at < $1", SOK_PARAMS(sok_db_int(before_ms)),
        ret_deleted, err);
}
