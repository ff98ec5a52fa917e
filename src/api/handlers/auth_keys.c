// One's own API keys.
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "base/time.h"
#include "services/auth/api_keys.h"
#include "services/auth/auth.h"

#define NAME_MAX_BYTES ((size_t)4 * SOK_API_KEY_NAME_MAX)
#define TIME_MAX_BYTES 64

static json_t *key_json(const struct sok_api_key *key)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", key->id);
    sok_json_set_text(body, "name", key->name);
    sok_json_set_text(body, "prefix", key->prefix);
    sok_json_set_time(body, "created_at", key->created_at);
    sok_json_set_time(body, "expires_at", key->expires_at);
    sok_json_set_time(body, "last_used_at", key->last_used_at);
    return body;
}

// For the audit trail: what it is, never the key or its hash.
static const char *key_value(const struct sok_request *request, const struct sok_api_key *key)
{
    SOK_JSON_AUTO *body = json_object();
    sok_json_set_text(body, "name", key->name);
    sok_json_set_text(body, "prefix", key->prefix);
    sok_json_set_time(body, "expires_at", key->expires_at);
    return sok_json_dump(request->arena, body);
}

enum sok_status sok_auth_keys_list(struct sok_request *request, struct sok_error *err)
{
    struct sok_db_tx *reader = sok_db_reader(sok_api_of(request)->db);
    struct sok_api_key *keys = NULL;
    size_t count = 0;
    SOK_TRY(sok_api_keys_list(reader, request->arena, request->principal.user_id, &keys, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, key_json(&keys[i]));
    struct sok_page_info info;
    SOK_TRY(sok_api_cut_json(request, request->principal.user_id, list, &list, &info, err));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

// A key that was to do less must not come out doing everything.
static void refuse_limits(const struct sok_request *request, struct sok_error *err)
{
    static const char *const names[] = {"scopes", "scope", "permissions", "role", "roles", "read_only"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (json_object_get(request->json, names[i]))
            sok_fail_field(err, names[i], "unsupported", "a key has all the rights of its owner");
}

enum sok_status sok_auth_key_create(struct sok_request *request, struct sok_error *err)
{
    struct sok_sessions *sessions = sok_api_of(request)->auth->sessions;
    const char *name = sok_api_text(request, "name", true, NAME_MAX_BYTES, err);
    const char *expires = sok_api_text(request, "expires_at", false, TIME_MAX_BYTES, err);
    struct sok_api_key key;
    char text[SOK_API_KEY_SIZE];
    int64_t expires_at = 0;
    if (expires && (!sok_time_parse(expires, &expires_at) || expires_at <= 0))
        sok_fail_field(err, "expires_at", "invalid", "must be a time as in RFC 3339");
    name = name ? sok_text_trim(request->arena, name) : NULL;
    refuse_limits(request, err);
    sok_api_key_check(sessions, name, expires_at, err);
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_api_key_create(
        sessions, request->arena, request->principal.user_id, name, expires_at, &key, text, err));
    sok_api_audit(request, "api_key.create", "api_key", key.id, NULL, key_value(request, &key));
    json_t *body = key_json(&key);
    sok_json_set_text(body, "key", text);
    sok_wipe(text, sizeof(text));
    sok_reply_header(request, "Cache-Control", "no-store");
    sok_reply_json(request, 201, body);
    return SOK_OK;
}

enum sok_status sok_auth_key_delete(struct sok_request *request, struct sok_error *err)
{
    const char *id = NULL;
    struct sok_api_key key;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_api_key_delete(
        sok_api_of(request)->auth->sessions, request->arena, request->principal.user_id, id, &key, err));
    sok_api_audit(request, "api_key.delete", "api_key", id, key_value(request, &key), NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}
