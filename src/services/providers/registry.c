#include "services/providers/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/providers.h"
#include "domain/match.h"
#include "net/url.h"
#include "services/providers/answer.h"
#include "services/providers/torznab_caps.h"

#define PRIORITY_ENVIRONMENT 50
#define CANDIDATES_MAX 20
#define SIMILARITY_MIN 0.8
#define SAME_TITLE 0.99

struct sok_providers {
    const struct sok_config *config;
    struct sok_db *db;
    const struct sok_secretbox *box;
    struct sok_http_client *http;
    const struct sok_clock *clock;
    struct sok_caps_cache *caps;
};

struct sok_providers *sok_providers_new(
    const struct sok_config *config, struct sok_db *db, const struct sok_secretbox *box,
    struct sok_http_client *http, const struct sok_clock *clock)
{
    struct sok_providers *providers = calloc(1, sizeof(*providers));
    if (!providers)
        sok_panic("out of memory for the providers");
    *providers = (struct sok_providers){
        .config = config, .db = db, .box = box, .http = http, .clock = clock, .caps = sok_caps_cache_new()};
    return providers;
}

struct sok_providers *sok_providers_free(struct sok_providers *providers)
{
    if (providers)
        sok_caps_cache_free(providers->caps);
    free(providers);
    return NULL;
}

// --- Loading.

struct list {
    struct sok_arena *arena;
    struct sok_provider_instance *items;
    size_t count, capacity;
};

// Users tell providers apart by their names.
static const char *unused_name(const struct list *list, const char *name)
{
    const char *unused = name;
    int number = 1;
    for (size_t i = 0; i < list->count; i++) {
        if (sok_text_eq(list->items[i].config.name, unused)) {
            unused = sok_format(list->arena, "%s (%d)", name, ++number);
            i = (size_t)-1; // look at all of them again
        }
    }
    return unused;
}

static void add(struct list *list, const struct sok_provider_config *config, bool from_environment)
{
    const struct sok_provider_driver *driver = sok_provider_driver_find(config->kind);
    if (!driver || list->count == SOK_PROVIDERS_MAX)
        return;
    list->items =
        sok_grow_array(list->arena, list->items, &list->capacity, list->count + 1, sizeof(*list->items));
    struct sok_provider_instance *item = &list->items[list->count];
    *item = (struct sok_provider_instance){
        .config = *config, .driver = driver, .from_environment = from_environment};
    item->config.name = unused_name(list, config->name);
    list->count++;
    if (sok_text_empty(item->config.base_url))
        item->config.base_url = driver->default_url;
}

static void add_from_environment(struct list *list, const char *kind, const char *url, const char *key)
{
    const struct sok_provider_driver *driver = sok_provider_driver_find(kind);
    if (sok_text_eq(url, "off") || (!url && !driver->default_url) ||
        (driver->needs_key && sok_text_empty(key)))
        return;
    struct sok_provider_config config = {
        .id = sok_format(list->arena, "env:%s", kind),
        .kind = kind,
        .name = kind,
        .base_url = url,
        .api_key = key,
        .enabled = true,
        .priority = PRIORITY_ENVIRONMENT,
    };
    add(list, &config, true);
}

// Each URL of SOKOUL_TORZNAB_URLS is an indexer named after its host and port.
static void add_torznab_urls(struct list *list, const char *urls)
{
    for (const char *at = urls; at && *at;) {
        at += strspn(at, " \t\r\n");
        size_t len = strcspn(at, " \t\r\n");
        struct sok_url url;
        if (len && sok_url_parse(list->arena, sok_strndup(list->arena, at, len), &url, NULL) == SOK_OK) {
            const char *name = sok_format(list->arena, "%s:%d", url.host, url.port);
            struct sok_provider_config config = {
                .id = sok_format(list->arena, "env:torznab:%s%s", name, url.path),
                .kind = "torznab",
                .name = name,
                .base_url = url.text,
                .enabled = true,
                .priority = PRIORITY_ENVIRONMENT,
            };
            add(list, &config, true);
        }
        at += len;
    }
}

static const char *open_key(
    const struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider *row)
{
    const char *key = NULL;
    if (!providers->box || !row->key_encrypted.len)
        return NULL;
    const char *sealed = sok_strndup(arena, row->key_encrypted.data, row->key_encrypted.len);
    const char *purpose = sok_format(arena, "provider:%s", row->id);
    if (sok_secretbox_unseal(providers->box, arena, purpose, sealed, &key, NULL) != SOK_OK)
        return NULL;
    return key;
}

static enum sok_status add_rows(struct sok_providers *providers, struct list *list, struct sok_error *err)
{
    struct sok_provider *rows;
    size_t count;
    SOK_TRY(sok_providers_list(sok_db_reader(providers->db), list->arena, false, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sok_provider_config config = {
            .id = rows[i].id,
            .kind = rows[i].kind,
            .name = rows[i].name,
            .base_url = rows[i].url,
            .api_key = open_key(providers, list->arena, &rows[i]),
            .enabled = rows[i].is_enabled,
            .priority = (int)rows[i].priority,
        };
        add(list, &config, false);
    }
    return SOK_OK;
}

static int by_priority(const void *a, const void *b)
{
    const struct sok_provider_instance *x = a, *y = b;
    if (x->config.priority != y->config.priority)
        return x->config.priority > y->config.priority ? -1 : 1;
    return strcmp(x->config.name, y->config.name);
}

static void allow_address(
    const struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider_config *config)
{
    struct sok_url url;
    if (providers->http && sok_url_parse(arena, config->base_url, &url, NULL) == SOK_OK)
        sok_http_client_allow(providers->http, url.host, url.port);
}

enum sok_status sok_providers_load(
    struct sok_providers *providers, struct sok_arena *arena, struct sok_provider_instance **ret,
    size_t *ret_count, struct sok_error *err)
{
    const struct sok_config *config = providers->config;
    struct list list = {.arena = arena};
    add_from_environment(&list, "tmdb", config->tmdb_url, config->tmdb_api_key);
    add_from_environment(&list, "tvmaze", config->tvmaze_url, NULL);
    add_from_environment(&list, "archive_org", config->archive_org_url, NULL);
    add_from_environment(&list, "prowlarr", config->prowlarr_url, config->prowlarr_api_key);
    add_from_environment(&list, "jackett", config->jackett_url, config->jackett_api_key);
    add_torznab_urls(&list, config->torznab_urls);
    if (providers->db)
        SOK_TRY(add_rows(providers, &list, err));
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), by_priority);
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].config.enabled)
            allow_address(providers, arena, &list.items[i].config);
    *ret = list.items;
    *ret_count = list.count;
    return SOK_OK;
}

enum sok_status sok_providers_load_one(
    struct sok_providers *providers, struct sok_arena *arena, const char *id,
    struct sok_provider_instance *ret, struct sok_error *err)
{
    struct sok_provider_instance *items;
    size_t count;
    SOK_TRY(sok_providers_load(providers, arena, &items, &count, err));
    for (int by_name = 0; by_name < 2; by_name++) {
        for (size_t i = 0; i < count; i++) {
            if (sok_text_eq(by_name ? items[i].config.name : items[i].config.id, id)) {
                *ret = items[i];
                return SOK_OK;
            }
        }
    }
    return sok_fail(err, SOK_NOT_FOUND, "no such provider");
}

// --- Calling.

struct sok_provider_call sok_providers_call(
    const struct sok_providers *providers, struct sok_arena *arena,
    const struct sok_provider_instance *provider, int64_t timeout_ms)
{
    return (struct sok_provider_call){
        .arena = arena,
        .http = providers->http,
        .clock = providers->clock,
        .config = &provider->config,
        .deadline_mono_ms = timeout_ms > 0 ? sok_clock_mono_ms(providers->clock) + timeout_ms : 0,
        .caps = providers->caps,
    };
}

enum sok_status sok_providers_test(
    struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider_instance *provider,
    struct sok_error *err)
{
    allow_address(providers, arena, &provider->config);
    struct sok_provider_call call = sok_providers_call(providers, arena, provider, 15000);
    struct sok_provider_config config = provider->config;
    config.id = sok_format(arena, "test:%s", config.id ? config.id : config.name); // a breaker of its own
    call.config = &config;
    return provider->driver->test(&call, err);
}

enum sok_status sok_provider_config_check(
    struct sok_arena *arena, const struct sok_provider_config *config, struct sok_provider_instance *ret,
    struct sok_error *err)
{
    struct sok_provider_instance checked = {
        .config = *config, .driver = sok_provider_driver_find(config->kind)};
    const char *name = config->name ? sok_text_trim(arena, config->name) : NULL;
    struct sok_url url;
    if (!checked.driver)
        sok_fail_field(
            err, "kind", sok_text_empty(config->kind) ? "required" : "invalid",
            "must be torznab, prowlarr, jackett, archive_org, tmdb or tvmaze");
    if (!name || !*name || strlen(name) > 64 || !sok_utf8_valid(name, strlen(name)))
        sok_fail_field(err, "name", name && *name ? "invalid" : "required", "must have 1 to 64 characters");
    if (sok_text_empty(checked.config.base_url))
        checked.config.base_url = checked.driver ? checked.driver->default_url : NULL;
    if (!checked.config.base_url && checked.driver)
        sok_fail_field(err, "base_url", "required", "is missing");
    else if (
        !sok_text_empty(checked.config.base_url) &&
        sok_url_parse(arena, checked.config.base_url, &url, NULL) != SOK_OK)
        sok_fail_field(err, "base_url", "invalid", "must be an http or https URL without user name");
    if (checked.driver && checked.driver->needs_key && sok_text_empty(config->api_key))
        sok_fail_field(err, "api_key", "required", "is missing");
    if (config->api_key && strlen(config->api_key) > 1024)
        sok_fail_field(err, "api_key", "too_long", "must have at most 1024 characters");
    if (config->priority < 0 || config->priority > 1000)
        sok_fail_field(err, "priority", "out_of_range", "must be 0 to 1000");
    if (err->field_count)
        return err->status;
    checked.config.name = name;
    *ret = checked;
    return SOK_OK;
}

// --- Who is meant?

// How well a candidate fits, below 0 not at all. Title first, then year, then how well known it is.
static double fit(
    struct sok_arena *arena, const struct sok_provider_query *query, const struct sok_found_media *media)
{
    if (query->media_type && strcmp(query->media_type, media->media_type) != 0)
        return -1;
    if (query->imdb_id && sok_text_eq(query->imdb_id, media->imdb_id))
        return 10;
    if ((query->tmdb_id && query->tmdb_id == media->tmdb_id) ||
        (query->tvmaze_id && query->tvmaze_id == media->tvmaze_id))
        return 10;
    if (!query->title)
        return query->imdb_id ? 1 : -1; // the provider found it by the id
    double best = sok_title_similarity(arena, query->title, media->title);
    if (media->original_title) {
        double other = sok_title_similarity(arena, query->title, media->original_title);
        best = other > best ? other : best;
    }
    if (best < SIMILARITY_MIN)
        return -1;
    double year = 0;
    if (query->year > 0 && media->year) {
        int off = abs(query->year - media->year);
        // A series is often asked for with the year of a season, who asks for a film or a series means it.
        if (off > 1 && (strcmp(media->media_type, "movie") == 0 || !query->media_type))
            return -1;
        year = off == 0 ? 0.5 : off == 1 ? 0.25 : 0;
    }
    double known = media->votes / (media->votes + 500.0) + media->popularity / (media->popularity + 500.0);
    return best * 4 + year + known / 4;
}

static const struct sok_found_media *best_of(
    struct sok_arena *arena, const struct sok_provider_query *query, const struct sok_found_media *items,
    size_t count)
{
    const struct sok_found_media *best = NULL;
    double best_fit = 0;
    for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
        double fits = fit(arena, query, &items[i]) - 0.001 * (double)i;
        if (fits > best_fit) {
            best = &items[i];
            best_fit = fits;
        }
    }
    return best;
}

// A year that was asked for may be the last word of the title ("Wonder Woman 1984"): then that very title is
// there. *ret_best NULL: it is not.
static enum sok_status find_with_year(
    const struct sok_provider_instance *provider, const struct sok_provider_call *call,
    const struct sok_provider_query *query, const struct sok_found_media **ret_best, struct sok_error *err)
{
    struct sok_provider_query other = *query;
    struct sok_found_media *items = NULL;
    size_t count = 0;
    other.title = sok_format(call->arena, "%s %d", query->title, query->year);
    other.year = -1;
    SOK_TRY(provider->driver->lookup(call, &other, &items, &count, err));
    const struct sok_found_media *best = best_of(call->arena, &other, items, count);
    *ret_best =
        best && sok_title_similarity(call->arena, other.title, best->title) >= SAME_TITLE ? best : NULL;
    return SOK_OK;
}

enum sok_status sok_provider_identify(
    const struct sok_provider_instance *provider, const struct sok_provider_call *call,
    const struct sok_provider_query *query, struct sok_found_media *ret, struct sok_error *err)
{
    struct sok_found_media *items = NULL;
    size_t count = 0;
    SOK_TRY(provider->driver->lookup(call, query, &items, &count, err));
    const struct sok_found_media *best = best_of(call->arena, query, items, count);
    if (!best && query->title && query->year > 0)
        SOK_TRY(find_with_year(provider, call, query, &best, err));
    if (!best)
        return sok_fail(err, SOK_NOT_FOUND, "%.64s knows no such work", provider->config.name);
    struct sok_found_media media = *best;
    if (provider->driver->details(call, &media, query->season, NULL) != SOK_OK)
        media = *best; // the list's own facts are better than none
    *ret = media;
    return SOK_OK;
}

enum sok_status sok_providers_identify(
    struct sok_providers *providers, struct sok_arena *arena, const struct sok_provider_query *query,
    int64_t timeout_ms, struct sok_found_media *ret, struct sok_error *err)
{
    struct sok_provider_instance *items;
    size_t count;
    SOK_TRY(sok_providers_load(providers, arena, &items, &count, err));
    enum sok_status worst = sok_fail(err, SOK_NOT_FOUND, "no metadata provider knows this work");
    int64_t until = sok_clock_mono_ms(providers->clock) + timeout_ms;
    for (size_t i = 0; i < count; i++) {
        int64_t left = until - sok_clock_mono_ms(providers->clock);
        if (!items[i].config.enabled || !(items[i].driver->can & SOK_PROVIDER_METADATA))
            continue;
        if (left <= 0)
            return sok_fail(err, SOK_TIMEOUT, "the metadata providers took too long");
        struct sok_provider_call call = sok_providers_call(providers, arena, &items[i], left);
        struct sok_error why = {0};
        enum sok_status status = sok_provider_identify(&items[i], &call, query, ret, &why);
        if (status == SOK_OK)
            return SOK_OK;
        if (status != SOK_NOT_FOUND) {
            worst = status;
            if (err)
                *err = why;
        }
    }
    return worst;
}
