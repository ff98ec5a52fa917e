// A film leaves the library, and what only goes with it: "Film.mkv" takes "Film.en.srt" along, but not
// "Film.2.srt" when there is a "Film.2.mkv".
#include <dirent.h>
#include <string.h>

#include "base/text.h"
#include "services/library/beneath.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/library/library-private.h"

#define NAMES_MAX 4096 // of one folder; what comes after is left alone

struct names {
    const char *item[NAMES_MAX];
    size_t count;
};

static enum sok_status list_names(
    const struct sok_library_root *root, const char *below, struct sok_arena *arena, struct names *ret,
    struct sok_error *err)
{
    SOK_FD_AUTO fd = -1;
    SOK_TRY(sok_beneath_open_dir(root->fd, below, false, &fd, err));
    DIR *folder = fdopendir(fd);
    if (!folder)
        return sok_fail(err, SOK_IO, "cannot read the folder of the film");
    (void)sok_fd_take(&fd); // the folder's now
    for (struct dirent *entry = readdir(folder); entry && ret->count < NAMES_MAX; entry = readdir(folder))
        ret->item[ret->count++] = sok_strdup(arena, entry->d_name);
    closedir(folder);
    return SOK_OK;
}

static bool is_named_after(const char *name, const char *stem)
{
    size_t len = strlen(stem);
    return strncmp(name, stem, len) == 0 && name[len] == '.';
}

// Whether no other film's name fits the subtitle better.
static bool is_its_own(
    struct sok_arena *arena, const struct names *names, const char *subtitle, const char *stem)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *other = sok_path_stem(arena, names->item[i]);
        if (sok_classify_file(names->item[i], INT64_MAX, NULL) == SOK_FILE_FILM &&
            strlen(other) > strlen(stem) && is_named_after(subtitle, other))
            return false;
    }
    return true;
}

static enum sok_status remove_subtitles(
    const struct sok_library_root *root, struct sok_arena *arena, const char *film, struct sok_error *err)
{
    const char *folder = sok_path_folder(arena, film), *stem = sok_path_stem(arena, film);
    struct names *names = sok_alloc(arena, sizeof(*names));
    enum sok_status status = list_names(root, folder, arena, names, err);
    if (status != SOK_OK)
        return status == SOK_NOT_FOUND ? SOK_OK : status;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->item[i];
        if (!is_named_after(name, stem) || sok_classify_file(name, 1, NULL) != SOK_FILE_SUBTITLE ||
            !is_its_own(arena, names, name, stem))
            continue;
        SOK_TRY(sok_beneath_unlink(root->fd, *folder ? sok_format(arena, "%s/%s", folder, name) : name, err));
    }
    return SOK_OK;
}

enum sok_status sok_library_remove_film(
    const struct sok_library *library, struct sok_arena *arena, const char *file_path, struct sok_error *err)
{
    const struct sok_library_root *root;
    const char *below;
    SOK_TRY(sok_library_locate(library, file_path, &root, &below, err));
    SOK_TRY(remove_subtitles(root, arena, below, err));
    return sok_library_remove_file(library, file_path, err);
}
