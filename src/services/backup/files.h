// The files of the data folder that a backup holds, and how those of a restore come into place.
//
// A restore writes into $DATA_DIR/restore.part. Renaming that to restore.ready is the moment from which the
// restored state counts: sok_backup_files_settle moves everything to its place and can do so again after a
// kill anywhere.
#ifndef SOK_SERVICES_BACKUP_FILES_H
#define SOK_SERVICES_BACKUP_FILES_H

#include "services/backup/records.h"

// The number of files that are there: keys and pictures, not resume data.
SOK_MUST_CHECK enum sok_status sok_backup_files_count(
    const char *data_dir, int64_t *ret_count, struct sok_error *err);

// Hands every file to the sink. config_file may be NULL. One that goes away meanwhile is left out.
SOK_MUST_CHECK enum sok_status sok_backup_files_send(
    const char *data_dir, const char *config_file, const struct sok_backup_sink *sink, int64_t *ret_count,
    struct sok_error *err);

// Files on their way in.
struct sok_backup_staging {
    struct sok_arena *arena;
    const char *data_dir;
    const char *folder; // $DATA_DIR/restore.part
    int fd;             // of the file being written; -1
};

// Empties and makes the folder.
SOK_MUST_CHECK enum sok_status sok_backup_staging_begin(
    struct sok_backup_staging *staging, struct sok_arena *arena, const char *data_dir, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_file(
    struct sok_backup_staging *staging, const char *path, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_bytes(
    struct sok_backup_staging *staging, const void *bytes, size_t len, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_file_end(
    struct sok_backup_staging *staging, struct sok_error *err);
// From here on the restored files count.
SOK_MUST_CHECK enum sok_status sok_backup_staging_commit(
    struct sok_backup_staging *staging, struct sok_error *err);
// Removes what was not committed.
void sok_backup_staging_drop(struct sok_backup_staging *staging);

// Whether a restore was committed and not settled.
bool sok_backup_files_are_ready(const char *data_dir);
// Moves what was committed to its place. database_path: of an SQLite database, whose new file lies beside it
// (SOK_BACKUP_FRESH); NULL: none.
SOK_MUST_CHECK enum sok_status sok_backup_files_settle(
    const char *data_dir, const char *database_path, struct sok_error *err);

#define SOK_BACKUP_FRESH ".restored"
#define SOK_BACKUP_OLD ".before-restore"

// The path of an SQLite URL, NULL for another.
const char *sok_backup_sqlite_path(const char *url);
// Puts the new file of an SQLite database in the place of the old one, which is kept. Nothing is done where
// there is no new one. Nobody may have the old one open.
SOK_MUST_CHECK enum sok_status sok_backup_switch_database(const char *path, struct sok_error *err);
// Removes a new file that is not wanted.
void sok_backup_drop_database(const char *path);

#endif
