// The machine as an admin sees it: its caches.
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "backends/cache/cache.h"
#include "base/text.h"
#include "services/caches/kinds.h"

#define KIND_MAX 64

static const char *kind_list(struct sok_request *request)
{
    const char *list = "";
    size_t count;
    const struct sok_cache_kind *kinds = sok_cache_kinds(&count);
    for (size_t i = 0; i < count; i++)
        if (kinds[i].clearable)
            list = sok_format(request->arena, "%s%s, ", list, kinds[i].name);
    return list;
}

// *ret_kind: NULL for all.
static enum sok_status read_kind(struct sok_request *request, const char **ret_kind, struct sok_error *err)
{
    const char *name = sok_api_text(request, "kind", false, KIND_MAX, err), *field;
    json_t *value;
    json_object_foreach(
        request->json, field, value) if (!sok_text_eq(field, "kind")) // or all would be cleared
        sok_fail_field(err, field, "unknown", "only kind is known here");
    const struct sok_cache_kind *kind = sok_cache_kind_find(name);
    bool all = !name || sok_text_eq(name, "all");
    if (kind && !kind->clearable)
        sok_fail_field(err, "kind", "not_clearable", "holds what cannot be made again");
    else if (!kind && !all)
        sok_fail_field(err, "kind", "unknown", "must be one of %sall", kind_list(request));
    if (err->field_count)
        return err->status;
    *ret_kind = all ? NULL : name;
    return SOK_OK;
}

// Kind by kind: clearing everything would take tickets from people who hold one, and a limit that is cleared
// is a limit that somebody gets around.
enum sok_status sok_admin_cache_clear(struct sok_request *request, struct sok_error *err)
{
    const char *wanted = NULL;
    SOK_TRY(read_kind(request, &wanted, err));
    size_t count;
    const struct sok_cache_kind *kinds = sok_cache_kinds(&count);
    json_t *cleared = json_array(), *body = json_object();
    for (size_t i = 0; i < count; i++) {
        if (!kinds[i].clearable || (wanted && !sok_text_eq(wanted, kinds[i].name)))
            continue;
        sok_cache_clear(sok_api_of(request)->cache, kinds[i].name);
        if (sok_text_eq(kinds[i].name, "ip_rules"))
            sok_ip_gate_reload(sok_api_of(request)->ip_gate);
        json_array_append_new(cleared, json_string(kinds[i].name));
    }
    json_object_set_new(body, "cleared", cleared);
    sok_api_audit(request, "cache.clear", "cache", wanted, NULL, sok_json_dump(request->arena, body));
    sok_reply_json(request, 200, body);
    return SOK_OK;
}
