// What the files of the HTTP server share: http_server.c (sockets, start, stop), http_connection.c (slow and
// greedy clients), http_request.c (from bytes to handler), http_reply.c (from handler to bytes),
// http_refuse.c (what libmicrohttpd refuses by itself), http_pump.c (bodies that must be waited for). Nobody
// else includes it.
#ifndef SOK_NET_HTTP_PRIVATE_H
#define SOK_NET_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <uthash.h>

#include "base/buf.h"
#include "net/address.h"
#include "net/http_server.h"
#include "net/range.h"
#include "net/router.h"
#include "runtime/pool.h"

#define SOK_LISTEN_MAX 8
#define SOK_PROXIES_MAX 64
#define SOK_SPARE_FDS 8
#define SOK_CONNECTION_MEMORY ((size_t)16384) // libmicrohttpd's, for request header and reply header together

typedef enum MHD_Result (*sok_queue_response)(struct MHD_Connection *, unsigned, struct MHD_Response *);

// WAITING: no complete request header yet; BODY: it is there, the body is not; BUSY: ours; TAKEN: upgraded
enum sok_connection_phase { SOK_CONN_WAITING, SOK_CONN_BODY, SOK_CONN_BUSY, SOK_CONN_TAKEN };

// One TCP or unix connection, as far as we must know it: to end those that take their time
// (http_connection.c).
struct sok_connection {
    struct sok_connection *prev, *next;
    struct sok_client *client; // NULL: not counted
    struct sok_http_server *server;
    struct sok_exchange *exchange; // the request that runs on it; NULL between two. Its thread's alone
    int fd;
    bool has_asked; // the first request has begun. Its thread's alone
    _Atomic int phase;
    _Atomic int64_t since_ms;   // when the phase began, monotonic
    _Atomic int64_t body_bytes; // received in BODY
};

// The connections of one address (of one /64 with IPv6).
struct sok_client {
    struct sok_address address;
    int count;
    UT_hash_handle hh;
};

struct sok_connections {
    pthread_mutex_t lock;
    struct sok_connection *first;
    struct sok_client *clients; // by address
    int per_client_max;
};

struct sok_http_server {
    struct sok_http_server_options options;
    struct sok_router *router;
    sok_queue_response queue_response;
    struct sok_cidr proxies[SOK_PROXIES_MAX];
    int proxy_count;
    struct sok_listener {
        int fd; // -1 once closed
        int port;
        char unix_path[108]; // "" for TCP
        struct MHD_Daemon *daemon;
    } listeners[SOK_LISTEN_MAX];
    int listener_count;
    struct sok_pool *lane, *hash_lane, *pumps;
    struct sok_connections connections;
    _Atomic bool is_full;      // no descriptor is left: nobody is let in
    int spares[SOK_SPARE_FDS]; // kept back for that; the janitor's
    int spare_count;           // all of them, or none while it is full
    pthread_t janitor;
    _Atomic bool janitor_runs;
    pthread_mutex_t lock; // guards `wake`'s waiters only; what they wait for is atomic
    pthread_cond_t wake;
    _Atomic int active;         // exchanges begun and not completed
    _Atomic int newcomers;      // connections that have not asked for anything yet
    _Atomic int suspended;      // connections handed to the lane or a pump
    _Atomic int pump_count;     // bodies being pumped
    _Atomic int64_t body_bytes; // request bodies in memory
    _Atomic bool stopping;      // answers close their connection
    _Atomic int64_t stopping_since_ms;
    _Atomic bool ending; // the grace is over: what can be cut is cut
};

struct sok_response {
    enum sok_reply_kind { SOK_REPLY_NONE, SOK_REPLY_BYTES, SOK_REPLY_RANGES, SOK_REPLY_UPGRADE } kind;
    int http_status;
    const char *content_type; // NULL: no body
    const void *bytes;        // in the arena or static
    size_t len;
    struct sok_reply_header {
        struct sok_reply_header *next;
        const char *name, *value;
    } * headers, **headers_end;
    struct sok_byte_source source; // owned while kind is SOK_REPLY_RANGES
    sok_take_socket take_socket;
    void *take_context;
    struct MHD_Response *mhd; // ready to be queued
    int64_t body_bytes;       // that will be sent
    bool close;               // and then end the connection
};

// A request and its reply: from the request line to the last byte sent. Belongs to the connection's thread,
// or to the lane while suspended.
struct sok_exchange {
    struct sok_request request;
    struct sok_response response;
    struct sok_http_server *server;
    struct MHD_Connection *mhd;
    struct sok_connection *connection;
    // Atomic because it hands everything else over between the connection's thread and the lane's.
    _Atomic enum {
        SOK_EX_NEW,
        SOK_EX_READING,
        SOK_EX_DISCARDING,
        SOK_EX_SUSPENDED,
        SOK_EX_READY,
        SOK_EX_SENT
    } state;
    const char *target_end;           // in libmicrohttpd's buffer: behind the request's target
    const char *raw_path, *raw_query; // query NULL without '?'
    struct sok_buf body;
    int64_t discarded;
    struct sok_error error;
    bool from_proxy; // one of the trusted ones
    bool begun;      // the header has been read
    bool judged;     // `before` has spoken
    bool may_wait;   // the handler runs in a lane
    bool goes_slow;  // the handler has asked for the slow lane
    bool counted_as_suspended;
    bool has_body;   // the header announces one
    bool is_stream;  // the body is ranges of a byte source
    bool is_counted; // http_measure.c's, and:
    int64_t written_before;
};

// --- http_request.c: libmicrohttpd's callbacks; `cls` is the server.
void *sok_exchange_new(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result sok_exchange_step(
    void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_len, void **con_cls);
void sok_exchange_done(
    void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why);

// --- http_reply.c
// Makes the response from what the handler said (`status` and exchange->error otherwise) and sets
// SOK_EX_READY. Connection's or lane's thread.
void sok_exchange_finish(struct sok_exchange *exchange, enum sok_status status);
// The same for what has no sok_status: 400 for broken framing, 404, 405 with `allow`.
void sok_exchange_refuse(
    struct sok_exchange *exchange, int http_status, const char *code, const char *detail, const char *allow);
// Hands the ready response to libmicrohttpd. Connection's thread.
enum MHD_Result sok_exchange_send(struct sok_exchange *exchange);
// The two halves of that: the headers that every reply has, and what surrounds the reply (log, metrics).
void sok_exchange_add_headers(struct sok_exchange *exchange);
void sok_exchange_report(struct sok_exchange *exchange);

// --- http_accel.c
// Whether the proxy in front sends these bytes itself and would send the same: `result` is what became of the
// Range header. The plain cases alone; the others are answered from here.
bool sok_exchange_may_redirect(struct sok_exchange *exchange, enum sok_range_result result, int count);

// --- http_upgrade.c
// The 101 of a reply that sok_reply_upgrade noted.
void sok_exchange_make_upgrade(struct sok_exchange *exchange);

// --- http_request_head.c
// Fills address, ids, path and query from the header; false: refused, the exchange is ready. `version` is the
// request line's, as libmicrohttpd gave it.
bool sok_exchange_read_head(struct sok_exchange *exchange, const char *method, const char *version);
bool sok_http_is_trusted(const struct sok_http_server *server, const struct sok_address *address);
// Whether the header leaves room for a reply in the memory that libmicrohttpd has for the connection.
bool sok_exchange_head_fits(const struct sok_exchange *exchange);
// Address and ids alone, of a request that goes no further.
void sok_exchange_read_ids(struct sok_exchange *exchange);

// --- http_refuse.c
// Answers 431 past libmicrohttpd, whose memory for this connection has no room left for a reply. The result
// of the callback: it closes the connection.
enum MHD_Result sok_exchange_refuse_head(struct sok_exchange *exchange);
// libmicrohttpd's own MHD_queue_response; NULL when it cannot be found.
sok_queue_response sok_find_queue_response(void);

// --- http_measure.c
// Around the sending of a reply with ranges; nothing for others. Connection's thread.
void sok_exchange_measure_stream(struct sok_exchange *exchange);
void sok_exchange_measure_end(struct sok_exchange *exchange);

// --- http_pump.c
#define SOK_PUMPS_MAX 512
// A response whose body is the ranges of `source_taken` (several: multipart/byteranges, with the parts' heads
// in `heads` and `tail` behind the last; copied) and is read by the pump threads. NULL (and the source
// closed) when too many run already.
struct MHD_Response *sok_pump_response(
    struct sok_exchange *exchange, const struct sok_byte_source *source_taken, const struct sok_range *ranges,
    const char *const *heads, const char *tail, int count, int64_t total_bytes);

// --- http_listen.c
// Opens every address of options.listen, or takes the sockets that were inherited. What is open
// when it fails is the server's all the same, which closes it.
SOK_MUST_CHECK enum sok_status sok_listeners_open(struct sok_http_server *server, struct sok_error *err);

// --- http_connection.c
// Whether this client may have one more connection. `cls` is the server.
enum MHD_Result sok_connections_admit(void *cls, const struct sockaddr *address, socklen_t len);
void sok_connections_notify(
    void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code);
struct sok_connection *sok_connection_of(struct MHD_Connection *mhd);
// A request begins on it.
void sok_connection_asks(struct sok_connection *connection);
void sok_connection_set(
    struct sok_http_server *server, struct sok_connection *connection, enum sok_connection_phase phase);
// Ends the clients that have been too slow at `now_ms`, or that still have not asked when it is stopping.
// `all`: every one that is not upgraded.
void sok_connections_sweep(struct sok_http_server *server, int64_t now_ms, bool all);

// Looks whether a descriptor is left and lets nobody in otherwise. The janitor's thread, several times a
// second.
void sok_connections_watch_limit(struct sok_http_server *server);
void sok_connections_end_watch(struct sok_http_server *server);

// Counts, and wakes sok_http_server_stop.
void sok_http_count(struct sok_http_server *server, _Atomic int *counter, int by);

#endif
