// The sessions and API keys this process knows to be good, so that a request costs no database read. Bounded,
// oldest use out first; an entry counts for SOK_LIVE_TTL_MS.
#ifndef SOK_SERVICES_AUTH_LIVE_H
#define SOK_SERVICES_AUTH_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/rand.h"

#define SOK_LIVE_MAX 20000
#define SOK_LIVE_TTL_MS 5000
#define SOK_USERNAME_MAX 32

struct sok_live_session {
    char session_id[SOK_UUID_LEN + 1]; // or the API key's id
    char user_id[SOK_UUID_LEN + 1];
    char key_hash[SOK_SHA256_HEX]; // of an API key; "" for a session
    char username[SOK_USERNAME_MAX + 1];
    int role; // as sok_principal's
    int64_t expires_at;
};

struct sok_live;

struct sok_live *sok_live_new(void);
struct sok_live *sok_live_free(struct sok_live *live);

// False when it is not known or the entry is too old. Any thread, as all of these.
bool sok_live_get(
    struct sok_live *live, const char *session_id, int64_t mono_ms, struct sok_live_session *ret);

// The same for an API key, by the hash of its text.
bool sok_live_get_key(
    struct sok_live *live, const char *key_hash, int64_t mono_ms, struct sok_live_session *ret);

// What the database says now may be stale by the time it is put here: take the generation before asking; the
// entry is only kept if nothing was dropped meanwhile.
uint64_t sok_live_generation(struct sok_live *live);
void sok_live_put(
    struct sok_live *live, uint64_t generation, const struct sok_live_session *session, int64_t mono_ms);

void sok_live_drop(struct sok_live *live, const char *session_id);
// All of a user's but `keep_session_id` (NULL: all).
void sok_live_drop_user(struct sok_live *live, const char *user_id, const char *keep_session_id);

#endif
