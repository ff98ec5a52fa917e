#include "services/providers/torznab_caps.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "services/providers/answer.h"

// --- Documents.

// 500 and 501 are request limits by the specification, and anything at all in practice.
static enum sok_status error_status(int64_t code, const char *words)
{
    if (code >= 100 && code < 200)
        return SOK_UNAUTHENTICATED;
    if (code == 429 || ((code == 500 || code == 501) && words && strcasestr(words, "limit")))
        return SOK_LIMITED;
    if (code == 300)
        return SOK_NOT_FOUND;
    if (code >= 200 && code < 300)
        return SOK_INVALID;
    return SOK_UNAVAILABLE;
}

static enum sok_status document_error(
    struct sok_arena *arena, const struct sok_xml_node *root, struct sok_error *err)
{
    int64_t code = 900;
    if (!sok_parse_int(sok_xml_attribute(root, "code"), 0, 99999, &code))
        code = 900;
    const char *words = sok_answer_text(arena, sok_xml_attribute(root, "description"), 150);
    if (!words)
        words = sok_answer_text(arena, root->text, 150);
    bool has_url = words && strstr(words, "://"); // it may carry a key
    return sok_fail(
        err, error_status(code, words), SOK_INDEXER_SAYS ": %s (error %d)",
        words && !has_url ? words : "no reason given", (int)code);
}

enum sok_status sok_torznab_root(
    struct sok_arena *arena, const char *bytes, size_t len, const char *name, struct sok_xml_node **ret,
    struct sok_error *err)
{
    struct sok_xml_node *root = NULL;
    SOK_TRY(sok_xml_parse(arena, bytes, len, &root, err));
    if (!root)
        return sok_fail(err, SOK_PROTOCOL, "the document is empty");
    if (strcasecmp(root->name, "error") == 0)
        return document_error(arena, root, err);
    if (strcasecmp(root->name, name) != 0)
        return sok_fail(err, SOK_PROTOCOL, "a document <%.40s> came instead of <%s>", root->name, name);
    *ret = root;
    return SOK_OK;
}

static bool lists(const char *parameters, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = parameters; *at;) {
        at += strspn(at, ", ");
        size_t word = strcspn(at, ", ");
        if (word == len && strncasecmp(at, name, len) == 0)
            return true;
        at += word;
    }
    return false;
}

// `usual`: what the specification assumes without supportedParams.
static struct sok_torznab_mode read_mode(
    const struct sok_xml_node *searching, const char *name, const char *usual)
{
    const struct sok_xml_node *node = sok_xml_child(searching, name);
    const char *parameters = sok_xml_attribute(node, "supportedParams");
    if (!parameters)
        parameters = usual;
    return (struct sok_torznab_mode){
        .available = node && sok_text_eq_nocase(sok_xml_attribute(node, "available"), "yes"),
        .season = lists(parameters, "season"),
        .episode = lists(parameters, "ep"),
        .imdb_id = lists(parameters, "imdbid"),
        .tmdb_id = lists(parameters, "tmdbid"),
        .year = lists(parameters, "year"),
        .raw = sok_text_eq_nocase(sok_xml_attribute(node, "searchEngine"), "raw"),
    };
}

static int read_limit(const struct sok_xml_node *limits, const char *name)
{
    int64_t value = 0;
    return sok_parse_int(sok_xml_attribute(limits, name), 1, 100000, &value) ? (int)value : 0;
}

enum sok_status sok_torznab_parse_caps(
    struct sok_arena *arena, const char *bytes, size_t len, struct sok_torznab_caps *ret,
    struct sok_error *err)
{
    struct sok_xml_node *root = NULL;
    SOK_TRY(sok_torznab_root(arena, bytes, len, "caps", &root, err));
    const struct sok_xml_node *limits = sok_xml_child(root, "limits");
    const struct sok_xml_node *searching = sok_xml_child(root, "searching");
    *ret = (struct sok_torznab_caps){
        .server = sok_answer_text(arena, sok_xml_attribute(sok_xml_child(root, "server"), "title"), 200),
        .limit_max = read_limit(limits, "max"),
        .limit_default = read_limit(limits, "default"),
        .search = read_mode(searching, "search", "q"),
        .tv = read_mode(searching, "tv-search", "q,rid,season,ep"),
        .movie = read_mode(searching, "movie-search", "q,imdbid"),
    };
    return SOK_OK;
}

// --- What is kept.

struct kept {
    char *provider_id;
    int64_t until_ms;
    struct sok_torznab_caps caps;
};

struct sok_caps_cache {
    pthread_mutex_t lock;
    size_t count;
    struct kept items[SOK_CAPS_KEPT_MAX];
};

struct sok_caps_cache *sok_caps_cache_new(void)
{
    struct sok_caps_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        sok_panic("out of memory for capabilities");
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

struct sok_caps_cache *sok_caps_cache_free(struct sok_caps_cache *cache)
{
    for (size_t i = 0; cache && i < cache->count; i++)
        free(cache->items[i].provider_id);
    if (cache)
        pthread_mutex_destroy(&cache->lock);
    free(cache);
    return NULL;
}

static struct kept *find_kept(struct sok_caps_cache *cache, const char *provider_id)
{
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->items[i].provider_id, provider_id) == 0)
            return &cache->items[i];
    return NULL;
}

bool sok_caps_cache_find(
    struct sok_caps_cache *cache, const char *provider_id, int64_t now_ms, struct sok_torznab_caps *ret)
{
    if (!cache)
        return false;
    pthread_mutex_lock(&cache->lock);
    const struct kept *kept = find_kept(cache, provider_id);
    bool found = kept && kept->until_ms > now_ms;
    if (found)
        *ret = kept->caps;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void sok_caps_cache_put(
    struct sok_caps_cache *cache, const char *provider_id, int64_t now_ms,
    const struct sok_torznab_caps *caps)
{
    if (!cache)
        return;
    pthread_mutex_lock(&cache->lock);
    struct kept *kept = find_kept(cache, provider_id);
    if (!kept && cache->count < SOK_CAPS_KEPT_MAX) {
        kept = &cache->items[cache->count++];
        kept->provider_id = strdup(provider_id);
        if (!kept->provider_id)
            sok_panic("out of memory for capabilities");
    }
    if (kept) {
        kept->until_ms = now_ms + SOK_CAPS_KEPT_MS;
        kept->caps = *caps;
        kept->caps.server = NULL; // lives in a caller's arena
    }
    pthread_mutex_unlock(&cache->lock);
}

void sok_caps_cache_drop(struct sok_caps_cache *cache, const char *provider_id)
{
    if (!cache)
        return;
    pthread_mutex_lock(&cache->lock);
    struct kept *kept = find_kept(cache, provider_id);
    if (kept)
        kept->until_ms = 0;
    pthread_mutex_unlock(&cache->lock);
}
