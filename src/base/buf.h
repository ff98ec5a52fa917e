// A growing byte buffer with a limit: what it refuses it remembers, so that a writer checks once at the end.
#ifndef SOK_BASE_BUF_H
#define SOK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

// `data` is always NUL-terminated behind `len` once anything was appended; NULL before. One thread at a time.
struct sok_buf {
    char *data;
    size_t len, capacity;
    size_t max_bytes; // appending beyond it sets `overflow` and changes nothing more
    bool overflow;
};

// Starts an empty buffer that holds at most max_bytes. No allocation yet.
void sok_buf_init(struct sok_buf *buf, size_t max_bytes);

// Frees the bytes; the struct may be init'ed again.
void sok_buf_done(struct sok_buf *buf);

// Empties it and forgets an overflow; keeps the memory.
void sok_buf_clear(struct sok_buf *buf);

// Return false when the bytes did not fit (now or earlier).
bool sok_buf_append(struct sok_buf *buf, const void *bytes, size_t len);
bool sok_buf_puts(struct sok_buf *buf, const char *text);
bool sok_buf_printf(struct sok_buf *buf, const char *format, ...) SOK_PRINTF(2, 3);

// Moves the bytes to the caller, who frees them with free(). NULL when empty.
char *sok_buf_take(struct sok_buf *buf, size_t *ret_len);

#define SOK_BUF_AUTO SOK_CLEANUP(sok_buf_done) struct sok_buf

#endif
