// One libcurl multi in one thread does all transfers; a caller's thread prepares its request, hands it over
// and sleeps until it is done. Retries and redirects are decided in the caller's thread, one transfer at a
// time, so that each redirect target is judged like a URL of its own.
//
// Addresses are judged where libcurl opens the socket: what is checked is what is connected to, so a name
// that resolves differently the second time (DNS rebinding) gains nothing. A kept connection belongs to one
// host:port and was judged when it was opened. Proxies of the environment are not used: behind one, nobody
// would judge.
#include "net/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "net/address.h"
#include "net/breaker.h"
#include "net/retry.h"
#include "net/url.h"

#define TIMEOUT_DEFAULT_MS 30000
#define BODY_DEFAULT_BYTES ((size_t)8 << 20)
#define CONNECT_TIMEOUT_MS 10000
#define REDIRECTS_MAX 5
#define TRIES_MAX 10
#define HEADER_BYTES_MAX ((size_t)256 << 10)
#define ALLOWED_MAX 1024
#define BACKOFF_UNIT_MS 1000
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define CANCEL_LOOK_MS 250

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct sok_buf body;
    size_t header_bytes;
    char location[8192], retry_after[64]; // of the newest answer
    bool private_allowed, refused_address, headers_too_large;
    const _Atomic bool *cancel; // the caller's wish; may be NULL
    CURLcode code;
    bool done, cancelled; // under the client's lock
    struct transfer *prev, *next;
};

struct sok_http_client {
    const struct sok_clock *clock;
    char *user_agent;
    int64_t backoff_unit_ms;
    struct sok_breakers *breakers;
    CURLM *multi; // the loop thread's, but for curl_multi_wakeup
    pthread_t thread;
    pthread_mutex_t lock;   // guards all below
    pthread_cond_t changed; // a transfer is done, the client stops, a caller has left
    bool stopping;
    int callers;              // inside sok_http_fetch
    struct transfer *waiting; // handed over, not yet with the multi
    struct transfer *running; // with the multi; touched by the loop thread only
    char *allowed[ALLOWED_MAX];
    size_t allowed_count;
};

// --- The loop's thread.

static void list_push(struct transfer **list, struct transfer *transfer)
{
    transfer->prev = NULL;
    transfer->next = *list;
    if (*list)
        (*list)->prev = transfer;
    *list = transfer;
}

static void list_remove(struct transfer **list, struct transfer *transfer)
{
    if (transfer->prev)
        transfer->prev->next = transfer->next;
    else
        *list = transfer->next;
    if (transfer->next)
        transfer->next->prev = transfer->prev;
}

static void finish(struct sok_http_client *client, struct transfer *transfer, CURLcode code, bool cancelled)
{
    curl_multi_remove_handle(client->multi, transfer->easy);
    list_remove(&client->running, transfer);
    pthread_mutex_lock(&client->lock);
    transfer->code = code;
    transfer->cancelled = cancelled;
    transfer->done = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

// Takes over what was handed in; returns whether the client goes on.
static bool take_waiting(struct sok_http_client *client)
{
    pthread_mutex_lock(&client->lock);
    struct transfer *transfer = client->waiting;
    client->waiting = NULL;
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    while (transfer) {
        struct transfer *next = transfer->next;
        list_push(&client->running, transfer);
        CURLMcode code = curl_multi_add_handle(client->multi, transfer->easy);
        if (code != CURLM_OK)
            finish(client, transfer, CURLE_FAILED_INIT, false);
        transfer = next;
    }
    return !stopping;
}

static void *run_loop(void *argument)
{
    struct sok_http_client *client = argument;
    while (take_waiting(client)) {
        int active, left;
        curl_multi_perform(client->multi, &active);
        CURLMsg *message;
        while ((message = curl_multi_info_read(client->multi, &left))) {
            if (message->msg != CURLMSG_DONE)
                continue;
            struct transfer *transfer;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            finish(client, transfer, code, false);
        }
        curl_multi_poll(client->multi, NULL, 0, client->running ? CANCEL_LOOK_MS : 60000, NULL);
    }
    while (client->running)
        finish(client, client->running, CURLE_ABORTED_BY_CALLBACK, true);
    return NULL;
}

// --- What libcurl calls while a transfer runs (in the loop's thread).

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    return sok_buf_append(&transfer->body, bytes, size * count) ? size * count : 0;
}

static void copy_value(char *to, size_t to_size, const char *value, size_t len)
{
    while (len && isspace((unsigned char)*value)) {
        value++;
        len--;
    }
    while (len && isspace((unsigned char)value[len - 1]))
        len--;
    if (len < to_size) { // one that is cut would be a different one
        memcpy(to, value, len);
        to[len] = 0;
    }
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;
    transfer->header_bytes += len;
    if (transfer->header_bytes > HEADER_BYTES_MAX) {
        transfer->headers_too_large = true;
        return 0;
    }
    if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) // a new answer begins (after 1xx)
        transfer->location[0] = transfer->retry_after[0] = 0;
    else if (len > 9 && strncasecmp(bytes, "location:", 9) == 0)
        copy_value(transfer->location, sizeof(transfer->location), bytes + 9, len - 9);
    else if (len > 12 && strncasecmp(bytes, "retry-after:", 12) == 0)
        copy_value(transfer->retry_after, sizeof(transfer->retry_after), bytes + 12, len - 12);
    return len;
}

static int look_at_cancel(
    void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct transfer *transfer = context;
    return transfer->cancel && *transfer->cancel;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    struct sok_address judged;
    bool known = sok_address_from_sockaddr(&address->addr, &judged);
    if (!transfer->private_allowed && (!known || sok_address_is_private(&judged))) {
        transfer->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// --- One transfer, seen from the caller's thread.

struct hop { // where the fetch stands on its way through redirects
    struct sok_url url;
    const char *method, *body;
    size_t body_len;
    const char *const *headers;
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

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    if (!list)
        sok_panic("out of memory for a request header");
    transfer->headers = list;
}

static void set_up(
    struct sok_http_client *client, struct transfer *transfer, const struct hop *hop, size_t max_bytes,
    int64_t timeout_ms)
{
    CURL *easy = transfer->easy = curl_easy_init();
    if (!easy)
        sok_panic("out of memory for a request");
    sok_buf_init(&transfer->body, max_bytes);
    transfer->private_allowed = is_allowed(client, &hop->url);
    add_header(transfer, "Expect:"); // no 100-continue round trip
    for (const char *const *line = hop->headers; line && *line; line++)
        add_header(transfer, *line);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_URL, hop->url.text);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_at_cancel);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    if (hop->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)hop->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, hop->body);
    }
    if (sok_text_eq(hop->method, "HEAD"))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, hop->method);
}

// Hands the transfer to the loop and sleeps until it is done; libcurl's own timeout ends the wait.
static void run_transfer(struct sok_http_client *client, struct transfer *transfer)
{
    pthread_mutex_lock(&client->lock);
    if (client->stopping) {
        transfer->cancelled = transfer->done = true;
    } else {
        list_push(&client->waiting, transfer);
        curl_multi_wakeup(client->multi);
    }
    while (!transfer->done)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
}

static void transfer_done(struct transfer *transfer)
{
    sok_buf_done(&transfer->body);
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->easy);
}

static enum sok_status fail_code(
    struct sok_error *err, enum sok_status status, const char *code, const char *host, const char *why)
{
    sok_fail(err, status, "%.120s: %s", host, why);
    if (err)
        err->code = code;
    return status;
}

// What a transfer without a complete answer came to.
static enum sok_status transfer_error(
    const struct transfer *transfer, const char *host, struct sok_error *err)
{
    if (transfer->cancelled ||
        (transfer->code == CURLE_ABORTED_BY_CALLBACK && look_at_cancel((void *)transfer, 0, 0, 0, 0)))
        return fail_code(err, SOK_CANCELLED, NULL, host, "cancelled");
    if (transfer->headers_too_large)
        return fail_code(err, SOK_PROTOCOL, NULL, host, "the answer's headers are too large");
    if (transfer->body.overflow)
        return fail_code(err, SOK_TOO_LARGE, NULL, host, "the answer is too large");
    if (transfer->refused_address && transfer->code == CURLE_COULDNT_CONNECT)
        return fail_code(
            err, SOK_DENIED, "address_refused", host, "its address is private and not an allowed one");
    const char *why = curl_easy_strerror(transfer->code);
    switch (transfer->code) {
    case CURLE_OPERATION_TIMEDOUT:
        return fail_code(err, SOK_TIMEOUT, NULL, host, "no answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail_code(err, SOK_UNAVAILABLE, "cannot_resolve", host, "the name does not resolve");
    case CURLE_COULDNT_CONNECT:
        return fail_code(err, SOK_UNAVAILABLE, "cannot_connect", host, "cannot connect");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2_STREAM:
        return fail_code(err, SOK_UNAVAILABLE, NULL, host, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return fail_code(err, SOK_PROTOCOL, "bad_certificate", host, "its certificate is not trusted");
    default:
        return fail_code(err, SOK_PROTOCOL, NULL, host, why);
    }
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

// --- A fetch: tries and redirects.

struct fetch_state {
    struct sok_http_client *client;
    struct sok_arena *arena;
    struct sok_http_reply *reply;
    int64_t deadline_ms; // real monotonic time, as libcurl counts
    size_t max_bytes;
    int64_t retry_after_ms; // of the last answer; -1: none
    const _Atomic bool *cancel;
};

static bool is_redirect(int http)
{
    return http == 301 || http == 302 || http == 303 || http == 307 || http == 308;
}

// One request and its answer without following it. *ret_location: "" or where it points.
static enum sok_status fetch_hop(
    struct fetch_state *state, const struct hop *hop, const char **ret_location, struct sok_error *err)
{
    int64_t left_ms = state->deadline_ms - sok_time_mono_ms();
    if (left_ms <= 0)
        return fail_code(err, SOK_TIMEOUT, NULL, hop->url.host, "no answer in time");
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        sok_panic("out of memory for a request");
    transfer->cancel = state->cancel;
    set_up(state->client, transfer, hop, state->max_bytes, left_ms);
    run_transfer(state->client, transfer);
    enum sok_status status = SOK_OK;
    if (transfer->code != CURLE_OK || transfer->cancelled) {
        status = transfer_error(transfer, hop->url.host, err);
    } else {
        long http = 0;
        const char *type = NULL;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http);
        curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
        struct sok_http_reply *reply = state->reply;
        reply->status = (int)http;
        reply->content_type = sok_strdup(state->arena, type ? type : "");
        reply->final_url = hop->url.text;
        // What is not the answer itself costs the caller's arena little: of an error the beginning explains
        // it.
        size_t len = transfer->body.len;
        if (http >= 300)
            len = http < 400 ? 0 : len < ERROR_BODY_MAX ? len : ERROR_BODY_MAX;
        reply->body_len = len;
        reply->body = sok_strndup(state->arena, transfer->body.data ? transfer->body.data : "", len);
        *ret_location = is_redirect((int)http) ? sok_strdup(state->arena, transfer->location) : "";
        state->retry_after_ms =
            sok_retry_after_ms(transfer->retry_after, sok_clock_now_ms(state->client->clock));
    }
    transfer_done(transfer);
    free(transfer);
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
    if (!target)
        return fail_code(err, SOK_PROTOCOL, "bad_redirect", host, "it redirects to something unusable");
    if (strncasecmp(target, "magnet:", 7) == 0) {
        state->reply->magnet = target;
        state->reply->body = "";
        state->reply->body_len = 0;
        return SOK_OK;
    }
    struct sok_url next;
    if (sok_url_parse(state->arena, target, &next, NULL) != SOK_OK)
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

static bool worth_another_try(enum sok_status status)
{
    return status == SOK_LIMITED || status == SOK_UNAVAILABLE || status == SOK_TIMEOUT;
}

// Sleeps, or returns false at once when the client stops or the caller gives up.
static bool wait_ms(struct sok_http_client *client, const _Atomic bool *cancel, int64_t ms)
{
    int64_t until = sok_time_mono_ms() + ms;
    bool go_on = true;
    pthread_mutex_lock(&client->lock);
    for (int64_t left = ms; left > 0 && go_on; left = until - sok_time_mono_ms()) {
        int64_t at = sok_time_mono_ms() + (left < CANCEL_LOOK_MS ? left : CANCEL_LOOK_MS);
        struct timespec wake = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
        pthread_cond_timedwait(&client->changed, &client->lock, &wake);
        go_on = !client->stopping && !(cancel && *cancel);
    }
    pthread_mutex_unlock(&client->lock);
    return go_on;
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
        if (!wait_ms(state->client, state->cancel, wait))
            return fail_code(err, SOK_CANCELLED, NULL, hop->url.host, "cancelled");
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
    fail_code(err, SOK_UNAVAILABLE, "circuit_open", host, "failed too often, not asked for a while");
    if (err)
        err->retry_after_s = (int)((wait + 999) / 1000);
    return SOK_UNAVAILABLE;
}

static void count_caller(struct sok_http_client *client, int by)
{
    pthread_mutex_lock(&client->lock);
    client->callers += by;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
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
        .headers = fetch->headers,
    };
    SOK_TRY(sok_url_parse(arena, fetch->url, &hop.url, err));
    SOK_TRY(check_breaker(client, fetch->breaker, hop.url.host, err));
    struct fetch_state state = {
        .client = client,
        .arena = arena,
        .reply = ret,
        .deadline_ms = started + (fetch->timeout_ms > 0 ? fetch->timeout_ms : TIMEOUT_DEFAULT_MS),
        .max_bytes = fetch->max_bytes ? fetch->max_bytes : BODY_DEFAULT_BYTES,
        .cancel = fetch->cancelled,
    };
    int tries = fetch->tries > 0 ? fetch->tries : sok_text_eq(hop.method, "GET") ? 3 : 1;
    count_caller(client, 1);
    enum sok_status status = fetch_with_retries(&state, &hop, tries < TRIES_MAX ? tries : TRIES_MAX, err);
    if (fetch->breaker)
        report(client, fetch->breaker, status);
    count_caller(client, -1);
    ret->latency_ms = sok_time_mono_ms() - started;
    return status;
}

// --- The client.

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

static struct sok_http_client *destroy(struct sok_http_client *client)
{
    for (size_t i = 0; i < client->allowed_count; i++)
        free(client->allowed[i]);
    curl_multi_cleanup(client->multi);
    sok_breakers_free(client->breakers);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client->user_agent);
    free(client);
    curl_global_cleanup();
    return NULL;
}

enum sok_status sok_http_client_new(
    const struct sok_http_client_options *options, struct sok_http_client **ret, struct sok_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sok_fail(err, SOK_INTERNAL, "libcurl does not start");
    struct sok_http_client *client = calloc(1, sizeof(*client));
    if (!client)
        sok_panic("out of memory for the HTTP client");
    client->clock = options->clock;
    client->user_agent = strdup(options->user_agent ? options->user_agent : "Sokoul/" SOK_VERSION);
    client->backoff_unit_ms = options->backoff_unit_ms > 0 ? options->backoff_unit_ms : BACKOFF_UNIT_MS;
    client->breakers = sok_breakers_new(options->clock);
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    client->multi = curl_multi_init();
    if (!client->multi || !client->user_agent)
        sok_panic("out of memory for the HTTP client");
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 128L);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
    enum sok_status status = allow_list(client, options->allow_hosts, err);
    if (status == SOK_OK) {
        int code = pthread_create(&client->thread, NULL, run_loop, client);
        if (code)
            status = sok_fail_errno(err, SOK_INTERNAL, code, "cannot start the HTTP client's thread");
    }
    if (status != SOK_OK) {
        destroy(client);
        return status;
    }
    *ret = client;
    return SOK_OK;
}

struct sok_http_client *sok_http_client_free(struct sok_http_client *client)
{
    if (!client)
        return NULL;
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    curl_multi_wakeup(client->multi);
    pthread_join(client->thread, NULL);
    pthread_mutex_lock(&client->lock);
    while (client->callers > 0)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
    return destroy(client);
}

bool sok_http_client_is_open(struct sok_http_client *client, const char *breaker)
{
    return sok_breaker_state(client->breakers, breaker) == SOK_BREAKER_OPEN;
}
