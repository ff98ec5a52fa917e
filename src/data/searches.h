// Searches and how each provider answered. searches.id is the id of the search's task.
#ifndef SOK_DATA_SEARCHES_H
#define SOK_DATA_SEARCHES_H

#include "data/record.h"

struct sok_search {
    const char *id, *user_id, *media_id, *query;
    int64_t year;            // 0: any
    const char *media_type;  // movie, tv or NULL
    int64_t season, episode; // -1: none
    const char *providers;   // JSON list of names asked for; "[]": all
    const char *status;      // pending|running|completed|failed
    int64_t result_count;
    const char *error_message;
    int64_t completed_at, created_at, updated_at;
};

struct sok_search_provider {
    const char *search_id, *name, *status; // pending|running|completed|failed
    int64_t results, latency_ms;
    const char *error;
    int64_t updated_at;
};

SOK_MUST_CHECK enum sok_status sok_searches_insert(
    struct sok_db_tx *tx, const struct sok_search *search, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_searches_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_search *ret,
    struct sok_error *err);
// Sets the status (completed_at with completed and failed) and recounts the results.
SOK_MUST_CHECK enum sok_status sok_searches_set_status(
    struct sok_db_tx *tx, const char *id, const char *status, const char *error_message, int64_t now_ms,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_searches_set_media(
    struct sok_db_tx *tx, const char *id, const char *media_id, int64_t now_ms, struct sok_error *err);

SOK_MUST_CHECK enum sok_status sok_searches_set_provider(
    struct sok_db_tx *tx, const struct sok_search_provider *state,
    struct sok_error *err); // insert or replace
SOK_MUST_CHECK enum sok_status sok_searches_list_providers(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *search_id, struct sok_search_provider **ret,
    size_t *ret_count, struct sok_error *err);

// The providers whose last answer since `since_ms` was a success before `failures` failed ones in a row or
// more: their names, some may be gone by now; in the arena.
SOK_MUST_CHECK enum sok_status sok_searches_failing_providers(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t since_ms, int64_t failures,
    const char ***ret_names, size_t *ret_count, struct sok_error *err);

// Deletes searches created before `before_ms`, with their results, at most a few hundred a call.
SOK_MUST_CHECK enum sok_status sok_searches_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
