// Works: films, series and episodes. An episode's parent is its series.
#ifndef SOK_DATA_MEDIA_H
#define SOK_DATA_MEDIA_H

#include "data/page.h"

#define SOK_MEDIA_MOVIE "movie"
#define SOK_MEDIA_TV "tv"
#define SOK_MEDIA_EPISODE "episode"

// Text may be NULL where unknown (JSON lists: then "[]"); numbers 0, seasons and episodes -1.
struct sok_media {
    const char *id, *media_type, *title, *original_title;
    const char *alternative_titles; // JSON list of text
    int64_t tmdb_id;
    const char *imdb_id;
    int64_t tvdb_id, tvmaze_id;
    int64_t year;
    const char *release_date; // "2010-07-16"; an episode's air date
    const char *overview, *poster_url, *backdrop_url;
    const char *genres; // JSON list of text
    const char *original_language;
    double rating; // 0-10
    int64_t runtime_minutes;
    const char *parent_id;
    int64_t season_number, episode_number, absolute_number; // -1: none
    const char *origin; // where the facts come from: "query", "tmdb", "tvmaze", "file", "user"
    int64_t enriched_at;
    int64_t created_at, updated_at;
};

// A media with every optional number at "none".
#define SOK_MEDIA_INIT ((struct sok_media){.season_number = -1, .episode_number = -1, .absolute_number = -1})

// SOK_CONFLICT when another row has the tmdb_id (of that type) or is that episode.
SOK_MUST_CHECK enum sok_status sok_media_insert(
    struct sok_db_tx *tx, const struct sok_media *media, struct sok_error *err);
// Writes every field but id and created_at. SOK_NOT_FOUND, SOK_CONFLICT.
SOK_MUST_CHECK enum sok_status sok_media_update(
    struct sok_db_tx *tx, const struct sok_media *media, struct sok_error *err);
// With all that hangs on it. Files on disk stay.
SOK_MUST_CHECK enum sok_status sok_media_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err);

// Which of these works can be watched: there is a complete file of it or, of a series, of an episode. As the
// filter `available` knows it, in one query for 50. ret has `count` places.
SOK_MUST_CHECK enum sok_status sok_media_available(
    struct sok_db_tx *tx, const char *const *ids, size_t count, bool *ret, struct sok_error *err);

SOK_MUST_CHECK enum sok_status sok_media_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_media *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_find_tmdb(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t tmdb_id, const char *media_type,
    struct sok_media *ret, struct sok_error *err);
// A series by its TVmaze id.
SOK_MUST_CHECK enum sok_status sok_media_find_tvmaze(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t tvmaze_id, struct sok_media *ret,
    struct sok_error *err);
// A film or series whose title, original title or an alternative one is this, case and diacritics aside.
// year 0 or media_type NULL: any; a row without a year fits any. With a year, +-1 counts when none is exact.
SOK_MUST_CHECK enum sok_status sok_media_find_title(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *title, int64_t year, const char *media_type,
    struct sok_media *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_find_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, int64_t season, int64_t episode,
    struct sok_media *ret, struct sok_error *err);
// The episode's row, made if it is not there (id: for a new one); known facts are not overwritten with NULL
// or 0. *ret_id in the arena.
SOK_MUST_CHECK enum sok_status sok_media_upsert_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media *episode, const char **ret_id,
    struct sok_error *err);
// In order of season and episode; season -1: all.
SOK_MUST_CHECK enum sok_status sok_media_list_episodes(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, int64_t season,
    struct sok_media **ret, size_t *ret_count, struct sok_error *err);
// The same in pages. Sorts: number (own order: season and episode, first to last), release_date, title,
// rating. Filters: season, episode, q, available.
SOK_MUST_CHECK enum sok_status sok_media_list_episodes_page(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, const struct sok_page *page,
    struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);
// Moves searches, results, downloads, files, history, library entries from one row to the other and deletes
// the first.
SOK_MUST_CHECK enum sok_status sok_media_merge(
    struct sok_db_tx *tx, const char *from_id, const char *into_id, int64_t now_ms, struct sok_error *err);

struct sok_media_filter {
    const char *media_type, *text, *parent_id; // NULL: any; text: of a title, errors forgiven
    bool with_episodes;                        // else episodes appear only when media_type or parent_id asks
};
// Sorts: created_at (own order, newest first), title, year, rating, updated_at. With a text: relevance (own
// order), at most the best 2,000. Filters: q, media_type, parent_id, genre, year, min_year, max_year,
// min_rating, language, tmdb_id, imdb_id, tvdb_id, tvmaze_id, available (can be watched; a series: any of its
// episodes).
SOK_MUST_CHECK enum sok_status sok_media_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter,
    const struct sok_page *page, struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);
// Films and series not enriched since before_ms (0: never), oldest first, at most `limit`.
SOK_MUST_CHECK enum sok_status sok_media_list_stale(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t before_ms, int64_t limit, struct sok_media **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_media_count(
    struct sok_db_tx *tx, const char *media_type, int64_t *ret, struct sok_error *err); // NULL: all

#endif
