// Files that are part of the binary: dev/embed.py writes them as a table at build time.
#ifndef SOK_BASE_EMBED_H
#define SOK_BASE_EMBED_H

#include <stddef.h>

struct sok_embedded_file {
    const char *path;           // below the embedded folder, '/'-separated; the table is sorted by it
    const char *sha256;         // hexadecimal, of the bytes: an ETag
    const unsigned char *bytes; // NUL-terminated behind len
    size_t len;
};

#endif
