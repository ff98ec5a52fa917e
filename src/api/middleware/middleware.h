// What surrounds every handler: who calls, may they, how often; and afterwards the log line, the metrics and
// the audit trail. The two hooks of net/http_server.h, and the questions handlers ask of the same kind.
#ifndef SOK_API_MIDDLEWARE_H
#define SOK_API_MIDDLEWARE_H

#include "api/api.h"
#include "api/middleware/ip_gate.h"

// The `before` hook. In this order: address rules, the name it was called by, the address's limit, the
// principal, the route's policy (a value that is not known denies), the route's limit. Adds X-RateLimit-* to
// limited routes. Any thread.
enum sok_status sok_api_before(struct sok_request *request, struct sok_error *err);

// The `admit` hook: how often the account that the body names is tried (SOK_RATE_LOGIN).
enum sok_status sok_api_admit(struct sok_request *request, struct sok_error *err);

// Whether SOKOUL_METRICS_ALLOW names the caller's address. What came through a proxy that nobody trusts is
// refused: the address is the proxy's, and who stands behind it is unknown.
bool sok_api_may_scrape(const struct sok_request *request);

// The `after` hook: access log, error detail for answers from 500 on, metrics labelled with the route's
// pattern.
void sok_api_after(struct sok_request *request, int http_status, int64_t body_bytes);

// Whether a route of this policy may be called, by whom and from where. SOK_DENIED has code
// "session_required" when an API key is not enough. Pure.
SOK_MUST_CHECK enum sok_status sok_policy_judge(
    enum sok_policy policy, const struct sok_principal *principal, bool is_operator_address,
    struct sok_error *err);

// Whether the request comes from this machine itself: a loopback address that no proxy stands behind, under a
// name no foreign web page could have (DNS rebinding).
bool sok_api_is_local(const struct sok_request *request);

// Whether `host` (a Host header, may be NULL) is a name this server can have: an address, a name without a
// dot or below a top-level name that nobody can buy, the host of `public_url`, or one of `names` ("a.example,
// *.b.example", or "*"). Pure. A request by another name is refused: SOK_DENIED with code "host_refused".
bool sok_host_is_ours(const char *host, const char *public_url, const char *names);
SOK_MUST_CHECK enum sok_status sok_api_check_host(const struct sok_request *request, struct sok_error *err);

// What the address rules say of the caller.
enum sok_address_verdict sok_api_judge_address(const struct sok_request *request);

// Counts the request against its address's limit, then (separately, once the principal is known) against the
// limit of its route's class. SOK_LIMITED with retry_after_s. A cache that is down limits nothing.
SOK_MUST_CHECK enum sok_status sok_api_limit_address(struct sok_request *request, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_api_limit_route(struct sok_request *request, struct sok_error *err);

// The account's password was right: this attempt and those before no longer count against it.
void sok_api_login_succeeded(const struct sok_request *request, const char *user_id);

// For requests that a browser would authenticate by itself (a cookie) and for WebSockets: `Origin`, when
// there is one, must be this server's own (Host or SOKOUL_PUBLIC_URL), and Sec-Fetch-Site must not say
// cross-site. SOK_DENIED with code "origin_refused".
SOK_MUST_CHECK enum sok_status sok_api_check_origin(const struct sok_request *request, struct sok_error *err);

// Writes who did what into audit_logs and the audit log (docs/guide/audit.md lists the actions), and what is
// about signing in into the log of that. The values are JSON texts without secrets, or NULL.
// A failing write is logged and does not fail the request. Blocks on a write.
void sok_api_audit(
    struct sok_request *request, const char *action, const char *resource, const char *resource_id,
    const char *old_value, const char *new_value);

// The same for what no request stands behind any more: fills id and time in, logs and writes it.
struct sok_audit;
void sok_api_audit_entry(struct sok_api *api, struct sok_audit *entry);

// The same of what was and what is, of which only the fields that differ are written. NULL: it was not there
// before, or is not there any more. Takes the references.
void sok_api_audit_change(
    struct sok_request *request, const char *action, const char *resource, const char *resource_id,
    json_t *old_value_taken, json_t *new_value_taken);

#endif
