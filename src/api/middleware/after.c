#include "api/middleware/middleware.h"

#include "base/time.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

static const struct method {
    const char *name;
    enum sok_label_method label;
} * method_of(const struct sok_request *request)
{
    static const struct method get = {"GET", SOK_METHOD_GET}, head = {"HEAD", SOK_METHOD_HEAD},
                               post = {"POST", SOK_METHOD_POST}, put = {"PUT", SOK_METHOD_PUT},
                               delete = {"DELETE", SOK_METHOD_DELETE}, other = {"other", SOK_METHOD_OTHER};
    switch (request->method) {
    case SOK_GET:
        return request->is_head ? &head : &get;
    case SOK_POST:
        return &post;
    case SOK_PUT:
        return &put;
    case SOK_DELETE:
        return &delete;
    }
    return &other;
}

static void measure(const struct sok_request *request, int method, int http_status, int64_t body_bytes)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_metrics *metrics = api->metrics;
    int endpoint = sok_api_endpoint_label(api, request->route);
    double seconds = (double)(sok_time_mono_us() - request->started_us) / 1e6;
    sok_metric_add(metrics, SOK_METRIC_API_REQUESTS, 1, endpoint, method, sok_label_status(http_status));
    sok_metric_observe(metrics, SOK_METRIC_API_REQUEST_SECONDS, seconds, endpoint);
    sok_metric_observe(metrics, SOK_METRIC_API_REQUEST_BYTES, (double)request->body_len, endpoint);
    if (body_bytes >= 0)
        sok_metric_observe(metrics, SOK_METRIC_API_RESPONSE_BYTES, (double)body_bytes, endpoint);
    for (int part = 1; part < SOK_PART_COUNT; part++)
        if (request->parts.us[part])
            sok_metric_observe(
                metrics, SOK_METRIC_API_PART_SECONDS, (double)request->parts.us[part] / 1e6, part);
}

// A signed URL is a key to a film: only its pattern is written down. Query strings never are.
static const char *loggable_path(const struct sok_request *request)
{
    if (request->route && request->route->policy == SOK_POLICY_SIGNED_URL)
        return request->route->path;
    return request->path;
}

void sok_api_after(struct sok_request *request, int http_status, int64_t body_bytes)
{
    struct sok_api *api = sok_api_of(request);
    const char *pattern = request->route ? request->route->path : SOK_UNMATCHED;
    const struct method *method = method_of(request);
    int64_t duration_ms = sok_clock_mono_ms(api->clock) - request->started_ms;
    measure(request, (int)method->label, http_status, body_bytes);
    sok_log(
        SOK_LOG_INFO, SOK_LOG_API, "request", SOK_TEXT("method", method->name),
        SOK_TEXT("path", loggable_path(request)), SOK_TEXT("route", pattern), SOK_INT("status", http_status),
        SOK_INT("bytes", body_bytes), SOK_INT("duration_ms", duration_ms), SOK_TEXT("ip", request->client_ip),
        SOK_TEXT("user_id", request->principal.user_id));
    if (http_status >= 500 && request->failure)
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_API, "request failed", request->failure);
}
