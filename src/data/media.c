#include "data/media.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "data/media_private.h"
#include "data/titles.h"

#define TITLES_MAX ((size_t)64 << 10)

#define M(field, kind) SOK_COLUMN(sok_media, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    M(id, TEXT),
    M(media_type, TEXT),
    M(title, TEXT),
    M(original_title, TEXT),
    M(alternative_titles, LIST),
    M(tmdb_id, OPT),
    M(imdb_id, TEXT),
    M(tvdb_id, OPT),
    M(tvmaze_id, OPT),
    M(year, OPT),
    M(release_date, TEXT),
    M(overview, TEXT),
    M(poster_url, TEXT),
    M(backdrop_url, TEXT),
    M(genres, LIST),
    M(original_language, TEXT),
    M(rating, OPT_REAL),
    M(runtime_minutes, OPT),
    M(parent_id, TEXT),
    M(season_number, NATURAL),
    M(episode_number, NATURAL),
    M(absolute_number, NATURAL),
    M(origin, TEXT),
    M(enriched_at, OPT),
    SOK_COLUMN_FIXED(sok_media, created_at, SOK_COLUMN_INT),
    M(updated_at, INT),
};
#undef M
const struct sok_table sok_media_table = SOK_TABLE("media", sok_media, columns);

// Every title, folded, each between line feeds, so that "\n<title>\n" finds a whole one.
static const char *fold_titles(struct sok_arena *arena, const struct sok_media *media)
{
    SOK_BUF_AUTO all;
    sok_buf_init(&all, TITLES_MAX);
    sok_buf_printf(&all, "\n%s\n", sok_text_fold(arena, media->title));
    if (media->original_title)
        sok_buf_printf(&all, "%s\n", sok_text_fold(arena, media->original_title));
    const char *list = media->alternative_titles;
    SOK_JSON_AUTO *titles = NULL;
    if (list && sok_json_parse(list, strlen(list), TITLES_MAX, &titles, NULL) == SOK_OK) {
        size_t i;
        json_t *title;
        json_array_foreach(titles, i, title) if (json_is_string(title))
            sok_buf_printf(&all, "%s\n", sok_text_fold(arena, json_string_value(title)));
    }
    return sok_strndup(arena, all.data, all.len);
}

static enum sok_status name_conflict(enum sok_status status, struct sok_error *err)
{
    if (status == SOK_CONFLICT && err && sok_text_eq(err->code, "already_exists")) {
        status = sok_fail(err, SOK_CONFLICT, "another entry is this work already");
        err->code = "media_exists";
    }
    return status;
}

static void folded(struct sok_arena *arena, const struct sok_media *media, struct sok_extra ret_extras[2])
{
    ret_extras[0] = (struct sok_extra){"title_folded", sok_db_text(sok_text_fold(arena, media->title))};
    ret_extras[1] = (struct sok_extra){"titles_folded", sok_db_text(fold_titles(arena, media))};
}

enum sok_status sok_media_insert(struct sok_db_tx *tx, const struct sok_media *media, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_extra extras[2];
    struct sok_media row = *media;
    folded(arena, media, extras);
    if (!row.origin)
        row.origin = "query";
    return name_conflict(sok_table_insert(tx, NULL, &sok_media_table, &row, extras, 2, "", NULL, err), err);
}

enum sok_status sok_media_update(struct sok_db_tx *tx, const struct sok_media *media, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_extra extras[2];
    struct sok_media row = *media;
    folded(arena, media, extras);
    if (!row.origin)
        row.origin = "query";
    return name_conflict(sok_table_update(tx, &sok_media_table, "media", &row, extras, 2, err), err);
}

enum sok_status sok_media_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    return sok_change_one(tx, "media", "DELETE FROM media WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

enum sok_status sok_media_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_media *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &sok_media_table, "media", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_media_find_tmdb(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t tmdb_id, const char *media_type,
    struct sok_media *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &sok_media_table, "media", "WHERE tmdb_id = $1 AND media_type = $2",
        SOK_PARAMS(sok_db_int(tmdb_id), sok_db_text(media_type)), ret, err);
}

enum sok_status sok_media_find_tvmaze(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t tvmaze_id, struct sok_media *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &sok_media_table, "media",
        "WHERE tvmaze_id = $1 AND media_type = 'tv' ORDER BY seq LIMIT 1", SOK_PARAMS(sok_db_int(tvmaze_id)),
        ret, err);
}

// Exact years first, then rows without one, then the neighbours.
static enum sok_status find_fitting(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_title_condition *title, int64_t year,
    const char *media_type, struct sok_media *ret, struct sok_error *err)
{
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_value(&where, "? = 0 OR year IS NULL OR year BETWEEN ? - 1 AND ? + 1", sok_db_int(year)); // $1
    sok_where_text(&where, "media_type = ?", media_type);
    sok_where_add(&where, title->sql, sok_db_text(title->value));
    const char *tail = sok_format(
        arena,
        "WHERE %s AND media_type <> 'episode' ORDER BY CASE WHEN $1 = 0 OR year = $1 THEN 0 "
        "WHEN year IS NULL THEN 1 ELSE 2 END, enriched_at IS NULL, seq LIMIT 1",
        where.sql.data);
    return sok_table_find(tx, arena, &sok_media_table, "media", tail, where.values, where.count, ret, err);
}

enum sok_status sok_media_find_title(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *title, int64_t year, const char *media_type,
    struct sok_media *ret, struct sok_error *err)
{
    const char *fold = sok_text_fold(arena, title);
    struct sok_title_condition condition = {"title_folded = ?", fold};
    struct sok_error absent = {0};
    enum sok_status status = find_fitting(tx, arena, &condition, year, media_type, ret, &absent);
    if (status == SOK_OK)
        return SOK_OK;
    if (status != SOK_NOT_FOUND) {
        if (err)
            *err = absent;
        return status;
    }
    SOK_TRY(sok_titles_holding(tx, arena, sok_format(arena, "\n%s\n", fold), &condition, err));
    return find_fitting(tx, arena, &condition, year, media_type, ret, err);
}

enum sok_status sok_media_find_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, int64_t season, int64_t episode,
    struct sok_media *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &sok_media_table, "episode",
        "WHERE parent_id = $1 AND season_number = $2 AND episode_number = $3 AND media_type = 'episode'",
        SOK_PARAMS(sok_db_text(series_id), sok_db_int(season), sok_db_int(episode)), ret, err);
}

#define KEEP(field)                        \
    do {                                   \
        if (episode->field)                \
            merged.field = episode->field; \
    } while (0)

static enum sok_status refresh_episode(
    struct sok_db_tx *tx, const struct sok_media *present, const struct sok_media *episode,
    struct sok_error *err)
{
    struct sok_media merged = *present;
    KEEP(title);
    KEEP(original_title);
    KEEP(tmdb_id);
    KEEP(imdb_id);
    KEEP(tvdb_id);
    KEEP(tvmaze_id);
    KEEP(year);
    KEEP(release_date);
    KEEP(overview);
    KEEP(poster_url);
    KEEP(backdrop_url);
    KEEP(rating);
    KEEP(runtime_minutes);
    KEEP(origin);
    KEEP(enriched_at);
    if (episode->absolute_number >= 0)
        merged.absolute_number = episode->absolute_number;
    merged.updated_at = episode->updated_at;
    return sok_media_update(tx, &merged, err);
}

enum sok_status sok_media_upsert_episode(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media *episode, const char **ret_id,
    struct sok_error *err)
{
    struct sok_media present;
    struct sok_error absent = {0};
    enum sok_status status = sok_media_find_episode(
        tx, arena, episode->parent_id, episode->season_number, episode->episode_number, &present, &absent);
    if (status == SOK_OK) {
        SOK_TRY(refresh_episode(tx, &present, episode, err));
        *ret_id = present.id;
        return SOK_OK;
    }
    if (status != SOK_NOT_FOUND) {
        if (err)
            *err = absent;
        return status;
    }
    struct sok_media row = *episode;
    row.media_type = SOK_MEDIA_EPISODE;
    if (!row.title)
        row.title = sok_format(arena, "Episode %lld", (long long)row.episode_number);
    SOK_TRY(sok_media_insert(tx, &row, err));
    *ret_id = sok_strdup(arena, row.id);
    return SOK_OK;
}

enum sok_status sok_media_list_episodes(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, int64_t season,
    struct sok_media **ret, size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &sok_media_table,
        "WHERE parent_id = $1 AND ($2 < 0 OR season_number = $2) ORDER BY season_number, episode_number",
        SOK_PARAMS(sok_db_text(series_id), sok_db_int(season)), ret, ret_count, err);
}

// What one user or folder has of both rows stays with the row that is kept.
static enum sok_status move_references(
    struct sok_db_tx *tx, const char *from_id, const char *into_id, struct sok_error *err)
{
    static const char *const statements[] = {
        "UPDATE searches SET media_id = $2 WHERE media_id = $1",
        "UPDATE search_results SET media_id = $2 WHERE media_id = $1",
        "UPDATE tasks SET media_id = $2 WHERE media_id = $1",
        "UPDATE downloads SET media_id = $2 WHERE media_id = $1",
        "UPDATE download_files SET media_id = $2 WHERE media_id = $1",
        "UPDATE stream_sessions SET media_id = $2 WHERE media_id = $1",
        "UPDATE media_files SET media_id = $2 WHERE media_id = $1 "
        "AND file_path NOT IN (SELECT file_path FROM media_files WHERE media_id = $2)",
        "UPDATE watch_history SET media_id = $2 WHERE media_id = $1 "
        "AND user_id NOT IN (SELECT user_id FROM watch_history WHERE media_id = $2)",
        "UPDATE library_favorites SET media_id = $2 WHERE media_id = $1 "
        "AND user_id NOT IN (SELECT user_id FROM library_favorites WHERE media_id = $2)",
        "UPDATE library_watchlist SET media_id = $2 WHERE media_id = $1 "
        "AND user_id NOT IN (SELECT user_id FROM library_watchlist WHERE media_id = $2)",
        "UPDATE collection_media SET media_id = $2 WHERE media_id = $1 "
        "AND collection_id NOT IN (SELECT collection_id FROM collection_media WHERE media_id = $2)",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(statements); i++)
        SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, statements[i], sok_db_text(from_id), sok_db_text(into_id)));
    return SOK_OK;
}

static enum sok_status merge_episodes(
    struct sok_db_tx *tx, const char *from_id, const char *into_id, int64_t now_ms, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_media *episodes;
    size_t count;
    SOK_TRY(sok_media_list_episodes(tx, arena, from_id, -1, &episodes, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sok_media same;
        enum sok_status status = sok_media_find_episode(
            tx, arena, into_id, episodes[i].season_number, episodes[i].episode_number, &same, err);
        if (status == SOK_OK)
            status = sok_media_merge(tx, episodes[i].id, same.id, now_ms, err);
        else if (status == SOK_NOT_FOUND)
            status = SOK_DB_QUERY(
                tx, NULL, NULL, err, "UPDATE media SET parent_id = $2, updated_at = $3 WHERE id = $1",
                sok_db_text(episodes[i].id), sok_db_text(into_id), sok_db_int(now_ms));
        SOK_TRY(status);
    }
    return SOK_OK;
}

enum sok_status sok_media_merge(
    struct sok_db_tx *tx, const char *from_id, const char *into_id, int64_t now_ms, struct sok_error *err)
{
    if (strcmp(from_id, into_id) == 0)
        return SOK_OK;
    SOK_TRY(move_references(tx, from_id, into_id, err));
    SOK_TRY(merge_episodes(tx, from_id, into_id, now_ms, err));
    return sok_media_delete(tx, from_id, err);
}

enum sok_status sok_media_list_stale(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t before_ms, int64_t limit, struct sok_media **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &sok_media_table,
        "WHERE media_type <> 'episode' AND COALESCE(enriched_at, 0) < $1 "
        "ORDER BY COALESCE(enriched_at, 0), seq LIMIT $2",
        SOK_PARAMS(sok_db_int(before_ms ? before_ms : 1), sok_db_int(limit)), ret, ret_count, err);
}

enum sok_status sok_media_count(
    struct sok_db_tx *tx, const char *media_type, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM media WHERE $1 = '' OR media_type = $1",
        SOK_PARAMS(sok_db_text(media_type ? media_type : "")), ret, err);
}
