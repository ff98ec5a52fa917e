// For tests and fuzzing: tokens no server would make, with any header and claims, signed properly or not at
// all.
#ifndef SOK_SERVICES_AUTH_JWT_FORGE_H
#define SOK_SERVICES_AUTH_JWT_FORGE_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/status.h"
#include "services/auth/keys.h"

enum sok_forge {
    SOK_FORGE_RS256,
    SOK_FORGE_PS256,
    SOK_FORGE_HS256_PUBLIC_PEM,
    SOK_FORGE_EMPTY,
    SOK_FORGE_GARBAGE
};

static inline const char *sok_forge_base64(struct sok_arena *arena, const void *bytes, size_t len)
{
    char *text = sok_alloc(arena, sok_base64_size(len));
    sok_base64url_encode(bytes, len, text);
    return text;
}

static inline const char *sok_forge_rsa(
    struct sok_arena *arena, const char *signed_text, const char *private_pem, bool pss)
{
    unsigned char signature[1024];
    size_t len = sizeof(signature);
    BIO *bio = BIO_new_mem_buf(private_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    if (!key || !EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, key) ||
        (pss && EVP_PKEY_CTX_set_rsa_padding(ctx, 6 /* PSS */) <= 0) ||
        !EVP_DigestSign(md, signature, &len, (const unsigned char *)signed_text, strlen(signed_text)))
        sok_panic("cannot sign");
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return sok_forge_base64(arena, signature, len);
}

// header.claims.signature; both parts are taken as they are, JSON or not.
static inline const char *sok_forge_token(
    struct sok_arena *arena, const char *header, const char *claims, const struct sok_signing_key *key,
    enum sok_forge how)
{
    const char *head = sok_forge_base64(arena, header, strlen(header));
    const char *text = sok_format(arena, "%s.%s", head, sok_forge_base64(arena, claims, strlen(claims)));
    const char *signature = "";
    unsigned char mac[32] = {1, 2, 3};
    unsigned mac_len = 0;
    if (how == SOK_FORGE_HS256_PUBLIC_PEM)
        HMAC(
            EVP_sha256(), key->public_pem, (int)strlen(key->public_pem), (const unsigned char *)text,
            strlen(text), mac, &mac_len);
    if (how == SOK_FORGE_HS256_PUBLIC_PEM || how == SOK_FORGE_GARBAGE)
        signature = sok_forge_base64(arena, mac, sizeof(mac));
    else if (how != SOK_FORGE_EMPTY)
        signature = sok_forge_rsa(arena, text, key->private_pem, how == SOK_FORGE_PS256);
    return sok_format(arena, "%s.%s", text, signature);
}

#endif
