// Brings the schema to the version this program was built with, and says which versions are applied.
#ifndef SOK_DATA_MIGRATE_H
#define SOK_DATA_MIGRATE_H

#include "backends/db/db.h"

struct sok_migration_state {
    int64_t version;
    const char *name;
    int64_t applied_at; // 0: not yet
};

// Applies what is missing, in order, each in its own transaction; two processes at once wait for each other.
// Before the first one runs on a database that holds data, a snapshot is written beside it (snapshot_dir,
// NULL: none) as before-<version>-<time>.db. SOK_CONFLICT when the database is newer than the program.
// *ret_applied: how many ran. Blocks.
SOK_MUST_CHECK enum sok_status sok_migrate(
    struct sok_db *db, const char *snapshot_dir, int64_t now_ms, int64_t *ret_applied, struct sok_error *err);

// The newest version that this program knows.
int64_t sok_migrate_newest(void);

// The version that the database has, 0 for one without a schema of ours. Changes nothing.
SOK_MUST_CHECK enum sok_status sok_migrate_present(
    struct sok_db_tx *tx, int64_t *ret_version, struct sok_error *err);

// What is missing up to `version`, inside a write transaction of the caller's: for a database that is made
// anew.
SOK_MUST_CHECK enum sok_status sok_migrate_within(
    struct sok_db_tx *tx, int64_t version, int64_t now_ms, struct sok_error *err);

// All known versions in order, also those of a newer program that the database holds (name from the
// database).
SOK_MUST_CHECK enum sok_status sok_migrate_status(
    struct sok_db *db, struct sok_arena *arena, struct sok_migration_state **ret, size_t *ret_count,
    struct sok_error *err);

#endif
