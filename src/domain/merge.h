// One list out of many indexers' answers: the same torrent from three of them is one result with three
// sources.
//
// Two hits are the same when their info hashes are equal, or, where one of them has none, when their
// normalised titles and sizes are. Adding is O(1); nothing is ever dropped silently: the limit is the
// caller's.
#ifndef SOK_DOMAIN_MERGE_H
#define SOK_DOMAIN_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

// One hit as an indexer gave it. Texts are copied on adding; NULL where absent.
struct sok_candidate {
    const char *provider; // name
    const char *title;
    const char *guid; // the indexer's own id, unique within it
    const char *details_url;
    const char *download_url; // a .torrent, or the file itself with protocol "http"
    const char *magnet_link;
    const char *info_hash; // any form; normalised here
    const char *protocol;  // "torrent" or "http"; NULL: torrent
    int64_t size_bytes;    // <= 0: not known
    int seeders, leechers; // -1: not known
    int64_t published_at;  // 0: not known
};

struct sok_merged {
    struct sok_candidate
        best; // of the source with the most seeders; hash, magnet, size from whoever has them
    size_t source_count;
    struct sok_merge_source {
        const char *provider, *guid;
    } * sources;  // all of them, the first found first
    bool changed; // since sok_merge_clear_changed
    void *user;   // the caller's (a row id)
};

struct sok_merge;

// A list that lives in the arena and takes at most max_items different results.
struct sok_merge *sok_merge_new(struct sok_arena *arena, size_t max_items);

// Adds a hit; returns what it became part of, NULL if the list is full or the hit has no title. The pointer
// stays valid; the same provider+guid twice only refreshes the numbers.
struct sok_merged *sok_merge_add(struct sok_merge *merge, const struct sok_candidate *candidate);

size_t sok_merge_count(const struct sok_merge *merge);
struct sok_merged *sok_merge_at(const struct sok_merge *merge, size_t index);
void sok_merge_clear_changed(struct sok_merge *merge);

#endif
