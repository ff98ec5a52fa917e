// Resume data on disk, and the folders of downloads. A resume file is replaced whole (written beside, synced,
// renamed), so a kill leaves the old one or the new one.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/folders.h"
#include "services/library/fd.h"
#include "workers/hunter-private.h"

static const char *resume_path(
    const struct sok_hunter *hunter, struct sok_arena *arena, const char *key, const char *suffix)
{
    return sok_format(arena, "%s/%s.resume%s", hunter->resume_dir, key, suffix);
}

bool sok_hunt_read_resume(
    struct sok_hunt *hunt, struct sok_arena *arena, const void **ret_bytes, size_t *ret_len)
{
    int fd = open(resume_path(hunt->hunter, arena, hunt->key, ""), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (fd < 0)
        return false;
    bool fits =
        fstat(fd, &info) == 0 && info.st_size > 0 && info.st_size <= (off_t)SOK_TORRENT_RESUME_MAX_BYTES;
    size_t len = fits ? (size_t)info.st_size : 0;
    char *bytes = sok_alloc(arena, len);
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, bytes + got, len - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    (void)close(fd);
    *ret_bytes = bytes;
    *ret_len = got;
    return fits && got == len;
}

static bool replace_resume(struct sok_hunt *hunt, const void *bytes, size_t len)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *part = resume_path(hunt->hunter, arena, hunt->key, ".part");
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool is_written = sok_fd_write_all(fd, bytes, len) && fsync(fd) == 0;
    (void)close(fd);
    is_written = is_written && rename(part, resume_path(hunt->hunter, arena, hunt->key, "")) == 0;
    if (is_written)
        (void)sok_folder_sync(hunt->hunter->resume_dir, NULL);
    else
        (void)unlink(part);
    return is_written;
}

bool sok_hunt_write_resume(struct sok_hunt *hunt)
{
    void *bytes;
    size_t len;
    if (!hunt->in_session ||
        sok_torrent_take_resume(hunt->hunter->env.torrents, hunt->key, &bytes, &len, NULL))
        return false;
    bool is_written = replace_resume(hunt, bytes, len);
    free(bytes);
    hunt->resume_asked = false;
    return is_written;
}

void sok_hunt_keep_resume(struct sok_hunt *hunt, bool is_changed, bool force, int64_t mono_ms)
{
    (void)sok_hunt_write_resume(hunt);
    bool is_due = is_changed && mono_ms - hunt->resume_at >= SOK_HUNT_RESUME_MS;
    if (!hunt->in_session || !(is_due || force))
        return;
    hunt->resume_at = mono_ms;
    hunt->resume_asked = sok_torrent_request_resume(hunt->hunter->env.torrents, hunt->key, NULL) == SOK_OK;
}

void sok_hunter_drop_resume(const struct sok_hunter *hunter, const char *key)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (key[0])
        (void)unlink(resume_path(hunter, arena, key, ""));
}

void sok_hunter_delete_folder(const struct sok_hunter *hunter, const char *key)
{
    // Only a folder of our own making below the download folder: named after the torrent.
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (strlen(key) != SOK_TORRENT_KEY_LEN || strchr(key, '/'))
        return;
    sok_folder_remove(sok_format(arena, "%s/%s", hunter->download_dir, key));
}

bool sok_hunter_has_folder(const struct sok_hunter *hunter, const char *key)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    return access(sok_format(arena, "%s/%s", hunter->download_dir, key), F_OK) == 0;
}

int64_t sok_hunt_free_bytes(const struct sok_hunt *hunt)
{
    struct statvfs info;
    if (statvfs(hunt->hunter->download_dir, &info) < 0)
        return INT64_MAX; // unknown: let it be tried
    return (int64_t)info.f_bavail * (int64_t)info.f_frsize;
}
