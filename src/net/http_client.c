// Retries and redirects are decided in the caller's thread, one transfer (http_transfer.c) at a time, so that
// each redirect target is judged like a URL of its own.
#include "net/http_client.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "net/breaker.h"
#include "net/http_transfer.h"
#include "net/retry.h"
#include "net/url.h"
#include "runtime/log.h"

#define TIMEOUT_DEFAULT_MS 30000
#define BODY_DEFAULT_BYTES ((size_t)8 << 20)
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define REDIRECTS_MAX 5
#define TRIES_MAX 10
#define ALLOWED_MAX 1024
#define BACKOFF_UNIT_MS 1000

struct sok_http_client {
    const struct sok_clock *clock;
    struct sok_metrics *metrics;
    int64_t backoff_unit_ms;
    struct sok_breakers *breakers;
    struct sok_transfers *transfers;
    pthread_mutex_t lock; // guards all below
    pthread_cond_t left;  // a caller has left
    int callers;          // inside sok_http_fetch
    char *allowed[ALLOWED_MAX];
    size_t allowed_count;
};

// Where a fetch stands on its way through redirects.
struct hop {
    struct sok_url url;
    const char *method, *body;
    size_t body_len;
    const char *const *headers;
};

struct fetch_state {
    struct sok_http_client *client;
    struct sok_arena *arena;
    struct sok_http_reply *reply;
    int64_t deadline_ms; // real monotonic time, as libcurl counts
    size_t max_bytes;
    int64_t retry_after_ms; // of the last answer; -1: none
    const _Atomic bool *cancelled;
};

static bool is_allowed(struct sok_http_client *client, const struct sok_url *url)
{
    char name[300];
    snprintf(name, sizeof(name), "%s:%d", url->host, url->port);
    bool found = false;
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < client->allowed_count && !found; i++)
        found = strcmp(client->allowed[i], name) == 0;
    pthread_mutex_unlock(&client->lock);
    return found;
}

static enum sok_status fail_code(
    struct sok_error *err, enum sok_status status, const char *code, const char *host, const char *why)
{
    sok_fail(err, status, "%.120s: %s", host, why);
    if (err)
        err->code = code;
    return status;
}

static enum sok_status status_error(int http, const char *host, int64_t wait_ms, struct sok_error *err)
{
    enum sok_status status = SOK_INVALID;
    if (http == 401)
        status = SOK_UNAUTHENTICATED;
    else if (http == 403)
        status = SOK_DENIED;
    else if (http == 404 || http == 410)
        status = SOK_NOT_FOUND;
    else if (http == 429)
        status = SOK_LIMITED;
    else if (http >= 500)
        status = SOK_UNAVAILABLE;
    sok_fail(err, status, "%.120s answered %d", host, http);
    if (err && wait_ms > 0)
        err->retry_after_s = (int)((wait_ms + 999) / 1000);
    return status;
}

// --- Redirects.

static bool is_redirect(int http)
{
    return http == 301 || http == 302 || http == 303 || http == 307 || http == 308;
}

// What is not the answer itself costs the caller's arena little: of an error the beginning explains it.
static void keep_answer(
    const struct fetch_state *state, const struct hop *hop, const struct sok_transfer_answer *answer)
{
    struct sok_http_reply *reply = state->reply;
    size_t len = answer->body.len;
    if (answer->status >= 300 && answer->status < 400)
        len = 0;
    else if (answer->status >= 400 && len > ERROR_BODY_MAX)
        len = ERROR_BODY_MAX;
    reply->status = answer->status;
    reply->content_type = sok_strdup(state->arena, answer->content_type);
    reply->final_url = hop->url.text;
    reply->body_len = len;
    reply->body = sok_strndup(state->arena, answer->body.data ? answer->body.data : "", len);
}

// One request and its answer without following it. *ret_location: "" or where it points.
static enum sok_status fetch_hop(
    struct fetch_state *state, const struct hop *hop, const char **ret_location, struct sok_error *err)
{
    struct sok_transfer_request request = {
        .url = &hop->url,
        .method = hop->method,
        .body = hop->body,
        .body_len = hop->body_len,
        .headers = hop->headers,
        .timeout_ms = state->deadline_ms - sok_time_mono_ms(),
        .max_bytes = state->max_bytes,
        .private_allowed = is_allowed(state->client, &hop->url),
        .cancelled = state->cancelled,
    };
    if (request.timeout_ms <= 0)
        return fail_code(err, SOK_TIMEOUT, NULL, hop->url.host, "no answer in time");
    struct sok_transfer_answer answer;
    enum sok_status status = sok_transfer_run(state->client->transfers, &request, &answer, err);
    if (status == SOK_OK) {
        keep_answer(state, hop, &answer);
        *ret_location = is_redirect(answer.status) ? sok_strdup(state->arena, answer.location) : "";
        state->retry_after_ms =
            sok_retry_after_ms(answer.retry_after, sok_clock_now_ms(state->client->clock));
    }
    sok_buf_done(&answer.body);
    return status;
}

// Whether what was meant for `from` may be told to `to`: the same origin, or the same host over TLS instead.
static bool keeps_headers(const struct sok_url *from, const struct sok_url *to)
{
    return sok_url_same_origin(from, to) || (strcmp(from->host, to->host) == 0 && from->port == 80 &&
                                             to->port == 443 && strcmp(to->scheme, "https") == 0);
}

// Moves the hop to the redirect's target. SOK_OK with reply->magnet set: the way ends there.
static enum sok_status follow(
    struct fetch_state *state, struct hop *hop, const char *location, struct sok_error *err)
{
    const char *host = hop->url.host;
    char *target = sok_url_resolve(state->arena, hop->url.text, location);
    struct sok_url next;
    if (target && strncasecmp(target, "magnet:", 7) == 0) {
        state->reply->magnet = target;
        return SOK_OK;
    }
    if (!target || sok_url_parse(state->arena, target, &next, NULL) != SOK_OK)
        return fail_code(err, SOK_PROTOCOL, "bad_redirect", host, "it redirects to something unusable");
    if (!keeps_headers(&hop->url, &next))
        hop->headers = NULL;
    int http = state->reply->status;
    bool becomes_get = http == 303 || ((http == 301 || http == 302) && sok_text_eq(hop->method, "POST"));
    if (becomes_get && !sok_text_eq(hop->method, "HEAD")) {
        hop->method = "GET";
        hop->body = NULL;
    } else if (hop->body && !sok_url_same_origin(&hop->url, &next)) {
        return fail_code(err, SOK_PROTOCOL, "bad_redirect", host, "it redirects a request with a body away");
    }
    hop->url = next;
    return SOK_OK;
}

// One try with all its redirects.
static enum sok_status fetch_once(struct fetch_state *state, struct hop hop, struct sok_error *err)
{
    for (int redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
        const char *location = "";
        state->retry_after_ms = -1;
        SOK_TRY(fetch_hop(state, &hop, &location, err));
        if (state->reply->status >= 400)
            return status_error(state->reply->status, hop.url.host, state->retry_after_ms, err);
        if (!*location)
            return SOK_OK;
        SOK_TRY(follow(state, &hop, location, err));
        if (state->reply->magnet)
            return SOK_OK;
    }
    return fail_code(err, SOK_PROTOCOL, "redirect_loop", hop.url.host, "too many redirects");
}

// --- Tries.

static bool worth_another_try(enum sok_status status)
{
    return status == SOK_LIMITED || status == SOK_UNAVAILABLE || status == SOK_TIMEOUT;
}

static enum sok_status fetch_with_retries(
    struct fetch_state *state, const struct hop *hop, int tries, struct sok_error *err)
{
    for (int attempt = 1;; attempt++) {
        *state->reply = (struct sok_http_reply){.body = "", .content_type = "", .final_url = hop->url.text};
        state->retry_after_ms = -1;
        enum sok_status status = fetch_once(state, *hop, err);
        if (!worth_another_try(status) || attempt >= tries)
            return status;
        int64_t wait = state->retry_after_ms;
        if (wait < 0)
            wait = sok_retry_backoff_ms(
                attempt, state->client->backoff_unit_ms, sok_random_below(1 << 20) / (double)(1 << 20));
        if (wait >= state->deadline_ms - sok_time_mono_ms())
            return status; // it would not be heard any more
        if (!sok_transfers_sleep(state->client->transfers, state->cancelled, wait))
            return fail_code(err, SOK_CANCELLED, NULL, hop->url.host, "cancelled");
        sok_metric_add(state->client->metrics, SOK_METRIC_HTTP_CLIENT_RETRIES, 1, 0, 0, 0);
    }
}

// Tells the breaker what this says about the other side's health.
static void report(struct sok_http_client *client, const char *breaker, enum sok_status status)
{
    switch (status) {
    case SOK_CANCELLED:
    case SOK_LIMITED:
        sok_breaker_forget(client->breakers, breaker);
        break;
    case SOK_UNAVAILABLE:
    case SOK_TIMEOUT:
    case SOK_PROTOCOL:
        sok_breaker_report(client->breakers, breaker, false);
        break;
    default:
        sok_breaker_report(client->breakers, breaker, true);
    }
}

static enum sok_status check_breaker(
    struct sok_http_client *client, const char *breaker, const char *host, struct sok_error *err)
{
    int64_t wait = 0;
    if (!breaker || sok_breaker_try(client->breakers, breaker, &wait))
        return SOK_OK;
    sok_metric_add(client->metrics, SOK_METRIC_HTTP_CLIENT_SPARED, 1, 0, 0, 0);
    fail_code(err, SOK_UNAVAILABLE, "circuit_open", host, "failed too often, not asked for a while");
    if (err)
        err->retry_after_s = (int)((wait + 999) / 1000);
    return SOK_UNAVAILABLE;
}

// The caller's headers, and the trace that this thread works for under a span of its own.
static const char *const *all_headers(struct sok_arena *arena, const struct sok_http_fetch *fetch)
{
    const char *parent = sok_log_context()->traceparent;
    size_t count = 0;
    if (!fetch->traced || !*parent)
        return fetch->headers;
    while (fetch->headers && fetch->headers[count])
        count++;
    char traceparent[SOK_TRACEPARENT_LEN + 1];
    sok_trace_child(parent, traceparent);
    const char **headers = sok_alloc_array(arena, count + 2, sizeof(*headers));
    for (size_t i = 0; i < count; i++)
        headers[i] = fetch->headers[i];
    headers[count] = sok_format(arena, "traceparent: %s", traceparent);
    headers[count + 1] = NULL;
    return headers;
}

static void count_caller(struct sok_http_client *client, int by)
{
    pthread_mutex_lock(&client->lock);
    client->callers += by;
    pthread_cond_broadcast(&client->left);
    pthread_mutex_unlock(&client->lock);
}

static void measure(struct sok_http_client *client, const struct sok_http_reply *reply)
{
    static const enum sok_label_http_result results[] = {SOK_HTTP_FAILED, SOK_HTTP_FAILED, SOK_HTTP_2XX,
                                                         SOK_HTTP_3XX,    SOK_HTTP_4XX,    SOK_HTTP_5XX};
    int class = reply->status / 100;
    int result = class >= 0 && class < (int)SOK_ARRAY_LEN(results) ? (int)results[class] : SOK_HTTP_FAILED;
    sok_metric_add(client->metrics, SOK_METRIC_HTTP_CLIENT_REQUESTS, 1, result, 0, 0);
    sok_metric_observe(client->metrics, SOK_METRIC_HTTP_CLIENT_SECONDS, (double)reply->latency_ms / 1000, 0);
}

enum sok_status sok_http_fetch(
    struct sok_http_client *client, struct sok_arena *arena, const struct sok_http_fetch *fetch,
    struct sok_http_reply *ret, struct sok_error *err)
{
    int64_t started = sok_time_mono_ms();
    *ret = (struct sok_http_reply){.body = "", .content_type = "", .final_url = ""};
    struct hop hop = {
        .method = fetch->method ? fetch->method
                  : fetch->body ? "POST"
                                : "GET",
        .body = fetch->body,
        .body_len = fetch->body_len,
        .headers = all_headers(arena, fetch),
    };
    SOK_TRY(sok_url_parse(arena, fetch->url, &hop.url, err));
    SOK_TRY(check_breaker(client, fetch->breaker, hop.url.host, err));
    struct fetch_state state = {
        .client = client,
        .arena = arena,
        .reply = ret,
        .deadline_ms = started + (fetch->timeout_ms > 0 ? fetch->timeout_ms : TIMEOUT_DEFAULT_MS),
        .max_bytes = fetch->max_bytes ? fetch->max_bytes : BODY_DEFAULT_BYTES,
        .cancelled = fetch->cancelled,
    };
    int tries = fetch->tries > 0 ? fetch->tries : sok_text_eq(hop.method, "GET") ? 3 : 1;
    count_caller(client, 1);
    enum sok_status status = fetch_with_retries(&state, &hop, tries < TRIES_MAX ? tries : TRIES_MAX, err);
    if (fetch->breaker)
        report(client, fetch->breaker, status);
    ret->latency_ms = sok_time_mono_ms() - started;
    measure(client, ret);
    count_caller(client, -1);
    return status;
}

// --- The client.

bool sok_http_client_is_open(struct sok_http_client *client, const char *breaker)
{
    return sok_breaker_state(client->breakers, breaker) == SOK_BREAKER_OPEN;
}

void sok_http_client_allow(struct sok_http_client *client, const char *host, int port)
{
    char name[300];
    size_t len = strlen(host);
    bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
    snprintf(
        name, sizeof(name), "%.*s:%d", (int)(bracketed ? len - 2 : len), bracketed ? host + 1 : host, port);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    pthread_mutex_lock(&client->lock);
    bool known = false;
    for (size_t i = 0; i < client->allowed_count && !known; i++)
        known = strcmp(client->allowed[i], name) == 0;
    if (!known && client->allowed_count < ALLOWED_MAX) {
        char *copy = strdup(name);
        if (!copy)
            sok_panic("out of memory for an allowed host");
        client->allowed[client->allowed_count++] = copy;
    }
    pthread_mutex_unlock(&client->lock);
}

static enum sok_status allow_list(
    struct sok_http_client *client, const char *allow_hosts, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (const char *at = allow_hosts; at && *at;) {
        size_t len = strcspn(at, ",");
        char *item = sok_text_trim(arena, sok_strndup(arena, at, len));
        at += len + (at[len] == ',');
        char *colon = strrchr(item, ':');
        int64_t port;
        if (!*item)
            continue;
        if (!colon || colon == item || !sok_parse_int(colon + 1, 1, 65535, &port))
            return sok_fail(err, SOK_INVALID, "allowed hosts: \"%.100s\" is not host:port", item);
        *colon = 0;
        sok_http_client_allow(client, item, (int)port);
    }
    return SOK_OK;
}

enum sok_status sok_http_client_new(
    const struct sok_http_client_options *options, struct sok_http_client **ret, struct sok_error *err)
{
    struct sok_http_client *client = calloc(1, sizeof(*client));
    if (!client)
        sok_panic("out of memory for the HTTP client");
    client->clock = options->clock;
    client->metrics = options->metrics;
    client->backoff_unit_ms = options->backoff_unit_ms > 0 ? options->backoff_unit_ms : BACKOFF_UNIT_MS;
    client->breakers = sok_breakers_new(options->clock);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->left, NULL);
    const char *user_agent = options->user_agent ? options->user_agent : "Sokoul/" SOK_VERSION;
    enum sok_status status = allow_list(client, options->allow_hosts, err);
    if (status == SOK_OK)
        status = sok_transfers_new(user_agent, &client->transfers, err);
    if (status != SOK_OK) {
        sok_http_client_free(client);
        return status;
    }
    *ret = client;
    return SOK_OK;
}

struct sok_http_client *sok_http_client_free(struct sok_http_client *client)
{
    if (!client)
        return NULL;
    if (client->transfers)
        sok_transfers_stop(client->transfers);
    pthread_mutex_lock(&client->lock);
    while (client->callers > 0)
        pthread_cond_wait(&client->left, &client->lock);
    pthread_mutex_unlock(&client->lock);
    sok_transfers_free(client->transfers);
    sok_breakers_free(client->breakers);
    for (size_t i = 0; i < client->allowed_count; i++)
        free(client->allowed[i]);
    pthread_cond_destroy(&client->left);
    pthread_mutex_destroy(&client->lock);
    free(client);
    return NULL;
}
