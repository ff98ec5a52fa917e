// Fuzz target: feeds and capabilities from strangers (libFuzzer). Corpus: tests/corpus/torznab.
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "services/providers/torznab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sok_found_release *release)
{
    bool sound = release->title && release->guid && release->protocol && release->size_bytes >= 0 &&
                 release->seeders >= -1 && release->leechers >= -1 && release->published_at >= 0 &&
                 sok_utf8_valid(release->title, strlen(release->title)) &&
                 sok_utf8_valid(release->guid, strlen(release->guid)) && !strstr(release->guid, "SECRETKEY");
    if (!sound)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_torznab_caps caps;
    struct sok_torznab_page page;
    struct sok_torznab_source source = {
        .url = "https://indexer.invalid/api?t=search", .key = "SECRETKEY", .now_ms = 1795000000000};
    (void)!sok_torznab_parse_caps(arena, (const char *)data, size, &caps, &err);
    for (int only = 0; only < 2; only++) {
        source.only_watchable = only;
        if (sok_torznab_parse_feed(arena, (const char *)data, size, &source, &page, &err) == SOK_OK)
            for (size_t i = 0; i < page.count; i++)
                check(&page.items[i]);
    }
    return 0;
}
