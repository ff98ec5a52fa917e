// One thread owns the multi; a caller's thread prepares its request, hands it over and sleeps until it is
// done.
//
// Addresses are judged where libcurl opens the socket: what is checked is what is connected to, so a name
// that resolves differently the second time (DNS rebinding) gains nothing. A kept connection belongs to one
// host:port and was judged when it was opened. Proxies of the environment are not used: behind one, nobody
// would judge.
#include "net/http_transfer.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "base/time.h"
#include "net/address.h"
#include "net/http_client.h"

#define CONNECT_TIMEOUT_MS 10000
#define HEADER_BYTES_MAX ((size_t)256 << 10)
#define CANCEL_LOOK_MS 250 // how soon a cancelled caller is noticed

struct transfer {
    const struct sok_transfer_request *request;
    struct sok_transfer_answer *answer;
    CURL *easy;
    struct curl_slist *headers;
    size_t header_bytes;
    bool refused_address, headers_too_large;
    CURLcode code;
    bool done, stopped; // under the lock
    struct transfer *prev, *next;
};

struct sok_transfers {
    char *user_agent;
    CURLM *multi; // the loop thread's, but for curl_multi_wakeup
    pthread_t thread;
    pthread_mutex_t lock;   // guards all below
    pthread_cond_t changed; // a transfer is done, or everything stops
    bool stopping;
    struct transfer *waiting; // handed over, not yet with the multi
    struct transfer *running; // with the multi; touched by the loop thread only
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

static void finish(struct sok_transfers *transfers, struct transfer *transfer, CURLcode code, bool stopped)
{
    curl_multi_remove_handle(transfers->multi, transfer->easy);
    list_remove(&transfers->running, transfer);
    pthread_mutex_lock(&transfers->lock);
    transfer->code = code;
    transfer->stopped = stopped;
    transfer->done = true;
    pthread_cond_broadcast(&transfers->changed);
    pthread_mutex_unlock(&transfers->lock);
}

// Takes over what was handed in; returns whether it goes on.
static bool take_waiting(struct sok_transfers *transfers)
{
    pthread_mutex_lock(&transfers->lock);
    struct transfer *transfer = transfers->waiting;
    transfers->waiting = NULL;
    bool stopping = transfers->stopping;
    pthread_mutex_unlock(&transfers->lock);
    while (transfer) {
        struct transfer *next = transfer->next;
        list_push(&transfers->running, transfer);
        if (curl_multi_add_handle(transfers->multi, transfer->easy) != CURLM_OK)
            finish(transfers, transfer, CURLE_FAILED_INIT, false);
        transfer = next;
    }
    return !stopping;
}

static void *run_loop(void *argument)
{
    struct sok_transfers *transfers = argument;
    while (take_waiting(transfers)) {
        int active, left;
        curl_multi_perform(transfers->multi, &active);
        CURLMsg *message;
        while ((message = curl_multi_info_read(transfers->multi, &left))) {
            if (message->msg != CURLMSG_DONE)
                continue;
            struct transfer *transfer;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            finish(transfers, transfer, code, false);
        }
        curl_multi_poll(transfers->multi, NULL, 0, transfers->running ? CANCEL_LOOK_MS : 60000, NULL);
    }
    while (transfers->running)
        finish(transfers, transfers->running, CURLE_ABORTED_BY_CALLBACK, true);
    return NULL;
}

// --- What libcurl calls while a transfer runs (in the loop's thread).

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    return sok_buf_append(&transfer->answer->body, bytes, size * count) ? size * count : 0;
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
    struct sok_transfer_answer *answer = transfer->answer;
    size_t len = size * count;
    transfer->header_bytes += len;
    if (transfer->header_bytes > HEADER_BYTES_MAX) {
        transfer->headers_too_large = true;
        return 0;
    }
    if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) // a new answer begins (after 1xx)
        answer->location[0] = answer->retry_after[0] = 0;
    else if (len > 9 && strncasecmp(bytes, "location:", 9) == 0)
        copy_value(answer->location, sizeof(answer->location), bytes + 9, len - 9);
    else if (len > 12 && strncasecmp(bytes, "retry-after:", 12) == 0)
        copy_value(answer->retry_after, sizeof(answer->retry_after), bytes + 12, len - 12);
    return len;
}

static bool is_cancelled(const struct transfer *transfer)
{
    return transfer->request->cancelled && *transfer->request->cancelled;
}

static int look_at_cancelled(
    void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    return is_cancelled(context);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    struct sok_address judged;
    bool known = sok_address_from_sockaddr(&address->addr, &judged);
    if (!transfer->request->private_allowed && (!known || sok_address_is_private(&judged))) {
        transfer->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// --- One transfer, seen from the caller's thread.

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    if (!list)
        sok_panic("out of memory for a request header");
    transfer->headers = list;
}

static void set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_at_cancelled);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
}

static void set_up(const struct sok_transfers *transfers, struct transfer *transfer)
{
    const struct sok_transfer_request *request = transfer->request;
    int64_t timeout_ms = request->timeout_ms, connect_ms = CONNECT_TIMEOUT_MS;
    CURL *easy = transfer->easy = curl_easy_init();
    if (!easy)
        sok_panic("out of memory for a request");
    add_header(transfer, "Expect:"); // no 100-continue round trip
    for (const char *const *line = request->headers; line && *line; line++)
        add_header(transfer, *line);
    set_callbacks(transfer);
    curl_easy_setopt(easy, CURLOPT_URL, request->url->text);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, transfers->user_agent);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(timeout_ms < connect_ms ? timeout_ms : connect_ms));
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    }
    if (sok_text_eq(request->method, "HEAD"))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

// Hands the transfer to the loop and sleeps until it is done; libcurl's own timeout ends the wait.
static void wait_for(struct sok_transfers *transfers, struct transfer *transfer)
{
    pthread_mutex_lock(&transfers->lock);
    if (transfers->stopping) {
        transfer->stopped = transfer->done = true;
    } else {
        list_push(&transfers->waiting, transfer);
        curl_multi_wakeup(transfers->multi);
    }
    while (!transfer->done)
        pthread_cond_wait(&transfers->changed, &transfers->lock);
    pthread_mutex_unlock(&transfers->lock);
}

static enum sok_status fail(
    struct sok_error *err, enum sok_status status, const char *code, const char *host, const char *why)
{
    sok_fail(err, status, "%.120s: %s", host, why);
    if (err)
        err->code = code;
    return status;
}

// What a transfer without a complete answer came to.
static enum sok_status failure(const struct transfer *transfer, struct sok_error *err)
{
    const char *host = transfer->request->url->host;
    if (transfer->stopped || (transfer->code == CURLE_ABORTED_BY_CALLBACK && is_cancelled(transfer)))
        return fail(err, SOK_CANCELLED, NULL, host, "cancelled");
    if (transfer->headers_too_large)
        return fail(err, SOK_PROTOCOL, NULL, host, "the answer's headers are too large");
    if (transfer->answer->body.overflow)
        return fail(err, SOK_TOO_LARGE, NULL, host, "the answer is too large");
    if (transfer->refused_address && transfer->code == CURLE_COULDNT_CONNECT)
        return fail(
            err, SOK_DENIED, "address_refused", host, "its address is private and not an allowed one");
    const char *why = curl_easy_strerror(transfer->code);
    switch (transfer->code) {
    case CURLE_OPERATION_TIMEDOUT:
        return fail(err, SOK_TIMEOUT, NULL, host, "no answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(err, SOK_UNAVAILABLE, "cannot_resolve", host, "the name does not resolve");
    case CURLE_COULDNT_CONNECT:
        return fail(err, SOK_UNAVAILABLE, "cannot_connect", host, "cannot connect");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2_STREAM:
        return fail(err, SOK_UNAVAILABLE, NULL, host, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return fail(err, SOK_PROTOCOL, "bad_certificate", host, "its certificate is not trusted");
    default:
        return fail(err, SOK_PROTOCOL, NULL, host, why);
    }
}

enum sok_status sok_transfer_run(
    struct sok_transfers *transfers, const struct sok_transfer_request *request,
    struct sok_transfer_answer *ret, struct sok_error *err)
{
    struct transfer transfer = {.request = request, .answer = ret};
    memset(ret, 0, sizeof(*ret));
    sok_buf_init(&ret->body, request->max_bytes);
    set_up(transfers, &transfer);
    wait_for(transfers, &transfer);
    enum sok_status status = SOK_OK;
    if (transfer.code != CURLE_OK || transfer.stopped) {
        status = failure(&transfer, err);
    } else {
        long http = 0;
        const char *type = NULL;
        curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &http);
        curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_TYPE, &type);
        ret->status = (int)http;
        if (type)
            copy_value(ret->content_type, sizeof(ret->content_type), type, strlen(type));
    }
    curl_slist_free_all(transfer.headers);
    curl_easy_cleanup(transfer.easy);
    return status;
}

bool sok_transfers_sleep(struct sok_transfers *transfers, const _Atomic bool *cancelled, int64_t ms)
{
    int64_t until = sok_time_mono_ms() + ms;
    bool go_on = true;
    pthread_mutex_lock(&transfers->lock);
    for (int64_t left = ms; left > 0 && go_on; left = until - sok_time_mono_ms()) {
        int64_t at = sok_time_mono_ms() + (left < CANCEL_LOOK_MS ? left : CANCEL_LOOK_MS);
        struct timespec wake = {.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
        pthread_cond_timedwait(&transfers->changed, &transfers->lock, &wake);
        go_on = !transfers->stopping && !(cancelled && *cancelled);
    }
    pthread_mutex_unlock(&transfers->lock);
    return go_on;
}

// --- Start and end.

static struct sok_transfers *destroy(struct sok_transfers *transfers)
{
    curl_multi_cleanup(transfers->multi);
    pthread_cond_destroy(&transfers->changed);
    pthread_mutex_destroy(&transfers->lock);
    free(transfers->user_agent);
    free(transfers);
    curl_global_cleanup();
    return NULL;
}

enum sok_status sok_transfers_new(const char *user_agent, struct sok_transfers **ret, struct sok_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sok_fail(err, SOK_INTERNAL, "libcurl does not start");
    struct sok_transfers *transfers = calloc(1, sizeof(*transfers));
    if (!transfers)
        sok_panic("out of memory for the HTTP client");
    transfers->user_agent = strdup(user_agent);
    transfers->multi = curl_multi_init();
    if (!transfers->multi || !transfers->user_agent)
        sok_panic("out of memory for the HTTP client");
    pthread_mutex_init(&transfers->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&transfers->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 128L);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
    int code = pthread_create(&transfers->thread, NULL, run_loop, transfers);
    if (code) {
        destroy(transfers);
        return sok_fail_errno(err, SOK_INTERNAL, code, "cannot start the HTTP client's thread");
    }
    *ret = transfers;
    return SOK_OK;
}

void sok_transfers_stop(struct sok_transfers *transfers)
{
    pthread_mutex_lock(&transfers->lock);
    transfers->stopping = true;
    pthread_cond_broadcast(&transfers->changed);
    pthread_mutex_unlock(&transfers->lock);
    curl_multi_wakeup(transfers->multi);
}

struct sok_transfers *sok_transfers_free(struct sok_transfers *transfers)
{
    if (!transfers)
        return NULL;
    sok_transfers_stop(transfers);
    pthread_join(transfers->thread, NULL);
    return destroy(transfers);
}

const char *sok_http_client_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}
