// A pattern of names and the names put into it, both from outside: what the check lets pass gives a path
// below the library, or none.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/naming.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The next line, in the arena.
static const char *next_line(struct sok_arena *arena, const char **at, const char *end)
{
    const char *start = *at, *stop = memchr(start, '\n', (size_t)(end - start));
    stop = stop ? stop : end;
    *at = stop < end ? stop + 1 : end;
    return sok_strndup(arena, start, (size_t)(stop - start));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SOK_ARENA_AUTO *arena = sok_arena_new((size_t)64 << 20);
    const char *at = (const char *)data, *end = at + size;
    if (!size)
        return 0;
    bool series = *at++ & 1;
    const char *pattern = next_line(arena, &at, end);
    struct sok_naming_style style = {.movie = pattern, .episode = pattern};
    struct sok_naming naming = {
        .year = 2019, .series = series, .season = 2, .episode = 3, .extension = "mkv", .style = &style};
    naming.title = next_line(arena, &at, end);
    naming.edition = next_line(arena, &at, end);
    naming.resolution = next_line(arena, &at, end);
    naming.episode_title = next_line(arena, &at, end);
    naming.air_date = next_line(arena, &at, end);
    if (sok_naming_pattern_problem(arena, pattern, series))
        return 0;
    // As it is rendered, before the last look that every path gets.
    char *path = NULL;
    if (sok_naming_render(arena, pattern, &naming, SOK_NAMING_PART_MAX, &path, NULL) == SOK_OK &&
        !sok_naming_path_is_safe(path))
        abort();
    return 0;
}
