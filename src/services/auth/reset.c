#include "services/auth/reset.h"

#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "data/sessions.h"
#include "services/auth/api_keys.h"
#include "services/auth/password.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static void note_token(struct sok_error *err)
{
    sok_fail_field(err, "token", "invalid", "the link is wrong, older than an hour, or was used");
}

static enum sok_status refuse_token(struct sok_error *err)
{
    struct sok_error found = {0};
    note_token(&found);
    if (err)
        *err = found; // not beside it: err holds that no such token was found
    return SOK_INVALID;
}

struct start {
    const char *token_hash, *user_id;
    int64_t now_ms;
};

static enum sok_status start_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct start *start = context;
    SOK_TRY(sok_password_resets_void(tx, start->user_id, start->now_ms, err));
    return sok_password_resets_insert(
        tx, start->token_hash, start->user_id, start->now_ms, start->now_ms + SOK_RESET_TTL_MS, err);
}

static enum sok_status count_mail(
    struct sok_auth *auth, struct sok_arena *arena, const char *user_id, struct sok_error *err)
{
    struct sok_error found = {0};
    int64_t used = 0, reset_ms = 0;
    if (!auth->cache)
        return SOK_OK;
    enum sok_status status = sok_cache_limit(
        auth->cache, sok_format(arena, "reset-mail:%s", user_id), SOK_RESETS_PER_HOUR, HOUR_MS, &used,
        &reset_ms, &found);
    return status == SOK_LIMITED ? sok_fail(err, SOK_LIMITED, "this account had its mails for this hour")
                                 : SOK_OK; // a cache that cannot count stops nobody
}

enum sok_status sok_reset_start(
    struct sok_auth *auth, struct sok_arena *arena, const char *email, struct sok_user *ret_user,
    char ret_token[SOK_RESET_TOKEN_SIZE], struct sok_error *err)
{
    struct sok_user user;
    char hash[SOK_SHA256_HEX];
    struct sok_db *db = auth->accounts.db;
    SOK_TRY(sok_users_find_login(sok_db_reader(db), arena, email, &user, err));
    if (!user.is_active || !strchr(email, '@'))
        return sok_fail(err, SOK_NOT_FOUND, "no active account has this address");
    SOK_TRY(count_mail(auth, arena, user.id, err));
    sok_random_token(32, ret_token, SOK_RESET_TOKEN_SIZE);
    sok_sha256_hex(ret_token, strlen(ret_token), hash);
    struct start start = {
        .token_hash = hash, .user_id = user.id, .now_ms = sok_clock_now_ms(auth->accounts.clock)};
    SOK_TRY(sok_db_write(db, start_body, &start, err));
    *ret_user = user;
    return SOK_OK;
}

struct finish {
    const char *token_hash, *password_hash;
    bool end_keys;
    int64_t now_ms;
    struct sok_arena *arena;
    struct sok_user user;
};

static enum sok_status finish_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct finish *finish = context;
    const char *user_id = NULL;
    SOK_TRY(sok_password_resets_use(tx, finish->arena, finish->token_hash, finish->now_ms, &user_id, err));
    SOK_TRY(sok_users_find(tx, finish->arena, user_id, &finish->user, err));
    if (!finish->user.is_active)
        return sok_fail(err, SOK_NOT_FOUND, "the account is disabled");
    if (finish->end_keys)
        SOK_TRY(sok_api_keys_delete_of_user(tx, user_id, err));
    return sok_users_set_password(tx, user_id, finish->password_hash, finish->now_ms, err);
}

enum sok_status sok_reset_check(
    struct sok_auth *auth, struct sok_arena *arena, const char *token, const char *password,
    struct sok_error *err)
{
    char token_hash[SOK_SHA256_HEX];
    struct sok_error found = {0}, failure = {0};
    const char *user_id = NULL;
    bool is_good = sok_password_check("password", password, &found) == SOK_OK;
    int64_t now = sok_clock_now_ms(auth->accounts.clock);
    if (token) {
        sok_sha256_hex(token, strlen(token), token_hash);
        enum sok_status status = sok_password_resets_find(
            sok_db_reader(auth->accounts.db), arena, token_hash, now, &user_id, &failure);
        if (status == SOK_NOT_FOUND)
            note_token(&found);
        else if (status != SOK_OK) {
            if (err)
                *err = failure;
            return status;
        }
    }
    return is_good && !found.field_count ? SOK_OK : sok_fail_fields(err, &found);
}

enum sok_status sok_reset_finish(
    struct sok_auth *auth, struct sok_arena *arena, const char *token, const char *password, bool end_keys,
    struct sok_user *ret_user, struct sok_error *err)
{
    char token_hash[SOK_SHA256_HEX], password_hash[SOK_PASSWORD_HASH_SIZE];
    struct sok_db *db = auth->accounts.db;
    int64_t now = sok_clock_now_ms(auth->accounts.clock);
    // A look before the expensive hash; the transaction's own answer is the one that counts.
    SOK_TRY(sok_reset_check(auth, arena, token, password, err));
    sok_sha256_hex(token, strlen(token), token_hash);
    SOK_TRY(sok_password_hash(password, auth->accounts.bcrypt_cost, password_hash, err));
    struct finish finish = {
        .token_hash = token_hash,
        .password_hash = password_hash,
        .end_keys = end_keys,
        .now_ms = now,
        .arena = arena};
    enum sok_status status = sok_db_write(db, finish_body, &finish, err);
    if (status == SOK_NOT_FOUND)
        return refuse_token(err);
    SOK_TRY(status);
    if (end_keys)
        sok_api_keys_forget(auth->sessions, finish.user.id);
    SOK_TRY(sok_session_end_user(auth->sessions, finish.user.id, NULL, "password_reset", err));
    *ret_user = finish.user;
    return SOK_OK;
}
