#include "services/providers/jackett.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "domain/infohash.h"
#include "net/url.h"
#include "services/providers/answer.h"
#include "services/providers/torznab.h"

#define CATEGORIES_MAX 32
#define WARNING_BYTES_MAX 240

static int64_t peers(const json_t *row, const char *key)
{
    int64_t count = sok_json_int(row, key, -1);
    return count < 0 || count > 10000000 ? -1 : count;
}

static size_t read_categories(const json_t *list, int *categories)
{
    size_t count = 0, i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        int64_t id = json_integer_value(one);
        if (id > 0 && id < 1000000 && count < CATEGORIES_MAX)
            categories[count++] = (int)id;
    }
    return count;
}

static bool read_row(
    struct sok_arena *arena, const json_t *row, int64_t now_ms, struct sok_found_release *ret)
{
    int categories[CATEGORIES_MAX + 1] = {0};
    size_t count = read_categories(json_object_get(row, "Category"), categories);
    struct sok_found_release release = {.protocol = "torrent"};
    release.title = sok_answer_text(arena, sok_json_text(row, "Title", NULL), SOK_TITLE_BYTES_MAX);
    release.guid = sok_answer_guid(arena, sok_json_text(row, "Guid", NULL), NULL, SOK_MAGNET_MAX);
    const char *link = sok_json_text(row, "Link", NULL), *magnet = sok_json_text(row, "MagnetUri", NULL);
    link = link ? sok_url_resolve(arena, NULL, link) : NULL;
    if (sok_magnet_is(link))
        magnet = link;
    else
        release.torrent_url = link;
    sok_answer_hashes(
        arena, &release, magnet ? sok_strdup(arena, magnet) : NULL, sok_json_text(row, "InfoHash", NULL));
    if (!release.title || !sok_answer_category_fits(categories) ||
        (!release.magnet && !release.torrent_url && !release.info_hash))
        return false;
    if (!release.guid)
        release.guid = release.title;
    int64_t size = sok_json_int(row, "Size", 0);
    release.size_bytes = size > 0 ? size : release.size_bytes;
    release.seeders = peers(row, "Seeders");
    release.leechers = peers(row, "Peers");
    release.published_at = sok_answer_date(sok_json_text(row, "PublishDate", NULL), now_ms);
    release.indexer = sok_answer_text(arena, sok_json_text(row, "Tracker", NULL), 100);
    release.imdb_id = sok_answer_imdb_number(arena, sok_json_int(row, "Imdb", 0));
    release.tmdb_id = sok_json_int(row, "TMDb", 0);
    release.download_factor = sok_json_real(row, "DownloadVolumeFactor", -1);
    for (size_t i = 0; i < count; i++)
        if (categories[i] < 100000 && (!release.category || release.category % 1000 == 0))
            release.category = categories[i];
    *ret = release;
    return true;
}

// "Indexer C did not answer": which trackers failed, without their words (they quote URLs with keys).
static const char *failed_trackers(struct sok_arena *arena, const json_t *indexers)
{
    SOK_BUF_AUTO names;
    sok_buf_init(&names, WARNING_BYTES_MAX);
    size_t i;
    const json_t *one;
    json_array_foreach(indexers, i, one)
    {
        const char *name = sok_answer_text(arena, sok_json_text(one, "Name", NULL), 60);
        bool failed = sok_json_int(one, "Status", 2) != 2 && sok_json_text(one, "Error", NULL);
        if (failed && name)
            sok_buf_printf(&names, "%s%s", names.len ? ", " : "", name);
    }
    return names.len ? sok_format(arena, "no answer from %s", names.data) : NULL;
}

enum sok_status sok_jackett_parse(
    struct sok_arena *arena, const json_t *answer, int64_t now_ms, struct sok_found_releases *ret,
    struct sok_error *err)
{
    const json_t *results = json_object_get(answer, "Results");
    if (!json_is_array(results))
        return sok_fail(err, SOK_PROTOCOL, "Jackett's answer has no results");
    struct sok_found_releases found = {
        .warning = failed_trackers(arena, json_object_get(answer, "Indexers"))};
    size_t capacity = 0, i;
    const json_t *row;
    json_array_foreach(results, i, row)
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

// A base URL that already names an indexer's feed is taken as it is; otherwise all of them are asked.
static const char *torznab_url(const struct sok_provider_call *call)
{
    const char *base = sok_provider_base(call, NULL);
    if (base && strstr(base, "/api/v2.0/indexers/"))
        return base;
    return sok_url_join(call->arena, base, "api/v2.0/indexers/all/results/torznab/api");
}

// Nothing came from any tracker: is there nothing, or did they fail? The same search again, from Jackett's
// own cache.
static void explain_nothing(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_releases *found)
{
    struct sok_arena *arena = call->arena;
    const char *url = sok_url_join(arena, sok_provider_base(call, NULL), "api/v2.0/indexers/all/results");
    if (!url)
        return;
    const char *words = sok_answer_query_words(arena, query->title ? query->title : "");
    url = sok_url_with(arena, url, "apikey", call->config->api_key);
    url = sok_url_with(arena, url, "Query", words);
    SOK_JSON_AUTO *answer = NULL;
    struct sok_found_releases again = {0};
    if (sok_provider_fetch_json(call, url, NULL, NULL, &answer, NULL) == SOK_OK &&
        sok_jackett_parse(arena, answer, sok_clock_now_ms(call->clock), &again, NULL) == SOK_OK)
        found->warning = again.warning;
}

static enum sok_status search(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err)
{
    struct sok_found_releases found;
    SOK_TRY(sok_torznab_search(call, torznab_url(call), query, &found, err));
    if (!found.count && sok_provider_has_time(call))
        explain_nothing(call, query, &found);
    *ret = found;
    return SOK_OK;
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    return sok_torznab_test(call, torznab_url(call), err);
}

const struct sok_provider_driver sok_jackett_driver = {
    .kind = "jackett",
    .label = "Jackett",
    .needs_key = true,
    .can = SOK_PROVIDER_RELEASES,
    .search = search,
    .test = test,
};
