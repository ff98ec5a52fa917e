#include "api/api.h"

#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "data/cursor.h"
#include "net/range.h"

void sok_api_name_endpoints(struct sok_api *api, struct sok_arena *arena)
{
    int *labels = sok_alloc_array(arena, sok_api_route_count + 1, sizeof(*labels));
    for (size_t i = 0; i < sok_api_route_count; i++)
        labels[i] = sok_label_intern(api->metrics, SOK_LABEL_ENDPOINT, sok_api_routes[i].path);
    labels[sok_api_route_count] = sok_label_intern(api->metrics, SOK_LABEL_ENDPOINT, SOK_UNMATCHED);
    api->endpoint_labels = labels;
}

int sok_api_endpoint_label(const struct sok_api *api, const struct sok_route *route)
{
    const int *labels = api->endpoint_labels;
    if (!route)
        return labels ? labels[sok_api_route_count] : 0;
    if (labels && route >= sok_api_routes && route < sok_api_routes + sok_api_route_count)
        return labels[route - sok_api_routes];
    return sok_label_intern(api->metrics, SOK_LABEL_ENDPOINT, route->path);
}

static const char *query_param(const void *context, const char *name)
{
    return sok_request_query(context, name);
}

enum sok_status sok_api_page(const struct sok_request *request, struct sok_page *ret, struct sok_error *err)
{
    struct sok_page page = {0};
    page.page = sok_api_query_int(request, "page", 1, 1000000, 1, err);
    page.per_page = sok_api_query_int(request, "per_page", 1, SOK_PAGE_MAX, SOK_PAGE_DEFAULT, err);
    page.cursor = sok_request_query(request, "cursor");
    page.sort = sok_request_query(request, "sort");
    page.param = query_param;
    page.context = request;
    page.cache = sok_api_of(request)->cache;
    if (!sok_text_empty(page.cursor) && !sok_cursor_is_formed(page.cursor))
        sok_fail_field(err, "cursor", "invalid", "is no cursor of ours");
    *ret = page;
    return SOK_OK; // the list itself looks at the filters, and names all that is wrong in one answer
}

enum sok_status sok_api_page_of_one_order(
    const struct sok_request *request, struct sok_page *ret, struct sok_error *err)
{
    SOK_TRY(sok_api_page(request, ret, err));
    if (!sok_text_empty(ret->sort))
        sok_fail_field(err, "sort", "unknown_sort", "this list has one order only");
    return err->field_count ? err->status : SOK_OK;
}

enum sok_status sok_api_cut(
    const struct sok_request *request, const struct sok_page *page, const char *what, const char *const *ids,
    size_t count, size_t *ret_first, struct sok_page_info *ret_info, struct sok_error *err)
{
    struct sok_cursor cursor = {
        .list = sok_cursor_list(sok_cursor_list(0, request->route->path), what), .sort = ""};
    int64_t first = (page->page - 1) * page->per_page;
    if (!sok_text_empty(page->cursor)) {
        SOK_TRY(sok_cursor_parse(request->arena, page->cursor, &cursor, err));
        if (!sok_parse_int(cursor.value, 0, INT32_MAX, &first))
            first = (int64_t)count;
        for (size_t i = 0; i < count; i++)
            if (strcmp(ids[i], cursor.key) == 0)
                first = (int64_t)i + 1;
    }
    first = first < (int64_t)count ? first : (int64_t)count;
    *ret_first = (size_t)first;
    *ret_info =
        (struct sok_page_info){.page = page->page, .per_page = page->per_page, .total = (int64_t)count};
    int64_t end = first + page->per_page;
    if (end < (int64_t)count) {
        cursor.value = sok_format(request->arena, "%lld", (long long)end);
        cursor.key = ids[end - 1];
        ret_info->next_cursor = sok_cursor_format(request->arena, &cursor);
    }
    return SOK_OK;
}

// By what its rows have for an id; a row without one is found by its place.
static const char *row_id(struct sok_arena *arena, const json_t *row, size_t place)
{
    static const char *const names[] = {"id", "media_file_id", "download_id"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (json_is_string(json_object_get(row, names[i])))
            return sok_strdup(arena, json_string_value(json_object_get(row, names[i])));
    return sok_format(arena, "%zu", place);
}

enum sok_status sok_api_cut_json(
    const struct sok_request *request, const char *what, json_t *items_taken, json_t **ret_items,
    struct sok_page_info *ret_info, struct sok_error *err)
{
    SOK_JSON_AUTO *items = items_taken;
    struct sok_page page;
    size_t first = 0, count = json_array_size(items);
    const char **ids = sok_alloc_array(request->arena, count, sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        ids[i] = row_id(request->arena, json_array_get(items, i), i);
    SOK_TRY(sok_api_page_of_one_order(request, &page, err));
    SOK_TRY(sok_api_cut(request, &page, what, ids, count, &first, ret_info, err));
    *ret_items = json_array();
    for (size_t i = first; i < count && i < first + (size_t)ret_info->per_page; i++)
        json_array_append(*ret_items, json_array_get(items, i));
    return SOK_OK;
}

json_t *sok_api_list_json(json_t *items_taken, const struct sok_page_info *info)
{
    json_t *body = json_object();
    json_object_set_new(body, "items", items_taken);
    sok_json_set_int(body, "page", info->page);
    sok_json_set_int(body, "per_page", info->per_page);
    sok_json_set_int(body, "total", info->total);
    json_object_set_new(
        body, "next_cursor", info->next_cursor ? json_string(info->next_cursor) : json_null());
    return body;
}

void sok_api_reply_list(struct sok_request *request, json_t *items_taken, const struct sok_page_info *info)
{
    sok_reply_json(request, 200, sok_api_list_json(items_taken, info));
}

int64_t sok_api_query_int(
    const struct sok_request *request, const char *name, int64_t min, int64_t max, int64_t fallback,
    struct sok_error *err)
{
    const char *text = sok_request_query(request, name);
    int64_t value = fallback;
    if (text && !sok_parse_int(text, min, max, &value))
        sok_fail_field(
            err, name, "out_of_range", "must be a whole number from %lld to %lld", (long long)min,
            (long long)max);
    return value;
}

bool sok_api_query_bool(const struct sok_request *request, const char *name, struct sok_error *err)
{
    const char *text = sok_request_query(request, name);
    bool is_true = sok_text_eq(text, "true");
    if (text && !is_true && !sok_text_eq(text, "false"))
        sok_fail_field(err, name, "invalid", "must be true or false");
    return is_true;
}

json_t *sok_api_json_column(const char *text)
{
    json_t *value = NULL;
    if (!text || sok_json_parse_lenient(text, strlen(text), (size_t)4 << 20, &value, NULL) != SOK_OK)
        return json_array();
    return value;
}

const char *sok_api_version(const struct sok_request *request, const char *id, int64_t updated_at)
{
    size_t len = strlen(id);
    return sok_format(
        request->arena, "\"%s-%llx\"", len > 8 ? id + len - 8 : id, (unsigned long long)updated_at);
}

const char *sok_api_version_with(const struct sok_request *request, const char *version, const json_t *body)
{
    char sum[SOK_SHA256_HEX];
    const char *text = sok_json_dump(request->arena, body);
    sok_sha256_hex(text, strlen(text), sum);
    return sok_format(request->arena, "%.*s.%.16s\"", (int)strlen(version) - 1, version, sum);
}

// The tags of a header, each cut off at its dot: no version has one.
static const char *versions_in(struct sok_arena *arena, const char *tags)
{
    char *cut = sok_strdup(arena, tags), *out = cut;
    bool is_behind = false;
    for (const char *at = tags; *at; at++) {
        is_behind = *at != '"' && (is_behind || *at == '.');
        if (!is_behind)
            *out++ = *at;
    }
    *out = '\0';
    return cut;
}

enum sok_status sok_api_check_version(
    const struct sok_request *request, const char *version, struct sok_error *err)
{
    const char *wanted = sok_request_header(request, "If-Match");
    if (wanted && !sok_etag_listed(versions_in(request->arena, wanted), version, true))
        return sok_fail(err, SOK_PRECONDITION, "it has changed since");
    return SOK_OK;
}

void sok_api_refuse_null(const struct sok_request *request, const char *field, struct sok_error *err)
{
    if (json_is_null(json_object_get(request->json, field)))
        sok_fail_field(err, field, "required", "must not be null");
}

const char *sok_api_text(
    const struct sok_request *request, const char *field, bool required, size_t max_bytes,
    struct sok_error *err)
{
    const json_t *value = json_object_get(request->json, field);
    if (!value || json_is_null(value)) {
        if (required)
            sok_fail_field(err, field, "required", "is missing");
        return NULL;
    }
    if (!json_is_string(value)) {
        sok_fail_field(err, field, "wrong_type", "must be text");
        return NULL;
    }
    size_t len = json_string_length(value);
    if (len > max_bytes) {
        sok_fail_field(err, field, "too_long", "must be at most %zu bytes", max_bytes);
        return NULL;
    }
    if (required && !len) {
        sok_fail_field(err, field, "required", "must not be empty");
        return NULL;
    }
    return json_string_value(value);
}

int64_t sok_api_int(
    const struct sok_request *request, const char *field, int64_t min, int64_t max, int64_t fallback,
    struct sok_error *err)
{
    const json_t *value = json_object_get(request->json, field);
    if (!value || json_is_null(value))
        return fallback;
    if (!json_is_integer(value)) {
        sok_fail_field(err, field, "wrong_type", "must be a whole number");
        return fallback;
    }
    int64_t number = json_integer_value(value);
    if (number < min || number > max) {
        sok_fail_field(
            err, field, "out_of_range", "must be from %lld to %lld", (long long)min, (long long)max);
        return fallback;
    }
    return number;
}

bool sok_api_is_id(const char *text)
{
    return sok_text_is_uuid(text);
}

enum sok_status sok_api_param_id(
    const struct sok_request *request, const char *name, const char **ret_id, struct sok_error *err)
{
    const char *id = sok_request_param(request, name);
    if (!sok_api_is_id(id))
        return sok_fail(err, SOK_NOT_FOUND, "there is no such thing");
    *ret_id = id;
    return SOK_OK;
}

const char *sok_api_web_address(const struct sok_config *config, struct sok_arena *arena, int port)
{
    const char *url = config->public_url, *listen = config->listen;
    if (!sok_text_empty(url)) {
        size_t len = strlen(url);
        while (len && url[len - 1] == '/')
            len--;
        return sok_strndup(arena, url, len);
    }
    const char *first = sok_strndup(arena, listen, strcspn(listen, ", "));
    const char *colon = strrchr(first, ':');
    if (!colon || sok_text_starts(first, "unix:"))
        return "http://localhost";
    const char *host = sok_strndup(arena, first, (size_t)(colon - first));
    if (sok_text_eq(host, "0.0.0.0") || sok_text_eq(host, "[::]") || sok_text_empty(host))
        host = "127.0.0.1";
    return port ? sok_format(arena, "http://%s:%d", host, port)
                : sok_format(arena, "http://%s%s", host, colon);
}
