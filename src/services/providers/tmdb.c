#include "services/providers/tmdb.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "base/uri.h"
#include "net/url.h"
#include "services/providers/answer.h"

#define DEFAULT_URL "https://api.themoviedb.org/3"
#define IMAGE_URL "https://image.tmdb.org/t/p/"
#define NAMES_MAX 64

// --- Reading.

static const char *text(struct sok_arena *arena, const json_t *row, const char *key)
{
    return sok_answer_text(arena, sok_json_text(row, key, NULL), SOK_TITLE_BYTES_MAX);
}

static const char *image(struct sok_arena *arena, const json_t *row, const char *key, const char *size)
{
    const char *path = sok_json_text(row, key, NULL);
    bool usable =
        path && path[0] == '/' && strlen(path) < 200 && !strchr(path + 1, '/') && !strstr(path, "..");
    return usable ? sok_format(arena, IMAGE_URL "%s%s", size, path) : NULL;
}

static int64_t date(const json_t *row, const char *key)
{
    int64_t at_ms;
    const char *said = sok_json_text(row, key, NULL);
    return sok_time_parse(said, &at_ms) ? at_ms : 0;
}

static int minutes(const json_t *value)
{
    int64_t said =
        json_is_array(value) ? json_integer_value(json_array_get(value, 0)) : json_integer_value(value);
    return said > 0 && said < 10000 ? (int)said : 0;
}

static void read_names(
    struct sok_arena *arena, const json_t *list, const char *key, const char ***ret, size_t *ret_count)
{
    size_t count = json_array_size(list), kept = 0;
    if (count > NAMES_MAX)
        count = NAMES_MAX;
    const char **names = sok_alloc_array(arena, count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        const char *name = text(arena, json_array_get(list, i), key);
        if (name)
            names[kept++] = name;
    }
    *ret = names;
    *ret_count = kept;
}

// What lists and details have in common. False without an id or a title.
static bool read_media(
    struct sok_arena *arena, const json_t *row, const char *media_type, struct sok_found_media *ret)
{
    const char *type = media_type ? media_type : sok_json_text(row, "media_type", NULL);
    bool movie = sok_text_eq(type, "movie");
    if (!movie && !sok_text_eq(type, "tv"))
        return false;
    struct sok_found_media media = {.media_type = movie ? "movie" : "tv"};
    media.tmdb_id = sok_json_int(row, "id", 0);
    media.title = text(arena, row, movie ? "title" : "name");
    media.original_title = text(arena, row, movie ? "original_title" : "original_name");
    if (!media.title)
        media.title = media.original_title;
    if (media.tmdb_id <= 0 || !media.title)
        return false;
    const char *date_key = movie ? "release_date" : "first_air_date";
    media.original_language = text(arena, row, "original_language");
    media.year = sok_answer_year(sok_json_text(row, date_key, NULL));
    media.released_at = date(row, date_key);
    media.overview = sok_answer_text(arena, sok_json_text(row, "overview", NULL), SOK_OVERVIEW_BYTES_MAX);
    media.poster_url = image(arena, row, "poster_path", "w500");
    media.backdrop_url = image(arena, row, "backdrop_path", "w1280");
    media.rating = sok_json_real(row, "vote_average", 0);
    if (media.rating < 0 || media.rating > 10)
        media.rating = 0;
    media.votes = sok_json_int(row, "vote_count", 0);
    media.popularity = sok_json_real(row, "popularity", 0);
    *ret = media;
    return true;
}

static void read_rows(
    struct sok_arena *arena, const json_t *rows, const char *media_type, struct sok_found_media *items,
    size_t *count)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (*count < SOK_FOUND_MEDIA_MAX && read_media(arena, row, media_type, &items[*count]))
            (*count)++;
    }
}

enum sok_status sok_tmdb_parse_list(
    struct sok_arena *arena, const json_t *answer, const char *media_type, struct sok_found_media **ret,
    size_t *ret_count, struct sok_error *err)
{
    const json_t *results = json_object_get(answer, "results");
    const json_t *movies = json_object_get(answer, "movie_results");
    const json_t *shows = json_object_get(answer, "tv_results");
    if (!json_is_array(results) && !json_is_array(movies) && !json_is_array(shows))
        return sok_fail(err, SOK_PROTOCOL, "TMDB's answer has no results");
    struct sok_found_media *items = sok_alloc_array(arena, SOK_FOUND_MEDIA_MAX, sizeof(*items));
    size_t count = 0;
    read_rows(arena, results, media_type, items, &count);
    read_rows(arena, movies, "movie", items, &count);
    read_rows(arena, shows, "tv", items, &count);
    *ret = items;
    *ret_count = count;
    return SOK_OK;
}

static void read_seasons(struct sok_arena *arena, const json_t *list, struct sok_found_media *media)
{
    size_t count = json_array_size(list), i;
    const json_t *row;
    media->seasons = sok_alloc_array(arena, count < 500 ? count : 500, sizeof(*media->seasons));
    json_array_foreach(list, i, row)
    {
        int64_t number = sok_json_int(row, "season_number", -1),
                episodes = sok_json_int(row, "episode_count", 0);
        if (number < 0 || number > 9999 || media->season_count == 500)
            continue;
        media->seasons[media->season_count++] = (struct sok_found_season){
            .number = (int)number,
            .episode_count = episodes > 0 && episodes < 100000 ? (int)episodes : 0,
            .title = text(arena, row, "name"),
        };
    }
}

enum sok_status sok_tmdb_parse_details(
    struct sok_arena *arena, const json_t *answer, const char *media_type, struct sok_found_media *ret,
    struct sok_error *err)
{
    struct sok_found_media media;
    if (!read_media(arena, answer, media_type, &media))
        return sok_fail(err, SOK_PROTOCOL, "TMDB's answer is no film or series");
    const json_t *ids = json_object_get(answer, "external_ids");
    const char *imdb = sok_json_text(answer, "imdb_id", NULL);
    media.imdb_id = sok_answer_imdb(arena, sok_text_empty(imdb) ? sok_json_text(ids, "imdb_id", NULL) : imdb);
    media.tvdb_id = sok_json_int(ids, "tvdb_id", 0);
    media.homepage = text(arena, answer, "homepage");
    media.status = text(arena, answer, "status");
    media.runtime_minutes = minutes(json_object_get(answer, "runtime"));
    if (!media.runtime_minutes)
        media.runtime_minutes = minutes(json_object_get(answer, "episode_run_time"));
    read_names(arena, json_object_get(answer, "genres"), "name", &media.genres, &media.genre_count);
    const json_t *titles = json_object_get(answer, "alternative_titles");
    const json_t *list = json_object_get(titles, "titles"); // films; series say "results"
    read_names(
        arena, list ? list : json_object_get(titles, "results"), "title", &media.alternative_titles,
        &media.alternative_title_count);
    read_seasons(arena, json_object_get(answer, "seasons"), &media);
    *ret = media;
    return SOK_OK;
}

enum sok_status sok_tmdb_parse_season(
    struct sok_arena *arena, const json_t *answer, struct sok_found_episode **ret, size_t *ret_count,
    struct sok_error *err)
{
    const json_t *list = json_object_get(answer, "episodes");
    if (!json_is_array(list))
        return sok_fail(err, SOK_PROTOCOL, "TMDB's answer has no episodes");
    size_t size = json_array_size(list), count = 0, i;
    if (size > SOK_FOUND_EPISODES_MAX)
        size = SOK_FOUND_EPISODES_MAX;
    struct sok_found_episode *items = sok_alloc_array(arena, size, sizeof(*items));
    const json_t *row;
    json_array_foreach(list, i, row)
    {
        int64_t season = sok_json_int(row, "season_number", sok_json_int(answer, "season_number", -1));
        int64_t episode = sok_json_int(row, "episode_number", -1);
        if (season < 0 || season > 9999 || episode < 0 || episode > 99999 || count == size)
            continue;
        items[count++] = (struct sok_found_episode){
            .season = (int)season,
            .number = (int)episode,
            .title = text(arena, row, "name"),
            .overview = sok_answer_text(arena, sok_json_text(row, "overview", NULL), SOK_OVERVIEW_BYTES_MAX),
            .still_url = image(arena, row, "still_path", "w300"),
            .air_at = date(row, "air_date"),
            .runtime_minutes = minutes(json_object_get(row, "runtime")),
            .tmdb_id = sok_json_int(row, "id", 0),
        };
    }
    *ret = items;
    *ret_count = count;
    return SOK_OK;
}

// --- Asking.

static const char *const explain[] = {"status_message", NULL};

// A v4 read token is a JWT and goes into a header; a v3 key is a parameter.
static enum sok_status ask(
    const struct sok_provider_call *call, const char *url, json_t **ret, struct sok_error *err)
{
    struct sok_arena *arena = call->arena;
    const char *key = call->config->api_key;
    const char *headers[] = {NULL, NULL};
    if (sok_text_empty(key))
        return sok_fail(err, SOK_UNAUTHENTICATED, "%.64s: it needs an API key", call->config->name);
    if (sok_text_starts(key, "eyJ") &&
        strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(key))
        headers[0] = sok_format(arena, "Authorization: Bearer %s", key);
    else if (url)
        url = sok_url_with(arena, url, "api_key", key);
    return sok_provider_fetch_json(call, url, headers, explain, ret, err);
}

// The API's root ends in its version; a base URL without a path gets it.
static const char *at(const struct sok_provider_call *call, const char *path)
{
    struct sok_url base;
    const char *said = sok_provider_base(call, DEFAULT_URL);
    if (sok_url_parse(call->arena, said, &base, NULL) == SOK_OK && strcmp(base.path, "/") == 0)
        path = sok_format(call->arena, "3/%s", path);
    return sok_url_join(call->arena, said, path);
}

static enum sok_status load_details(
    const struct sok_provider_call *call, const char *media_type, int64_t tmdb_id,
    struct sok_found_media *ret, struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    const char *path = sok_format(call->arena, "%s/%lld", media_type, (long long)tmdb_id);
    const char *url = at(call, path);
    if (url)
        url = sok_url_with(call->arena, url, "append_to_response", "external_ids,alternative_titles");
    SOK_TRY(ask(call, url, &answer, err));
    return sok_tmdb_parse_details(call->arena, answer, media_type, ret, err);
}

static enum sok_status search_words(
    const struct sok_provider_call *call, const struct sok_provider_query *query, bool with_year,
    struct sok_found_media **ret, size_t *ret_count, struct sok_error *err)
{
    struct sok_arena *arena = call->arena;
    bool movie = sok_text_eq(query->media_type, "movie"), tv = sok_text_eq(query->media_type, "tv");
    const char *url = at(call, movie ? "search/movie" : tv ? "search/tv" : "search/multi");
    if (url) {
        url = sok_url_with(arena, url, "query", query->title);
        url = sok_url_with(arena, url, "include_adult", "false");
        url = sok_url_with(arena, url, "page", "1");
        if (with_year && (movie || tv))
            url = sok_url_with(
                arena, url, movie ? "year" : "first_air_date_year", sok_format(arena, "%d", query->year));
    }
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(ask(call, url, &answer, err));
    return sok_tmdb_parse_list(arena, answer, movie ? "movie" : tv ? "tv" : NULL, ret, ret_count, err);
}

static enum sok_status find_imdb(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_media **ret, size_t *ret_count, struct sok_error *err)
{
    const char *path = sok_format(call->arena, "find/%s", sok_uri_encode(call->arena, query->imdb_id));
    const char *url = at(call, path);
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(
        ask(call, url ? sok_url_with(call->arena, url, "external_source", "imdb_id") : NULL, &answer, err));
    return sok_tmdb_parse_list(call->arena, answer, NULL, ret, ret_count, err);
}

static enum sok_status lookup(
    const struct sok_provider_call *call, const struct sok_provider_query *query,
    struct sok_found_media **ret, size_t *ret_count, struct sok_error *err)
{
    if (query->tmdb_id && query->media_type) {
        *ret = sok_alloc(call->arena, sizeof(**ret));
        *ret_count = 1;
        return load_details(call, query->media_type, query->tmdb_id, *ret, err);
    }
    *ret_count = 0;
    if (query->imdb_id) {
        SOK_TRY(find_imdb(call, query, ret, ret_count, err));
        if (*ret_count || sok_text_empty(query->title))
            return SOK_OK;
    }
    if (sok_text_empty(query->title))
        return SOK_OK;
    SOK_TRY(search_words(call, query, query->year > 0, ret, ret_count, err));
    if (*ret_count || query->year <= 0 || !query->media_type)
        return SOK_OK;
    return search_words(call, query, false, ret, ret_count, err); // the year may be off by one
}

static enum sok_status details(
    const struct sok_provider_call *call, struct sok_found_media *media, int season, struct sok_error *err)
{
    struct sok_found_media full;
    SOK_TRY(load_details(call, media->media_type, media->tmdb_id, &full, err));
    full.tvmaze_id = media->tvmaze_id;
    *media = full;
    if (season < 0 || !sok_text_eq(media->media_type, "tv"))
        return SOK_OK;
    SOK_JSON_AUTO *answer = NULL;
    const char *path = sok_format(call->arena, "tv/%lld/season/%d", (long long)media->tmdb_id, season);
    enum sok_status status = ask(call, at(call, path), &answer, err);
    if (status == SOK_NOT_FOUND) // a season that TMDB does not know
        return SOK_OK;
    SOK_TRY(status);
    return sok_tmdb_parse_season(call->arena, answer, &media->episodes, &media->episode_count, err);
}

static enum sok_status test(const struct sok_provider_call *call, struct sok_error *err)
{
    SOK_JSON_AUTO *answer = NULL;
    SOK_TRY(ask(call, at(call, "authentication"), &answer, err));
    if (!sok_json_bool(answer, "success", false))
        return sok_fail(err, SOK_UNAUTHENTICATED, "TMDB does not take the key");
    return SOK_OK;
}

const struct sok_provider_driver sok_tmdb_driver = {
    .kind = "tmdb",
    .label = "TMDB",
    .default_url = DEFAULT_URL,
    .needs_key = true,
    .can = SOK_PROVIDER_METADATA,
    .lookup = lookup,
    .details = details,
    .test = test,
};
