#include "domain/query.h"

#include "base/text.h"
#include "domain/release.h"

void sok_query_read(struct sok_arena *arena, const char *typed, struct sok_query *ret)
{
    struct sok_release release;
    *ret = (struct sok_query){.title = sok_text_trim(arena, typed), .season = -1, .episode = -1};
    sok_release_parse(arena, typed, &release);
    if (sok_text_empty(release.title) || !(release.year || release.season >= 0 || release.resolution))
        return;
    ret->title = release.country ? sok_format(arena, "%s %s", release.title, release.country) : release.title;
    ret->year = release.year;
    ret->season = release.season;
    if (release.season >= 0 && release.episodes.count)
        ret->episode = release.episodes.item[0];
}
