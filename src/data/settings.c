#include "data/settings.h"

static const struct sok_column columns[] = {
    SOK_COLUMN(sok_setting, name, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_setting, value, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_setting, updated_by, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_setting, updated_at, SOK_COLUMN_INT),
};
static const struct sok_table table = SOK_TABLE("settings", sok_setting, columns);

enum sok_status sok_settings_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_setting *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "setting", "WHERE name = $1", SOK_PARAMS(sok_db_text(name)), ret, err);
}

enum sok_status sok_settings_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_setting **ret, size_t *ret_count,
    struct sok_error *err)
{
    return sok_table_list(tx, arena, &table, "ORDER BY name", NULL, 0, ret, ret_count, err);
}

enum sok_status sok_settings_set(
    struct sok_db_tx *tx, const struct sok_setting *setting, struct sok_error *err)
{
    return sok_table_insert(
        tx, NULL, &table, setting, NULL, 0,
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, "
        "updated_at = excluded.updated_at",
        NULL, err);
}

enum sok_status sok_settings_remove(struct sok_db_tx *tx, const char *name, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, "DELETE FROM settings WHERE name = $1", sok_db_text(name));
}
