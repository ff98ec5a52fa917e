#include "api/middleware/middleware.h"

#include <inttypes.h>
#include <string.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "base/digest.h"
#include "base/text.h"
#include "data/sessions.h"
#include "data/users.h"
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

// One counter's answer.
struct tally {
    int64_t limit, used, reset_ms; // limit 0: not counted
};

static void show(struct sok_request *request, const struct tally *tally)
{
    int64_t now = sok_clock_now_ms(sok_api_of(request)->clock);
    int64_t left = tally->limit > tally->used ? tally->limit - tally->used : 0;
    sok_reply_set_header(request, "X-RateLimit-Limit", sok_format(request->arena, "%" PRId64, tally->limit));
    sok_reply_set_header(request, "X-RateLimit-Remaining", sok_format(request->arena, "%" PRId64, left));
    sok_reply_set_header(
        request, "X-RateLimit-Reset",
        sok_format(request->arena, "%" PRId64, (now + tally->reset_ms + 999) / 1000));
}

// SOK_OK or SOK_LIMITED. A cache that cannot count stops nobody.
static enum sok_status count(
    struct sok_request *request, const char *key, int64_t limit, struct tally *ret, struct sok_error *err)
{
    struct tally tally = {.limit = limit, .reset_ms = WINDOW_MS};
    struct sok_error found = {0};
    *ret = (struct tally){0};
    if (limit <= 0)
        return SOK_OK;
    enum sok_status status = sok_cache_limit(
        sok_api_of(request)->cache, key, limit, WINDOW_MS, &tally.used, &tally.reset_ms, &found);
    if (status != SOK_OK && status != SOK_LIMITED)
        return SOK_OK;
    if (status == SOK_LIMITED) {
        tally.used = limit;
        sok_fail(err, SOK_LIMITED, "at most %" PRId64 " requests a minute", limit);
        err->retry_after_s = (int)((tally.reset_ms + 999) / 1000);
    }
    *ret = tally;
    return status;
}

static void note_refusal(const struct sok_request *request, enum sok_label_limit limit)
{
    struct sok_metrics *metrics = sok_api_of(request)->metrics;
    sok_metric_add(metrics, SOK_METRIC_API_LIMITED, 1, (int)limit, 0, 0);
    if (request->route->rate == SOK_RATE_LOGIN && strcmp(request->route->path, "/api/v1/auth/login") == 0)
        sok_metric_add(metrics, SOK_METRIC_AUTH_LOGINS, 1, SOK_LOGIN_LIMITED, 0, 0);
}

enum sok_status sok_api_limit_address(struct sok_request *request, struct sok_error *err)
{
    struct tally tally;
    if (request->route->rate == SOK_RATE_NONE)
        return SOK_OK;
    const char *key = sok_format(request->arena, "ip:%s", address_key(request));
    enum sok_status status = count(request, key, sok_api_of(request)->config->rate_ip, &tally, err);
    if (status == SOK_LIMITED) {
        show(request, &tally);
        note_refusal(request, SOK_LIMIT_IP);
    }
    return status;
}

// --- Attempts at one account.
//
// An account is counted by its id, so that its name, its mail address and the form for another password are
// not three ways to try it. What names no account is counted as it was typed, trimmed and folded as the table
// compares it: an unknown name is refused after as many tries as a known one. That a name and a mail address
// belong together shows to whoever fills the one and looks at the other; counting them apart would double the
// tries at each account instead (SECURITY.md).
//
// Counting comes before the hash, and a password that was right takes the count back: what fills the window
// is failures. A stranger can fill it and so keep others from signing in (whoever is signed in stays so);
// therefore it does not hold from an address where that account is signed in already, nor from whitelisted
// ones. There only the address's own limit counts.

// Where a password is hashed, one is tried; elsewhere a mail is asked for, and the count is another.
static bool tries_password(const struct sok_request *request)
{
    return request->route->lane == SOK_LANE_HASH;
}

// Who the request says it is, or NULL. A route for everybody does not care who is signed in: otherwise one's
// own token would give a count of its own for guessing at others.
static const char *login_of(const struct sok_request *request)
{
    if (request->route->policy != SOK_POLICY_PUBLIC)
        return request->principal.user_id;
    const char *name = tries_password(request) ? sok_json_text(request->json, "username", NULL) : NULL;
    name = name ? name : sok_json_text(request->json, "email", NULL);
    return name ? sok_text_trim(request->arena, name) : NULL;
}

static const char *account_key(const struct sok_request *request, const char *kind, const char *who)
{
    char hash[SOK_SHA256_HEX];
    const char *what = tries_password(request) ? "password" : request->route->path;
    sok_sha256_hex(who, strlen(who), hash);
    return sok_format(request->arena, "account:%s:%s:%s", what, kind, hash);
}

static const char *id_of(const struct sok_request *request, const char *login)
{
    struct sok_user user;
    struct sok_error unknown = {0};
    if (request->route->policy != SOK_POLICY_PUBLIC)
        return request->principal.user_id;
    return sok_users_find_login(
               sok_db_reader(sok_api_of(request)->db), request->arena, login, &user, &unknown) == SOK_OK
               ? user.id
               : NULL;
}

static bool is_exempt(const struct sok_request *request, const char *login)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_error ignored = {0};
    bool lives = false;
    if (request->route->policy != SOK_POLICY_PUBLIC) // a stolen token must not help to find the password
        return false;
    if (sok_api_judge_address(request) == SOK_ADDRESS_WHITELISTED)
        return true;
    return request->client_ip &&
           sok_sessions_lives_at(
               sok_db_reader(api->db), login, request->client_ip, sok_clock_now_ms(api->clock), &lives,
               &ignored) == SOK_OK &&
           lives;
}

enum sok_status sok_api_admit(struct sok_request *request, struct sok_error *err)
{
    struct tally tally;
    struct sok_error found = {0};
    const char *login = request->route->rate == SOK_RATE_LOGIN ? login_of(request) : NULL;
    if (!login)
        return SOK_OK;
    int64_t limit = sok_api_of(request)->config->rate_auth;
    const char *id = id_of(request, login);
    const char *key = id ? account_key(request, "id", id)
                         : account_key(request, "text", sok_users_fold(request->arena, login));
    enum sok_status status = count(request, key, limit, &tally, &found);
    if (status != SOK_LIMITED || is_exempt(request, login))
        return SOK_OK;
    show(request, &tally);
    note_refusal(request, SOK_LIMIT_ACCOUNT);
    *err = found;
    (void)sok_fail(
        err, SOK_LIMITED, "at most %" PRId64 " %s a minute; try again in %d s", limit,
        tries_password(request) ? "wrong passwords" : "requests", found.retry_after_s);
    err->retry_after_s = found.retry_after_s;
    return status;
}

void sok_api_login_succeeded(const struct sok_request *request, const char *user_id)
{
    sok_cache_limit_forget(sok_api_of(request)->cache, account_key(request, "id", user_id));
}

// --- The route's own limit.

enum sok_status sok_api_limit_route(struct sok_request *request, struct sok_error *err)
{
    const struct sok_config *config = sok_api_of(request)->config;
    const char *user = request->principal.user_id;
    const char *who = user ? user : address_key(request), *class = NULL;
    enum sok_label_limit label = SOK_LIMIT_API;
    struct tally tally;
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
        label = SOK_LIMIT_SEARCH;
        limit = config->rate_search;
        break;
    case SOK_RATE_AUTH: // guessing passwords does not get easier with an account of one's own
    case SOK_RATE_LOGIN:
        class = "auth";
        label = SOK_LIMIT_AUTH;
        limit = config->rate_auth;
        who = address_key(request);
        break;
    }
    if (!class)
        return sok_fail(err, SOK_INTERNAL, "the route has no rate class");
    enum sok_status status =
        count(request, sok_format(request->arena, "%s:%s", class, who), limit, &tally, err);
    if (tally.limit)
        show(request, &tally);
    if (status == SOK_LIMITED)
        note_refusal(request, label);
    return status;
}
