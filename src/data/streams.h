// Watching sessions: one signed URL each.
#ifndef SOK_DATA_STREAMS_H
#define SOK_DATA_STREAMS_H

#include "data/record.h"

struct sok_stream {
    const char *id, *user_id, *session_id, *media_id;
    const char *file_id;     // a media_files row, or NULL
    const char *download_id; // a running download, or NULL
    int64_t file_index;      // in the download; -1: none
    const char *client_ip;
    int64_t position_seconds;
    int64_t started_at, stopped_at, expires_at, created_at, updated_at;
};

SOK_MUST_CHECK enum sok_status sok_streams_insert(
    struct sok_db_tx *tx, const struct sok_stream *stream, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_streams_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_stream *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_streams_start(
    struct sok_db_tx *tx, const char *id, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_streams_stop(
    struct sok_db_tx *tx, const char *id, int64_t position_seconds, int64_t now_ms, struct sok_error *err);
// Its download has become a file of the library: the same stream goes on with that.
SOK_MUST_CHECK enum sok_status sok_streams_set_file(
    struct sok_db_tx *tx, const char *id, const char *file_id, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_streams_count_active(
    struct sok_db_tx *tx, int64_t now_ms, int64_t *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_streams_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
