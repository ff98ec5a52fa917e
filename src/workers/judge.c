#include "workers/judge.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "data/media.h"
#include "services/settings/stored.h"

#define TITLES_MAX 32 // alternative titles that are compared

static void add_title(const char **titles, size_t *count, const char *title)
{
    if (*count < TITLES_MAX && !sok_text_empty(title))
        titles[(*count)++] = title;
}

static void set_titles(
    struct sok_arena *arena, const struct sok_search *search, const struct sok_media *media,
    struct sok_wanted *wanted)
{
    const char **titles = sok_alloc_array(arena, TITLES_MAX, sizeof(*titles));
    SOK_JSON_AUTO *list = NULL;
    struct sok_error unused = {0};
    wanted->title = media->title;
    add_title(titles, &wanted->alternative_count, media->original_title);
    // What the user typed names the work too: the catalogue may know it under another title.
    add_title(titles, &wanted->alternative_count, search->query);
    const char *others = media->alternative_titles;
    if (others && sok_json_parse_lenient(others, strlen(others), 1 << 18, &list, &unused) == SOK_OK)
        for (size_t i = 0; i < json_array_size(list); i++)
            add_title(
                titles, &wanted->alternative_count,
                sok_strdup(arena, json_string_value(json_array_get(list, i))));
    wanted->alternative_titles = titles;
}

static enum sok_wanted_type type_of(const char *media_type)
{
    if (sok_text_eq(media_type, SOK_MEDIA_TV) || sok_text_eq(media_type, SOK_MEDIA_EPISODE))
        return SOK_WANTED_TV;
    return sok_text_eq(media_type, SOK_MEDIA_MOVIE) ? SOK_WANTED_MOVIE : SOK_WANTED_ANY;
}

// The facts of the episode and how many its season has, as far as they are known.
static enum sok_status add_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, struct sok_wanted *wanted,
    struct sok_error *err)
{
    struct sok_media *episodes = NULL;
    size_t count = 0;
    if (wanted->season < 0)
        return SOK_OK;
    SOK_TRY(sok_media_list_episodes(tx, arena, series_id, wanted->season, &episodes, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (episodes[i].episode_number != wanted->episode)
            continue;
        wanted->air_date = episodes[i].release_date;
        wanted->absolute = episodes[i].absolute_number > 0 ? (int)episodes[i].absolute_number : 0;
        if (episodes[i].runtime_minutes > 0)
            wanted->runtime_minutes = (int)episodes[i].runtime_minutes;
    }
    // A single row is one that a search or an import made, no list of the season.
    wanted->season_episodes = count > 1 ? (int)count : 0;
    return SOK_OK;
}

enum sok_status sok_judge_load(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_search *search, struct sok_judge *ret,
    struct sok_error *err)
{
    struct sok_judge judge = {0};
    struct sok_media media = SOK_MEDIA_INIT;
    SOK_TRY(sok_stored_quality(tx, arena, &judge.profile, err));
    enum sok_status status =
        search->media_id ? sok_media_find(tx, arena, search->media_id, &media, err) : SOK_NOT_FOUND;
    if (status != SOK_OK && status != SOK_NOT_FOUND)
        return status;
    bool known = status == SOK_OK && !sok_text_empty(media.title);
    if (!known)
        media.title = search->query;
    set_titles(arena, search, &media, &judge.wanted);
    // A row made from the query alone is a film only because it had to be something.
    bool told = known && !sok_text_eq(media.origin, "query");
    judge.wanted.type = type_of(told && !search->media_type ? media.media_type : search->media_type);
    judge.wanted.year = (int)(media.year ? media.year : search->year);
    judge.wanted.season = (int)search->season;
    judge.wanted.episode = (int)search->episode;
    judge.wanted.runtime_minutes = (int)media.runtime_minutes;
    judge.overview = media.overview;
    judge.genres = media.genres;
    if (known && judge.wanted.type == SOK_WANTED_TV)
        SOK_TRY(add_episode(tx, arena, media.id, &judge.wanted, err));
    *ret = judge;
    return SOK_OK;
}

void sok_judge_release(
    const struct sok_judge *judge, struct sok_arena *arena, const struct sok_release *release,
    struct sok_search_result *result, double similarity)
{
    struct sok_score score;
    struct sok_score_input input = {
        .wanted = &judge->wanted,
        .release = release,
        .profile = &judge->profile,
        .size_bytes = result->size_bytes,
        .seeders = result->seeders > INT32_MAX ? INT32_MAX : (int)result->seeders,
        .direct = sok_text_eq(result->protocol, "http"),
        .similarity = similarity,
    };
    sok_score_release(arena, &input, &score);
    SOK_JSON_AUTO *parsed = sok_release_to_json(release);
    SOK_JSON_AUTO *breakdown = sok_score_breakdown(&score);
    result->parsed = sok_json_dump(arena, parsed);
    result->score_breakdown = sok_json_dump(arena, breakdown);
    result->score = score.score;
    result->resolution = release->resolution;
    result->source = release->source;
    result->season = release->season;
    result->episode = release->episodes.count ? release->episodes.item[0] : -1;
}

void sok_judge_result(
    const struct sok_judge *judge, struct sok_arena *arena, struct sok_search_result *result,
    double similarity)
{
    struct sok_release release;
    sok_release_parse(arena, result->title ? result->title : "", &release);
    sok_judge_release(judge, arena, &release, result, similarity);
}
