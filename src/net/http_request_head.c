// The header of a request: what is refused before anything else, whose request it is, and where it goes.
#include "net/http_private.h"

#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "runtime/trace.h"

// What two readers could understand in two ways is refused: that is how requests are smuggled past a proxy
// (RFC 9112 sections 2.2, 5.1 and 6). libmicrohttpd takes the first Content-Length and goes on, ends a line
// at a line feed alone, and a text at a NUL. It reads the header in place, so what it took for a line's
// end shows in the distance between two texts of its buffer: CR and LF have become two NULs.
struct framing {
    int lengths, encodings;
    unsigned seen;   // of once[]
    const char *end; // of the text before, in libmicrohttpd's buffer
    bool wrong;
};

#define LINE_END 2
#define HEAD_END 4

// True unless it is certain that something else than `distance` bytes lay between two texts: further apart
// than its memory is large they are copies, of a folded line for example.
static bool follows(const char *end, const char *next, ptrdiff_t distance)
{
    ptrdiff_t apart = next - end;
    return apart == distance || apart <= 0 || apart > (ptrdiff_t)SOK_CONNECTION_MEMORY;
}

static bool is_token(const char *text)
{
    size_t len =
        strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    return len && !text[len];
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    return false;
}

// Of two of these, a proxy before us may have judged the other one.
static const char *const once[] = {"Host", "Authorization", "X-Api-Key", "Origin", "Content-Type"};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct framing *framing = cls;
    framing->wrong |=
        !value || !is_token(name) || has_controls(value) || !follows(framing->end, name, LINE_END);
    framing->end = value ? value + strlen(value) : name + strlen(name);
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        framing->wrong |= !value || !*value || strspn(value, "0123456789") != strlen(value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->wrong |= !value || strcasecmp(value, "chunked") != 0;
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(once); i++) {
        if (strcasecmp(name, once[i]) == 0) {
            framing->wrong |= (framing->seen & 1U << i) != 0;
            framing->seen |= 1U << i;
        }
    }
    return MHD_YES;
}

static bool check_framing(struct sok_exchange *exchange, const char *method, const char *version)
{
    struct framing framing = {.end = version + strlen(version)};
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, count_framing, &framing);
    // A line without a name is the end of the header to it, and the rest another request.
    size_t size =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    exchange->has_body = framing.lengths || framing.encodings;
    if (framing.encodings && strcmp(version, "HTTP/1.0") == 0) // which has no such thing (section 6.1)
        return false;
    return !framing.wrong && framing.lengths + framing.encodings <= 1 &&
           follows(exchange->target_end, version, 1) &&
           follows(method, framing.end, (ptrdiff_t)size - HEAD_END);
}

#define REPLY_HEAD 4096 // what our own headers may need, generously
#define FIELD 64        // what libmicrohttpd notes of each header, parameter and cookie

bool sok_exchange_head_fits(const struct sok_exchange *exchange)
{
    const char *cookie = sok_request_header(&exchange->request, "Cookie");
    size_t size =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    int fields = MHD_get_connection_values(
        exchange->mhd, MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND, NULL, NULL);
    return size + (size_t)fields * FIELD + (cookie ? strlen(cookie) : 0) <=
           SOK_CONNECTION_MEMORY - REPLY_HEAD;
}

static enum sok_method find_method(const char *name, bool *ret_is_head)
{
    static const struct {
        const char *name;
        enum sok_method method;
    } methods[] = {
        {"GET", SOK_GET}, {"HEAD", SOK_GET}, {"POST", SOK_POST}, {"PUT", SOK_PUT}, {"DELETE", SOK_DELETE}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, name) == 0) {
            *ret_is_head = i == 1;
            return methods[i].method;
        }
    }
    return 0;
}

// --- Ids

static const char *choose_request_id(struct sok_exchange *exchange)
{
    const char *given = sok_request_header(&exchange->request, "X-Request-ID");
    size_t len = given ? strlen(given) : 0;
    bool printable = len >= 1 && len <= 128;
    for (size_t i = 0; i < len && printable; i++)
        printable = given[i] >= 0x20 && given[i] < 0x7f;
    if (printable)
        return given;
    char *id = sok_alloc(exchange->request.arena, SOK_UUID_LEN + 1);
    sok_uuid7(sok_clock_now_ms(exchange->server->options.clock), id);
    return id;
}

// The trace that the caller named goes on under a span of our own; without one, or with one that is none, a
// new one begins.
static const char *choose_traceparent(struct sok_exchange *exchange)
{
    char *traceparent = sok_alloc(exchange->request.arena, SOK_TRACEPARENT_LEN + 1);
    sok_trace_child(sok_request_header(&exchange->request, "traceparent"), traceparent);
    return traceparent;
}

// --- The client's address

bool sok_http_is_trusted(const struct sok_http_server *server, const struct sok_address *address)
{
    for (int i = 0; i < server->proxy_count; i++)
        if (sok_cidr_contains(&server->proxies[i], address))
            return true;
    return false;
}

// "1.2.3.4", "1.2.3.4:5678", "::1", "[::1]:5678".
static bool parse_forwarded(struct sok_arena *arena, const char *text, size_t len, struct sok_address *ret)
{
    char *copy = sok_text_trim(arena, sok_strndup(arena, text, len));
    if (*copy == '[') {
        copy++;
        copy[strcspn(copy, "]")] = 0;
    } else if (strchr(copy, ':') && strchr(copy, ':') == strrchr(copy, ':')) {
        *strchr(copy, ':') = 0;
    }
    return sok_address_parse(copy, ret);
}

// From the right: every address that a trusted proxy put there, up to the first that is no proxy of ours.
// Returns how many trusted proxies it passed on its way; *ret_left: whether more was said before the client's
// address, which only another proxy, or a liar, can have written.
static int walk_forwarded(
    const struct sok_http_server *server, struct sok_arena *arena, const char *list,
    struct sok_address *client, bool *ret_left)
{
    size_t end = strlen(list);
    int passed = 0;
    for (bool is_ours = true; end > 0 && is_ours; passed += is_ours) {
        size_t start = end;
        while (start > 0 && list[start - 1] != ',')
            start--;
        struct sok_address address;
        if (!parse_forwarded(arena, list + start, end - start, &address))
            break;
        *client = address;
        is_ours = sok_http_is_trusted(server, &address);
        end = start ? start - 1 : 0;
    }
    *ret_left = strspn(list, ", \t") < end;
    return passed;
}

struct joined {
    struct sok_arena *arena;
    const char *text; // every X-Forwarded-For, in their order
    const char *real; // X-Real-IP
    int reals;
    int via, forwarded; // the proxies that named themselves, or whom they spoke for, in those headers
};

static int count_elements(const char *list)
{
    int count = 1;
    for (const char *at = list; (at = strchr(at, ',')); at++)
        count++;
    return count;
}

static enum MHD_Result join_forwarded(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct joined *joined = cls;
    if (value && strcasecmp(name, "X-Forwarded-For") == 0) {
        joined->text = joined->text ? sok_format(joined->arena, "%s,%s", joined->text, value) : value;
    } else if (value && strcasecmp(name, "X-Real-IP") == 0) {
        joined->real = value;
        joined->reals++;
    } else if (value && strcasecmp(name, "Via") == 0) {
        joined->via += count_elements(value);
    } else if (value && strcasecmp(name, "Forwarded") == 0) {
        joined->forwarded += count_elements(value);
    }
    return MHD_YES;
}

static const char *find_client_ip(struct sok_exchange *exchange)
{
    struct sok_request *request = &exchange->request;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sok_address client = {{0}};
    // Who reaches a unix socket is a proxy that was given it; without its word the address stays unknown:
    // "::".
    bool trusted = !info || !sok_address_from_sockaddr(info->client_addr, &client) ||
                   sok_http_is_trusted(exchange->server, &client);
    exchange->from_proxy = trusted;
    struct joined said = {.arena = request->arena};
    MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, join_forwarded, &said);
    int ours = trusted; // proxies
    bool is_left = !trusted && (said.text || said.real);
    if (trusted && said.text)
        ours += walk_forwarded(exchange->server, request->arena, said.text, &client, &is_left);
    else if (trusted && said.reals == 1) // of two, nobody can say which is the proxy's
        (void)parse_forwarded(request->arena, said.real, strlen(said.real), &client);
    request->through_stranger = is_left || said.via > ours || said.forwarded > ours;
    char *text = sok_alloc(request->arena, 46);
    sok_address_format(&client, text);
    return text;
}

// --- Where it goes

// The target as "/path" and query. Absolute form ("GET http://host/path") is accepted as RFC 9112
// section 3.2.2 wants, but only with a Host that says the same: false otherwise.
static bool split_target(struct sok_exchange *exchange)
{
    const char *at = exchange->raw_path;
    const char *authority = *at != '/' ? strstr(at, "://") : NULL;
    if (authority) {
        const char *host = sok_request_header(&exchange->request, "Host");
        size_t host_len = strcspn(authority + 3, "/?");
        if (host && (strlen(host) != host_len || strncasecmp(host, authority + 3, host_len) != 0))
            return false;
        at = authority + 3 + host_len;
        at = *at == '/' ? at : sok_format(exchange->request.arena, "/%s", at);
    }
    size_t len = strcspn(at, "?");
    exchange->raw_query = at[len] ? at + len + 1 : NULL;
    exchange->raw_path = sok_strndup(exchange->request.arena, at, len);
    return true;
}

static bool read_target(struct sok_exchange *exchange)
{
    struct sok_request *request = &exchange->request;
    if (!split_target(exchange)) {
        request->path = "/";
        sok_exchange_refuse(
            exchange, 400, "malformed_request", "the address and the Host header name different hosts", NULL);
        return false;
    }
    request->path = sok_uri_decode(request->arena, exchange->raw_path, strlen(exchange->raw_path), false);
    if (!request->path ||
        !sok_uri_parse_query(request->arena, exchange->raw_query, &request->query, &request->query_count)) {
        if (!request->path)
            request->path = sok_utf8_clean(request->arena, exchange->raw_path, strlen(exchange->raw_path));
        sok_exchange_refuse(
            exchange, 400, "malformed_request",
            "the address has a broken escape, is not UTF-8 or has too many parameters", NULL);
        return false;
    }
    return true;
}

static bool find_route(struct sok_exchange *exchange)
{
    struct sok_request *request = &exchange->request;
    struct sok_route_match match;
    sok_router_find(exchange->server->router, request->arena, request->method, exchange->raw_path, &match);
    request->route = match.route;
    if (match.route) {
        for (int i = 0; i < SOK_REQUEST_PARAMS_MAX; i++) {
            request->params[i].name = match.params[i].name;
            request->params[i].value = match.params[i].value;
        }
        return true;
    }
    struct sok_error ignored = {0};
    if (exchange->server->options.before)
        (void)exchange->server->options.before(request, &ignored);
    if (match.allowed)
        sok_exchange_refuse(
            exchange, 405, "method_not_allowed", "this address does not have that method",
            sok_router_allow(request->arena, match.allowed));
    else
        sok_exchange_refuse(exchange, 404, "not_found", "there is nothing at this address", NULL);
    return false;
}

void sok_exchange_read_ids(struct sok_exchange *exchange)
{
    exchange->request.request_id = choose_request_id(exchange);
    exchange->request.traceparent = choose_traceparent(exchange);
    exchange->request.client_ip = find_client_ip(exchange);
}

bool sok_exchange_read_head(struct sok_exchange *exchange, const char *method, const char *version)
{
    struct sok_request *request = &exchange->request;
    request->method = find_method(method, &request->is_head);
    sok_exchange_read_ids(exchange);
    if (!check_framing(exchange, method, version)) {
        request->path = "/";
        exchange->response.close = true;
        sok_exchange_refuse(
            exchange, 400, "malformed_request",
            "the header could be read in two ways: each line is NAME: VALUE and ends with CR LF; "
            "Content-Length, Transfer-Encoding, Host, Origin, Content-Type and credentials stand once at "
            "most",
            NULL);
        return false;
    }
    return read_target(exchange) && find_route(exchange);
}
