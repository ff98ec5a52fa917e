#include "backends/cache/cache.h"

#include <string.h>

#include "backends/cache/driver.h"
#include "base/time.h"

#define KEY_MAX 200
#define VALUE_MAX ((size_t)1 << 20)

static const struct sok_cache_driver *const drivers[] = {
    &sok_cache_memory, &sok_cache_redis, &sok_cache_failing};

static const struct sok_cache_driver *find_driver(const char *url)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(drivers); i++) {
        size_t len = strlen(drivers[i]->scheme);
        if (strncmp(url, drivers[i]->scheme, len) == 0 && url[len] == ':')
            return drivers[i];
    }
    return NULL;
}

enum sok_status sok_cache_check_url(const char *url, struct sok_error *err)
{
    const struct sok_cache_driver *driver = find_driver(url);
    if (!driver) // the URL may hold a password, so it is not repeated
        return sok_fail(err, SOK_INVALID, "no driver for its scheme; there are memory: and redis://...");
    return driver->check ? driver->check(url + strlen(driver->scheme) + 1, err) : SOK_OK;
}

enum sok_status sok_cache_open(
    const char *url, const struct sok_clock *clock, struct sok_metrics *metrics, struct sok_cache **ret,
    struct sok_error *err)
{
    const struct sok_cache_driver *driver = find_driver(url);
    struct sok_error why = {0};
    if (sok_cache_check_url(url, &why) != SOK_OK)
        return sok_fail(err, SOK_INVALID, "SOKOUL_CACHE_URL: %s", why.message);
    return driver->open(url + strlen(driver->scheme) + 1, clock, metrics, ret, err);
}

struct sok_cache *sok_cache_close(struct sok_cache *cache)
{
    if (cache)
        cache->driver->close(cache);
    return NULL;
}

static bool key_fits(const char *key)
{
    return strlen(key) <= KEY_MAX;
}

static void measure(struct sok_cache *cache, enum sok_label_cache_operation operation, int64_t started_us)
{
    double seconds = sok_metrics_spend(cache->metrics, SOK_PART_CACHE, started_us);
    sok_metric_observe(cache->metrics, SOK_METRIC_CACHE_SECONDS, seconds, (int)operation);
}

static enum sok_status look_up(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key, bool remove,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    int64_t started_us = sok_time_mono_us();
    enum sok_status status =
        key_fits(key) ? cache->driver->get(cache, arena, kind, key, remove, ret_value, ret_len, err)
                      : sok_fail(err, SOK_NOT_FOUND, "not in the cache");
    enum sok_metric metric = status == SOK_OK ? SOK_METRIC_CACHE_HITS : SOK_METRIC_CACHE_MISSES;
    sok_metric_add(cache->metrics, metric, 1, sok_label_find(SOK_LABEL_CACHE_TYPE, kind), 0, 0);
    measure(cache, SOK_CACHE_OP_GET, started_us);
    return status;
}

enum sok_status sok_cache_get(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    return look_up(cache, arena, kind, key, false, ret_value, ret_len, err);
}

enum sok_status sok_cache_take(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    return look_up(cache, arena, kind, key, true, ret_value, ret_len, err);
}

bool sok_cache_put(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    if (!key_fits(key) || len > VALUE_MAX || ttl_ms <= 0)
        return false;
    int64_t started_us = sok_time_mono_us();
    bool is_kept = cache->driver->put(cache, kind, key, value, len, ttl_ms);
    measure(cache, SOK_CACHE_OP_PUT, started_us);
    return is_kept;
}

void sok_cache_replace(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    const char *present;
    size_t present_len;
    if (cache->driver->replace) {
        if (!cache->driver->replace(cache, kind, key, value, len, ttl_ms))
            atomic_store(&cache->has_lost, true);
        return;
    }
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    sok_cache_put(cache, kind, key, value, len, ttl_ms);
    if (cache->driver->get(cache, arena, kind, key, false, &present, &present_len, NULL) != SOK_OK)
        atomic_store(&cache->has_lost, true);
}

bool sok_cache_take_loss(struct sok_cache *cache)
{
    return atomic_load(&cache->has_lost) && atomic_exchange(&cache->has_lost, false);
}

void sok_cache_remove(struct sok_cache *cache, const char *kind, const char *key)
{
    if (key_fits(key))
        cache->driver->clear(cache, kind, key);
}

void sok_cache_clear(struct sok_cache *cache, const char *kind)
{
    int64_t started_us = sok_time_mono_us();
    cache->driver->clear(cache, kind, NULL);
    measure(cache, SOK_CACHE_OP_CLEAR, started_us);
}

enum sok_status sok_cache_limit(
    struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
    int64_t *ret_reset_ms, struct sok_error *err)
{
    *ret_used = 0;
    *ret_reset_ms = 0;
    if (limit <= 0)
        return SOK_OK;
    if (!key_fits(key))
        return sok_fail(err, SOK_INVALID, "a limit's key of more than %d bytes", KEY_MAX);
    int64_t started_us = sok_time_mono_us();
    enum sok_status status = cache->driver->limit(cache, key, limit, window_ms, ret_used, ret_reset_ms, err);
    measure(cache, SOK_CACHE_OP_LIMIT, started_us);
    return status;
}

void sok_cache_limit_forget(struct sok_cache *cache, const char *key)
{
    if (key_fits(key))
        cache->driver->clear(cache, SOK_CACHE_LIMIT_KIND, key);
}
