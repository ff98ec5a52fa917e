// What a cache driver provides; included by cache.c and the drivers only.
#ifndef SOK_BACKENDS_CACHE_DRIVER_H
#define SOK_BACKENDS_CACHE_DRIVER_H

#include <stdatomic.h>

#include "backends/cache/cache.h"

// Counters are entries of this kind, so that `clear` forgets one of them; the whole kind is never cleared.
#define SOK_CACHE_LIMIT_KIND "limit"

struct sok_cache_driver {
    const char *scheme; // before the ':' of the URL
    // Whether `location` can be meant. NULL: any can.
    enum sok_status (*check)(const char *location, struct sok_error *err);
    enum sok_status (*open)(
        const char *location, const struct sok_clock *clock, struct sok_metrics *metrics,
        struct sok_cache **ret, struct sok_error *err);
    void (*close)(struct sok_cache *cache);
    // `remove` also takes the value out: get and take in one. Keys and sizes are checked by cache.c.
    enum sok_status (*get)(
        struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key, bool remove,
        const char **ret_value, size_t *ret_len, struct sok_error *err);
    bool (*put)( // false: is not kept
        struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len,
        int64_t ttl_ms);
    // put, and what was there before is not found again, whether this arrives or not; false: it may be. NULL:
    // put, which is found if and only if it arrived.
    bool (*replace)(
        struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len,
        int64_t ttl_ms);
    void (*clear)(struct sok_cache *cache, const char *kind, const char *key); // key NULL: the whole kind
    enum sok_status (*limit)(
        struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
        int64_t *ret_reset_ms, struct sok_error *err);
};

// First member of every driver's own struct.
struct sok_cache {
    const struct sok_cache_driver *driver;
    struct sok_metrics *metrics;
    _Atomic bool has_lost; // cache.c's
};

extern const struct sok_cache_driver sok_cache_memory, sok_cache_redis, sok_cache_failing;

#endif
