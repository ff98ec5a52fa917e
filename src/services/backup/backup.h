// Backups: the database, the keys and the other files that the data folder alone has, in one encrypted file;
// and a database moved to another engine. docs/guide/backup.md says what is in it.
#ifndef SOK_SERVICES_BACKUP_BACKUP_H
#define SOK_SERVICES_BACKUP_BACKUP_H

#include "data/tables.h"

#define SOK_PASSPHRASE_MIN 8

// What was done, for who asked. In the arena that the call was given.
struct sok_backup_report {
    const char *version, *engine; // what wrote it: the program's version, the database's dialect
    int64_t schema;               // of the source
    int64_t at_ms;                // of the moment that it shows
    int64_t files, rows, bytes;   // bytes: of the file
    size_t table_count;
    struct {
        const char *name;
        int64_t rows;
    } tables[SOK_TABLES_MAX];
};

// Where everything is. Text is borrowed.
struct sok_backup_place {
    const char *data_dir;
    const char *database_url;
    const char *config_file; // its content travels along; NULL: none
    const char *version;     // the program's
    int64_t now_ms;
};

// Writes everything as it is at one moment into the file `path`, while servers may run and write. The file
// has mode 0600 and appears, or takes the place of an older one, when it is whole and on the disk.
// SOK_INVALID for a passphrase shorter than SOK_PASSPHRASE_MIN, SOK_NOT_FOUND where there is no database,
// SOK_IO, SOK_NO_SPACE. Blocks; memory does not grow with the database.
SOK_MUST_CHECK enum sok_status sok_backup_write(
    struct sok_arena *arena, const struct sok_backup_place *place, const char *path, const char *passphrase,
    struct sok_backup_report *ret, struct sok_error *err);

// Brings back what the file holds, and its schema up to date. Nothing is changed before all of it was read
// and found good. What was there before is kept: the folders in $DATA_DIR/before-restore, a file of SQLite
// beside the new one with ".before-restore" behind its name (PostgreSQL: gone with the transaction).
// SOK_CONFLICT when there is something already and not `force`, when a server runs, or for a backup of a
// newer schema; SOK_DENIED for another passphrase; SOK_INVALID for damage; SOK_UNSUPPORTED. Blocks.
SOK_MUST_CHECK enum sok_status sok_backup_restore(
    struct sok_arena *arena, const struct sok_backup_place *place, const char *path, const char *passphrase,
    bool force, struct sok_backup_report *ret, struct sok_error *err);

// Whether a restore or a move was killed, and what ends it: what it had made counts or is removed, as if it
// had been let to its end or never been begun. Before anything of the data folder is used. sok_backup_resume
// is for who holds the folder's lock, sok_backup_settle takes it if it is needed. SOK_CONFLICT when something
// runs there (the killed one, after all), or the database has to be asked and is another one now. Both block.
bool sok_backup_is_unsettled(const char *data_dir, const char *database_url);
SOK_MUST_CHECK enum sok_status sok_backup_resume(
    const char *data_dir, const char *database_url, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_backup_settle(
    const char *data_dir, const char *database_url, struct sok_error *err);

// Copies every row of one database into another, which is made anew: in one transaction, ids and times as
// they are, the schema brought up to date. SOK_CONFLICT when `to` holds something and not `force`, when a
// server runs on either, or when both are the same. An SQLite file that was there is kept as by a restore.
// data_dir: whose server must not run, and which is settled (sok_backup_settle). Blocks.
SOK_MUST_CHECK enum sok_status sok_backup_move(
    struct sok_arena *arena, const char *data_dir, const char *from_url, const char *to_url, bool force,
    int64_t now_ms, struct sok_backup_report *ret, struct sok_error *err);

#endif
