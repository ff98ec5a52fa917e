// A restore is complete in $DATA_DIR/restore.part, and has noted there which database it belongs to, before
// anything counts. Then:
//
// - SQLite: the new database lies beside the old one, and the renaming of that folder to restore.ready is the
//   moment. A folder that has still its first name is undone, with the database beside.
// - PostgreSQL: the commit is the moment. Its transaction wrote the restore's id into the audit trail, so the
//   database itself tells on which side of it a kill was, once the transaction is surely over.
//
// A move into SQLite has one file, and the moment is when that is renamed (sqlite_file.h).
#include "services/backup/settle.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "data/audit.h"
#include "data/migrate.h"
#include "runtime/data_lock.h"
#include "services/backup/backup.h"
#include "services/backup/files.h"
#include "services/backup/sqlite_file.h"

#define ANSWER_MS 60000 // for a transaction to be over
#define SQLITE "sqlite "
#define POSTGRESQL "postgresql "

static bool is_same_folder(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

// One inside the data folder by its name alone: that folder may be moved meanwhile.
enum sok_status sok_backup_name_database(
    struct sok_arena *arena, const char *data_dir, const char *database_url, const char *restore_id,
    const char **ret, struct sok_error *err)
{
    char found[PATH_MAX];
    const char *path = sok_backup_sqlite_path(database_url);
    if (!path) {
        *ret = sok_format(arena, POSTGRESQL "%s", restore_id);
        return SOK_OK;
    }
    const char *folder = dirname(sok_strdup(arena, path)), *name = basename(sok_strdup(arena, path));
    if (is_same_folder(folder, data_dir))
        *ret = sok_format(arena, SQLITE "%s", name);
    else if (realpath(folder, found))
        *ret = sok_format(arena, SQLITE "%s/%s", found, name);
    else
        return sok_fail_errno(err, SOK_IO, errno, "cannot find the folder %s", folder);
    return SOK_OK;
}

// The path of the database of SQLite that was noted, or NULL.
static const char *noted_path(struct sok_arena *arena, const char *data_dir, const char *noted)
{
    if (!noted || !sok_text_starts(noted, SQLITE))
        return NULL;
    const char *path = noted + strlen(SQLITE);
    return path[0] == '/' ? path : sok_format(arena, "%s/%s", data_dir, path);
}

// --- Which side of the commit.

static enum sok_status wait_for_its_end(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_tables_claim(tx, err);
}

static enum sok_status ask(const char *url, const char *restore_id, bool *ret, struct sok_error *err)
{
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *db = NULL;
    int64_t schema;
    if (sok_backup_sqlite_path(url))
        return sok_fail(
            err, SOK_CONFLICT,
            "a restore to PostgreSQL was interrupted: start once with its SOKOUL_DATABASE_URL, or remove "
            "restore.part from the data folder");
    const struct sok_db_options options = {.url = url, .pool_min = 1, .pool_max = 1, .query_ms = ANSWER_MS};
    SOK_TRY(sok_db_open_with(&options, &db, err));
    // A transaction of its own: what the next statements see must be later than what it waited for.
    SOK_TRY(sok_db_write(db, wait_for_its_end, NULL, err));
    SOK_TRY(sok_migrate_present(sok_db_reader(db), &schema, err));
    *ret = false;
    return schema ? sok_audit_has(sok_db_reader(db), restore_id, ret, err) : SOK_OK;
}

// --- To its end.

static void undo(struct sok_arena *arena, const char *data_dir, const char *noted, const char *path)
{
    const char *made = noted ? noted_path(arena, data_dir, noted) : path;
    if (made)
        sok_sqlite_file_drop(made, SOK_BACKUP_RESTORED);
    sok_backup_files_drop(data_dir);
}

static enum sok_status end_restore(
    const char *data_dir, const char *url, bool *ret_is_restored, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    enum sok_backup_files state = sok_backup_files_state(data_dir);
    const char *noted = sok_backup_files_database(arena, data_dir);
    bool counts = state == SOK_BACKUP_FILES_READY;
    *ret_is_restored = false;
    if (state == SOK_BACKUP_FILES_PART) {
        if (noted && sok_text_starts(noted, POSTGRESQL))
            SOK_TRY(ask(url, noted + strlen(POSTGRESQL), &counts, err));
        if (counts)
            SOK_TRY(sok_backup_files_commit(data_dir, err));
        else
            undo(arena, data_dir, noted, sok_backup_sqlite_path(url));
    }
    if (!counts)
        return SOK_OK;
    // Where nothing is noted any more, a run before this one was removing what was left.
    const char *path = noted_path(arena, data_dir, noted);
    if (path)
        SOK_TRY(sok_sqlite_file_switch(path, SOK_BACKUP_RESTORED, err));
    SOK_TRY(sok_backup_files_settle(data_dir, err));
    *ret_is_restored = true;
    return SOK_OK;
}

enum sok_status sok_backup_lock_beside(
    const char *path, const char *const held[2], int *ret_lock, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct stat info;
    const char *folder = dirname(sok_strdup(arena, path));
    if (stat(folder, &info) != 0)
        return SOK_OK;
    for (size_t i = 0; i < 2; i++)
        if (held[i] && is_same_folder(folder, held[i]))
            return SOK_OK;
    return sok_data_lock(folder, ret_lock, err);
}

enum sok_status sok_backup_end(
    const char *data_dir, const char *database_url, bool *ret_is_restored, struct sok_error *err)
{
    SOK_DATA_LOCK_AUTO lock = -1;
    const char *path = sok_backup_sqlite_path(database_url);
    const char *const held[2] = {data_dir, NULL};
    SOK_TRY(end_restore(data_dir, database_url, ret_is_restored, err));
    if (sok_backup_files_state(data_dir) != SOK_BACKUP_FILES_NONE) // somebody else's: root's, perhaps
        return sok_fail(
            err, SOK_IO,
            "what an interrupted restore has left in %s cannot be removed: remove it as its owner", data_dir);
    if (!path || !sok_sqlite_file_is_unsettled(path))
        return SOK_OK;
    SOK_TRY(sok_backup_lock_beside(path, held, &lock, err));
    return sok_sqlite_file_settle(path, err);
}

bool sok_backup_is_unsettled(const char *data_dir, const char *database_url)
{
    const char *path = sok_backup_sqlite_path(database_url);
    return sok_backup_files_state(data_dir) != SOK_BACKUP_FILES_NONE ||
           (path && sok_sqlite_file_is_unsettled(path));
}

enum sok_status sok_backup_resume(const char *data_dir, const char *database_url, struct sok_error *err)
{
    bool unused;
    return sok_backup_end(data_dir, database_url, &unused, err);
}

enum sok_status sok_backup_settle(const char *data_dir, const char *database_url, struct sok_error *err)
{
    SOK_DATA_LOCK_AUTO lock = -1;
    if (!sok_backup_is_unsettled(data_dir, database_url))
        return SOK_OK;
    SOK_TRY(sok_data_lock(data_dir, &lock, err));
    return sok_backup_resume(data_dir, database_url, err);
}
