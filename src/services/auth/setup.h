// The setup token: how the first admin gets in. While there is no user, `serve` prints a link with it once;
// whoever registers with it becomes the admin. It works as long as there is no admin, and is gone once there
// is one.
#ifndef SOK_SERVICES_AUTH_SETUP_H
#define SOK_SERVICES_AUTH_SETUP_H

#include <stdbool.h>

#include "backends/db/db.h"
#include "base/arena.h"
#include "base/status.h"

// The token to print, or SOK_NOT_FOUND once a user exists. It is kept in $DATA_DIR/keys/setup-token (mode
// 0600), so that a restart before the first account leaves an already printed link good. Blocks.
SOK_MUST_CHECK enum sok_status sok_setup_token(
    struct sok_db *db, const char *data_dir, struct sok_arena *arena, const char **ret_token,
    struct sok_error *err);

// Whether this is the token (compared in constant time). False when there is none. Blocks on a small file.
bool sok_setup_matches(const char *data_dir, const char *token);

// Forgets the token: there is an admin now. A file that is not there is fine.
void sok_setup_done(const char *data_dir);

#endif
