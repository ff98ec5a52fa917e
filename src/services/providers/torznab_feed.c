// One item of a feed at a time. What an attribute says is trusted before what an element says, and that
// before what the enclosure says; the pitfalls behind each order are in the fixtures.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "domain/infohash.h"
#include "net/url.h"
#include "services/providers/answer.h"
#include "services/providers/torznab_caps.h"

#define GUID_BYTES_MAX 2048
#define CATEGORIES_MAX 32
#define PEERS_MAX 10000000
#define IMPLAUSIBLE_BYTES 1000000 // less than that is the .torrent's own size, or a mistake

struct item {
    struct sok_arena *arena;
    const struct sok_torznab_source *source;
    const struct sok_xml_node *node, *enclosure;
    bool usenet;
    int categories[CATEGORIES_MAX + 1]; // ends with 0
};

// The value of a torznab:attr, or of a newznab:attr where there is none of the first kind.
static const char *attr(const struct item *item, const char *name)
{
    const char *second = NULL;
    for (const struct sok_xml_node *node = item->node->child; node; node = node->next) {
        if (strcasecmp(node->name, "attr") != 0 || !sok_text_eq_nocase(sok_xml_attribute(node, "name"), name))
            continue;
        const char *value = sok_xml_attribute(node, "value");
        if (sok_text_empty(value))
            continue;
        if (strcasestr(node->uri, "torznab"))
            return value;
        if (!second)
            second = value;
    }
    return second;
}

// A child of the item, or of the <torrent> element in which ezRSS puts its own.
static const char *element(const struct item *item, const char *name)
{
    const char *text = sok_xml_child_text(item->node, name);
    return text ? text : sok_xml_child_text(sok_xml_child(item->node, "torrent"), name);
}

static int64_t number(const char *text, int64_t max, int64_t fallback)
{
    int64_t value;
    return sok_parse_int(text, 0, max, &value) ? value : fallback;
}

// --- Links.

static int rank_enclosure(const struct sok_xml_node *node) // lower is better, 9: not for us
{
    const char *type = sok_xml_attribute(node, "type"), *url = sok_xml_attribute(node, "url");
    if (sok_text_empty(url))
        return 9;
    if (sok_text_empty(type))
        return 3;
    if (strcasecmp(type, "application/x-bittorrent") == 0)
        return 1;
    if (sok_text_starts(type, "application/x-bittorrent;"))
        return 2;
    return strcasecmp(type, "application/x-nzb") == 0 ? 8 : 4;
}

static void choose_enclosure(struct item *item)
{
    int best = 9;
    for (const struct sok_xml_node *node = item->node->child; node; node = node->next) {
        int rank = strcasecmp(node->name, "enclosure") == 0 ? rank_enclosure(node) : 9;
        if (rank < best) {
            best = rank;
            item->enclosure = node;
        }
    }
    item->usenet = best == 8;
}

static const char *usable_link(const struct item *item, const char *reference)
{
    if (!reference)
        return NULL;
    const char *url = sok_url_resolve(item->arena, item->source->url, reference);
    return url && strlen(url) <= (sok_magnet_is(url) ? SOK_MAGNET_MAX : SOK_URL_BYTES_MAX) ? url : NULL;
}

static void read_links(struct item *item, struct sok_found_release *release)
{
    const char *candidates[] = {
        sok_xml_attribute(item->enclosure, "url"),
        element(item, "link"),
        attr(item, "magneturl"),
        element(item, "magnetURI"),
        element(item, "guid"),
    };
    const char *magnet = NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(candidates); i++) {
        bool only_magnet = i >= 2;
        if (only_magnet && !sok_magnet_is(candidates[i]))
            continue;
        const char *link = usable_link(item, candidates[i]);
        if (sok_magnet_is(link)) {
            if (!magnet)
                magnet = link;
        } else if (link && !only_magnet && !release->torrent_url) {
            release->torrent_url = link;
        }
    }
    if (magnet && release->torrent_url && !item->enclosure) // then <link> is the page about it
        release->torrent_url = NULL;
    const char *hash = attr(item, "infohash");
    sok_answer_hashes(item->arena, release, magnet, hash ? hash : element(item, "infoHash"));
}

static void read_guid(struct item *item, struct sok_found_release *release)
{
    const char *guid = element(item, "guid");
    if (!guid)
        guid = element(item, "link");
    if (!guid)
        guid = release->magnet        ? release->magnet
               : release->torrent_url ? release->torrent_url
                                      : release->title;
    release->guid = sok_answer_guid(item->arena, guid, item->source->key, GUID_BYTES_MAX);
}

// --- Facts.

static void read_size(const struct item *item, struct sok_found_release *release)
{
    const char *said[] = {attr(item, "size"), element(item, "size"), element(item, "contentLength")};
    int64_t size = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(said) && !size; i++) {
        size = sok_answer_size(said[i], NULL);
        if (!size)
            size = sok_answer_size(said[i], "size:");
    }
    if (!size) {
        size = sok_answer_size(sok_xml_attribute(item->enclosure, "length"), NULL);
        if (size < IMPLAUSIBLE_BYTES)
            size = sok_answer_size(
                sok_answer_html(item->arena, element(item, "description"), SOK_OVERVIEW_BYTES_MAX), "size:");
        if (size < IMPLAUSIBLE_BYTES)
            size = 0;
    }
    if (size)
        release->size_bytes = size;
}

static const char *attr_or_element(const struct item *item, const char *name, const char *other)
{
    const char *value = attr(item, name);
    if (!value)
        value = element(item, name);
    return value || !other ? value : element(item, other);
}

static void read_peers(const struct item *item, struct sok_found_release *release)
{
    int64_t seeders = number(attr_or_element(item, "seeders", "seeds"), PEERS_MAX, -1);
    int64_t leechers = number(attr_or_element(item, "leechers", NULL), PEERS_MAX, -1);
    int64_t peers = number(attr(item, "peers"), PEERS_MAX, -1);
    if (leechers < 0 && seeders >= 0 && peers >= 0)
        leechers = peers > seeders ? peers - seeders : 0;
    else if (seeders < 0 && leechers >= 0 && peers >= 0)
        seeders = peers > leechers ? peers - leechers : 0;
    release->seeders = seeders;
    release->leechers = leechers;
}

static void add_category(struct item *item, size_t *count, const char *text)
{
    int category = (int)number(text, 999999, 0);
    if (category && *count < CATEGORIES_MAX)
        item->categories[(*count)++] = category;
}

static void read_categories(struct item *item, struct sok_found_release *release)
{
    size_t count = 0;
    for (const struct sok_xml_node *node = item->node->child; node; node = node->next) {
        if (strcasecmp(node->name, "category") == 0)
            add_category(item, &count, node->text);
        else if (
            strcasecmp(node->name, "attr") == 0 &&
            sok_text_eq_nocase(sok_xml_attribute(node, "name"), "category"))
            add_category(item, &count, sok_xml_attribute(node, "value"));
    }
    for (size_t i = 0; i < count; i++) { // the most exact of the standard ones
        int category = item->categories[i];
        if (category < 100000 && (!release->category || release->category % 1000 == 0))
            release->category = category;
    }
}

static void read_facts(struct item *item, struct sok_found_release *release)
{
    const char *date = element(item, "pubDate");
    release->published_at = sok_answer_date(date ? date : attr(item, "usenetdate"), item->source->now_ms);
    const char *imdb = attr(item, "imdbid");
    release->imdb_id = sok_answer_imdb(item->arena, imdb ? imdb : attr(item, "imdb"));
    release->tmdb_id = number(attr(item, "tmdbid"), INT32_MAX, 0);
    if (!sok_parse_double(attr(item, "downloadvolumefactor"), 0, 100, &release->download_factor))
        release->download_factor = -1;
    const char *indexer = element(item, "jackettindexer");
    release->indexer =
        sok_answer_text(item->arena, indexer ? indexer : element(item, "prowlarrindexer"), 100);
    const char *details = usable_link(item, element(item, "comments"));
    if (details && !sok_magnet_is(details) && !sok_answer_has_secret(details, item->source->key))
        release->details_url = details;
}

// False when the item is left out.
static bool read_item(struct item *item, struct sok_found_release *ret)
{
    struct sok_found_release release = {0};
    release.title = sok_answer_text(
        item->arena, sok_answer_unescape(item->arena, element(item, "title")), SOK_TITLE_BYTES_MAX);
    if (!release.title)
        return false;
    choose_enclosure(item);
    read_links(item, &release);
    read_guid(item, &release);
    read_size(item, &release);
    read_peers(item, &release);
    read_categories(item, &release);
    read_facts(item, &release);
    release.protocol = item->usenet ? "usenet" : "torrent";
    if (item->source->only_watchable &&
        (item->usenet || !(release.magnet || release.torrent_url || release.info_hash) ||
         !sok_answer_category_fits(item->categories)))
        return false;
    *ret = release;
    return true;
}

static int64_t read_total(const struct sok_xml_node *channel)
{
    return number(sok_xml_attribute(sok_xml_child(channel, "response"), "total"), INT32_MAX, -1);
}

enum sok_status sok_torznab_parse_feed(
    struct sok_arena *arena, const char *bytes, size_t len, const struct sok_torznab_source *source,
    struct sok_torznab_page *ret, struct sok_error *err)
{
    struct sok_xml_node *root;
    SOK_TRY(sok_torznab_root(arena, bytes, len, "rss", &root, err));
    const struct sok_xml_node *channel = sok_xml_child(root, "channel");
    if (!channel)
        return sok_fail(err, SOK_PROTOCOL, "the feed has no channel");
    struct sok_torznab_page page = {.total = read_total(channel)};
    size_t capacity = 0;
    for (const struct sok_xml_node *node = channel->child; node; node = node->next) {
        if (strcasecmp(node->name, "item") != 0)
            continue;
        page.item_count++;
        if (page.count == SOK_FOUND_RELEASES_MAX)
            continue;
        struct item item = {.arena = arena, .source = source, .node = node};
        struct sok_found_release release;
        if (!read_item(&item, &release))
            continue;
        page.items = sok_grow_array(arena, page.items, &capacity, page.count + 1, sizeof(*page.items));
        page.items[page.count++] = release;
    }
    *ret = page;
    return SOK_OK;
}
