#include "data/figures.h"

#include <string.h>

#include "data/downloads.h"
#include "data/record.h"

static enum sok_status load_groups(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, struct sok_figure **ret,
    size_t *ret_count, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(sok_db_query(tx, arena, sql, NULL, 0, &rows, err));
    struct sok_figure *figures = sok_alloc_array(arena, rows.row_count, sizeof(*figures));
    for (size_t i = 0; i < rows.row_count; i++)
        figures[i] = (struct sok_figure){sok_db_get_text(&rows, i, 0), sok_db_get_int(&rows, i, 1)};
    *ret = figures;
    *ret_count = rows.row_count;
    return SOK_OK;
}

static enum sok_status load_files(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_figures *ret, struct sok_error *err)
{
    struct sok_db_result row;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &row, err,
        "SELECT count(*), CAST(COALESCE(sum(size), 0) AS BIGINT) FROM (SELECT max(file_size) AS size "
        "FROM media_files WHERE missing_at IS NULL GROUP BY file_path) AS files"));
    ret->files = sok_db_get_int(&row, 0, 0);
    ret->file_bytes = sok_db_get_int(&row, 0, 1);
    return sok_load_int(
        tx, "SELECT count(*) FROM media_files WHERE missing_at IS NOT NULL", NULL, 0, &ret->missing_files,
        err);
}

static enum sok_status load_versions(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_figures *ret, struct sok_error *err)
{
    struct sok_db_result row;
    bool sqlite = strcmp(sok_db_tx_dialect(tx), "sqlite") == 0;
    SOK_TRY(SOK_DB_QUERY(tx, arena, &row, err, sqlite ? "SELECT sqlite_version()" : "SHOW server_version"));
    ret->engine_version = row.row_count ? sok_db_get_text(&row, 0, 0) : NULL;
    return sok_load_int(
        tx, "SELECT COALESCE(max(version), 0) FROM schema_migrations", NULL, 0, &ret->schema, err);
}

enum sok_status sok_figures_load(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t now_ms, struct sok_figures *ret,
    struct sok_error *err)
{
    struct sok_figures figures = {0};
    SOK_TRY(load_groups(
        tx, arena, "SELECT media_type, count(*) FROM media GROUP BY media_type ORDER BY media_type",
        &figures.media, &figures.media_count, err));
    SOK_TRY(load_groups(
        tx, arena,
        "SELECT " SOK_DOWNLOAD_STATUS " AS shown, count(*) FROM downloads GROUP BY shown ORDER BY shown",
        &figures.downloads, &figures.downloads_count, err));
    SOK_TRY(load_groups(
        tx, arena,
        "SELECT task_type, count(*) FROM dead_letters WHERE retried_at IS NULL GROUP BY task_type "
        "ORDER BY task_type",
        &figures.dead_letters, &figures.dead_letters_count, err));
    SOK_TRY(load_files(tx, arena, &figures, err));
    SOK_TRY(load_versions(tx, arena, &figures, err));
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM sessions WHERE expires_at > $1 AND ended_at IS NULL",
        SOK_PARAMS(sok_db_int(now_ms)), &figures.sessions, err));
    *ret = figures;
    return SOK_OK;
}
