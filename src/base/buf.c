#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

void sok_buf_init(struct sok_buf *buf, size_t max_bytes)
{
    memset(buf, 0, sizeof(*buf));
    buf->max_bytes = max_bytes;
}

void sok_buf_done(struct sok_buf *buf)
{
    free(buf->data);
    sok_buf_init(buf, buf->max_bytes);
}

void sok_buf_clear(struct sok_buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
    if (buf->data)
        buf->data[0] = 0;
}

static bool reserve(struct sok_buf *buf, size_t more)
{
    if (buf->overflow || more > buf->max_bytes - buf->len) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + more + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < need)
            capacity *= 2;
        char *data = realloc(buf->data, capacity);
        if (!data)
            sok_panic("out of memory for a buffer of %zu bytes", capacity);
        buf->data = data;
        buf->capacity = capacity;
    }
    return true;
}

bool sok_buf_append(struct sok_buf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = 0;
    return true;
}

bool sok_buf_puts(struct sok_buf *buf, const char *text)
{
    return sok_buf_append(buf, text, strlen(text));
}

bool sok_buf_printf(struct sok_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !reserve(buf, (size_t)n))
        return false;
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return true;
}

char *sok_buf_take(struct sok_buf *buf, size_t *ret_len)
{
    char *data = buf->data;
    if (ret_len)
        *ret_len = buf->len;
    buf->data = NULL;
    sok_buf_init(buf, buf->max_bytes);
    return data;
}
