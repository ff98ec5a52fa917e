// Fuzz target: JSON answers of every provider that speaks it, each text read by all of them (libFuzzer).
// Corpus: tests/corpus/provider_json.
#include <stdint.h>
#include <string.h>

#include "services/providers/archive_org.h"
#include "services/providers/jackett.h"
#include "services/providers/prowlarr.h"
#include "services/providers/tmdb.h"
#include "services/providers/tvmaze.h"

#define NOW_MS 1795000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_releases(enum sok_status status, const struct sok_found_releases *found)
{
    for (size_t i = 0; status == SOK_OK && i < found->count; i++)
        if (!found->items[i].title || !found->items[i].guid || found->items[i].size_bytes < 0 ||
            found->items[i].published_at > NOW_MS)
            __builtin_trap();
}

static void check_media(enum sok_status status, const struct sok_found_media *items, size_t count)
{
    for (size_t i = 0; status == SOK_OK && i < count; i++)
        if (!items[i].title || !items[i].media_type || items[i].rating < 0 || items[i].rating > 10)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SOK_JSON_AUTO *answer = NULL;
    struct sok_error err = {0};
    struct sok_found_releases found;
    struct sok_found_media *items, media;
    struct sok_found_episode *episodes;
    size_t count;
    if (size > 65536 || sok_json_parse_lenient((const char *)data, size, size, &answer, &err) != SOK_OK)
        return 0;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    check_releases(sok_prowlarr_parse(arena, answer, NOW_MS, &found, &err), &found);
    check_releases(sok_jackett_parse(arena, answer, NOW_MS, &found, &err), &found);
    check_releases(sok_archive_org_parse(arena, answer, "https://archive.org", NOW_MS, &found, &err), &found);
    const char *types[] = {NULL, "movie", "tv"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(types); i++) {
        enum sok_status status = sok_tmdb_parse_list(arena, answer, types[i], &items, &count, &err);
        check_media(status, items, count);
        check_media(sok_tmdb_parse_details(arena, answer, types[i], &media, &err), &media, 1);
    }
    (void)!sok_tmdb_parse_season(arena, answer, &episodes, &count, &err);
    enum sok_status status = sok_tvmaze_parse_shows(arena, answer, &items, &count, &err);
    check_media(status, items, count);
    check_media(sok_tvmaze_parse_show(arena, answer, 1, &media, &err), &media, 1);
    (void)!sok_tvmaze_parse_episodes(arena, answer, -1, &episodes, &count, &err);
    return 0;
}
