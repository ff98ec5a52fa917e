// GET /ws: who may come in, by ticket or bearer token; the rest is the hub's.
#include "api/handlers/handlers.h"
#include "api/hub.h"
#include "api/middleware/middleware.h"
#include "services/auth/auth.h"

// A browser brings a ticket, everybody else a token or a key, which the `before` hook has read already.
static enum sok_status find_caller(
    struct sok_request *request, struct sok_principal *ret, struct sok_error *err)
{
    struct sok_auth *auth = sok_api_of(request)->auth;
    const char *ticket = sok_request_query(request, "ticket");
    if (!ticket) {
        *ret = request->principal;
        return ret->user_id
                   ? SOK_OK
                   : sok_fail(err, SOK_UNAUTHENTICATED, "a ticket, a bearer token or an API key is needed");
    }
    char session_id[SOK_UUID_LEN + 1];
    SOK_TRY(sok_ticket_take(auth->cache, ticket, session_id, err));
    return sok_session_find(auth->sessions, request->arena, session_id, ret, err);
}

enum sok_status sok_system_websocket(struct sok_request *request, struct sok_error *err)
{
    struct sok_principal caller;
    SOK_TRY(sok_api_check_origin(request, err));
    SOK_TRY(find_caller(request, &caller, err));
    request->principal = caller; // for the access log
    return sok_hub_accept(sok_api_of(request)->hub, request, &caller, err);
}
