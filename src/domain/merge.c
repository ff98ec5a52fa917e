// Two hash tables lead to each result: by info hash, and by normalised title with size. A hit without a hash
// that fits a result with one joins it; a later hit whose hash differs does not, though title and size agree:
// two uploads of equal size are two torrents.
#include "domain/merge.h"

#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/text.h"
#include "domain/infohash.h"
#include "domain/match.h"

#define SOURCES_MAX 64

struct entry {
    struct sok_merged merged;
    char hash[SOK_INFOHASH_TEXT];
    const char *title_key;
    size_t source_capacity;
    UT_hash_handle by_hash, by_title;
};

struct sok_merge {
    struct sok_arena *arena;
    struct entry **entries;
    size_t count, capacity, max_items;
    struct entry *hashes, *titles;
};

// uthash gets its memory from the arena: the tables end with it and nobody has to free them.
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(size) sok_alloc(merge->arena, size)
#define uthash_free(memory, size) ((void)(memory), (void)(size))

struct sok_merge *sok_merge_new(struct sok_arena *arena, size_t max_items)
{
    struct sok_merge *merge = sok_alloc(arena, sizeof(*merge));
    merge->arena = arena;
    merge->max_items = max_items;
    return merge;
}

// Indexers differ in punctuation and case of the same name, and some round the size: whole MiB are compared.
static const char *title_key(struct sok_arena *arena, const struct sok_candidate *candidate)
{
    if (candidate->size_bytes <= 0)
        return NULL;
    return sok_format(
        arena, "%s|%lld|%s", candidate->protocol, (long long)(candidate->size_bytes >> 20),
        sok_title_key(arena, candidate->title));
}

static bool http_protocol(const struct sok_candidate *candidate)
{
    return candidate->protocol && strcmp(candidate->protocol, "http") == 0;
}

static void clean_candidate(
    struct sok_arena *arena, const struct sok_candidate *in, struct sok_candidate *out, char *ret_hash)
{
    *out = *in;
    out->provider = sok_strdup(arena, in->provider ? in->provider : "");
    out->title = sok_utf8_clean(arena, in->title, strlen(in->title));
    out->guid = sok_strdup(arena, in->guid);
    out->details_url = sok_strdup(arena, in->details_url);
    out->download_url = sok_strdup(arena, in->download_url);
    out->magnet_link = sok_strdup(arena, in->magnet_link);
    out->protocol = http_protocol(in) ? "http" : "torrent";
    ret_hash[0] = 0;
    if (!sok_infohash_normalise(in->info_hash, ret_hash))
        sok_infohash_normalise(in->magnet_link, ret_hash);
    out->info_hash = *ret_hash ? sok_strdup(arena, ret_hash) : NULL;
}

// The union of both links' trackers, peers and web seeds.
static const char *join_magnets(struct sok_arena *arena, const char *ours, const char *theirs)
{
    struct sok_magnet a, b;
    if (!theirs || sok_magnet_parse(arena, theirs, &b, NULL) != SOK_OK)
        return ours;
    if (!ours || sok_magnet_parse(arena, ours, &a, NULL) != SOK_OK)
        return theirs;
    if (strcmp(sok_magnet_hash(&a), sok_magnet_hash(&b)) != 0)
        return ours;
    const char *joined =
        sok_format(arena, "%s&%s", sok_magnet_format(arena, &a), sok_magnet_format(arena, &b) + 8);
    return sok_magnet_parse(arena, joined, &a, NULL) == SOK_OK ? sok_magnet_format(arena, &a) : ours;
}

static bool add_source(struct sok_merge *merge, struct entry *entry, const struct sok_candidate *candidate)
{
    struct sok_merged *merged = &entry->merged;
    for (size_t i = 0; i < merged->source_count; i++)
        if (sok_text_eq(merged->sources[i].provider, candidate->provider) &&
            sok_text_eq(merged->sources[i].guid, candidate->guid))
            return false;
    if (merged->source_count == SOURCES_MAX)
        return false;
    merged->sources = sok_grow_array(
        merge->arena, merged->sources, &entry->source_capacity, merged->source_count + 1,
        sizeof(*merged->sources));
    merged->sources[merged->source_count++] =
        (struct sok_merge_source){.provider = candidate->provider, .guid = candidate->guid};
    return true;
}

static void join(struct sok_merge *merge, struct entry *entry, const struct sok_candidate *candidate)
{
    struct sok_candidate *best = &entry->merged.best, old = *best;
    if (candidate->seeders > old.seeders)
        *best = *candidate;
    const struct sok_candidate *other = candidate->seeders > old.seeders ? &old : candidate;
    best->magnet_link = join_magnets(merge->arena, best->magnet_link, other->magnet_link);
    if (!best->info_hash)
        best->info_hash = other->info_hash;
    if (!best->download_url)
        best->download_url = other->download_url;
    if (!best->details_url)
        best->details_url = other->details_url;
    if (best->size_bytes <= 0)
        best->size_bytes = other->size_bytes;
    if (best->leechers < other->leechers)
        best->leechers = other->leechers;
    if (!best->published_at || (other->published_at && other->published_at < best->published_at))
        best->published_at = other->published_at;
}

static struct entry *find(struct sok_merge *merge, const char *hash, const char *key)
{
    struct entry *entry = NULL;
    if (*hash)
        HASH_FIND(by_hash, merge->hashes, hash, strlen(hash), entry);
    if (!entry && key) {
        HASH_FIND(by_title, merge->titles, key, strlen(key), entry);
        if (entry && *hash && *entry->hash)
            entry = NULL;
    }
    return entry;
}

static void index_entry(struct sok_merge *merge, struct entry *entry, const char *hash, const char *key)
{
    struct entry *there = NULL;
    if (*hash && !*entry->hash) {
        memcpy(entry->hash, hash, strlen(hash) + 1);
        HASH_ADD_KEYPTR(by_hash, merge->hashes, entry->hash, strlen(entry->hash), entry);
    }
    if (!key || entry->title_key)
        return;
    HASH_FIND(by_title, merge->titles, key, strlen(key), there);
    if (!there) {
        entry->title_key = key;
        HASH_ADD_KEYPTR(by_title, merge->titles, entry->title_key, strlen(entry->title_key), entry);
    }
}

static struct entry *append(struct sok_merge *merge, const struct sok_candidate *candidate)
{
    struct entry *entry = sok_alloc(merge->arena, sizeof(*entry));
    entry->merged.best = *candidate;
    merge->entries = sok_grow_array(
        merge->arena, merge->entries, &merge->capacity, merge->count + 1, sizeof(struct entry *));
    merge->entries[merge->count++] = entry;
    return entry;
}

struct sok_merged *sok_merge_add(struct sok_merge *merge, const struct sok_candidate *candidate)
{
    if (sok_text_empty(candidate->title))
        return NULL;
    struct sok_candidate clean;
    char hash[SOK_INFOHASH_TEXT];
    clean_candidate(merge->arena, candidate, &clean, hash);
    const char *key = title_key(merge->arena, &clean);
    struct entry *entry = find(merge, hash, key);
    if (entry)
        join(merge, entry, &clean);
    else if (merge->count == merge->max_items)
        return NULL;
    else
        entry = append(merge, &clean);
    add_source(merge, entry, &clean);
    index_entry(merge, entry, hash, key);
    entry->merged.changed = true;
    return &entry->merged;
}

size_t sok_merge_count(const struct sok_merge *merge)
{
    return merge->count;
}

struct sok_merged *sok_merge_at(const struct sok_merge *merge, size_t index)
{
    return index < merge->count ? &merge->entries[index]->merged : NULL;
}

void sok_merge_clear_changed(struct sok_merge *merge)
{
    for (size_t i = 0; i < merge->count; i++)
        merge->entries[i]->merged.changed = false;
}
