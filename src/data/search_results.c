#include "data/search_results.h"

#include "data/filter.h"

#define ALL_MAX 5000

#define R(field, kind) SOK_COLUMN(sok_search_result, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    R(id, INT),
    SOK_COLUMN_FIXED(sok_search_result, search_id, SOK_COLUMN_TEXT),
    R(media_id, TEXT),
    R(provider, TEXT),
    R(title, TEXT),
    R(guid, TEXT),
    R(magnet_link, TEXT),
    R(download_url, TEXT),
    R(info_hash, TEXT),
    R(protocol, TEXT),
    R(size_bytes, INT),
    R(seeders, NATURAL),
    R(leechers, NATURAL),
    R(published_at, OPT),
    R(merge_key, TEXT),
    R(trackers, LIST),
    R(parsed, OBJECT),
    R(resolution, TEXT),
    R(source, TEXT),
    R(season, NATURAL),
    R(episode, NATURAL),
    R(score, INT),
    R(score_breakdown, LIST),
    R(ai_validated, BOOL),
    R(duplicates, LIST),
    SOK_COLUMN_FIXED(sok_search_result, created_at, SOK_COLUMN_INT),
    R(updated_at, INT),
};
#undef R
static const struct sok_table table = {
    .name = "search_results",
    .columns = columns,
    .column_count = SOK_ARRAY_LEN(columns),
    .record_bytes = sizeof(struct sok_search_result),
    .key_is_generated = true,
};

enum sok_status sok_search_results_put(
    struct sok_db_tx *tx, const struct sok_search_result *result, int64_t *ret_id, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_BUF_AUTO tail;
    struct sok_db_result rows;
    sok_buf_init(&tail, 4096);
    sok_buf_puts(&tail, "ON CONFLICT (search_id, guid) DO UPDATE SET updated_at = excluded.updated_at");
    for (size_t i = 1; i < SOK_ARRAY_LEN(columns) - 1; i++)
        if (!columns[i].is_fixed)
            sok_buf_printf(&tail, ", %s = excluded.%s", columns[i].name, columns[i].name);
    sok_buf_puts(&tail, " RETURNING id");
    SOK_TRY(sok_table_insert(tx, arena, &table, result, NULL, 0, tail.data, &rows, err));
    *ret_id = sok_db_get_int(&rows, 0, 0);
    return SOK_OK;
}

enum sok_status sok_search_results_find_same(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, const char *info_hash,
    const char *merge_key, struct sok_search_result *ret, struct sok_error *err)
{
    // A hash decides; the name counts only where one of the two has no hash.
    return sok_table_find(
        tx, arena, &table, "result",
        "WHERE search_id = $1 AND (info_hash = $2 OR (merge_key = $3 AND (info_hash IS NULL OR $4 = ''))) "
        "ORDER BY CASE WHEN info_hash = $2 THEN 0 ELSE 1 END, id LIMIT 1",
        SOK_PARAMS(
            sok_db_text(search_id), sok_db_text(info_hash), sok_db_text(merge_key),
            sok_db_text(info_hash ? info_hash : "")),
        ret, err);
}

enum sok_status sok_search_results_update(
    struct sok_db_tx *tx, const struct sok_search_result *result, struct sok_error *err)
{
    return sok_table_update(tx, &table, "result", result, NULL, 0, err);
}

enum sok_status sok_search_results_find(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t id, struct sok_search_result *ret,
    struct sok_error *err)
{
    return sok_table_find(tx, arena, &table, "result", "WHERE id = $1", SOK_PARAMS(sok_db_int(id)), ret, err);
}

enum sok_status sok_search_results_set_score(
    struct sok_db_tx *tx, int64_t id, int64_t score, const char *breakdown_json, bool ai_validated,
    int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "result",
        "UPDATE search_results SET score = $2, score_breakdown = $3, ai_validated = $4, updated_at = $5 "
        "WHERE id = $1",
        SOK_PARAMS(
            sok_db_int(id), sok_db_int(score), sok_db_text(breakdown_json ? breakdown_json : "[]"),
            sok_db_int(ai_validated), sok_db_int(now_ms)),
        err);
}

enum sok_status sok_search_results_count(
    struct sok_db_tx *tx, const char *search_id, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM search_results WHERE search_id = $1", SOK_PARAMS(sok_db_text(search_id)),
        ret, err);
}

enum sok_status sok_search_results_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, const struct sok_page *page,
    struct sok_search_result **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"score", "score", false},           {"seeders", "COALESCE(seeders, -1)", false},
        {"size_bytes", "size_bytes", false}, {"published_at", "COALESCE(published_at, 0)", false},
        {"title", "fold(title)", true},      {"created_at", "created_at", false},
    };
    static const struct sok_filter filters[] = {
        {"q", SOK_FILTER_TITLE, .condition = "titles_match(fold(title), ?) = 1"},
        {"provider", SOK_FILTER_TEXT, .condition = "provider = ?"},
        {"resolution", SOK_FILTER_TEXT, .condition = "resolution = ?"},
        {"source", SOK_FILTER_TEXT, .condition = "source = ?"},
        {"protocol", SOK_FILTER_WORD, .condition = "protocol = ?", .words = "torrent http"},
        {"min_score", SOK_FILTER_NUMBER, .condition = "score >= ?", .max = 100},
        {"min_seeders", SOK_FILTER_NUMBER, .condition = "COALESCE(seeders, 0) >= ?", .max = INT32_MAX},
        {"min_size_bytes", SOK_FILTER_NUMBER, .condition = "size_bytes >= ?", .max = INT64_MAX},
        {"max_size_bytes", SOK_FILTER_NUMBER, .condition = "size_bytes <= ?", .max = INT64_MAX},
        {"season", SOK_FILTER_NUMBER, .condition = "season = ?", .max = 9999},
        {"episode", SOK_FILTER_NUMBER, .condition = "episode = ?", .max = 99999},
        {"ai_validated", SOK_FILTER_FLAG, .condition = "ai_validated = 1", .otherwise = "ai_validated = 0"},
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_text(&where, "search_id = ?", search_id);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), true, "id", page, ret, ret_count, ret_info,
        err);
}

enum sok_status sok_search_results_all(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, struct sok_search_result **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &table,
        "WHERE search_id = $1 ORDER BY score DESC, COALESCE(seeders, -1) DESC, id LIMIT $2",
        SOK_PARAMS(sok_db_text(search_id), sok_db_int(ALL_MAX)), ret, ret_count, err);
}
