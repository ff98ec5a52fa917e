// How good a release is for what was asked, 0-100, and every point with its reason.
//
// The verdict of domain/match.h and the kind of recording cap the sum, so that no number of seeders lifts the
// wrong film, the wrong episode or a cinema recording over the right release: see sok_score_cap.
#ifndef SOK_DOMAIN_SCORE_H
#define SOK_DOMAIN_SCORE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "domain/match.h"
#include "domain/quality.h"
#include "domain/release.h"

struct sok_score_input {
    const struct sok_wanted *wanted;
    const struct sok_release *release;
    const struct sok_quality_profile *profile; // NULL: the default one
    int64_t size_bytes;                        // <= 0: not known
    int seeders;                               // -1: not known
    bool direct;                               // fetched over HTTP: no swarm needed
    double similarity;                         // of embeddings, -1 ... 1; NAN: none was made
};

#define SOK_SCORE_REASONS_MAX 24

struct sok_score {
    int score; // 0-100
    struct sok_match match;
    int reason_count;
    struct sok_score_reason {
        const char *reason; // a sentence for people, in the arena or a literal
        int points;         // all of them add up to `score`
    } reasons[SOK_SCORE_REASONS_MAX];
};

// Judges one release. Pure.
void sok_score_release(
    struct sok_arena *arena, const struct sok_score_input *input, struct sok_score *ret_score);

// The highest score this verdict can have; a cinema recording is capped at 30 besides.
int sok_score_cap(enum sok_match_verdict verdict);

// [{"reason": ..., "points": ...}], the caller's reference.
json_t *sok_score_breakdown(const struct sok_score *score);

#endif
