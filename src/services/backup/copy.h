// A database as records, and records as a database.
#ifndef SOK_SERVICES_BACKUP_COPY_H
#define SOK_SERVICES_BACKUP_COPY_H

#include "services/backup/backup.h"
#include "services/backup/records.h"

// Every table of a database as it is at one moment; `first` (may be NULL) is called between the sink's begin
// and the first table: for files. *report: tables, rows, schema, engine. SOK_NOT_FOUND for one without a
// schema of ours, SOK_CONFLICT for one of a newer schema. Blocks.
struct sok_backup_dump {
    struct sok_arena *arena;
    const char *version;
    int64_t now_ms;
    const struct sok_backup_sink *sink;
    enum sok_status (*first)(void *context, struct sok_error *err);
    void *context;
    struct sok_backup_report *report;
};
SOK_MUST_CHECK enum sok_status sok_backup_dump(
    struct sok_db *db, struct sok_backup_dump *dump, struct sok_error *err);

// A database made anew out of what `run` hands to the sink, in one transaction. Files go to `files`, whose
// functions and context are taken. SQLite: in a new file beside the one of the URL, which
// sok_sqlite_file_switch puts into place. SOK_CONFLICT when there is something already and not `force`, or
// the program has sessions on it, or for a newer schema; SOK_INVALID when the records are not those of their
// schema. `run` may be called again from the start. Blocks.
struct sok_backup_load {
    struct sok_arena *arena;
    const char *url;
    const char *suffix; // SQLite: of the new file (sqlite_file.h)
    bool force;
    int64_t now_ms;
    const struct sok_backup_sink *files; // may be NULL
    enum sok_status (*run)(void *context, const struct sok_backup_sink *sink, struct sok_error *err);
    void *context;
    // Runs last, inside the transaction; may be NULL.
    sok_db_body last;
    void *last_context;
    struct sok_backup_report *report;
};
SOK_MUST_CHECK enum sok_status sok_backup_load(struct sok_backup_load *load, struct sok_error *err);

// Opens a database to be read; one of SQLite that is not there is not made. SOK_NOT_FOUND. Blocks.
SOK_MUST_CHECK enum sok_status sok_backup_open_source(
    const char *url, struct sok_db **ret, struct sok_error *err);

// SOK_CONFLICT when the program still has other sessions on the database after five seconds. Blocks.
SOK_MUST_CHECK enum sok_status sok_backup_wait_quiet(struct sok_db *db, struct sok_error *err);

#endif
