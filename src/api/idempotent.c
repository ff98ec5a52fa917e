#include "api/idempotent.h"

#include <ctype.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "data/idempotency.h"

#define KEY_MAX 200
#define KEPT_MS ((int64_t)24 * 60 * 60 * 1000)

static const char *body_hash(struct sok_request *request)
{
    const char *bytes = request->upload ? request->upload : request->body;
    size_t len = request->upload ? request->upload_len : request->body_len;
    char *text = sok_alloc(request->arena, SOK_SHA256_HEX);
    sok_sha256_hex(bytes ? bytes : "", bytes ? len : 0, text);
    return text;
}

static bool is_key(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)text[i]))
            return false;
    return len > 0 && len <= KEY_MAX;
}

// The answer as it was, with the address of what it made.
static void reply_kept(struct sok_request *request, const struct sok_idempotency *kept)
{
    json_t *answer = sok_api_json_column(kept->response);
    const char *search = sok_json_text(answer, "search_id", NULL);
    const char *download = sok_json_text(answer, "download_id", NULL);
    if (search)
        sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/search/%s", search));
    if (download)
        sok_reply_header(request, "Location", sok_format(request->arena, "/api/v1/downloads/%s", download));
    sok_reply_json(request, (int)kept->http_status, answer);
}

enum sok_status sok_idempotent_begin(
    struct sok_request *request, struct sok_idempotent *ret, bool *ret_replied, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    *ret_replied = false;
    *ret = (struct sok_idempotent){0};
    const char *key = sok_request_header(request, "Idempotency-Key");
    if (!key)
        return SOK_OK;
    if (!is_key(key)) {
        sok_fail_field(err, "Idempotency-Key", "invalid", "must be 1 to %d printable characters", KEY_MAX);
        return SOK_INVALID;
    }
    ret->name = sok_format(request->arena, "%s:%s", request->route->path, key);
    ret->body_hash = body_hash(request);
    ret->user_id = request->principal.user_id;
    ret->now_ms = sok_clock_now_ms(api->clock);

    struct sok_idempotency kept;
    enum sok_status status = sok_idempotency_find(
        sok_db_reader(api->db), request->arena, ret->user_id, ret->name, ret->now_ms, &kept, err);
    if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        return SOK_OK;
    }
    SOK_TRY(status);
    if (!sok_text_eq(kept.request_hash, ret->body_hash)) {
        sok_fail_field(err, "Idempotency-Key", "idempotency_key_reused", "was used with another request");
        err->code = "idempotency_key_reused";
        return SOK_INVALID;
    }
    reply_kept(request, &kept);
    *ret_replied = true;
    return SOK_OK;
}

enum sok_status sok_idempotent_keep(
    struct sok_db_tx *tx, const struct sok_idempotent *idempotent, int http_status, const char *response_json,
    struct sok_error *err)
{
    if (!idempotent->name)
        return SOK_OK;
    struct sok_idempotency answer = {
        .user_id = idempotent->user_id,
        .name = idempotent->name,
        .request_hash = idempotent->body_hash,
        .http_status = http_status,
        .response = response_json,
        .created_at = idempotent->now_ms,
        .expires_at = idempotent->now_ms + KEPT_MS,
    };
    enum sok_status status = sok_idempotency_insert(tx, &answer, err);
    if (status == SOK_CONFLICT && err)
        err->code = "idempotency_race";
    return status;
}
