// Health and metrics.
#include <stdatomic.h>

#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/buf.h"
#include "base/text.h"
#include "runtime/metrics.h"
#include "services/health/health.h"

#define METRICS_MAX_BYTES ((size_t)4 << 20)

enum sok_status sok_system_health(struct sok_request *request, struct sok_error *err)
{
    if (atomic_load(&sok_api_of(request)->stopping))
        return sok_fail(err, SOK_UNAVAILABLE, "this process is stopping");
    sok_reply_bytes(request, 200, "application/json", "{\"status\":\"ok\"}", 15, true);
    return SOK_OK;
}

// Which part is ill is for the operator; everybody else learns whether it works.
static bool may_see_details(const struct sok_request *request)
{
    return request->principal.role == SOK_USER_ADMIN || sok_api_is_local(request);
}

enum sok_status sok_system_health_deep(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_health_env env = {api->config, api->clock, api->db,       api->cache,
                                 api->queue,  api->http,  api->providers};
    struct sok_health_check *checks;
    size_t count;
    sok_health_run(&env, request->arena, &checks, &count);
    bool details = may_see_details(request), ok = true;
    json_t *list = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        ok = ok && (checks[i].ok || !checks[i].vital);
        sok_json_set_text(one, "status", checks[i].ok ? "ok" : "failed");
        if (details) {
            sok_json_set_int(one, "latency_ms", checks[i].latency_ms);
            sok_json_set_optional_text(one, "error", checks[i].error);
            if (checks[i].free_bytes)
                sok_json_set_int(one, "free_bytes", checks[i].free_bytes);
        }
        json_object_set_new(list, checks[i].name, one);
    }
    json_t *body = json_object();
    sok_json_set_text(body, "status", ok ? "ok" : "degraded");
    json_object_set_new(body, "checks", list);
    if (!ok)
        sok_reply_header(request, "Retry-After", "5");
    sok_reply_json(request, ok ? 200 : 503, body);
    return SOK_OK;
}

enum sok_status sok_system_metrics(struct sok_request *request, struct sok_error *err)
{
    SOK_BUF_AUTO text;
    sok_buf_init(&text, METRICS_MAX_BYTES);
    sok_metrics_sample_process(sok_api_of(request)->metrics);
    sok_metrics_format(sok_api_of(request)->metrics, &text);
    if (text.overflow)
        return sok_fail(err, SOK_TOO_LARGE, "the metrics are over %zu bytes", METRICS_MAX_BYTES);
    sok_reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len, false);
    return SOK_OK;
}
