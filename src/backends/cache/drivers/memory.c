// The in-process cache: one hash table under one lock, the least recently used thrown out first. A rate
// limit's counter is an entry like any other, whose value is the ring of its last `limit` moments: exact at
// the edge, and bounded by the limit. Counters have a room of their own: whoever fills the cache with answers
// must not make it forget how often they asked.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "backends/cache/driver.h"

#define BYTES_MAX ((size_t)64 << 20)
#define ENTRIES_MAX 100000
#define ENTRY_OVERHEAD 160 // of the struct, its hash handle and malloc, roughly
#define KIND_SIZE 16       // of the longest kind there is, and more
#define LIMIT_KIND SOK_CACHE_LIMIT_KIND

struct ring {
    size_t capacity, first, count;
    int64_t at_ms[];
};

struct entry {
    UT_hash_handle hh;
    struct entry *prev, *next; // by use, the latest first
    char *key;                 // kind '\n' key
    size_t kind_len;
    char *value; // a struct ring for limits
    size_t len;
    int64_t expires_ms; // on the monotonic clock
};

struct room {
    struct entry *by_use;
    size_t bytes, entries;
};

struct memory {
    struct sok_cache base;
    const struct sok_clock *clock;
    pthread_mutex_t lock;
    struct entry *by_key;
    struct room values, counters;
};

static size_t entry_bytes(const struct entry *entry)
{
    return ENTRY_OVERHEAD + strlen(entry->key) + entry->len;
}

static struct room *room_of(struct memory *memory, const struct entry *entry)
{
    bool is_counter = entry->kind_len == sizeof(LIMIT_KIND) - 1 &&
                      strncmp(entry->key, LIMIT_KIND "\n", sizeof(LIMIT_KIND)) == 0;
    return is_counter ? &memory->counters : &memory->values;
}

static void count_removal(const struct memory *memory, const struct entry *entry, enum sok_label_removal why)
{
    char kind[KIND_SIZE] = "";
    if (entry->kind_len < sizeof(kind))
        memcpy(kind, entry->key, entry->kind_len);
    sok_metric_add(
        memory->base.metrics, SOK_METRIC_CACHE_REMOVALS, 1, sok_label_find(SOK_LABEL_CACHE_TYPE, kind),
        (int)why, 0);
}

static void drop(struct memory *memory, struct entry *entry)
{
    struct room *room = room_of(memory, entry);
    HASH_DEL(memory->by_key, entry);
    DL_DELETE(room->by_use, entry);
    room->bytes -= entry_bytes(entry);
    room->entries--;
    free(entry->key);
    free(entry->value);
    free(entry);
}

static char *make_key(const char *kind, const char *key)
{
    char *text = NULL;
    if (asprintf(&text, "%s\n%s", kind, key) < 0)
        sok_panic("out of memory for a cache key");
    return text;
}

// The entry that has not expired, now the latest used; NULL without one.
static struct entry *find(struct memory *memory, const char *key, int64_t now_ms)
{
    struct entry *entry;
    HASH_FIND_STR(memory->by_key, key, entry);
    if (!entry)
        return NULL;
    if (entry->expires_ms <= now_ms) {
        count_removal(memory, entry, SOK_REMOVAL_EXPIRED);
        drop(memory, entry);
        return NULL;
    }
    struct room *room = room_of(memory, entry);
    DL_DELETE(room->by_use, entry);
    DL_PREPEND(room->by_use, entry);
    return entry;
}

static void make_room(struct memory *memory, const struct room *room, const struct entry *keep)
{
    while (room->bytes > BYTES_MAX || room->entries > ENTRIES_MAX) {
        struct entry *oldest = room->by_use->prev; // utlist: the head's prev is the tail
        if (oldest == keep)
            return;
        count_removal(memory, oldest, SOK_REMOVAL_EVICTED);
        drop(memory, oldest);
        sok_metric_add(memory->base.metrics, SOK_METRIC_CACHE_EVICTIONS, 1, 0, 0, 0);
    }
}

static void note_size(const struct memory *memory)
{
    struct sok_metrics *metrics = memory->base.metrics;
    sok_metric_set(
        metrics, SOK_METRIC_CACHE_BYTES, (double)(memory->values.bytes + memory->counters.bytes), 0, 0);
    sok_metric_set(
        metrics, SOK_METRIC_CACHE_ENTRIES, (double)(memory->values.entries + memory->counters.entries), 0, 0);
}

// Takes key and value.
static void insert(
    struct memory *memory, char *key, size_t kind_len, void *value, size_t len, int64_t expires_ms)
{
    struct entry *entry;
    HASH_FIND_STR(memory->by_key, key, entry);
    if (entry)
        drop(memory, entry);
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        sok_panic("out of memory for a cache entry");
    entry->key = key;
    entry->kind_len = kind_len;
    entry->value = value;
    entry->len = len;
    entry->expires_ms = expires_ms;
    HASH_ADD_KEYPTR(hh, memory->by_key, entry->key, strlen(entry->key), entry);
    struct room *room = room_of(memory, entry);
    DL_PREPEND(room->by_use, entry);
    room->bytes += entry_bytes(entry);
    room->entries++;
    make_room(memory, room, entry);
    note_size(memory);
}

static enum sok_status memory_open(
    const char *location, const struct sok_clock *clock, struct sok_metrics *metrics, struct sok_cache **ret,
    struct sok_error *err)
{
    if (*location)
        return sok_fail(err, SOK_INVALID, "the cache URL memory: takes nothing behind the colon");
    struct memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        sok_panic("out of memory for the cache");
    memory->base.driver = &sok_cache_memory;
    memory->base.metrics = metrics;
    memory->clock = clock;
    pthread_mutex_init(&memory->lock, NULL);
    *ret = &memory->base;
    return SOK_OK;
}

static void memory_close(struct sok_cache *cache)
{
    struct memory *memory = (struct memory *)cache;
    struct entry *entry, *next;
    HASH_ITER(hh, memory->by_key, entry, next)
    drop(memory, entry);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static enum sok_status memory_get(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key, bool remove,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    struct memory *memory = (struct memory *)cache;
    char *full = make_key(kind, key);
    pthread_mutex_lock(&memory->lock);
    struct entry *entry = find(memory, full, sok_clock_mono_ms(memory->clock));
    if (entry) {
        *ret_value = sok_strndup(arena, entry->value, entry->len);
        *ret_len = entry->len;
        if (remove)
            drop(memory, entry);
    }
    pthread_mutex_unlock(&memory->lock);
    free(full);
    return entry ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "not in the cache");
}

static bool memory_put(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    struct memory *memory = (struct memory *)cache;
    char *copy = malloc(len + 1);
    if (!copy)
        sok_panic("out of memory for a cached value");
    memcpy(copy, value, len);
    copy[len] = 0;
    char *full = make_key(kind, key);
    pthread_mutex_lock(&memory->lock);
    insert(memory, full, strlen(kind), copy, len, sok_clock_mono_ms(memory->clock) + ttl_ms);
    pthread_mutex_unlock(&memory->lock);
    return true;
}

static bool matches(const struct entry *entry, const char *kind, const char *key)
{
    if (!kind)
        return strncmp(entry->key, LIMIT_KIND "\n", sizeof(LIMIT_KIND)) != 0;
    return strlen(kind) == entry->kind_len && strncmp(entry->key, kind, entry->kind_len) == 0 &&
           (!key || strcmp(entry->key + entry->kind_len + 1, key) == 0);
}

static void memory_clear(struct sok_cache *cache, const char *kind, const char *key)
{
    struct memory *memory = (struct memory *)cache;
    pthread_mutex_lock(&memory->lock);
    if (key) {
        char *full = make_key(kind, key);
        struct entry *entry = find(memory, full, sok_clock_mono_ms(memory->clock));
        if (entry) {
            count_removal(memory, entry, SOK_REMOVAL_CLEARED);
            drop(memory, entry);
        }
        free(full);
    } else {
        struct entry *entry, *next;
        HASH_ITER(hh, memory->by_key, entry, next)
        if (matches(entry, kind, NULL)) {
            count_removal(memory, entry, SOK_REMOVAL_CLEARED);
            drop(memory, entry);
        }
    }
    pthread_mutex_unlock(&memory->lock);
}

static void forget_before(struct ring *ring, int64_t since_ms)
{
    while (ring->count && ring->at_ms[ring->first] <= since_ms) {
        ring->first = (ring->first + 1) % ring->capacity;
        ring->count--;
    }
}

// A ring with room for one more, at most `limit`: starts small, since most counters never see their limit.
static struct ring *ring_grow(const struct ring *old, int64_t limit)
{
    size_t capacity = old ? old->capacity * 2 : 8;
    if (capacity > (size_t)limit)
        capacity = (size_t)limit;
    if (old && capacity < old->count)
        capacity = old->count;
    struct ring *ring = calloc(1, sizeof(*ring) + capacity * sizeof(ring->at_ms[0]));
    if (!ring)
        sok_panic("out of memory for a counter");
    ring->capacity = capacity;
    for (size_t i = 0; old && i < old->count; i++)
        ring->at_ms[i] = old->at_ms[(old->first + i) % old->capacity];
    ring->count = old ? old->count : 0;
    return ring;
}

static enum sok_status memory_limit(
    struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
    int64_t *ret_reset_ms, struct sok_error *err)
{
    struct memory *memory = (struct memory *)cache;
    char *full = make_key(LIMIT_KIND, key);
    pthread_mutex_lock(&memory->lock);
    int64_t now_ms = sok_clock_mono_ms(memory->clock);
    struct entry *entry = find(memory, full, now_ms);
    struct ring *ring = entry ? (struct ring *)entry->value : NULL;
    if (ring)
        forget_before(ring, now_ms - window_ms);
    bool allowed = !ring || ring->count < (size_t)limit;
    if (allowed && (!ring || ring->count == ring->capacity)) {
        ring = ring_grow(ring, limit);
        insert(
            memory, strdup(full), sizeof(LIMIT_KIND) - 1, ring,
            sizeof(*ring) + ring->capacity * sizeof(ring->at_ms[0]), now_ms + window_ms);
    } else if (allowed) {
        entry->expires_ms = now_ms + window_ms;
    }
    if (allowed)
        ring->at_ms[(ring->first + ring->count++) % ring->capacity] = now_ms;
    *ret_used = (int64_t)ring->count;
    *ret_reset_ms = ring->at_ms[ring->first] + window_ms - now_ms;
    pthread_mutex_unlock(&memory->lock);
    free(full);
    if (allowed)
        return SOK_OK;
    enum sok_status status = sok_fail(err, SOK_LIMITED, "too many requests");
    if (err)
        err->retry_after_s = (int)((*ret_reset_ms + 999) / 1000);
    return status;
}

const struct sok_cache_driver sok_cache_memory = {
    .scheme = "memory",
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .put = memory_put,
    .clear = memory_clear,
    .limit = memory_limit,
};
