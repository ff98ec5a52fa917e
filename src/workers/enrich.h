// Completes works with what the metadata providers know: the scout does it as a search starts, the librarian
// as a job of its own.
#ifndef SOK_WORKERS_ENRICH_H
#define SOK_WORKERS_ENRICH_H

#include "backends/db/db.h"
#include "services/providers/provider.h"
#include "workers/env.h"

// Writes what was found into the work's row and its episodes' rows. When another row is that work already
// (same TMDB id, for series also TVmaze's), everything moves there and the first row is gone: *ret_media_id
// (in the arena) is the one that counts. What a user has written stays. Runs in a write body.
SOK_MUST_CHECK enum sok_status sok_enrich_apply(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *media_id, const struct sok_found_media *found,
    int64_t now_ms, const char **ret_media_id, struct sok_error *err);

// Asks the providers for the work and applies the answer; of a series also its episodes, season by season.
// SOK_NOT_FOUND: no such row, or no provider knows it (code "unknown_work"). Blocks for at most timeout_ms.
SOK_MUST_CHECK enum sok_status sok_enrich_media(
    const struct sok_worker_env *env, struct sok_arena *arena, const char *media_id, int64_t timeout_ms,
    const char **ret_media_id, struct sok_error *err);

#endif
