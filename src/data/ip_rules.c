#include "data/ip_rules.h"

#define R(field, kind) SOK_COLUMN(sok_ip_rule, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    R(id, TEXT),        R(kind, TEXT),       R(cidr, TEXT),      R(reason, TEXT),
    R(expires_at, OPT), R(created_by, TEXT), R(created_at, INT),
};
#undef R
static const struct sok_table table = SOK_TABLE("ip_rules", sok_ip_rule, columns);

enum sok_status sok_ip_rules_insert(
    struct sok_db_tx *tx, const struct sok_ip_rule *rule, struct sok_error *err)
{
    // One that has expired makes room for its successor.
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM ip_rules WHERE kind = $1 AND cidr = $2 AND expires_at <= $3",
        sok_db_text(rule->kind), sok_db_text(rule->cidr), sok_db_int(rule->created_at)));
    return sok_table_insert(tx, NULL, &table, rule, NULL, 0, "", NULL, err);
}

enum sok_status sok_ip_rules_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, int64_t now_ms, struct sok_ip_rule **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table,
        "WHERE ($1 = '' OR kind = $1) AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at, id",
        SOK_PARAMS(sok_db_text(kind ? kind : ""), sok_db_int(now_ms)), ret, ret_count, err);
}

enum sok_status sok_ip_rules_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, const char *id, struct sok_ip_rule *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "rule", "WHERE id = $1 AND kind = $2",
        SOK_PARAMS(sok_db_text(id), sok_db_text(kind)), ret, err);
}

enum sok_status sok_ip_rules_delete(
    struct sok_db_tx *tx, const char *kind, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "rule", "DELETE FROM ip_rules WHERE id = $1 AND kind = $2",
        SOK_PARAMS(sok_db_text(id), sok_db_text(kind)), err);
}

enum sok_status sok_ip_rules_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx, "DELETE FROM ip_rules WHERE expires_at <= $1", SOK_PARAMS(sok_db_int(before_ms)), ret_deleted,
        err);
}
