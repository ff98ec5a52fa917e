// For admins: the providers.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "services/auth/auth.h"
#include "services/providers/registry.h"
#include "services/providers/store.h"

#define TEXT_MAX 2048 // what is allowed is said by services/providers

static struct sok_provider_store store_of(const struct sok_request *request)
{
    struct sok_api *api = sok_api_of(request);
    return (struct sok_provider_store){api->db, api->auth->secretbox, api->clock};
}

// The key itself never goes out again.
static json_t *instance_json(const struct sok_provider_instance *provider)
{
    const struct sok_provider_config *config = &provider->config;
    json_t *body = json_object();
    sok_json_set_text(body, "id", config->id);
    sok_json_set_text(body, "name", config->name);
    sok_json_set_text(body, "kind", config->kind);
    // A URL of the environment may hold its key as a parameter.
    const char *url = config->base_url ? config->base_url : provider->driver->default_url;
    size_t len = url ? strcspn(url, "?") : 0;
    json_object_set_new(body, "base_url", url ? json_stringn(url, len) : json_null());
    sok_json_set_bool(body, "has_key", sok_provider_has_key(config));
    sok_json_set_bool(body, "enabled", config->enabled);
    sok_json_set_int(body, "priority", config->priority);
    sok_json_set_bool(body, "releases", provider->driver->can & SOK_PROVIDER_RELEASES);
    sok_json_set_bool(body, "metadata", provider->driver->can & SOK_PROVIDER_METADATA);
    sok_json_set_text(body, "origin", provider->from_environment ? "environment" : "database");
    return body;
}

// How its last calls went, and when it was made and changed, if it is in the table.
static enum sok_status add_health(
    const struct sok_request *request, json_t *body, const char *name, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(sok_api_of(request)->db);
    struct sok_provider_health health;
    struct sok_provider row;
    SOK_TRY(sok_providers_health(tx, request->arena, name, &health, err));
    sok_json_set_time(body, "last_ok_at", health.last_ok_at);
    sok_json_set_time(body, "last_error_at", health.last_error_at);
    sok_json_set_optional_text(body, "last_error", health.last_error);
    if (sok_providers_find_name(tx, request->arena, name, &row, NULL) != SOK_OK)
        return SOK_OK;
    sok_json_set_time(body, "created_at", row.created_at);
    sok_json_set_time(body, "updated_at", row.updated_at);
    return SOK_OK;
}

enum sok_status sok_admin_providers_list(struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_instance *items = NULL;
    size_t count = 0;
    SOK_TRY(sok_providers_load(sok_api_of(request)->providers, request->arena, &items, &count, err));
    SOK_JSON_AUTO *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = instance_json(&items[i]);
        json_array_append_new(all, one);
        SOK_TRY(add_health(request, one, items[i].config.name, err));
    }
    json_t *list;
    struct sok_page_info info;
    SOK_TRY(sok_api_cut_json(request, "", json_incref(all), &list, &info, err));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

// What cannot be read is noted; sok_provider_store_put says the rest, and fails.
static struct sok_provider_edit read_edit(const struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_edit edit = SOK_PROVIDER_EDIT_NONE;
    const json_t *enabled = json_object_get(request->json, "enabled");
    const json_t *key = json_object_get(request->json, "api_key");
    edit.name = sok_api_text(request, "name", false, TEXT_MAX, err);
    edit.kind = sok_api_text(request, "kind", false, TEXT_MAX, err);
    edit.base_url = sok_api_text(request, "base_url", false, TEXT_MAX, err);
    edit.api_key = json_is_null(key) ? "" : sok_api_text(request, "api_key", false, TEXT_MAX, err);
    edit.priority = sok_api_int(request, "priority", 0, 1000, -1, err);
    if (enabled && !json_is_boolean(enabled))
        sok_fail_field(err, "enabled", "wrong_type", "must be true or false");
    else if (enabled)
        edit.enabled = json_is_true(enabled);
    return edit;
}

static enum sok_status load_provider(
    const struct sok_request *request, const char *id, struct sok_provider_instance *ret,
    struct sok_error *err)
{
    return sok_providers_load_one(sok_api_of(request)->providers, request->arena, id, ret, err);
}

static int64_t changed_at(const struct sok_request *request, const struct sok_provider_instance *provider)
{
    struct sok_provider row;
    bool is_there = sok_providers_find(
                        sok_db_reader(sok_api_of(request)->db), request->arena, provider->config.id, &row,
                        NULL) == SOK_OK;
    return is_there ? row.updated_at : 0;
}

static enum sok_status reply_provider(
    struct sok_request *request, int http_status, const struct sok_provider_instance *provider,
    struct sok_error *err)
{
    SOK_JSON_AUTO *body = instance_json(provider);
    SOK_TRY(add_health(request, body, provider->config.name, err));
    const char *version = sok_api_version(request, provider->config.id, changed_at(request, provider));
    sok_reply_header(request, "ETag", sok_api_version_with(request, version, body));
    sok_reply_json(request, http_status, json_incref(body));
    return SOK_OK;
}

enum sok_status sok_admin_provider_get(struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_instance provider;
    SOK_TRY(load_provider(request, sok_request_param(request, "id"), &provider, err));
    return reply_provider(request, 200, &provider, err);
}

// What is written down of a provider: of its key, that there is one.
static json_t *audit_json(const struct sok_provider_instance *provider)
{
    json_t *value = instance_json(provider);
    static const char *const left_out[] = {"id", "releases", "metadata", "origin"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(left_out); i++)
        json_object_del(value, left_out[i]);
    return value;
}

enum sok_status sok_admin_provider_add(struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_store store = store_of(request);
    struct sok_provider row;
    struct sok_provider_instance provider;
    const struct sok_provider_edit edit = read_edit(request, err);
    SOK_TRY(sok_provider_store_put(&store, request->arena, NULL, &edit, &row, err));
    SOK_TRY(load_provider(request, row.id, &provider, err));
    sok_api_audit_change(request, "provider.add", "provider", row.id, NULL, audit_json(&provider));
    sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/admin/providers/%s", row.id));
    return reply_provider(request, 201, &provider, err);
}

// Those of the environment are found, but cannot be changed here.
static enum sok_status find_changeable(
    struct sok_request *request, struct sok_provider_instance *ret, struct sok_error *err)
{
    struct sok_provider_instance provider;
    SOK_TRY(load_provider(request, sok_request_param(request, "id"), &provider, err));
    if (provider.from_environment) {
        enum sok_status status =
            sok_fail(err, SOK_CONFLICT, "this provider comes from the environment and is changed there");
        err->code = "provider_from_environment";
        return status;
    }
    *ret = provider;
    return SOK_OK;
}

enum sok_status sok_admin_provider_update(struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_store store = store_of(request);
    struct sok_provider row;
    struct sok_provider_instance before, after;
    SOK_TRY(find_changeable(request, &before, err));
    int64_t seen_at = changed_at(request, &before);
    SOK_TRY(sok_api_check_version(request, sok_api_version(request, before.config.id, seen_at), err));
    struct sok_provider_edit edit = read_edit(request, err);
    if (!json_object_size(request->json))
        return reply_provider(request, 200, &before, err);
    if (sok_request_header(request, "If-Match"))
        edit.seen_updated_at = seen_at;
    SOK_TRY(sok_provider_store_put(&store, request->arena, before.config.id, &edit, &row, err));
    SOK_TRY(load_provider(request, before.config.id, &after, err));
    json_t *new_value = audit_json(&after);
    if (!sok_text_eq(before.config.api_key, after.config.api_key))
        sok_json_set_bool(new_value, "key_changed", true);
    sok_api_audit_change(
        request, "provider.update", "provider", after.config.id, audit_json(&before), new_value);
    return reply_provider(request, 200, &after, err);
}

enum sok_status sok_admin_provider_remove(struct sok_request *request, struct sok_error *err)
{
    struct sok_provider_store store = store_of(request);
    struct sok_provider_instance provider;
    SOK_TRY(find_changeable(request, &provider, err));
    SOK_TRY(sok_provider_store_remove(&store, provider.config.id, err));
    sok_api_audit_change(
        request, "provider.remove", "provider", provider.config.id, audit_json(&provider), NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

// The provider's failure is the answer's content, not the request's failure.
enum sok_status sok_admin_provider_test(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_provider_instance provider;
    SOK_TRY(load_provider(request, sok_request_param(request, "id"), &provider, err));
    struct sok_error found = {0};
    int64_t started = sok_clock_mono_ms(api->clock);
    enum sok_status status = sok_providers_test(api->providers, request->arena, &provider, &found);
    json_t *body = json_object();
    sok_json_set_bool(body, "ok", status == SOK_OK);
    sok_json_set_int(body, "latency_ms", sok_clock_mono_ms(api->clock) - started);
    json_object_set_new(body, "error", status == SOK_OK ? json_null() : json_string(found.message));
    sok_api_audit(
        request, "provider.test", "provider", provider.config.id, NULL, sok_json_dump(request->arena, body));
    sok_reply_json(request, 200, body);
    return SOK_OK;
}
