// Accounts and sessions: register, sign in and out, one's own data.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "base/time.h"
#include "data/users.h"
#include "runtime/log.h"
#include "services/auth/auth.h"
#include "services/auth/password.h"

#define REFRESH_COOKIE "sokoul_refresh"
#define COOKIE_PATH "/api/v1/auth" // no other request carries it
#define TEXT_MAX 1024              // of any field; what is allowed is said by services/auth

json_t *sok_auth_user_json(const struct sok_user *user)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", user->id);
    sok_json_set_text(body, "username", user->username);
    sok_json_set_text(body, "email", user->email);
    sok_json_set_text(body, "role", user->role);
    sok_json_set_optional_text(body, "avatar_url", user->avatar_url);
    sok_json_set_bool(body, "is_active", user->is_active);
    sok_json_set_time(body, "created_at", user->created_at);
    sok_json_set_time(body, "updated_at", user->updated_at);
    return body;
}

void sok_auth_note_caller(struct sok_request *request, const struct sok_user *user)
{
    request->principal.user_id = user->id;
    request->principal.username = user->username;
}

// What is written down of an account: no hash, and not what changes by itself.
static json_t *audit_json(const struct sok_user *user)
{
    json_t *value = json_object();
    sok_json_set_text(value, "username", user->username);
    sok_json_set_text(value, "email", user->email);
    sok_json_set_text(value, "role", user->role);
    return value;
}

// --- Accounts.

enum sok_status sok_auth_register(struct sok_request *request, struct sok_error *err)
{
    struct sok_user user;
    struct sok_new_account account = {
        .username = sok_api_text(request, "username", false, TEXT_MAX, err),
        .email = sok_api_text(request, "email", false, TEXT_MAX, err),
        .password = sok_api_text(request, "password", false, TEXT_MAX, err),
        .setup_token = sok_api_text(request, "setup_token", false, TEXT_MAX, err),
    };
    sok_accounts_check(&account, err);
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_accounts_create(&sok_api_of(request)->auth->accounts, request->arena, &account, &user, err));
    sok_auth_note_caller(request, &user);
    sok_api_audit_change(request, "register", "user", user.id, NULL, audit_json(&user));
    sok_reply_header(request, "Location", "/api/v1/auth/me");
    sok_reply_json(request, 201, sok_auth_user_json(&user));
    return SOK_OK;
}

static enum sok_status load_me(struct sok_request *request, struct sok_user *ret, struct sok_error *err)
{
    struct sok_db_tx *reader = sok_db_reader(sok_api_of(request)->db);
    return sok_users_find(reader, request->arena, request->principal.user_id, ret, err);
}

static void reply_me(struct sok_request *request, const struct sok_user *user)
{
    sok_reply_header(request, "ETag", sok_api_version(request, user->id, user->updated_at));
    sok_reply_json(request, 200, sok_auth_user_json(user));
}

enum sok_status sok_auth_me(struct sok_request *request, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(load_me(request, &user, err));
    reply_me(request, &user);
    return SOK_OK;
}

enum sok_status sok_auth_update_me(struct sok_request *request, struct sok_error *err)
{
    struct sok_auth *auth = sok_api_of(request)->auth;
    struct sok_user user, before;
    const char *username = sok_api_text(request, "username", false, TEXT_MAX, err);
    const char *email = sok_api_text(request, "email", false, TEXT_MAX, err);
    sok_api_refuse_null(request, "username", err);
    sok_api_refuse_null(request, "email", err);
    sok_accounts_check_change(username, email, err);
    if (err->field_count)
        return err->status;
    SOK_TRY(load_me(request, &user, err));
    SOK_TRY(sok_api_check_version(request, sok_api_version(request, user.id, user.updated_at), err));
    before = user;
    if ((!username || sok_text_eq(username, user.username)) && (!email || sok_text_eq(email, user.email))) {
        reply_me(request, &user); // nothing to change, and so nothing is
        return SOK_OK;
    }
    SOK_TRY(sok_accounts_update(&auth->accounts, request->arena, &before, username, email, &user, err));
    sok_session_forget_user(auth->sessions, user.id);
    sok_api_audit_change(request, "user.update", "user", user.id, audit_json(&before), audit_json(&user));
    reply_me(request, &user);
    return SOK_OK;
}

// A guess at the password of somebody whose session was stolen, perhaps.
static void note_wrong_password(struct sok_request *request, const struct sok_error *err)
{
    for (int i = 0; i < err->field_count; i++)
        if (sok_text_eq(err->fields[i].field, "current_password") &&
            sok_text_eq(err->fields[i].code, "wrong"))
            sok_api_audit(request, "password_change_failed", "user", request->principal.user_id, NULL, NULL);
}

// Whoever knew the old password is out: every other session ends, the caller's own goes on.
enum sok_status sok_auth_set_password(struct sok_request *request, struct sok_error *err)
{
    struct sok_auth *auth = sok_api_of(request)->auth;
    const char *user_id = request->principal.user_id;
    const char *current = sok_api_text(request, "current_password", true, TEXT_MAX, err);
    const char *fresh = sok_api_text(request, "new_password", true, TEXT_MAX, err);
    enum sok_status good = sok_password_check("new_password", fresh, err);
    if (!current) // nothing to compare
        return good == SOK_OK ? err->status : good;
    enum sok_status status = sok_accounts_set_password(&auth->accounts, user_id, current, fresh, err);
    if (status == SOK_INVALID)
        note_wrong_password(request, err);
    SOK_TRY(status);
    sok_api_login_succeeded(request, user_id);
    SOK_TRY(sok_session_end_user(
        auth->sessions, user_id, request->principal.session_id, "password_changed", err));
    sok_api_audit(request, "password_changed", "user", user_id, NULL, NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

// --- Sessions.

static void set_cookie(struct sok_request *request, const char *token, int64_t max_age_s)
{
    sok_reply_header(
        request, "Set-Cookie",
        sok_format(
            request->arena,
            REFRESH_COOKIE "=%s; Path=" COOKIE_PATH "; Max-Age=%lld; HttpOnly; SameSite=Strict%s", token,
            (long long)max_age_s, sok_request_is_tls(request) ? "; Secure" : ""));
}

static void reply_tokens(
    struct sok_request *request, const struct sok_tokens *tokens, const struct sok_user *user)
{
    json_t *body = json_object();
    sok_json_set_text(body, "access_token", tokens->access_token);
    sok_json_set_text(body, "refresh_token", tokens->refresh_token);
    sok_json_set_text(body, "token_type", "Bearer");
    sok_json_set_int(body, "expires_in", tokens->expires_in_s);
    json_object_set_new(body, "user", sok_auth_user_json(user));
    set_cookie(request, tokens->refresh_token, SOK_REFRESH_TTL_MS / 1000);
    sok_reply_header(request, "Cache-Control", "no-store");
    sok_reply_json(request, 200, body);
}

static void note_session(struct sok_request *request, const char *action, const char *session_id)
{
    sok_api_audit(request, action, "session", session_id, NULL, NULL);
}

// Which account was meant, if there is such a one; what was typed is not kept: now and then it is a password.
static void note_failed_login(struct sok_request *request, const char *login)
{
    struct sok_user user;
    bool is_known = sok_users_find_login(
                        sok_db_reader(sok_api_of(request)->db), request->arena, login, &user, NULL) == SOK_OK;
    SOK_JSON_AUTO *value = json_object();
    sok_json_set_optional_text(value, "username", is_known ? user.username : NULL);
    sok_api_audit(
        request, "login_failed", "user", is_known ? user.id : NULL, NULL,
        sok_json_dump(request->arena, value));
}

// A token that was used before ends its session, and is worth an entry; one that has merely run out is not.
static void note_failed_refresh(struct sok_request *request, const char *token, const char *code)
{
    struct sok_claims claims;
    struct sok_user user;
    struct sok_api *api = sok_api_of(request);
    if (!sok_text_eq(code, "token_reused") ||
        sok_jwt_verify(api->auth->jwt, token, SOK_TOKEN_REFRESH, &claims, NULL) != SOK_OK) {
        sok_log(
            SOK_LOG_INFO, SOK_LOG_AUTH, "refresh_failed", SOK_TEXT("action", "refresh_failed"),
            SOK_TEXT("code", code), SOK_TEXT("ip", request->client_ip));
        return;
    }
    if (sok_users_find(sok_db_reader(api->db), request->arena, claims.user_id, &user, NULL) == SOK_OK)
        sok_auth_note_caller(request, &user);
    note_session(request, "token_reused", sok_strdup(request->arena, claims.session_id));
}

static void measure_login(const struct sok_request *request, int64_t started_us, enum sok_status status)
{
    struct sok_metrics *metrics = sok_api_of(request)->metrics;
    double seconds = (double)(sok_time_mono_us() - started_us) / 1e6;
    sok_metric_observe(metrics, SOK_METRIC_AUTH_LOGIN_SECONDS, seconds, 0);
    sok_metric_add(
        metrics, SOK_METRIC_AUTH_LOGINS, 1, status == SOK_OK ? SOK_LOGIN_OK : SOK_LOGIN_FAILED, 0, 0);
}

static void measure_refresh(const struct sok_request *request, enum sok_status status, const char *code)
{
    int result = status == SOK_OK                    ? SOK_REFRESH_OK
                 : sok_text_eq(code, "token_reused") ? SOK_REFRESH_REUSED
                                                     : SOK_REFRESH_REFUSED;
    sok_metric_add(sok_api_of(request)->metrics, SOK_METRIC_AUTH_REFRESHES, 1, result, 0, 0);
}

enum sok_status sok_auth_login(struct sok_request *request, struct sok_error *err)
{
    struct sok_auth *auth = sok_api_of(request)->auth;
    struct sok_user user;
    struct sok_tokens tokens;
    const char *email = sok_api_text(request, "email", false, TEXT_MAX, err);
    bool by_email = !json_object_get(request->json, "username") && json_object_get(request->json, "email");
    const char *login = by_email ? email : sok_api_text(request, "username", true, TEXT_MAX, err);
    if (sok_text_empty(login))
        sok_fail_field(err, by_email ? "email" : "username", "required", "must not be empty");
    const char *password = sok_api_text(request, "password", true, TEXT_MAX, err);
    if (err->field_count)
        return err->status;
    login = sok_text_trim(request->arena, login); // as it was counted (sok_api_admit)
    int64_t started_us = sok_time_mono_us();
    enum sok_status status = sok_accounts_login(&auth->accounts, request->arena, login, password, &user, err);
    measure_login(request, started_us, status);
    if (status == SOK_UNAUTHENTICATED)
        note_failed_login(request, login);
    SOK_TRY(status);
    sok_api_login_succeeded(request, user.id);
    const char *agent = sok_request_header(request, "User-Agent");
    SOK_TRY(
        sok_session_start(auth->sessions, request->arena, user.id, request->client_ip, agent, &tokens, err));
    sok_auth_note_caller(request, &user);
    note_session(request, "login", tokens.session_id);
    reply_tokens(request, &tokens, &user);
    return SOK_OK;
}

enum sok_status sok_auth_refresh(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_user user;
    struct sok_tokens tokens;
    const char *token = sok_api_text(request, "refresh_token", false, SOK_TOKEN_MAX_BYTES, err);
    if (err->field_count)
        return err->status;
    const char *cookie = token ? NULL : sok_request_cookie(request, REFRESH_COOKIE);
    if (cookie) // the browser sent it by itself, so it must be our own page that asked
        SOK_TRY(sok_api_check_origin(request, err));
    if (!token && sok_text_empty(cookie))
        return sok_fail(err, SOK_UNAUTHENTICATED, "there is no refresh token in the body or the cookie");
    enum sok_status status =
        sok_session_refresh(api->auth->sessions, request->arena, token ? token : cookie, &tokens, err);
    measure_refresh(request, status, err->code);
    if (status == SOK_UNAUTHENTICATED) {
        note_failed_refresh(request, token ? token : cookie, err->code);
        if (cookie)
            set_cookie(request, "", 0);
    }
    SOK_TRY(status);
    SOK_TRY(sok_users_find(sok_db_reader(api->db), request->arena, tokens.user_id, &user, err));
    reply_tokens(request, &tokens, &user);
    return SOK_OK;
}

enum sok_status sok_auth_logout(struct sok_request *request, struct sok_error *err)
{
    SOK_TRY(
        sok_session_end(sok_api_of(request)->auth->sessions, request->principal.session_id, "logout", err));
    note_session(request, "logout", request->principal.session_id);
    set_cookie(request, "", 0);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

enum sok_status sok_auth_ws_ticket(struct sok_request *request, struct sok_error *err)
{
    char ticket[SOK_TICKET_SIZE];
    SOK_TRY(
        sok_ticket_new(sok_api_of(request)->cache, sok_principal_login_id(&request->principal), ticket, err));
    json_t *body = json_object();
    sok_json_set_text(body, "ticket", ticket);
    sok_json_set_int(body, "expires_in", SOK_TICKET_TTL_MS / 1000);
    sok_reply_header(request, "Cache-Control", "no-store");
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

enum sok_status sok_auth_jwks(struct sok_request *request, struct sok_error *err)
{
    sok_reply_header(request, "Cache-Control", "public, max-age=300");
    sok_reply_json(request, 200, sok_keys_jwks(sok_api_of(request)->auth->keys));
    return SOK_OK;
}
