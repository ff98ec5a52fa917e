// Downloads and their files. downloads.id is the id of its task; `wanted` is what the user asked for,
// `status` what is so.
#ifndef SOK_DATA_DOWNLOADS_H
#define SOK_DATA_DOWNLOADS_H

#include "data/page.h"

struct sok_download {
    const char *id, *user_id, *media_id;
    int64_t search_result_id;
    const char *title;
    const char *info_hash; // lower-case hex; NULL until known
    const char *magnet_link, *torrent_url;
    struct sok_bytes torrent; // the .torrent itself; read by find alone
    const char *wanted;       // run|paused|cancelled
    bool delete_files;        // with cancelled
    const char *status;       // contract section 4
    double progress;          // 0-100
    int64_t size_bytes, downloaded_bytes, uploaded_bytes;
    int64_t download_speed, upload_speed; // bytes/s
    int64_t peers, seeds;
    double ratio;
    int64_t eta_seconds; // -1: not known
    const char *error;
    const char *save_path, *resume_path;
    int64_t seeding_ms; // seeded so far
    int64_t completed_at, imported_at, created_at, updated_at;
};

// What clients are told: cancelled from the moment its user asks for that, whatever the hunter still has to
// do. Lists, filters and counts say so by SOK_DOWNLOAD_STATUS.
const char *sok_download_status(const struct sok_download *download);
#define SOK_DOWNLOAD_STATUS "CASE WHEN wanted = 'cancelled' THEN 'cancelled' ELSE status END"

struct sok_download_file {
    const char *download_id;
    int64_t file_index;
    const char *path; // relative to save_path
    int64_t size_bytes, downloaded_bytes;
    bool wanted;
    const char *media_id;     // the work in it, when known
    const char *library_path; // where it lies after the import
};

// SOK_CONFLICT (code "download_exists") when this user has a living one of the same info hash.
SOK_MUST_CHECK enum sok_status sok_downloads_insert(
    struct sok_db_tx *tx, const struct sok_download *download, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_downloads_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_download *ret,
    struct sok_error *err);
// The living one (not failed, not cancelled nor about to be) of this user and hash.
SOK_MUST_CHECK enum sok_status sok_downloads_find_live(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *info_hash,
    struct sok_download *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_downloads_count_live(
    struct sok_db_tx *tx, const char *user_id, int64_t *ret,
    struct sok_error *err); // queued, downloading, paused, importing

// What the user asks. SOK_CONFLICT when the state does not allow it (pause what has ended, ...).
SOK_MUST_CHECK enum sok_status sok_downloads_set_wanted(
    struct sok_db_tx *tx, const char *id, const char *wanted, bool delete_files, int64_t now_ms,
    struct sok_error *err);
// What the hunter reports: the numbers, error and paths of `download` by its id (not wanted, media_id,
// torrent or created_at; nor the status of one that its user has cancelled meanwhile, but for "cancelled").
// info_hash and title are written when not NULL. SOK_CONFLICT (code "download_exists") when the hash came out
// to be one the user has.
SOK_MUST_CHECK enum sok_status sok_downloads_report(
    struct sok_db_tx *tx, const struct sok_download *download, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_downloads_set_status(
    struct sok_db_tx *tx, const char *id, const char *status, const char *error, int64_t now_ms,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_downloads_set_media(
    struct sok_db_tx *tx, const char *id, const char *media_id, int64_t now_ms, struct sok_error *err);
// The .torrent once it is known (from its URL or the swarm).
SOK_MUST_CHECK enum sok_status sok_downloads_set_torrent(
    struct sok_db_tx *tx, const char *id, const void *bytes, size_t len, int64_t now_ms,
    struct sok_error *err);

// A user's. Sorts: created_at (own order, newest first), title, progress, size_bytes, status, updated_at.
// Filters: q, status, media_id, info_hash.
SOK_MUST_CHECK enum sok_status sok_downloads_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_download **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);
// Every one that is not at its end (queued, downloading, paused, importing, seeding), oldest first: what a
// hunter starts with.
SOK_MUST_CHECK enum sok_status sok_downloads_list_live(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_download **ret, size_t *ret_count,
    struct sok_error *err);
// Whether another living download has this torrent, of whatever user and hunter: the files are its, too.
SOK_MUST_CHECK enum sok_status sok_downloads_is_wanted_elsewhere(
    struct sok_db_tx *tx, const char *info_hash, const char *but_id, bool *ret, struct sok_error *err);
// Living downloads whose files hold this work, for playing them.
SOK_MUST_CHECK enum sok_status sok_downloads_list_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, struct sok_download **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_downloads_delete(
    struct sok_db_tx *tx, const char *id, struct sok_error *err);

// Replaces all file rows of the download.
SOK_MUST_CHECK enum sok_status sok_download_files_replace(
    struct sok_db_tx *tx, const char *download_id, const struct sok_download_file *files, size_t count,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_download_files_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *download_id, struct sok_download_file **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_download_files_set_progress(
    struct sok_db_tx *tx, const char *download_id, int64_t file_index, int64_t downloaded_bytes,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_download_files_set_imported(
    struct sok_db_tx *tx, const char *download_id, int64_t file_index, const char *media_id,
    const char *library_path, struct sok_error *err);

#endif
