#include "services/auth/password.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/text.h"

#define SALT_BYTES 16
#define SALT_TEXT 22

enum sok_status sok_password_check(const char *field, const char *password, struct sok_error *err)
{
    if (sok_text_empty(password)) {
        sok_fail_field(err, field, "required", "a password is needed");
        return SOK_INVALID;
    }
    size_t len = strlen(password), characters = 0;
    for (size_t i = 0; i < len; i++)
        characters += (password[i] & 0xc0) != 0x80;
    if (!sok_utf8_valid(password, len))
        sok_fail_field(err, field, "invalid", "must be UTF-8");
    else if (characters < SOK_PASSWORD_MIN)
        sok_fail_field(err, field, "too_short", "at least %d characters", SOK_PASSWORD_MIN);
    else if (len > SOK_PASSWORD_MAX_BYTES)
        sok_fail_field(err, field, "too_long", "at most %d bytes", SOK_PASSWORD_MAX_BYTES);
    else
        return SOK_OK;
    return SOK_INVALID;
}

// bcrypt's own base64 of 16 bytes; any 22 of its letters will do as long as the last one keeps its unused
// bits zero.
static void make_setting(int64_t cost, const unsigned char salt[SALT_BYTES], char ret_setting[32])
{
    static const char letters[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char text[SALT_TEXT + 1];
    unsigned bits = 0, have = 0;
    size_t out = 0;
    for (size_t i = 0; i < SALT_BYTES; i++) {
        bits = bits << 8 | salt[i];
        for (have += 8; have >= 6; have -= 6)
            text[out++] = letters[bits >> (have - 6) & 63];
    }
    text[out++] = letters[bits << (6 - have) & 63];
    text[out] = '\0';
    snprintf(ret_setting, 32, "$2b$%02d$%s", (int)cost, text);
}

// crypt_rn's state is 32 KiB and ends up holding the password: it lives on the heap and is wiped. False when
// the library refuses. (Not crypt_r: a sanitizer's interceptor of that one would hide the need of the
// library.)
static bool run_crypt(const char *password, const char *setting, char ret_hash[SOK_PASSWORD_HASH_SIZE])
{
    struct crypt_data *state = calloc(1, sizeof(*state));
    if (!state)
        sok_panic("out of memory");
    const char *hash = crypt_rn(password, setting, state, (int)sizeof(*state));
    bool good = hash && hash[0] == '$' && strlen(hash) < SOK_PASSWORD_HASH_SIZE;
    if (good)
        memcpy(ret_hash, hash, strlen(hash) + 1);
    sok_wipe(state, sizeof(*state));
    free(state);
    return good;
}

enum sok_status sok_password_hash(
    const char *password, int64_t cost, char ret_hash[SOK_PASSWORD_HASH_SIZE], struct sok_error *err)
{
    SOK_TRY(sok_password_check("password", password, err));
    if (cost < 4 || cost > 15)
        return sok_fail(err, SOK_INTERNAL, "a bcrypt cost of %d is out of range", (int)cost);
    unsigned char salt[SALT_BYTES];
    char setting[32];
    sok_random_bytes(salt, sizeof(salt));
    make_setting(cost, salt, setting);
    if (!run_crypt(password, setting, ret_hash))
        return sok_fail(err, SOK_INTERNAL, "the password could not be hashed");
    return SOK_OK;
}

static const unsigned char decoy_salt[SALT_BYTES] = {0x5b, 0x1c, 0x90, 0x77, 0xe3, 0x2d, 0x46, 0xb8};

// A hash of a lower cost is checked sooner, and how long that took would tell that there is such an account:
// 2^a + (2^a + 2^(a+1) + ... + 2^(b-1)) = 2^b rounds make up for it.
static void spend_the_difference(const char *hash, int64_t cost)
{
    char setting[32], ignored[SOK_PASSWORD_HASH_SIZE];
    int64_t had = 10 * (hash[4] - '0') + (hash[5] - '0');
    for (int64_t at = had < 4 ? 4 : had; at < cost; at++) {
        make_setting(at, decoy_salt, setting);
        (void)run_crypt("", setting, ignored);
    }
}

bool sok_password_verify(const char *password, const char *hash, int64_t cost)
{
    char decoy[32], computed[SOK_PASSWORD_HASH_SIZE] = "";
    make_setting(cost, decoy_salt, decoy);
    bool real = hash && sok_text_starts(hash, "$2b$") && strlen(hash) > 6;
    // bcrypt would cut what is too long, and so accept it; the same work is done, then refused.
    bool fits = password && strlen(password) <= SOK_PASSWORD_MAX_BYTES;
    bool ran = run_crypt(fits ? password : "", real ? hash : decoy, computed);
    bool right = ran && real && fits && sok_bytes_eq_secret(computed, strlen(computed), hash, strlen(hash));
    if (real && !right)
        spend_the_difference(hash, cost);
    return right;
}

bool sok_password_is_outdated(const char *hash, int64_t cost)
{
    char want[8];
    snprintf(want, sizeof(want), "$2b$%02d$", (int)(cost < 4 ? 4 : cost > 15 ? 15 : cost));
    return !sok_text_starts(hash, want);
}
