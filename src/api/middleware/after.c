#include "api/middleware/middleware.h"

#include <stdio.h>

#include "runtime/log.h"
#include "runtime/metrics.h"

static const char *method_name(const struct sok_request *request)
{
    switch (request->method) {
    case SOK_GET:
        return request->is_head ? "HEAD" : "GET";
    case SOK_POST:
        return "POST";
    case SOK_PUT:
        return "PUT";
    case SOK_DELETE:
        return "DELETE";
    }
    return "other";
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
    const char *pattern = request->route ? request->route->path : "unmatched", *method = method_name(request);
    int64_t duration_ms = sok_clock_mono_ms(api->clock) - request->started_ms;
    double seconds = (double)duration_ms / 1000;
    char status[12];
    snprintf(status, sizeof(status), "%d", http_status);
    sok_metric_add(api->metrics, SOK_METRIC_API_REQUESTS, 1, pattern, method, status);
    sok_metric_observe(api->metrics, SOK_METRIC_API_REQUEST_SECONDS, seconds, pattern);
    sok_metric_observe(api->metrics, SOK_METRIC_API_REQUEST_BYTES, (double)request->body_len, pattern);
    if (body_bytes >= 0)
        sok_metric_observe(api->metrics, SOK_METRIC_API_RESPONSE_BYTES, (double)body_bytes, pattern);
    sok_log(
        SOK_LOG_INFO, SOK_LOG_API, "request", SOK_TEXT("method", method),
        SOK_TEXT("path", loggable_path(request)), SOK_TEXT("route", pattern), SOK_INT("status", http_status),
        SOK_INT("bytes", body_bytes), SOK_INT("duration_ms", duration_ms), SOK_TEXT("ip", request->client_ip),
        SOK_TEXT("user_id", request->principal.user_id));
    if (http_status >= 500 && request->failure)
        sok_log_error(SOK_LOG_ERROR, SOK_LOG_API, "request failed", request->failure);
}
