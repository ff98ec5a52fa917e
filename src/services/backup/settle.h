// What a restore or a move that was killed has left, brought to its end.
#ifndef SOK_SERVICES_BACKUP_SETTLE_H
#define SOK_SERVICES_BACKUP_SETTLE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/status.h"

// What a restore notes of its database before it counts (sok_backup_staging_end). restore_id: of its entry in
// the audit trail. SOK_IO when the database's folder is not to be found.
SOK_MUST_CHECK enum sok_status sok_backup_name_database(
    struct sok_arena *arena, const char *data_dir, const char *database_url, const char *restore_id,
    const char **ret, struct sok_error *err);

// As sok_backup_resume, and says whether a restore came to its end by it rather than was undone. Blocks.
SOK_MUST_CHECK enum sok_status sok_backup_end(
    const char *data_dir, const char *database_url, bool *ret_is_restored, struct sok_error *err);

// Takes the lock of the folder of a database of SQLite, unless it is one of the two that the caller has
// locked (held: NULL for none). Does not wait.
SOK_MUST_CHECK enum sok_status sok_backup_lock_beside(
    const char *path, const char *const held[2], int *ret_lock, struct sok_error *err);

#endif
