// Every path of the table is cut into parts once. A request's path is cut the same way and compared row by
// row: with about a hundred rows that is a microsecond, and there is no tree to keep right.
#include "net/router.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 16

struct part {
    const char *text; // literal, or the parameter's name
    size_t len;
    bool is_param, is_rest;
};

struct entry {
    const struct sok_route *route;
    int part_count;
    struct part parts[PARTS_MAX];
};

struct sok_router {
    struct sok_arena *arena;
    size_t count;
    struct entry entries[];
};

// Cuts "/a/b" into "a", "b". -1: more than PARTS_MAX parts, or no '/' at the beginning.
static int cut(const char *path, struct part parts[PARTS_MAX])
{
    int count = 0;
    if (*path != '/')
        return -1;
    for (path++;; path++) {
        if (count == PARTS_MAX)
            return -1;
        size_t len = strcspn(path, "/");
        parts[count++] = (struct part){.text = path, .len = len};
        path += len;
        if (!*path)
            return count;
    }
}

// Turns "{name}" and "{name...}" parts into parameters with their bare names. NULL: fine, else what is wrong.
static const char *read_params(struct sok_arena *arena, struct entry *entry)
{
    int params = 0;
    for (int i = 0; i < entry->part_count; i++) {
        struct part *part = &entry->parts[i];
        if (!memchr(part->text, '{', part->len))
            continue;
        if (part->len < 3 || part->text[0] != '{' || part->text[part->len - 1] != '}')
            return "a parameter must be a whole part";
        part->is_param = true;
        part->is_rest = part->len > 5 && memcmp(part->text + part->len - 4, "...", 3) == 0;
        if (part->is_rest && i + 1 < entry->part_count)
            return "{rest...} must be the last part";
        part->text = sok_strndup(arena, part->text + 1, part->len - (part->is_rest ? 5 : 2));
        part->len = strlen(part->text);
        if (++params > SOK_REQUEST_PARAMS_MAX)
            return "too many parameters";
    }
    return NULL;
}

static const char *check_row(const struct sok_route *route)
{
    if (route->method != SOK_GET && route->method != SOK_POST && route->method != SOK_PUT &&
        route->method != SOK_DELETE)
        return "no method";
    if (route->policy < SOK_POLICY_PUBLIC || route->policy > SOK_POLICY_SESSION)
        return "no policy";
    if (route->rate < SOK_RATE_NONE || route->rate > SOK_RATE_LOGIN)
        return "no rate class";
    if (route->lane < SOK_LANE_INLINE || route->lane > SOK_LANE_HASH)
        return "no lane";
    if (route->body < SOK_BODY_NONE || route->body > SOK_BODY_MULTIPART_OR_PICTURE)
        return "no body kind";
    if ((route->body == SOK_BODY_NONE) != (route->body_max_bytes == 0))
        return "a body limit belongs to a body";
    return route->handler ? NULL : "no handler";
}

static bool same_path(const struct entry *a, const struct entry *b)
{
    if (a->part_count != b->part_count)
        return false;
    for (int i = 0; i < a->part_count; i++) {
        const struct part *x = &a->parts[i], *y = &b->parts[i];
        if (x->is_param != y->is_param || x->is_rest != y->is_rest)
            return false;
        if (!x->is_param && (x->len != y->len || memcmp(x->text, y->text, x->len) != 0))
            return false;
    }
    return true;
}

static const char *add_row(struct sok_router *router, const struct sok_route *route)
{
    const char *wrong = check_row(route);
    if (wrong)
        return wrong;
    struct entry *entry = &router->entries[router->count];
    entry->route = route;
    entry->part_count = cut(route->path ? route->path : "", entry->parts);
    if (entry->part_count < 0)
        return "the path must begin with '/' and have at most 16 parts";
    wrong = read_params(router->arena, entry);
    for (size_t i = 0; i < router->count && !wrong; i++)
        if (router->entries[i].route->method == route->method && same_path(&router->entries[i], entry))
            wrong = "the same method and path stand twice";
    router->count++;
    return wrong;
}

enum sok_status sok_router_new(
    const struct sok_route *routes, size_t count, struct sok_router **ret, struct sok_error *err)
{
    struct sok_arena *arena = sok_arena_new(0);
    struct sok_router *router = sok_alloc(arena, sizeof(*router) + count * sizeof(router->entries[0]));
    router->arena = arena;
    for (size_t i = 0; i < count; i++) {
        const char *wrong = add_row(router, &routes[i]);
        if (wrong) {
            enum sok_status status = sok_fail(
                err, SOK_INVALID, "route %zu (%s): %s", i, routes[i].path ? routes[i].path : "no path",
                wrong);
            sok_router_free(router);
            return status;
        }
    }
    *ret = router;
    return SOK_OK;
}

struct sok_router *sok_router_free(struct sok_router *router)
{
    if (router)
        sok_arena_free(router->arena);
    return NULL;
}

// A request's parts, decoded once: `text` is NUL-terminated here. False: a part that can match nothing.
static bool decode(struct sok_arena *arena, struct part *parts, int count)
{
    for (int i = 0; i < count; i++) {
        parts[i].text = sok_uri_decode(arena, parts[i].text, parts[i].len, false);
        if (!parts[i].text || strcmp(parts[i].text, ".") == 0 || strcmp(parts[i].text, "..") == 0)
            return false;
        parts[i].len = strlen(parts[i].text);
    }
    return true;
}

static bool matches(const struct entry *entry, const struct part *parts, int count)
{
    const struct part *last = &entry->parts[entry->part_count - 1];
    if (last->is_rest ? count < entry->part_count : count != entry->part_count)
        return false;
    for (int i = 0; i < entry->part_count; i++) {
        const struct part *want = &entry->parts[i];
        if (want->is_param ? !want->is_rest && parts[i].len == 0
                           : want->len != parts[i].len || memcmp(want->text, parts[i].text, want->len) != 0)
            return false;
    }
    return true;
}

// Whether `a` says more about the path than `b`, both matching the same one.
static bool more_specific(const struct entry *a, const struct entry *b)
{
    for (int i = 0; i < a->part_count && i < b->part_count; i++) {
        int rank_a = a->parts[i].is_rest ? 0 : a->parts[i].is_param ? 1 : 2;
        int rank_b = b->parts[i].is_rest ? 0 : b->parts[i].is_param ? 1 : 2;
        if (rank_a != rank_b)
            return rank_a > rank_b;
    }
    return false;
}

static void fill_params(
    struct sok_arena *arena, const struct entry *entry, const struct part *parts, int count,
    struct sok_route_match *match)
{
    int at = 0;
    for (int i = 0; i < entry->part_count; i++) {
        if (!entry->parts[i].is_param)
            continue;
        const char *value = parts[i].text;
        for (int j = i + 1; entry->parts[i].is_rest && j < count; j++)
            value = sok_format(arena, "%s/%s", value, parts[j].text);
        match->params[at].name = entry->parts[i].text;
        match->params[at++].value = value;
    }
}

void sok_router_find(
    const struct sok_router *router, struct sok_arena *arena, enum sok_method method, const char *raw_path,
    struct sok_route_match *ret)
{
    memset(ret, 0, sizeof(*ret));
    struct part parts[PARTS_MAX];
    int count = cut(raw_path, parts);
    if (count < 0 || !decode(arena, parts, count))
        return;
    // The most specific path decides, not the method: POST to a literal path that only has GET is a 405, also
    // when a parameter would have taken it.
    const struct entry *best = NULL;
    for (size_t i = 0; i < router->count; i++) {
        const struct entry *entry = &router->entries[i];
        if (!matches(entry, parts, count))
            continue;
        if (!best || more_specific(entry, best)) {
            best = entry;
            ret->allowed = 0;
            ret->route = NULL;
        }
        if (!same_path(entry, best))
            continue;
        ret->allowed |= entry->route->method;
        if (entry->route->method == method) {
            best = entry;
            ret->route = entry->route;
        }
    }
    if (best && ret->route)
        fill_params(arena, best, parts, count, ret);
}

const char *sok_router_allow(struct sok_arena *arena, unsigned allowed)
{
    static const struct {
        unsigned method;
        const char *text;
    } names[] = {{SOK_GET, "GET, HEAD"}, {SOK_POST, "POST"}, {SOK_PUT, "PUT"}, {SOK_DELETE, "DELETE"}};
    const char *text = "";
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (allowed & names[i].method)
            text = sok_format(arena, "%s%s%s", text, *text ? ", " : "", names[i].text);
    return text;
}
