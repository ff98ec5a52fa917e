#include "services/auth/accounts.h"

#include <string.h>

#include "base/rand.h"
#include "base/text.h"
#include "services/auth/live.h"
#include "services/auth/password.h"
#include "services/auth/setup.h"

#define EMAIL_MAX_BYTES 254 // RFC 5321 section 4.5.3.1.3
#define EMAIL_LOCAL_MAX_BYTES 64

static void check_username(const char *username, struct sok_error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t len = username ? strlen(username) : 0;
    if (len == 0)
        sok_fail_field(err, "username", "required", "a user name is needed");
    else if (len < 3 || len > SOK_USERNAME_MAX)
        sok_fail_field(
            err, "username", len < 3 ? "too_short" : "too_long", "3 to %d characters", SOK_USERNAME_MAX);
    else if (strspn(username, letters) != len)
        sok_fail_field(err, "username", "invalid", "letters, digits and _ . - only");
}

// Not a full RFC 5322 parser: what no mail server takes is refused, what is left is the server's to know.
static void check_email(const char *email, struct sok_error *err)
{
    size_t len = email ? strlen(email) : 0;
    if (len == 0) {
        sok_fail_field(err, "email", "required", "an email address is needed");
        return;
    }
    const char *at = strchr(email, '@');
    bool good = sok_utf8_valid(email, len) && at && at > email && at - email <= EMAIL_LOCAL_MAX_BYTES &&
                at[1] != '\0' && !strchr(at + 1, '@') && at[1] != '.' && !sok_text_ends(email, ".") &&
                !strstr(at, "..");
    for (size_t i = 0; good && i < len; i++)
        good = (unsigned char)email[i] > ' ' && email[i] != 0x7f && !strchr("<>()[]\\,;:\"", email[i]);
    if (len > EMAIL_MAX_BYTES)
        sok_fail_field(err, "email", "too_long", "at most %d bytes", EMAIL_MAX_BYTES);
    else if (!good)
        sok_fail_field(err, "email", "invalid", "not an email address");
}

static enum sok_status check_account(const struct sok_new_account *account, struct sok_error *err)
{
    struct sok_error found = {0}; // its own, so that what the caller noted before is not the verdict here
    check_username(account->username, &found);
    check_email(account->email, &found);
    enum sok_status password = sok_password_check("password", account->password, &found);
    if (account->role && !sok_role_is_known(account->role))
        sok_fail_field(&found, "role", "invalid", "user, moderator or admin");
    if (found.field_count == 0 && password == SOK_OK)
        return SOK_OK;
    return sok_fail_fields(err, &found);
}

void sok_accounts_check(const struct sok_new_account *account, struct sok_error *err)
{
    enum sok_status status = check_account(account, err);
    (void)status; // err says it
}

void sok_accounts_check_change(const char *username, const char *email, struct sok_error *err)
{
    if (username)
        check_username(username, err);
    if (email)
        check_email(email, err);
}

struct creation {
    struct sok_user user;
    bool by_setup_token;
};

static enum sok_status deny_setup(struct sok_error *err)
{
    enum sok_status status = sok_fail(err, SOK_DENIED, "the setup token is wrong or was used already");
    if (err)
        err->code = "setup_token_invalid";
    return status;
}

static enum sok_status create_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct creation *creation = context;
    if (creation->by_setup_token) {
        int64_t admins = 0;
        SOK_TRY(sok_users_count(tx, SOK_ROLE_NAME_ADMIN, &admins, err));
        if (admins > 0)
            return deny_setup(err);
    }
    return sok_users_insert(tx, &creation->user, err);
}

// A cheap look before the expensive hash; the insert's own answer is the one that counts.
static enum sok_status check_not_taken(
    const struct sok_accounts *accounts, struct sok_arena *arena, const char *login, const char *code,
    struct sok_error *err)
{
    struct sok_user user;
    enum sok_status status = sok_users_find_login(sok_db_reader(accounts->db), arena, login, &user, err);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    SOK_TRY(status);
    status = sok_fail(
        err, SOK_CONFLICT, "%s",
        sok_text_eq(code, "email_taken") ? "the email address is in use" : "the user name is taken");
    if (err)
        err->code = code;
    return status;
}

enum sok_status sok_accounts_create(
    const struct sok_accounts *accounts, struct sok_arena *arena, const struct sok_new_account *account,
    struct sok_user *ret, struct sok_error *err)
{
    SOK_TRY(check_account(account, err));
    bool by_setup_token = !sok_text_empty(account->setup_token);
    if (by_setup_token && !sok_setup_matches(accounts->data_dir, account->setup_token))
        return deny_setup(err);
    SOK_TRY(check_not_taken(accounts, arena, account->username, "username_taken", err));
    SOK_TRY(check_not_taken(accounts, arena, account->email, "email_taken", err));
    int64_t now = sok_clock_now_ms(accounts->clock);
    char hash[SOK_PASSWORD_HASH_SIZE], id[SOK_UUID_LEN + 1];
    SOK_TRY(sok_password_hash(account->password, accounts->bcrypt_cost, hash, err));
    sok_uuid7(now, id);
    struct creation creation = {
        .user =
            {
                .id = sok_strdup(arena, id),
                .username = account->username,
                .email = account->email,
                .password_hash = sok_strdup(arena, hash),
                .role = by_setup_token  ? SOK_ROLE_NAME_ADMIN
                        : account->role ? account->role
                                        : SOK_ROLE_NAME_USER,
                .is_active = true,
                .created_at = now,
                .updated_at = now,
            },
        .by_setup_token = by_setup_token,
    };
    SOK_TRY(sok_db_write(accounts->db, create_body, &creation, err));
    if (sok_text_eq(creation.user.role, SOK_ROLE_NAME_ADMIN))
        sok_setup_done(accounts->data_dir);
    *ret = creation.user;
    return SOK_OK;
}

struct change {
    const char *user_id, *username, *email, *hash;
    int64_t now_ms, seen_updated_at;
    struct sok_arena *arena;
    struct sok_user user;
};

static enum sok_status password_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    return sok_users_set_password(tx, change->user_id, change->hash, change->now_ms, err);
}

static enum sok_status store_password(
    const struct sok_accounts *accounts, const char *user_id, const char *password, struct sok_error *err)
{
    char hash[SOK_PASSWORD_HASH_SIZE];
    SOK_TRY(sok_password_hash(password, accounts->bcrypt_cost, hash, err));
    struct change change = {.user_id = user_id, .hash = hash, .now_ms = sok_clock_now_ms(accounts->clock)};
    return sok_db_write(accounts->db, password_body, &change, err);
}

enum sok_status sok_accounts_login(
    const struct sok_accounts *accounts, struct sok_arena *arena, const char *login, const char *password,
    struct sok_user *ret, struct sok_error *err)
{
    struct sok_user user = {0};
    enum sok_status status = sok_users_find_login(sok_db_reader(accounts->db), arena, login, &user, err);
    if (status != SOK_OK && status != SOK_NOT_FOUND)
        return status;
    bool known = status == SOK_OK;
    bool right = sok_password_verify(password, known ? user.password_hash : NULL, accounts->bcrypt_cost);
    if (!known || !right || !user.is_active) {
        status = sok_fail(err, SOK_UNAUTHENTICATED, "the user name or the password is wrong");
        if (err)
            err->code = "bad_credentials";
        return status;
    }
    if (sok_password_is_outdated(user.password_hash, accounts->bcrypt_cost)) {
        // Signing in does not depend on it: the next login tries again.
        struct sok_error ignored = {0};
        enum sok_status stored = store_password(accounts, user.id, password, &ignored);
        (void)stored;
    }
    *ret = user;
    return SOK_OK;
}

enum sok_status sok_accounts_set_password(
    const struct sok_accounts *accounts, const char *user_id, const char *old_password,
    const char *new_password, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error found = {0};
    struct sok_user user;
    enum sok_status good = sok_password_check("new_password", new_password, &found);
    SOK_TRY(sok_users_find(sok_db_reader(accounts->db), arena, user_id, &user, err));
    if (old_password && !sok_password_verify(old_password, user.password_hash, accounts->bcrypt_cost))
        sok_fail_field(&found, "current_password", "wrong", "not the present password");
    if (good != SOK_OK || found.field_count)
        return sok_fail_fields(err, &found);
    return store_password(accounts, user_id, new_password, err);
}

static enum sok_status update_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    SOK_TRY(sok_users_find(tx, change->arena, change->user_id, &change->user, err));
    if (change->user.updated_at != change->seen_updated_at)
        return sok_fail(err, SOK_PRECONDITION, "the account was changed at the same time");
    if (change->username)
        change->user.username = change->username;
    if (change->email)
        change->user.email = change->email;
    change->user.updated_at =
        change->now_ms > change->seen_updated_at ? change->now_ms : change->seen_updated_at + 1;
    return sok_users_update(tx, &change->user, err);
}

enum sok_status sok_accounts_update(
    const struct sok_accounts *accounts, struct sok_arena *arena, const struct sok_user *user,
    const char *username, const char *email, struct sok_user *ret, struct sok_error *err)
{
    struct sok_error found = {0};
    sok_accounts_check_change(username, email, &found);
    if (found.field_count > 0)
        return sok_fail_fields(err, &found);
    struct change change = {
        .user_id = user->id,
        .seen_updated_at = user->updated_at,
        .username = username,
        .email = email,
        .now_ms = sok_clock_now_ms(accounts->clock),
        .arena = arena};
    SOK_TRY(sok_db_write(accounts->db, update_body, &change, err));
    *ret = change.user;
    return SOK_OK;
}
