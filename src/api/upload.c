#include "api/upload.h"

#include <stdio.h>

#include "api/middleware/middleware.h"
#include "backends/queue/queue.h"
#include "base/digest.h"
#include "base/text.h"
#include "base/time.h"
#include "runtime/log.h"
#include "services/uploads/uploads.h"

// Who watches over the server hears of it at once.
static void alert(struct sok_request *request, const struct sok_clamd_verdict *verdict)
{
    const char *message =
        sok_format(request->arena, "an infected upload was refused: %s", verdict->signature);
    SOK_JSON_AUTO *data = json_object();
    sok_json_set_text(data, "name", "upload_infected");
    sok_json_set_text(data, "state", "raised");
    sok_json_set_text(data, "severity", "warning");
    sok_json_set_text(data, "message", message);
    struct sok_event event = {.subject = "alert", .user_id = "", .json = sok_json_dump(request->arena, data)};
    sok_queue_publish_event(sok_api_of(request)->queue, &event);
    sok_log(
        SOK_LOG_WARN, SOK_LOG_API, "alert", SOK_TEXT("alert", "upload_infected"), SOK_TEXT("reason", message),
        SOK_TEXT("user_id", request->principal.user_id), SOK_TEXT("ip", request->client_ip));
}

static enum sok_status refuse_infected(
    struct sok_request *request, const char *field, const struct sok_clamd_verdict *verdict,
    struct sok_error *err)
{
    char digest[SOK_SHA256_HEX];
    SOK_JSON_AUTO *what = json_object();
    sok_sha256_hex(request->upload, request->upload_len, digest);
    sok_json_set_text(what, "field", field);
    sok_json_set_text(what, "signature", verdict->signature);
    sok_json_set_text(what, "sha256", digest);
    sok_json_set_int(what, "size_bytes", (int64_t)request->upload_len);
    sok_api_audit(request, "upload.infected", "upload", NULL, NULL, sok_json_dump(request->arena, what));
    alert(request, verdict);
    const char *sentence =
        sok_format(request->arena, "the virus scanner refuses this file: %s", verdict->signature);
    sok_fail_field(err, field, "upload_infected", "%.118s", sentence);
    snprintf(err->message, sizeof(err->message), "%s", sentence);
    err->code = "upload_infected";
    return SOK_INVALID;
}

// Where the scanner is, and why it cannot be asked, is the operator's business and not the uploader's.
static enum sok_status refuse_unscanned(struct sok_error *err)
{
    int retry_after_s = err->retry_after_s;
    sok_log_error(SOK_LOG_WARN, SOK_LOG_API, "an upload was refused, because it could not be scanned", err);
    (void)sok_fail(err, SOK_UNAVAILABLE, "the virus scanner cannot be asked now, so no file is taken");
    err->code = "scanner_unavailable";
    err->retry_after_s = retry_after_s;
    return SOK_UNAVAILABLE;
}

static void measure(
    const struct sok_request *request, int64_t started_us, enum sok_status status, bool is_infected)
{
    struct sok_api *api = sok_api_of(request);
    int result = status != SOK_OK ? SOK_UPLOAD_UNAVAILABLE
                 : is_infected    ? SOK_UPLOAD_INFECTED
                                  : SOK_UPLOAD_CLEAN;
    if (!api->config->clamd)
        result = SOK_UPLOAD_UNSCANNED;
    else
        sok_metric_observe(
            api->metrics, SOK_METRIC_UPLOAD_SECONDS, (double)(sok_time_mono_us() - started_us) / 1e6, 0);
    sok_metric_add(api->metrics, SOK_METRIC_UPLOADS, 1, result, 0, 0);
}

static enum sok_status scan(struct sok_request *request, const char *field, struct sok_error *err)
{
    struct sok_uploads *uploads = sok_api_of(request)->uploads;
    struct sok_clamd_verdict verdict = {.is_infected = false};
    int64_t started_us = sok_time_mono_us();
    enum sok_status status = sok_uploads_scan(uploads, request->upload, request->upload_len, &verdict, err);
    measure(request, started_us, status, verdict.is_infected);
    if (status == SOK_UNAVAILABLE && sok_text_eq(err->code, "scanner_unavailable"))
        return refuse_unscanned(err);
    SOK_TRY(status);
    return verdict.is_infected ? refuse_infected(request, field, &verdict, err) : SOK_OK;
}

enum sok_status sok_upload_take(
    struct sok_request *request, const char *field, struct sok_upload *ret, struct sok_error *err)
{
    bool is_body = request->upload_field && !*request->upload_field;
    if (!request->upload || !(is_body || sok_text_eq(request->upload_field, field))) {
        if (request->body_len)
            sok_fail_field(err, field, "required", "the file must come as the field %s", field);
        else
            sok_fail_field(err, field, "required", "the body is empty");
        return SOK_INVALID;
    }
    if (request->upload_len > SOK_UPLOAD_BYTES_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "the file is over the limit of %zu bytes", SOK_UPLOAD_BYTES_MAX);
    SOK_TRY(scan(request, field, err));
    *ret = (struct sok_upload){request->upload, request->upload_len};
    return SOK_OK;
}
