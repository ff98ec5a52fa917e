#include "data/leftovers.h"

static const struct sok_column columns[] = {
    SOK_COLUMN(sok_leftover, info_hash, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_leftover, created_at, SOK_COLUMN_INT),
};
static const struct sok_table table = SOK_TABLE("download_leftovers", sok_leftover, columns);

enum sok_status sok_leftovers_note(
    struct sok_db_tx *tx, const char *user_id, int64_t now_ms, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO download_leftovers (info_hash, created_at) "
        "SELECT DISTINCT info_hash, CAST($2 AS BIGINT) FROM downloads "
        "WHERE user_id = $1 AND info_hash IS NOT NULL ON CONFLICT (info_hash) DO NOTHING",
        sok_db_text(user_id), sok_db_int(now_ms));
}

enum sok_status sok_leftovers_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_leftover **ret, size_t *ret_count,
    struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "ORDER BY created_at, info_hash LIMIT 100", NULL, 0, ret, ret_count, err);
}

enum sok_status sok_leftovers_is_owned(
    struct sok_db_tx *tx, const char *info_hash, bool *ret, struct sok_error *err)
{
    int64_t count;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM downloads WHERE info_hash = $1", SOK_PARAMS(sok_db_text(info_hash)), &count,
        err));
    *ret = count > 0;
    return SOK_OK;
}

enum sok_status sok_leftovers_done(struct sok_db_tx *tx, const char *info_hash, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM download_leftovers WHERE info_hash = $1", sok_db_text(info_hash));
}
