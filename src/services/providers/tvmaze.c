#include "services/providers/tvmaze.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "base/uri.h"
#include "net/url.h"
#include "services/providers/answer.h"

#define DEFAULT_URL "https://api.tvmaze.com"
#define NAMES_MAX 64

// --- Reading.

static const char *text(struct sok_arena *arena, const json_t *row, const char *key)
{
    return sok_answer_text(arena, sok_json_text(row, key, NULL), SOK_TITLE_BYTES_MAX);
}

// Old answers say http where https works.
static const char *https_url(struct sok_arena *arena, const json_t *row, const char *key)
{
    const char *url = sok_json_text(row, key, NULL);
    url = url ? sok_url_resolve(arena, NULL, url) : NULL;
    if (sok_text_starts(url, "http://"))
        return sok_format(arena, "https://%s", url + 7);
    return sok_text_starts(url, "https://") ? url : NULL;
}

static int64_t date(const json_t *row, const char *key)
{
    int64_t at_ms;
    return sok_time_parse(sok_json_text(row, key, NULL), &at_ms) ? at_ms : 0;
}

static int minutes(const json_t *row, const char *key)
{
    int64_t said = sok_json_int(row, key, 0);
    return said > 0 && said < 10000 ? (int)said : 0;
}

static void read_genres(struct sok_arena *arena, const json_t *list, struct sok_found_media *media)
{
    size_t i;
    const json_t *one;
    media->genres = sok_alloc_array(arena, NAMES_MAX, sizeof(*media->genres));
    json_array_foreach(list, i, one)
    {
        const char *genre = sok_answer_text(arena, json_string_value(one), 100);
        if (genre && media->genre_count < NAMES_MAX)
            media->genres[media->genre_count++] = genre;
    }
}

static bool read_show(struct sok_arena *arena, const json_t *show, struct sok_found_media *ret)
{
    struct sok_found_media media = {.media_type = "tv"};
    media.tvmaze_id = sok_json_int(show, "id", 0);
    media.title = text(arena, show, "name");
    if (media.tvmaze_id <= 0 || !media.title || !json_object_get(show, "externals"))
        return false; // an episode or a person has an id and a name, too
    const json_t *ids = json_object_get(show, "externals"), *picture = json_object_get(show, "image");
    media.imdb_id = sok_answer_imdb(arena, sok_json_text(ids, "imdb", NULL));
    media.tvdb_id = sok_json_int(ids, "thetvdb", 0);
    media.released_at = date(show, "premiered");
    media.year = sok_answer_year(sok_json_text(show, "premiered", NULL));
    media.overview = sok_answer_html(arena, sok_json_text(show, "summary", NULL), SOK_OVERVIEW_BYTES_MAX);
    const char *original = https_url(arena, picture, "original");
    media.poster_url = original ? original : https_url(arena, picture, "medium");
    media.homepage = https_url(arena, show, "url");
    double rating = sok_json_real(json_object_get(show, "rating"), "average", 0);
    media.rating = rating >= 0 && rating <= 10 ? rating : 0;
    media.popularity = sok_json_real(show, "weight", 0);
    media.status = text(arena, show, "status");
    media.runtime_minutes = minutes(show, "runtime");
    if (!media.runtime_minutes)
        media.runtime_minutes = minutes(show, "averageRuntime");
    read_genres(arena, json_object_get(show, "genres"), &media);
    *ret = media;
    return true;
}

enum sok_status sok_tvmaze_parse_shows(
    struct sok_arena *arena, const json_t *answer, struct sok_found_media **ret, size_t *ret_count,
    struct sok_error *err)
{
    struct sok_found_media *items = sok_alloc_array(arena, SOK_FOUND_MEDIA_MAX, sizeof(*items));
    size_t count = 0, i;
    const json_t *row;
    if (json_is_object(answer) && read_show(arena, answer, &items[0])) {
        count = 1;
    } else if (!json_is_array(answer)) {
        return sok_fail(err, SOK_PROTOCOL, "TVmaze's answer has no shows");
    }
    json_array_foreach(answer, i, row)
    {
        const json_t *show = json_object_get(row, "show");
        if (count < SOK_FOUND_MEDIA_MAX && read_show(arena, show ? show : row, &items[count]))
            count++;
    }
    *ret = items;
    *ret_count = count;
    return SOK_OK;
}

static bool read_episode(
    struct sok_arena *arena, const json_t *row, int season, struct sok_found_episode *ret)
{
    int64_t number = sok_json_int(row, "number", -1), of = sok_json_int(row, "season", -1); // special: null
    if (number < 0 || number > 99999 || of < 0 || of > 9999 || (season >= 0 && of != season))
        return false;
    int64_t airs = date(row, "airdate");
    *ret = (struct sok_found_episode){
        .season = (int)of,
        .number = (int)number,
        .title = text(arena, row, "name"),
        .overview = sok_answer_html(arena, sok_json_text(row, "summary", NULL), SOK_OVERVIEW_BYTES_MAX),
        .still_url = https_url(arena, json_object_get(row, "image"), "original"),
        .air_at = airs ? airs : date(row, "airstamp"),
        .runtime_minutes = minutes(row, "runtime"),
        .tvmaze_id = sok_json_int(row, "id", 0),
    };
    return true;
}

enum sok_status sok_tvmaze_parse_episodes(
    struct sok_arena *arena, const json_t *answer, int season, struct sok_found_episode **ret,
    size_t *ret_count, struct sok_error *err)
{
    if (!json_is_array(answer) && !json_object_get(answer, "season"))
        return sok_fail(err, SOK_PROTOCOL, "TVmaze's answer has no episodes");
    size_t size = json_is_array(answer) ? json_array_size(answer) : 1, count = 0, i;
    if (size > SOK_FOUND_EPISODES_MAX)
        size = SOK_FOUND_EPISODES_MAX;
    struct sok_found_episode *items = sok_alloc_array(arena, size, sizeof(*items));
    const json_t *row;
    if (json_is_object(answer) && read_episode(arena, answer, season, &items[0]))
        count = 1;
    json_array_foreach(answer, i, row)
    {
        if (count < size && read_episode(arena, row, season, &items[count]))
            count++;
    }
    *ret = items;
    *ret_count = count;
    return SOK_OK;
}

static void read_seasons(struct sok_arena *arena, const json_t *list, struct sok_found_media *media)
{
    size_t i;
    const json_t *row;
    media->seasons = sok_alloc_array(arena, 500, sizeof(*media->seasons));
    json_array_foreach(list, i, row)
    {
        int64_t number = sok_json_int(row, "number", -1), episodes = sok_json_int(row, "episodeOrder", 0);
        if (number < 0 || number > 9999 || media->season_count == 500)
            continue;
        media->seasons[media->season_count++] = (struct sok_found_season){
            .number = (int)number,
            .episode_count = episodes > 0 && episodes < 100000 ? (int)episodes : 0,
            .title = text(arena, row, "name"),
        };
    }
}

enum sok_status sok_tvmaze_parse_show(
    struct sok_arena *arena, const json_t *answer, int season, struct sok_found_media *ret,
    struct sok_error *err)
{
    struct sok_found_media media;
    if (!read_show(arena, answer, &media))
        return sok_fail(err, SOK_PROTOCOL, "TVmaze's answer is no show");
    const json_t *embedded = json_object_get(answer, "_embedded");
    const json_t *episodes = json_object_get(embedded, "episodes"), *akas = json_object_get(embedded, "akas");
    if (season >= 0 && json_is_array(episodes))
        SOK_TRY(
            sok_tvmaze_parse_episodes(arena, episodes, season, &media.episodes, &media.episode_count, err));
    read_seasons(arena, json_object_get(embedded, "seasons"), &media);
    size_t i;
    const json_t *row;
    media.alternative_titles = sok_alloc_array(arena, NAMES_MAX, sizeof(*media.alternative_titles));
    json_array_foreach(akas, i, row)
    {
        const char *name = text(arena, row, "name");
        if (name && media.alternative_title_count < NAMES_MAX)
            media.alternative_titles[media.alternative_title_count++] = name;
    }
    *ret = media;
    return SOK_OK;
}

// --- Asking.

static const char *const explain[] = {"message", "name", NULL};

static enum sok_status ask(
    const struct sok_provider_call *call, const char *url, json_t **ret, struct sok_error *err)
{
    return sok_provider_fetch_json(call, url, NULL, explain, ret, err);
}

static const char *at(const struct sok_provider_call *call, const char *path)
{
    return sok_url_join(call->arena, sok_provider_base(call, DEFAULT_URL), path);
}

static enum sok_status lookup(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_media **ret, size_t *ret_count, struct sok_error *err)
{
    struct sok_arena *arena = call->arena;
    *ret_count = 0;
    if (sok_text_eq(query->media_type, "movie"))
        return SOK_OK;
    const char *url = NULL;
    if (query->tvmaze_id)
        url = at(call, sok_format(arena, "shows/%lld", (long long)query->tvmaze_id));
    else if (query->imdb_id)
        url = at(call, sok_format(arena, "lookup/shows?imdb=%s", sok_uri_encode(arena, query->imdb_id)));
    if (url) {
        SOK_JSON_AUTO *answer = NULL;
        enum sok_status status = ask(call, url, &answer, err);
        if (status == SOK_OK)
            return sok_tvmaze_parse_shows(arena, answer, ret, ret_count, err);
        if (status != SOK_NOT_FOUND)
            return status;
    }
    if (sok_text_empty(query->title))
        return SOK_OK;
    SOK_JSON_AUTO *answer = NULL;
    url = at(call, sok_format(arena, "search/shows?q=%s", sok_uri_encode(arena, query->title)));
    SOK_TRY(ask(call, url, &answer, err));
    return sok_tvmaze_parse_shows(arena, answer, ret, ret_count, err);
}

static enum sok_status details(
    const struct sok_provider_call *call, struct sok_found_media *media, int season, struct sok_error *err)
{
    const char *path = sok_format(
        call->arena, "shows/%lld?embed[]=seasons&embed[]=akas%s", (long long)media->tvmaze_id,
        season >= 0 ? "&embed[]=episodes" : "");
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(ask(call, at(call, path), &answer, err));
    struct sok_found_media full;
    SOK_TRY(sok_tvmaze_parse_show(call->arena, answer, season, &full, err));
    full.tmdb_id = media->tmdb_id;
    *media = full;
    return SOK_OK;
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    struct sok_found_media *shows;
    size_t count;
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(ask(call, at(call, "search/shows?q=test"), &answer, err));
    return sok_tvmaze_parse_shows(call->arena, answer, &shows, &count, err);
}

const struct sok_provider_driver sok_tvmaze_driver = {
    .kind = "tvmaze",
    .label = "TVmaze",
    .default_url = DEFAULT_URL,
    .can = SOK_PROVIDER_METADATA,
    .lookup = lookup,
    .details = details,
    .test = test,
};
