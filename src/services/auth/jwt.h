// Access and refresh tokens as JSON Web Tokens (RFC 7519), signed with RS256 and nothing else (RFC 8725).
//
// The header names the algorithm and the key id, and both are only ever compared with our own: "none", HMAC
// with the public key, other curves, embedded or linked keys (jwk, jku, x5u, x5c) and `crit` are refused
// before any signature is looked at.
#ifndef SOK_SERVICES_AUTH_JWT_H
#define SOK_SERVICES_AUTH_JWT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/rand.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "services/auth/keys.h"

#define SOK_TOKEN_MAX_BYTES 2048
#define SOK_TOKEN_ISSUER "sokoul"
#define SOK_TOKEN_AUDIENCE "sokoul-api"
#define SOK_TOKEN_LEEWAY_MS 30000 // between the clocks of two machines, for `nbf` and `iat` only

enum sok_token_type { SOK_TOKEN_ACCESS, SOK_TOKEN_REFRESH }; // claim "typ": "access", "refresh"

struct sok_claims {
    enum sok_token_type type;
    char user_id[SOK_UUID_LEN + 1];    // "sub"
    char session_id[SOK_UUID_LEN + 1]; // "sid"
    char token_id[SOK_UUID_LEN + 1];   // "jti"
    int64_t issued_at, expires_at;     // "iat" (and "nbf"), "exp"; whole seconds as milliseconds
};

struct sok_jwt;

// `keys` and `clock` are borrowed and outlive it. Owned by the caller. Any thread.
struct sok_jwt *sok_jwt_new(const struct sok_keys *keys, const struct sok_clock *clock);
struct sok_jwt *sok_jwt_free(struct sok_jwt *jwt);

// Signs the claims with the newest key; `role` becomes the claim of that name for clients to read (the server
// never trusts it), NULL leaves it out. The token is text in the arena. Costs about a millisecond of a core.
SOK_MUST_CHECK enum sok_status sok_jwt_issue(
    struct sok_jwt *jwt, struct sok_arena *arena, const struct sok_claims *claims, const char *role,
    const char **ret_token, struct sok_error *err);

// Checks signature, issuer, audience, type, times and form. A token that was verified before costs one hash
// (the last 1,024 are remembered; their times are checked anew). SOK_UNAUTHENTICATED with code
// "token_expired" or "token_invalid"; the message never quotes the token. Says nothing about the session: see
// sessions.h.
SOK_MUST_CHECK enum sok_status sok_jwt_verify(
    struct sok_jwt *jwt, const char *token, enum sok_token_type type, struct sok_claims *ret,
    struct sok_error *err);

SOK_DEFINE_CLEANUP(struct sok_jwt, sok_jwt_cleanup, sok_jwt_free)

#endif
