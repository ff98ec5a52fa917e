// The files of the data folder that a backup holds, and how those of a restore come into place.
//
// A restore writes into $DATA_DIR/restore.part. Renaming that to restore.ready is the moment from which the
// restored files count: sok_backup_files_settle moves everything to its place and can do so again after a
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

// Makes the folder, or empties it: the first time on a structure with .fd = -1.
SOK_MUST_CHECK enum sok_status sok_backup_staging_begin(
    struct sok_backup_staging *staging, struct sok_arena *arena, const char *data_dir, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_file(
    struct sok_backup_staging *staging, const char *path, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_bytes(
    struct sok_backup_staging *staging, const void *bytes, size_t len, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_staging_file_end(
    struct sok_backup_staging *staging, struct sok_error *err);
// The last of them: notes the database that they belong to. Then all is on the disk.
SOK_MUST_CHECK enum sok_status sok_backup_staging_end(
    struct sok_backup_staging *staging, const char *database, struct sok_error *err);
// Ends with the file being written, as after a failure.
void sok_backup_staging_close(struct sok_backup_staging *staging);

// What a restore has left.
enum sok_backup_files {
    SOK_BACKUP_FILES_NONE,
    SOK_BACKUP_FILES_PART,  // on their way
    SOK_BACKUP_FILES_READY, // they count, and are not all in their place
};
enum sok_backup_files sok_backup_files_state(const char *data_dir);
// What sok_backup_staging_end noted; NULL when that was not reached, or is undone. In the arena.
const char *sok_backup_files_database(struct sok_arena *arena, const char *data_dir);

// From here on the restored files count.
SOK_MUST_CHECK enum sok_status sok_backup_files_commit(const char *data_dir, struct sok_error *err);
// Moves what was committed to its place.
SOK_MUST_CHECK enum sok_status sok_backup_files_settle(const char *data_dir, struct sok_error *err);
// Removes what was not committed.
void sok_backup_files_drop(const char *data_dir);

#endif
