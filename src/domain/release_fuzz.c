// Any bytes as a release name: parsed, printed as JSON, turned into a library path; and as what a person
// types.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "domain/match.h"
#include "domain/naming.h"
#include "domain/query.h"
#include "domain/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(64 << 20);
    struct sok_release release;
    sok_release_parse_bytes(arena, (const char *)data, size, &release);
    SOK_JSON_AUTO *object = sok_release_to_json(&release);
    SOK_JSON_AUTO *again = NULL;
    const char *text = sok_json_dump(arena, object);
    if (sok_json_parse(text, strlen(text), 1 << 20, &again, NULL) != SOK_OK || !json_equal(object, again))
        abort();
    struct sok_naming naming = {
        .title = release.title,
        .year = release.year,
        .series = release.season >= 0,
        .season = release.season,
        .episode = release.episodes.count ? release.episodes.item[0] : 1,
        .episode_title = release.episode_title,
        .resolution = release.resolution,
        .extension = "mkv"};
    char *path = NULL;
    if (sok_naming_path(arena, &naming, &path, NULL) == SOK_OK && !sok_naming_path_is_safe(path))
        abort();
    if (release.title && sok_title_similarity(arena, release.title, release.title) < 0)
        abort();
    struct sok_query query;
    sok_query_read(arena, sok_utf8_clean(arena, (const char *)data, size), &query);
    if (!query.title || (query.episode >= 0 && query.season < 0))
        abort();
    return 0;
}
