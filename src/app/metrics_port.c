#include "app/metrics_port.h"

#include "api/api.h"
#include "api/handlers/handlers.h"
#include "api/middleware/middleware.h"
#include "base/text.h"
#include "runtime/log.h"

#define USUAL "127.0.0.1:9464"
#define CONNECTIONS_MAX 64

static const struct sok_route routes[] = {
    {SOK_GET, "/health", SOK_POLICY_PUBLIC, SOK_RATE_NONE, SOK_LANE_INLINE, SOK_BODY_NONE, 0,
     sok_system_health},
    {SOK_GET, "/metrics", SOK_POLICY_OPERATOR, SOK_RATE_NONE, SOK_LANE_INLINE, SOK_BODY_NONE, 0,
     sok_system_metrics},
};

enum sok_status sok_metrics_port_start(
    struct sok_program *program, struct sok_http_server **ret, struct sok_error *err)
{
    const char *asked = program->config.metrics_listen;
    struct sok_error found = {0};
    *ret = NULL;
    if (sok_text_eq(asked, "off"))
        return SOK_OK;
    enum sok_status status = sok_http_server_start(
        &(struct sok_http_server_options){
            .listen = asked ? asked : USUAL,
            .routes = routes,
            .route_count = SOK_ARRAY_LEN(routes),
            .app = &program->api,
            .before = sok_api_before,
            .after = sok_api_after,
            .trusted_proxies = program->config.trusted_proxies,
            .clock = &sok_clock_system,
            .metrics = program->metrics,
            .connections_max = CONNECTIONS_MAX,
            .threads = 1,
            .lane_threads = 1,
        },
        ret, &found);
    if (status == SOK_OK) {
        sok_log(
            SOK_LOG_INFO, SOK_LOG_WORKER, "metrics can be read", SOK_TEXT("listen", asked ? asked : USUAL),
            SOK_INT("port", sok_http_server_port(*ret)));
        return SOK_OK;
    }
    if (asked) {
        *err = found;
        return status;
    }
    sok_log_error(
        SOK_LOG_WARN, SOK_LOG_WORKER,
        "no metrics of this process: the usual port is taken, SOKOUL_METRICS_LISTEN names another", &found);
    return SOK_OK;
}
