// What sessions.c and api_keys.c share: the cache of both, and the events that empty it everywhere.
#ifndef SOK_SERVICES_AUTH_SESSIONS_PRIVATE_H
#define SOK_SERVICES_AUTH_SESSIONS_PRIVATE_H

#include "services/auth/sessions.h"

struct sok_sessions {
    struct sok_sessions_options parts;
    struct sok_live *live;
};

// SOK_UNAUTHENTICATED with this code.
enum sok_status sok_auth_refuse(struct sok_error *err, const char *code, const char *why);

// Fills an entry for the user a session or key belongs to. SOK_UNAUTHENTICATED (code "session_ended") when
// the user is gone or disabled.
SOK_MUST_CHECK enum sok_status sok_auth_load_user(
    struct sok_db_tx *reader, const char *user_id, struct sok_live_session *ret, struct sok_error *err);

// The entry as a principal. SOK_UNAUTHENTICATED when it has expired.
SOK_MUST_CHECK enum sok_status sok_auth_principal(
    struct sok_sessions *sessions, struct sok_arena *arena, const struct sok_live_session *live,
    struct sok_principal *ret, struct sok_error *err);

// Reads an API key by its id, or (id NULL) by its hash. SOK_NOT_FOUND also when it has expired.
SOK_MUST_CHECK enum sok_status sok_auth_load_key(
    struct sok_sessions *sessions, const char *id, const char *key_hash, struct sok_live_session *ret,
    struct sok_error *err);

// Ends what is bound to this session or key, here and everywhere.
void sok_auth_forget_login(struct sok_sessions *sessions, const char *user_id, const char *id);

// The same for all of a user's sessions and keys.
void sok_auth_forget_logins(struct sok_sessions *sessions, const char *user_id);

#endif
