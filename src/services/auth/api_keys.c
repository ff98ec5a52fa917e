#include "services/auth/api_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "services/auth/sessions_private.h"

#define RANDOM_BYTES 32
#define PREFIX_CHARS 12 // shown in lists, to tell keys apart; the rest still has 208 bits

// --- Making and deleting.

void sok_api_key_check(
    const struct sok_sessions *sessions, const char *name, int64_t expires_at, struct sok_error *err)
{
    size_t characters = 0;
    bool printable = true;
    for (const char *at = name ? name : ""; *at; at++) {
        characters += ((unsigned char)*at & 0xc0) != 0x80;
        printable = printable && (unsigned char)*at >= ' ' && *at != 0x7f;
    }
    if (!characters)
        sok_fail_field(err, "name", "required", "a name is needed");
    else if (characters > SOK_API_KEY_NAME_MAX)
        sok_fail_field(err, "name", "too_long", "at most %d characters", SOK_API_KEY_NAME_MAX);
    else if (!printable)
        sok_fail_field(err, "name", "invalid", "printable characters only");
    if (expires_at && expires_at <= sok_clock_now_ms(sessions->parts.clock))
        sok_fail_field(err, "expires_at", "in_the_past", "must lie in the future");
}

static enum sok_status insert_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct sok_api_key *key = context;
    int64_t count = 0;
    SOK_TRY(sok_api_keys_count(tx, key->user_id, &count, err));
    if (count < SOK_API_KEYS_MAX)
        return sok_api_keys_insert(tx, key, err);
    enum sok_status status =
        sok_fail(err, SOK_CONFLICT, "an account has at most %d API keys: delete one", SOK_API_KEYS_MAX);
    if (err)
        err->code = "too_many_keys";
    return status;
}

enum sok_status sok_api_key_create(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *name,
    int64_t expires_at, struct sok_api_key *ret, char ret_key[SOK_API_KEY_SIZE], struct sok_error *err)
{
    int64_t now = sok_clock_now_ms(sessions->parts.clock);
    char text[SOK_API_KEY_SIZE] = SOK_API_KEY_START, id[SOK_UUID_LEN + 1], hash[SOK_SHA256_HEX];
    size_t start = strlen(SOK_API_KEY_START);
    struct sok_error found = {0};
    sok_api_key_check(sessions, name, expires_at, &found);
    if (found.field_count)
        return sok_fail_fields(err, &found);
    sok_random_token(RANDOM_BYTES, text + start, sizeof(text) - start);
    sok_sha256_hex(text, strlen(text), hash);
    sok_uuid7(now, id);
    struct sok_api_key key = {
        .id = sok_strdup(arena, id),
        .user_id = user_id,
        .name = name,
        .prefix = sok_strndup(arena, text, PREFIX_CHARS),
        .key_hash = sok_strdup(arena, hash),
        .created_at = now,
        .expires_at = expires_at};
    SOK_TRY(sok_db_write(sessions->parts.db, insert_body, &key, err));
    *ret = key;
    memcpy(ret_key, text, sizeof(text));
    sok_wipe(text, sizeof(text));
    return SOK_OK;
}

struct deletion {
    const char *user_id, *id;
    struct sok_arena *arena;
    struct sok_api_key key;
};

static enum sok_status delete_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct deletion *deletion = context;
    SOK_TRY(sok_api_keys_find_own(tx, deletion->arena, deletion->user_id, deletion->id, &deletion->key, err));
    return sok_api_keys_delete(tx, deletion->user_id, deletion->id, err);
}

enum sok_status sok_api_key_delete(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *id,
    struct sok_api_key *ret, struct sok_error *err)
{
    struct deletion deletion = {.user_id = user_id, .id = id, .arena = arena};
    SOK_TRY(sok_db_write(sessions->parts.db, delete_body, &deletion, err));
    sok_auth_forget_login(sessions, user_id, id);
    *ret = deletion.key;
    return SOK_OK;
}

void sok_api_keys_forget(struct sok_sessions *sessions, const char *user_id)
{
    sok_auth_forget_logins(sessions, user_id);
}

// --- When it was used: written by a thread of its own, so that no request waits for it.

struct touch {
    struct sok_sessions *sessions;
    char id[SOK_UUID_LEN + 1];
    int64_t now_ms;
};

static enum sok_status touch_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct touch *touch = context;
    return sok_api_keys_touch(tx, touch->id, touch->now_ms, err);
}

static void run_touch(void *context)
{
    struct touch *touch = context;
    struct sok_error ignored = {0}; // deleted meanwhile, or a database that is down: the next use tries again
    enum sok_status status = sok_db_write(touch->sessions->parts.db, touch_body, touch, &ignored);
    (void)status;
    free(touch);
}

static void touch_later(struct sok_sessions *sessions, const struct sok_api_key *key, int64_t now_ms)
{
    if (!sessions->parts.background || now_ms - key->last_used_at < SOK_API_KEY_TOUCH_MS)
        return;
    struct touch *touch = malloc(sizeof(*touch));
    if (!touch)
        sok_panic("out of memory");
    *touch = (struct touch){.sessions = sessions, .now_ms = now_ms};
    snprintf(touch->id, sizeof(touch->id), "%s", key->id);
    if (!sok_pool_submit(sessions->parts.background, run_touch, touch))
        free(touch);
}

// --- Asking.

enum sok_status sok_auth_load_key(
    struct sok_sessions *sessions, const char *id, const char *key_hash, struct sok_live_session *ret,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_tx *reader = sok_db_reader(sessions->parts.db);
    int64_t now = sok_clock_now_ms(sessions->parts.clock);
    struct sok_live_session live;
    struct sok_api_key key;
    if (id)
        SOK_TRY(sok_api_keys_find_id(reader, arena, id, now, &key, err));
    else
        SOK_TRY(sok_api_keys_find(reader, arena, key_hash, now, &key, err));
    SOK_TRY(sok_auth_load_user(reader, key.user_id, &live, err));
    snprintf(live.session_id, sizeof(live.session_id), "%s", key.id);
    snprintf(live.key_hash, sizeof(live.key_hash), "%s", key.key_hash);
    live.expires_at = key.expires_at ? key.expires_at : INT64_MAX;
    touch_later(sessions, &key, now);
    *ret = live;
    return SOK_OK;
}

enum sok_status sok_api_key_authenticate(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *key, struct sok_principal *ret,
    struct sok_error *err)
{
    struct sok_live_session live;
    char hash[SOK_SHA256_HEX];
    int64_t mono = sok_clock_mono_ms(sessions->parts.clock);
    if (strnlen(key, SOK_API_KEY_SIZE) != SOK_API_KEY_LEN || !sok_text_starts(key, SOK_API_KEY_START))
        return sok_auth_refuse(err, "api_key_invalid", "there is no such API key");
    sok_sha256_hex(key, strlen(key), hash);
    if (!sok_live_get_key(sessions->live, hash, mono, &live)) {
        uint64_t generation = sok_live_generation(sessions->live);
        enum sok_status status = sok_auth_load_key(sessions, NULL, hash, &live, err);
        if (status == SOK_NOT_FOUND)
            return sok_auth_refuse(err, "api_key_invalid", "there is no such API key, or it has expired");
        SOK_TRY(status);
        sok_live_put(sessions->live, generation, &live, mono);
    }
    if (sok_clock_now_ms(sessions->parts.clock) >= live.expires_at) // it was good a moment ago
        return sok_auth_refuse(err, "api_key_invalid", "there is no such API key, or it has expired");
    return sok_auth_principal(sessions, arena, &live, ret, err);
}
