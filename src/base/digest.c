#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/encode.h"
#include "base/status.h"

void sok_sha1(const void *bytes, size_t len, unsigned char ret_digest[SOK_SHA1_BYTES])
{
    if (!EVP_Digest(bytes, len, ret_digest, NULL, EVP_sha1(), NULL))
        sok_panic("SHA-1 is not to be had from OpenSSL");
}

void sok_sha256(const void *bytes, size_t len, unsigned char ret_digest[SOK_SHA256_BYTES])
{
    if (!EVP_Digest(bytes, len, ret_digest, NULL, EVP_sha256(), NULL))
        sok_panic("SHA-256 is not to be had from OpenSSL");
}

void sok_sha256_hex(const void *bytes, size_t len, char ret_hex[SOK_SHA256_HEX])
{
    unsigned char digest[SOK_SHA256_BYTES];
    sok_sha256(bytes, len, digest);
    sok_hex_encode(digest, sizeof(digest), ret_hex);
}

void sok_hmac_sha256(
    const void *key, size_t key_len, const void *bytes, size_t len, unsigned char ret_mac[SOK_SHA256_BYTES])
{
    if (!HMAC(EVP_sha256(), key, (int)key_len, bytes, len, ret_mac, NULL))
        sok_panic("HMAC-SHA-256 is not to be had from OpenSSL");
}

const char *sok_digest_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}
