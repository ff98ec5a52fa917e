// Address rules: who is let in and who is kept out. Nobody can keep out the address they call from.
#include <string.h>

#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "data/ip_rules.h"

#define WHITELIST "whitelist"
#define BLACKLIST "blacklist"
#define REASON_MAX_CHARACTERS 500
#define RULES_MAX 10000 // of one kind

static json_t *rule_json(const struct sok_ip_rule *rule)
{
    json_t *body = json_object();
    sok_json_set_text(body, "id", rule->id);
    sok_json_set_text(body, "cidr", rule->cidr);
    sok_json_set_optional_text(body, "reason", rule->reason);
    sok_json_set_time(body, "expires_at", rule->expires_at);
    sok_json_set_optional_text(body, "created_by", rule->created_by);
    sok_json_set_time(body, "created_at", rule->created_at);
    return body;
}

// --- Looking.

static enum sok_status show_page(struct sok_request *request, const char *kind, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_page page;
    struct sok_page_info info;
    struct sok_ip_rule *rules = NULL;
    size_t count = 0;
    SOK_TRY(sok_api_page(request, &page, err));
    SOK_TRY(sok_ip_rules_page(
        sok_db_reader(api->db), request->arena, kind, sok_clock_now_ms(api->clock), &page, &rules, &count,
        &info, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, rule_json(&rules[i]));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

// One that has expired is no rule any more.
static enum sok_status show_rule(struct sok_request *request, const char *kind, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_ip_rule rule;
    const char *id;
    SOK_TRY(sok_api_param_id(request, "id", &id, err));
    SOK_TRY(sok_ip_rules_find(sok_db_reader(api->db), request->arena, kind, id, &rule, err));
    if (rule.expires_at && rule.expires_at <= sok_clock_now_ms(api->clock))
        return sok_fail(err, SOK_NOT_FOUND, "there is no such thing");
    sok_reply_json(request, 200, rule_json(&rule));
    return SOK_OK;
}

// --- The address that must not be locked out.

#define FOREVER INT64_MAX

// Until when rules of each kind hold the caller's address; 0: none does. All of them hold from now on, so the
// caller is kept out from `white` to `black`, if that is a time at all.
struct reach {
    int64_t white, black;
};

static enum sok_status load_reach(
    struct sok_db_tx *tx, const struct sok_request *request, int64_t now_ms, struct reach *ret,
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_address caller;
    struct sok_ip_rule *rules = NULL;
    size_t count = 0;
    *ret = (struct reach){0};
    if (!request->client_ip || !sok_address_parse(request->client_ip, &caller))
        return SOK_OK; // a unix socket: no rule is about it
    SOK_TRY(sok_ip_rules_list(tx, arena, NULL, now_ms, &rules, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sok_cidr cidr;
        int64_t until = rules[i].expires_at ? rules[i].expires_at : FOREVER;
        int64_t *side = sok_text_eq(rules[i].kind, WHITELIST) ? &ret->white : &ret->black;
        if (until > *side && sok_cidr_parse(rules[i].cidr, &cidr) && sok_cidr_contains(&cidr, &caller))
            *side = until;
    }
    return SOK_OK;
}

// What keeps the caller out already, now or later, is not this change's doing.
static enum sok_status check_reach(
    const struct reach *before, const struct reach *after, struct sok_error *err)
{
    bool is_worse = after->black > before->black || after->white < before->white;
    if (after->black <= after->white || !is_worse)
        return SOK_OK;
    enum sok_status status = sok_fail(
        err, SOK_CONFLICT,
        "this would keep out the address you call from: whitelist that first, for at least as long");
    if (err)
        err->code = "would_lock_out_yourself";
    return status;
}

// --- Changing.

struct change {
    struct sok_request *request;
    const char *kind;
    struct sok_ip_rule rule;
    int64_t now_ms;
};

static enum sok_status add_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    struct reach before, after;
    int64_t count;
    SOK_TRY(load_reach(tx, change->request, change->now_ms, &before, err));
    SOK_TRY(sok_ip_rules_count(tx, change->kind, &count, err));
    if (count >= RULES_MAX) {
        enum sok_status status = sok_fail(err, SOK_CONFLICT, "there are %d rules already", RULES_MAX);
        if (err)
            err->code = "too_many_rules";
        return status;
    }
    SOK_TRY(sok_ip_rules_insert(tx, &change->rule, err));
    SOK_TRY(load_reach(tx, change->request, change->now_ms, &after, err));
    return check_reach(&before, &after, err);
}

static enum sok_status remove_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    struct reach before, after;
    SOK_TRY(load_reach(tx, change->request, change->now_ms, &before, err));
    SOK_TRY(sok_ip_rules_find(tx, change->request->arena, change->kind, change->rule.id, &change->rule, err));
    SOK_TRY(sok_ip_rules_delete(tx, change->kind, change->rule.id, err));
    SOK_TRY(load_reach(tx, change->request, change->now_ms, &after, err));
    return check_reach(&before, &after, err);
}

// One address or a network, in the one way it is written. What lies behind the prefix must be zero: whoever
// writes 192.0.2.7/24 may mean the one or the other.
static const char *read_cidr(const struct sok_request *request, struct sok_error *err)
{
    const char *text = sok_api_text(request, "cidr", true, 64, err);
    struct sok_cidr cidr;
    struct sok_address address;
    if (!text)
        return NULL;
    if (!sok_cidr_parse(text, &cidr)) {
        sok_fail_field(
            err, "cidr", "invalid", "must be an address or a network like 192.0.2.0/24 or 2001:db8::/32");
        return NULL;
    }
    char *written = sok_alloc(request->arena, 50);
    sok_cidr_format(&cidr, written);
    const char *host = sok_strndup(request->arena, text, strcspn(text, "/"));
    if (!sok_address_parse(host, &address) || memcmp(&address, &cidr.network, sizeof(address)) != 0) {
        sok_fail_field(
            err, "cidr", "host_bits", "names an address inside the network: write %s for all of it", written);
        return NULL;
    }
    return written;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static enum sok_status read_rule(struct change *change, struct sok_error *err)
{
    struct sok_request *request = change->request;
    struct sok_ip_rule *rule = &change->rule;
    rule->kind = change->kind;
    rule->cidr = read_cidr(request, err);
    rule->reason = sok_api_text(request, "reason", false, 4 * REASON_MAX_CHARACTERS, err);
    if (rule->reason && count_characters(rule->reason) > REASON_MAX_CHARACTERS)
        sok_fail_field(err, "reason", "too_long", "must be at most %d characters", REASON_MAX_CHARACTERS);
    const char *expires = sok_api_text(request, "expires_at", false, 64, err);
    if (expires && !sok_time_parse(expires, &rule->expires_at))
        sok_fail_field(err, "expires_at", "invalid", "must be a time like 2027-01-31T12:00:00Z");
    else if (expires && rule->expires_at <= change->now_ms)
        sok_fail_field(err, "expires_at", "in_the_past", "must be in the future");
    if (err->field_count)
        return err->status;
    char *id = sok_alloc(request->arena, SOK_UUID_LEN + 1);
    sok_uuid7(change->now_ms, id);
    rule->id = id;
    rule->created_by = request->principal.user_id;
    rule->created_at = change->now_ms;
    return SOK_OK;
}

static const char *rule_value(const struct change *change)
{
    SOK_JSON_AUTO *value = json_object();
    sok_json_set_text(value, "cidr", change->rule.cidr);
    sok_json_set_optional_text(value, "reason", change->rule.reason);
    sok_json_set_time(value, "expires_at", change->rule.expires_at);
    return sok_json_dump(change->request->arena, value);
}

static enum sok_status add_rule(
    struct sok_request *request, const char *kind, const char *action, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct change change = {.request = request, .kind = kind, .now_ms = sok_clock_now_ms(api->clock)};
    SOK_TRY(read_rule(&change, err));
    SOK_TRY(sok_db_write(api->db, add_body, &change, err));
    sok_ip_gate_reload(api->ip_gate);
    sok_api_audit(request, action, "ip_rule", change.rule.id, NULL, rule_value(&change));
    sok_reply_header(
        request, "Location",
        sok_format(request->arena, "/api/v1/admin/security/%s/%s", kind, change.rule.id));
    sok_reply_json(request, 201, rule_json(&change.rule));
    return SOK_OK;
}

static enum sok_status remove_rule(
    struct sok_request *request, const char *kind, const char *action, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct change change = {.request = request, .kind = kind, .now_ms = sok_clock_now_ms(api->clock)};
    SOK_TRY(sok_api_param_id(request, "id", &change.rule.id, err));
    SOK_TRY(sok_db_write(api->db, remove_body, &change, err));
    sok_ip_gate_reload(api->ip_gate);
    sok_api_audit(request, action, "ip_rule", change.rule.id, rule_value(&change), NULL);
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

enum sok_status sok_admin_whitelist_page(struct sok_request *request, struct sok_error *err)
{
    return show_page(request, WHITELIST, err);
}

enum sok_status sok_admin_whitelist_get(struct sok_request *request, struct sok_error *err)
{
    return show_rule(request, WHITELIST, err);
}

enum sok_status sok_admin_whitelist_add(struct sok_request *request, struct sok_error *err)
{
    return add_rule(request, WHITELIST, "whitelist.add", err);
}

enum sok_status sok_admin_whitelist_remove(struct sok_request *request, struct sok_error *err)
{
    return remove_rule(request, WHITELIST, "whitelist.remove", err);
}

enum sok_status sok_admin_blacklist_page(struct sok_request *request, struct sok_error *err)
{
    return show_page(request, BLACKLIST, err);
}

enum sok_status sok_admin_blacklist_get(struct sok_request *request, struct sok_error *err)
{
    return show_rule(request, BLACKLIST, err);
}

enum sok_status sok_admin_blacklist_add(struct sok_request *request, struct sok_error *err)
{
    return add_rule(request, BLACKLIST, "blacklist.add", err);
}

enum sok_status sok_admin_blacklist_remove(struct sok_request *request, struct sok_error *err)
{
    return remove_rule(request, BLACKLIST, "blacklist.remove", err);
}
