// Keys for scripts: "sok_" and 43 random characters, shown once and kept as a SHA-256.
//
// A key acts as its user with the user's present role. It is looked up in the same cache as sessions
// (sessions.h) and bites like one: deleting it, disabling its user or changing the role counts from the next
// request on, and what was opened with it (stream URLs, tickets, WebSockets) ends with it.
#ifndef SOK_SERVICES_AUTH_API_KEYS_H
#define SOK_SERVICES_AUTH_API_KEYS_H

#include "data/api_keys.h"
#include "services/auth/sessions.h"

#define SOK_API_KEYS_MAX 50 // a user's
#define SOK_API_KEY_START "sok_"
#define SOK_API_KEY_LEN 47         // characters, 43 of them random: 256 bits
#define SOK_API_KEY_SIZE 49        // room for it
#define SOK_API_KEY_NAME_MAX 64    // characters
#define SOK_API_KEY_TOUCH_MS 60000 // last_used_at is at most this much behind

// Notes what is wrong with the fields "name" and "expires_at", beside what err has noted.
void sok_api_key_check(
    const struct sok_sessions *sessions, const char *name, int64_t expires_at, struct sok_error *err);

// Makes a key. `name` is trimmed by the caller; `expires_at` 0: never. SOK_INVALID names the field,
// SOK_CONFLICT (code "too_many_keys"). Blocks on a write. ret_key is the only time the text is seen.
SOK_MUST_CHECK enum sok_status sok_api_key_create(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *name,
    int64_t expires_at, struct sok_api_key *ret, char ret_key[SOK_API_KEY_SIZE], struct sok_error *err);

// Deletes a user's key; gives what it was. SOK_NOT_FOUND, also for another user's. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_api_key_delete(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *id,
    struct sok_api_key *ret, struct sok_error *err);

// All of a user's keys were deleted: ends what they opened, here and everywhere.
void sok_api_keys_forget(struct sok_sessions *sessions, const char *user_id);

// Who a key stands for, now; nearly always answered from the cache. SOK_UNAUTHENTICATED with code
// "api_key_invalid" (unknown, deleted, expired) or "session_ended" (its user is disabled). The principal has
// api_key_id and no session_id.
SOK_MUST_CHECK enum sok_status sok_api_key_authenticate(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *key, struct sok_principal *ret,
    struct sok_error *err);

#endif
