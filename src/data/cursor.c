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

enum sok_status sok_cursor_parse(
    struct sok_arena *arena, const char *text, struct sok_cursor *cursor, struct sok_error *err)
{
    char bytes[CURSOR_MAX + 1];
    size_t len = 0;
    bool is_ours = sok_base64_decode(text, strlen(text), bytes, sizeof(bytes) - 1, &len) && len > SUM_LEN &&
                   sok_utf8_valid(bytes, len);
    bytes[len] = '\0';
    char *value = is_ours ? sok_strdup(arena, bytes + SUM_LEN) : NULL;
    char *end = value ? strrchr(value, BREAK) : NULL;
    if (end) {
        *end = '\0';
        cursor->value = value;
        cursor->key = end + 1;
    }
    if (!end || strncmp(bytes, sok_format(arena, "%08x", sum_of(cursor)), SUM_LEN) != 0) {
        sok_fail_field(err, "cursor", "invalid", "this is no cursor of this list, its filters and its order");
        return SOK_INVALID;
    }
    return SOK_OK;
}
