// Any text as a magnet link or info hash: what is accepted comes back the same when written and read again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/infohash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(64 << 20);
    const char *text = sok_strndup(arena, (const char *)data, size);
    char hash[SOK_INFOHASH_TEXT] = "", again[SOK_INFOHASH_TEXT] = "";
    if (sok_infohash_normalise(text, hash) &&
        (!sok_infohash_normalise(hash, again) || strcmp(hash, again) != 0))
        abort();
    struct sok_magnet magnet, second;
    if (sok_magnet_parse(arena, text, &magnet, NULL) != SOK_OK)
        return 0;
    const char *written = sok_magnet_format(arena, &magnet);
    if (strlen(written) > SOK_MAGNET_MAX || sok_magnet_parse(arena, written, &second, NULL) != SOK_OK ||
        strcmp(sok_magnet_hash(&magnet), sok_magnet_hash(&second)) != 0)
        abort();
    return 0;
}
