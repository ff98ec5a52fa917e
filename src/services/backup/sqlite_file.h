// The file of an SQLite database that is made anew: beside the old one, which it replaces when it is whole.
#ifndef SOK_SERVICES_BACKUP_SQLITE_FILE_H
#define SOK_SERVICES_BACKUP_SQLITE_FILE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/status.h"

// What lies beside a database, by the end of its name.
#define SOK_BACKUP_RESTORED ".restored" // a restore writes it; whole when $DATA_DIR/restore.ready is there
#define SOK_BACKUP_MOVING ".moving"     // migrate-data writes it
#define SOK_BACKUP_MOVED ".moved"       // whole: it counts, and is to take the database's place
#define SOK_BACKUP_BEFORE ".before-restore"

// The path of an SQLite URL, NULL for another.
const char *sok_backup_sqlite_path(const char *url);

bool sok_sqlite_file_is_there(const char *path, const char *suffix);

// Puts the new file in the place of the old one, which is kept. Nothing is done where there is no new one, so
// that it can be done again after a kill anywhere. Nobody may have the old one open.
SOK_MUST_CHECK enum sok_status sok_sqlite_file_switch(
    const char *path, const char *suffix, struct sok_error *err);
// Removes a new file that is not wanted.
void sok_sqlite_file_drop(const char *path, const char *suffix);

// From here on the file of a move counts; sok_sqlite_file_settle puts it into place.
SOK_MUST_CHECK enum sok_status sok_sqlite_file_commit(const char *path, struct sok_error *err);
// Whether a move was killed, and what ends it: the new file takes its place, or goes where it is not whole.
bool sok_sqlite_file_is_unsettled(const char *path);
SOK_MUST_CHECK enum sok_status sok_sqlite_file_settle(const char *path, struct sok_error *err);

#endif
