#include "data/media_files.h"

#define F(field, kind) SOK_COLUMN(sok_media_file, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    F(id, TEXT),           F(media_id, TEXT),        F(file_path, TEXT),
    F(file_size, INT),     F(modified_at, OPT),      F(container, TEXT),
    F(codec_video, TEXT),  F(codec_audio, TEXT),     F(resolution, TEXT),
    F(width, OPT),         F(height, OPT),           F(hdr, TEXT),
    F(channels, TEXT),     F(duration_ms, OPT),      F(bitrate, OPT),
    F(audio_tracks, LIST), F(subtitle_tracks, LIST), F(quality_score, INT),
    F(source, TEXT),       F(release_name, TEXT),    F(download_id, TEXT),
    F(probed_at, OPT),     F(missing_at, OPT),       F(downloaded_at, INT),
    F(updated_at, INT),
};
#undef F
static const struct sok_table table = SOK_TABLE("media_files", sok_media_file, columns);

enum sok_status sok_media_files_upsert(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_file *file, const char **ret_id,
    struct sok_error *err)
{
    SOK_BUF_AUTO tail;
    struct sok_db_result rows;
    sok_buf_init(&tail, 4096);
    sok_buf_puts(&tail, "ON CONFLICT (file_path, media_id) DO UPDATE SET ");
    for (size_t i = 3; i < SOK_ARRAY_LEN(columns); i++) // all but id, media_id, file_path
        sok_buf_printf(&tail, "%s%s = excluded.%s", i > 3 ? ", " : "", columns[i].name, columns[i].name);
    sok_buf_puts(&tail, " RETURNING id");
    SOK_TRY(sok_table_insert(tx, arena, &table, file, NULL, 0, tail.data, &rows, err));
    *ret_id = sok_db_get_text(&rows, 0, 0);
    return SOK_OK;
}

enum sok_status sok_media_files_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_media_file *ret,
    struct sok_error *err)
{
    return sok_table_find(tx, arena, &table, "file", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_media_files_list_path(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *file_path, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "WHERE file_path = $1 ORDER BY id", SOK_PARAMS(sok_db_text(file_path)), ret,
        ret_count, err);
}

enum sok_status sok_media_files_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table,
        "WHERE media_id = $1 ORDER BY CASE WHEN missing_at IS NULL THEN 0 ELSE 1 END, quality_score DESC, "
        "file_size DESC, id",
        SOK_PARAMS(sok_db_text(media_id)), ret, ret_count, err);
}

enum sok_status sok_media_files_list_under(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *folder, const char *after, int64_t limit,
    struct sok_media_file **ret, size_t *ret_count, struct sok_error *err)
{
    // '0' is the character behind '/': everything from "folder/" to before "folder0".
    return sok_table_list(
        tx, arena, &table,
        "WHERE file_path >= $1 || '/' AND file_path < $1 || '0' AND file_path > $2 ORDER BY file_path, id "
        "LIMIT $3",
        SOK_PARAMS(sok_db_text(folder), sok_db_text(after ? after : ""), sok_db_int(limit)), ret, ret_count,
        err);
}

enum sok_status sok_media_files_list_download(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *download_id, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table, "WHERE download_id = $1 ORDER BY file_path, id",
        SOK_PARAMS(sok_db_text(download_id)), ret, ret_count, err);
}

enum sok_status sok_media_files_set_missing(
    struct sok_db_tx *tx, const char *id, int64_t missing_at, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "file", "UPDATE media_files SET missing_at = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_id(missing_at), sok_db_int(now_ms)), err);
}

enum sok_status sok_media_files_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "file", "DELETE FROM media_files WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

enum sok_status sok_media_files_total(
    struct sok_db_tx *tx, int64_t *ret_files, int64_t *ret_bytes, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT count(*), COALESCE(sum(file_size), 0) FROM (SELECT file_path, max(file_size) AS file_size "
        "FROM media_files WHERE missing_at IS NULL GROUP BY file_path) AS files"));
    *ret_files = sok_db_get_int(&rows, 0, 0);
    *ret_bytes = sok_db_get_int(&rows, 0, 1);
    return SOK_OK;
}
