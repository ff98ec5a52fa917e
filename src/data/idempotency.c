#include "data/idempotency.h"

#define I(field, kind) SOK_COLUMN(sok_idempotency, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    I(user_id, TEXT),  I(name, TEXT),      I(request_hash, TEXT), I(http_status, INT),
    I(response, TEXT), I(created_at, INT), I(expires_at, INT),
};
#undef I
static const struct sok_table table = SOK_TABLE("idempotency_keys", sok_idempotency, columns);

enum sok_status sok_idempotency_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *name, int64_t now_ms,
    struct sok_idempotency *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "answer", "WHERE user_id = $1 AND name = $2 AND expires_at > $3",
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(name), sok_db_int(now_ms)), ret, err);
}

enum sok_status sok_idempotency_insert(
    struct sok_db_tx *tx, const struct sok_idempotency *answer, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "DELETE FROM idempotency_keys WHERE user_id = $1 AND name = $2 AND expires_at <= $3",
        sok_db_text(answer->user_id), sok_db_text(answer->name), sok_db_int(answer->created_at)));
    return sok_table_insert(tx, NULL, &table, answer, NULL, 0, "", NULL, err);
}

enum sok_status sok_idempotency_purge(
    struct sok_db_tx *tx, int64_t now_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "DELETE FROM idempotency_keys WHERE (user_id, name) IN "
        "(SELECT user_id, name FROM idempotency_keys WHERE expires_at <= $1 LIMIT 2000)",
        SOK_PARAMS(sok_db_int(now_ms)), ret_deleted, err);
}
