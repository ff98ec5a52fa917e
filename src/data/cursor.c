#include "data/cursor.h"

#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/text.h"

#define CURSOR_MAX 700 // bytes before base64: in a URL it comes back as less than 1,000
#define BREAK '\x1f'
#define SUM_LEN 8

uint64_t sok_cursor_list(uint64_t hash, const char *text)
{
    hash = hash ? hash : 14695981039346656037u; // FNV-1a
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return (hash ^ BREAK) * 1099511628211u;
}

// A sum over the list, its order and the place: what does not fit it is of another list, or cut off.
static unsigned sum_of(const struct sok_cursor *cursor)
{
    uint64_t sum = sok_cursor_list(cursor->list, cursor->descending ? "-" : "+");
    sum = sok_cursor_list(sum, cursor->sort);
    sum = sok_cursor_list(sum, cursor->value);
    sum = sok_cursor_list(sum, cursor->key);
    return (unsigned)(sum ^ sum >> 32);
}

const char *sok_cursor_format(struct sok_arena *arena, const struct sok_cursor *cursor)
{
    const char *text = sok_format(arena, "%08x%s%c%s", sum_of(cursor), cursor->value, BREAK, cursor->key);
    if (strlen(text) >= CURSOR_MAX)
        return NULL;
    char *encoded = sok_alloc(arena, sok_base64_size(strlen(text)));
    sok_base64url_encode(text, strlen(text), encoded);
    return encoded;
}

// The bytes of a cursor, with a NUL behind them: a sum, a value, BREAK, a key.
static bool decode(const char *text, char ret_bytes[CURSOR_MAX + 1])
{
    size_t len = 0;
    if (!sok_base64_decode(text, strlen(text), ret_bytes, CURSOR_MAX, &len) || len <= SUM_LEN ||
        !sok_utf8_valid(ret_bytes, len) || memchr(ret_bytes, '\0', len))
        return false;
    ret_bytes[len] = '\0';
    return strrchr(ret_bytes + SUM_LEN, BREAK) != NULL;
}

bool sok_cursor_is_formed(const char *text)
{
    char bytes[CURSOR_MAX + 1];
    return decode(text, bytes);
}

enum sok_status sok_cursor_parse(
    struct sok_arena *arena, const char *text, struct sok_cursor *cursor, struct sok_error *err)
{
    char bytes[CURSOR_MAX + 1];
    bool is_formed = decode(text, bytes);
    if (is_formed) {
        char *value = sok_strdup(arena, bytes + SUM_LEN), *end = strrchr(value, BREAK);
        *end = '\0';
        cursor->value = value;
        cursor->key = end + 1;
    }
    if (!is_formed || strncmp(bytes, sok_format(arena, "%08x", sum_of(cursor)), SUM_LEN) != 0) {
        sok_fail_field(err, "cursor", "invalid", "this is no cursor of this list, its filters and its order");
        return SOK_INVALID;
    }
    return SOK_OK;
}
