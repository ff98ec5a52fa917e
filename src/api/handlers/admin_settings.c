// The settings that an admin changes while the program runs.
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "services/settings/overrides.h"

static enum sok_status load_view(
    struct sok_request *request, json_t **ret, const char **ret_version, struct sok_error *err)
{
    return sok_overrides_json(sok_api_of(request)->overrides, request->arena, ret, ret_version, err);
}

static void reply_view(struct sok_request *request, json_t *view_taken, const char *version)
{
    sok_reply_header(request, "ETag", sok_format(request->arena, "\"%s\"", version));
    sok_reply_json(request, 200, view_taken);
}

enum sok_status sok_admin_settings_get(struct sok_request *request, struct sok_error *err)
{
    json_t *view;
    const char *version;
    SOK_TRY(load_view(request, &view, &version, err));
    reply_view(request, view, version);
    return SOK_OK;
}

// The version that If-Match names, if it is the present one; whether it still is when the change is written
// is looked at there.
static enum sok_status find_seen_version(
    struct sok_request *request, const char **ret_version, struct sok_error *err)
{
    *ret_version = NULL;
    const char *wanted = sok_request_header(request, "If-Match");
    if (!wanted || sok_text_eq(wanted, "*")) // there are always settings
        return SOK_OK;
    json_t *view;
    const char *version;
    SOK_TRY(load_view(request, &view, &version, err));
    json_decref(view);
    SOK_TRY(sok_api_check_version(request, sok_format(request->arena, "\"%s\"", version), err));
    *ret_version = version;
    return SOK_OK;
}

enum sok_status sok_admin_settings_put(struct sok_request *request, struct sok_error *err)
{
    struct sok_overrides_change change = {.body = request->json, .user_id = request->principal.user_id};
    const char *old_value, *new_value, *version;
    json_t *view;
    SOK_TRY(find_seen_version(request, &change.seen_version, err));
    SOK_TRY(sok_overrides_set(
        sok_api_of(request)->overrides, request->arena, &change, &old_value, &new_value, err));
    sok_api_audit(request, "settings.update", "settings", NULL, old_value, new_value);
    SOK_TRY(load_view(request, &view, &version, err));
    reply_view(request, view, version);
    return SOK_OK;
}
