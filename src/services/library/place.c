// A name in the library is made in one step (linkat, renameat2), so that a crash leaves the old state or the
// new one, and the same call afterwards finds what is there and goes on. A file is replaced by renaming a
// link over it: whoever plays the old one keeps its descriptor.
#include <string.h>

#include "services/library/beneath.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/library/library-private.h"

#define COPIES_MAX 20
#define SUBTITLES_MAX 100 // of one film
#define SUBTITLES_SAME_MAX 9

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

// Whether the file at `path` is one that was imported for this work: then it may be replaced in its place.
// One that a scan found is its owner's.
static enum sok_status is_of_work(
    struct sok_library *library, struct sok_arena *arena, const struct sok_placing *placing, const char *path,
    bool *ret, struct sok_error *err)
{
    struct sok_media_file *rows;
    size_t count;
    const char *file_path = sok_format(arena, "%s/%s", library->roots[0].path, path);
    SOK_TRY(sok_media_files_list_path(sok_db_reader(library->db), arena, file_path, &rows, &count, err));
    *ret = false;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < placing->media_count; j++)
            *ret |=
                strcmp(rows[i].media_id, placing->media_ids[j]) == 0 && strcmp(rows[i].source, "local") != 0;
    return SOK_OK;
}

static enum sok_status place_once(
    const struct sok_placing *placing, int root_fd, const char *path, enum sok_placed *ret_how,
    struct sok_error *err)
{
    *ret_how = SOK_PLACED_NEW;
    enum sok_status status = sok_beneath_link(placing->source_root_fd, placing->source, root_fd, path, err);
    if (status != SOK_UNSUPPORTED)
        return status;
    if (placing->mode == SOK_IMPORT_MOVE) // one file system, but without hard links
        return sok_beneath_move(placing->source_root_fd, placing->source, root_fd, path, err);
    if (placing->mode != SOK_IMPORT_COPY)
        return status;
    *ret_how = SOK_PLACED_COPY;
    return sok_beneath_copy(placing->source_root_fd, placing->source, root_fd, path, err);
}

// The name is taken. Ours already (an earlier try came so far), our work's worse file, or somebody else's?
static enum sok_status settle_taken(
    struct sok_library *library, struct sok_arena *arena, const struct sok_placing *placing, const char *path,
    bool *ret_settled, enum sok_placed *ret_how, struct sok_error *err)
{
    int root_fd = library->roots[0].fd;
    struct stat there;
    SOK_TRY(sok_beneath_stat(root_fd, path, &there, err));
    bool same = same_inode(&there, &placing->source_info);
    if (!same && placing->mode == SOK_IMPORT_COPY && there.st_size == placing->source_info.st_size)
        SOK_TRY(sok_beneath_same(placing->source_root_fd, placing->source, root_fd, path, &same, err));
    *ret_settled = true;
    *ret_how = SOK_PLACED_BEFORE;
    if (same)
        return SOK_OK;
    SOK_TRY(is_of_work(library, arena, placing, path, ret_settled, err));
    if (!*ret_settled)
        return SOK_OK;
    *ret_how = SOK_PLACED_OVER;
    enum sok_status status =
        sok_beneath_link_over(placing->source_root_fd, placing->source, root_fd, path, err);
    if (status == SOK_UNSUPPORTED && placing->mode != SOK_IMPORT_LINK) {
        // No link to rename over it: beside it under another name; the worse one goes afterwards.
        *ret_settled = false;
        return SOK_OK;
    }
    return status;
}

enum sok_status sok_place_file(
    struct sok_library *library, struct sok_arena *arena, const struct sok_placing *placing, char **ret_path,
    enum sok_placed *ret_how, struct sok_error *err)
{
    struct sok_naming naming = *placing->naming;
    for (naming.copy = 1; naming.copy <= COPIES_MAX; naming.copy++) {
        SOK_TRY(sok_naming_path(arena, &naming, ret_path, err));
        enum sok_status status = place_once(placing, library->roots[0].fd, *ret_path, ret_how, err);
        bool settled = status == SOK_OK;
        if (status == SOK_CONFLICT)
            status = settle_taken(library, arena, placing, *ret_path, &settled, ret_how, err);
        SOK_TRY(status);
        if (settled)
            return SOK_OK;
    }
    return sok_fail(err, SOK_CONFLICT, "\"%.120s\" and its further names are taken", *ret_path);
}

static bool belongs_to(struct sok_arena *arena, const char *subtitle, const char *film_source, bool alone)
{
    const char *film_stem = sok_path_stem(arena, film_source);
    const char *folder = sok_path_folder(arena, subtitle);
    // "Film.mkv" and "Film.en.srt", or "Subs/Film/2_English.srt" as packs have it.
    return alone || strncmp(sok_path_name(subtitle), film_stem, strlen(film_stem)) == 0 ||
           strcmp(sok_path_name(folder), film_stem) == 0;
}

static void place_subtitle(
    struct sok_library *library, struct sok_arena *arena, const struct sok_placing *placing,
    const char *target_stem, const char *suffix)
{
    const char *extension = sok_path_extension(placing->source);
    for (int copy = 1; copy <= SUBTITLES_SAME_MAX; copy++) {
        const char *path = copy == 1 ? sok_format(arena, "%s%s.%s", target_stem, suffix, extension)
                                     : sok_format(arena, "%s%s.%d.%s", target_stem, suffix, copy, extension);
        enum sok_placed how;
        struct stat there;
        enum sok_status status = place_once(placing, library->roots[0].fd, path, &how, NULL);
        bool same =
            status == SOK_CONFLICT && sok_beneath_stat(library->roots[0].fd, path, &there, NULL) == SOK_OK &&
            (same_inode(&there, &placing->source_info) || there.st_size == placing->source_info.st_size);
        if (status != SOK_CONFLICT || same)
            return;
    }
}

void sok_place_subtitles(
    struct sok_library *library, struct sok_arena *arena, const struct sok_import *import, int source_root_fd,
    const char *film_source, const char *film_path, bool alone)
{
    const char *film_folder = sok_path_folder(arena, film_path), *film_stem = sok_path_stem(arena, film_path);
    const char *target_stem = sok_format(arena, "%s/%s", film_folder, film_stem);
    int placed = 0;
    for (size_t i = 0; i < import->file_count && placed < SUBTITLES_MAX; i++) {
        const struct sok_import_file *file = &import->files[i];
        struct sok_placing placing = {
            .source_root_fd = source_root_fd, .source = file->path, .mode = import->mode};
        if (sok_classify_file(file->path, file->size_bytes, NULL) != SOK_FILE_SUBTITLE ||
            !belongs_to(arena, file->path, film_source, alone) ||
            sok_beneath_stat(source_root_fd, file->path, &placing.source_info, NULL) != SOK_OK)
            continue;
        const char *suffix =
            sok_subtitle_suffix(arena, sok_path_stem(arena, file->path), sok_path_stem(arena, film_source));
        place_subtitle(library, arena, &placing, target_stem, suffix);
        placed++;
    }
}
