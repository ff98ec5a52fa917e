// What domain/recommend.h works on, read from the database: what a user did, and works that may come into
// question.
#ifndef SOK_DATA_RECOMMENDATIONS_H
#define SOK_DATA_RECOMMENDATIONS_H

#include "backends/db/db.h"
#include "domain/recommend.h"

// The newest 500 deeds of the history (a series counts once) and 200 each of favorites and watchlist.
SOK_MUST_CHECK enum sok_status sok_recommendations_tastes(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, struct sok_taste **ret,
    size_t *ret_count, struct sok_error *err);

// At most 2,600 works however large the catalogue is, none that the user has watched or marked: the best
// rated and the newest of all, what can be watched, the watchlist, and the best of the user's genres.
// `media_type` NULL: films and series.
SOK_MUST_CHECK enum sok_status sok_recommendations_candidates(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *media_type,
    const struct sok_taste *tastes, size_t taste_count, struct sok_candidate **ret, size_t *ret_count,
    struct sok_error *err);

#endif
