// A bounded cache with a time to live and event invalidation, and the counters that rate limits need.
// Drivers: memory (in-process, LRU + TTL), redis (shared by several processes), failing.
#ifndef SOK_BACKENDS_CACHE_CACHE_H
#define SOK_BACKENDS_CACHE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"

struct sok_cache;

// The kind whose entries are gone after every start of a cache server: one that comes back may bring what was
// true before it went.
#define SOK_CACHE_VERSIONS "version"

// Whether such a URL can be meant, without opening it: a driver has its scheme and understands the rest. The
// message names no setting, and no secret of the URL.
SOK_MUST_CHECK enum sok_status sok_cache_check_url(const char *url, struct sok_error *err);

// url: "memory:" (64 MiB, 100,000 keys) or "redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]" (a server
// that is away is waited for; SOK_UNAVAILABLE: it refuses us). Owned by the caller.
SOK_MUST_CHECK enum sok_status sok_cache_open(
    const char *url, const struct sok_clock *clock, struct sok_metrics *metrics, struct sok_cache **ret,
    struct sok_error *err);
struct sok_cache *sok_cache_close(struct sok_cache *cache);

// `kind` is the metric's cache_type and the first part of the key: "search", "media", "session", "response",
// ... Keys up to 200 bytes, values up to 1 MiB (larger ones are not stored, without an error). A cache that
// is down behaves as an empty one for get/put; counters then count in this process alone (redis) or say
// SOK_UNAVAILABLE. Any thread; does not
// block on the network longer than 100 ms.
SOK_MUST_CHECK enum sok_status sok_cache_get(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key,
    const char **ret_value, size_t *ret_len,
    struct sok_error *err); // SOK_NOT_FOUND: a miss
bool sok_cache_put(         // false: it is not kept, which who only saves work does not need to know
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len,
    int64_t ttl_ms);
// The same for a value whose predecessor must not be read again. One that did not arrive (the server was
// away, and may come back with the old one) is remembered until sok_cache_take_loss, which says so once.
void sok_cache_replace(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len,
    int64_t ttl_ms);
bool sok_cache_take_loss(struct sok_cache *cache);
void sok_cache_remove(struct sok_cache *cache, const char *kind, const char *key);
void sok_cache_clear(struct sok_cache *cache, const char *kind); // NULL: everything but counters

// Sliding-window counter, exact at the edge: counts one event now if fewer than `limit` lie in the window
// behind us. *ret_used: events in the window including this one if it was allowed; *ret_reset_ms: until the
// oldest leaves. limit 0: always allowed.
SOK_MUST_CHECK enum sok_status sok_cache_limit(
    struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
    int64_t *ret_reset_ms,
    struct sok_error *err); // SOK_LIMITED when over

// Forgets what was counted for a key (a sign-in that succeeded).
void sok_cache_limit_forget(struct sok_cache *cache, const char *key);

// Takes a single-use value out atomically (WebSocket tickets): SOK_NOT_FOUND if it was never there, expired
// or was taken.
SOK_MUST_CHECK enum sok_status sok_cache_take(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key,
    const char **ret_value, size_t *ret_len, struct sok_error *err);

#endif
