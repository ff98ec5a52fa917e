#include "api/cached.h"

#include <string.h>

#include "backends/cache/cache.h"
#include "base/text.h"
#include "data/changes.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define KEPT_BYTES_MAX ((size_t)256 << 10)

// The time to live only backs the versions up. `shared`: the same for everybody; else everybody has their
// own.
static const struct row {
    const char *path, *kind, *tables;
    bool shared;
    int64_t ttl_ms;
} rows[] = {
    {"/api/v1/media", "media", "media media_files", true, 5 * MINUTE_MS},
    {"/api/v1/media/{id}/episodes", "media", "media media_files", true, 24 * HOUR_MS},
    {"/api/v1/media/{id}/files", "media", "media media_files", true, 24 * HOUR_MS},
    {"/api/v1/recommendations", "response",
     "media media_files watch_history library_favorites library_watchlist", false, 5 * MINUTE_MS},
    {"/api/v1/library/favorites", "response", "media media_files library_favorites", false, 5 * MINUTE_MS},
    {"/api/v1/library/watchlist", "response", "media media_files library_watchlist", false, 5 * MINUTE_MS},
    {"/api/v1/collections", "response", "media collections collection_media", false, 5 * MINUTE_MS},
    {"/api/v1/history/continue", "history", "media media_files watch_history", false, 5 * MINUTE_MS},
    {"/api/v1/history/watched", "history", "media media_files watch_history", false, 5 * MINUTE_MS},
};

static const struct row *find_row(const struct sok_request *request)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].path, request->route->path) == 0)
            return &rows[i];
    return NULL;
}

// All that the answer depends on but the tables: which program answers (during an upgrade there are two), who
// asks, and what. Written so that no two questions have
// one text: a line end inside of a value would otherwise be the next parameter, and one's answer another's.
static const char *question_of(const struct sok_request *request, const struct row *row)
{
    const char *text = sok_format(
        request->arena, SOK_VERSION "\n%s\n%s", row->shared ? "" : request->principal.user_id,
        sok_uri_encode(request->arena, request->path));
    for (size_t i = 0; i < request->query_count; i++)
        text = sok_format(
            request->arena, "%s\n%s=%s", text, sok_uri_encode(request->arena, request->query[i].name),
            request->query[i].value ? sok_uri_encode(request->arena, request->query[i].value) : "");
    return text;
}

bool sok_cached_reply(struct sok_request *request, struct sok_cached *ret)
{
    struct sok_cache *cache = sok_api_of(request)->cache;
    const struct row *row = find_row(request);
    const char *text;
    size_t len;
    *ret = (struct sok_cached){.key = NULL};
    if (!row || !cache)
        return false;
    ret->kind = row->kind;
    ret->ttl_ms = row->ttl_ms;
    ret->key = sok_changes_key(cache, request->arena, row->tables, question_of(request, row));
    if (sok_cache_get(cache, request->arena, ret->kind, ret->key, &text, &len, NULL) != SOK_OK)
        return false;
    sok_reply_bytes(request, 200, "application/json", text, len, false);
    return true;
}

void sok_cached_list(
    struct sok_request *request, const struct sok_cached *cached, json_t *items_taken,
    const struct sok_page_info *info)
{
    SOK_JSON_AUTO *body = sok_api_list_json(items_taken, info);
    const char *text = sok_json_dump(request->arena, body);
    size_t len = strlen(text);
    if (cached->key && len <= KEPT_BYTES_MAX)
        sok_cache_put(sok_api_of(request)->cache, cached->kind, cached->key, text, len, cached->ttl_ms);
    sok_reply_bytes(request, 200, "application/json", text, len, false);
}
