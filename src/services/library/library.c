#include "services/library/library.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "services/library/beneath.h"
#include "services/library/fd.h"
#include "services/library/library-private.h"

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        sok_panic("out of memory");
    return copy;
}

static enum sok_status add_root(
    struct sok_library *library, const char *folder, size_t len, struct sok_error *err)
{
    char path[PATH_MAX];
    if (len == 0)
        return SOK_OK;
    if (len >= sizeof path)
        return sok_fail(err, SOK_INVALID, "a library folder's path is too long");
    if (library->root_count == SOK_LIBRARY_ROOTS_MAX)
        return sok_fail(err, SOK_INVALID, "more than %d library folders", SOK_LIBRARY_ROOTS_MAX);
    memcpy(path, folder, len);
    path[len] = '\0';
    SOK_FD_AUTO fd = -1;
    SOK_TRY(sok_beneath_root(path, true, &fd, err));
    char *real = realpath(path, NULL);
    if (!real)
        return sok_fail_errno(err, SOK_IO, errno, "cannot resolve the folder %.160s", path);
    library->roots[library->root_count++] = (struct sok_library_root){.path = real, .fd = sok_fd_take(&fd)};
    return SOK_OK;
}

enum sok_status sok_library_open(
    const struct sok_library_options *options, struct sok_library **ret, struct sok_error *err)
{
    struct sok_library *library = calloc(1, sizeof *library);
    if (!library)
        sok_panic("out of memory");
    library->db = options->db;
    library->clock = options->clock;
    library->probe_program = copy_text(options->probe_program);
    enum sok_status status = SOK_OK;
    for (const char *at = options->library_dirs; at && status == SOK_OK;) {
        size_t len = strcspn(at, ":");
        status = add_root(library, at, len, err);
        at = at[len] ? at + len + 1 : NULL;
    }
    if (status == SOK_OK && library->root_count == 0)
        status = sok_fail(err, SOK_INVALID, "no library folder is configured");
    if (status != SOK_OK) {
        sok_library_close(library);
        return status;
    }
    *ret = library;
    return SOK_OK;
}

struct sok_library *sok_library_close(struct sok_library *library)
{
    if (!library)
        return NULL;
    for (size_t i = 0; i < library->root_count; i++) {
        close(library->roots[i].fd);
        free(library->roots[i].path);
    }
    free(library->probe_program);
    free(library);
    return NULL;
}

size_t sok_library_root_count(const struct sok_library *library)
{
    return library->root_count;
}

const char *sok_library_root(const struct sok_library *library, size_t index)
{
    return index < library->root_count ? library->roots[index].path : NULL;
}

enum sok_status sok_library_locate(
    const struct sok_library *library, const char *path, const struct sok_library_root **ret_root,
    const char **ret_below, struct sok_error *err)
{
    const struct sok_library_root *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; path && i < library->root_count; i++) { // roots may lie in one another: the longest
        const char *root = library->roots[i].path;
        size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0') && len >= best_len) {
            best = &library->roots[i];
            best_len = len;
        }
    }
    if (!best)
        return sok_fail(err, SOK_DENIED, "\"%.120s\" is not in a library folder", path ? path : "");
    *ret_root = best;
    *ret_below = path[best_len] ? path + best_len + 1 : "";
    return SOK_OK;
}

enum sok_status sok_library_split(
    const struct sok_library *library, const char *file_path, size_t *ret_root, const char **ret_below,
    struct sok_error *err)
{
    const struct sok_library_root *root;
    SOK_TRY(sok_library_locate(library, file_path, &root, ret_below, err));
    *ret_root = (size_t)(root - library->roots);
    return SOK_OK;
}

enum sok_status sok_library_open_file(
    const struct sok_library *library, const char *file_path, int *ret_fd, struct sok_error *err)
{
    const struct sok_library_root *root;
    const char *below;
    SOK_TRY(sok_library_locate(library, file_path, &root, &below, err));
    return sok_beneath_open(root->fd, below, ret_fd, err);
}

enum sok_status sok_library_remove_file(
    const struct sok_library *library, const char *file_path, struct sok_error *err)
{
    const struct sok_library_root *root;
    const char *below;
    SOK_TRY(sok_library_locate(library, file_path, &root, &below, err));
    SOK_TRY(sok_beneath_unlink(root->fd, below, err));
    sok_beneath_prune(root->fd, below);
    return SOK_OK;
}
