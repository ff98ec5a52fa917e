#include "domain/infohash.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/text.h"
#include "base/uri.h"

#define V1_BYTES 20
#define V2_BYTES 32
#define BTMH_SHA256 "1220" // multihash: sha2-256, 32 bytes

static bool hash_of(const unsigned char *bytes, size_t len, char *ret_hash)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    if (any)
        sok_hex_encode(bytes, len, ret_hash);
    return any != 0;
}

static bool normalise_bare(const char *text, size_t len, char *ret_hash)
{
    unsigned char bytes[V2_BYTES];
    if (len == SOK_INFOHASH_V1_LEN && sok_hex_decode(text, len, bytes, V1_BYTES))
        return hash_of(bytes, V1_BYTES, ret_hash);
    if (len == 32 && sok_base32_decode(text, len, bytes, V1_BYTES))
        return hash_of(bytes, V1_BYTES, ret_hash);
    if (len == SOK_INFOHASH_V2_LEN && sok_hex_decode(text, len, bytes, V2_BYTES))
        return hash_of(bytes, V2_BYTES, ret_hash);
    return false;
}

bool sok_infohash_normalise(const char *text, char ret_hash[SOK_INFOHASH_TEXT])
{
    if (!text)
        return false;
    while (isspace((unsigned char)*text))
        text++;
    if (sok_magnet_is(text)) {
        struct sok_magnet magnet;
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        if (sok_magnet_parse(arena, text, &magnet, NULL) != SOK_OK)
            return false;
        memcpy(ret_hash, sok_magnet_hash(&magnet), SOK_INFOHASH_TEXT);
        return true;
    }
    size_t len = strnlen(text, SOK_INFOHASH_TEXT + 64);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    return normalise_bare(text, len, ret_hash);
}

bool sok_magnet_is(const char *text)
{
    return text && strncasecmp(text, "magnet:?", 8) == 0;
}

static bool has_scheme(const char *url, const char *const *schemes)
{
    for (size_t i = 0; schemes[i]; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], len) == 0 && url[len])
            return true;
    }
    return false;
}

// Blanks and control characters have no place in a URL and would break a header or a log line.
static bool plain_url(const char *url)
{
    for (; *url; url++)
        if ((unsigned char)*url <= 0x20 || *url == 0x7f)
            return false;
    return true;
}

static bool is_tracker(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "udp://", "ws://", "wss://", NULL};
    return has_scheme(url, schemes) && plain_url(url);
}

static bool is_web_seed(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", NULL};
    return has_scheme(url, schemes) && plain_url(url);
}

// host:port, [v6]:port
static bool is_peer(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    return colon && colon != text && strlen(text) < 256 && plain_url(text) &&
           sok_parse_int(colon + 1, 1, 65535, &port);
}

static void add_once(
    struct sok_arena *arena, const char ***list, size_t *count, const char *value, bool (*fits)(const char *))
{
    if (*count == SOK_MAGNET_LIST_MAX || !fits(value))
        return;
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], value) == 0)
            return;
    if (!*list)
        *list = sok_alloc_array(arena, SOK_MAGNET_LIST_MAX, sizeof(**list));
    (*list)[(*count)++] = value;
}

static void take_topic(const char *value, struct sok_magnet *magnet)
{
    if (strncasecmp(value, "urn:btih:", 9) == 0) {
        size_t len = strlen(value + 9);
        if (!*magnet->info_hash && len != SOK_INFOHASH_V2_LEN)
            normalise_bare(value + 9, len, magnet->info_hash);
    } else if (strncasecmp(value, "urn:btmh:" BTMH_SHA256, 13) == 0) {
        size_t len = strlen(value + 13);
        if (!*magnet->info_hash_v2 && len == SOK_INFOHASH_V2_LEN)
            normalise_bare(value + 13, len, magnet->info_hash_v2);
    }
}

// "tr.1" counts as "tr", and "xt.2" as "xt".
static bool is_key(const char *name, size_t len, const char *key)
{
    size_t key_len = strlen(key);
    return len >= key_len && strncasecmp(name, key, key_len) == 0 &&
           (len == key_len || (name[key_len] == '.' && isdigit((unsigned char)name[key_len + 1])));
}

static void take_param(
    struct sok_arena *arena, const char *name, size_t name_len, const char *value, struct sok_magnet *magnet)
{
    if (is_key(name, name_len, "xt"))
        take_topic(value, magnet);
    else if (is_key(name, name_len, "tr"))
        add_once(arena, &magnet->trackers, &magnet->tracker_count, value, is_tracker);
    else if (is_key(name, name_len, "x.pe"))
        add_once(arena, &magnet->peers, &magnet->peer_count, value, is_peer);
    else if (is_key(name, name_len, "ws"))
        add_once(arena, &magnet->web_seeds, &magnet->web_seed_count, value, is_web_seed);
    else if (is_key(name, name_len, "dn") && !magnet->name && *value)
        magnet->name = sok_utf8_clean(arena, value, strlen(value));
    else if (is_key(name, name_len, "xl"))
        sok_parse_int(value, 1, INT64_MAX, &magnet->size_bytes);
}

// A name in another encoding than UTF-8 is no reason to refuse the link: such a value is skipped.
static void take_pair(struct sok_arena *arena, const char *pair, size_t len, struct sok_magnet *magnet)
{
    const char *equals = memchr(pair, '=', len);
    if (!equals)
        return;
    size_t name_len = (size_t)(equals - pair);
    const char *value = sok_uri_decode(arena, equals + 1, len - name_len - 1, true);
    if (value)
        take_param(arena, pair, name_len, value, magnet);
}

enum sok_status sok_magnet_parse(
    struct sok_arena *arena, const char *text, struct sok_magnet *ret_magnet, struct sok_error *err)
{
    if (!sok_magnet_is(text))
        return sok_fail(err, SOK_INVALID, "not a magnet link");
    if (strnlen(text, SOK_MAGNET_MAX + 1) > SOK_MAGNET_MAX)
        return sok_fail(err, SOK_TOO_LARGE, "a magnet link of more than %d bytes", SOK_MAGNET_MAX);
    struct sok_magnet magnet = {.size_bytes = -1};
    for (const char *at = text + 8; *at;) {
        size_t len = strcspn(at, "&");
        // Links copied out of HTML keep its "&amp;".
        if (len > 4 && strncasecmp(at, "amp;", 4) == 0)
            take_pair(arena, at + 4, len - 4, &magnet);
        else
            take_pair(arena, at, len, &magnet);
        at += len + (at[len] == '&');
    }
    if (!*magnet.info_hash && !*magnet.info_hash_v2)
        return sok_fail(err, SOK_INVALID, "the magnet link names no BitTorrent info hash");
    *ret_magnet = magnet;
    return SOK_OK;
}

// libtorrent takes the address of a peer as it stands, colon and all.
static bool goes_unescaped(const char *key, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    return strcmp(key, "x.pe") == 0 && value[strspn(value, plain)] == '\0';
}

static void put_list(
    struct sok_arena *arena, struct sok_buf *buf, const char *key, const char **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = goes_unescaped(key, list[i]) ? list[i] : sok_uri_encode(arena, list[i]);
        if (buf->len + strlen(key) + strlen(value) + 2 < SOK_MAGNET_MAX)
            sok_buf_printf(buf, "&%s=%s", key, value);
    }
}

char *sok_magnet_format(struct sok_arena *arena, const struct sok_magnet *magnet)
{
    SOK_BUF_AUTO buf;
    sok_buf_init(&buf, SOK_MAGNET_MAX + 1);
    sok_buf_puts(&buf, "magnet:?");
    if (*magnet->info_hash)
        sok_buf_printf(&buf, "xt=urn:btih:%s", magnet->info_hash);
    if (*magnet->info_hash_v2)
        sok_buf_printf(
            &buf, "%sxt=urn:btmh:" BTMH_SHA256 "%s", *magnet->info_hash ? "&" : "", magnet->info_hash_v2);
    if (magnet->size_bytes > 0)
        sok_buf_printf(&buf, "&xl=%lld", (long long)magnet->size_bytes);
    if (magnet->name)
        put_list(arena, &buf, "dn", (const char *[]){magnet->name}, 1);
    put_list(arena, &buf, "tr", magnet->trackers, magnet->tracker_count);
    put_list(arena, &buf, "ws", magnet->web_seeds, magnet->web_seed_count);
    put_list(arena, &buf, "x.pe", magnet->peers, magnet->peer_count);
    return sok_strdup(arena, buf.data);
}

const char *sok_magnet_hash(const struct sok_magnet *magnet)
{
    return *magnet->info_hash ? magnet->info_hash : magnet->info_hash_v2;
}
