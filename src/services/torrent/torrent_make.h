// For tests: a torrent made of names and bytes, with every freedom a hostile maker has.
#ifndef SOK_SERVICES_TORRENT_TORRENT_MAKE_H
#define SOK_SERVICES_TORRENT_TORRENT_MAKE_H

#include <openssl/sha.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

struct made_torrent {
    const char *name;
    const char *const *paths; // NULL-terminated, parts separated by '|'; NULL: a single file called `name`
    int64_t file_bytes;       // of each file
    const char *attributes;   // further keys of each file's dictionary, bencoded; NULL: none
    const unsigned char *content; // of all files; NULL: the piece hashes are zeros
    int64_t piece_bytes;
};

static inline void make_text(struct sok_buf *out, const char *text)
{
    sok_buf_printf(out, "%zu:%s", strlen(text), text);
}

static inline void make_path(struct sok_buf *out, const char *path)
{
    sok_buf_puts(out, "4:pathl");
    for (const char *end; (end = strchr(path, '|')); path = end + 1)
        sok_buf_printf(out, "%d:%.*s", (int)(end - path), (int)(end - path), path);
    make_text(out, path);
    sok_buf_puts(out, "e");
}

static inline void make_hashes(struct sok_buf *out, const struct made_torrent *make, int64_t total)
{
    int64_t count = (total + make->piece_bytes - 1) / make->piece_bytes;
    sok_buf_printf(out, "6:pieces%lld:", (long long)count * SHA_DIGEST_LENGTH);
    for (int64_t i = 0; i < count; i++) {
        unsigned char hash[SHA_DIGEST_LENGTH] = {0};
        int64_t at = i * make->piece_bytes;
        int64_t len = total - at < make->piece_bytes ? total - at : make->piece_bytes;
        if (make->content)
            SHA1(make->content + at, (size_t)len, hash);
        sok_buf_append(out, hash, sizeof(hash));
    }
}

// The .torrent's bytes in the arena.
static inline const char *make_torrent(
    struct sok_arena *arena, const struct made_torrent *make, size_t *ret_len)
{
    SOK_BUF_AUTO buf = {0};
    struct sok_buf *out = &buf;
    sok_buf_init(out, (size_t)16 << 20);
    sok_buf_puts(out, "d4:infod");
    int64_t total = make->file_bytes;
    const char *attributes = make->attributes ? make->attributes : "";
    if (make->paths) {
        total = 0;
        sok_buf_puts(out, "5:filesl");
        for (const char *const *path = make->paths; *path; path++) {
            sok_buf_printf(out, "d%s6:lengthi%llde", attributes, (long long)make->file_bytes);
            make_path(out, *path);
            sok_buf_puts(out, "e");
            total += make->file_bytes;
        }
        sok_buf_puts(out, "e");
    } else {
        sok_buf_printf(out, "%s6:lengthi%llde", attributes, (long long)make->file_bytes);
    }
    sok_buf_puts(out, "4:name");
    make_text(out, make->name);
    sok_buf_printf(out, "12:piece lengthi%llde", (long long)make->piece_bytes);
    make_hashes(out, make, total);
    sok_buf_puts(out, "ee");
    *ret_len = buf.len;
    return sok_strndup(arena, buf.data, buf.len);
}

#endif
