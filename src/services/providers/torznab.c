// A search in three steps: what the indexer can (kept for a day), the query that asks most exactly for what
// is wanted, and pages until one is short or brings nothing new. When the exact query finds nothing, a
// plainer one is asked: many indexers carry no ids and no year.
#include "services/providers/torznab.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/uri.h"
#include "net/url.h"
#include "services/providers/answer.h"
#include "services/providers/torznab_caps.h"

#define TIMEOUT_MS 30000
#define PAGE_ITEMS 100
#define PAGES_MAX 5

struct search {
    const struct sok_provider_call *call;
    const char *url; // with the key
    const char *key;
    const struct sok_provider_query *query;
    struct sok_torznab_caps caps;
    struct sok_found_releases found;
    size_t capacity;
};

// The URL may carry the key; otherwise the configuration's is added.
static enum sok_status set_url(struct search *search, const char *url, struct sok_error *err)
{
    struct sok_arena *arena = search->call->arena;
    struct sok_uri_param *params = NULL;
    struct sok_url parsed;
    size_t count = 0;
    if (sok_url_parse(arena, url, &parsed, NULL) != SOK_OK ||
        !sok_uri_parse_query(arena, parsed.query, &params, &count))
        return sok_fail(err, SOK_INVALID, "%.64s: its URL is wrong", search->call->config->name);
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq_nocase(params[i].name, "apikey"))
            search->key = params[i].value;
    search->url = parsed.text;
    if (!search->key) {
        search->key = search->call->config->api_key;
        search->url = sok_url_with(arena, parsed.text, "apikey", search->key);
    }
    return SOK_OK;
}

// A fetch whose failure is told in the indexer's words when its body is an error document.
static enum sok_status ask(
    const struct sok_provider_call *call, const char *url, struct sok_http_reply *ret, struct sok_error *err)
{
    enum sok_status status = sok_provider_fetch(call, url, NULL, TIMEOUT_MS, ret, err);
    if (status == SOK_OK && ret->magnet)
        return sok_fail(err, SOK_PROTOCOL, "the indexer redirects to a magnet link");
    if (status == SOK_OK || ret->status < 400 || !ret->body_len)
        return status;
    struct sok_xml_node *root;
    struct sok_error said = {0};
    SOK_ARENA_AUTO *scratch = sok_arena_new(0);
    enum sok_status said_status = sok_torznab_root(scratch, ret->body, ret->body_len, "rss", &root, &said);
    if (said_status == SOK_OK || !sok_text_starts(said.message, SOK_INDEXER_SAYS))
        return status;
    if (status == SOK_LIMITED || status == SOK_UNAUTHENTICATED) // HTTP says it more exactly
        said_status = status;
    int retry_after_s = err ? err->retry_after_s : 0;
    sok_fail(err, said_status, "%s", said.message);
    if (err)
        err->retry_after_s = retry_after_s;
    return said_status;
}

static enum sok_status load_caps(
    const struct sok_provider_call *call, const char *url, struct sok_torznab_caps *ret,
    struct sok_error *err)
{
    int64_t now_ms = sok_clock_now_ms(call->clock);
    if (sok_caps_cache_find(call->caps, call->config->id, now_ms, ret))
        return SOK_OK;
    struct sok_http_reply reply;
    SOK_ARENA_AUTO *scratch = sok_arena_new(0);
    struct sok_torznab_caps caps = {.search = {.available = true}};
    enum sok_status status = ask(call, sok_url_with(call->arena, url, "t", "caps"), &reply, err);
    if (status == SOK_OK)
        status = sok_torznab_parse_caps(scratch, reply.body, reply.body_len, &caps, err);
    if (status != SOK_OK && status != SOK_INVALID &&
        status != SOK_NOT_FOUND) // those two only lack the function
        return status;
    caps.server = sok_strdup(call->arena, caps.server);
    sok_caps_cache_put(call->caps, call->config->id, now_ms, &caps);
    *ret = caps;
    return SOK_OK;
}

// --- Queries, from the most exact to the plainest. NULL: there is none of that kind.

static const char *words(const struct search *search, const struct sok_torznab_mode *mode, bool with_year)
{
    struct sok_arena *arena = search->call->arena;
    const char *title = search->query->title ? search->query->title : "";
    const char *text = mode->raw ? title : sok_answer_query_words(arena, title);
    bool year = with_year && search->query->year > 0;
    return year ? sok_format(arena, "%s %d", text, search->query->year) : text;
}

static const char *number_text(const struct search *search, int64_t value)
{
    return value < 0 ? NULL : sok_format(search->call->arena, "%lld", (long long)value);
}

static const char *start_query(const struct search *search, const char *function, const char *categories)
{
    struct sok_arena *arena = search->call->arena;
    const char *url = sok_url_with(arena, search->url, "t", function);
    url = sok_url_with(arena, url, "cat", categories);
    return sok_url_with(arena, url, "extended", "1");
}

static const char *id_query(const struct search *search)
{
    const struct sok_provider_query *query = search->query;
    const struct sok_torznab_mode *mode = &search->caps.movie;
    if (!sok_text_eq(query->media_type, "movie") || !mode->available)
        return NULL;
    struct sok_arena *arena = search->call->arena;
    const char *url = start_query(search, "movie", "2000");
    if (mode->imdb_id && query->imdb_id && strlen(query->imdb_id) > 2)
        return sok_url_with(arena, url, "imdbid", query->imdb_id + 2);
    if (mode->tmdb_id && query->tmdb_id)
        return sok_url_with(arena, url, "tmdbid", number_text(search, query->tmdb_id));
    return NULL;
}

static const char *episode_query(const struct search *search)
{
    const struct sok_provider_query *query = search->query;
    const struct sok_torznab_mode *mode = &search->caps.tv;
    if (query->season < 0 || !mode->available || !mode->season)
        return NULL;
    struct sok_arena *arena = search->call->arena;
    const char *url =
        sok_url_with(arena, start_query(search, "tvsearch", "5000"), "q", words(search, mode, false));
    url = sok_url_with(arena, url, "season", number_text(search, query->season));
    return mode->episode ? sok_url_with(arena, url, "ep", number_text(search, query->episode)) : url;
}

// By words alone: "Title 2010", "Title S01E02", "Title".
static const char *word_query(const struct search *search, bool plain)
{
    const struct sok_provider_query *query = search->query;
    struct sok_arena *arena = search->call->arena;
    bool movie = sok_text_eq(query->media_type, "movie"), tv = sok_text_eq(query->media_type, "tv");
    const char *function = "search", *categories = movie ? "2000" : tv ? "5000" : "2000,5000";
    const struct sok_torznab_mode *mode = &search->caps.search;
    if (movie && search->caps.movie.available) {
        function = "movie";
        mode = &search->caps.movie;
    } else if (tv && query->season < 0 && search->caps.tv.available) {
        function = "tvsearch";
        mode = &search->caps.tv;
    }
    const char *text = words(search, mode, movie && !plain);
    if (!plain && query->season >= 0)
        text = query->episode >= 0 ? sok_format(arena, "%s S%02dE%02d", text, query->season, query->episode)
                                   : sok_format(arena, "%s S%02d", text, query->season);
    if (!*text)
        return NULL;
    return sok_url_with(arena, start_query(search, function, categories), "q", text);
}

// --- Pages.

static bool is_known(const struct sok_found_releases *found, const char *guid)
{
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->items[i].guid, guid) == 0)
            return true;
    return false;
}

// Two items may share a guid by mistake; within one page both are kept when their titles differ.
static bool is_double(
    const struct sok_found_releases *found, size_t from, const struct sok_found_release *item)
{
    for (size_t i = from; i < found->count; i++)
        if (strcmp(found->items[i].guid, item->guid) == 0 && strcmp(found->items[i].title, item->title) == 0)
            return true;
    return false;
}

static struct sok_found_release keep(struct sok_arena *arena, const struct sok_found_release *item)
{
    struct sok_found_release copy = *item;
    copy.guid = sok_strdup(arena, item->guid);
    copy.title = sok_strdup(arena, item->title);
    copy.magnet = sok_strdup(arena, item->magnet);
    copy.info_hash = sok_strdup(arena, item->info_hash);
    copy.torrent_url = sok_strdup(arena, item->torrent_url);
    copy.details_url = sok_strdup(arena, item->details_url);
    copy.indexer = sok_strdup(arena, item->indexer);
    copy.imdb_id = sok_strdup(arena, item->imdb_id);
    copy.trackers = sok_alloc_array(arena, item->tracker_count, sizeof(*copy.trackers));
    for (size_t i = 0; i < item->tracker_count; i++)
        copy.trackers[i] = sok_strdup(arena, item->trackers[i]);
    return copy;
}

static size_t add_new(struct search *search, const struct sok_torznab_page *page)
{
    size_t before = search->found.count;
    for (size_t i = 0; i < page->count && search->found.count < SOK_FOUND_RELEASES_MAX; i++) {
        struct sok_found_releases earlier = {.items = search->found.items, .count = before};
        const struct sok_found_release *item = &page->items[i];
        if (is_known(&earlier, item->guid) || is_double(&search->found, before, item))
            continue;
        search->found.items = sok_grow_array(
            search->call->arena, search->found.items, &search->capacity, search->found.count + 1,
            sizeof(*item));
        search->found.items[search->found.count++] = keep(search->call->arena, item);
    }
    return search->found.count - before;
}

static enum sok_status ask_page(
    struct search *search, const char *url, size_t offset, int limit, size_t *ret_items, size_t *ret_new,
    struct sok_error *err)
{
    struct sok_arena *arena = search->call->arena;
    SOK_ARENA_AUTO *scratch = sok_arena_new(0);
    url = sok_url_with(arena, url, "limit", sok_format(arena, "%d", limit));
    url = sok_url_with(arena, url, "offset", sok_format(arena, "%zu", offset));
    struct sok_http_reply reply;
    SOK_TRY(ask(search->call, url, &reply, err));
    struct sok_torznab_source source = {
        .url = reply.final_url,
        .key = search->key,
        .now_ms = sok_clock_now_ms(search->call->clock),
        .only_watchable = true,
    };
    struct sok_torznab_page page;
    SOK_TRY(sok_torznab_parse_feed(scratch, reply.body, reply.body_len, &source, &page, err));
    *ret_items = page.item_count;
    *ret_new = add_new(search, &page);
    return SOK_OK;
}

// All pages of one query. What was found before a page failed is kept, with a warning.
static enum sok_status ask_pages(struct search *search, const char *url, struct sok_error *err)
{
    int limit = search->caps.limit_max ? search->caps.limit_max : PAGE_ITEMS;
    if (limit > PAGE_ITEMS)
        limit = PAGE_ITEMS;
    size_t offset = 0;
    for (int page = 0; page < PAGES_MAX; page++) {
        size_t items = 0, fresh = 0;
        enum sok_status status = ask_page(search, url, offset, limit, &items, &fresh, err);
        if (status != SOK_OK && page > 0) {
            search->found.warning = sok_strdup(search->call->arena, err ? err->message : "a page is missing");
            return SOK_OK;
        }
        SOK_TRY(status);
        offset += items;
        if (items < (size_t)limit || fresh == 0 || search->found.count >= SOK_FOUND_RELEASES_MAX)
            return SOK_OK;
    }
    return SOK_OK;
}

enum sok_status sok_torznab_search(
    const struct sok_provider_call *call, const char *url, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err)
{
    struct search search = {.call = call, .query = query};
    SOK_TRY(set_url(&search, url, err));
    SOK_TRY(load_caps(call, search.url, &search.caps, err));
    const char *queries[] = {
        id_query(&search),
        episode_query(&search),
        word_query(&search, false),
        word_query(&search, true),
    };
    const char *asked = NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(queries) && !search.found.count; i++) {
        if (!queries[i] || sok_text_eq(queries[i], asked))
            continue;
        if (asked && !sok_provider_has_time(call))
            break;
        enum sok_status status = ask_pages(&search, queries[i], err);
        if (status == SOK_INVALID && err && i + 1 < SOK_ARRAY_LEN(queries)) { // a function it only claims
            sok_caps_cache_drop(call->caps, call->config->id);
            if (i < 2)
                continue;
        }
        if (status != SOK_OK && asked && !sok_provider_has_time(call))
            break; // the exact query was answered: nothing
        SOK_TRY(status);
        asked = queries[i];
    }
    *ret = search.found;
    return SOK_OK;
}

enum sok_status sok_torznab_test(const struct sok_provider_call *call, const char *url, struct sok_error *err)
{
    struct search search = {.call = call};
    SOK_TRY(set_url(&search, url, err));
    sok_caps_cache_drop(call->caps, call->config->id);
    SOK_TRY(load_caps(call, search.url, &search.caps, err));
    size_t items, fresh; // capabilities often need no key; a search does
    return ask_page(&search, start_query(&search, "search", "2000,5000"), 0, 1, &items, &fresh, err);
}

// --- The driver: a URL of its own for each indexer.

static enum sok_status search(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err)
{
    return sok_torznab_search(call, sok_provider_base(call, NULL), query, ret, err);
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    return sok_torznab_test(call, sok_provider_base(call, NULL), err);
}

const struct sok_provider_driver sok_torznab_driver = {
    .kind = "torznab",
    .label = "Torznab",
    .can = SOK_PROVIDER_RELEASES,
    .search = search,
    .test = test,
};
