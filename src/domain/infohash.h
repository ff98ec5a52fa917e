// Info hashes and magnet links (BEP 9, BEP 52) from outside, within limits.
#ifndef SOK_DOMAIN_INFOHASH_H
#define SOK_DOMAIN_INFOHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_INFOHASH_V1_LEN 40
#define SOK_INFOHASH_V2_LEN 64
#define SOK_INFOHASH_TEXT (SOK_INFOHASH_V2_LEN + 1)

#define SOK_MAGNET_MAX 16384 // bytes
#define SOK_MAGNET_LIST_MAX 64

// A bare hash as 40 hex digits, 32 base32 letters or 64 hex digits (version 2), any case, blanks around it
// ignored; or a magnet link. Gives lower-case hex: false and nothing written for anything else. A hash of
// only zeros is none.
bool sok_infohash_normalise(const char *text, char ret_hash[SOK_INFOHASH_TEXT]);

struct sok_magnet {
    char info_hash[SOK_INFOHASH_TEXT];    // version 1, "" if it has only version 2
    char info_hash_v2[SOK_INFOHASH_TEXT]; // version 2 (the sha-256 behind urn:btmh:1220), ""
    const char *name;                     // dn, clean UTF-8; NULL: none
    int64_t size_bytes;                   // xl; -1: none
    const char **trackers;                // tr, http(s) udp ws(s) only, each once
    size_t tracker_count;
    const char **peers; // x.pe, host:port
    size_t peer_count;
    const char **web_seeds; // ws, http(s) only
    size_t web_seed_count;
};

bool sok_magnet_is(const char *text); // begins with "magnet:?", any case

// SOK_INVALID: not a magnet link, no usable xt, broken escapes; SOK_TOO_LARGE over SOK_MAGNET_MAX. Lists
// beyond SOK_MAGNET_LIST_MAX are cut, wrong entries in them skipped.
SOK_MUST_CHECK enum sok_status sok_magnet_parse(
    struct sok_arena *arena, const char *text, struct sok_magnet *ret_magnet, struct sok_error *err);

// The link again, with at most SOK_MAGNET_MAX bytes: trackers that would not fit are left out.
char *sok_magnet_format(struct sok_arena *arena, const struct sok_magnet *magnet);

// The hash that names this torrent: version 1 where there is one, else version 2.
const char *sok_magnet_hash(const struct sok_magnet *magnet);

#endif
