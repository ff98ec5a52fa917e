// Lists of media: filtered, sorted, and with a text those whose titles it may mean, best first.
#include <string.h>

#include "base/text.h"
#include "data/changes.h"
#include "data/cursor.h"
#include "data/filter.h"
#include "data/media_private.h"
#include "data/titles.h"

#define TEXT_MAX 200 // bytes of a folded text that count
#define SEARCH_TTL_MS ((int64_t)3600 * 1000)

static const struct sok_filter filters[] = {
    {"media_type", SOK_FILTER_WORD, .condition = "media_type = ?", .words = "movie tv episode"},
    {"parent_id", SOK_FILTER_ID, .condition = "parent_id = ?"},
    {"genre", SOK_FILTER_PART, .condition = "genres LIKE '%\"' || ? || '\"%' ESCAPE '\\'"},
    {"year", SOK_FILTER_NUMBER, .condition = "COALESCE(year, 0) = ?", .min = 1870, .max = 2100},
    {"min_year", SOK_FILTER_NUMBER, .condition = "COALESCE(year, 0) >= ?", .min = 0, .max = 9999},
    {"max_year", SOK_FILTER_NUMBER, .condition = "year <= ?", .min = 0, .max = 9999},
    {"min_rating", SOK_FILTER_REAL, .condition = "COALESCE(rating, 0) >= ?", .min = 0, .max = 10},
    {"tmdb_id", SOK_FILTER_NUMBER, .condition = "tmdb_id = ?", .min = 1, .max = INT32_MAX},
    {"imdb_id", SOK_FILTER_TEXT, .condition = "imdb_id = ?"},
    {"tvdb_id", SOK_FILTER_NUMBER, .condition = "tvdb_id = ?", .min = 1, .max = INT32_MAX},
    {"tvmaze_id", SOK_FILTER_NUMBER, .condition = "tvmaze_id = ?", .min = 1, .max = INT32_MAX},
    {"language", SOK_FILTER_TEXT, .condition = "original_language = ?"},
    {"available", SOK_FILTER_FLAG, .condition = SOK_MEDIA_WATCHABLE, .otherwise = "NOT " SOK_MEDIA_WATCHABLE},
    {"has_files", SOK_FILTER_FLAG, .condition = SOK_MEDIA_WATCHABLE, .otherwise = "NOT " SOK_MEDIA_WATCHABLE},
};

static const struct sok_sort sorts[] = {
    {"created_at", "created_at", false},  {"title", "title_folded", true},
    {"year", "COALESCE(year, 0)", false}, {"rating", "COALESCE(rating, 0)", false},
    {"updated_at", "updated_at", false},
};

// What the text may mean, the same for every filter, order and page.
static enum sok_status find_text(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *text, bool with_episodes,
    struct sok_cache *cache, struct sok_title_condition *ret, struct sok_error *err)
{
    if (!cache)
        return sok_titles_find(tx, arena, text, with_episodes, ret, err);
    size_t len;
    const char *what = sok_format(arena, "%d %s", with_episodes, text);
    const char *key = sok_changes_key(cache, arena, "media", what);
    if (sok_cache_get(cache, arena, "search", key, &ret->value, &len, NULL) == SOK_OK)
        return sok_titles_found(tx, ret, err);
    SOK_TRY(sok_titles_find(tx, arena, text, with_episodes, ret, err));
    sok_cache_put(cache, "search", key, ret->value, strlen(ret->value), SEARCH_TTL_MS);
    return SOK_OK;
}

// Narrows the list to what the text may mean. Which titles these are may change between two pages, the list
// and its order do not: the cursor stays good.
static enum sok_status add_text(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_where *where, const char *text,
    bool with_episodes, struct sok_cache *cache, struct sok_error *err)
{
    struct sok_title_condition found;
    where->list = sok_cursor_list(sok_where_list(arena, where), text);
    SOK_TRY(find_text(tx, arena, text, with_episodes, cache, &found, err));
    sok_where_add(where, found.sql, sok_db_text(found.value));
    return SOK_OK;
}

enum sok_status sok_media_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_media_filter *filter,
    const struct sok_page *page, struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err)
{
    struct sok_sort found_sorts[SOK_ARRAY_LEN(sorts) + 1];
    const char *q = filter->text ? filter->text : sok_page_param(page, "q");
    const char *text = q ? sok_text_trim(arena, sok_text_fold(arena, q)) : "";
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    if (strlen(text) > TEXT_MAX)
        sok_fail_field(err, "q", "too_long", "must be at most %d bytes", TEXT_MAX);
    if (*text)
        sok_where_add(&where, "? <> ''", sok_db_text(text)); // $1, which the order below needs
    sok_where_text(&where, "media_type = ?", filter->media_type);
    sok_where_text(&where, "parent_id = ?", filter->parent_id);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    bool with_episodes = filter->media_type || filter->parent_id || filter->with_episodes ||
                         sok_page_param(page, "media_type") || sok_page_param(page, "parent_id");
    if (!with_episodes)
        sok_where_add(&where, "media_type <> 'episode'");
    if (!*text || (err && err->field_count))
        return sok_page_list(
            tx, arena, &sok_media_table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret,
            ret_count, ret_info, err);
    found_sorts[0] = (struct sok_sort){"relevance", "titles_rank(titles_folded, $1)", false};
    memcpy(found_sorts + 1, sorts, sizeof(sorts));
    SOK_TRY(add_text(tx, arena, &where, text, with_episodes, page ? page->cache : NULL, err));
    return sok_page_list(
        tx, arena, &sok_media_table, &where, found_sorts, SOK_ARRAY_LEN(found_sorts), true, "id", page, ret,
        ret_count, ret_info, err);
}

enum sok_status sok_media_list_episodes_page(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *series_id, const struct sok_page *page,
    struct sok_media **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort episode_sorts[] = {
        {"number", "COALESCE(season_number, 0) * 100000 + COALESCE(episode_number, 0)", false},
        {"release_date", "COALESCE(release_date, '')", true},
        {"title", "title_folded", true},
        {"rating", "COALESCE(rating, 0)", false},
    };
    static const struct sok_filter episode_filters[] = {
        {"season", SOK_FILTER_NUMBER, .condition = "season_number = ?", .max = 9999},
        {"episode", SOK_FILTER_NUMBER, .condition = "episode_number = ?", .max = 99999},
        {"q", SOK_FILTER_TITLE, .condition = "titles_match(titles_folded, ?) = 1"},
        {"available", SOK_FILTER_FLAG,
         .condition = "id IN (SELECT media_id FROM media_files WHERE missing_at IS NULL)",
         .otherwise = "id NOT IN (SELECT media_id FROM media_files WHERE missing_at IS NULL)"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "parent_id = ?", series_id);
    sok_where_filters(&where, arena, episode_filters, SOK_ARRAY_LEN(episode_filters), page, err);
    return sok_page_list(
        tx, arena, &sok_media_table, &where, episode_sorts, SOK_ARRAY_LEN(episode_sorts), false, "id", page,
        ret, ret_count, ret_info, err);
}

// --- What can be watched.

#define ASKED_AT_ONCE 50
#define HAS_FILE " EXISTS (SELECT 1 FROM media_files f WHERE f.missing_at IS NULL AND f.media_id = m.id)"
#define HAS_EPISODE_WITH_FILE                                                       \
    " EXISTS (SELECT 1 FROM media e JOIN media_files f ON f.media_id = e.id WHERE " \
    "f.missing_at IS NULL AND e.parent_id = m.id)"

// Always the same statement, however many are asked for: the last one stands for those that are too few.
static const char *available_sql(struct sok_arena *arena)
{
    const char *places = "$1";
    for (int i = 2; i <= ASKED_AT_ONCE; i++)
        places = sok_format(arena, "%s, $%d", places, i);
    return sok_format(
        arena, "SELECT m.id FROM media m WHERE m.id IN (%s) AND (" HAS_FILE " OR" HAS_EPISODE_WITH_FILE ")",
        places);
}

enum sok_status sok_media_available(
    struct sok_db_tx *tx, const char *const *ids, size_t count, bool *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *sql = available_sql(arena);
    memset(ret, 0, count * sizeof(*ret));
    for (size_t first = 0; first < count; first += ASKED_AT_ONCE) {
        struct sok_db_value params[ASKED_AT_ONCE];
        struct sok_db_result found;
        size_t asked = count - first < ASKED_AT_ONCE ? count - first : ASKED_AT_ONCE;
        for (size_t i = 0; i < ASKED_AT_ONCE; i++)
            params[i] = sok_db_text(ids[first + (i < asked ? i : asked - 1)]);
        SOK_TRY(sok_db_query(tx, arena, sql, params, ASKED_AT_ONCE, &found, err));
        for (size_t row = 0; row < found.row_count; row++)
            for (size_t i = first; i < first + asked; i++)
                ret[i] = ret[i] || strcmp(ids[i], sok_db_get_text(&found, row, 0)) == 0;
    }
    return SOK_OK;
}
