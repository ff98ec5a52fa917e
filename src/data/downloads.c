#include "data/downloads.h"

#include <string.h>

#include "base/text.h"
#include "data/filter.h"

#define D(field, kind) SOK_COLUMN(sok_download, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    D(id, TEXT),
    D(user_id, TEXT),
    D(media_id, TEXT),
    D(search_result_id, OPT),
    D(title, TEXT),
    D(info_hash, TEXT),
    D(magnet_link, TEXT),
    D(torrent_url, TEXT),
    D(wanted, TEXT),
    D(delete_files, BOOL),
    D(status, TEXT),
    D(progress, REAL),
    D(size_bytes, INT),
    D(downloaded_bytes, INT),
    D(uploaded_bytes, INT),
    D(download_speed, INT),
    D(upload_speed, INT),
    D(peers, INT),
    D(seeds, INT),
    D(ratio, REAL),
    D(eta_seconds, NATURAL),
    D(error, TEXT),
    D(save_path, TEXT),
    D(resume_path, TEXT),
    D(seeding_ms, INT),
    D(completed_at, OPT),
    D(imported_at, OPT),
    D(created_at, INT),
    D(updated_at, INT),
    D(torrent, BLOB),
};
#undef D
static const struct sok_table table = SOK_TABLE("downloads", sok_download, columns);
// Without the last column, the torrent's bytes, which only the hunter wants.
static const struct sok_table list_table = {
    .name = "downloads",
    .columns = columns,
    .column_count = SOK_ARRAY_LEN(columns) - 1,
    .record_bytes = sizeof(struct sok_download),
};

#define F(field, kind) SOK_COLUMN(sok_download_file, field, SOK_COLUMN_##kind)
static const struct sok_column file_columns[] = {
    F(download_id, TEXT),     F(file_index, INT), F(path, TEXT),     F(size_bytes, INT),
    F(downloaded_bytes, INT), F(wanted, BOOL),    F(media_id, TEXT), F(library_path, TEXT),
};
#undef F
static const struct sok_table file_table = SOK_TABLE("download_files", sok_download_file, file_columns);

#define LIVE "status NOT IN ('failed', 'cancelled') AND wanted <> 'cancelled'"

const char *sok_download_status(const struct sok_download *download)
{
    return sok_text_eq(download->wanted, "cancelled") ? "cancelled" : download->status;
}

static enum sok_status name_conflict(enum sok_status status, struct sok_error *err)
{
    if (status == SOK_CONFLICT && err && sok_text_eq(err->code, "already_exists")) {
        status = sok_fail(err, SOK_CONFLICT, "this torrent is being downloaded already");
        err->code = "download_exists";
    }
    return status;
}

enum sok_status sok_downloads_insert(
    struct sok_db_tx *tx, const struct sok_download *download, struct sok_error *err)
{
    return name_conflict(sok_table_insert(tx, NULL, &table, download, NULL, 0, "", NULL, err), err);
}

enum sok_status sok_downloads_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_download *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "download", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_downloads_find_live(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *info_hash,
    struct sok_download *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "download", "WHERE user_id = $1 AND info_hash = $2 AND " LIVE,
        SOK_PARAMS(sok_db_text(user_id), sok_db_text(info_hash)), ret, err);
}

enum sok_status sok_downloads_count_live(
    struct sok_db_tx *tx, const char *user_id, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx,
        "SELECT count(*) FROM downloads WHERE user_id = $1 "
        "AND status IN ('queued', 'downloading', 'paused', 'importing') AND wanted <> 'cancelled'",
        SOK_PARAMS(sok_db_text(user_id)), ret, err);
}

// From which states each wish makes sense.
static bool may_want(const struct sok_download *download, const char *wanted)
{
    const char *status = sok_download_status(download);
    if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0 || strcmp(status, "completed") == 0)
        return false;
    if (strcmp(wanted, "cancelled") == 0)
        return true;
    if (strcmp(wanted, "paused") == 0)
        return strcmp(download->wanted, "run") == 0 && strcmp(download->status, "importing") != 0;
    return strcmp(download->wanted, "paused") == 0;
}

enum sok_status sok_downloads_set_wanted(
    struct sok_db_tx *tx, const char *id, const char *wanted, bool delete_files, int64_t now_ms,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_download download;
    SOK_TRY(sok_table_find(
        tx, arena, &list_table, "download", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), &download, err));
    if (!may_want(&download, wanted))
        return sok_fail(err, SOK_CONFLICT, "the download is %s", sok_download_status(&download));
    return sok_change_one(
        tx, "download", "UPDATE downloads SET wanted = $2, delete_files = $3, updated_at = $4 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(wanted), sok_db_int(delete_files), sok_db_int(now_ms)), err);
}

enum sok_status sok_downloads_report(
    struct sok_db_tx *tx, const struct sok_download *d, struct sok_error *err)
{
    enum sok_status status = sok_change_one(
        tx, "download",
        "UPDATE downloads SET info_hash = COALESCE($2, info_hash), title = COALESCE($3, title), "
        "status = CASE WHEN wanted = 'cancelled' AND $4 <> 'cancelled' THEN status ELSE $4 END, "
        "progress = $5, size_bytes = $6, downloaded_bytes = $7, uploaded_bytes = $8, download_speed = $9, "
        "upload_speed = $10, peers = $11, seeds = $12, ratio = $13, eta_seconds = $14, error = $15, "
        "save_path = $16, resume_path = $17, seeding_ms = $18, completed_at = $19, imported_at = $20, "
        "updated_at = $21 WHERE id = $1",
        SOK_PARAMS(
            sok_db_text(d->id), sok_db_text(d->info_hash), sok_db_text(d->title), sok_db_text(d->status),
            sok_db_real(d->progress), sok_db_int(d->size_bytes), sok_db_int(d->downloaded_bytes),
            sok_db_int(d->uploaded_bytes), sok_db_int(d->download_speed), sok_db_int(d->upload_speed),
            sok_db_int(d->peers), sok_db_int(d->seeds), sok_db_real(d->ratio),
            d->eta_seconds < 0 ? sok_db_null() : sok_db_int(d->eta_seconds), sok_db_text(d->error),
            sok_db_text(d->save_path), sok_db_text(d->resume_path), sok_db_int(d->seeding_ms),
            sok_db_id(d->completed_at), sok_db_id(d->imported_at), sok_db_int(d->updated_at)),
        err);
    return name_conflict(status, err);
}

enum sok_status sok_downloads_set_status(
    struct sok_db_tx *tx, const char *id, const char *status, const char *error, int64_t now_ms,
    struct sok_error *err)
{
    return name_conflict(
        sok_change_one(
            tx, "download",
            "UPDATE downloads SET status = $2, error = $3, download_speed = 0, upload_speed = 0, "
            "eta_seconds = NULL, updated_at = $4 WHERE id = $1",
            SOK_PARAMS(sok_db_text(id), sok_db_text(status), sok_db_text(error), sok_db_int(now_ms)), err),
        err);
}

enum sok_status sok_downloads_set_media(
    struct sok_db_tx *tx, const char *id, const char *media_id, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "download", "UPDATE downloads SET media_id = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(media_id), sok_db_int(now_ms)), err);
}

enum sok_status sok_downloads_set_torrent(
    struct sok_db_tx *tx, const char *id, const void *bytes, size_t len, int64_t now_ms,
    struct sok_error *err)
{
    return sok_change_one(
        tx, "download", "UPDATE downloads SET torrent = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_blob(bytes, len), sok_db_int(now_ms)), err);
}

enum sok_status sok_downloads_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const struct sok_page *page,
    struct sok_download **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},   {"title", "fold(title)", true},
        {"progress", "progress", false},       {"size_bytes", "size_bytes", false},
        {"status", SOK_DOWNLOAD_STATUS, true}, {"updated_at", "updated_at", false},
    };
    static const struct sok_filter filters[] = {
        {"q", SOK_FILTER_TITLE, .condition = "titles_match(fold(title), ?) = 1"},
        {"status", SOK_FILTER_WORD, .condition = SOK_DOWNLOAD_STATUS " = ?",
         .words = "queued downloading paused importing seeding completed failed cancelled"},
        {"media_id", SOK_FILTER_ID, .condition = "media_id = ?"},
        {"info_hash", SOK_FILTER_TEXT, .condition = "info_hash = lower(?)"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "user_id = ?", user_id);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    return sok_page_list(
        tx, arena, &list_table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count,
        ret_info, err);
}

enum sok_status sok_downloads_list_live(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_download **ret, size_t *ret_count,
    struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &list_table,
        "WHERE status IN ('queued', 'downloading', 'paused', 'importing', 'seeding') ORDER BY created_at, id",
        NULL, 0, ret, ret_count, err);
}

enum sok_status sok_downloads_is_wanted_elsewhere(
    struct sok_db_tx *tx, const char *info_hash, const char *but_id, bool *ret, struct sok_error *err)
{
    int64_t count = 0;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM downloads WHERE info_hash = $1 AND id <> $2 AND " LIVE,
        SOK_PARAMS(sok_db_text(info_hash), sok_db_text(but_id)), &count, err));
    *ret = count > 0;
    return SOK_OK;
}

enum sok_status sok_downloads_list_media(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, struct sok_download **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &list_table,
        "WHERE " LIVE " AND (media_id = $1 OR id IN "
        "(SELECT download_id FROM download_files WHERE media_id = $1)) ORDER BY created_at, id",
        SOK_PARAMS(sok_db_text(media_id)), ret, ret_count, err);
}

enum sok_status sok_downloads_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    return sok_change_one(
        tx, "download", "DELETE FROM downloads WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

enum sok_status sok_download_files_replace(
    struct sok_db_tx *tx, const char *download_id, const struct sok_download_file *files, size_t count,
    struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "DELETE FROM download_files WHERE download_id = $1", sok_db_text(download_id)));
    for (size_t i = 0; i < count; i++) {
        struct sok_download_file file = files[i];
        file.download_id = download_id;
        SOK_TRY(sok_table_insert(tx, NULL, &file_table, &file, NULL, 0, "", NULL, err));
    }
    return SOK_OK;
}

enum sok_status sok_download_files_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *download_id, struct sok_download_file **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &file_table, "WHERE download_id = $1 ORDER BY file_index",
        SOK_PARAMS(sok_db_text(download_id)), ret, ret_count, err);
}

enum sok_status sok_download_files_set_progress(
    struct sok_db_tx *tx, const char *download_id, int64_t file_index, int64_t downloaded_bytes,
    struct sok_error *err)
{
    return sok_change_one(
        tx, "file",
        "UPDATE download_files SET downloaded_bytes = $3 WHERE download_id = $1 AND file_index = $2",
        SOK_PARAMS(sok_db_text(download_id), sok_db_int(file_index), sok_db_int(downloaded_bytes)), err);
}

enum sok_status sok_download_files_set_imported(
    struct sok_db_tx *tx, const char *download_id, int64_t file_index, const char *media_id,
    const char *library_path, struct sok_error *err)
{
    return sok_change_one(
        tx, "file",
        "UPDATE download_files SET media_id = $3, library_path = $4 WHERE download_id = $1 AND file_index = "
        "$2",
        SOK_PARAMS(
            sok_db_text(download_id), sok_db_int(file_index), sok_db_text(media_id),
            sok_db_text(library_path)),
        err);
}
