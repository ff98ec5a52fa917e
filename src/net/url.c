#include "net/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/uri.h"

#define URL_BYTES_MAX 8192

static inline void cleanup_url(CURLU **held)
{
    curl_url_cleanup(*held);
}
#define CURLU_AUTO SOK_CLEANUP(cleanup_url) CURLU

static const char *get_part(struct sok_arena *arena, CURLU *handle, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(handle, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = sok_strdup(arena, text);
    curl_free(text);
    return copy;
}

static char *host_name(struct sok_arena *arena, CURLU *handle)
{
    const char *host = get_part(arena, handle, CURLUPART_HOST, 0);
    if (sok_text_empty(host))
        return NULL;
    size_t len = strlen(host);
    bool bracketed = host[0] == '[' && host[len - 1] == ']';
    char *name = bracketed ? sok_strndup(arena, host + 1, len - 2) : sok_strndup(arena, host, len);
    for (char *c = name; *c; c++) {
        if ((unsigned char)*c >= 0x80) // libidn2 would read it by the locale
            return NULL;
        *c = (char)tolower((unsigned char)*c);
    }
    len = strlen(name);
    if (len > 1 && name[len - 1] == '.') // the root's dot names the same host
        name[len - 1] = 0;
    return name;
}

static enum sok_status invalid(struct sok_error *err, const char *why)
{
    return sok_fail(err, SOK_INVALID, "not a usable URL: %s", why);
}

static enum sok_status take_apart(
    struct sok_arena *arena, CURLU *handle, struct sok_url *ret, struct sok_error *err)
{
    const char *scheme = get_part(arena, handle, CURLUPART_SCHEME, 0);
    if (!sok_text_eq(scheme, "http") && !sok_text_eq(scheme, "https"))
        return invalid(err, "only http and https are allowed");
    struct sok_url url = {.scheme = scheme, .host = host_name(arena, handle)};
    if (!url.host)
        return invalid(err, "it has no usable host");
    int64_t port;
    if (!sok_parse_int(get_part(arena, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT), 1, 65535, &port))
        return invalid(err, "its port is wrong");
    url.port = (int)port;
    curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    url.path = get_part(arena, handle, CURLUPART_PATH, 0);
    url.query = get_part(arena, handle, CURLUPART_QUERY, 0);
    url.text = get_part(arena, handle, CURLUPART_URL, 0);
    if (!url.path || !url.text)
        return invalid(err, "it does not parse");
    *ret = url;
    return SOK_OK;
}

enum sok_status sok_url_parse(
    struct sok_arena *arena, const char *text, struct sok_url *ret, struct sok_error *err)
{
    if (sok_text_empty(text))
        return invalid(err, "it is empty");
    if (strnlen(text, URL_BYTES_MAX + 1) > URL_BYTES_MAX)
        return invalid(err, "it is too long");
    CURLU_AUTO *handle = curl_url();
    if (!handle)
        sok_panic("out of memory for a URL");
    CURLUcode code =
        curl_url_set(handle, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return invalid(err, "it carries a user name or password");
    if (code != CURLUE_OK)
        return invalid(err, curl_url_strerror(code));
    return take_apart(arena, handle, ret, err);
}

char *sok_url_resolve(struct sok_arena *arena, const char *base, const char *reference)
{
    char *trimmed = sok_text_trim(arena, reference);
    if (sok_text_empty(trimmed) || strlen(trimmed) > URL_BYTES_MAX)
        return NULL;
    if (strncasecmp(trimmed, "magnet:", 7) == 0)
        return trimmed;
    CURLU_AUTO *handle = curl_url();
    if (!handle)
        sok_panic("out of memory for a URL");
    if (base && curl_url_set(handle, CURLUPART_URL, base, CURLU_URLENCODE) != CURLUE_OK)
        return NULL;
    unsigned flags = CURLU_URLENCODE | CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME;
    struct sok_url url = {0};
    if (curl_url_set(handle, CURLUPART_URL, trimmed, flags) != CURLUE_OK ||
        take_apart(arena, handle, &url, NULL) != SOK_OK)
        return NULL;
    return sok_strdup(arena, url.text);
}

char *sok_url_join(struct sok_arena *arena, const char *base, const char *path)
{
    struct sok_url url = {0};
    if (sok_url_parse(arena, base, &url, NULL) != SOK_OK || !url.text)
        return NULL;
    size_t len = strcspn(url.text, "?");
    while (len && url.text[len - 1] == '/')
        len--;
    while (*path == '/')
        path++;
    return sok_format(arena, "%.*s/%s", (int)len, url.text, path);
}

char *sok_url_with(struct sok_arena *arena, const char *url, const char *name, const char *value)
{
    if (!value)
        return sok_strdup(arena, url);
    const char *separator = "?";
    if (strchr(url, '?'))
        separator = url[strlen(url) - 1] == '?' || url[strlen(url) - 1] == '&' ? "" : "&";
    return sok_format(
        arena, "%s%s%s=%s", url, separator, sok_uri_encode(arena, name), sok_uri_encode(arena, value));
}

bool sok_url_same_origin(const struct sok_url *a, const struct sok_url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}
