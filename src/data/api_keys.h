// A user's keys for scripts; kept hashed.
#ifndef SOK_DATA_API_KEYS_H
#define SOK_DATA_API_KEYS_H

#include "data/record.h"

struct sok_api_key {
    const char *id, *user_id, *name, *prefix, *key_hash;
    int64_t created_at, last_used_at, expires_at; // 0: never
};

SOK_MUST_CHECK enum sok_status sok_api_keys_insert(
    struct sok_db_tx *tx, const struct sok_api_key *key, struct sok_error *err);
// SOK_NOT_FOUND also when it has expired.
SOK_MUST_CHECK enum sok_status sok_api_keys_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *key_hash, int64_t now_ms,
    struct sok_api_key *ret, struct sok_error *err);
// By its id; the second one only the user's own, expired or not.
SOK_MUST_CHECK enum sok_status sok_api_keys_find_id(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, int64_t now_ms, struct sok_api_key *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_find_own(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *id,
    struct sok_api_key *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_count(
    struct sok_db_tx *tx, const char *user_id, int64_t *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_touch(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, struct sok_api_key **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_delete(
    struct sok_db_tx *tx, const char *user_id, const char *id, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_keys_delete_of_user(
    struct sok_db_tx *tx, const char *user_id, struct sok_error *err);

#endif
