// URLs: "base\nreference". What parses, parses again to the same place; what is resolved is no other scheme.
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(struct sok_arena *arena, const char *text)
{
    struct sok_url url, again;
    struct sok_error err = {0};
    if (sok_url_parse(arena, text, &url, &err) != SOK_OK)
        return;
    if (!sok_text_eq(url.scheme, "http") && !sok_text_eq(url.scheme, "https"))
        sok_panic("another scheme: %s", url.scheme);
    if (!*url.host || url.port < 1 || url.port > 65535 || *url.path != '/' ||
        strchr(url.text, '@') == url.text)
        sok_panic("half a URL: %s", url.text);
    if (sok_url_parse(arena, url.text, &again, &err) != SOK_OK || !sok_url_same_origin(&url, &again))
        sok_panic("leads elsewhere when read again: %s", url.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *base = sok_strndup(arena, (const char *)data, len);
    char *reference = strchr(base, '\n');
    if (reference)
        *reference++ = 0;
    check(arena, base);
    if (!reference)
        return 0;
    char *found = sok_url_resolve(arena, base, reference);
    if (found && !sok_text_starts(found, "magnet:")) {
        struct sok_url url;
        struct sok_error err = {0};
        if (sok_url_parse(arena, found, &url, &err) == SOK_OK)
            check(arena, url.text);
    }
    (void)sok_url_join(arena, base, reference);
    (void)sok_url_with(arena, base, "q", reference);
    return 0;
}
