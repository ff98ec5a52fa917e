// Who calls, as far as the address and the browser's own headers tell.
#include "api/middleware/middleware.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/address.h"

enum sok_address_verdict sok_api_judge_address(const struct sok_request *request)
{
    struct sok_address address;
    if (!request->client_ip || !sok_address_parse(request->client_ip, &address))
        return SOK_ADDRESS_PLAIN; // a unix socket
    return sok_ip_gate_judge(sok_api_of(request)->ip_gate, &address);
}

// "host[:port]" or "[v6][:port]" to the host alone.
static const char *host_name(struct sok_arena *arena, const char *host)
{
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        return end ? sok_strndup(arena, host + 1, (size_t)(end - host - 1)) : "";
    }
    return sok_strndup(arena, host, strcspn(host, ":"));
}

static bool came_through_proxy(const struct sok_request *request)
{
    static const char *const proxy_headers[] = {"X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(proxy_headers); i++)
        if (sok_request_header(request, proxy_headers[i]))
            return true;
    return false;
}

bool sok_api_may_scrape(const struct sok_request *request)
{
    const struct sok_config *config = sok_api_of(request)->config;
    struct sok_address address;
    struct sok_cidr cidr;
    if (!request->client_ip || request->through_stranger || !sok_address_parse(request->client_ip, &address))
        return false;
    for (const char *at = config->metrics_allow; at && *at;) {
        size_t len = strcspn(at, ", ");
        if (len && sok_cidr_parse(sok_strndup(request->arena, at, len), &cidr) &&
            sok_cidr_contains(&cidr, &address))
            return true;
        at += len + strspn(at + len, ", ");
    }
    return false;
}

bool sok_api_is_local(const struct sok_request *request)
{
    struct sok_address address;
    if (!request->client_ip || !sok_address_parse(request->client_ip, &address) ||
        !sok_address_is_loopback(&address))
        return false;
    if (came_through_proxy(request)) // one on this machine speaks for somebody else
        return false;
    const char *host = sok_request_header(request, "Host");
    if (!host)
        return true;
    const char *name = host_name(request->arena, host);
    return strcasecmp(name, "localhost") == 0 || sok_address_parse(name, &address);
}

// The authority of a URL ("https://a.example:8443/x" gives "a.example:8443"), or NULL.
static const char *authority_of(struct sok_arena *arena, const char *url)
{
    const char *at = url ? strstr(url, "://") : NULL;
    return at ? sok_strndup(arena, at + 3, strcspn(at + 3, "/?#")) : NULL;
}

// An origin is scheme and authority and nothing more (RFC 6454 section 6.2); "null" and lists of them are
// none that could be ours.
static const char *authority_of_origin(const char *origin)
{
    const char *at = origin && strncasecmp(origin, "http", 4) == 0 ? strstr(origin, "://") : NULL;
    return at && at - origin <= 5 && !at[3 + strcspn(at + 3, "/?#@, \t")] ? at + 3 : NULL;
}

enum sok_status sok_api_check_origin(const struct sok_request *request, struct sok_error *err)
{
    const char *origin = sok_request_header(request, "Origin");
    const char *site = sok_request_header(request, "Sec-Fetch-Site");
    const char *host = sok_request_header(request, "Host");
    const char *ours = authority_of(request->arena, sok_api_of(request)->config->public_url);
    const char *theirs = authority_of_origin(origin);
    bool same =
        theirs && ((host && strcasecmp(theirs, host) == 0) || (ours && strcasecmp(theirs, ours) == 0));
    bool cross = site && (strcasecmp(site, "cross-site") == 0 || strcasecmp(site, "same-site") == 0);
    if (origin ? same : !cross)
        return SOK_OK;
    enum sok_status status = sok_fail(err, SOK_DENIED, "the request comes from a page of another site");
    if (err)
        err->code = "origin_refused";
    return status;
}
