// Sessions: what a login starts, a refresh continues and a logout ends at once.
//
// The table `sessions` is the truth (and `api_keys` for keys, api_keys.h). Each request only asks the cache
// of live ones in this process: an entry is dropped directly by what ends or changes it here, by the events
// "invalidate.session" and "invalidate.user" from other processes, and after 5 seconds in any case (a command
// line that writes to the same database sends no event). Role and name come from the user's row, not from the
// token, so a change of role takes effect at once.
//
// Refresh tokens rotate: the row knows the id of the newest one. An older one being shown again means that a
// copy exists somewhere, and ends the whole session (RFC 9700 section 4.14.2).
#ifndef SOK_SERVICES_AUTH_SESSIONS_H
#define SOK_SERVICES_AUTH_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/arena.h"
#include "base/status.h"
#include "net/http_server.h"
#include "runtime/clock.h"
#include "runtime/pool.h"
#include "services/auth/jwt.h"
#include "services/auth/live.h"

#define SOK_ACCESS_TTL_MS ((int64_t)3600 * 1000)
#define SOK_REFRESH_TTL_MS ((int64_t)7 * 24 * 3600 * 1000)

struct sok_sessions;

struct sok_sessions_options {
    struct sok_db *db;
    struct sok_queue *queue; // NULL: no events (the command line)
    struct sok_jwt *jwt;
    const struct sok_clock *clock;
    struct sok_pool *background; // for small writes nobody waits for; NULL: none are made
};

// All parts but the queue are borrowed and outlive it; the queue is closed before it is freed. Subscribes to
// the queue's "invalidate." events: make it before events flow. Owned by the caller; any thread.
SOK_MUST_CHECK enum sok_status sok_sessions_new(
    const struct sok_sessions_options *options, struct sok_sessions **ret, struct sok_error *err);
struct sok_sessions *sok_sessions_free(struct sok_sessions *sessions);

struct sok_tokens { // in the arena
    const char *access_token, *refresh_token, *session_id, *user_id;
    int64_t expires_in_s; // of the access token
};

// Starts a session for a user whose password was checked (accounts.h). `ip` and `user_agent` are kept for the
// user to see; may be NULL. Blocks on a write and two signatures: slow lane.
SOK_MUST_CHECK enum sok_status sok_session_start(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *user_id, const char *ip,
    const char *user_agent, struct sok_tokens *ret, struct sok_error *err);

// Trades a refresh token for a new pair. SOK_UNAUTHENTICATED: code "token_expired", "token_invalid",
// "session_ended", or "token_reused", which has ended the session. Blocks like sok_session_start.
SOK_MUST_CHECK enum sok_status sok_session_refresh(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *refresh_token, struct sok_tokens *ret,
    struct sok_error *err);

// Who an access token stands for, now: signature, session and user are checked. Nearly always answered from
// the caches. SOK_UNAUTHENTICATED as above; SOK_UNAVAILABLE and other database errors when it has to ask and
// cannot. The principal's text is in the arena.
SOK_MUST_CHECK enum sok_status sok_session_authenticate(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *access_token,
    struct sok_principal *ret, struct sok_error *err);

// The same for a session or an API key known by its id (a ticket, a stream's signed URL, an open WebSocket).
SOK_MUST_CHECK enum sok_status sok_session_find(
    struct sok_sessions *sessions, struct sok_arena *arena, const char *session_id, struct sok_principal *ret,
    struct sok_error *err);

// What the caller's tickets, streams and sockets are bound to and end with: the session, or the API key.
static inline const char *sok_principal_login_id(const struct sok_principal *principal)
{
    return principal->session_id ? principal->session_id : principal->api_key_id;
}

// Ends one session: its tokens stop working here before this returns, elsewhere with the event
// "invalidate.session" {user_id, session_id}, on which the hub closes its sockets. Ending one that is over is
// fine. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_session_end(
    struct sok_sessions *sessions, const char *session_id, const char *reason, struct sok_error *err);

// Ends all sessions of a user but `keep_session_id` (NULL: none is kept); the event has session_id null and
// `keep`. API keys go on while their user may: for one that is disabled or gone (change the row first) the
// event says `keys`, and what was opened with a key ends as well.
SOK_MUST_CHECK enum sok_status sok_session_end_user(
    struct sok_sessions *sessions, const char *user_id, const char *keep_session_id, const char *reason,
    struct sok_error *err);

// Forgets here what is cached of every account that was changed within the last SOK_CATCH_UP_MS: whoever
// changes rows without an event (the command line, another program on the same database) counts a moment
// later. Their ids, in the arena. Blocks on a read.
#define SOK_CATCH_UP_MS 10000
SOK_MUST_CHECK enum sok_status sok_sessions_catch_up(
    struct sok_sessions *sessions, struct sok_arena *arena, const char ***ret_user_ids, size_t *ret_count,
    struct sok_error *err);

// Forgets what is cached of a user whose row changed (role, name, disabled), here and everywhere (event
// "invalidate.user" {user_id}).
void sok_session_forget_user(struct sok_sessions *sessions, const char *user_id);

SOK_DEFINE_CLEANUP(struct sok_sessions, sok_sessions_cleanup, sok_sessions_free)

#endif
