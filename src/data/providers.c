#include "data/providers.h"

#define P(field, kind) SOK_COLUMN(sok_provider, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    P(id, TEXT),           P(name, TEXT),          P(kind, TEXT),
    P(url, TEXT),          P(key_encrypted, BLOB), P(is_enabled, BOOL),
    P(priority, INT),      P(settings, OBJECT),    P(last_ok_at, OPT),
    P(last_error_at, OPT), P(last_error, TEXT),    SOK_COLUMN_FIXED(sok_provider, created_at, SOK_COLUMN_INT),
    P(updated_at, INT),
};
#undef P
static const struct sok_table table = SOK_TABLE("providers", sok_provider, columns);

enum sok_status sok_providers_insert(
    struct sok_db_tx *tx, const struct sok_provider *provider, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, provider, NULL, 0, "", NULL, err);
}

enum sok_status sok_providers_update(
    struct sok_db_tx *tx, const struct sok_provider *provider, struct sok_error *err)
{
    return sok_table_update(tx, &table, "provider", provider, NULL, 0, err);
}

enum sok_status sok_providers_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_provider *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "provider", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_providers_find_name(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_provider *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "provider", "WHERE name = $1", SOK_PARAMS(sok_db_text(name)), ret, err);
}

enum sok_status sok_providers_list(
    struct sok_db_tx *tx, struct sok_arena *arena, bool only_enabled, struct sok_provider **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "WHERE is_enabled >= $1 ORDER BY priority DESC, name",
        SOK_PARAMS(sok_db_int(only_enabled)), ret, ret_count, err);
}

enum sok_status sok_providers_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "provider", "DELETE FROM providers WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

// --- Health.

#define H(field, kind) SOK_COLUMN(sok_provider_health, field, SOK_COLUMN_##kind)
static const struct sok_column health_columns[] = {
    H(name, TEXT), H(last_ok_at, OPT), H(last_error_at, OPT), H(last_error, TEXT)};
#undef H
static const struct sok_table health_table =
    SOK_TABLE("provider_health", sok_provider_health, health_columns);

enum sok_status sok_providers_health(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_provider_health *ret,
    struct sok_error *err)
{
    struct sok_provider row;
    struct sok_error missing = {0};
    *ret = (struct sok_provider_health){.name = name};
    enum sok_status status = sok_providers_find_name(tx, arena, name, &row, &missing);
    if (status == SOK_OK) {
        ret->last_ok_at = row.last_ok_at;
        ret->last_error_at = row.last_error_at;
        ret->last_error = row.last_error;
        return SOK_OK;
    }
    if (status == SOK_NOT_FOUND)
        status = sok_table_find(
            tx, arena, &health_table, "provider", "WHERE name = $1", SOK_PARAMS(sok_db_text(name)), ret,
            &missing);
    if (status == SOK_OK || status == SOK_NOT_FOUND)
        return SOK_OK;
    if (err)
        *err = missing;
    return status;
}

enum sok_status sok_providers_set_health(
    struct sok_db_tx *tx, const char *name, const char *error, int64_t now_ms, struct sok_error *err)
{
    int64_t changed;
    const struct sok_provider_health health = {
        .name = name,
        .last_ok_at = error ? 0 : now_ms,
        .last_error_at = error ? now_ms : 0,
        .last_error = error};
    SOK_TRY(sok_count_changes(
        tx,
        "UPDATE providers SET last_error = $2, last_ok_at = COALESCE($3, last_ok_at), "
        "last_error_at = COALESCE($4, last_error_at) WHERE name = $1",
        SOK_PARAMS(
            sok_db_text(name), sok_db_text(error), sok_db_id(health.last_ok_at),
            sok_db_id(health.last_error_at)),
        &changed, err));
    if (changed)
        return SOK_OK;
    return sok_table_insert(
        tx, NULL, &health_table, &health, NULL, 0,
        "ON CONFLICT (name) DO UPDATE SET last_error = excluded.last_error, "
        "last_ok_at = COALESCE(excluded.last_ok_at, provider_health.last_ok_at), "
        "last_error_at = COALESCE(excluded.last_error_at, provider_health.last_error_at)",
        NULL, err);
}
