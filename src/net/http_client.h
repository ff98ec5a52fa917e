// Outgoing HTTP on one libcurl multi: total time and size caps, retries with backoff and jitter, Retry-After,
// a circuit breaker per host group, redirects judged one by one, and addresses checked after resolution and
// pinned (no SSRF).
#ifndef SOK_NET_HTTP_CLIENT_H
#define SOK_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

struct sok_http_client;

struct sok_http_client_options {
    const struct sok_clock *clock;
    const char *user_agent;      // "Sokoul/0.1 (+https://...)"
    const char *allow_hosts;     // comma-separated host:port that may be private; NULL: none
    struct sok_metrics *metrics; // may be NULL
    int64_t backoff_unit_ms;     // the first wait between tries; 0: 1,000. Tests make it small
};

// Starts the client's own thread. Owned by the caller; freeing cancels what runs.
SOK_MUST_CHECK enum sok_status sok_http_client_new(
    const struct sok_http_client_options *options, struct sok_http_client **ret, struct sok_error *err);
struct sok_http_client *sok_http_client_free(struct sok_http_client *client);

// Allows one more private host:port (a configured provider's own). Any thread.
void sok_http_client_allow(struct sok_http_client *client, const char *host, int port);

struct sok_http_fetch {
    const char *method;         // NULL: GET
    const char *url;            // http or https
    const char *const *headers; // "Name: value", NULL-terminated; may be NULL
    const char *body;           // may be NULL
    size_t body_len;
    int64_t timeout_ms; // for the whole call, retries included; 0: 30,000
    size_t max_bytes;   // of the body after decompression; 0: 8 MiB
    int tries; // 0: 3 for GET, 1 otherwise; only 429, 5xx, connection failures and timeouts are tried again
    const char *breaker; // the circuit breaker's name (a provider's id); NULL: none. Open after 5 failures,
                         // half-open after 60 s
    bool traced; // to somebody the configuration names: sends `traceparent` along, of this thread's request;
                 // not to where it redirects to
    const _Atomic bool *cancelled; // looked at a few times a second; true ends the fetch with SOK_CANCELLED.
                                   // NULL: never
};

struct sok_http_reply {
    int status;
    const char *body; // NUL-terminated
    size_t body_len;
    const char *content_type; // "" if none
    const char *final_url;
    const char *magnet; // set (and the body empty) when a redirect led to a magnet: URI
    int64_t latency_ms;
};

// Fetches and waits. SOK_OK for every complete HTTP answer below 400; else the status follows the cause:
// SOK_UNAUTHENTICATED (401), SOK_DENIED (403, or an address that is not allowed, code "address_refused"),
// SOK_NOT_FOUND (404, 410), SOK_LIMITED (429 after the tries; retry_after_s), SOK_UNAVAILABLE (5xx, refused,
// breaker open with code "circuit_open"), SOK_TIMEOUT, SOK_TOO_LARGE, SOK_PROTOCOL (not HTTP, redirect loop),
// SOK_INVALID (bad URL, other 4xx). `ret` is filled as far as an answer came, also with an error (a provider
// may explain itself in the body). Messages name the host, never the query string (keys live there). Any
// thread; blocks.
SOK_MUST_CHECK enum sok_status sok_http_fetch(
    struct sok_http_client *client, struct sok_arena *arena, const struct sok_http_fetch *fetch,
    struct sok_http_reply *ret, struct sok_error *err);

// Whether the breaker of this name is open: its calls are refused until it closes. Any thread, does not
// block.
bool sok_http_client_is_open(struct sok_http_client *client, const char *breaker);

// libcurl's version, "7.88.1".
const char *sok_http_client_version(void);

#endif
