// What a provider is: one const driver a kind (releases, metadata or both), one configuration row an
// instance, and the plain structs every driver turns its own protocol into.
//
// Everything a driver returns lives in the call's arena. Drivers keep no state, may be called from any thread
// and block until the answer or the call's deadline. What they return is what a stranger sent: cut, cleaned
// to UTF-8 and range-checked, but not to be trusted.
#ifndef SOK_SERVICES_PROVIDERS_PROVIDER_H
#define SOK_SERVICES_PROVIDERS_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "net/http_client.h"
#include "runtime/clock.h"

enum sok_provider_can { // bits of sok_provider_driver.can
    SOK_PROVIDER_RELEASES = 1,
    SOK_PROVIDER_METADATA = 2
};

// One configured provider: a row of `providers`, or one from the environment (id "env:KIND" or
// "env:torznab:HOST:PORT").
struct sok_provider_config {
    const char *id, *kind;
    const char *name;     // what users see in a result's `provider`
    const char *base_url; // NULL: the driver's default_url
    const char *api_key;  // NULL: none
    bool enabled;
    int priority; // higher first
};

// Whether a key goes along with what it is asked: its own, or one in the URL.
bool sok_provider_has_key(const struct sok_provider_config *config);

// What somebody looks for. Numbers that are not asked for are -1, texts NULL.
struct sok_provider_query {
    const char *title;
    const char *media_type; // "movie", "tv", or NULL for either
    int year, season, episode;
    const char *imdb_id;        // "tt0133093"
    int64_t tmdb_id, tvmaze_id; // 0: unknown
};

#define SOK_PROVIDER_QUERY_NONE ((struct sok_provider_query){.year = -1, .season = -1, .episode = -1})

// One release an indexer offers. Texts NULL when not said.
struct sok_found_release {
    const char *guid; // never NULL; unique within the provider (mostly)
    const char *title;
    const char *magnet;      // a magnet: URI, when it is known without asking again
    const char *info_hash;   // lower-case hex: 40 digits (v1) or 64 (v2)
    const char *torrent_url; // http(s), may redirect to a magnet; may carry a key: never shown, never logged
    const char *details_url;
    const char *protocol;      // "torrent" or "http"
    const char *indexer;       // the tracker behind an aggregator (Prowlarr, Jackett)
    int64_t size_bytes;        // 0: unknown
    int64_t seeders, leechers; // -1: unknown
    int64_t published_at;      // 0: unknown; never in the future
    int category;              // Newznab's, 0: unknown
    const char **trackers;     // announce URLs found in the magnet
    size_t tracker_count;
    const char *imdb_id;
    int64_t tmdb_id;
    double download_factor; // 0 free leech ... 1; -1: unknown
};

struct sok_found_releases {
    struct sok_found_release *items;
    size_t count;
    const char *warning; // part of the search failed (a tracker behind an aggregator); NULL: all is well
};

struct sok_found_episode {
    int season, number;
    const char *title, *overview, *still_url;
    int64_t air_at;      // midnight UTC of the air date, or the exact time; 0: unknown
    int runtime_minutes; // 0: unknown
    int64_t tmdb_id, tvmaze_id;
};

struct sok_found_season {
    int number; // 0: specials
    int episode_count;
    const char *title;
};

// One film or series a metadata provider knows. Texts NULL and numbers 0 when not said.
struct sok_found_media {
    const char *media_type; // "movie" or "tv"
    int64_t tmdb_id, tvmaze_id, tvdb_id;
    const char *imdb_id; // "tt0133093"
    const char *title, *original_title, *original_language;
    int year;
    int64_t released_at; // first air date of a series
    const char *overview, *poster_url, *backdrop_url, *homepage;
    const char **genres;
    size_t genre_count;
    double rating; // 0-10
    int64_t votes;
    double popularity;
    int runtime_minutes;
    const char *status; // "Released", "Running", "Ended", ...
    const char **alternative_titles;
    size_t alternative_title_count;
    struct sok_found_season *seasons;
    size_t season_count;
    struct sok_found_episode *episodes;
    size_t episode_count;
};

struct sok_caps_cache;

// The surroundings of one call.
struct sok_provider_call {
    struct sok_arena *arena;
    struct sok_http_client *http;
    const struct sok_clock *clock;
    const struct sok_provider_config *config;
    int64_t
        deadline_mono_ms; // on the clock's mono_ms; 0: the driver's own limit (30 s search, 10 s metadata)
    const _Atomic bool *cancelled; // true: give up soon with SOK_CANCELLED; may be NULL
    struct sok_caps_cache *caps;   // what Torznab indexers can, kept between calls; may be NULL
};

struct sok_provider_driver {
    const char *kind;        // "torznab", "prowlarr", "jackett", "archive_org", "tmdb", "tvmaze"
    const char *label;       // "Torznab", for people
    const char *default_url; // NULL: one must be configured
    bool needs_key;
    unsigned can; // enum sok_provider_can

    // Releases that may fit; not sorted, not merged. Nothing found is SOK_OK with count 0. Errors say host
    // and cause, never a key: SOK_UNAUTHENTICATED for a wrong key, otherwise those of sok_http_fetch,
    // SOK_PROTOCOL for an answer that is not the protocol. NULL without SOK_PROVIDER_RELEASES.
    enum sok_status (*search)(
        const struct sok_provider_call *call, const struct sok_provider_query *query,
        struct sok_found_releases *ret, struct sok_error *err);

    // Works that may be meant, the provider's best first; by id when the query has one it knows. NULL without
    // SOK_PROVIDER_METADATA.
    enum sok_status (*lookup)(
        const struct sok_provider_call *call, const struct sok_provider_query *query,
        struct sok_found_media **ret, size_t *ret_count, struct sok_error *err);

    // Completes one work of lookup() (or one with just an id and a media_type) in place: ids, runtime,
    // alternative titles, seasons, and the episodes of `season` (-1: none).
    enum sok_status (*details)(
        const struct sok_provider_call *call, struct sok_found_media *media, int season,
        struct sok_error *err);

    // Asks something cheap that needs the key. SOK_OK: it works.
    enum sok_status (*test)(const struct sok_provider_call *call, struct sok_error *err);
};

// The table of kinds; ends with NULL. find: NULL for an unknown kind.
const struct sok_provider_driver *const *sok_provider_drivers(void);
const struct sok_provider_driver *sok_provider_driver_find(const char *kind);

#endif
