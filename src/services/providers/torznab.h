// Torznab and Newznab feeds: what indexers, Jackett and Prowlarr speak over XML.
// Source: the Newznab and Torznab specifications, and what the fixtures show.
#ifndef SOK_SERVICES_PROVIDERS_TORZNAB_H
#define SOK_SERVICES_PROVIDERS_TORZNAB_H

#include "services/providers/provider.h"

struct sok_torznab_mode {
    bool available;
    bool season, episode, imdb_id, tmdb_id, year; // which parameters besides q it understands
    bool raw;                                     // wants the title with its punctuation
};

struct sok_torznab_caps {
    const char *server;           // its title; NULL
    int limit_max, limit_default; // 0: not said
    struct sok_torznab_mode search, tv, movie;
};

// Reads a capabilities document. An <error> document becomes the status it stands for: SOK_UNAUTHENTICATED
// (100-199), SOK_LIMITED (429, 500, 501), SOK_UNAVAILABLE (900, 910), SOK_NOT_FOUND (300), SOK_INVALID
// (2xx), with its description. SOK_PROTOCOL for anything else that is no capabilities.
SOK_MUST_CHECK enum sok_status sok_torznab_parse_caps(
    struct sok_arena *arena, const char *bytes, size_t len, struct sok_torznab_caps *ret,
    struct sok_error *err);

// Where a feed comes from.
struct sok_torznab_source {
    const char *url; // for relative links
    const char *key; // never to be shown; may be NULL
    int64_t now_ms;
    bool only_watchable; // leave out what its categories say is no film or series, and what is not a torrent
};

struct sok_torznab_page {
    struct sok_found_release *items;
    size_t count;
    size_t item_count; // in the feed, with those left out
    int64_t total;     // -1: not said
};

// Reads a search answer or any torrent RSS feed (RSS 0.91 to 2.0, ezRSS's and Nyaa's extensions). Errors as
// above; items without a title are left out. Usenet items have protocol "usenet" unless only_watchable.
SOK_MUST_CHECK enum sok_status sok_torznab_parse_feed(
    struct sok_arena *arena, const char *bytes, size_t len, const struct sok_torznab_source *source,
    struct sok_torznab_page *ret, struct sok_error *err);

// A whole search at a Torznab API (also Jackett's and Prowlarr's): capabilities, the best query they allow,
// pages. `url` may carry the key; otherwise the configuration's is added.
SOK_MUST_CHECK enum sok_status sok_torznab_search(
    const struct sok_provider_call *call, const char *url, const struct sok_provider_query *query,
    struct sok_found_releases *ret, struct sok_error *err);

// Asks for the capabilities and one search with the key.
SOK_MUST_CHECK enum sok_status sok_torznab_test(
    const struct sok_provider_call *call, const char *url, struct sok_error *err);

extern const struct sok_provider_driver sok_torznab_driver;

#endif
