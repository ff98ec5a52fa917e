#include "services/auth/keys.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/text.h"
#include "services/auth/keyfiles.h"

#define KEY_FILE_MAX_BYTES 16384
#define NUMBER_MAX_BYTES 2048 // of a modulus: 16,384 bits, far above what is sensible

struct key {
    struct sok_signing_key pair;
    int64_t created_at;
    char *n, *e; // base64url, big-endian, as in the JWKS; in the arena
};

struct sok_keys {
    struct sok_arena *arena;
    struct key items[SOK_KEYS_MAX];
    size_t count; // oldest first
};

static void free_pkey(EVP_PKEY **held)
{
    EVP_PKEY_free(*held);
}

static void free_bio(BIO **held)
{
    BIO_free(*held);
}

static const char *number_text(struct sok_arena *arena, const EVP_PKEY *pkey, const char *name)
{
    BIGNUM *number = NULL;
    unsigned char bytes[NUMBER_MAX_BYTES];
    if (!EVP_PKEY_get_bn_param(pkey, name, &number) || BN_num_bytes(number) > NUMBER_MAX_BYTES) {
        BN_free(number);
        return NULL;
    }
    size_t len = (size_t)BN_bn2bin(number, bytes);
    BN_free(number);
    char *text = sok_alloc(arena, sok_base64_size(len));
    sok_base64url_encode(bytes, len, text);
    return text;
}

// RFC 7638: SHA-256 over the required members in alphabetical order, without white space.
static void thumbprint(struct sok_arena *arena, struct key *key)
{
    const char *text = sok_format(arena, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", key->e, key->n);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), digest);
    char encoded[64];
    sok_base64url_encode(digest, sizeof(digest), encoded);
    memcpy(key->pair.id, encoded, SOK_KEY_ID_LEN + 1);
}

static char *public_pem(struct sok_arena *arena, EVP_PKEY *pkey)
{
    SOK_CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!bio || !PEM_write_bio_PUBKEY(bio, pkey))
        return NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return sok_strndup(arena, bytes, (size_t)len);
}

// No passphrase is ever asked for on the terminal: an encrypted file is an error.
static int no_passphrase(char *buf SOK_UNUSED, int size SOK_UNUSED, int rwflag SOK_UNUSED, void *u SOK_UNUSED)
{
    return -1;
}

static enum sok_status load_key(
    struct sok_keys *keys, int dir_fd, const char *name, int64_t created_at, struct sok_error *err)
{
    const char *pem = NULL;
    size_t len = 0;
    SOK_TRY(sok_keyfiles_read(dir_fd, name, KEY_FILE_MAX_BYTES, keys->arena, &pem, &len, err));
    SOK_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
    SOK_CLEANUP(free_pkey)
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
        return sok_fail(err, SOK_INVALID, "the key file %s holds no RSA private key", name);
    if (EVP_PKEY_get_bits(pkey) < SOK_KEY_BITS)
        return sok_fail(
            err, SOK_INVALID, "the key in %s has %d bits; %d are the least", name, EVP_PKEY_get_bits(pkey),
            SOK_KEY_BITS);
    struct key *key = &keys->items[keys->count];
    key->n = (char *)number_text(keys->arena, pkey, OSSL_PKEY_PARAM_RSA_N);
    key->e = (char *)number_text(keys->arena, pkey, OSSL_PKEY_PARAM_RSA_E);
    key->pair.private_pem = pem;
    key->pair.public_pem = public_pem(keys->arena, pkey);
    key->created_at = created_at;
    if (!key->n || !key->e || !key->pair.public_pem)
        return sok_fail(err, SOK_INVALID, "the key in %s cannot be used", name);
    thumbprint(keys->arena, key);
    keys->count++;
    return SOK_OK;
}

// "signing-<created ms>.pem"
static bool name_to_time(const char *name, int64_t *ret_created_at)
{
    char digits[24];
    size_t len = strlen(name);
    if (!sok_text_starts(name, "signing-") || !sok_text_ends(name, ".pem") || len - 12 >= sizeof(digits) ||
        len <= 12)
        return false;
    memcpy(digits, name + 8, len - 12);
    digits[len - 12] = '\0';
    return sok_parse_int(digits, 0, INT64_MAX, ret_created_at);
}

static int by_age(const void *a, const void *b)
{
    const struct key *one = a, *two = b;
    return (one->created_at > two->created_at) - (one->created_at < two->created_at);
}

static enum sok_status load_all(struct sok_keys *keys, int dir_fd, struct sok_error *err)
{
    int copy = dup(dir_fd);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        sok_keyfiles_close(&copy);
        return sok_fail_errno(err, SOK_IO, errno, "cannot list the folder of keys");
    }
    rewinddir(dir); // the copy shares its position with dir_fd
    enum sok_status status = SOK_OK;
    for (struct dirent *entry; status == SOK_OK && (entry = readdir(dir));) {
        int64_t created_at = 0;
        if (!name_to_time(entry->d_name, &created_at))
            continue;
        if (keys->count == SOK_KEYS_MAX)
            status = sok_fail(err, SOK_INVALID, "more than %d signing keys: remove old ones", SOK_KEYS_MAX);
        else
            status = load_key(keys, dir_fd, entry->d_name, created_at, err);
    }
    closedir(dir);
    qsort(keys->items, keys->count, sizeof(keys->items[0]), by_age);
    return status;
}

static enum sok_status make_key(int dir_fd, int64_t now_ms, struct sok_error *err)
{
    SOK_CLEANUP(free_pkey) EVP_PKEY *pkey = EVP_RSA_gen(SOK_KEY_BITS);
    SOK_CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_secmem());
    if (!pkey || !bio || !PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL))
        return sok_fail(err, SOK_INTERNAL, "cannot make a signing key");
    char *bytes = NULL, name[64];
    long len = BIO_get_mem_data(bio, &bytes);
    snprintf(name, sizeof(name), "signing-%" PRId64 ".pem", now_ms < 0 ? 0 : now_ms);
    return sok_keyfiles_write(dir_fd, name, bytes, (size_t)len, err);
}

static enum sok_status load_or_make(struct sok_keys *keys, int dir_fd, int64_t now_ms, struct sok_error *err)
{
    // Two processes at their first start must agree on one key; the lock ends with the descriptor.
    if (flock(dir_fd, LOCK_EX) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot lock the folder of keys");
    enum sok_status status = load_all(keys, dir_fd, err);
    if (status == SOK_OK && keys->count == 0) {
        status = make_key(dir_fd, now_ms, err);
        if (status == SOK_OK)
            status = load_all(keys, dir_fd, err);
    }
    if (status == SOK_OK && keys->count == 0)
        status = sok_fail(err, SOK_INTERNAL, "the signing key just made is not there");
    flock(dir_fd, LOCK_UN);
    return status;
}

enum sok_status sok_keys_open(
    const char *data_dir, const struct sok_clock *clock, struct sok_keys **ret, struct sok_error *err)
{
    SOK_KEYFILES_AUTO dir = -1;
    SOK_TRY(sok_keyfiles_open(data_dir, &dir, err));
    struct sok_keys *keys = calloc(1, sizeof(*keys));
    if (!keys)
        sok_panic("out of memory");
    keys->arena = sok_arena_new((size_t)1 << 20);
    enum sok_status status = load_or_make(keys, dir, sok_clock_now_ms(clock), err);
    if (status != SOK_OK) {
        sok_keys_close(keys);
        return status;
    }
    *ret = keys;
    return SOK_OK;
}

struct sok_keys *sok_keys_close(struct sok_keys *keys)
{
    if (!keys)
        return NULL;
    for (size_t i = 0; i < keys->count; i++)
        sok_wipe((char *)keys->items[i].pair.private_pem, strlen(keys->items[i].pair.private_pem));
    sok_arena_free(keys->arena);
    free(keys);
    return NULL;
}

const struct sok_signing_key *sok_keys_signer(const struct sok_keys *keys)
{
    return &keys->items[keys->count - 1].pair;
}

const struct sok_signing_key *sok_keys_find(const struct sok_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (sok_text_eq(keys->items[i].pair.id, id))
            return &keys->items[i].pair;
    return NULL;
}

json_t *sok_keys_jwks(const struct sok_keys *keys)
{
    json_t *list = json_array();
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];
        json_array_append_new(
            list, json_pack(
                      "{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "RSA", "use", "sig", "alg", "RS256", "kid",
                      key->pair.id, "n", key->n, "e", key->e));
    }
    return json_pack("{s:o}", "keys", list);
}
