#include "data/audit.h"

#include "data/filter.h"

#define A(field, kind) SOK_COLUMN(sok_audit, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    A(id, TEXT),         A(user_id, TEXT),     A(username, TEXT),   A(action, TEXT),
    A(resource, TEXT),   A(resource_id, TEXT), A(old_value, TEXT),  A(new_value, TEXT),
    A(ip_address, TEXT), A(ip_key, TEXT),      A(request_id, TEXT), A(created_at, INT),
};
#undef A
static const struct sok_table table = SOK_TABLE("audit_logs", sok_audit, columns);

enum sok_status sok_audit_insert(struct sok_db_tx *tx, const struct sok_audit *entry, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, entry, NULL, 0, "", NULL, err);
}

enum sok_status sok_audit_has(struct sok_db_tx *tx, const char *id, bool *ret, struct sok_error *err)
{
    int64_t count = 0;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM audit_logs WHERE id = $1", SOK_PARAMS(sok_db_text(id)), &count, err));
    *ret = count > 0;
    return SOK_OK;
}

enum sok_status sok_audit_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_audit_addresses *addresses,
    const struct sok_page *page, struct sok_audit **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {{"created_at", "created_at", false}};
    static const struct sok_filter filters[] = {
        {"user", SOK_FILTER_TEXT,
         .condition =
             "user_id = ? OR lower(username) = lower(?) OR user_id IN (SELECT u.id FROM users u WHERE "
             "u.username_folded = lower(?))"},
        {"action", SOK_FILTER_TEXT, .condition = "action = ?"},
        {"resource", SOK_FILTER_TEXT, .condition = "resource = ?"},
        {"resource_id", SOK_FILTER_TEXT, .condition = "resource_id = ?"},
        {"request_id", SOK_FILTER_TEXT, .condition = "request_id = ?"},
        {"from", SOK_FILTER_TIME, .condition = "created_at >= ?"},
        {"to", SOK_FILTER_TIME, .condition = "created_at < ?"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    if (addresses)
        sok_where_add(
            &where, "ip_key BETWEEN ? AND ?", sok_db_text(addresses->first), sok_db_text(addresses->last));
    if (addresses && addresses->except_first)
        sok_where_add(
            &where, "ip_key < ? OR ip_key > ?", sok_db_text(addresses->except_first),
            sok_db_text(addresses->except_last));
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}

enum sok_status sok_audit_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx, "DELETE FROM audit_logs WHERE id IN (SELECT id FROM audit_logs WHERE created_at < $1 LIMIT 2000)",
        SOK_PARAMS(sok_db_int(before_ms)), ret_deleted, err);
}
