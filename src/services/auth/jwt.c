// A token is read by us first, strictly: three parts of base64url, a header of exactly {alg, kid, typ} with
// our algorithm and one of our key ids, claims without duplicates and of the right types. Only then libjwt
// checks the signature, with the key that the table gave for the id. So nothing in a token chooses how it is
// verified.
#include "services/auth/jwt.h"

#include <jwt.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"

#define REMEMBERED_MAX 1024
#define HEADER_MAX_BYTES 512
#define SECONDS_MAX INT64_C(253402300799) // the last second of the year 9999

struct remembered {
    unsigned char digest[SHA256_DIGEST_LENGTH]; // of the token's text, so that no token lies in memory
    struct sok_claims claims;
    UT_hash_handle hh;
};

struct sok_jwt {
    const struct sok_keys *keys;
    const struct sok_clock *clock;
    pthread_mutex_t lock;        // guards `verified`
    struct remembered *verified; // in order of use, oldest first
};

static const char *const type_names[] = {[SOK_TOKEN_ACCESS] = "access", [SOK_TOKEN_REFRESH] = "refresh"};

struct sok_jwt *sok_jwt_new(const struct sok_keys *keys, const struct sok_clock *clock)
{
    struct sok_jwt *jwt = calloc(1, sizeof(*jwt));
    if (!jwt)
        sok_panic("out of memory");
    jwt->keys = keys;
    jwt->clock = clock;
    pthread_mutex_init(&jwt->lock, NULL);
    return jwt;
}

struct sok_jwt *sok_jwt_free(struct sok_jwt *jwt)
{
    if (!jwt)
        return NULL;
    struct remembered *entry = jwt->verified;
    HASH_CLEAR(hh, jwt->verified); // the table alone: the entries stay linked
    for (struct remembered *next; entry; entry = next) {
        next = entry->hh.next;
        free(entry);
    }
    pthread_mutex_destroy(&jwt->lock);
    free(jwt);
    return NULL;
}

// --- Making one.

static void free_jwt(jwt_t **held)
{
    jwt_free(*held);
}

static bool add_claims(jwt_t *token, const struct sok_claims *claims, const char *role)
{
    int failed =
        jwt_add_grant(token, "iss", SOK_TOKEN_ISSUER) | jwt_add_grant(token, "aud", SOK_TOKEN_AUDIENCE) |
        jwt_add_grant(token, "typ", type_names[claims->type]) | jwt_add_grant(token, "sub", claims->user_id) |
        jwt_add_grant(token, "sid", claims->session_id) | jwt_add_grant(token, "jti", claims->token_id) |
        jwt_add_grant_int(token, "iat", (long)(claims->issued_at / 1000)) |
        jwt_add_grant_int(token, "nbf", (long)(claims->issued_at / 1000)) |
        jwt_add_grant_int(token, "exp", (long)(claims->expires_at / 1000));
    if (role)
        failed |= jwt_add_grant(token, "role", role);
    return failed == 0;
}

enum sok_status sok_jwt_issue(
    struct sok_jwt *jwt, struct sok_arena *arena, const struct sok_claims *claims, const char *role,
    const char **ret_token, struct sok_error *err)
{
    const struct sok_signing_key *key = sok_keys_signer(jwt->keys);
    SOK_CLEANUP(free_jwt) jwt_t *token = NULL;
    if (jwt_new(&token) != 0 || jwt_add_header(token, "kid", key->id) != 0 ||
        !add_claims(token, claims, role) ||
        jwt_set_alg(
            token, JWT_ALG_RS256, (const unsigned char *)key->private_pem, (int)strlen(key->private_pem)) !=
            0)
        return sok_fail(err, SOK_INTERNAL, "a token could not be made");
    char *text = jwt_encode_str(token);
    if (!text)
        return sok_fail(err, SOK_INTERNAL, "a token could not be signed");
    *ret_token = sok_strdup(arena, text);
    free(text);
    return SOK_OK;
}

// --- Judging one.

static enum sok_status refuse(struct sok_error *err, const char *code, const char *why)
{
    enum sok_status status = sok_fail(err, SOK_UNAUTHENTICATED, "%s", why);
    if (err)
        err->code = code;
    return status;
}

// Decodes one part and reads its JSON object; NULL for anything that is not exactly that.
static json_t *read_part(const char *text, size_t len, size_t max_bytes)
{
    char bytes[SOK_TOKEN_MAX_BYTES];
    size_t size = 0;
    json_t *object = NULL;
    if (len == 0 || !sok_base64_decode(text, len, bytes, sizeof(bytes), &size) || size > max_bytes ||
        sok_json_parse(bytes, size, max_bytes, &object, NULL) != SOK_OK)
        return NULL;
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

// Reads the letters of one part. False: none, or not how these bytes are written: the bits that the last
// letter has too many must be 0. Otherwise one signature had sixteen spellings, and one token as many.
static bool read_letters(const char *text, size_t *ret_len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t len = strspn(text, letters);
    *ret_len = len;
    if (len == 0 || len % 4 == 1)
        return false;
    size_t last = (size_t)(strchr(letters, text[len - 1]) - letters);
    return len % 4 == 0 || last % (len % 4 == 2 ? 16 : 4) == 0;
}

static bool is_form(const char *token, size_t *ret_header_len, size_t *ret_claims_len)
{
    size_t signature_len = 0;
    if (!read_letters(token, ret_header_len) || token[*ret_header_len] != '.')
        return false;
    token += *ret_header_len + 1;
    if (!read_letters(token, ret_claims_len) || token[*ret_claims_len] != '.')
        return false;
    token += *ret_claims_len + 1;
    return read_letters(token, &signature_len) && token[signature_len] == '\0';
}

static const struct sok_signing_key *judge_header(const struct sok_jwt *jwt, const json_t *header)
{
    if (json_object_size(header) != 3 || !sok_text_eq(sok_json_text(header, "alg", NULL), "RS256") ||
        !sok_text_eq(sok_json_text(header, "typ", NULL), "JWT"))
        return NULL;
    return sok_keys_find(jwt->keys, sok_json_text(header, "kid", ""));
}

static bool is_signed(const char *token, const struct sok_signing_key *key)
{
    SOK_CLEANUP(free_jwt) jwt_t *parsed = NULL;
    int failed =
        jwt_decode(&parsed, token, (const unsigned char *)key->public_pem, (int)strlen(key->public_pem));
    return failed == 0 && parsed && jwt_get_alg(parsed) == JWT_ALG_RS256;
}

static bool read_id(const json_t *claims, const char *name, char ret_id[SOK_UUID_LEN + 1])
{
    const char *id = sok_json_text(claims, name, "");
    if (strlen(id) != SOK_UUID_LEN || strspn(id, "0123456789abcdef-") != SOK_UUID_LEN)
        return false;
    memcpy(ret_id, id, SOK_UUID_LEN + 1);
    return true;
}

static bool read_time(const json_t *claims, const char *name, int64_t *ret_at)
{
    const json_t *value = json_object_get(claims, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > SECONDS_MAX)
        return false;
    *ret_at = json_integer_value(value) * 1000;
    return true;
}

// Everything but the times against the clock, which change while a token is remembered.
static bool read_claims(const json_t *object, struct sok_claims *ret)
{
    const char *type = sok_json_text(object, "typ", "");
    int64_t not_before = 0;
    if (sok_text_eq(type, type_names[SOK_TOKEN_ACCESS]))
        ret->type = SOK_TOKEN_ACCESS;
    else if (sok_text_eq(type, type_names[SOK_TOKEN_REFRESH]))
        ret->type = SOK_TOKEN_REFRESH;
    else
        return false;
    return sok_text_eq(sok_json_text(object, "iss", NULL), SOK_TOKEN_ISSUER) &&
           sok_text_eq(sok_json_text(object, "aud", NULL), SOK_TOKEN_AUDIENCE) &&
           read_id(object, "sub", ret->user_id) && read_id(object, "sid", ret->session_id) &&
           read_id(object, "jti", ret->token_id) && read_time(object, "iat", &ret->issued_at) &&
           read_time(object, "nbf", &not_before) && read_time(object, "exp", &ret->expires_at) &&
           not_before == ret->issued_at && ret->expires_at > ret->issued_at;
}

static bool recall(struct sok_jwt *jwt, const unsigned char *digest, struct sok_claims *ret)
{
    struct remembered *entry = NULL;
    pthread_mutex_lock(&jwt->lock);
    HASH_FIND(hh, jwt->verified, digest, SHA256_DIGEST_LENGTH, entry);
    if (entry) {
        *ret = entry->claims;
        HASH_DEL(jwt->verified, entry); // and to the end: the order is that of use
        HASH_ADD(hh, jwt->verified, digest, SHA256_DIGEST_LENGTH, entry);
    }
    pthread_mutex_unlock(&jwt->lock);
    return entry != NULL;
}

static void remember(struct sok_jwt *jwt, const unsigned char *digest, const struct sok_claims *claims)
{
    struct remembered *entry = NULL, *there = NULL;
    pthread_mutex_lock(&jwt->lock);
    HASH_FIND(hh, jwt->verified, digest, SHA256_DIGEST_LENGTH, there);
    if (!there) {
        if (HASH_COUNT(jwt->verified) >= REMEMBERED_MAX) {
            entry = jwt->verified;
            HASH_DEL(jwt->verified, entry);
        } else {
            entry = calloc(1, sizeof(*entry));
            if (!entry)
                sok_panic("out of memory");
        }
        memcpy(entry->digest, digest, SHA256_DIGEST_LENGTH);
        entry->claims = *claims;
        HASH_ADD(hh, jwt->verified, digest, SHA256_DIGEST_LENGTH, entry);
    }
    pthread_mutex_unlock(&jwt->lock);
}

static enum sok_status verify_fresh(
    struct sok_jwt *jwt, const char *token, struct sok_claims *ret, struct sok_error *err)
{
    size_t header_len = 0, claims_len = 0;
    if (!is_form(token, &header_len, &claims_len))
        return refuse(err, "token_invalid", "the token is not a signed JSON Web Token");
    SOK_JSON_AUTO *header = read_part(token, header_len, HEADER_MAX_BYTES);
    const struct sok_signing_key *key = header ? judge_header(jwt, header) : NULL;
    if (!key)
        return refuse(err, "token_invalid", "the token names no algorithm and key of this server");
    SOK_JSON_AUTO *claims = read_part(token + header_len + 1, claims_len, SOK_TOKEN_MAX_BYTES);
    if (!claims || !is_signed(token, key))
        return refuse(err, "token_invalid", "the token's signature is wrong");
    if (!read_claims(claims, ret))
        return refuse(err, "token_invalid", "the token was not made for this");
    return SOK_OK;
}

static enum sok_status judge_times(
    const struct sok_jwt *jwt, const struct sok_claims *claims, struct sok_error *err)
{
    int64_t now = sok_clock_now_ms(jwt->clock);
    if (now >= claims->expires_at)
        return refuse(err, "token_expired", "the token has expired");
    if (claims->issued_at > now + SOK_TOKEN_LEEWAY_MS)
        return refuse(err, "token_invalid", "the token is not valid yet");
    return SOK_OK;
}

enum sok_status sok_jwt_verify(
    struct sok_jwt *jwt, const char *token, enum sok_token_type type, struct sok_claims *ret,
    struct sok_error *err)
{
    size_t len = token ? strnlen(token, SOK_TOKEN_MAX_BYTES + 1) : 0;
    if (len == 0 || len > SOK_TOKEN_MAX_BYTES)
        return refuse(err, "token_invalid", "the token is empty or too long");
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, len, digest);
    struct sok_claims claims = {0};
    if (!recall(jwt, digest, &claims)) {
        SOK_TRY(verify_fresh(jwt, token, &claims, err));
        remember(jwt, digest, &claims);
    }
    if (claims.type != type)
        return refuse(err, "token_invalid", "the token was made for something else");
    SOK_TRY(judge_times(jwt, &claims, err));
    *ret = claims;
    return SOK_OK;
}
