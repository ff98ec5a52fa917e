#include "data/searches.h"

#define S(field, kind) SOK_COLUMN(sok_search, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    S(id, TEXT),          S(user_id, TEXT),    S(media_id, TEXT),    S(query, TEXT),
    S(year, OPT),         S(media_type, TEXT), S(season, NATURAL),   S(episode, NATURAL),
    S(providers, LIST),   S(status, TEXT),     S(result_count, INT), S(error_message, TEXT),
    S(completed_at, OPT), S(created_at, INT),  S(updated_at, INT),
};
#undef S
static const struct sok_table table = SOK_TABLE("searches", sok_search, columns);

#define P(field, kind) SOK_COLUMN(sok_search_provider, field, SOK_COLUMN_##kind)
static const struct sok_column provider_columns[] = {
    P(search_id, TEXT), P(name, TEXT),  P(status, TEXT),    P(results, INT),
    P(latency_ms, OPT), P(error, TEXT), P(updated_at, INT),
};
#undef P
static const struct sok_table provider_table =
    SOK_TABLE("search_providers", sok_search_provider, provider_columns);

enum sok_status sok_searches_insert(
    struct sok_db_tx *tx, const struct sok_search *search, struct sok_error *err)
{
    return sok_table_insert(tx, NULL, &table, search, NULL, 0, "", NULL, err);
}

enum sok_status sok_searches_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_search *ret,
    struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "search", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_searches_set_status(
    struct sok_db_tx *tx, const char *id, const char *status, const char *error_message, int64_t now_ms,
    struct sok_error *err)
{
    return sok_change_one(
        tx, "search",
        "UPDATE searches SET status = $2, error_message = $3, updated_at = $4, "
        "completed_at = CASE WHEN $2 IN ('completed', 'failed') THEN $4 ELSE NULL END, "
        "result_count = (SELECT count(*) FROM search_results WHERE search_id = $1) WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(status), sok_db_text(error_message), sok_db_int(now_ms)),
        err);
}

enum sok_status sok_searches_set_media(
    struct sok_db_tx *tx, const char *id, const char *media_id, int64_t now_ms, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err, "UPDATE search_results SET media_id = $2 WHERE search_id = $1", sok_db_text(id),
        sok_db_text(media_id)));
    return sok_change_one(
        tx, "search", "UPDATE searches SET media_id = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(media_id), sok_db_int(now_ms)), err);
}

enum sok_status sok_searches_set_provider(
    struct sok_db_tx *tx, const struct sok_search_provider *state, struct sok_error *err)
{
    return sok_table_insert(
        tx, NULL, &provider_table, state, NULL, 0,
        "ON CONFLICT (search_id, name) DO UPDATE SET status = excluded.status, results = excluded.results, "
        "latency_ms = excluded.latency_ms, error = excluded.error, updated_at = excluded.updated_at",
        NULL, err);
}

enum sok_status sok_searches_list_providers(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, struct sok_search_provider **ret,
    size_t *ret_count, struct sok_error *err)
{
    return sok_table_list(
        tx, arena, &provider_table, "WHERE search_id = $1 ORDER BY name", SOK_PARAMS(sok_db_text(search_id)),
        ret, ret_count, err);
}

enum sok_status sok_searches_failing_providers(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t since_ms, int64_t failures,
    const char ***ret_names, size_t *ret_count, struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "WITH recent AS (SELECT name, status, updated_at FROM search_providers WHERE updated_at >= $1), "
        "well AS (SELECT name, max(updated_at) AS at_ms FROM recent WHERE status = 'completed' GROUP BY "
        "name) "
        "SELECT recent.name FROM recent LEFT JOIN well ON well.name = recent.name "
        "WHERE recent.status = 'failed' AND recent.updated_at > COALESCE(well.at_ms, 0) "
        "GROUP BY recent.name HAVING count(*) >= $2 ORDER BY recent.name LIMIT 20",
        sok_db_int(since_ms), sok_db_int(failures)));
    const char **names = sok_alloc_array(arena, rows.row_count, sizeof(*names));
    for (size_t i = 0; i < rows.row_count; i++)
        names[i] = sok_db_get_text(&rows, i, 0);
    *ret_names = names;
    *ret_count = rows.row_count;
    return SOK_OK;
}

enum sok_status sok_searches_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err)
{
    return sok_count_changes(
        tx,
        "DELETE FROM searches WHERE id IN "
        "(SELECT id FROM searches WHERE created_at < $1 AND status IN ('completed', 'failed') "
        "ORDER BY created_at LIMIT 200)",
        SOK_PARAMS(sok_db_int(before_ms)), ret_deleted, err);
}
