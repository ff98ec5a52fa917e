// The live connection to the people: forwards events of the queue to the WebSockets they concern (contract
// section 5).
//
// What goes out is `{"type","id","at","data"}`. An event of a user goes to that user; one of nobody's to
// moderators and admins, but "library.changed" to all. `id` grows with time, and a client that comes back
// with ?last_id= gets what it missed of the last events; progress is not kept.
#ifndef SOK_API_HUB_H
#define SOK_API_HUB_H

#include "backends/queue/queue.h"
#include "net/http_server.h"

struct sok_hub;

#define SOK_WS_SESSION_ENDED 4401
#define SOK_WS_RECONNECT 1012
#define SOK_WS_OVERLAP_MS 2000 // of what a client that comes from another process gets again, see ?last_id=
struct sok_ip_gate;

struct sok_hub_options {
    struct sok_queue *queue; // borrowed; closed before the hub is freed
    const struct sok_clock *clock;
    struct sok_metrics *metrics; // may be NULL
    struct sok_ip_gate *ip_gate; // borrowed; NULL: no address is kept out
    int64_t max_per_ip;          // 0: off
    bool is_one_of_many;         // others may have sent what a client has seen last
};

// Subscribes to the queue and starts the WebSocket thread. Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_hub_new(
    const struct sok_hub_options *options, struct sok_hub **ret, struct sok_error *err);

// Says 1001 to all clients and ends. NULL is fine. Returns NULL. Blocks for up to 2 s.
struct sok_hub *sok_hub_free(struct sok_hub *hub);

// Upgrades the request of `principal` (who must be somebody) to a WebSocket that lives until its session
// ends, or its address is blacklisted (1008, on the event "invalidate.ip_rules"). SOK_LIMITED when the
// address has max_per_ip already, SOK_INVALID when the request is no upgrade. Any thread.
SOK_MUST_CHECK enum sok_status sok_hub_accept(
    struct sok_hub *hub, struct sok_request *request, const struct sok_principal *principal,
    struct sok_error *err);

// Ends the session's sockets with 4401; the event "invalidate.session" does the same on every instance. Any
// thread.
void sok_hub_close_session(struct sok_hub *hub, const char *session_id);

// Asks `judge` about each login (session or API key) that has sockets, of one user or (NULL) of all, with the
// role they came with; another code than 0 closes them with it. It is called without locks and may block. Any
// thread.
typedef int (*sok_hub_judge)(void *context, const char *login_id, int role);
void sok_hub_review(struct sok_hub *hub, const char *user_id, sok_hub_judge judge, void *context);

// For SIGHUP.
void sok_hub_set_max_per_ip(struct sok_hub *hub, int64_t max_per_ip);

#endif
