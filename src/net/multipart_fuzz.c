// Multipart bodies: the first line is the Content-Type header, the rest the body.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *line_end = len ? memchr(data, '\n', len) : NULL;
    if (!line_end)
        return 0;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *content_type = sok_strndup(arena, (const char *)data, (size_t)(line_end - data));
    size_t body_len = len - (size_t)(line_end + 1 - data), count = 0;
    char *body = malloc(body_len ? body_len : 1); // exactly as long as it is: reading behind it is seen
    memcpy(body, line_end + 1, body_len);
    struct sok_multipart_part *parts = NULL;
    struct sok_error err = {0};
    if (sok_multipart_parse(arena, content_type, body, body_len, &parts, &count, &err) == SOK_OK)
        for (size_t i = 0; i < count; i++)
            if (!parts[i].name || parts[i].bytes < body || parts[i].len > body_len ||
                parts[i].bytes + parts[i].len > body + body_len)
                sok_panic("a part outside the body");
    free(body);
    return 0;
}
