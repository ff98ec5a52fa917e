#include "api/middleware/middleware.h"

#include "backends/db/db.h"
#include "base/rand.h"
#include "base/text.h"
#include "data/audit.h"
#include "net/address.h"
#include "runtime/log.h"

// What the line in the stream of sign-ins is about, too.
static const char *const auth_actions[] = {
    "api_key.create",   "api_key.delete", "login",
    "login_failed",     "logout",         "password_change_failed",
    "password_changed", "password_reset", "password_reset_requested",
    "register",         "token_reused",
};

static bool is_auth(const char *action)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(auth_actions); i++)
        if (sok_text_eq(auth_actions[i], action))
            return true;
    return false;
}

static enum sok_status write_entry(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_audit_insert(tx, context, err);
}

static void log_entry(const char *job, const char *message, const struct sok_audit *entry)
{
    sok_log(
        SOK_LOG_INFO, job, message, SOK_TEXT("audit_id", entry->id), SOK_TEXT("action", entry->action),
        SOK_TEXT("resource", entry->resource), SOK_TEXT("resource_id", entry->resource_id),
        SOK_TEXT("user_id", entry->user_id), SOK_TEXT("username", entry->username),
        SOK_TEXT("ip", entry->ip_address));
}

void sok_api_audit_entry(struct sok_api *api, struct sok_audit *entry)
{
    char id[SOK_UUID_LEN + 1], ip_key[SOK_ADDRESS_KEY_SIZE];
    struct sok_address address;
    struct sok_error err = {0};
    entry->created_at = sok_clock_now_ms(api->clock);
    sok_uuid7(entry->created_at, id);
    entry->id = id;
    if (entry->ip_address && sok_address_parse(entry->ip_address, &address)) {
        sok_address_key(&address, ip_key);
        entry->ip_key = ip_key;
    }
    log_entry(SOK_LOG_AUDIT, "audit", entry);
    if (is_auth(entry->action))
        log_entry(SOK_LOG_AUTH, entry->action, entry);
    if (sok_db_write(api->db, write_entry, entry, &err) != SOK_OK)
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_AUDIT, "an audit entry could not be written", &err);
    else
        sok_metric_add(api->metrics, SOK_METRIC_AUDIT_ENTRIES, 1, 0, 0, 0);
    entry->id = entry->ip_key = NULL; // they were this call's
}

void sok_api_audit(
    struct sok_request *request, const char *action, const char *resource, const char *resource_id,
    const char *old_value, const char *new_value)
{
    struct sok_audit entry = {
        .user_id = request->principal.user_id,
        .username = request->principal.username,
        .action = action,
        .resource = resource,
        .resource_id = resource_id,
        .old_value = old_value,
        .new_value = new_value,
        .ip_address = request->client_ip,
        .request_id = request->request_id,
    };
    sok_api_audit_entry(sok_api_of(request), &entry);
}

// Without what is the same in both.
static void keep_differences(json_t *old_value, json_t *new_value)
{
    const char *key;
    json_t *value;
    void *next;
    if (!old_value || !new_value)
        return;
    json_object_foreach_safe(old_value, next, key, value)
    {
        if (json_equal(value, json_object_get(new_value, key))) {
            json_object_del(new_value, key);
            json_object_del(old_value, key);
        }
    }
}

void sok_api_audit_change(
    struct sok_request *request, const char *action, const char *resource, const char *resource_id,
    json_t *old_value_taken, json_t *new_value_taken)
{
    SOK_JSON_AUTO *old_value = old_value_taken, *new_value = new_value_taken;
    keep_differences(old_value, new_value);
    sok_api_audit(
        request, action, resource, resource_id, sok_json_dump(request->arena, old_value),
        sok_json_dump(request->arena, new_value));
}
