#include "data/streams.h"

#define S(field, kind) SOK_COLUMN(sok_stream, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    S(id, TEXT),
    S(user_id, TEXT),
    S(session_id, TEXT),
    S(media_id, TEXT),
    S(file_id, TEXT),
    S(download_id, TEXT),
    S(file_index, NATURAL),
    S(client_ip, TEXT),
    S(position_seconds, INT),
    S(started_at, OPT),
    S(stopped_at, OPT),
    S(expires_at, INT),
    S(created_at, INT),
    S(updated_at, INT),
};
#undef S
static const struct sok_table table = SOK_TABLE("stream_sessions", sok_stream, columns);

enum sok_status sok_streams_insert(
    struct sok_db_tx *tx, const struct sok_stream *stream, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, stream, NULL, 0, "", NULL, err);
}

enum sok_status sok_streams_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_stream *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "stream", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_streams_start(struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "stream",
        "UPDATE stream_sessions SET started_at = COALESCE(started_at, $2), stopped_at = NULL, updated_at = "
        "$2 "
        "WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_int(now_ms)), err);
}

enum sok_status sok_streams_stop(
    struct sok_db_tx *tx, const char *id, int64_t position_seconds, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "stream",
        "UPDATE stream_sessions SET stopped_at = $3, position_seconds = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_int(position_seconds), sok_db_int(now_ms)), err);
}

enum sok_status sok_streams_set_file(
    struct sok_db_tx *tx, const char *id, const char *file_id, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "stream", "UPDATE stream_sessions SET file_id = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(file_id), sok_db_int(now_ms)), err);
}

enum sok_status sok_streams_count_active(
    struct sok_db_tx *tx, int64_t now_ms, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx,
        "SELECT count(*) FROM stream_sessions WHERE started_at IS NOT NULL AND stopped_at IS NULL "
        "AND expires_at > $1",
        SOK_PARAMS(sok_db_int(now_ms)), ret, err);
}

enum sok_status sok_streams_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "DELETE FROM stream_sessions WHERE id IN "
        "(SELECT id FROM stream_sessions WHERE expires_at < $1 LIMIT 2000)",
        SOK_PARAMS(sok_db_int(before_ms)), ret_deleted, err);
}
