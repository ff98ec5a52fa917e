// From what a handler said to what libmicrohttpd sends. The reply is only noted while the handler runs; when
// it has returned, one place makes the response: conditional answers, problem documents and the headers that
// every reply has.
#include "net/http_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "runtime/log.h"

#define STREAM_IDLE_S 300 // a paused player may not read for a while
#define BOUNDARY_BYTES 18 // random; 24 characters

// --- What handlers call

// The source is not needed after all: 304, 416, HEAD, another reply.
static void let_source_go(struct sok_response *response)
{
    if (response->source.fd >= 0)
        close(response->source.fd);
    if (response->source.close)
        response->source.close(response->source.context);
    response->kind = SOK_REPLY_BYTES;
}

// A handler may change its mind; what it took is let go.
static struct sok_response *start_reply(
    struct sok_request *request, enum sok_reply_kind kind, int http_status)
{
    struct sok_response *response = request->response;
    if (response->kind == SOK_REPLY_RANGES)
        let_source_go(response);
    response->kind = kind;
    response->http_status = http_status;
    response->content_type = NULL;
    response->bytes = NULL;
    response->len = 0;
    return response;
}

void sok_reply_bytes(
    struct sok_request *request, int http_status, const char *content_type, const void *bytes, size_t len,
    bool is_static)
{
    struct sok_response *response = start_reply(request, SOK_REPLY_BYTES, http_status);
    response->content_type = sok_strdup(request->arena, content_type);
    if (!is_static && len)
        bytes = memcpy(sok_alloc(request->arena, len), bytes, len);
    response->bytes = bytes;
    response->len = len;
}

void sok_reply_json(struct sok_request *request, int http_status, json_t *body_taken)
{
    struct sok_response *response = start_reply(request, SOK_REPLY_BYTES, http_status);
    if (!body_taken)
        return;
    response->content_type = "application/json";
    int64_t started_us = sok_time_mono_us();
    const char *text = sok_json_dump(request->arena, body_taken);
    response->bytes = text;
    response->len = strlen(text);
    json_decref(body_taken);
    request->parts.us[SOK_PART_SERIALISATION] += sok_time_mono_us() - started_us;
}

void sok_reply_header(struct sok_request *request, const char *name, const char *value)
{
    struct sok_response *response = request->response;
    struct sok_reply_header *header = sok_alloc(request->arena, sizeof(*header));
    header->name = sok_strdup(request->arena, name);
    header->value = sok_strdup(request->arena, value);
    *response->headers_end = header;
    response->headers_end = &header->next;
}

void sok_reply_set_header(struct sok_request *request, const char *name, const char *value)
{
    for (struct sok_reply_header *at = request->response->headers; at; at = at->next) {
        if (strcasecmp(at->name, name) != 0)
            continue;
        at->value = sok_strdup(request->arena, value);
        return;
    }
    sok_reply_header(request, name, value);
}

void sok_reply_ranges(struct sok_request *request, const struct sok_byte_source *source_taken)
{
    struct sok_response *response = start_reply(request, SOK_REPLY_RANGES, 200);
    response->source = *source_taken;
    response->content_type = sok_strdup(request->arena, source_taken->content_type);
    response->source.etag = sok_strdup(request->arena, source_taken->etag);
    response->source.accel = sok_strdup(request->arena, source_taken->accel);
}

const char *sok_request_header(const struct sok_request *request, const char *name)
{
    const struct sok_exchange *exchange = (const struct sok_exchange *)request;
    return MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

const char *sok_request_cookie(const struct sok_request *request, const char *name)
{
    const struct sok_exchange *exchange = (const struct sok_exchange *)request;
    return MHD_lookup_connection_value(exchange->mhd, MHD_COOKIE_KIND, name);
}

bool sok_request_is_tls(const struct sok_request *request)
{
    const struct sok_exchange *exchange = (const struct sok_exchange *)request;
    const char *proto = sok_request_header(request, "X-Forwarded-Proto");
    return exchange->server->options.public_is_tls || sok_text_eq_nocase(proto, "https");
}

const char *sok_request_param(const struct sok_request *request, const char *name)
{
    for (int i = 0; i < SOK_REQUEST_PARAMS_MAX && request->params[i].name; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}

const char *sok_request_query(const struct sok_request *request, const char *name)
{
    return sok_uri_param(request->query, request->query_count, name);
}

// --- Problem documents (RFC 9457)

static json_t *field_errors(const struct sok_error *err)
{
    json_t *errors = json_array();
    for (int i = 0; i < err->field_count; i++) {
        json_t *item = json_object();
        sok_json_set_text(item, "field", err->fields[i].field);
        sok_json_set_text(item, "code", err->fields[i].code);
        sok_json_set_text(item, "message", err->fields[i].message);
        json_array_append_new(errors, item);
    }
    return errors;
}

static void put_problem(
    struct sok_exchange *exchange, int http_status, const char *code, const char *title, const char *detail)
{
    struct sok_request *request = &exchange->request;
    SOK_JSON_AUTO *body = json_object();
    sok_json_set_text(body, "type", "about:blank");
    sok_json_set_text(body, "title", title);
    sok_json_set_int(body, "status", http_status);
    sok_json_set_text(body, "detail", detail);
    sok_json_set_text(body, "instance", request->path ? request->path : "/");
    sok_json_set_text(body, "code", code);
    sok_json_set_text(body, "request_id", request->request_id);
    if (exchange->error.field_count)
        json_object_set_new(body, "errors", field_errors(&exchange->error));
    const char *text = sok_json_dump(request->arena, body);
    struct sok_response *response = start_reply(request, SOK_REPLY_BYTES, http_status);
    response->content_type = "application/problem+json";
    response->bytes = text;
    response->len = strlen(text);
}

static void reply_problem(struct sok_exchange *exchange, enum sok_status status)
{
    struct sok_error *err = &exchange->error;
    const struct sok_status_info *info = sok_status_info(status);
    const char *code = err->code ? err->code : info->code;
    int http_status = info->http_status;
    const char *title = info->title, *detail = err->message;
    if (sok_text_starts(
            code, "malformed_")) { // not even readable: 400, where 422 is for what reads well but is wrong
        http_status = 400;
        title = "Bad request";
    }
    if (err->field_count && !*detail)
        detail = "Some fields are wrong";
    // What went wrong inside is for the log, which has it under the same request id.
    if (http_status == 500)
        detail = "Something went wrong on our side";
    char seconds[16];
    snprintf(seconds, sizeof(seconds), "%d", err->retry_after_s > 0 ? err->retry_after_s : 1);
    if (http_status == 429 || http_status == 503)
        sok_reply_header(&exchange->request, "Retry-After", seconds);
    if (http_status == 401)
        sok_reply_header(&exchange->request, "WWW-Authenticate", "Bearer realm=\"sokoul\"");
    exchange->request.failure = err;
    put_problem(exchange, http_status, code, title, detail);
}

void sok_exchange_refuse(
    struct sok_exchange *exchange, int http_status, const char *code, const char *detail, const char *allow)
{
    const char *title = http_status == 400   ? "Bad request"
                        : http_status == 404 ? "Not found"
                        : http_status == 405 ? "Method not allowed"
                                             : MHD_get_reason_phrase_for((unsigned)http_status);
    if (allow)
        sok_reply_header(&exchange->request, "Allow", allow);
    put_problem(exchange, http_status, code, title, detail);
    sok_exchange_finish(exchange, SOK_OK);
}

// --- Making the response

static const char *find_reply_header(const struct sok_response *response, const char *name)
{
    for (const struct sok_reply_header *at = response->headers; at; at = at->next)
        if (strcasecmp(at->name, name) == 0)
            return at->value;
    return NULL;
}

static struct MHD_Response *borrow_bytes(const void *bytes, size_t len)
{
    // libmicrohttpd does not write into it, its type only says so.
    return MHD_create_response_from_buffer(len, (void *)(len ? bytes : ""), MHD_RESPMEM_PERSISTENT);
}

static void make_bytes(struct sok_exchange *exchange)
{
    struct sok_request *request = &exchange->request;
    struct sok_response *response = &exchange->response;
    if (request->method == SOK_GET && response->http_status == 200 && response->len) {
        const char *etag = find_reply_header(response, "ETag");
        if (!etag) {
            char hex[SOK_SHA256_HEX];
            sok_sha256_hex(response->bytes, response->len, hex);
            etag = sok_format(request->arena, "\"%.32s\"", hex);
            sok_reply_header(request, "ETag", etag);
        }
        if (sok_etag_listed(sok_request_header(request, "If-None-Match"), etag, false)) {
            // With the body's length, which is what a 304 may say; libmicrohttpd leaves the body itself out.
            response->http_status = 304;
            response->content_type = NULL;
        }
    }
    bool has_body = !request->is_head && response->http_status != 304;
    response->body_bytes = has_body ? (int64_t)response->len : 0;
    response->mhd = borrow_bytes(response->bytes, response->len);
}

static ssize_t never_read(void *cls, uint64_t at, char *buf, size_t max)
{
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

// A response that says how long its body would be: to HEAD, and 304.
static struct MHD_Response *without_bytes(int64_t len)
{
    return len ? MHD_create_response_from_callback((uint64_t)len, 1, never_read, NULL, NULL)
               : borrow_bytes("", 0);
}

static const char *content_range(struct sok_arena *arena, struct sok_range range, int64_t size)
{
    return sok_format(
        arena, "bytes %lld-%lld/%lld", (long long)range.first, (long long)range.last, (long long)size);
}

// One range, or the whole as one.
static struct MHD_Response *make_single(struct sok_exchange *exchange, struct sok_range range)
{
    struct sok_response *response = &exchange->response;
    struct sok_byte_source *source = &response->source;
    int64_t len = range.last - range.first + 1;
    response->body_bytes = len;
    if (len == 0 || exchange->request.is_head) {
        let_source_go(response);
        response->body_bytes = 0;
        return without_bytes(len);
    }
    if (source->fd < 0)
        return sok_pump_response(exchange, source, &range, NULL, "", 1, len);
    struct MHD_Response *mhd =
        MHD_create_response_from_fd_at_offset64((uint64_t)len, source->fd, (uint64_t)range.first);
    if (mhd) // it closes the file
        source->fd = -1;
    let_source_go(response);
    return mhd;
}

// multipart/byteranges (RFC 9110 section 14.6).
static struct MHD_Response *make_multipart(
    struct sok_exchange *exchange, const struct sok_range *ranges, int count)
{
    struct sok_arena *arena = exchange->request.arena;
    struct sok_response *response = &exchange->response;
    char boundary[32];
    sok_random_token(BOUNDARY_BYTES, boundary, sizeof(boundary));
    const char *heads[SOK_RANGES_MAX], *tail = sok_format(arena, "\r\n--%s--\r\n", boundary);
    int64_t total = (int64_t)strlen(tail);
    for (int i = 0; i < count; i++) {
        heads[i] = sok_format(
            arena, "%s--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n", i ? "\r\n" : "", boundary,
            response->content_type, content_range(arena, ranges[i], response->source.size_bytes));
        total += (int64_t)strlen(heads[i]) + ranges[i].last - ranges[i].first + 1;
    }
    response->content_type = sok_format(arena, "multipart/byteranges; boundary=%s", boundary);
    response->body_bytes = total;
    return sok_pump_response(exchange, &response->source, ranges, heads, tail, count, total);
}

static void make_not_modified(struct sok_response *response)
{
    response->http_status = 304;
    response->content_type = NULL;
    response->mhd = without_bytes(response->source.size_bytes);
    let_source_go(response);
}

static bool is_unchanged(struct sok_request *request, const struct sok_byte_source *source)
{
    const char *listed = sok_request_header(request, "If-None-Match");
    const char *since = sok_request_header(request, "If-Modified-Since");
    if (listed)
        return sok_etag_listed(listed, source->etag, false);
    char date[30];
    if (since && source->modified_ms)
        sok_time_format_http(source->modified_ms, date);
    return since && source->modified_ms && strcmp(since, date) == 0;
}

static void accept_ranges(struct sok_request *request)
{
    sok_reply_header(request, "Accept-Ranges", "bytes");
}

// The proxy in front sends the bytes; it makes the status and all that is about ranges anew from the same
// request.
static void make_redirect(
    struct sok_request *request, struct sok_response *response, const struct sok_range *range)
{
    sok_reply_header(request, "X-Accel-Redirect", response->source.accel);
    response->body_bytes = range->last - range->first + 1;
    response->mhd = borrow_bytes("", 0);
    let_source_go(response);
}

static void make_ranges(struct sok_exchange *exchange)
{
    struct sok_request *request = &exchange->request;
    struct sok_response *response = &exchange->response;
    struct sok_byte_source *source = &response->source;
    char date[30];
    if (source->etag)
        sok_reply_header(request, "ETag", source->etag);
    if (source->modified_ms) {
        sok_time_format_http(source->modified_ms, date);
        sok_reply_header(request, "Last-Modified", date);
    }
    if (is_unchanged(request, source)) {
        accept_ranges(request);
        make_not_modified(response);
        return;
    }
    struct sok_range ranges[SOK_RANGES_MAX] = {{0, source->size_bytes - 1}};
    int count = 1;
    const char *header = request->is_head ? NULL : sok_request_header(request, "Range");
    if (!sok_if_range_holds(sok_request_header(request, "If-Range"), source->etag, source->modified_ms))
        header = NULL;
    enum sok_range_result result = sok_range_parse(header, source->size_bytes, ranges, &count);
    if (result == SOK_RANGE_UNSATISFIABLE) {
        int64_t size = source->size_bytes;
        accept_ranges(request);
        let_source_go(response);
        sok_reply_header(
            request, "Content-Range", sok_format(request->arena, "bytes */%lld", (long long)size));
        put_problem(
            exchange, 416, "range_not_satisfiable", "Range not satisfiable", "the file has no such bytes");
        response->body_bytes = (int64_t)response->len;
        response->mhd = borrow_bytes(response->bytes, response->len);
        return;
    }
    response->http_status = result == SOK_RANGE_PARTIAL ? 206 : 200;
    if (sok_exchange_may_redirect(exchange, result, count)) {
        make_redirect(request, response, &ranges[0]);
        return;
    }
    accept_ranges(request);
    if (result == SOK_RANGE_PARTIAL && count == 1)
        sok_reply_header(
            request, "Content-Range", content_range(request->arena, ranges[0], source->size_bytes));
    response->mhd = count > 1 ? make_multipart(exchange, ranges, count) : make_single(exchange, ranges[0]);
    response->kind = SOK_REPLY_BYTES; // the source is MHD's or the pump's now
    exchange->is_stream = true;
    if (!response->mhd) {
        (void)sok_fail(&exchange->error, SOK_UNAVAILABLE, "too many streams are running");
        exchange->error.retry_after_s = 5;
        reply_problem(exchange, SOK_UNAVAILABLE);
        make_bytes(exchange);
    }
}

// What every reply carries, whatever it is; a handler that sets one of them itself is right about its own
// page. The policy is for what is no page: a document that somebody opens as one may load, run and frame
// nothing.
static const struct {
    const char *name, *value;
} standing_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
                           "microphone=(), midi=(), payment=(), serial=(), usb=()"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control",
     "private, no-cache"}, // kept by the browser alone, and asked about: an ETag makes that cheap
};

static void add(struct MHD_Response *mhd, const char *name, const char *value)
{
    // It refuses control characters; then the header is missing, which is better than a second line.
    (void)MHD_add_response_header(mhd, name, value);
}

static bool is_standing(const char *name)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(standing_headers); i++)
        if (strcasecmp(standing_headers[i].name, name) == 0)
            return true;
    return false;
}

// What a handler chose for the page or film it meant to send does not hold for the problem that came of it.
static void add_standing(const struct sok_response *response)
{
    bool is_problem = response->http_status >= 400;
    for (size_t i = 0; i < SOK_ARRAY_LEN(standing_headers); i++) {
        const char *name = standing_headers[i].name;
        if (is_problem && strcmp(name, "Cache-Control") == 0)
            add(response->mhd, name, "no-store");
        else if (is_problem || !find_reply_header(response, name))
            add(response->mhd, name, standing_headers[i].value);
    }
}

void sok_exchange_add_headers(struct sok_exchange *exchange)
{
    const struct sok_response *response = &exchange->response;
    struct MHD_Response *mhd = response->mhd;
    if (response->content_type)
        add(mhd, "Content-Type", response->content_type);
    for (const struct sok_reply_header *at = response->headers; at; at = at->next)
        if (response->http_status < 400 || !is_standing(at->name))
            add(mhd, at->name, at->value);
    add(mhd, "X-Request-ID", exchange->request.request_id);
    if (response->kind == SOK_REPLY_UPGRADE)
        return;
    add_standing(response);
    if (sok_request_is_tls(&exchange->request))
        add(mhd, "Strict-Transport-Security", "max-age=31536000");
    if (response->close || exchange->server->stopping)
        add(mhd, "Connection", "close");
}

void sok_exchange_finish(struct sok_exchange *exchange, enum sok_status status)
{
    struct sok_response *response = &exchange->response;
    if (status == SOK_OK && response->kind == SOK_REPLY_NONE)
        status = sok_fail(&exchange->error, SOK_INTERNAL, "the handler gave no reply");
    if (status != SOK_OK)
        reply_problem(exchange, status);
    if (response->kind == SOK_REPLY_RANGES)
        make_ranges(exchange);
    else if (response->kind == SOK_REPLY_UPGRADE)
        sok_exchange_make_upgrade(exchange);
    else
        make_bytes(exchange);
    if (!response->mhd)
        sok_panic("out of memory for a reply");
    exchange->state = SOK_EX_READY;
}

void sok_exchange_report(struct sok_exchange *exchange)
{
    const struct sok_response *response = &exchange->response;
    if (!exchange->server->options.after)
        return;
    sok_log_set_context(exchange->request.request_id, exchange->request.traceparent);
    exchange->server->options.after(&exchange->request, response->http_status, response->body_bytes);
    sok_log_set_context("", "");
}

enum MHD_Result sok_exchange_send(struct sok_exchange *exchange)
{
    struct sok_response *response = &exchange->response;
    struct sok_http_server *server = exchange->server;
    sok_connection_set(
        server, exchange->connection, response->kind == SOK_REPLY_UPGRADE ? SOK_CONN_TAKEN : SOK_CONN_BUSY);
    sok_exchange_add_headers(exchange);
    sok_exchange_report(exchange);
    sok_exchange_measure_stream(exchange);
    if (response->body_bytes > (1 << 20))
        MHD_set_connection_option(exchange->mhd, MHD_CONNECTION_OPTION_TIMEOUT, STREAM_IDLE_S);
    enum MHD_Result queued =
        server->queue_response(exchange->mhd, (unsigned)response->http_status, response->mhd);
    MHD_destroy_response(response->mhd);
    response->mhd = NULL;
    exchange->state = SOK_EX_SENT;
    return queued;
}
