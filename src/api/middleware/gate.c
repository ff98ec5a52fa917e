// Who calls, as far as the address and the browser's own headers tell.
#include "api/middleware/middleware.h"

#include <string.h>
#include <strings.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "base/buf.h"
#include "base/text.h"
#include "data/ip_rules.h"
#include "net/address.h"

// The rules as text, "w CIDR\n" and "b CIDR\n", asked of the database every few seconds at most.
#define RULES_KIND "ip_rules"
#define RULES_KEY "all"
#define RULES_TTL_MS 5000
#define RULES_MAX_BYTES ((size_t)1 << 20)

static const char *load_rules(struct sok_api *api, struct sok_arena *arena)
{
    struct sok_ip_rule *rules = NULL;
    size_t count = 0;
    if (sok_ip_rules_list(
            sok_db_reader(api->db), arena, NULL, sok_clock_now_ms(api->clock), &rules, &count, NULL) !=
        SOK_OK)
        return ""; // a database that is down answers 503 further on; /health must still answer
    SOK_BUF_AUTO text;
    sok_buf_init(&text, RULES_MAX_BYTES);
    for (size_t i = 0; i < count; i++)
        sok_buf_printf(&text, "%c %s\n", rules[i].kind[0], rules[i].cidr);
    sok_cache_put(api->cache, RULES_KIND, RULES_KEY, text.data ? text.data : "", text.len, RULES_TTL_MS);
    return text.data ? sok_strdup(arena, text.data) : "";
}

static bool line_matches(const char *line, size_t len, const struct sok_address *address)
{
    char cidr_text[64];
    struct sok_cidr cidr;
    if (len < 3 || len - 2 >= sizeof(cidr_text))
        return false;
    memcpy(cidr_text, line + 2, len - 2);
    cidr_text[len - 2] = '\0';
    return sok_cidr_parse(cidr_text, &cidr) && sok_cidr_contains(&cidr, address);
}

enum sok_address_verdict sok_api_judge_address(const struct sok_request *request)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_address address;
    const char *rules = NULL;
    size_t len = 0;
    if (!request->client_ip || !sok_address_parse(request->client_ip, &address))
        return SOK_ADDRESS_PLAIN; // a unix socket
    if (sok_cache_get(api->cache, request->arena, RULES_KIND, RULES_KEY, &rules, &len, NULL) != SOK_OK)
        rules = load_rules(api, request->arena);
    enum sok_address_verdict verdict = SOK_ADDRESS_PLAIN;
    for (const char *line = rules, *end; (end = strchr(line, '\n')); line = end + 1) {
        if (!line_matches(line, (size_t)(end - line), &address))
            continue;
        if (line[0] == 'w')
            return SOK_ADDRESS_WHITELISTED;
        verdict = SOK_ADDRESS_BLACKLISTED;
    }
    return verdict;
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

bool sok_api_is_local(const struct sok_request *request)
{
    static const char *const proxy_headers[] = {"X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"};
    struct sok_address address;
    if (!request->client_ip || !sok_address_parse(request->client_ip, &address) ||
        !sok_address_is_loopback(&address))
        return false;
    for (size_t i = 0; i < SOK_ARRAY_LEN(proxy_headers); i++)
        if (sok_request_header(request, proxy_headers[i]))
            return false; // a proxy on this machine speaks for somebody else
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
