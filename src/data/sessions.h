// Sign-ins and their refresh tokens (kept hashed, each good for one use), and password resets.
#ifndef SOK_DATA_SESSIONS_H
#define SOK_DATA_SESSIONS_H

#include "data/record.h"

struct sok_session {
    const char *id, *user_id, *client_ip, *user_agent;
    int64_t created_at, last_used_at, expires_at;
    int64_t ended_at; // 0: alive
    const char *end_reason;
};

SOK_MUST_CHECK enum sok_status sok_sessions_insert(
    struct sok_db_tx *tx, const struct sok_session *session, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_sessions_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_session *ret,
    struct sok_error *err);
// A refresh: sets last_used_at and expires_at. SOK_NOT_FOUND when it has ended.
SOK_MUST_CHECK enum sok_status sok_sessions_extend(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, int64_t expires_at, struct sok_error *err);
// Ending what has ended is fine. *ret_ended (may be NULL): how many were alive.
SOK_MUST_CHECK enum sok_status sok_sessions_end(
    struct sok_db_tx *tx, const char *id, const char *reason, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_sessions_end_of_user(
    struct sok_db_tx *tx, const char *user_id, const char *except_id, const char *reason, int64_t now_ms,
    int64_t *ret_ended, struct sok_error *err); // except_id NULL: all
SOK_MUST_CHECK enum sok_status sok_sessions_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, int64_t now_ms,
    struct sok_session **ret, size_t *ret_count, struct sok_error *err); // the living ones

// Whether the account of this name or mail address is signed in at that address now.
SOK_MUST_CHECK enum sok_status sok_sessions_lives_at(
    struct sok_db_tx *tx, const char *login, const char *client_ip, int64_t now_ms, bool *ret,
    struct sok_error *err);

SOK_MUST_CHECK enum sok_status sok_refresh_tokens_insert(
    struct sok_db_tx *tx, const char *token_hash, const char *session_id, int64_t now_ms, int64_t expires_at,
    struct sok_error *err);
// Uses the token up and gives its session. SOK_NOT_FOUND: unknown or expired, or its session ended.
// SOK_CONFLICT: it had been used before; the session is now ended (so the caller must commit: return SOK_OK
// from the body all the same).
SOK_MUST_CHECK enum sok_status sok_refresh_tokens_use(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    struct sok_session *ret, struct sok_error *err);

SOK_MUST_CHECK enum sok_status sok_password_resets_insert(
    struct sok_db_tx *tx, const char *token_hash, const char *user_id, int64_t now_ms, int64_t expires_at,
    struct sok_error *err);
// Makes a user's unused tokens worthless.
SOK_MUST_CHECK enum sok_status sok_password_resets_void(
    struct sok_db_tx *tx, const char *user_id, int64_t now_ms, struct sok_error *err);
// Whose token it is, without using it. SOK_NOT_FOUND: unknown, used or expired.
SOK_MUST_CHECK enum sok_status sok_password_resets_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    const char **ret_user_id, struct sok_error *err);
// Uses the token up, and every other one of that user. SOK_NOT_FOUND: unknown, used or expired.
SOK_MUST_CHECK enum sok_status sok_password_resets_use(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    const char **ret_user_id, struct sok_error *err);

// Deletes what ended or expired before `before_ms`, at most a few thousand rows a call. For Sentinel.
SOK_MUST_CHECK enum sok_status sok_sessions_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
