// The HTTP server: libmicrohttpd behind a route table. It knows methods, limits, problem documents and files;
// no film.
//
// A handler is a plain function from request to response and runs on the connection's thread; a route with
// lane SLOW or HASH is suspended and runs in a small pool. Everything a handler allocates lives in
// request->arena and is gone after the reply.
#ifndef SOK_NET_HTTP_SERVER_H
#define SOK_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "base/uri.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

enum sok_method {
    SOK_GET = 1,
    SOK_POST = 2,
    SOK_PUT = 4,
    SOK_DELETE = 8
}; // HEAD is answered by GET handlers

enum sok_policy { // who may call a route; there is no default, a row without one does not build (0 is
                  // refused)
    SOK_POLICY_PUBLIC = 1,
    SOK_POLICY_USER,
    SOK_POLICY_MODERATOR,
    SOK_POLICY_ADMIN,
    SOK_POLICY_SIGNED_URL, // the handler checks the URL's own signature
    SOK_POLICY_OPERATOR,   // loopback, whitelisted address or admin
    SOK_POLICY_SESSION     // a user who signed in: what a person at a keyboard does, closed to API keys
};
// NONE is not counted at all, not against the address either: what a browser or player asks for many times in
// a row and costs little (pages, assets, pieces of a film that a signature opens), what watches over the
// server (health, metrics), and WebSockets, which have a limit of their own (SOKOUL_MAX_WS_PER_IP).
enum sok_rate {
    SOK_RATE_NONE = 1,
    SOK_RATE_API,
    SOK_RATE_SEARCH,
    SOK_RATE_AUTH, // by address
    SOK_RATE_LOGIN // by address, and by the account whose password is tried
};
enum sok_lane {
    SOK_LANE_INLINE = 1,
    SOK_LANE_SLOW, // signing, waiting for pieces
    SOK_LANE_HASH  // bcrypt: one at a time, so that no flood of sign-ins takes more than one core
};
enum sok_body {
    SOK_BODY_NONE = 1,
    SOK_BODY_JSON,
    SOK_BODY_MULTIPART_OR_JSON,
    SOK_BODY_MULTIPART_OR_PICTURE // or the bytes of an image/jpeg or image/png by themselves
};

struct sok_request;
typedef enum sok_status (*sok_handler)(struct sok_request *request, struct sok_error *err);

struct sok_route {
    enum sok_method method;
    const char *path; // "/api/v1/media/{id}"; a last part "{rest...}" takes the whole remaining path
    enum sok_policy policy;
    enum sok_rate rate;
    enum sok_lane lane;
    enum sok_body body;
    size_t body_max_bytes; // 0 with SOK_BODY_NONE
    sok_handler handler;
};

#define SOK_REQUEST_PARAMS_MAX 4

// Who calls, filled by the `before` hook; text in the request's arena.
struct sok_principal {
    const char *user_id; // NULL: nobody
    const char *username;
    const char *session_id; // NULL with an API key
    const char *api_key_id; // NULL with a session
    enum { SOK_USER_NOBODY, SOK_USER_USER, SOK_USER_MODERATOR, SOK_USER_ADMIN } role;
};

struct sok_request {
    struct sok_arena *arena;
    void *app; // what was given to sok_http_server_start: api's own context
    const struct sok_route *route;
    enum sok_method method;
    bool is_head;
    const char *path; // decoded, without the query
    struct {
        const char *name, *value; // path parameters, decoded; the name without braces
    } params[SOK_REQUEST_PARAMS_MAX];
    struct sok_uri_param *query;
    size_t query_count;
    const char *body; // NULL without one; NUL-terminated
    size_t body_len;
    json_t *json;             // the parsed body of a JSON route; borrowed
    const char *upload;       // the bytes of the multipart file field, and
    size_t upload_len;        // (other multipart fields appear in `json` as text)
    const char *upload_field; // its field name, "" for a body that is the file; NULL when there is none
    const char *client_ip;    // after trusted proxies; the only address anything may use
    bool through_stranger; // by its headers a proxy that nobody trusts passed it on: client_ip is that one's
    const char *request_id;
    const char *traceparent; // the caller's trace, else a new one, under a span of our own (runtime/trace.h)
    struct sok_principal principal;
    int64_t started_ms, started_us;  // monotonic; the second by the system's clock, for measuring
    struct sok_parts parts;          // where its time went
    const struct sok_error *failure; // set before `after` runs: what made the answer a problem; NULL: nothing
    struct sok_response *response;
};

const char *sok_request_header(const struct sok_request *request, const char *name); // NULL when absent
const char *sok_request_cookie(const struct sok_request *request, const char *name);
const char *sok_request_param(
    const struct sok_request *request,
    const char *name); // path parameter; never NULL for the route's own names
const char *sok_request_query(const struct sok_request *request, const char *name); // NULL when absent
// Whether the client reached us through TLS: a proxy says so, or it is the only way in (`public_is_tls`).
bool sok_request_is_tls(const struct sok_request *request);

// For a handler of the lane INLINE that finds out that it has to wait: whether it may, and the status to
// return when it may not, without a reply: it is called anew in the lane SLOW.
bool sok_request_may_wait(const struct sok_request *request);
SOK_MUST_CHECK enum sok_status sok_request_go_slow(struct sok_request *request);

// --- The reply. A handler calls one of these and returns SOK_OK; or returns a failing status, which becomes
// a problem document. The headers that keep a browser from being used against its user (http_reply.c has the
// table) are on every reply, also on problems; a handler may set its own value of each.

// Takes the reference. GETs get an ETag and answer If-None-Match with 304. 204 with body NULL.
void sok_reply_json(struct sok_request *request, int http_status, json_t *body_taken);
// The bytes are copied (or borrowed forever when `is_static`).
void sok_reply_bytes(
    struct sok_request *request, int http_status, const char *content_type, const void *bytes, size_t len,
    bool is_static);
void sok_reply_header(struct sok_request *request, const char *name, const char *value);     // adds; copied
void sok_reply_set_header(struct sok_request *request, const char *name, const char *value); // or replaces

// A source of bytes for sok_reply_ranges: a complete file, or one still downloading.
struct sok_byte_source {
    int fd;             // >= 0: a complete file, sent with sendfile; closed by the server. -1: `read` is used
    int64_t size_bytes; // the whole size
    const char *content_type, *etag; // etag with its quotes; copied
    int64_t modified_ms;             // 0: unknown
    const char
        *accel; // of a complete file: where a trusted proxy that says it can (X-Sendfile-Type:
                // X-Accel-Redirect) has it at an address of its own, percent-encoded; copied. NULL: nowhere
    // Copies up to `max` bytes from `offset` into `buf`. >0: bytes; 0: not there before the deadline, ask
    // again; -1: gone. May block up to 1 s; called from the slow lane, never from a connection thread.
    ssize_t (*read)(void *context, int64_t offset, char *buf, size_t max);
    void (*close)(void *context); // once, also when the client goes away; may be NULL
    void *context;
};
// Answers Range, multi-range (multipart/byteranges), If-Range, If-None-Match and HEAD (RFC 9110 section 14).
// Takes the source.
void sok_reply_ranges(struct sok_request *request, const struct sok_byte_source *source_taken);

// Switches to the WebSocket protocol (checks the upgrade headers: SOK_INVALID otherwise) and hands the socket
// to `take_socket` when the 101 has been sent: fd is a dup, non-blocking, owned by the taker; `early` are
// bytes that came behind the request.
// When the client is gone before that, fd is -1: the context may be let go.
typedef void (*sok_take_socket)(void *context, int fd, const char *early, size_t early_len);
SOK_MUST_CHECK enum sok_status sok_reply_upgrade(
    struct sok_request *request, sok_take_socket take_socket, void *context, struct sok_error *err);

// --- The server.

struct sok_http_server;

struct sok_http_server_options {
    const char *listen;  // as SOKOUL_LISTEN; not looked at when sockets are inherited
    int inherited_first; // descriptors of listening sockets that are ours from now on: this one and those
    int inherited_count; // after it. 0: none
    const struct sok_route *routes;
    size_t route_count;
    void *app;
    // Runs before every handler, after routing, before the body is read: fills the principal, checks policy
    // and limits, adds headers. A failing status is the answer. Also called with route NULL for unknown paths
    // (its status is ignored then).
    enum sok_status (*before)(struct sok_request *request, struct sok_error *err);
    // Runs once the body is read, before the handler or its place in a lane: refuses what depends on what is
    // asked. May be NULL.
    enum sok_status (*admit)(struct sok_request *request, struct sok_error *err);
    // Runs after the reply is decided: access log, metrics, audit. http_status and body size as sent.
    void (*after)(struct sok_request *request, int http_status, int64_t body_bytes);
    const char *trusted_proxies; // CIDRs, comma-separated; NULL: none
    bool public_is_tls;          // clients come through TLS, which something before us ends
    const struct sok_clock *clock;
    struct sok_metrics *metrics; // may be NULL
    int connections_max; // one address gets a fourth of them. 0: a third of the descriptors, at most 8192
    int threads;         // connection threads; 0: 2 per core, at least 4
    int lane_threads;    // 0: 4
    int lane_queue;      // waiting for the lane at most; more: 503. 0: 64
    int hash_queue;      // the same for HASH, which has one thread. 0: 16, a few seconds
};

SOK_MUST_CHECK enum sok_status sok_http_server_start(
    const struct sok_http_server_options *options, struct sok_http_server **ret, struct sok_error *err);

// What is written in SOKOUL_LISTEN for sockets that listen already: `count` of them from descriptor `first`
// on. In the arena. SOK_INVALID: one of them is no listening stream socket.
SOK_MUST_CHECK enum sok_status sok_http_sockets_text(
    struct sok_arena *arena, int first, int count, const char **ret, struct sok_error *err);

// The port of the first TCP address (for ":0" in tests), or 0.
int sok_http_server_port(const struct sok_http_server *server);

// Stops accepting, lets running requests finish for grace_ms, then ends them. Returns NULL.
struct sok_http_server *sok_http_server_stop(struct sok_http_server *server, int64_t grace_ms);

// libmicrohttpd's version, "0.9.75".
const char *sok_http_server_version(void);

#endif
