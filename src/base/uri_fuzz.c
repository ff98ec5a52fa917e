// Percent-encoding and query strings: what is decoded is UTF-8 without NUL, and encoded again it is the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *exact = malloc(len); // without a NUL behind it
    if (len)
        memcpy(exact, data, len);
    char *text = sok_uri_decode(arena, exact, len, len & 1);
    free(exact);
    if (text) {
        const char *encoded = sok_uri_encode(arena, text);
        const char *again = sok_uri_decode(arena, encoded, strlen(encoded), false);
        if (!sok_utf8_valid(text, strlen(text)) || !again || strcmp(text, again) != 0)
            abort();
    }
    struct sok_uri_param *params = NULL;
    size_t count = 0;
    if (sok_uri_parse_query(arena, sok_strndup(arena, (const char *)data, len), &params, &count)) {
        if (count > SOK_URI_PARAMS_MAX)
            abort();
        for (size_t i = 0; i < count; i++)
            if (!params[i].name || !params[i].value || !sok_uri_param(params, count, params[i].name))
                abort();
    }
    return 0;
}
