#include "data/recommendations.h"

#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/json.h"
#include "base/text.h"
#include "data/media_private.h"

#define CANDIDATES_MAX 2600
#define DROPPED_PERCENT 20 // seen at most, and then left alone
#define DROPPED_MS ((int64_t)30 * 24 * 3600 * 1000)
#define GENRES_ASKED 3
#define GENRES_MAX 40 // different ones that are counted

// --- What the user did.

// Of the work `m`, an episode's series.
#define WORK                                                                                            \
    "COALESCE(p.id, m.id), COALESCE(p.title, m.title), COALESCE(p.genres, m.genres), COALESCE(p.year, " \
    "m.year), "                                                                                         \
    "COALESCE(p.rating, m.rating), COALESCE(p.original_language, m.original_language)"
#define FROM_ENTRY(table) \
    " FROM " table        \
    " w JOIN media m ON m.id = w.media_id LEFT JOIN media p ON p.id = m.parent_id WHERE w.user_id = $1 "
#define WORK_COLUMNS 6

static void read_genres(struct sok_arena *arena, const char *column, struct sok_work *work)
{
    SOK_JSON_AUTO *list = NULL;
    size_t i;
    const json_t *genre;
    if (!column || sok_json_parse(column, strlen(column), (size_t)64 << 10, &list, NULL) != SOK_OK)
        return;
    const char **genres = sok_alloc_array(arena, SOK_WORK_GENRES_MAX, sizeof(*genres));
    json_array_foreach(list, i, genre)
    {
        if (json_is_string(genre) && *json_string_value(genre) && work->genre_count < SOK_WORK_GENRES_MAX)
            genres[work->genre_count++] = sok_strdup(arena, json_string_value(genre));
    }
    work->genres = genres;
}

static struct sok_work read_work(struct sok_arena *arena, const struct sok_db_result *rows, size_t row)
{
    struct sok_work work = {
        .id = sok_db_get_text(rows, row, 0),
        .title = sok_db_get_text(rows, row, 1),
        .year = (int)sok_db_get_int(rows, row, 3),
        .rating = sok_db_get_real(rows, row, 4),
        .language = sok_db_get_text(rows, row, 5)};
    read_genres(arena, sok_db_get_text(rows, row, 2), &work);
    return work;
}

static struct sok_taste *find_work(struct sok_taste *tastes, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tastes[i].work.id, id) == 0)
            return &tastes[i];
    return NULL;
}

static enum sok_status add_entries(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *sql, const char *user_id,
    enum sok_taste_kind kind, struct sok_taste *tastes, size_t *count, struct sok_error *err)
{
    struct sok_db_result rows = {0};
    SOK_TRY(SOK_DB_QUERY(tx, arena, &rows, err, sql, sok_db_text(user_id)));
    for (size_t i = 0; i < rows.row_count; i++)
        tastes[(*count)++] =
            (struct sok_taste){kind, read_work(arena, &rows, i), sok_db_get_int(&rows, i, WORK_COLUMNS)};
    return SOK_OK;
}

// A row of the history, newest first. Of a series the newest row counts, and whether any of them was
// finished.
static void add_watch(
    struct sok_arena *arena, const struct sok_db_result *rows, size_t row, int64_t newest_ms,
    struct sok_taste *tastes, size_t *count)
{
    int64_t at_ms = sok_db_get_int(rows, row, WORK_COLUMNS);
    bool is_finished = sok_db_get_int(rows, row, WORK_COLUMNS + 1) != 0;
    bool is_hardly_seen = sok_db_get_int(rows, row, WORK_COLUMNS + 2) * 100 <
                          sok_db_get_int(rows, row, WORK_COLUMNS + 3) * DROPPED_PERCENT;
    enum sok_taste_kind kind = is_finished                                        ? SOK_TASTE_FINISHED
                               : is_hardly_seen && newest_ms - at_ms > DROPPED_MS ? SOK_TASTE_DROPPED
                                                                                  : SOK_TASTE_UNFINISHED;
    struct sok_taste *present = find_work(tastes, *count, sok_db_get_text(rows, row, 0));
    if (!present)
        tastes[(*count)++] = (struct sok_taste){kind, read_work(arena, rows, row), at_ms};
    else if (kind < present->kind)
        present->kind = kind;
}

enum sok_status sok_recommendations_tastes(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, struct sok_taste **ret,
    size_t *ret_count, struct sok_error *err)
{
    struct sok_taste *tastes = sok_alloc_array(arena, 900, sizeof(*tastes));
    struct sok_db_result rows = {0};
    size_t marked = 0, watched = 0;
    SOK_TRY(add_entries(
        tx, arena,
        "SELECT " WORK
        ", w.added_at" FROM_ENTRY("library_favorites") "ORDER BY w.added_at DESC, w.id DESC LIMIT 200",
        user_id, SOK_TASTE_FAVORITE, tastes, &marked, err));
    SOK_TRY(add_entries(
        tx, arena,
        "SELECT " WORK
        ", w.added_at" FROM_ENTRY("library_watchlist") "ORDER BY w.added_at DESC, w.id DESC LIMIT 200",
        user_id, SOK_TASTE_WATCHLIST, tastes, &marked, err));
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT " WORK ", w.last_watched, w.is_completed, w.progress_seconds, w.total_seconds" FROM_ENTRY(
            "watch_history") "ORDER BY w.last_watched DESC, w.id DESC LIMIT 500",
        sok_db_text(user_id)));
    int64_t newest_ms = rows.row_count ? sok_db_get_int(&rows, 0, WORK_COLUMNS) : 0;
    for (size_t i = 0; i < rows.row_count; i++)
        add_watch(arena, &rows, i, newest_ms, tastes + marked, &watched);
    *ret = tastes;
    *ret_count = marked + watched;
    return SOK_OK;
}

// --- What may come into question.

struct offer { // a row of media
    const char *id, *title, *genres, *original_language;
    int64_t year;
    double rating;
    bool is_available;
};
#define O(field, column_kind) SOK_COLUMN(offer, field, SOK_COLUMN_##column_kind)
static const struct sok_column offer_columns[] = {
    O(id, TEXT),
    O(title, TEXT),
    O(genres, TEXT),
    O(original_language, TEXT),
    O(year, OPT),
    O(rating, OPT_REAL),
    {.name = "(CASE WHEN " SOK_MEDIA_WATCHABLE " THEN 1 ELSE 0 END)",
     .kind = SOK_COLUMN_BOOL,
     .offset = offsetof(struct offer, is_available)},
};
#undef O
static const struct sok_table offers = SOK_TABLE("media", offer, offer_columns);

struct seen {
    UT_hash_handle hh;
    const char *id;
};

struct gathering {
    struct sok_db_tx *tx;
    struct sok_arena *arena;
    const char *user_id, *media_type;
    const struct sok_taste *tastes;
    size_t taste_count;
    struct seen *seen;
    struct sok_candidate *candidates;
    size_t count;
};

static bool is_listed(const struct gathering *g, const char *id)
{
    for (size_t i = 0; i < g->taste_count; i++)
        if (g->tastes[i].kind == SOK_TASTE_WATCHLIST && strcmp(g->tastes[i].work.id, id) == 0)
            return true;
    return false;
}

static void add_offer(struct gathering *g, const struct offer *offer)
{
    struct seen *present;
    HASH_FIND_STR(g->seen, offer->id, present);
    if (present || g->count == CANDIDATES_MAX)
        return;
    struct seen *seen = sok_alloc(g->arena, sizeof(*seen));
    seen->id = offer->id;
    HASH_ADD_KEYPTR(hh, g->seen, seen->id, strlen(seen->id), seen);
    struct sok_candidate *candidate = &g->candidates[g->count++];
    *candidate = (struct sok_candidate){
        .work =
            {.id = offer->id,
             .title = offer->title,
             .language = offer->original_language,
             .year = (int)offer->year,
             .rating = offer->rating},
        .is_available = offer->is_available,
        .is_listed = is_listed(g, offer->id)};
    read_genres(g->arena, offer->genres, &candidate->work);
}

// Adds works under a condition ("?" is `value`, when it is not NULL) in an order.
static enum sok_status gather(
    struct gathering *g, const char *condition, const char *value, const char *order, struct sok_error *err)
{
    struct offer *rows;
    size_t count;
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_add(
        &where,
        "media_type <> 'episode' AND id NOT IN (SELECT COALESCE(m.parent_id, m.id) FROM watch_history w "
        "JOIN media m ON m.id = w.media_id WHERE w.user_id = ?)",
        sok_db_text(g->user_id));
    sok_where_text(
        &where,
        "id NOT IN (SELECT COALESCE(m.parent_id, m.id) FROM library_favorites w JOIN media m ON m.id = "
        "w.media_id "
        "WHERE w.user_id = ?)",
        g->user_id);
    sok_where_text(&where, "media_type = ?", g->media_type);
    if (condition)
        sok_where_value(&where, condition, sok_db_text(value));
    const char *tail = sok_format(g->arena, "WHERE %s ORDER BY %s", where.sql.data, order);
    SOK_TRY(sok_table_list(g->tx, g->arena, &offers, tail, where.values, where.count, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        add_offer(g, &rows[i]);
    return SOK_OK;
}

struct habit {
    const char *genre;
    int count;
};

// The genres that most of the tastes have, at most GENRES_ASKED.
static size_t find_habits(const struct gathering *g, const char *ret_genres[GENRES_ASKED])
{
    struct habit habits[GENRES_MAX];
    size_t count = 0, found = 0;
    for (size_t i = 0; i < g->taste_count; i++) {
        for (size_t k = 0; k < g->tastes[i].work.genre_count; k++) {
            const char *genre = g->tastes[i].work.genres[k];
            size_t at = 0;
            while (at < count && strcasecmp(habits[at].genre, genre) != 0)
                at++;
            if (at == count && count < GENRES_MAX)
                habits[count++] = (struct habit){genre, 0};
            if (at < count)
                habits[at].count++;
        }
    }
    for (; found < GENRES_ASKED; found++) {
        struct habit *most = NULL;
        for (size_t i = 0; i < count; i++)
            if (habits[i].count && (!most || habits[i].count > most->count))
                most = &habits[i];
        if (!most)
            break;
        ret_genres[found] = most->genre;
        most->count = 0;
    }
    return found;
}

// The best of the user's genres among the 20,000 best rated: there is no index by genre.
static enum sok_status gather_habits(struct gathering *g, struct sok_error *err)
{
    const char *genres[GENRES_ASKED];
    size_t count = find_habits(g, genres);
    for (size_t i = 0; i < count; i++)
        SOK_TRY(gather(
            g,
            "id IN (SELECT best.id FROM (SELECT id, genres FROM media WHERE media_type <> 'episode' "
            "ORDER BY COALESCE(rating, 0) DESC, id DESC LIMIT 20000) AS best "
            "WHERE best.genres LIKE '%\"' || ? || '\"%' ESCAPE '\\')",
            sok_text_escape_like(g->arena, genres[i]), "COALESCE(rating, 0) DESC, id DESC LIMIT 300", err));
    return SOK_OK;
}

enum sok_status sok_recommendations_candidates(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *media_type,
    const struct sok_taste *tastes, size_t taste_count, struct sok_candidate **ret, size_t *ret_count,
    struct sok_error *err)
{
    struct gathering g = {
        .tx = tx,
        .arena = arena,
        .user_id = user_id,
        .media_type = media_type,
        .tastes = tastes,
        .taste_count = taste_count,
        .candidates = sok_alloc_array(arena, CANDIDATES_MAX, sizeof(*g.candidates))};
    enum sok_status status = gather(
        &g, "id IN (SELECT media_id FROM library_watchlist WHERE user_id = ?)", user_id,
        "created_at DESC, id DESC LIMIT 200", err);
    if (status == SOK_OK)
        status = gather(&g, SOK_MEDIA_WATCHABLE, NULL, "created_at DESC, id DESC LIMIT 600", err);
    if (status == SOK_OK)
        status = gather_habits(&g, err);
    if (status == SOK_OK)
        status = gather(&g, NULL, NULL, "COALESCE(rating, 0) DESC, id DESC LIMIT 600", err);
    if (status == SOK_OK)
        status = gather(&g, NULL, NULL, "created_at DESC, id DESC LIMIT 300", err);
    HASH_CLEAR(hh, g.seen); // its own table; the entries are the arena's
    *ret = g.candidates;
    *ret_count = g.count;
    return status;
}
