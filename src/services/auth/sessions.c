#include "services/auth/sessions.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/text.h"
#include "data/sessions.h"
#include "data/users.h"
#include "services/auth/sessions_private.h"

// --- Events.

static void on_event(const struct sok_event *event, void *context)
{
    struct sok_sessions *sessions = context;
    SOK_JSON_AUTO *body = NULL;
    if (sok_json_parse(event->json, strlen(event->json), 4096, &body, NULL) != SOK_OK)
        return;
    const char *user_id = sok_json_text(body, "user_id", NULL);
    const char *session_id = sok_json_text(body, "session_id", NULL);
    if (session_id)
        sok_live_drop(sessions->live, session_id);
    else if (user_id)
        sok_live_drop_user(sessions->live, user_id, sok_json_text(body, "keep", NULL));
}

static void publish(
    struct sok_sessions *sessions, const char *subject, const char *user_id, const char *session_id,
    const char *keep, bool keys)
{
    if (!sessions->parts.queue)
        return;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *body = json_object();
    sok_json_set_text(body, "user_id", user_id);
    sok_json_set_text(body, "session_id", session_id);
    sok_json_set_text(body, "keep", keep);
    if (keys)
        sok_json_set_bool(body, "keys", true);
    struct sok_event event = {.subject = subject, .user_id = user_id, .json = sok_json_dump(arena, body)};
    sok_queue_publish_event(sessions->parts.queue, &event);
}

void sok_auth_forget_login(struct sok_sessions *sessions, const char *user_id, const char *id)
{
    sok_live_drop(sessions->live, id);
    publish(sessions, "invalidate.session", user_id, id, NULL, false);
}

void sok_auth_forget_logins(struct sok_sessions *sessions, const char *user_id)
{
    sok_live_drop_user(sessions->live, user_id, NULL);
    publish(sessions, "invalidate.session", user_id, NULL, NULL, true);
}

enum sok_status sok_sessions_new(
    const struct sok_sessions_options *options, struct sok_sessions **ret, struct sok_error *err)
{
    struct sok_sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        sok_panic("out of memory");
    sessions->parts = *options;
    sessions->live = sok_live_new();
    enum sok_status status = SOK_OK;
    if (options->queue)
        status = sok_queue_subscribe(options->queue, "invalidate.", on_event, sessions, err);
    if (status != SOK_OK) {
        sok_sessions_free(sessions);
        return status;
    }
    *ret = sessions;
    return SOK_OK;
}

struct sok_sessions *sok_sessions_free(struct sok_sessions *sessions)
{
    if (!sessions)
        return NULL;
    sok_live_free(sessions->live);
    free(sessions);
    return NULL;
}

// --- Tokens.

enum sok_status sok_auth_refuse(struct sok_error *err, const char *code, const char *why)
{
    enum sok_status status = sok_fail(err, SOK_UNAUTHENTICATED, "%s", why);
    if (err)
        err->code = code;
    return status;
}

#define HASH_TEXT (2 * SHA256_DIGEST_LENGTH + 1)

static void hash_token(const char *token, char ret_text[HASH_TEXT])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, strlen(token), digest);
    sok_hex_encode(digest, sizeof(digest), ret_text);
}

static enum sok_status issue_pair(
    struct sok_sessions *sessions, struct sok_arena *arena, const struct sok_user *user,
    const char *session_id, int64_t now_ms, struct sok_tokens *ret, struct sok_error *err)
{
    struct sok_claims claims = {.issued_at = now_ms / 1000 * 1000};
    struct sok_tokens tokens = {.expires_in_s = SOK_ACCESS_TTL_MS / 1000};
    snprintf(claims.user_id, sizeof(claims.user_id), "%s", user->id);
    snprintf(claims.session_id, sizeof(claims.session_id), "%s", session_id);
    for (int type = SOK_TOKEN_ACCESS; type <= SOK_TOKEN_REFRESH; type++) {
        bool access = type == SOK_TOKEN_ACCESS;
        claims.type = type;
        claims.expires_at = claims.issued_at + (access ? SOK_ACCESS_TTL_MS : SOK_REFRESH_TTL_MS);
        sok_uuid7(now_ms, claims.token_id);
        SOK_TRY(sok_jwt_issue(
            sessions->parts.jwt, arena, &claims, access ? user->role : NULL,
            access ? &tokens.access_token : &tokens.refresh_token, err));
    }
    tokens.session_id = sok_strdup(arena, session_id);
    tokens.user_id = sok_strdup(arena, user->id);
    *ret = tokens;
    return SOK_OK;
}

// --- Starting.

struct start {
    struct sok_session session;
    const char *token_hash;
};

static enum sok_status start_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct start *start = context;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_user user;
    SOK_TRY(sok_users_find(tx, arena, start->session.user_id, &user, err));
    if (!user.is_active)
        return sok_auth_refuse(err, "session_ended", "the account is disabled");
    user.last_login_at = start->session.created_at;
    SOK_TRY(sok_users_update(tx, &user, err));
    SOK_TRY(sok_sessions_insert(tx, &start->session, err));
    return sok_refresh_tokens_insert(
        tx, start->token_hash, start->session.id, start->session.created_at, start->session.expires_at, err);
}

enum sok_status sok_session_start(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *ip,
    const char *user_agent, struct sok_tokens *ret, struct sok_error *err)
{
    int64_t now = sok_clock_now_ms(sessions->parts.clock);
    char session_id[SOK_UUID_LEN + 1], hash[HASH_TEXT];
    struct sok_user user;
    struct sok_tokens tokens;
    SOK_TRY(sok_users_find(sok_db_reader(sessions->parts.db), arena, user_id, &user, err));
    sok_uuid7(now, session_id);
    SOK_TRY(issue_pair(sessions, arena, &user, session_id, now, &tokens, err));
    hash_token(tokens.refresh_token, hash);
    struct start start = {
        .session =
            {
                .id = session_id,
                .user_id = user_id,
                .client_ip = ip,
                .user_agent = user_agent ? sok_utf8_clean(arena, user_agent, strnlen(user_agent, 256)) : NULL,
                .created_at = now,
                .last_used_at = now,
                .expires_at = now + SOK_REFRESH_TTL_MS,
            },
        .token_hash = hash,
    };
    SOK_TRY(sok_db_write(sessions->parts.db, start_body, &start, err));
    *ret = tokens;
    return SOK_OK;
}

// --- Continuing.

struct rotation {
    const char *old_hash, *new_hash, *session_id;
    int64_t now_ms;
    enum sok_status outcome; // of using the old token
};

static enum sok_status rotation_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct rotation *rotation = context;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_session session;
    rotation->outcome =
        sok_refresh_tokens_use(tx, arena, rotation->old_hash, rotation->now_ms, &session, err);
    if (rotation->outcome == SOK_CONFLICT || rotation->outcome == SOK_NOT_FOUND)
        return SOK_OK; // what a reused token ended is to be committed
    SOK_TRY(rotation->outcome);
    if (!sok_text_eq(session.id, rotation->session_id)) {
        rotation->outcome = SOK_NOT_FOUND;
        return SOK_OK;
    }
    int64_t expires_at = rotation->now_ms + SOK_REFRESH_TTL_MS;
    SOK_TRY(sok_sessions_extend(tx, session.id, rotation->now_ms, expires_at, err));
    return sok_refresh_tokens_insert(tx, rotation->new_hash, session.id, rotation->now_ms, expires_at, err);
}

enum sok_status sok_session_refresh(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *refresh_token, struct sok_tokens *ret,
    struct sok_error *err)
{
    struct sok_claims claims;
    struct sok_user user;
    struct sok_tokens tokens;
    int64_t now = sok_clock_now_ms(sessions->parts.clock);
    SOK_TRY(sok_jwt_verify(sessions->parts.jwt, refresh_token, SOK_TOKEN_REFRESH, &claims, err));
    enum sok_status found =
        sok_users_find(sok_db_reader(sessions->parts.db), arena, claims.user_id, &user, err);
    if (found == SOK_NOT_FOUND || (found == SOK_OK && !user.is_active))
        return sok_auth_refuse(err, "session_ended", "the session has ended");
    SOK_TRY(found);
    SOK_TRY(issue_pair(sessions, arena, &user, claims.session_id, now, &tokens, err));
    char old_hash[HASH_TEXT], new_hash[HASH_TEXT];
    hash_token(refresh_token, old_hash);
    hash_token(tokens.refresh_token, new_hash);
    struct rotation rotation = {
        .old_hash = old_hash, .new_hash = new_hash, .session_id = claims.session_id, .now_ms = now};
    SOK_TRY(sok_db_write(sessions->parts.db, rotation_body, &rotation, err));
    if (rotation.outcome == SOK_CONFLICT) {
        sok_auth_forget_login(sessions, claims.user_id, claims.session_id);
        return sok_auth_refuse(
            err, "token_reused", "this refresh token was used before: the session has been ended");
    }
    if (rotation.outcome != SOK_OK)
        return sok_auth_refuse(err, "session_ended", "the session has ended");
    *ret = tokens;
    return SOK_OK;
}

// --- Asking.

static int role_of(const char *name)
{
    if (sok_text_eq(name, SOK_ROLE_NAME_ADMIN))
        return SOK_USER_ADMIN;
    return sok_text_eq(name, SOK_ROLE_NAME_MODERATOR) ? SOK_USER_MODERATOR : SOK_USER_USER;
}

enum sok_status sok_auth_load_user(
    struct sok_db_tx *reader, const char *user_id, struct sok_live_session *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_user user;
    enum sok_status status = sok_users_find(reader, arena, user_id, &user, err);
    if (status == SOK_NOT_FOUND || (status == SOK_OK && !user.is_active))
        return sok_auth_refuse(err, "session_ended", "the session has ended");
    SOK_TRY(status);
    struct sok_live_session live = {.role = role_of(user.role)};
    snprintf(live.user_id, sizeof(live.user_id), "%s", user.id);
    snprintf(live.username, sizeof(live.username), "%s", user.username);
    *ret = live;
    return SOK_OK;
}

// Ids never come twice, so the one that is no session's may be an API key's.
static enum sok_status load(
    struct sok_sessions *sessions, const char *id, struct sok_live_session *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_tx *reader = sok_db_reader(sessions->parts.db);
    struct sok_live_session live;
    struct sok_session session;
    enum sok_status status = sok_sessions_find(reader, arena, id, &session, err);
    if (status == SOK_NOT_FOUND) {
        status = sok_auth_load_key(sessions, id, NULL, ret, err);
        return status == SOK_NOT_FOUND ? sok_auth_refuse(err, "session_ended", "the session has ended")
                                       : status;
    }
    SOK_TRY(status);
    if (session.ended_at)
        return sok_auth_refuse(err, "session_ended", "the session has ended");
    SOK_TRY(sok_auth_load_user(reader, session.user_id, &live, err));
    snprintf(live.session_id, sizeof(live.session_id), "%s", session.id);
    live.expires_at = session.expires_at;
    *ret = live;
    return SOK_OK;
}

enum sok_status sok_auth_principal(
    struct sok_sessions *sessions, struct sok_arena *arena, const struct sok_live_session *live,
    struct sok_principal *ret, struct sok_error *err)
{
    if (sok_clock_now_ms(sessions->parts.clock) >= live->expires_at)
        return sok_auth_refuse(err, "session_ended", "the session has ended");
    const char *id = sok_strdup(arena, live->session_id);
    bool is_key = live->key_hash[0];
    *ret = (struct sok_principal){
        .user_id = sok_strdup(arena, live->user_id),
        .username = sok_strdup(arena, live->username),
        .session_id = is_key ? NULL : id,
        .api_key_id = is_key ? id : NULL,
        .role = live->role,
    };
    return SOK_OK;
}

enum sok_status sok_session_find(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *session_id, struct sok_principal *ret,
    struct sok_error *err)
{
    struct sok_live_session live;
    int64_t mono = sok_clock_mono_ms(sessions->parts.clock);
    if (!sok_live_get(sessions->live, session_id, mono, &live)) {
        uint64_t generation = sok_live_generation(sessions->live);
        SOK_TRY(load(sessions, session_id, &live, err));
        sok_live_put(sessions->live, generation, &live, mono);
    }
    return sok_auth_principal(sessions, arena, &live, ret, err);
}

enum sok_status sok_session_authenticate(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *access_token,
    struct sok_principal *ret, struct sok_error *err)
{
    struct sok_claims claims;
    struct sok_principal principal = {0};
    SOK_TRY(sok_jwt_verify(sessions->parts.jwt, access_token, SOK_TOKEN_ACCESS, &claims, err));
    SOK_TRY(sok_session_find(sessions, arena, claims.session_id, &principal, err));
    if (!principal.session_id || !sok_text_eq(principal.user_id, claims.user_id))
        return sok_auth_refuse(err, "token_invalid", "the token does not belong to its session");
    *ret = principal;
    return SOK_OK;
}

// --- Ending.

struct ending {
    const char *session_id, *user_id, *keep, *reason;
    int64_t now_ms;
    bool keys; // the user may no longer come in, with nothing
};

static enum sok_status end_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct ending *ending = context;
    if (ending->session_id)
        return sok_sessions_end(tx, ending->session_id, ending->reason, ending->now_ms, err);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_user user;
    struct sok_error ignored = {0};
    enum sok_status found = sok_users_find(tx, arena, ending->user_id, &user, &ignored);
    ending->keys = found == SOK_NOT_FOUND || (found == SOK_OK && !user.is_active);
    return sok_sessions_end_of_user(
        tx, ending->user_id, ending->keep, ending->reason, ending->now_ms, NULL, err);
}

enum sok_status sok_session_end(
    struct sok_sessions *sessions, const char *session_id, const char *reason, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_session session;
    enum sok_status status =
        sok_sessions_find(sok_db_reader(sessions->parts.db), arena, session_id, &session, err);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    SOK_TRY(status);
    struct ending ending = {
        .session_id = session_id, .reason = reason, .now_ms = sok_clock_now_ms(sessions->parts.clock)};
    SOK_TRY(sok_db_write(sessions->parts.db, end_body, &ending, err));
    sok_auth_forget_login(sessions, session.user_id, session_id);
    return SOK_OK;
}

enum sok_status sok_session_end_user(
    struct sok_sessions *sessions, const char *user_id, const char *keep_session_id, const char *reason,
    struct sok_error *err)
{
    struct ending ending = {
        .user_id = user_id,
        .keep = keep_session_id,
        .reason = reason,
        .now_ms = sok_clock_now_ms(sessions->parts.clock)};
    SOK_TRY(sok_db_write(sessions->parts.db, end_body, &ending, err));
    sok_live_drop_user(sessions->live, user_id, keep_session_id);
    publish(sessions, "invalidate.session", user_id, NULL, keep_session_id, ending.keys);
    return SOK_OK;
}

void sok_session_forget_user(struct sok_sessions *sessions, const char *user_id)
{
    sok_live_drop_user(sessions->live, user_id, NULL);
    publish(sessions, "invalidate.user", user_id, NULL, NULL, false);
}

enum sok_status sok_sessions_catch_up(
    struct sok_sessions *sessions, struct sok_arena *arena, const char ***ret_user_ids, size_t *ret_count,
    struct sok_error *err)
{
    int64_t since_ms = sok_clock_now_ms(sessions->parts.clock) - SOK_CATCH_UP_MS;
    SOK_TRY(sok_users_changed_since(
        sok_db_reader(sessions->parts.db), arena, since_ms, ret_user_ids, ret_count, err));
    for (size_t i = 0; i < *ret_count; i++)
        sok_live_drop_user(sessions->live, (*ret_user_ids)[i], NULL);
    return SOK_OK;
}
