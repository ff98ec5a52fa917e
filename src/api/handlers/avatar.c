// The picture of an account: set, taken away, shown. What is kept is never what came, but what our reader
// made of it (services/uploads/picture.h).
#include "api/handlers/handlers.h"
#include "api/middleware/csp.h"
#include "api/middleware/middleware.h"
#include "api/upload.h"
#include "backends/db/db.h"
#include "base/text.h"
#include "data/users.h"
#include "services/uploads/uploads.h"

struct change {
    struct sok_request *request;
    const char *url, *old_url; // NULL: none
};

static enum sok_status write_change(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    struct sok_request *request = change->request;
    int64_t now_ms = sok_clock_now_ms(sok_api_of(request)->clock);
    struct sok_user user;
    SOK_TRY(sok_users_find(tx, request->arena, request->principal.user_id, &user, err));
    SOK_TRY(sok_api_check_version(request, sok_api_version(request, user.id, user.updated_at), err));
    return sok_users_set_avatar(
        tx, request->arena, user.id, change->url, now_ms > user.updated_at ? now_ms : user.updated_at + 1,
        &change->old_url, err);
}

static const char *audit_value(const struct sok_request *request, const char *url)
{
    SOK_JSON_AUTO *value = json_object();
    sok_json_set_optional_text(value, "avatar_url", url);
    return sok_json_dump(request->arena, value);
}

// The row first, then the file that it no longer names: killed in between, a file is left over and swept at
// the next start; never a row that names nothing.
static enum sok_status put_into_row(struct change *change, struct sok_error *err)
{
    struct sok_request *request = change->request;
    struct sok_api *api = sok_api_of(request);
    enum sok_status status = sok_db_write(api->db, write_change, change, err);
    sok_avatar_remove(api->uploads, status == SOK_OK ? change->old_url : change->url);
    SOK_TRY(status);
    if (change->url || change->old_url)
        sok_api_audit(
            request, "user.avatar", "user", request->principal.user_id, audit_value(request, change->old_url),
            audit_value(request, change->url));
    return SOK_OK;
}

static enum sok_status load_me(struct sok_request *request, struct sok_user *ret, struct sok_error *err)
{
    struct sok_db_tx *reader = sok_db_reader(sok_api_of(request)->db);
    SOK_TRY(sok_users_find(reader, request->arena, request->principal.user_id, ret, err));
    return SOK_OK;
}

static enum sok_status check_me(struct sok_request *request, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(load_me(request, &user, err));
    return sok_api_check_version(request, sok_api_version(request, user.id, user.updated_at), err);
}

// A picture that cannot be read is a wrong field.
static enum sok_status store(
    struct sok_request *request, const struct sok_upload *upload, const char **ret_url, struct sok_error *err)
{
    struct sok_error why = {0};
    enum sok_status status = sok_avatar_store(
        sok_api_of(request)->uploads, request->arena, upload->bytes, upload->len, ret_url, &why);
    if (status == SOK_INVALID)
        sok_fail_field(err, "avatar", "invalid", "%s", why.message);
    else if (status != SOK_OK)
        *err = why;
    return status;
}

enum sok_status sok_avatar_set(struct sok_request *request, struct sok_error *err)
{
    struct change change = {.request = request};
    struct sok_user user;
    struct sok_upload upload;
    SOK_TRY(sok_upload_take(request, "avatar", &upload, err));
    SOK_TRY(check_me(request, err));
    SOK_TRY(store(request, &upload, &change.url, err));
    SOK_TRY(put_into_row(&change, err));
    SOK_TRY(load_me(request, &user, err));
    sok_reply_header(request, "ETag", sok_api_version(request, user.id, user.updated_at));
    sok_reply_json(request, 200, sok_auth_user_json(&user));
    return SOK_OK;
}

enum sok_status sok_avatar_remove_own(struct sok_request *request, struct sok_error *err)
{
    struct change change = {.request = request};
    SOK_TRY(check_me(request, err));
    SOK_TRY(put_into_row(&change, err));
    sok_reply_json(request, 204, NULL);
    return SOK_OK;
}

// For whoever knows the name: an <img> brings no token. A name means one picture for ever.
enum sok_status sok_avatar_get(struct sok_request *request, struct sok_error *err)
{
    const char *name = sok_request_param(request, "name");
    struct sok_avatar_file file;
    SOK_TRY(sok_avatar_open(sok_api_of(request)->uploads, name, &file, err));
    struct sok_byte_source source = {
        .fd = file.fd,
        .size_bytes = file.size_bytes,
        .content_type = file.content_type,
        .etag = sok_format(request->arena, "\"%s\"", name),
    };
    sok_reply_header(request, "Cache-Control", "private, max-age=31536000, immutable");
    sok_reply_header(request, "Content-Security-Policy", SOK_CSP_PICTURE);
    sok_reply_ranges(request, &source);
    return SOK_OK;
}
