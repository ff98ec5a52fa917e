#include "data/sessions.h"

#include "data/users.h"

#define S(field, kind) SOK_COLUMN(sok_session, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    S(id, TEXT),          S(user_id, TEXT),   S(client_ip, TEXT), S(user_agent, TEXT), S(created_at, INT),
    S(last_used_at, INT), S(expires_at, INT), S(ended_at, OPT),   S(end_reason, TEXT),
};
#undef S
static const struct sok_table table = SOK_TABLE("sessions", sok_session, columns);

enum sok_status sok_sessions_insert(
    struct sok_db_tx *tx, const struct sok_session *session, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, session, NULL, 0, "", NULL, err);
}

enum sok_status sok_sessions_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_session *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "session", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_sessions_extend(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, int64_t expires_at, struct sok_error *err)
{
    return sok_change_one(
        tx, "session",
        "UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1 AND ended_at IS NULL",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms), sok_db_int(expires_at)), err);
}

enum sok_status sok_sessions_end(
    struct sok_db_tx *tx, const char *id, const char *reason, int64_t now_ms, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
        sok_db_text(id), sok_db_int(now_ms), sok_db_text(reason));
}

enum sok_status sok_sessions_end_of_user(
    struct sok_db_tx *tx, const char *user_id, const char *except_id, const char *reason, int64_t now_ms,
    int64_t *ret_ended, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE user_id = $1 AND id <> $2 AND ended_at IS "
        "NULL",
        SOK_PARAMS(
            sok_db_text(user_id), sok_db_text(except_id ? except_id : ""), sok_db_int(now_ms),
            sok_db_text(reason)),
        ret_ended, err);
}

enum sok_status sok_sessions_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, int64_t now_ms,
    struct sok_session **ret, size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table,
        "WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_used_at DESC, id",
        SOK_PARAMS(sok_db_text(user_id), sok_db_int(now_ms)), ret, ret_count, err);
}

enum sok_status sok_sessions_lives_at(
    struct sok_db_tx *tx, const char *login, const char *client_ip, int64_t now_ms, bool *ret,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int64_t count = 0;
    SOK_TRY(sok_load_int(
        tx,
        "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE (u.username_folded = $1 OR "
        "u.email_folded = $1) AND s.client_ip = $2 AND s.ended_at IS NULL AND s.expires_at > $3",
        SOK_PARAMS(sok_db_text(sok_users_fold(arena, login)), sok_db_text(client_ip), sok_db_int(now_ms)),
        &count, err));
    *ret = count > 0;
    return SOK_OK;
}

enum sok_status sok_refresh_tokens_insert(
    struct sok_db_tx *tx, const char *token_hash, const char *session_id, int64_t now_ms, int64_t expires_at,
    struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        sok_db_text(token_hash), sok_db_text(session_id), sok_db_int(now_ms), sok_db_int(expires_at));
}

enum sok_status sok_refresh_tokens_use(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    struct sok_session *ret, struct sok_error *err)
{
    struct sok_db_result rows;
    struct sok_session session;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT session_id, expires_at, used_at FROM refresh_tokens WHERE token_hash = $1",
        sok_db_text(token_hash)));
    if (rows.row_count == 0 || sok_db_get_int(&rows, 0, 1) <= now_ms)
        return sok_fail(err, SOK_NOT_FOUND, "no such token");
    SOK_TRY(sok_sessions_find(tx, arena, sok_db_get_text(&rows, 0, 0), &session, err));
    if (session.ended_at || session.expires_at <= now_ms)
        return sok_fail(err, SOK_NOT_FOUND, "the session has ended");
    if (sok_db_get_int(&rows, 0, 2)) {
        SOK_TRY(sok_sessions_end(tx, session.id, "refresh_reused", now_ms, err));
        return sok_fail(err, SOK_CONFLICT, "the token was used before; the session has been ended");
    }
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1",
        sok_db_text(token_hash), sok_db_int(now_ms)));
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "UPDATE sessions SET last_used_at = $2 WHERE id = $1", sok_db_text(session.id),
        sok_db_int(now_ms)));
    session.last_used_at = now_ms;
    *ret = session;
    return SOK_OK;
}

enum sok_status sok_password_resets_insert(
    struct sok_db_tx *tx, const char *token_hash, const char *user_id, int64_t now_ms, int64_t expires_at,
    struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        sok_db_text(token_hash), sok_db_text(user_id), sok_db_int(now_ms), sok_db_int(expires_at));
}

enum sok_status sok_password_resets_void(
    struct sok_db_tx *tx, const char *user_id, int64_t now_ms, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "UPDATE password_resets SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL",
        sok_db_text(user_id), sok_db_int(now_ms));
}

enum sok_status sok_password_resets_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    const char **ret_user_id, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT user_id FROM password_resets WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        sok_db_text(token_hash), sok_db_int(now_ms)));
    if (rows.row_count == 0)
        return sok_fail(err, SOK_NOT_FOUND, "no such token");
    *ret_user_id = sok_db_get_text(&rows, 0, 0);
    return SOK_OK;
}

enum sok_status sok_password_resets_use(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *token_hash, int64_t now_ms,
    const char **ret_user_id, struct sok_error *err)
{
    const char *user_id;
    SOK_TRY(sok_password_resets_find(tx, arena, token_hash, now_ms, &user_id, err));
    SOK_TRY(sok_password_resets_void(tx, user_id, now_ms, err));
    *ret_user_id = user_id;
    return SOK_OK;
}

enum sok_status sok_sessions_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    static const char *const statements[] = {
        "DELETE FROM sessions WHERE id IN "
        "(SELECT id FROM sessions WHERE expires_at < $1 OR ended_at < $1 LIMIT 2000)",
        "DELETE FROM refresh_tokens WHERE token_hash IN "
        "(SELECT token_hash FROM refresh_tokens WHERE expires_at < $1 LIMIT 2000)",
        "DELETE FROM password_resets WHERE token_hash IN "
        "(SELECT token_hash FROM password_resets WHERE expires_at < $1 LIMIT 2000)",
    };
    int64_t total = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(statements); i++) {
        int64_t changed;
        SOK_TRY(sok_count_changes(tx, statements[i], SOK_PARAMS(sok_db_int(before_ms)), &changed, err));
        total += changed;
    }
    *ret_deleted = total;
    return SOK_OK;
}
