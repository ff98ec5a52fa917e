#include "services/auth/ticket.h"

#include <string.h>

#include "base/text.h"

#define KIND "ws_ticket"
#define TICKET_LEN 43

enum sok_status sok_ticket_new(
    struct sok_cache *cache, const char *session_id, char ret_ticket[SOK_TICKET_SIZE], struct sok_error *err)
{
    sok_random_token(32, ret_ticket, SOK_TICKET_SIZE);
    if (!sok_cache_put(cache, KIND, ret_ticket, session_id, strlen(session_id), SOK_TICKET_TTL_MS))
        return sok_fail(err, SOK_UNAVAILABLE, "tickets cannot be given: the cache is down");
    return SOK_OK;
}

enum sok_status sok_ticket_take(
    struct sok_cache *cache, const char *ticket, char ret_session_id[SOK_UUID_LEN + 1], struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *value = NULL;
    size_t len = 0;
    enum sok_status status = SOK_NOT_FOUND;
    if (ticket && strlen(ticket) == TICKET_LEN)
        status = sok_cache_take(cache, arena, KIND, ticket, &value, &len, err);
    if (status == SOK_OK && len != SOK_UUID_LEN)
        status = SOK_NOT_FOUND;
    if (status == SOK_NOT_FOUND) {
        status = sok_fail(err, SOK_UNAUTHENTICATED, "the ticket is unknown, used or older than 30 seconds");
        if (err)
            err->code = "ticket_invalid";
        return status;
    }
    if (status != SOK_OK)
        return status;
    memcpy(ret_session_id, value, SOK_UUID_LEN);
    ret_session_id[SOK_UUID_LEN] = '\0';
    return SOK_OK;
}
