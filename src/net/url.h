// Whole URLs, taken apart and put together by libcurl's URL parser, so that what is judged is what is
// fetched.
#ifndef SOK_NET_URL_H
#define SOK_NET_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

struct sok_url {
    const char *scheme; // "http" or "https"
    const char *host;   // as ASCII, lower case (international names come as xn--...); IPv6 without brackets
    int port;           // explicit or the scheme's
    const char *path;   // begins with '/', still encoded
    const char *query;  // still encoded, NULL without one
    const char *text;   // the whole URL, normalised, without fragment and credentials
};

// SOK_INVALID for anything but an absolute http or https URL with a host, for credentials inside it, control
// characters, and more than 8,192 bytes. Text in the arena. The message never quotes the URL.
SOK_MUST_CHECK enum sok_status sok_url_parse(
    struct sok_arena *arena, const char *text, struct sok_url *ret, struct sok_error *err);

// `reference` as seen from `base` (RFC 3986 section 5): relative or absolute. Blanks at the ends are dropped,
// inner ones encoded. A magnet: URI is returned as it is. NULL when it is neither http(s) nor magnet or does
// not parse.
char *sok_url_resolve(struct sok_arena *arena, const char *base, const char *reference);

// Joins a base URL (with or without a slash at the end, with or without a query) and a path: "http://h/x" and
// "api/v1" give "http://h/x/api/v1". The query of the base is dropped. NULL when base does not parse.
char *sok_url_join(struct sok_arena *arena, const char *base, const char *path);

// Appends "name=value", encoded, with '?' or '&' as it needs. A NULL value changes nothing.
char *sok_url_with(struct sok_arena *arena, const char *url, const char *name, const char *value);

bool sok_url_same_origin(const struct sok_url *a, const struct sok_url *b);

#endif
