// What the library has of a work already, and which of two files stays.
#include <string.h>

#include "services/library/beneath.h"
#include "services/library/import-private.h"

static enum sok_status delete_row(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    enum sok_status status = sok_media_files_delete(tx, context, err);
    return status == SOK_NOT_FOUND ? SOK_OK : status;
}

static bool has_edition(
    struct sok_import_run *run, const struct sok_media_file *row, const struct sok_import_film *film)
{
    struct sok_release old;
    sok_release_parse(run->arena, row->release_name ? row->release_name : row->file_path, &old);
    const char *a = old.edition.count ? old.edition.item[0] : "";
    const char *b = film->release.edition.count ? film->release.edition.item[0] : "";
    return strcmp(a, b) == 0;
}

bool sok_import_stat_row(const struct sok_import_run *run, const struct sok_media_file *row, struct stat *ret)
{
    const struct sok_library_root *root;
    const char *below;
    return sok_library_locate(run->library, row->file_path, &root, &below, NULL) == SOK_OK &&
           sok_beneath_stat(root->fd, below, ret, NULL) == SOK_OK;
}

static bool is_this_file(
    const struct sok_import_run *run, const struct sok_import_film *film, const struct sok_media_file *row,
    const struct stat *there)
{
    if (there->st_ino == film->info.st_ino && there->st_dev == film->info.st_dev)
        return true;
    return row->download_id && run->import->download_id &&
           strcmp(row->download_id, run->import->download_id) == 0 &&
           there->st_size == film->file->size_bytes;
}

enum sok_status sok_import_find_present(
    struct sok_import_run *run, const struct sok_import_film *film, struct sok_media_file *ret_row,
    bool *ret_found, bool *ret_itself, struct sok_error *err)
{
    size_t covered = 0;
    *ret_found = *ret_itself = false;
    for (size_t i = 0; i < film->media_count; i++) {
        struct sok_media_file *rows;
        size_t count;
        SOK_TRY(sok_media_files_list(
            sok_db_reader(run->library->db), run->arena, film->media_ids[i], &rows, &count, err));
        bool better = false, itself = false;
        for (size_t j = 0; j < count; j++) {
            struct stat there;
            if (!sok_import_stat_row(run, &rows[j], &there))
                continue;
            itself |= is_this_file(run, film, &rows[j], &there);
            better |= has_edition(run, &rows[j], film) && rows[j].quality_score >= film->row.quality_score;
            if (i == 0 && (itself || better) && !*ret_found) {
                *ret_row = rows[j];
                *ret_found = true;
            }
        }
        *ret_itself |= itself;
        covered += better || itself;
    }
    *ret_found = *ret_found && covered == film->media_count;
    return SOK_OK;
}

enum sok_status sok_import_remove_worse(
    struct sok_import_run *run, const struct sok_import_film *film, bool *ret_removed, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(run->library->db);
    for (size_t i = 0; i < film->media_count; i++) {
        struct sok_media_file *rows, *sharing;
        size_t count, sharing_count;
        SOK_TRY(sok_media_files_list(tx, run->arena, film->media_ids[i], &rows, &count, err));
        for (size_t j = 0; j < count; j++) {
            bool is_own =
                strcmp(rows[j].source, "local") != 0; // what lay there before us is the owner's to delete
            if (!is_own || strcmp(rows[j].file_path, film->row.file_path) == 0 ||
                !has_edition(run, &rows[j], film) || rows[j].quality_score >= film->row.quality_score)
                continue;
            SOK_TRY(
                sok_media_files_list_path(tx, run->arena, rows[j].file_path, &sharing, &sharing_count, err));
            if (sharing_count <= 1)
                SOK_TRY(sok_library_remove_file(run->library, rows[j].file_path, err));
            SOK_TRY(sok_db_write(run->library->db, delete_row, (void *)(uintptr_t)rows[j].id, err));
            *ret_removed = true;
        }
    }
    return SOK_OK;
}
