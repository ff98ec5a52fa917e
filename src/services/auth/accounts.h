// Accounts: making one, checking a password, changing what belongs to it. What the API and the command line
// share.
#ifndef SOK_SERVICES_AUTH_ACCOUNTS_H
#define SOK_SERVICES_AUTH_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/db/db.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "data/users.h"
#include "runtime/clock.h"

struct sok_accounts { // borrowed parts; lives on the stack or in sok_auth
    struct sok_db *db;
    const struct sok_clock *clock;
    const char *data_dir; // for the setup token
    int64_t bcrypt_cost;
};

struct sok_new_account {
    const char *username; // 3-32 of [A-Za-z0-9_.-]
    const char *email;
    const char *password;
    const char *role;        // "user", "moderator", "admin"; NULL: "user"
    const char *setup_token; // NULL: none; the right one makes an admin
};

// Notes each wrong field, of a new account and of a change (NULL: stays), beside what err has noted.
void sok_accounts_check(const struct sok_new_account *account, struct sok_error *err);
void sok_accounts_check_change(const char *username, const char *email, struct sok_error *err);

// Checks every field, hashes and inserts. SOK_INVALID names each wrong field; SOK_CONFLICT (code
// "username_taken" or "email_taken"; compared without case); SOK_DENIED (code "setup_token_invalid"). Blocks
// for a bcrypt: slow lane.
SOK_MUST_CHECK enum sok_status sok_accounts_create(
    const struct sok_accounts *accounts, struct sok_arena *arena, const struct sok_new_account *account,
    struct sok_user *ret, struct sok_error *err);

// The user whose name (or email) and password these are. SOK_UNAUTHENTICATED (code "bad_credentials") alike
// and after the same time for an unknown name, a wrong password and a disabled account. A hash of another
// cost is made anew. Blocks for a bcrypt.
SOK_MUST_CHECK enum sok_status sok_accounts_login(
    const struct sok_accounts *accounts, struct sok_arena *arena, const char *login, const char *password,
    struct sok_user *ret, struct sok_error *err);

// Sets a new password; `old_password` is checked unless NULL (the operator). SOK_INVALID names each
// wrong field. Ending the sessions is the caller's. Blocks for up to two bcrypts.
SOK_MUST_CHECK enum sok_status sok_accounts_set_password(
    const struct sok_accounts *accounts, const char *user_id, const char *old_password,
    const char *new_password, struct sok_error *err);

// Changes user name and email (NULL: stays) of the row as it was read. SOK_INVALID, SOK_CONFLICT (code
// "username_taken" or "email_taken"), SOK_PRECONDITION: it has changed since. What is cached of the user is
// the caller's to forget.
SOK_MUST_CHECK enum sok_status sok_accounts_update(
    const struct sok_accounts *accounts, struct sok_arena *arena, const struct sok_user *user,
    const char *username, const char *email, struct sok_user *ret, struct sok_error *err);

#endif
