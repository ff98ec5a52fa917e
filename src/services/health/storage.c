#include "services/health/storage.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/text.h"

#define FOLDERS_MAX 34 // data, downloads and as many library folders as there may be

static struct sok_storage look(struct sok_arena *arena, const char *purpose, const char *path)
{
    struct sok_storage storage = {.purpose = purpose, .path = path};
    struct statvfs fs;
    if (statvfs(path, &fs) < 0) {
        storage.error = sok_format(arena, "cannot be asked: %s", strerrordesc_np(errno));
        return storage;
    }
    int64_t block = (int64_t)fs.f_frsize;
    storage.total_bytes = (int64_t)fs.f_blocks * block;
    storage.used_bytes = (int64_t)(fs.f_blocks - fs.f_bfree) * block;
    storage.free_bytes = (int64_t)fs.f_bavail * block;
    return storage;
}

void sok_storage_list(
    struct sok_arena *arena, const struct sok_config *config, struct sok_storage **ret, size_t *ret_count)
{
    struct sok_storage *list = sok_alloc_array(arena, FOLDERS_MAX, sizeof(*list));
    size_t count = 0;
    list[count++] = look(arena, "data", config->data_dir);
    list[count++] = look(arena, "downloads", config->download_dir);
    for (const char *at = config->library_dirs; at && *at && count < FOLDERS_MAX;) {
        size_t len = strcspn(at, ":");
        if (len)
            list[count++] = look(arena, "library", sok_strndup(arena, at, len));
        at += len + (at[len] != 0);
    }
    *ret = list;
    *ret_count = count;
}
