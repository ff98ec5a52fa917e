// WebSocket tickets: a browser cannot set a header on a WebSocket, so it trades its token for a short random
// text that works once within 30 seconds and may therefore stand in a URL.
#ifndef SOK_SERVICES_AUTH_TICKET_H
#define SOK_SERVICES_AUTH_TICKET_H

#include "backends/cache/cache.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/status.h"

#define SOK_TICKET_TTL_MS 30000
#define SOK_TICKET_SIZE 45 // room for 43 characters: 32 random bytes as base64url

// Makes a ticket for a live session or API key (its id). SOK_UNAVAILABLE: the cache does not keep it. Any
// thread.
SOK_MUST_CHECK enum sok_status sok_ticket_new(
    struct sok_cache *cache, const char *session_id, char ret_ticket[SOK_TICKET_SIZE], struct sok_error *err);

// Takes it: the second call with the same ticket fails. SOK_UNAUTHENTICATED (code "ticket_invalid") for one
// that is unknown, used or too old; SOK_UNAVAILABLE when the cache is down. The session may have ended
// meanwhile: the caller asks sok_session_find.
SOK_MUST_CHECK enum sok_status sok_ticket_take(
    struct sok_cache *cache, const char *ticket, char ret_session_id[SOK_UUID_LEN + 1],
    struct sok_error *err);

#endif
