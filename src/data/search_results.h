// What the indexers offer for a search: one row a release, its other sources in `duplicates`.
#ifndef SOK_DATA_SEARCH_RESULTS_H
#define SOK_DATA_SEARCH_RESULTS_H

#include "data/page.h"

struct sok_search_result {
    int64_t id; // 0 before it is inserted
    const char *search_id, *media_id, *provider, *title, *guid;
    const char *magnet_link, *download_url, *info_hash; // info_hash: lower-case hex
    const char *protocol;                               // torrent|http
    int64_t size_bytes;
    int64_t seeders, leechers; // -1: not known
    int64_t published_at;
    const char *merge_key; // "hash:..." or "name:<normalised title>:<size>": what makes two the same release
    const char *trackers;  // JSON list of URLs
    const char *parsed;    // JSON, contract section 7
    const char *resolution, *source; // out of parsed, for filters
    int64_t season, episode;         // -1: none
    int64_t score;                   // 0-100
    const char *score_breakdown;     // JSON list of {reason, points}
    bool ai_validated;
    const char *duplicates; // JSON list of {provider, guid, ...}
    int64_t created_at, updated_at;
};

// Inserts, or writes over the row with the same (search_id, guid), which keeps its id and created_at.
// *ret_id: the row's.
SOK_MUST_CHECK enum sok_status sok_search_results_put(
    struct sok_db_tx *tx, const struct sok_search_result *result, int64_t *ret_id, struct sok_error *err);
// The row of the same release in this search: by info_hash (may be NULL), else by merge_key. For merging.
SOK_MUST_CHECK enum sok_status sok_search_results_find_same(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, const char *info_hash,
    const char *merge_key, struct sok_search_result *ret, struct sok_error *err);
// Writes every field of the row with result->id but search_id and created_at. SOK_NOT_FOUND.
SOK_MUST_CHECK enum sok_status sok_search_results_update(
    struct sok_db_tx *tx, const struct sok_search_result *result, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_search_results_find(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t id, struct sok_search_result *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_search_results_set_score(
    struct sok_db_tx *tx, int64_t id, int64_t score, const char *breakdown_json, bool ai_validated,
    int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_search_results_count(
    struct sok_db_tx *tx, const char *search_id, int64_t *ret, struct sok_error *err);

// Sorts: score (own order, best first), seeders, size_bytes, published_at, title, created_at. Filters: q,
// provider, resolution, source, protocol, min_score, min_seeders, min_size_bytes, max_size_bytes, season,
// episode, ai_validated.
SOK_MUST_CHECK enum sok_status sok_search_results_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, const struct sok_page *page,
    struct sok_search_result **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);
// All of a search, best first (at most 5,000).
SOK_MUST_CHECK enum sok_status sok_search_results_all(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, struct sok_search_result **ret,
    size_t *ret_count, struct sok_error *err);

#endif
