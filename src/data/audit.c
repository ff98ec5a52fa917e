#include "data/audit.h"

static const struct sok_column columns[] = {
    SOK_COLUMN(sok_audit, id, SOK_COLUMN_TEXT),          SOK_COLUMN(sok_audit, user_id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_audit, action, SOK_COLUMN_TEXT),      SOK_COLUMN(sok_audit, resource, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_audit, resource_id, SOK_COLUMN_TEXT), SOK_COLUMN(sok_audit, old_value, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_audit, new_value, SOK_COLUMN_TEXT),   SOK_COLUMN(sok_audit, ip_address, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_audit, request_id, SOK_COLUMN_TEXT),  SOK_COLUMN(sok_audit, created_at, SOK_COLUMN_INT),
};
static const struct sok_table table = SOK_TABLE("audit_logs", sok_audit, columns);

enum sok_status sok_audit_insert(struct sok_db_tx *tx, const struct sok_audit *entry, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, entry, NULL, 0, "", NULL, err);
}

enum sok_status sok_audit_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_audit_filter *filter,
    const struct sok_page *page, struct sok_audit **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    static const struct sok_sort sorts[] = {{"created_at", "created_at", false}};
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "user_id = ?", filter->user_id);
    sok_where_text(&where, "action = ?", filter->action);
    sok_where_text(&where, "resource = ?", filter->resource);
    sok_where_text(&where, "ip_address = ?", filter->ip_address);
    sok_where_min(&where, "created_at >= ?", filter->from_ms);
    sok_where_min(&where, "created_at < ?", filter->to_ms);
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}
