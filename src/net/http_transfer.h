// Single HTTP requests on one libcurl multi in one thread: what http_client.c makes fetches of. Follows
// nothing, tries nothing again.
#ifndef SOK_NET_HTTP_TRANSFER_H
#define SOK_NET_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "net/url.h"

struct sok_transfers;

// Starts the thread. Owned by the caller; user_agent is copied.
SOK_MUST_CHECK enum sok_status sok_transfers_new(
    const char *user_agent, struct sok_transfers **ret, struct sok_error *err);

// Ends what runs with SOK_CANCELLED and wakes sleepers, for good. Then free, once nobody uses it any more.
void sok_transfers_stop(struct sok_transfers *transfers);
struct sok_transfers *sok_transfers_free(struct sok_transfers *transfers);

struct sok_transfer_request {
    const struct sok_url *url;
    const char *method, *body; // body NULL: none
    size_t body_len;
    const char *const *headers; // NULL-terminated; may be NULL
    int64_t timeout_ms;
    size_t max_bytes;              // of the body after decompression
    bool private_allowed;          // its address may be a private one
    const _Atomic bool *cancelled; // may be NULL
};

struct sok_transfer_answer {
    int status;
    struct sok_buf body; // the caller's to sok_buf_done, also after a failure
    char content_type[128], location[8192], retry_after[64]; // "" when absent or longer than that
};

// Blocks until the whole answer is there. SOK_OK whatever its HTTP status; otherwise as sok_http_fetch says.
// Messages name the host alone. Any thread.
SOK_MUST_CHECK enum sok_status sok_transfer_run(
    struct sok_transfers *transfers, const struct sok_transfer_request *request,
    struct sok_transfer_answer *ret, struct sok_error *err);

// Sleeps for ms; false at once when the transfers stop, soon when *cancelled becomes true.
bool sok_transfers_sleep(struct sok_transfers *transfers, const _Atomic bool *cancelled, int64_t ms);

#endif
