// The route table made searchable: path and method to row. Knows nothing of sockets.
#ifndef SOK_NET_ROUTER_H
#define SOK_NET_ROUTER_H

#include "net/http_server.h"

struct sok_router;

// Checks every row: a known method, policy, rate, lane and body kind (0 is refused, there is no default), a
// body limit exactly where there is a body, a handler, a path that begins with '/', at most
// SOK_REQUEST_PARAMS_MAX parameters,
// "{rest...}" only at the end, no method and path twice. SOK_INVALID names the row. The rows are borrowed;
// the router is the caller's.
SOK_MUST_CHECK enum sok_status sok_router_new(
    const struct sok_route *routes, size_t count, struct sok_router **ret, struct sok_error *err);
struct sok_router *sok_router_free(struct sok_router *router);

struct sok_route_match {
    const struct sok_route *route; // NULL: no row has this path and method
    unsigned allowed;              // the methods (enum sok_method bits) that the path has; 0: unknown path
    struct {
        const char *name, *value; // decoded, in the arena
    } params[SOK_REQUEST_PARAMS_MAX];
};

// `raw_path` as it came, percent-encoded, without the query. A literal part wins over a parameter, the
// leftmost difference decides. Parameters are decoded part by part (%2F stays inside its part); "." and ".."
// parts, empty parameters and broken escapes match nothing. Any thread.
void sok_router_find(
    const struct sok_router *router, struct sok_arena *arena, enum sok_method method, const char *raw_path,
    struct sok_route_match *ret);

// "GET, HEAD, POST" for the Allow header, in the arena.
const char *sok_router_allow(struct sok_arena *arena, unsigned allowed);

#endif
