#include "data/api_keys.h"

static const struct sok_column columns[] = {
    SOK_COLUMN(sok_api_key, id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_api_key, user_id, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_api_key, name, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_api_key, prefix, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_api_key, key_hash, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_api_key, created_at, SOK_COLUMN_INT),
    SOK_COLUMN(sok_api_key, last_used_at, SOK_COLUMN_OPT),
    SOK_COLUMN(sok_api_key, expires_at, SOK_COLUMN_OPT),
};
static const struct sok_table table = SOK_TABLE("api_keys", sok_api_key, columns);

enum sok_status sok_api_keys_insert(
    struct sok_db_tx *tx, const struct sok_api_key *key, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, key, NULL, 0, "", NULL, err);
}

enum sok_status sok_api_keys_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *key_hash, int64_t now_ms,
    struct sok_api_key *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "key", "WHERE key_hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
        SOK_PARAMS(sok_db_text(key_hash), sok_db_int(now_ms)), ret, err);
}

enum sok_status sok_api_keys_find_id(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, int64_t now_ms, struct sok_api_key *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "key", "WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms)), ret, err);
}

enum sok_status sok_api_keys_find_own(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *id,
    struct sok_api_key *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "key", "WHERE id = $1 AND user_id = $2",
        SOK_PARAMS(sok_db_text(id), sok_db_text(user_id)), ret, err);
}

enum sok_status sok_api_keys_count(
    struct sok_db_tx *tx, const char *user_id, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM api_keys WHERE user_id = $1", SOK_PARAMS(sok_db_text(user_id)), ret, err);
}

enum sok_status sok_api_keys_touch(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "key", "UPDATE api_keys SET last_used_at = $2 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms)), err);
}

enum sok_status sok_api_keys_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, struct sok_api_key **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "WHERE user_id = $1 ORDER BY id", SOK_PARAMS(sok_db_text(user_id)), ret, ret_count,
        err);
}

enum sok_status sok_api_keys_delete(
    struct sok_db_tx *tx, const char *user_id, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "key", "DELETE FROM api_keys WHERE id = $1 AND user_id = $2",
        SOK_PARAMS(sok_db_text(id), sok_db_text(user_id)), err);
}

enum sok_status sok_api_keys_delete_of_user(struct sok_db_tx *tx, const char *user_id, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, "DELETE FROM api_keys WHERE user_id = $1", sok_db_text(user_id));
}
