// The audit trail, for reading: there is no route that changes it.
#include <string.h>

#include "api/handlers/handlers.h"
#include "base/text.h"
#include "data/audit.h"
#include "net/address.h"

// A value as it was written; moderators see that a mail address changed, not which it was.
static json_t *value_json(const char *text, bool may_see_addresses)
{
    json_t *value = NULL;
    if (!text || sok_json_parse_lenient(text, strlen(text), (size_t)1 << 20, &value, NULL) != SOK_OK)
        return json_null();
    if (!may_see_addresses && json_object_get(value, "email"))
        json_object_set_new(value, "email", json_null());
    return value;
}

static json_t *entry_json(const struct sok_audit *entry, bool may_see_addresses)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", entry->id);
    sok_json_set_optional_text(body, "user_id", entry->user_id);
    sok_json_set_optional_text(body, "username", entry->username);
    sok_json_set_text(body, "action", entry->action);
    sok_json_set_text(body, "resource", entry->resource);
    sok_json_set_optional_text(body, "resource_id", entry->resource_id);
    json_object_set_new(body, "old_value", value_json(entry->old_value, may_see_addresses));
    json_object_set_new(body, "new_value", value_json(entry->new_value, may_see_addresses));
    sok_json_set_optional_text(body, "ip_address", entry->ip_address);
    sok_json_set_optional_text(body, "request_id", entry->request_id);
    sok_json_set_time(body, "created_at", entry->created_at);
    return body;
}

static const char *key_of(const struct sok_request *request, const struct sok_address *address)
{
    char *key = sok_alloc(request->arena, SOK_ADDRESS_KEY_SIZE);
    sok_address_key(address, key);
    return key;
}

// The addresses that ?ip= names, an address or a network; false without one. A wide v6 network reaches over
// v4, and does not hold it.
static bool read_addresses(
    const struct sok_request *request, struct sok_audit_addresses *ret, struct sok_error *err)
{
    const char *text = sok_request_query(request, "ip");
    struct sok_cidr cidr, all_v4;
    struct sok_address first, last;
    if (sok_text_empty(text))
        return false;
    if (!sok_cidr_parse(text, &cidr) || !sok_cidr_parse("0.0.0.0/0", &all_v4)) {
        sok_fail_field(err, "ip", "invalid", "must be an address or a network like 192.0.2.0/24");
        return false;
    }
    sok_cidr_range(&cidr, &first, &last);
    *ret = (struct sok_audit_addresses){.first = key_of(request, &first), .last = key_of(request, &last)};
    if (!sok_cidr_is_v4(&cidr)) {
        sok_cidr_range(&all_v4, &first, &last);
        ret->except_first = key_of(request, &first);
        ret->except_last = key_of(request, &last);
    }
    return true;
}

enum sok_status sok_admin_audit_page(struct sok_request *request, struct sok_error *err)
{
    struct sok_page page;
    struct sok_page_info info;
    struct sok_audit *entries = NULL;
    size_t count = 0;
    struct sok_audit_addresses addresses;
    bool is_admin = request->principal.role == SOK_USER_ADMIN;
    bool has_addresses = read_addresses(request, &addresses, err);
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_audit_list(
        sok_db_replica_reader(sok_api_of(request)->db), request->arena, has_addresses ? &addresses : NULL,
        &page, &entries, &count, &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_json(&entries[i], is_admin));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}
