// The RSA keys that sign tokens: made at first start, kept in files, found by their key id.
//
// They lie in $DATA_DIR/keys (mode 0700) as signing-<created ms>.pem (mode 0600). The newest one signs, every
// one of them verifies: dropping a new file there and restarting rotates the key without signing anybody out.
// A key id is the key's RFC 7638 thumbprint, so it cannot be chosen by whoever writes a token.
#ifndef SOK_SERVICES_AUTH_KEYS_H
#define SOK_SERVICES_AUTH_KEYS_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "runtime/clock.h"

#define SOK_KEYS_MAX 8    // files in the folder; more are a configuration mistake
#define SOK_KEY_BITS 2048 // of new keys, and the least an existing one may have
#define SOK_KEY_ID_LEN 43 // base64url of SHA-256

struct sok_keys;

struct sok_signing_key {
    char id[SOK_KEY_ID_LEN + 1];
    const char *public_pem, *private_pem; // NUL-terminated; owned by the table
};

// Reads $DATA_DIR/keys, making the folder and the first key when there is none (atomic and under a lock: two
// processes starting together end up with one key). SOK_IO when the folder cannot be used, SOK_INVALID when a
// file is readable by others, is no RSA key or a short one; the message names the file. Blocks (making a key
// takes about a tenth of a second). Owned by the caller; read-only afterwards, so any thread may use it.
SOK_MUST_CHECK enum sok_status sok_keys_open(
    const char *data_dir, const struct sok_clock *clock, struct sok_keys **ret, struct sok_error *err);

// Wipes the private keys. NULL is fine. Returns NULL.
struct sok_keys *sok_keys_close(struct sok_keys *keys);

// The key that signs: the newest.
const struct sok_signing_key *sok_keys_signer(const struct sok_keys *keys);

// The key of this id, or NULL. Nothing else ever decides which key verifies a token.
const struct sok_signing_key *sok_keys_find(const struct sok_keys *keys, const char *id);

// The JSON Web Key Set of all public keys (RFC 7517): {"keys":[{kty,use,alg,kid,n,e}]}. The caller's
// reference.
json_t *sok_keys_jwks(const struct sok_keys *keys);

SOK_DEFINE_CLEANUP(struct sok_keys, sok_keys_cleanup, sok_keys_close)

#endif
