#include "base/uri.h"

#include <ctype.h>
#include <string.h>

#include "base/encode.h"
#include "base/text.h"

char *sok_uri_encode(struct sok_arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *copy = sok_alloc(arena, 3 * strlen(text) + 1), *out = copy;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x80 && (isalnum(*c) || strchr("-._~", *c))) {
            *out++ = (char)*c;
        } else {
            *out++ = '%';
            *out++ = digits[*c >> 4];
            *out++ = digits[*c & 15];
        }
    }
    return copy;
}

char *sok_uri_decode(struct sok_arena *arena, const char *text, size_t len, bool plus_is_blank)
{
    char *copy = sok_alloc(arena, len + 1), *out = copy;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (len - i < 3 || !sok_hex_decode(text + i + 1, 2, out, 1))
                return NULL;
            i += 2;
        } else {
            *out = plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
        out++;
    }
    return sok_utf8_valid(copy, (size_t)(out - copy)) ? copy : NULL;
}

bool sok_uri_parse_query(
    struct sok_arena *arena, const char *query, struct sok_uri_param **ret_params, size_t *ret_count)
{
    struct sok_uri_param *params = NULL;
    size_t count = 0, capacity = 0;
    while (query && *query) {
        size_t len = strcspn(query, "&");
        if (len) {
            if (count == SOK_URI_PARAMS_MAX)
                return false;
            const char *equals = memchr(query, '=', len);
            size_t name_len = equals ? (size_t)(equals - query) : len;
            params = sok_grow_array(arena, params, &capacity, count + 1, sizeof(*params));
            params[count].name = sok_uri_decode(arena, query, name_len, true);
            params[count].value =
                equals ? sok_uri_decode(arena, equals + 1, len - name_len - 1, true) : sok_strdup(arena, "");
            if (!params[count].name || !params[count].value)
                return false;
            count++;
        }
        query += len + (query[len] == '&');
    }
    *ret_params = params;
    *ret_count = count;
    return true;
}

const char *sok_uri_param(const struct sok_uri_param *params, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(params[i].name, name) == 0)
            return params[i].value;
    return NULL;
}
