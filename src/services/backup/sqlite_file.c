#include "services/backup/sqlite_file.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/folders.h"

// The file itself last: while it is there, so is whatever of it is removed before.
static const char *const beside[] = {"-wal", "-shm", "-journal", ""};

const char *sok_backup_sqlite_path(const char *url)
{
    return sok_text_starts(url, "sqlite:") ? url + strlen("sqlite:") : NULL;
}

bool sok_sqlite_file_is_there(const char *path, const char *suffix)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct stat info;
    return lstat(sok_format(arena, "%s%s", path, suffix), &info) == 0;
}

static enum sok_status sync_folder_of(struct sok_arena *arena, const char *path, struct sok_error *err)
{
    return sok_folder_sync(dirname(sok_strdup(arena, path)), err);
}

void sok_sqlite_file_drop(const char *path, const char *suffix)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(beside); i++)
        (void)unlink(sok_format(arena, "%s%s%s", path, suffix, beside[i]));
}

// The journal goes before its database: what lies at the old place is then a database without one, or
// nothing, and never a journal beside the new database.
enum sok_status sok_sqlite_file_switch(const char *path, const char *suffix, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (!sok_sqlite_file_is_there(path, suffix))
        return SOK_OK;
    // That of the switch before this one: not what a run of this one, which was killed, has moved.
    if (sok_sqlite_file_is_there(path, "") && sok_sqlite_file_is_there(path, SOK_BACKUP_BEFORE))
        sok_sqlite_file_drop(path, SOK_BACKUP_BEFORE);
    for (size_t i = 0; i < SOK_ARRAY_LEN(beside); i++) {
        const char *old = sok_format(arena, "%s%s", path, beside[i]);
        if (sok_sqlite_file_is_there(old, ""))
            SOK_TRY(
                sok_folder_move(old, sok_format(arena, "%s" SOK_BACKUP_BEFORE "%s", path, beside[i]), err));
    }
    SOK_TRY(sok_folder_move(sok_format(arena, "%s%s", path, suffix), path, err));
    return sync_folder_of(arena, path, err);
}

enum sok_status sok_sqlite_file_commit(const char *path, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *moving = sok_format(arena, "%s" SOK_BACKUP_MOVING, path);
    SOK_TRY(sok_folder_move(moving, sok_format(arena, "%s" SOK_BACKUP_MOVED, path), err));
    return sync_folder_of(arena, path, err);
}

bool sok_sqlite_file_is_unsettled(const char *path)
{
    return sok_sqlite_file_is_there(path, SOK_BACKUP_MOVED) ||
           sok_sqlite_file_is_there(path, SOK_BACKUP_MOVING);
}

enum sok_status sok_sqlite_file_settle(const char *path, struct sok_error *err)
{
    sok_sqlite_file_drop(path, SOK_BACKUP_MOVING);
    return sok_sqlite_file_switch(path, SOK_BACKUP_MOVED, err);
}
