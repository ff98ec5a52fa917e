// Files in the library. A file that holds two episodes has a row for each.
#ifndef SOK_DATA_MEDIA_FILES_H
#define SOK_DATA_MEDIA_FILES_H

#include "data/record.h"

struct sok_media_file {
    const char *id, *media_id, *file_path;
    int64_t file_size, modified_at;
    const char *container, *codec_video, *codec_audio, *resolution; // "mkv", "hevc", "aac", "1080p"
    int64_t width, height;
    const char *hdr, *channels;
    int64_t duration_ms, bitrate;               // bit/s
    const char *audio_tracks, *subtitle_tracks; // JSON lists
    int64_t quality_score;                      // 0-100
    const char *source;                         // torrent|streaming|direct|local
    const char *release_name, *download_id;
    int64_t probed_at, missing_at, downloaded_at, updated_at;
};

// A row with the same path and media is replaced but keeps its id: *ret_id (in the arena) is the one that
// counts.
SOK_MUST_CHECK enum sok_status sok_media_files_upsert(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_file *file, const char **ret_id,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_files_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_media_file *ret,
    struct sok_error *err);
// Rows of one path (several for a file of several episodes); may be none.
SOK_MUST_CHECK enum sok_status sok_media_files_list_path(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *file_path, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err);
// The files of a work, best first, missing ones last.
SOK_MUST_CHECK enum sok_status sok_media_files_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err);
// All files under a folder (path prefix), after the path `after` (NULL: from the start), at most `limit`: for
// scans.
SOK_MUST_CHECK enum sok_status sok_media_files_list_under(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *folder, const char *after, int64_t limit,
    struct sok_media_file **ret, size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_files_list_download(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *download_id, struct sok_media_file **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_files_set_missing(
    struct sok_db_tx *tx, const char *id, int64_t missing_at, int64_t now_ms,
    struct sok_error *err); // 0: it is back
SOK_MUST_CHECK enum sok_status sok_media_files_delete(
    struct sok_db_tx *tx, const char *id, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_files_total(
    struct sok_db_tx *tx, int64_t *ret_files, int64_t *ret_bytes, struct sok_error *err);

#endif
