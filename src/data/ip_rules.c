#include "data/ip_rules.h"

#include "base/text.h"

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
    enum sok_status status = sok_table_insert(tx, NULL, &table, rule, NULL, 0, "", NULL, err);
    if (status == SOK_CONFLICT && err && sok_text_eq(err->code, "already_exists")) {
        status = sok_fail(err, SOK_CONFLICT, "there is a rule for this network already");
        err->code = "rule_exists";
    }
    return status;
}

enum sok_status sok_ip_rules_count(
    struct sok_db_tx *tx, const char *kind, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM ip_rules WHERE kind = $1", SOK_PARAMS(sok_db_text(kind)), ret, err);
}

enum sok_status sok_ip_rules_page(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, int64_t now_ms,
    const struct sok_page *page, struct sok_ip_rule **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},
        {"cidr", "cidr", true},
        {"expires_at", "COALESCE(expires_at, 9223372036854775807)", false},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_add(&where, "kind = ?", sok_db_text(kind));
    where.list = sok_where_list(arena, &where); // a cursor is good later, too: without what the time is now
    sok_where_add(&where, "expires_at IS NULL OR expires_at > ?", sok_db_int(now_ms));
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
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
