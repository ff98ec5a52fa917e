// From one database to another.
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "runtime/data_lock.h"
#include "services/backup/copy.h"
#include "services/backup/files.h"
#include "services/backup/settle.h"
#include "services/backup/sqlite_file.h"

struct moving {
    struct sok_arena *arena;
    struct sok_db *from;
    int64_t now_ms;
};

static enum sok_status send_database(void *context, const struct sok_backup_sink *sink, struct sok_error *err)
{
    struct moving *moving = context;
    struct sok_backup_report sent = {0};
    struct sok_backup_dump dump = {
        .arena = moving->arena, .version = "", .now_ms = moving->now_ms, .sink = sink, .report = &sent};
    return sok_backup_dump(moving->from, &dump, err);
}

static enum sok_status move_rows(
    struct moving *moving, const char *to_url, bool force, struct sok_backup_report *report,
    struct sok_error *err)
{
    struct sok_backup_load load = {
        .arena = moving->arena,
        .url = to_url,
        .suffix = SOK_BACKUP_MOVING,
        .force = force,
        .now_ms = moving->now_ms,
        .run = send_database,
        .context = moving,
        .report = report,
    };
    SOK_TRY(sok_backup_load(&load, err));
    const char *path = sok_backup_sqlite_path(to_url);
    if (!path)
        return SOK_OK;
    SOK_TRY(sok_sqlite_file_commit(path, err));
    return sok_sqlite_file_settle(path, err);
}

static bool is_same(const char *from_url, const char *to_url)
{
    struct stat from, to;
    const char *from_path = sok_backup_sqlite_path(from_url), *to_path = sok_backup_sqlite_path(to_url);
    if (from_path && to_path && stat(from_path, &from) == 0 && stat(to_path, &to) == 0)
        return from.st_dev == to.st_dev && from.st_ino == to.st_ino;
    return strcmp(from_url, to_url) == 0;
}

// A process that has the database open otherwise than by PostgreSQL shows by its lock alone. What a move into
// the file has left is ended; what a restore has left is ended by who knows its settings.
static enum sok_status take_file(
    struct sok_arena *arena, const char *url, const char *const held[2], int *ret_lock, struct sok_error *err)
{
    const char *path = sok_backup_sqlite_path(url);
    if (!path)
        return SOK_OK;
    SOK_TRY(sok_backup_lock_beside(path, held, ret_lock, err));
    const char *folder = dirname(sok_strdup(arena, path));
    if (sok_backup_files_state(folder) != SOK_BACKUP_FILES_NONE)
        return sok_fail(
            err, SOK_CONFLICT, "%s has what an interrupted restore left: start Sokoul there once", folder);
    return sok_sqlite_file_settle(path, err);
}

enum sok_status sok_backup_move(
    struct sok_arena *arena, const char *data_dir, const char *from_url, const char *to_url, bool force,
    int64_t now_ms, struct sok_backup_report *ret, struct sok_error *err)
{
    SOK_DATA_LOCK_AUTO lock = -1, from_lock = -1, to_lock = -1;
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *from = NULL;
    struct sok_backup_report report;
    const char *from_path = sok_backup_sqlite_path(from_url);
    const char *held[2] = {data_dir, NULL};
    if (is_same(from_url, to_url))
        return sok_fail(err, SOK_CONFLICT, "both are the same database");
    SOK_TRY(sok_data_lock(data_dir, &lock, err));
    SOK_TRY(take_file(arena, from_url, held, &from_lock, err));
    held[1] = from_path ? dirname(sok_strdup(arena, from_path)) : NULL;
    SOK_TRY(take_file(arena, to_url, held, &to_lock, err));
    SOK_TRY(sok_backup_open_source(from_url, &from, err));
    SOK_TRY(sok_backup_wait_quiet(from, err));
    struct moving moving = {arena, from, now_ms};
    SOK_TRY(move_rows(&moving, to_url, force, &report, err));
    *ret = report;
    return SOK_OK;
}
