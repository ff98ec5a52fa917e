#include "api/middleware/middleware.h"

#include <inttypes.h>

#include "backends/cache/cache.h"
#include "net/address.h"

#define WINDOW_MS 60000

static const char *address_key(const struct sok_request *request)
{
    struct sok_address address;
    if (!request->client_ip || !sok_address_parse(request->client_ip, &address))
        return "unknown";
    sok_address_to_household(&address);
    char *text = sok_alloc(request->arena, 46);
    sok_address_format(&address, text);
    return text;
}

static void add_headers(struct sok_request *request, int64_t limit, int64_t used, int64_t reset_ms)
{
    int64_t now = sok_clock_now_ms(sok_api_of(request)->clock);
    int64_t left = limit > used ? limit - used : 0;
    sok_reply_header(request, "X-RateLimit-Limit", sok_format(request->arena, "%" PRId64, limit));
    sok_reply_header(request, "X-RateLimit-Remaining", sok_format(request->arena, "%" PRId64, left));
    sok_reply_header(
        request, "X-RateLimit-Reset", sok_format(request->arena, "%" PRId64, (now + reset_ms + 999) / 1000));
}

static enum sok_status count(
    struct sok_request *request, const char *key, int64_t limit, bool always_show, struct sok_error *err)
{
    int64_t used = 0, reset_ms = WINDOW_MS;
    if (limit <= 0)
        return SOK_OK;
    struct sok_error found = {0};
    enum sok_status status =
        sok_cache_limit(sok_api_of(request)->cache, key, limit, WINDOW_MS, &used, &reset_ms, &found);
    if (status == SOK_LIMITED) {
        add_headers(request, limit, limit, reset_ms);
        sok_fail(err, SOK_LIMITED, "at most %" PRId64 " requests a minute", limit);
        err->retry_after_s = (int)((reset_ms + 999) / 1000);
        return SOK_LIMITED;
    }
    if (status == SOK_OK && always_show)
        add_headers(request, limit, used, reset_ms);
    return SOK_OK; // a cache that cannot count stops nobody
}

enum sok_status sok_api_limit_address(struct sok_request *request, struct sok_error *err)
{
    if (request->route->rate == SOK_RATE_NONE)
        return SOK_OK;
    const char *key = sok_format(request->arena, "ip:%s", address_key(request));
    return count(request, key, sok_api_of(request)->config->rate_ip, false, err);
}

enum sok_status sok_api_limit_route(struct sok_request *request, struct sok_error *err)
{
    const struct sok_config *config = sok_api_of(request)->config;
    const char *user = request->principal.user_id;
    const char *who = user ? user : address_key(request), *class = NULL;
    int64_t limit = 0;
    switch (request->route->rate) {
    case SOK_RATE_NONE:
        return SOK_OK;
    case SOK_RATE_API:
        class = "api";
        limit = config->rate_api;
        break;
    case SOK_RATE_SEARCH:
        class = "search";
        limit = config->rate_search;
        break;
    case SOK_RATE_AUTH: // guessing passwords does not get easier with an account of one's own
        class = "auth";
        limit = config->rate_auth;
        who = address_key(request);
        break;
    }
    if (!class)
        return sok_fail(err, SOK_INTERNAL, "the route has no rate class");
    return count(request, sok_format(request->arena, "%s:%s", class, who), limit, true, err);
}
