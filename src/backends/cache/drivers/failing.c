// A cache that is always down, for tests of what depends on one.
#include <stdlib.h>

#include "backends/cache/driver.h"

static enum sok_status failing_open(
    const char *location, const struct sok_clock *clock, struct sok_metrics *metrics, struct sok_cache **ret,
    struct sok_error *err)
{
    struct sok_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        sok_panic("out of memory for the cache");
    cache->driver = &sok_cache_failing;
    cache->metrics = metrics;
    *ret = cache;
    return SOK_OK;
}

static void failing_close(struct sok_cache *cache)
{
    free(cache);
}

static enum sok_status failing_get(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key, bool remove,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    return sok_fail(err, SOK_NOT_FOUND, "not in the cache");
}

static bool failing_put(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    return false;
}

static void failing_clear(struct sok_cache *cache, const char *kind, const char *key)
{
}

static enum sok_status failing_limit(
    struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
    int64_t *ret_reset_ms, struct sok_error *err)
{
    return sok_fail(err, SOK_UNAVAILABLE, "the cache is down");
}

const struct sok_cache_driver sok_cache_failing = {
    .scheme = "failing",
    .open = failing_open,
    .close = failing_close,
    .get = failing_get,
    .put = failing_put,
    .clear = failing_clear,
    .limit = failing_limit,
};
