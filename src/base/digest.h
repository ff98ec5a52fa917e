// SHA-1, SHA-256 and HMAC-SHA-256 (OpenSSL's).
#ifndef SOK_BASE_DIGEST_H
#define SOK_BASE_DIGEST_H

#include <stddef.h>

#define SOK_SHA1_BYTES 20
#define SOK_SHA256_BYTES 32
#define SOK_SHA256_HEX (2 * SOK_SHA256_BYTES + 1)

// For protocols that are built on it (WebSocket's handshake, Redis's names of scripts), never for secrets.
void sok_sha1(const void *bytes, size_t len, unsigned char ret_digest[SOK_SHA1_BYTES]);

void sok_sha256(const void *bytes, size_t len, unsigned char ret_digest[SOK_SHA256_BYTES]);
void sok_sha256_hex(const void *bytes, size_t len, char ret_hex[SOK_SHA256_HEX]);
void sok_hmac_sha256(
    const void *key, size_t key_len, const void *bytes, size_t len, unsigned char ret_mac[SOK_SHA256_BYTES]);

// OpenSSL's version, "3.0.11".
const char *sok_digest_version(void);

#endif
