#include "services/backup/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/folders.h"
#include "services/library/fd.h"

#define PART "restore.part"
#define READY "restore.ready"
#define BEFORE "before-restore"
#define CONFIG "sokoul.conf"
#define DATABASE "database"
#define DATABASE_MAX_BYTES (PATH_MAX + 20)
#define PART_BYTES 65536

static const char *const folders[] = {"keys", "avatars", "resume"};

static void close_folder(DIR **held)
{
    if (*held)
        closedir(*held);
}
#define FOLDER_AUTO SOK_CLEANUP(close_folder) DIR

// The next plain name of a folder that may be in a backup; NULL at the end.
static const char *next_name(struct sok_arena *arena, DIR *folder, const char *name)
{
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const char *path = sok_format(arena, "%s/%s", name, entry->d_name);
        if (sok_backup_path_is_valid(path))
            return path;
    }
    return NULL;
}

enum sok_status sok_backup_files_count(const char *data_dir, int64_t *ret_count, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    *ret_count = 0;
    for (size_t i = 0; i < 2; i++) {
        FOLDER_AUTO *folder = opendir(sok_format(arena, "%s/%s", data_dir, folders[i]));
        if (!folder && errno != ENOENT)
            return sok_fail_errno(err, SOK_IO, errno, "cannot read %s/%s", data_dir, folders[i]);
        while (folder && next_name(arena, folder, folders[i]))
            (*ret_count)++;
    }
    return SOK_OK;
}

// --- Out.

static enum sok_status send_bytes(
    int fd, const char *path, int64_t size, const struct sok_backup_sink *sink, struct sok_error *err)
{
    char part[PART_BYTES];
    SOK_TRY(sink->file(sink->context, path, size, err));
    while (size > 0) {
        ssize_t got = read(fd, part, size < PART_BYTES ? (size_t)size : PART_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) // the files of the data folder are replaced whole, never changed
            return sok_fail_errno(err, SOK_IO, got < 0 ? errno : EIO, "cannot read %s", path);
        SOK_TRY(sink->file_bytes(sink->context, part, (size_t)got, err));
        size -= got;
    }
    return sink->file_end ? sink->file_end(sink->context, err) : SOK_OK;
}

static enum sok_status send_file(
    const char *from, const char *path, const struct sok_backup_sink *sink, int64_t *count,
    struct sok_error *err)
{
    SOK_FD_AUTO fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    if (fd < 0 && errno == ENOENT)
        return SOK_OK;
    if (fd < 0 && errno == ELOOP) // left out, its absence would be noticed when the backup is needed
        return sok_fail(err, SOK_UNSUPPORTED, "%s is a link: only files themselves can be backed up", from);
    if (fd < 0 || fstat(fd, &info) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot read %s", from);
    if (!S_ISREG(info.st_mode))
        return SOK_OK;
    if (info.st_size > SOK_BACKUP_FILE_MAX_BYTES)
        return sok_fail(err, SOK_TOO_LARGE, "%s is too large for a backup", from);
    (*count)++;
    return send_bytes(fd, path, info.st_size, sink, err);
}

enum sok_status sok_backup_files_send(
    const char *data_dir, const char *config_file, const struct sok_backup_sink *sink, int64_t *ret_count,
    struct sok_error *err)
{
    *ret_count = 0;
    if (config_file) { // where the operator keeps it: a link leads there
        char path[PATH_MAX];
        const char *found = realpath(config_file, path);
        SOK_TRY(send_file(found ? found : config_file, CONFIG, sink, ret_count, err));
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        FOLDER_AUTO *folder = opendir(sok_format(arena, "%s/%s", data_dir, folders[i]));
        if (!folder && errno != ENOENT)
            return sok_fail_errno(err, SOK_IO, errno, "cannot read %s/%s", data_dir, folders[i]);
        for (const char *path; folder && (path = next_name(arena, folder, folders[i]));)
            SOK_TRY(send_file(sok_format(arena, "%s/%s", data_dir, path), path, sink, ret_count, err));
    }
    return SOK_OK;
}

// --- In.

static enum sok_status make_folder(const char *path, struct sok_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %s", path);
    return SOK_OK;
}

// The folder itself stays: while there is one, what else a restore has made is known to be one's.
enum sok_status sok_backup_staging_begin(
    struct sok_backup_staging *staging, struct sok_arena *arena, const char *data_dir, struct sok_error *err)
{
    sok_backup_staging_close(staging);
    *staging = (struct sok_backup_staging){.arena = arena, .data_dir = data_dir, .fd = -1};
    staging->folder = sok_format(arena, "%s/" PART, data_dir);
    SOK_TRY(make_folder(data_dir, err));
    SOK_TRY(make_folder(staging->folder, err));
    sok_folder_remove(sok_format(arena, "%s/" DATABASE, staging->folder));
    sok_folder_remove(sok_format(arena, "%s/" CONFIG, staging->folder));
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++) {
        const char *folder = sok_format(arena, "%s/%s", staging->folder, folders[i]);
        sok_folder_remove(folder);
        SOK_TRY(make_folder(folder, err));
    }
    return SOK_OK;
}

enum sok_status sok_backup_staging_file(
    struct sok_backup_staging *staging, const char *path, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *to = sok_format(arena, "%s/%s", staging->folder, path);
    staging->fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (staging->fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot write %s", to);
    return SOK_OK;
}

enum sok_status sok_backup_staging_bytes(
    struct sok_backup_staging *staging, const void *bytes, size_t len, struct sok_error *err)
{
    if (!sok_fd_write_all(staging->fd, bytes, len))
        return sok_fail_errno(err, SOK_IO, errno, "cannot write into %s", staging->folder);
    return SOK_OK;
}

enum sok_status sok_backup_staging_file_end(struct sok_backup_staging *staging, struct sok_error *err)
{
    bool is_synced = fsync(staging->fd) == 0;
    int why = errno;
    close(staging->fd);
    staging->fd = -1;
    return is_synced ? SOK_OK : sok_fail_errno(err, SOK_IO, why, "cannot sync a file in %s", staging->folder);
}

enum sok_status sok_backup_staging_end(
    struct sok_backup_staging *staging, const char *database, struct sok_error *err)
{
    SOK_TRY(sok_backup_staging_file(staging, DATABASE, err));
    SOK_TRY(sok_backup_staging_bytes(staging, database, strlen(database), err));
    SOK_TRY(sok_backup_staging_bytes(staging, "\n", 1, err));
    SOK_TRY(sok_backup_staging_file_end(staging, err));
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++)
        SOK_TRY(sok_folder_sync(sok_format(staging->arena, "%s/%s", staging->folder, folders[i]), err));
    SOK_TRY(sok_folder_sync(staging->folder, err));
    return sok_folder_sync(staging->data_dir, err);
}

void sok_backup_staging_close(struct sok_backup_staging *staging)
{
    if (staging->fd >= 0)
        close(staging->fd);
    staging->fd = -1;
}

// --- Into place.

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

enum sok_backup_files sok_backup_files_state(const char *data_dir)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (is_there(sok_format(arena, "%s/" READY, data_dir)))
        return SOK_BACKUP_FILES_READY;
    return is_there(sok_format(arena, "%s/" PART, data_dir)) ? SOK_BACKUP_FILES_PART : SOK_BACKUP_FILES_NONE;
}

const char *sok_backup_files_database(struct sok_arena *arena, const char *data_dir)
{
    bool is_ready = sok_backup_files_state(data_dir) == SOK_BACKUP_FILES_READY;
    const char *path = sok_format(arena, "%s/%s/" DATABASE, data_dir, is_ready ? READY : PART);
    SOK_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char line[DATABASE_MAX_BYTES];
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line));
    // Without its end it was not written to the end.
    if (got <= 0 || line[got - 1] != '\n' || memchr(line, 0, (size_t)got))
        return NULL;
    return sok_strndup(arena, line, (size_t)got - 1);
}

enum sok_status sok_backup_files_commit(const char *data_dir, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *before = sok_format(arena, "%s/" BEFORE, data_dir);
    const char *part = sok_format(arena, "%s/" PART, data_dir);
    sok_folder_remove(before); // of the restore before this one
    SOK_TRY(make_folder(before, err));
    SOK_TRY(sok_folder_move(part, sok_format(arena, "%s/" READY, data_dir), err));
    return sok_folder_sync(data_dir, err);
}

void sok_backup_files_drop(const char *data_dir)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    sok_folder_remove(sok_format(arena, "%s/" PART, data_dir));
}

// The old one aside; when a run before this one has done so, whatever was made at its place since is nothing.
static enum sok_status settle_folder(
    struct sok_arena *arena, const char *data_dir, const char *name, struct sok_error *err)
{
    const char *fresh = sok_format(arena, "%s/" READY "/%s", data_dir, name);
    const char *place = sok_format(arena, "%s/%s", data_dir, name);
    if (!is_there(fresh))
        return SOK_OK;
    const char *old = sok_format(arena, "%s/" BEFORE "/%s", data_dir, name);
    if (is_there(old))
        sok_folder_remove(place);
    else if (is_there(place))
        SOK_TRY(sok_folder_move(place, old, err));
    return sok_folder_move(fresh, place, err);
}

enum sok_status sok_backup_files_settle(const char *data_dir, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++)
        SOK_TRY(settle_folder(arena, data_dir, folders[i], err));
    const char *config = sok_format(arena, "%s/" READY "/" CONFIG, data_dir);
    if (is_there(config)) // that of the machine stays: addresses and folders are its own
        SOK_TRY(sok_folder_move(config, sok_format(arena, "%s/" CONFIG ".restored", data_dir), err));
    sok_folder_remove(sok_format(arena, "%s/" READY, data_dir));
    (void)rmdir(sok_format(arena, "%s/" BEFORE, data_dir)); // when there was nothing before
    return sok_folder_sync(data_dir, err);
}
