#include "workers/enrich.h"

#include <string.h>

#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "data/media.h"
#include "services/providers/registry.h"

#define SEASONS_MAX 60
#define ALTERNATIVES_MAX 40
#define SEASON_TIMEOUT_MS 10000

static const char *day_text(struct sok_arena *arena, int64_t at_ms)
{
    char text[SOK_TIME_TEXT];
    if (!at_ms)
        return NULL;
    sok_time_format(at_ms, text);
    return sok_strndup(arena, text, 10);
}

static const char *list_json(struct sok_arena *arena, const char *const *items, size_t count)
{
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count && i < ALTERNATIVES_MAX; i++)
        json_array_append_new(list, json_string(items[i]));
    return sok_json_dump(arena, list);
}

static void keep(const char **field, const char *value, bool by_user)
{
    if (!sok_text_empty(value) && !(by_user && !sok_text_empty(*field)))
        *field = value;
}

static void keep_number(int64_t *field, int64_t value, bool by_user)
{
    if (value && !(by_user && *field))
        *field = value;
}

// The titles a work is found by, with the one it was searched under.
static const char *alternative_titles(
    struct sok_arena *arena, const struct sok_media *media, const struct sok_found_media *found)
{
    const char **titles = sok_alloc_array(arena, found->alternative_title_count + 1, sizeof *titles);
    size_t count = 0;
    if (!sok_text_eq_nocase(media->title, found->title))
        titles[count++] = media->title;
    for (size_t i = 0; i < found->alternative_title_count; i++)
        titles[count++] = found->alternative_titles[i];
    return list_json(arena, titles, count);
}

static void fill(
    struct sok_arena *arena, struct sok_media *media, const struct sok_found_media *found, int64_t now_ms)
{
    bool by_user = sok_text_eq(media->origin, "user");
    if (found->alternative_title_count || !sok_text_eq_nocase(media->title, found->title))
        media->alternative_titles = alternative_titles(arena, media, found);
    keep(&media->title, found->title, by_user);
    keep(&media->original_title, found->original_title, by_user);
    keep(&media->imdb_id, found->imdb_id, by_user);
    keep(&media->overview, found->overview, by_user);
    keep(&media->poster_url, found->poster_url, by_user);
    keep(&media->backdrop_url, found->backdrop_url, by_user);
    keep(&media->original_language, found->original_language, by_user);
    keep(&media->release_date, day_text(arena, found->released_at), by_user);
    keep_number(&media->tmdb_id, found->tmdb_id, by_user);
    keep_number(&media->tvdb_id, found->tvdb_id, by_user);
    keep_number(&media->tvmaze_id, found->tvmaze_id, by_user);
    keep_number(&media->year, found->year, by_user);
    keep_number(&media->runtime_minutes, found->runtime_minutes, by_user);
    if (found->genre_count)
        media->genres = list_json(arena, found->genres, found->genre_count);
    if (found->rating > 0)
        media->rating = found->rating;
    if (sok_text_eq(found->media_type, SOK_MEDIA_MOVIE) || sok_text_eq(found->media_type, SOK_MEDIA_TV))
        media->media_type = found->media_type; // a row made from a query only guessed it
    if (!by_user)
        media->origin = found->tmdb_id ? "tmdb" : "tvmaze";
    media->enriched_at = media->updated_at = now_ms;
}

// The row that is this work already, under another id. SOK_NOT_FOUND: none.
static enum sok_status find_same(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, const struct sok_found_media *found,
    struct sok_media *ret, struct sok_error *err)
{
    enum sok_status status = SOK_NOT_FOUND;
    if (found->tmdb_id)
        status = sok_media_find_tmdb(tx, arena, found->tmdb_id, found->media_type, ret, err);
    if (status == SOK_NOT_FOUND && found->tvmaze_id && sok_text_eq(found->media_type, SOK_MEDIA_TV))
        status = sok_media_find_tvmaze(tx, arena, found->tvmaze_id, ret, err);
    return status == SOK_OK && strcmp(ret->id, media_id) == 0 ? SOK_NOT_FOUND : status;
}

static enum sok_status apply_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id,
    const struct sok_found_episode *found, int64_t now_ms, struct sok_error *err)
{
    struct sok_media episode = SOK_MEDIA_INIT, other;
    char id[SOK_UUID_LEN + 1];
    const char *kept_id;
    if (found->season < 0 || found->number < 0)
        return SOK_OK;
    sok_uuid7(now_ms, id);
    episode.id = id;
    episode.media_type = SOK_MEDIA_EPISODE;
    episode.parent_id = series_id;
    episode.season_number = found->season;
    episode.episode_number = found->number;
    episode.title =
        sok_text_empty(found->title) ? sok_format(arena, "Episode %d", found->number) : found->title;
    episode.overview = found->overview;
    episode.poster_url = found->still_url;
    episode.release_date = day_text(arena, found->air_at);
    episode.runtime_minutes = found->runtime_minutes;
    episode.tvmaze_id = found->tvmaze_id;
    if (found->tmdb_id &&
        sok_media_find_tmdb(tx, arena, found->tmdb_id, SOK_MEDIA_EPISODE, &other, NULL) == SOK_NOT_FOUND)
        episode.tmdb_id = found->tmdb_id;
    episode.alternative_titles = episode.genres = "[]";
    episode.origin = found->tmdb_id ? "tmdb" : "tvmaze";
    episode.enriched_at = episode.created_at = episode.updated_at = now_ms;
    return sok_media_upsert_episode(tx, arena, &episode, &kept_id, err);
}

enum sok_status sok_enrich_apply(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, const struct sok_found_media *found,
    int64_t now_ms, const char **ret_media_id, struct sok_error *err)
{
    struct sok_media media, same;
    SOK_TRY(sok_media_find(tx, arena, media_id, &media, err));
    enum sok_status status = find_same(tx, arena, media_id, found, &same, err);
    if (status == SOK_OK) {
        SOK_TRY(sok_media_merge(tx, media_id, same.id, now_ms, err));
        media = same;
    } else if (status != SOK_NOT_FOUND) {
        return status;
    }
    fill(arena, &media, found, now_ms);
    SOK_TRY(sok_media_update(tx, &media, err));
    for (size_t i = 0; i < found->episode_count; i++)
        SOK_TRY(apply_episode(tx, arena, media.id, &found->episodes[i], now_ms, err));
    *ret_media_id = media.id;
    return SOK_OK;
}

struct apply {
    struct sok_arena *arena;
    const char *media_id, *ret_media_id;
    const struct sok_found_media *found;
    int64_t now_ms;
};

static enum sok_status write_apply(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct apply *apply = context;
    return sok_enrich_apply(
        tx, apply->arena, apply->media_id, apply->found, apply->now_ms, &apply->ret_media_id, err);
}

// One question to the providers and its answer written.
static enum sok_status ask_and_apply(
    const struct sok_worker_env *env, struct sok_arena *arena, const char *media_id,
    const struct sok_provider_query *query, int64_t timeout_ms, struct sok_found_media *found,
    const char **ret_media_id, struct sok_error *err)
{
    *found = (struct sok_found_media){0};
    SOK_TRY(sok_providers_identify(env->providers, arena, query, timeout_ms, found, err));
    struct apply apply = {
        .arena = arena, .media_id = media_id, .found = found, .now_ms = sok_clock_now_ms(env->clock)};
    SOK_TRY(sok_db_write(env->db, write_apply, &apply, err));
    *ret_media_id = apply.ret_media_id;
    return SOK_OK;
}

enum sok_status sok_enrich_media(
    const struct sok_worker_env *env, struct sok_arena *arena, const char *media_id, int64_t timeout_ms,
    const char **ret_media_id, struct sok_error *err)
{
    struct sok_media media;
    struct sok_found_media found, season;
    int64_t deadline_ms = sok_clock_mono_ms(env->clock) + timeout_ms;
    SOK_TRY(sok_media_find(sok_db_reader(env->db), arena, media_id, &media, err));
    if (media.parent_id) // an episode's facts come with its series'
        SOK_TRY(sok_media_find(sok_db_reader(env->db), arena, media.parent_id, &media, err));
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = media.title;
    query.media_type = media.media_type;
    query.year = media.year ? (int)media.year : -1;
    query.imdb_id = media.imdb_id;
    query.tmdb_id = media.tmdb_id;
    query.tvmaze_id = media.tvmaze_id;
    enum sok_status status =
        ask_and_apply(env, arena, media.id, &query, timeout_ms, &found, ret_media_id, err);
    if (status == SOK_NOT_FOUND && err)
        err->code = "unknown_work";
    SOK_TRY(status);
    query.tmdb_id = found.tmdb_id;
    query.tvmaze_id = found.tvmaze_id;
    query.media_type = found.media_type;
    for (size_t i = 0; i < found.season_count && i < SEASONS_MAX; i++) {
        int64_t left_ms = deadline_ms - sok_clock_mono_ms(env->clock);
        struct sok_error ignored = {0};
        const char *same_id;
        if (left_ms <= 0)
            break;
        query.season = found.seasons[i].number;
        // A season that cannot be had is no reason to lose the rest; the next enrichment asks again.
        (void)ask_and_apply(
            env, arena, *ret_media_id, &query, left_ms < SEASON_TIMEOUT_MS ? left_ms : SEASON_TIMEOUT_MS,
            &season, &same_id, &ignored);
    }
    return SOK_OK;
}
