#include "services/auth/secretbox.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "services/auth/keyfiles.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define KEY_FILE "secret.key"
#define PREFIX "v1."
#define URL_PURPOSE "torrent-url"

struct sok_secretbox {
    unsigned char key[KEY_BYTES];
};

static enum sok_status read_key(int dir, unsigned char ret_key[KEY_BYTES], struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *bytes = NULL;
    size_t len = 0;
    SOK_TRY(sok_keyfiles_read(dir, KEY_FILE, 128, arena, &bytes, &len, err));
    if (len != KEY_BYTES)
        return sok_fail(err, SOK_INVALID, "the key file " KEY_FILE " is not %d bytes long", KEY_BYTES);
    memcpy(ret_key, bytes, KEY_BYTES);
    sok_wipe((char *)bytes, len);
    return SOK_OK;
}

static enum sok_status read_or_make_key(int dir, unsigned char ret_key[KEY_BYTES], struct sok_error *err)
{
    enum sok_status status = read_key(dir, ret_key, err);
    if (status != SOK_NOT_FOUND)
        return status;
    unsigned char fresh[KEY_BYTES];
    sok_random_bytes(fresh, sizeof(fresh));
    status = sok_keyfiles_write(dir, KEY_FILE, fresh, sizeof(fresh), err);
    sok_wipe(fresh, sizeof(fresh));
    if (status != SOK_OK && status != SOK_CONFLICT) // somebody else was first: theirs counts
        return status;
    return read_key(dir, ret_key, err);
}

enum sok_status sok_secretbox_open(const char *data_dir, struct sok_secretbox **ret, struct sok_error *err)
{
    SOK_KEYFILES_AUTO dir = -1;
    SOK_TRY(sok_keyfiles_open(data_dir, &dir, err));
    struct sok_secretbox *box = calloc(1, sizeof(*box));
    if (!box)
        sok_panic("out of memory");
    enum sok_status status = read_or_make_key(dir, box->key, err);
    if (status != SOK_OK) {
        sok_secretbox_close(box);
        return status;
    }
    *ret = box;
    return SOK_OK;
}

struct sok_secretbox *sok_secretbox_close(struct sok_secretbox *box)
{
    if (!box)
        return NULL;
    sok_wipe(box->key, sizeof(box->key));
    free(box);
    return NULL;
}

static void free_cipher(EVP_CIPHER_CTX **held)
{
    EVP_CIPHER_CTX_free(*held);
}

// One pass of AES-256-GCM (NIST SP 800-38D) in either direction; the tag is written or checked. False when it
// does not hold.
static bool run_gcm(
    const struct sok_secretbox *box, bool encrypt, const unsigned char *nonce, const char *purpose,
    const unsigned char *in, size_t len, unsigned char *out, unsigned char *tag)
{
    SOK_CLEANUP(free_cipher) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int done = 0, tail = 0;
    if (!ctx || !EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, box->key, nonce, encrypt))
        return false;
    if (!EVP_CipherUpdate(ctx, NULL, &done, (const unsigned char *)purpose, (int)strlen(purpose)))
        return false;
    if (!EVP_CipherUpdate(ctx, out, &done, in, (int)len) || (size_t)done != len)
        return false;
    if (!encrypt && !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag))
        return false;
    if (EVP_CipherFinal_ex(ctx, out + done, &tail) <= 0)
        return false;
    return !encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag);
}

enum sok_status sok_secretbox_seal(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *purpose, const char *secret,
    const char **ret_sealed, struct sok_error *err)
{
    size_t len = strlen(secret);
    if (len > SOK_SECRET_MAX_BYTES)
        return sok_fail(err, SOK_TOO_LARGE, "a secret holds at most %d bytes", SOK_SECRET_MAX_BYTES);
    size_t size = NONCE_BYTES + len + TAG_BYTES;
    unsigned char *bytes = sok_alloc(arena, size);
    sok_random_bytes(bytes, NONCE_BYTES);
    if (!run_gcm(
            box, true, bytes, purpose, (const unsigned char *)secret, len, bytes + NONCE_BYTES,
            bytes + NONCE_BYTES + len))
        return sok_fail(err, SOK_INTERNAL, "a secret could not be encrypted");
    char *encoded = sok_alloc(arena, sok_base64_size(size));
    sok_base64url_encode(bytes, size, encoded);
    *ret_sealed = sok_format(arena, PREFIX "%s", encoded);
    return SOK_OK;
}

enum sok_status sok_secretbox_unseal(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *purpose, const char *sealed,
    const char **ret_secret, struct sok_error *err)
{
    unsigned char bytes[NONCE_BYTES + SOK_SECRET_MAX_BYTES + TAG_BYTES];
    size_t size = 0;
    if (!sok_text_starts(sealed, PREFIX) ||
        !sok_base64_decode(
            sealed + strlen(PREFIX), strlen(sealed) - strlen(PREFIX), bytes, sizeof(bytes), &size) ||
        size < NONCE_BYTES + TAG_BYTES)
        return sok_fail(err, SOK_INVALID, "a stored secret is not one of ours");
    size_t len = size - NONCE_BYTES - TAG_BYTES;
    char *secret = sok_alloc(arena, len + 1);
    if (!run_gcm(
            box, false, bytes, purpose, bytes + NONCE_BYTES, len, (unsigned char *)secret,
            bytes + NONCE_BYTES + len)) {
        sok_wipe(secret, len);
        return sok_fail(
            err, SOK_INVALID, "a stored secret was changed, or the key of this data folder is another");
    }
    *ret_secret = secret;
    return SOK_OK;
}

enum sok_status sok_secretbox_seal_url(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *url, const char **ret_stored,
    struct sok_error *err)
{
    if (url && box)
        return sok_secretbox_seal(box, arena, URL_PURPOSE, url, ret_stored, err);
    *ret_stored = url;
    return SOK_OK;
}

enum sok_status sok_secretbox_open_url(
    const struct sok_secretbox *box, struct sok_arena *arena, const char *stored, const char **ret_url,
    struct sok_error *err)
{
    if (stored && box && sok_text_starts(stored, PREFIX))
        return sok_secretbox_unseal(box, arena, URL_PURPOSE, stored, ret_url, err);
    *ret_url = stored;
    return SOK_OK;
}

void sok_secretbox_derive(const struct sok_secretbox *box, const char *label, unsigned char ret_key[32])
{
    unsigned len = 0;
    if (!HMAC(
            EVP_sha256(), box->key, KEY_BYTES, (const unsigned char *)label, strlen(label), ret_key, &len) ||
        len != 32)
        sok_panic("HMAC-SHA-256 failed");
}
