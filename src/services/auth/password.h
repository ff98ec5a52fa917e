// Passwords as bcrypt hashes ($2b$, through libcrypt).
#ifndef SOK_SERVICES_AUTH_PASSWORD_H
#define SOK_SERVICES_AUTH_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define SOK_PASSWORD_MIN 8        // characters
#define SOK_PASSWORD_MAX_BYTES 72 // bcrypt ignores what comes after, so longer ones are refused
#define SOK_PASSWORD_HASH_SIZE 64 // "$2b$12$..." and the NUL

// Notes a field error under `field` and returns SOK_INVALID when the length is out of range, it is not UTF-8
// or all one character. Instant.
SOK_MUST_CHECK enum sok_status sok_password_check(
    const char *field, const char *password, struct sok_error *err);

// Hashes with a fresh salt; cost 10-15 (4-15 for tests). Blocks for about 0.4 s of a core at cost 12: slow
// lane only. SOK_INVALID for a length out of range, SOK_INTERNAL when the library refuses.
SOK_MUST_CHECK enum sok_status sok_password_hash(
    const char *password, int64_t cost, char ret_hash[SOK_PASSWORD_HASH_SIZE], struct sok_error *err);

// Whether the password belongs to the hash. `hash` NULL (there is no such user) computes a decoy hash of the
// given cost and says false, so that both take the same time. Blocks like sok_password_hash.
bool sok_password_verify(const char *password, const char *hash, int64_t cost);

// Whether a hash was made with another cost and should be made again at the next login. Instant.
bool sok_password_is_outdated(const char *hash, int64_t cost);

#endif
