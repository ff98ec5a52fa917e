// Percent-encoding and query strings (RFC 3986, and the '+' of HTML forms). Whole URLs are net/url.h's.
#ifndef SOK_BASE_URI_H
#define SOK_BASE_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

// Encodes everything but letters, digits and "-._~".
char *sok_uri_encode(struct sok_arena *arena, const char *text);

// Decodes %XX ('+' becomes a blank if plus_is_blank). NULL for a broken escape, a NUL or bytes that are not
// UTF-8.
char *sok_uri_decode(struct sok_arena *arena, const char *text, size_t len, bool plus_is_blank);

struct sok_uri_param {
    const char *name, *value; // decoded; value "" where there is no '='
};

#define SOK_URI_PARAMS_MAX 64

// Splits "a=1&b=2". False for a broken escape or more than SOK_URI_PARAMS_MAX pairs. Empty pairs are skipped.
bool sok_uri_parse_query(
    struct sok_arena *arena, const char *query, struct sok_uri_param **ret_params, size_t *ret_count);

// The first parameter of this name, or NULL.
const char *sok_uri_param(const struct sok_uri_param *params, size_t count, const char *name);

#endif
