#include "services/providers/prowlarr.h"

#include <string.h>

#include "base/text.h"
#include "domain/infohash.h"
#include "net/url.h"
#include "services/providers/answer.h"

#define CATEGORIES_MAX 32

static void add_categories(const json_t *list, int *categories, size_t *count, int depth)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        int64_t id = sok_json_int(one, "id", 0);
        if (id > 0 && id < 1000000 && *count < CATEGORIES_MAX)
            categories[(*count)++] = (int)id;
        if (depth < 3)
            add_categories(json_object_get(one, "subCategories"), categories, count, depth + 1);
    }
}

static const char *http_url(struct sok_arena *arena, const json_t *row, const char *key)
{
    const char *url = sok_json_text(row, key, NULL);
    return url ? sok_url_resolve(arena, NULL, url) : NULL;
}

// Both links are Prowlarr's own proxies and may redirect to a magnet; a magnet itself is seen in the guid
// only.
static void read_links(struct sok_arena *arena, const json_t *row, struct sok_found_release *release)
{
    const char *url = http_url(arena, row, "downloadUrl"), *other = http_url(arena, row, "magnetUrl");
    const char *magnet = NULL;
    const char *candidates[] = {
        url, other, sok_answer_text(arena, sok_json_text(row, "guid", NULL), SOK_MAGNET_MAX)};
    for (size_t i = 0; i < SOK_ARRAY_LEN(candidates) && !magnet; i++)
        magnet = sok_magnet_is(candidates[i]) ? candidates[i] : NULL;
    if (sok_text_starts(url, "http"))
        release->torrent_url = url;
    else if (sok_text_starts(other, "http"))
        release->torrent_url = other;
    sok_answer_hashes(arena, release, magnet, sok_json_text(row, "infoHash", NULL));
}

static int64_t peers(const json_t *row, const char *key)
{
    int64_t count = sok_json_int(row, key, -1);
    return count < 0 || count > 10000000 ? -1 : count;
}

static bool read_row(
    struct sok_arena *arena, const json_t *row, int64_t now_ms, struct sok_found_release *ret)
{
    int categories[CATEGORIES_MAX + 1] = {0};
    size_t count = 0;
    add_categories(json_object_get(row, "categories"), categories, &count, 0);
    struct sok_found_release release = {.protocol = "torrent", .download_factor = -1};
    release.title = sok_answer_text(arena, sok_json_text(row, "title", NULL), SOK_TITLE_BYTES_MAX);
    release.guid = sok_answer_guid(arena, sok_json_text(row, "guid", NULL), NULL, SOK_MAGNET_MAX);
    if (!release.title || !sok_answer_category_fits(categories) ||
        sok_text_eq(sok_json_text(row, "protocol", ""), "usenet"))
        return false;
    read_links(arena, row, &release);
    if (!release.magnet && !release.torrent_url && !release.info_hash)
        return false;
    if (!release.guid)
        release.guid = release.title;
    release.details_url = http_url(arena, row, "infoUrl");
    release.indexer = sok_answer_text(arena, sok_json_text(row, "indexer", NULL), 100);
    int64_t size = sok_json_int(row, "size", 0);
    release.size_bytes = size > 0 ? size : release.size_bytes;
    release.seeders = peers(row, "seeders");
    release.leechers = peers(row, "leechers");
    release.published_at = sok_answer_date(sok_json_text(row, "publishDate", NULL), now_ms);
    for (size_t i = 0; i < count; i++)
        if (categories[i] < 100000 && (!release.category || release.category % 1000 == 0))
            release.category = categories[i];
    release.imdb_id = sok_answer_imdb_number(arena, sok_json_int(row, "imdbId", 0));
    release.tmdb_id = sok_json_int(row, "tmdbId", 0);
    size_t i;
    const json_t *flag;
    json_array_foreach(json_object_get(row, "indexerFlags"), i, flag)
    {
        if (sok_text_eq_nocase(json_string_value(flag), "freeleech"))
            release.download_factor = 0;
    }
    *ret = release;
    return true;
}

enum sok_status sok_prowlarr_parse(
    struct sok_arena *arena, const json_t *answer, int64_t now_ms, struct sok_found_releases *ret,
    struct sok_error *err)
{
    if (!json_is_array(answer))
        return sok_fail(err, SOK_PROTOCOL, "Prowlarr's answer is not a list of releases");
    struct sok_found_releases found = {0};
    size_t capacity = 0, i;
    const json_t *row;
    json_array_foreach(answer, i, row)
    {
        struct sok_found_release release;
        if (found.count == SOK_FOUND_RELEASES_MAX)
            break;
        if (!read_row(arena, row, now_ms, &release))
            continue;
        found.items = sok_grow_array(arena, found.items, &capacity, found.count + 1, sizeof(*found.items));
        found.items[found.count++] = release;
    }
    *ret = found;
    return SOK_OK;
}

// --- Asking.

static const char *const explain[] = {"message", NULL};

static enum sok_status fetch(
    const struct sok_provider_call *call, const char *url, json_t **ret, struct sok_error *err)
{
    const char *key = call->config->api_key ? call->config->api_key : "";
    const char *headers[] = {sok_format(call->arena, "X-Api-Key: %s", key), NULL};
    for (const char *c = key; *c; c++)
        if ((unsigned char)*c < 0x20)
            return sok_fail(
                err, SOK_INVALID, "%.64s: its API key has control characters", call->config->name);
    return sok_provider_fetch_json(call, url, headers, explain, ret, err);
}

static const char *search_url(
    const struct sok_provider_call *call, const struct sok_provider_query *query, bool plain)
{
    struct sok_arena *arena = call->arena;
    const char *url = sok_url_join(arena, sok_provider_base(call, NULL), "api/v1/search");
    if (!url)
        return NULL;
    bool movie = sok_text_eq(query->media_type, "movie"), tv = sok_text_eq(query->media_type, "tv");
    const char *words = sok_answer_query_words(arena, query->title ? query->title : "");
    if (!plain && movie && query->year > 0)
        words = sok_format(arena, "%s %d", words, query->year);
    if (!plain && query->season >= 0)
        words = sok_format(arena, "%s {season:%d}", words, query->season);
    if (!plain && query->season >= 0 && query->episode >= 0)
        words = sok_format(arena, "%s {episode:%d}", words, query->episode);
    url = sok_url_with(arena, url, "query", words);
    url = sok_url_with(arena, url, "type", tv && query->season >= 0 ? "tvsearch" : "search");
    if (!tv)
        url = sok_url_with(arena, url, "categories", "2000");
    if (!movie)
        url = sok_url_with(arena, url, "categories", "5000");
    url = sok_url_with(arena, url, "limit", "100");
    return sok_url_with(arena, url, "offset", "0");
}

static enum sok_status search_once(
    const struct sok_provider_call *call, const char *url, struct sok_found_releases *ret,
    struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(fetch(call, url, &answer, err));
    return sok_prowlarr_parse(call->arena, answer, sok_clock_now_ms(call->clock), ret, err);
}

static enum sok_status search(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err)
{
    const char *exact = search_url(call, query, false), *plain = search_url(call, query, true);
    struct sok_found_releases found = {0};
    SOK_TRY(search_once(call, exact, &found, err));
    if (!found.count && !sok_text_eq(exact, plain) && sok_provider_has_time(call)) {
        struct sok_found_releases more = {0};
        if (search_once(call, plain, &more, NULL) == SOK_OK)
            found = more;
    }
    *ret = found;
    return SOK_OK;
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    const char *url = sok_url_join(call->arena, sok_provider_base(call, NULL), "api/v1/system/status");
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(fetch(call, url, &answer, err));
    if (!sok_json_text(answer, "version", NULL))
        return sok_fail(err, SOK_PROTOCOL, "%.64s: that is not Prowlarr", call->config->name);
    return SOK_OK;
}

const struct sok_provider_driver sok_prowlarr_driver = {
    .kind = "prowlarr",
    .label = "Prowlarr",
    .needs_key = true,
    .can = SOK_PROVIDER_RELEASES,
    .search = search,
    .test = test,
};
