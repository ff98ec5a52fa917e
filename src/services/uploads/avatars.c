// The pictures of accounts as files. Nothing here takes a path: there is the open folder, and names that are
// made or checked character by character.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rand.h"
#include "base/text.h"
#include "data/users.h"
#include "services/library/fd.h"
#include "services/uploads/picture.h"
#include "services/uploads/uploads-private.h"

#define NAME_BYTES 18 // of chance
#define NAME_LEN 24   // characters of it
#define ENDING_LEN 4
#define NAME_SIZE (NAME_LEN + ENDING_LEN + 1)
#define PART_PREFIX ".part-"
#define SWEEP_AGE_MS ((int64_t)3600 * 1000)

static const struct {
    const char *ending, *content_type;
} kinds[] = {{".jpg", "image/jpeg"}, {".png", "image/png"}};

// The content type of what may lie under the name, or NULL: not one of ours.
static const char *type_of(const char *name)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (!name || strlen(name) != NAME_LEN + ENDING_LEN || strspn(name, alphabet) != NAME_LEN)
        return NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(kinds); i++)
        if (strcmp(name + NAME_LEN, kinds[i].ending) == 0)
            return kinds[i].content_type;
    return NULL;
}

static const char *name_of(const char *url)
{
    const char *name = sok_text_starts(url, SOK_AVATAR_PATH) ? url + strlen(SOK_AVATAR_PATH) : NULL;
    return type_of(name) ? name : NULL;
}

static enum sok_status write_file(
    int folder_fd, const char *name, const struct sok_picture *picture, struct sok_error *err)
{
    char part[sizeof(PART_PREFIX) + NAME_SIZE];
    snprintf(part, sizeof(part), PART_PREFIX "%s", name);
    SOK_FD_AUTO fd = openat(folder_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && sok_fd_write_all(fd, picture->bytes, picture->len) && fsync(fd) == 0 &&
                   renameat(folder_fd, part, folder_fd, name) == 0 && fsync(folder_fd) == 0;
    if (written)
        return SOK_OK;
    int why = errno;
    if (fd >= 0)
        (void)unlinkat(folder_fd, part, 0);
    return sok_fail_errno(err, SOK_IO, why, "cannot write the picture");
}

enum sok_status sok_avatar_store(
    struct sok_uploads *uploads, struct sok_arena *arena, const void *bytes, size_t len, const char **ret_url,
    struct sok_error *err)
{
    struct sok_picture picture;
    SOK_TRY(sok_uploads_enter(uploads, err));
    enum sok_status status = sok_picture_make(arena, uploads->program, bytes, len, &picture, err);
    sok_uploads_leave(uploads);
    SOK_TRY(status);
    char name[NAME_SIZE];
    sok_random_token(NAME_BYTES, name, sizeof(name));
    memcpy(name + NAME_LEN, kinds[picture.is_png].ending, ENDING_LEN + 1);
    SOK_TRY(write_file(uploads->avatars_fd, name, &picture, err));
    *ret_url = sok_format(arena, SOK_AVATAR_PATH "%s", name);
    return SOK_OK;
}

void sok_avatar_remove(struct sok_uploads *uploads, const char *url)
{
    const char *name = name_of(url);
    if (name)
        (void)unlinkat(uploads->avatars_fd, name, 0);
}

enum sok_status sok_avatar_open(
    struct sok_uploads *uploads, const char *name, struct sok_avatar_file *ret, struct sok_error *err)
{
    const char *content_type = type_of(name);
    SOK_FD_AUTO fd =
        content_type ? openat(uploads->avatars_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return sok_fail(err, SOK_NOT_FOUND, "there is no such picture");
    *ret = (struct sok_avatar_file){sok_fd_take(&fd), info.st_size, content_type};
    return SOK_OK;
}

// Whether the file is one that nobody names, or the remains of one.
static enum sok_status is_left_over(
    const struct sok_uploads *uploads, struct sok_db *db, const char *file, int64_t now_ms, bool *ret,
    struct sok_error *err)
{
    struct stat info;
    *ret = false;
    if ((!type_of(file) && !sok_text_starts(file, PART_PREFIX)) ||
        fstatat(uploads->avatars_fd, file, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        (int64_t)info.st_mtim.tv_sec * 1000 > now_ms - SWEEP_AGE_MS)
        return SOK_OK;
    bool named = false;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (type_of(file))
        SOK_TRY(sok_users_have_avatar(
            sok_db_reader(db), sok_format(arena, SOK_AVATAR_PATH "%s", file), &named, err));
    *ret = !named;
    return SOK_OK;
}

enum sok_status sok_avatars_sweep(
    struct sok_uploads *uploads, struct sok_db *db, int64_t now_ms, int *ret_removed, struct sok_error *err)
{
    int fd = openat(uploads->avatars_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return sok_fail_errno(err, SOK_IO, why, "cannot list the pictures");
    }
    int removed = 0;
    enum sok_status status = SOK_OK;
    for (const struct dirent *entry; status == SOK_OK && (entry = readdir(folder));) {
        bool left_over;
        status = is_left_over(uploads, db, entry->d_name, now_ms, &left_over, err);
        if (status == SOK_OK && left_over)
            removed += unlinkat(uploads->avatars_fd, entry->d_name, 0) == 0;
    }
    closedir(folder);
    if (status == SOK_OK)
        *ret_removed = removed;
    return status;
}
