// What a command uses of the program without a running server: the configuration, the database and the key
// files of the data folder. Whoever may read that folder is the operator.
#ifndef SOK_CLI_LOCAL_H
#define SOK_CLI_LOCAL_H

#include "backends/db/db.h"
#include "base/arena.h"
#include "base/status.h"
#include "data/users.h"
#include "runtime/config.h"
#include "services/auth/auth.h"

struct sok_local {
    struct sok_arena *arena;
    struct sok_config config;
    struct sok_db *db;
    struct sok_auth *auth; // without cache and queue
};

// Loads the configuration alone; every wrong setting goes to standard error. Blocks.
SOK_MUST_CHECK enum sok_status sok_local_config(
    struct sok_arena *arena, struct sok_config *ret, struct sok_error *err);

// Loads the configuration (every wrong setting goes to standard error), opens and migrates the database. A
// server may be running. Pair with sok_local_close also after a failure. Blocks.
SOK_MUST_CHECK enum sok_status sok_local_open(struct sok_local *ret, struct sok_error *err);
void sok_local_close(struct sok_local *local);

// The account with this name; NULL: the first active admin. SOK_NOT_FOUND says what to do.
SOK_MUST_CHECK enum sok_status sok_local_user(
    struct sok_local *local, const char *name, struct sok_user *ret, struct sok_error *err);

// Writes into the audit trail what was done, as the API does (docs/guide/audit.md): by nobody who signed in,
// from no address. new_value: JSON without secrets, or NULL.
SOK_MUST_CHECK enum sok_status sok_local_audit(
    struct sok_local *local, const char *action, const char *resource, const char *resource_id,
    const char *new_value, struct sok_error *err);

#define SOK_LOCAL_AUTO SOK_CLEANUP(sok_local_close) struct sok_local

#endif
