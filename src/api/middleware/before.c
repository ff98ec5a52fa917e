#include "api/middleware/middleware.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/time.h"
#include "services/auth/api_keys.h"
#include "services/auth/auth.h"

// The token of "Authorization: Bearer TOKEN" (RFC 6750 section 2.1), or NULL. "" when the scheme is another
// one.
static const char *bearer_token(const struct sok_request *request)
{
    const char *header = sok_request_header(request, "Authorization");
    if (!header)
        return NULL;
    if (strncasecmp(header, "Bearer ", 7) != 0)
        return "";
    header += 7;
    return header + strspn(header, " ");
}

// A session's token or an API key. Both at once: whose rights would count is anybody's guess, so neither
// does.
static enum sok_status authenticate(
    const struct sok_request *request, const char *token, const char *key, struct sok_principal *ret,
    struct sok_error *err)
{
    struct sok_sessions *sessions = sok_api_of(request)->auth->sessions;
    if (token && key) {
        enum sok_status status =
            sok_fail(err, SOK_UNAUTHENTICATED, "send either Authorization or X-Api-Key, not both");
        err->code = "two_credentials";
        return status;
    }
    enum sok_status status = key ? sok_api_key_authenticate(sessions, request->arena, key, ret, err)
                                 : sok_session_authenticate(sessions, request->arena, token, ret, err);
    sok_metric_add(
        sok_api_of(request)->metrics, key ? SOK_METRIC_AUTH_API_KEYS : SOK_METRIC_AUTH_TOKENS, 1,
        status == SOK_OK ? SOK_VERIFIED_OK : SOK_VERIFIED_REFUSED, 0, 0);
    return status;
}

// A route that asks for nobody works also with a token that is no longer good (refreshing one, say), and
// while the database is down.
static enum sok_status find_principal(struct sok_request *request, struct sok_error *err)
{
    bool needs_one =
        request->route->policy != SOK_POLICY_PUBLIC && request->route->policy != SOK_POLICY_SIGNED_URL;
    const char *token = bearer_token(request), *key = sok_request_header(request, "X-Api-Key");
    if (!token && !key)
        return SOK_OK;
    struct sok_error found = {0};
    enum sok_status status = authenticate(request, token, key, &request->principal, &found);
    if (status == SOK_OK || !needs_one || request->route->policy == SOK_POLICY_OPERATOR)
        return SOK_OK;
    *err = found;
    return status;
}

// Its share of the request's time, without what the database and the cache took for it.
static enum sok_status find_principal_measured(struct sok_request *request, struct sok_error *err)
{
    int64_t *us = request->parts.us, started_us = sok_time_mono_us();
    int64_t elsewhere_us = us[SOK_PART_DATABASE] + us[SOK_PART_CACHE];
    enum sok_status status = find_principal(request, err);
    elsewhere_us = us[SOK_PART_DATABASE] + us[SOK_PART_CACHE] - elsewhere_us;
    us[SOK_PART_AUTH] += sok_time_mono_us() - started_us - elsewhere_us;
    return status;
}

static enum sok_status refused(
    const struct sok_request *request, enum sok_label_refusal why, enum sok_status status)
{
    sok_metric_add(sok_api_of(request)->metrics, SOK_METRIC_API_REFUSED, 1, (int)why, 0, 0);
    return status;
}

enum sok_status sok_api_before(struct sok_request *request, struct sok_error *err)
{
    enum sok_address_verdict address = sok_api_judge_address(request);
    if (address == SOK_ADDRESS_BLACKLISTED) {
        enum sok_status status = sok_fail(err, SOK_DENIED, "this address is not let in");
        err->code = "address_blocked";
        return refused(request, SOK_REFUSAL_BLACKLIST, status);
    }
    if (!request->route)
        return SOK_OK;
    enum sok_status host = sok_api_check_host(request, err);
    if (host != SOK_OK)
        return refused(request, SOK_REFUSAL_HOST, host);
    SOK_TRY(sok_api_limit_address(request, err));
    bool is_operator = (address == SOK_ADDRESS_WHITELISTED && !request->through_stranger) ||
                       sok_api_is_local(request) ||
                       (request->route->policy == SOK_POLICY_OPERATOR && sok_api_may_scrape(request));
    enum sok_status status = find_principal_measured(request, err);
    if (status == SOK_OK)
        status = sok_policy_judge(request->route->policy, &request->principal, is_operator, err);
    if (status != SOK_OK)
        return refused(request, SOK_REFUSAL_POLICY, status);
    return sok_api_limit_route(request, err);
}
