// What a search wants, out of the database, and what each release is worth for it: what scout does as answers
// come in and oracle does again with likeness of meaning.
#ifndef SOK_WORKERS_JUDGE_H
#define SOK_WORKERS_JUDGE_H

#include "data/search_results.h"
#include "data/searches.h"
#include "domain/match.h"
#include "domain/quality.h"
#include "domain/release.h"
#include "domain/score.h"

// Lives as long as the arena it was loaded into.
struct sok_judge {
    struct sok_wanted wanted;
    struct sok_quality_profile profile;
    const char *overview; // of the work; NULL: none
    const char *genres;   // JSON list; NULL: none
};

// Reads the search's work (its media row, or the query alone where there is none), the episode that is asked
// for, and the setting "quality_profile". Blocks on the database.
SOK_MUST_CHECK enum sok_status sok_judge_load(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_search *search, struct sok_judge *ret,
    struct sok_error *err);

// Sets parsed, resolution, source, season, episode, score and score_breakdown of a result from its title,
// size and seeders. similarity: of embeddings, NAN without one. Texts live in the arena. Pure.
void sok_judge_result(
    const struct sok_judge *judge, struct sok_arena *arena, struct sok_search_result *result,
    double similarity);

// The same from a name that is parsed already.
void sok_judge_release(
    const struct sok_judge *judge, struct sok_arena *arena, const struct sok_release *release,
    struct sok_search_result *result, double similarity);

#endif
