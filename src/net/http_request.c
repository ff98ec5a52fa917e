// A request's way from libmicrohttpd to the handler. It calls us with the header, then with pieces of the
// body, then once more with nothing: only then is the request dispatched. A slow handler runs in the lane:
// the connection is suspended, the lane makes the reply, and after resuming we are called again to send it.
#include "net/http_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/time.h"
#include "net/multipart.h"
#include "runtime/log.h"

#define IGNORED_BODY_MAX ((size_t)64 << 10) // of routes that take none
#define DISCARD_MAX ((int64_t)64 << 20) // read and dropped so that the client sees the answer, not a reset
#define BODIES_MAX ((int64_t)256 << 20) // of all requests together

void *sok_exchange_new(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct sok_http_server *server = cls;
    struct sok_arena *arena = sok_arena_new(0);
    struct sok_exchange *exchange = sok_alloc(arena, sizeof(*exchange));
    exchange->server = server;
    exchange->mhd = mhd;
    exchange->connection = sok_connection_of(mhd);
    exchange->target_end = uri + strlen(uri);
    exchange->raw_path = sok_strdup(arena, uri);
    exchange->connection->exchange = exchange;
    exchange->response.headers_end = &exchange->response.headers;
    exchange->request.arena = arena;
    exchange->request.app = server->options.app;
    exchange->request.response = &exchange->response;
    sok_http_count(server, &server->active, 1);
    sok_connection_asks(exchange->connection);
    sok_metric_add(server->options.metrics, SOK_METRIC_API_ACTIVE, 1, 0, 0, 0);
    return exchange;
}

static void resumed(struct sok_exchange *exchange)
{
    if (exchange->counted_as_suspended)
        sok_http_count(exchange->server, &exchange->server->suspended, -1);
    exchange->counted_as_suspended = false;
}

void sok_exchange_done(
    void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why)
{
    struct sok_exchange *exchange = *con_cls;
    if (!exchange)
        return;
    struct sok_http_server *server = exchange->server;
    if (exchange->connection && exchange->connection->phase != SOK_CONN_TAKEN)
        sok_connection_set(server, exchange->connection, SOK_CONN_WAITING);
    sok_exchange_measure_end(exchange);
    if (exchange->connection)
        exchange->connection->exchange = NULL;
    resumed(exchange);
    // What the handler handed over and nobody sent.
    if (exchange->response.mhd)
        MHD_destroy_response(exchange->response.mhd);
    if (exchange->response.take_socket)
        exchange->response.take_socket(exchange->response.take_context, -1, NULL, 0);
    server->body_bytes -= (int64_t)exchange->body.capacity;
    if (exchange->request.json)
        json_decref(exchange->request.json);
    sok_buf_done(&exchange->body);
    sok_arena_free(exchange->request.arena);
    *con_cls = NULL;
    sok_metric_add(server->options.metrics, SOK_METRIC_API_ACTIVE, -1, 0, 0, 0);
    sok_http_count(server, &server->active, -1);
}

// --- The body

static bool is_type(const char *header, const char *type)
{
    size_t len = strlen(type);
    return header && strncasecmp(header, type, len) == 0 &&
           (!header[len] || header[len] == ';' || header[len] == ' ' || header[len] == '\t');
}

static bool is_multipart(const struct sok_exchange *exchange)
{
    enum sok_body body = exchange->request.route->body;
    return (body == SOK_BODY_MULTIPART_OR_JSON || body == SOK_BODY_MULTIPART_OR_PICTURE) &&
           is_type(sok_request_header(&exchange->request, "Content-Type"), "multipart/form-data");
}

// The two types are what a client may call it; what it is, the bytes say.
static bool is_picture(const struct sok_exchange *exchange)
{
    const char *type = sok_request_header(&exchange->request, "Content-Type");
    return exchange->request.route->body == SOK_BODY_MULTIPART_OR_PICTURE &&
           (is_type(type, "image/jpeg") || is_type(type, "image/png"));
}

static enum sok_status check_body_kind(struct sok_exchange *exchange, struct sok_error *err)
{
    const struct sok_route *route = exchange->request.route;
    const char *encoding = sok_request_header(&exchange->request, "Content-Encoding");
    if (route->body == SOK_BODY_NONE)
        return SOK_OK;
    if (encoding && strcasecmp(encoding, "identity") != 0)
        return sok_fail(err, SOK_UNSUPPORTED, "bodies are taken without Content-Encoding only");
    bool may_be_json = route->body != SOK_BODY_MULTIPART_OR_PICTURE;
    if (is_multipart(exchange) || is_picture(exchange) ||
        (may_be_json && is_type(sok_request_header(&exchange->request, "Content-Type"), "application/json")))
        return SOK_OK;
    if (!may_be_json)
        return sok_fail(
            err, SOK_UNSUPPORTED, "the body must be multipart/form-data, image/jpeg or image/png");
    return sok_fail(
        err, SOK_UNSUPPORTED, "the body must be application/json%s",
        route->body == SOK_BODY_MULTIPART_OR_JSON ? " or multipart/form-data" : "");
}

static size_t body_limit(const struct sok_exchange *exchange)
{
    const struct sok_route *route = exchange->request.route;
    return route->body == SOK_BODY_NONE ? IGNORED_BODY_MAX : route->body_max_bytes;
}

static enum sok_status fail_too_large(struct sok_exchange *exchange, struct sok_error *err)
{
    return sok_fail(err, SOK_TOO_LARGE, "the body is over the limit of %zu bytes", body_limit(exchange));
}

// Decides from the header alone whether the body is wanted.
static enum sok_status check_body(struct sok_exchange *exchange, int64_t length, struct sok_error *err)
{
    if (length > (int64_t)body_limit(exchange))
        return fail_too_large(exchange, err);
    if (length != 0)
        SOK_TRY(check_body_kind(exchange, err));
    if (exchange->server->body_bytes + length > BODIES_MAX) {
        (void)sok_fail(err, SOK_UNAVAILABLE, "too many uploads at once");
        err->retry_after_s = 5;
        return SOK_UNAVAILABLE;
    }
    return SOK_OK;
}

// A refused body is still read as long as that is cheap: an answer sent into an upload is lost with the reset
// that follows. Who asked first (Expect: 100-continue) or announces too much is answered at once and cut off.
static enum MHD_Result refuse_body(struct sok_exchange *exchange, int64_t length)
{
    const char *expect = sok_request_header(&exchange->request, "Expect");
    if (expect || length > DISCARD_MAX) {
        exchange->response.close = true;
        return sok_exchange_send(exchange);
    }
    exchange->state = SOK_EX_DISCARDING;
    return MHD_YES;
}

static int64_t announced_length(const struct sok_exchange *exchange)
{
    const char *text = sok_request_header(&exchange->request, "Content-Length");
    int64_t length = -1;
    if (text && !sok_parse_int(text, 0, INT64_MAX, &length))
        length = INT64_MAX;
    return length; // -1: chunked
}

// What this thread logs and spends is the request's, until leave().
static void enter(struct sok_exchange *exchange)
{
    sok_log_set_context(exchange->request.request_id, exchange->request.traceparent);
    sok_metrics_follow(exchange->server->options.metrics, &exchange->request.parts);
}

static void leave(struct sok_metrics *metrics)
{
    sok_log_set_context("", "");
    sok_metrics_follow(metrics, NULL);
}

// Whether this caller may do this, decided from the header: who may not has no body read into memory and none
// parsed, and a body that is not understood counts against the limits like any other.
static enum sok_status run_before(struct sok_exchange *exchange)
{
    enum sok_status status = SOK_OK;
    if (!exchange->judged && exchange->server->options.before) {
        enter(exchange);
        status = exchange->server->options.before(&exchange->request, &exchange->error);
        leave(exchange->server->options.metrics);
    }
    exchange->judged = true;
    return status;
}

static enum MHD_Result begin(struct sok_exchange *exchange, const char *method, const char *version)
{
    exchange->begun = true;
    exchange->request.started_ms = sok_clock_mono_ms(exchange->server->options.clock);
    exchange->request.started_us = sok_time_mono_us();
    sok_connection_set(exchange->server, exchange->connection, SOK_CONN_BODY);
    if (!sok_exchange_head_fits(exchange))
        return sok_exchange_refuse_head(exchange);
    bool fine = sok_exchange_read_head(exchange, method, version);
    if (!exchange->has_body)
        return fine || !exchange->response.close ? MHD_YES : sok_exchange_send(exchange);
    if (exchange->response.close)
        return sok_exchange_send(exchange);
    int64_t length = announced_length(exchange);
    if (!fine)
        return refuse_body(exchange, length);
    enum sok_status status = run_before(exchange);
    if (status == SOK_OK)
        status = check_body(exchange, length, &exchange->error);
    if (status != SOK_OK) {
        sok_exchange_finish(exchange, status);
        return refuse_body(exchange, length);
    }
    sok_buf_init(&exchange->body, body_limit(exchange));
    exchange->state = SOK_EX_READING;
    return MHD_YES;
}

static enum MHD_Result take_body(struct sok_exchange *exchange, const char *bytes, size_t len)
{
    exchange->connection->body_bytes += (int64_t)len;
    if (exchange->state == SOK_EX_READING) {
        size_t before = exchange->body.capacity;
        if (sok_buf_append(&exchange->body, bytes, len)) {
            exchange->server->body_bytes += (int64_t)(exchange->body.capacity - before);
            return MHD_YES;
        }
        sok_exchange_finish(exchange, fail_too_large(exchange, &exchange->error));
        exchange->state = SOK_EX_DISCARDING;
    }
    exchange->discarded += (int64_t)len;
    return exchange->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum sok_status read_multipart(struct sok_exchange *exchange, struct sok_error *err)
{
    struct sok_request *request = &exchange->request;
    struct sok_multipart_part *parts;
    size_t count;
    SOK_TRY(sok_multipart_parse(
        request->arena, sok_request_header(request, "Content-Type"), request->body, request->body_len, &parts,
        &count, err));
    request->json = json_object();
    for (size_t i = 0; i < count; i++) {
        if (parts[i].filename) {
            if (request->upload_field) {
                sok_fail_field(err, parts[i].name, "too_many", "only one file is taken");
                return err->status;
            }
            request->upload = parts[i].bytes;
            request->upload_len = parts[i].len;
            request->upload_field = parts[i].name;
        } else if (!sok_utf8_valid(parts[i].bytes, parts[i].len)) {
            sok_fail_field(err, parts[i].name, "not_utf8", "must be UTF-8 text");
            return err->status;
        } else {
            json_object_set_new(request->json, parts[i].name, json_stringn(parts[i].bytes, parts[i].len));
        }
    }
    return SOK_OK;
}

// Every route takes an object; whoever sends something else is told so rather than that its fields are
// missing.
static enum sok_status read_json(struct sok_exchange *exchange, struct sok_error *err)
{
    struct sok_request *request = &exchange->request;
    const char *text = request->body;
    size_t blank = 0;
    while (blank < request->body_len && memchr(" \t\r\n", text[blank], 4))
        blank++;
    if (blank < request->body_len && !strchr("{[", text[blank])) {
        (void)sok_fail(err, SOK_INVALID, "expected a JSON object");
        if (err)
            err->code = "malformed_json";
        return SOK_INVALID;
    }
    SOK_TRY(sok_json_parse(
        request->body, request->body_len, request->route->body_max_bytes, &request->json, err));
    if (json_is_object(request->json))
        return SOK_OK;
    sok_fail_field(err, "body", "wrong_type", "expected a JSON object");
    return SOK_INVALID;
}

static enum sok_status read_body(struct sok_exchange *exchange, struct sok_error *err)
{
    struct sok_request *request = &exchange->request;
    request->body = exchange->body.data;
    request->body_len = exchange->body.len;
    if (request->route->body == SOK_BODY_NONE)
        return SOK_OK;
    if (!request->body_len) {
        request->json = json_object();
        return SOK_OK;
    }
    if (is_multipart(exchange))
        return read_multipart(exchange, err);
    if (is_picture(exchange)) {
        request->upload = request->body;
        request->upload_len = request->body_len;
        request->upload_field = "";
        return SOK_OK;
    }
    return read_json(exchange, err);
}

// --- The handler

bool sok_request_may_wait(const struct sok_request *request)
{
    return ((const struct sok_exchange *)request)->may_wait;
}

enum sok_status sok_request_go_slow(struct sok_request *request)
{
    struct sok_exchange *exchange = (struct sok_exchange *)request; // its first member
    exchange->goes_slow = !exchange->may_wait;
    return SOK_TIMEOUT;
}

static void run_handler(struct sok_exchange *exchange)
{
    struct sok_metrics *metrics = exchange->server->options.metrics;
    enter(exchange);
    enum sok_status status = exchange->request.route->handler(&exchange->request, &exchange->error);
    if (!exchange->goes_slow || exchange->may_wait)
        sok_exchange_finish(exchange, status);
    leave(metrics);
}

static void run_in_lane(void *context)
{
    struct sok_exchange *exchange = context;
    struct MHD_Connection *mhd = exchange->mhd; // once finished, the exchange is the connection's thread's
    exchange->may_wait = true;
    exchange->error = (struct sok_error){0}; // of the handler that could not wait
    if (exchange->server->ending)
        sok_exchange_finish(exchange, sok_fail(&exchange->error, SOK_UNAVAILABLE, "the server is stopping"));
    else
        run_handler(exchange);
    MHD_resume_connection(mhd);
}

static enum MHD_Result suspend_into_lane(struct sok_exchange *exchange)
{
    struct sok_http_server *server = exchange->server;
    bool is_hash = exchange->request.route->lane == SOK_LANE_HASH;
    exchange->counted_as_suspended = true;
    sok_http_count(server, &server->suspended, 1);
    if (!server->ending) {
        exchange->state = SOK_EX_SUSPENDED;
        MHD_suspend_connection(exchange->mhd);
        if (sok_pool_submit(is_hash ? server->hash_lane : server->lane, run_in_lane, exchange))
            return MHD_YES;
        MHD_resume_connection(exchange->mhd);
    }
    (void)sok_fail(
        &exchange->error, SOK_UNAVAILABLE,
        is_hash ? "too many sign-ins are waiting" : "too many slow requests are waiting");
    exchange->error.code = "overloaded";
    sok_metric_add(server->options.metrics, SOK_METRIC_API_REFUSED, 1, SOK_REFUSAL_OVERLOAD, 0, 0);
    exchange->error.retry_after_s = is_hash ? 5 : 1;
    bool was_suspended = exchange->state == SOK_EX_SUSPENDED;
    sok_exchange_finish(exchange, SOK_UNAVAILABLE);
    if (was_suspended)
        return MHD_YES; // called again once it is resumed
    resumed(exchange);
    return sok_exchange_send(exchange);
}

static enum MHD_Result dispatch(struct sok_exchange *exchange)
{
    struct sok_http_server *server = exchange->server;
    sok_connection_set(server, exchange->connection, SOK_CONN_BUSY);
    enum sok_status status = run_before(exchange);
    if (status == SOK_OK)
        status = read_body(exchange, &exchange->error);
    if (status == SOK_OK && server->options.admit)
        status = server->options.admit(&exchange->request, &exchange->error);
    if (status == SOK_OK && exchange->request.route->lane != SOK_LANE_INLINE)
        return suspend_into_lane(exchange);
    if (status == SOK_OK)
        run_handler(exchange);
    else
        sok_exchange_finish(exchange, status);
    return exchange->goes_slow ? suspend_into_lane(exchange) : sok_exchange_send(exchange);
}

enum MHD_Result sok_exchange_step(
    void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_len, void **con_cls)
{
    struct sok_exchange *exchange = *con_cls;
    if (!exchange->begun)
        return begin(exchange, method, version);
    if (*upload_len) {
        size_t len = *upload_len;
        *upload_len = 0;
        return take_body(exchange, upload, len);
    }
    if (exchange->state == SOK_EX_NEW || exchange->state == SOK_EX_READING)
        return dispatch(exchange);
    if (exchange->state == SOK_EX_SUSPENDED)
        return MHD_YES;
    resumed(exchange);
    return sok_exchange_send(exchange);
}
