// What every HTTP handler finds in request->app: the parts of the running program, wired once by app/.
#ifndef SOK_API_API_H
#define SOK_API_API_H

#include "data/page.h"
#include "net/http_server.h"
#include "runtime/config.h"

struct sok_auth;
struct sok_cache;
struct sok_db;
struct sok_http_client;
struct sok_hub;
struct sok_ip_gate;
struct sok_library;
struct sok_overrides;
struct sok_providers;
struct sok_queue;
struct sok_reset_mail;
struct sok_streaming;
struct sok_torrents;
struct sok_uploads;

// All pointers are borrowed and live as long as the server. A part that this process does not run is NULL
// (torrents without the hunter role).
struct sok_api {
    const struct sok_config *config;
    const struct sok_clock *clock;
    struct sok_metrics *metrics;
    struct sok_db *db;
    struct sok_cache *cache;
    struct sok_queue *queue;
    struct sok_overrides *overrides;
    struct sok_http_client *http;
    struct sok_providers *providers;
    struct sok_auth *auth;
    struct sok_torrents *torrents;
    struct sok_library *library;
    struct sok_streaming *streaming;
    struct sok_uploads *uploads;
    struct sok_hub *hub;
    struct sok_reset_mail *reset_mail;
    struct sok_ip_gate *ip_gate;
    int64_t started_ms;         // monotonic
    const int *endpoint_labels; // of the route table's rows; see sok_api_name_endpoints
    _Atomic bool stopping;      // /health says 503: whoever balances the load should look elsewhere
};

static inline struct sok_api *sok_api_of(const struct sok_request *request)
{
    return request->app;
}

// The address a person can open: SOKOUL_PUBLIC_URL without a slash at its end, or the first one of
// SOKOUL_LISTEN with this port (0: the one that stands there). Never what a request says of itself: links go
// out by mail.
const char *sok_api_web_address(const struct sok_config *config, struct sok_arena *arena, int port);

// The one route table (routes.c).
extern const struct sok_route sok_api_routes[];
extern const size_t sok_api_route_count;

// What no route of the table is called in metrics and logs.
#define SOK_UNMATCHED "unmatched"

// Numbers the routes' paths for the metrics, once at start; the numbers live in the arena.
void sok_api_name_endpoints(struct sok_api *api, struct sok_arena *arena);

// The metrics' SOK_LABEL_ENDPOINT of a route; NULL: none matched. Quick for the route table's rows.
int sok_api_endpoint_label(const struct sok_api *api, const struct sok_route *route);

// The caller's page of a list: ?page=1&per_page=50&sort=-field, or ?cursor=, and its filters, which
// data/filter.h reads out of it. Borrows the request. What is wrong is noted in err; sok_page_list then fails
// with it and with every wrong filter.
SOK_MUST_CHECK enum sok_status sok_api_page(
    const struct sok_request *request, struct sok_page *ret, struct sok_error *err);

// The same for a list that is made whole and cut by sok_api_cut: a sort is wrong there, too. SOK_INVALID with
// all that is noted.
SOK_MUST_CHECK enum sok_status sok_api_page_of_one_order(
    const struct sok_request *request, struct sok_page *ret, struct sok_error *err);

// {items, page, per_page, total, next_cursor}, a new reference; takes the items.
json_t *sok_api_list_json(json_t *items_taken, const struct sok_page_info *info);

// Replies with that.
void sok_api_reply_list(struct sok_request *request, json_t *items_taken, const struct sok_page_info *info);

// Cuts the caller's page out of a list that is made whole, in its one order: *ret_first is the page's first
// row, the page has at most ret_info->per_page. A cursor names the last row of the page before by its id and
// place: wherever that row is by now, else where it was. `what`: which list it is. SOK_INVALID: a cursor of
// another list.
SOK_MUST_CHECK enum sok_status sok_api_cut(
    const struct sok_request *request, const struct sok_page *page, const char *what, const char *const *ids,
    size_t count, size_t *ret_first, struct sok_page_info *ret_info, struct sok_error *err);

// The same for a short list that is made as JSON: takes the items (also when it fails), *ret_items are the
// page's, a new reference.
SOK_MUST_CHECK enum sok_status sok_api_cut_json(
    const struct sok_request *request, const char *what, json_t *items_taken, json_t **ret_items,
    struct sok_page_info *ret_info, struct sok_error *err);

// A whole number of the query string; absent gives `fallback`, a wrong one is noted in err.
int64_t sok_api_query_int(
    const struct sok_request *request, const char *name, int64_t min, int64_t max, int64_t fallback,
    struct sok_error *err);

// true or false of the query string; absent gives false, anything else is noted in err.
bool sok_api_query_bool(const struct sok_request *request, const char *name, struct sok_error *err);

// The value of a JSON column, or an empty list when it is NULL or broken. A new reference.
json_t *sok_api_json_column(const char *text);

// The version of a row as an entity tag, in the request's arena: every write moves updated_at. For ETag, and
// for If-Match, which sok_api_check_version honours: SOK_PRECONDITION when it names another version.
const char *sok_api_version(const struct sok_request *request, const char *id, int64_t updated_at);
// sok_api_version_with: the tag of an answer that also shows what moves by itself and makes no new version:
// the version, a dot and a sum over the body. If-Match with it means the version.
const char *sok_api_version_with(const struct sok_request *request, const char *version, const json_t *body);
SOK_MUST_CHECK enum sok_status sok_api_check_version(
    const struct sok_request *request, const char *version, struct sok_error *err);

// For fields of a change that can be left out, but not taken away: notes null as wrong.
void sok_api_refuse_null(const struct sok_request *request, const char *field, struct sok_error *err);

// The field of the JSON body as text, trimmed of nothing. Wrong type, too long or (when required) absent:
// notes it in err and returns NULL. All fields are read and all their values checked, also by the service
// that knows what is allowed, before anybody looks at err->field_count, once: one answer names every wrong
// field. What could not be read counts as absent there, and stays what it was noted as (sok_fail_field).
const char *sok_api_text(
    const struct sok_request *request, const char *field, bool required, size_t max_bytes,
    struct sok_error *err);

// The same for whole numbers; absent gives `fallback`.
int64_t sok_api_int(
    const struct sok_request *request, const char *field, int64_t min, int64_t max, int64_t fallback,
    struct sok_error *err);

// Whether `text` has the form of an id (a UUID). A path id that has not is SOK_NOT_FOUND, not SOK_INVALID: it
// names nothing.
bool sok_api_is_id(const char *text);

// Path parameter `name` as an id: SOK_NOT_FOUND when it cannot be one.
SOK_MUST_CHECK enum sok_status sok_api_param_id(
    const struct sok_request *request, const char *name, const char **ret_id, struct sok_error *err);

#endif
