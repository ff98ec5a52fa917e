// What was asked for against what a release name says: is it the same work, and the right part of it?
#ifndef SOK_DOMAIN_MATCH_H
#define SOK_DOMAIN_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "domain/release.h"

enum sok_wanted_type { SOK_WANTED_ANY, SOK_WANTED_MOVIE, SOK_WANTED_TV };

// All borrowed.
struct sok_wanted {
    const char *title;
    const char *const *alternative_titles; // original title, translations
    size_t alternative_count;
    int year; // of the film, or the series' first year; 0: not known
    enum sok_wanted_type type;
    int season;           // -1: not asked
    int episode;          // -1: not asked
    int absolute;         // the episode counted over the whole series, where known; 0: not known
    const char *air_date; // of the episode, "2020-01-31"; NULL: not known
    int runtime_minutes;  // of the film or one episode; 0: not known
    int season_episodes;  // episodes in the season, for the size of a pack; 0: not known
};

// From right to wrong: `<= SOK_MATCH_PART` is what was asked for.
enum sok_match_verdict {
    SOK_MATCH_EXACT,         // the work, and the very episode or season
    SOK_MATCH_PACK,          // holds what was asked for among more
    SOK_MATCH_PART,          // part of a series when the series was asked for
    SOK_MATCH_UNSURE,        // the title is close, or the name does not say which part
    SOK_MATCH_WRONG_EPISODE, //
    SOK_MATCH_WRONG_SEASON,
    SOK_MATCH_WRONG_TYPE, // an episode where a film was asked for
    SOK_MATCH_WRONG_YEAR, // same title, another year: a remake
    SOK_MATCH_WRONG_TITLE,
};

struct sok_match {
    enum sok_match_verdict verdict;
    double title_similarity; // 0-1, of the best of the titles
    const char *reason;      // a sentence for people, in the arena or a literal
};

// "exact", "pack", ...; never NULL.
const char *sok_match_verdict_name(enum sok_match_verdict verdict);

// Judges; always gives an answer. Time linear in the texts for each title.
void sok_match_release(
    struct sok_arena *arena, const struct sok_wanted *wanted, const struct sok_release *release,
    struct sok_match *ret_match);

// The form in which titles are compared: folded, words separated by one blank, "&" as "and", Roman numerals
// as digits, no articles at the front, S.H.I.E.L.D. as one word. "" for a title without letters or digits.
char *sok_title_key(struct sok_arena *arena, const char *title);

// 1: the same title; 0: nothing in common. Compares keys.
double sok_title_similarity(struct sok_arena *arena, const char *a, const char *b);

#endif
