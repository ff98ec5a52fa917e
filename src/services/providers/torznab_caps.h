// Capabilities kept in memory: an indexer is asked for them once a day, not at every search.
#ifndef SOK_SERVICES_PROVIDERS_TORZNAB_CAPS_H
#define SOK_SERVICES_PROVIDERS_TORZNAB_CAPS_H

#include "services/providers/torznab.h"
#include "services/providers/xml.h"

#define SOK_CAPS_KEPT_MAX 64
#define SOK_CAPS_KEPT_MS (24 * 3600 * 1000)

struct sok_caps_cache;

// Owned by the caller. All functions: any thread.
struct sok_caps_cache *sok_caps_cache_new(void);
struct sok_caps_cache *sok_caps_cache_free(struct sok_caps_cache *cache);

// `cache` may be NULL: nothing is kept. `server` of what is found is NULL.
bool sok_caps_cache_find(
    struct sok_caps_cache *cache, const char *provider_id, int64_t now_ms, struct sok_torznab_caps *ret);
void sok_caps_cache_put(
    struct sok_caps_cache *cache, const char *provider_id, int64_t now_ms,
    const struct sok_torznab_caps *caps);
void sok_caps_cache_drop(struct sok_caps_cache *cache, const char *provider_id);

#define SOK_INDEXER_SAYS "the indexer says" // how the message of an <error> document begins

// The root element if it has this name; an <error> document or anything else becomes an error.
SOK_MUST_CHECK enum sok_status sok_torznab_root(
    struct sok_arena *arena, const char *bytes, size_t len, const char *name, struct sok_xml_node **ret,
    struct sok_error *err);

#endif
