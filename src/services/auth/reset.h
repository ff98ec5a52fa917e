// A forgotten password: a token that goes out by mail and is good for one new password.
//
// The token is 256 random bits, kept as a SHA-256, good for an hour and once; asking again makes the older
// ones worthless. Using it ends all sessions. API keys stay, as they do elsewhere: a script need not stop
// because somebody forgot a password; whoever fears that the account was in other hands has them deleted with
// it.
#ifndef SOK_SERVICES_AUTH_RESET_H
#define SOK_SERVICES_AUTH_RESET_H

#include "services/auth/auth.h"

#define SOK_RESET_TTL_MS ((int64_t)3600 * 1000)
#define SOK_RESET_TOKEN_SIZE 45 // room for 43 characters
#define SOK_RESETS_PER_HOUR 3   // mails to one account: nobody's mailbox is to be filled by strangers

// Makes a token for the active account with this mail address. SOK_NOT_FOUND: there is none (the caller says
// nothing of it to whoever asked), SOK_LIMITED: it had enough mails. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_reset_start(
    struct sok_auth *auth, struct sok_arena *arena, const char *email, struct sok_user *ret_user,
    char ret_token[SOK_RESET_TOKEN_SIZE], struct sok_error *err);

// Notes what is wrong with the fields "token" (unknown, used or too old; NULL: not looked at) and "password",
// beside what err has noted: SOK_INVALID. Blocks on a read.
SOK_MUST_CHECK enum sok_status sok_reset_check(
    struct sok_auth *auth, struct sok_arena *arena, const char *token, const char *password,
    struct sok_error *err);

// Sets the password and ends all sessions; with `end_keys` deletes the API keys as well. SOK_INVALID as
// sok_reset_check; a wrong password leaves the token good. Blocks for a bcrypt: hash lane.
SOK_MUST_CHECK enum sok_status sok_reset_finish(
    struct sok_auth *auth, struct sok_arena *arena, const char *token, const char *password, bool end_keys,
    struct sok_user *ret_user, struct sok_error *err);

#endif
