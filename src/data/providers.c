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

enum sok_status sok_providers_set_health(
    struct sok_db_tx *tx, const char *name, const char *error, int64_t now_ms, struct sok_error *err)
{
    const char *sql = error ? "UPDATE providers SET last_error = $2, last_error_at = $3 WHERE name = $1"
                            : "UPDATE providers SET last_error = $2, last_ok_at = $3 WHERE name = $1";
    return SOK_DB_QUERY(tx, NULL, NULL, err, sql, sok_db_text(name), sok_db_text(error), sok_db_int(now_ms));
}
