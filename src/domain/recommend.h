// What somebody may like to watch next, from what they watched, marked and put aside; with the reason for
// each. Pure: the same input gives the same list, in the same order, and nothing here looks at a clock.
#ifndef SOK_DOMAIN_RECOMMEND_H
#define SOK_DOMAIN_RECOMMEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define SOK_WORK_GENRES_MAX 12

// A film or a series. Borrowed; text may be NULL.
struct sok_work {
    const char *id, *title, *language;
    const char *const *genres; // as they are written; compared without case
    size_t genre_count;        // more than SOK_WORK_GENRES_MAX: the first count
    int year;                  // 0: not known
    double rating;             // 0-10; 0: not known
};

// From strong to weak.
enum sok_taste_kind {
    SOK_TASTE_FAVORITE,
    SOK_TASTE_FINISHED,
    SOK_TASTE_WATCHLIST,
    SOK_TASTE_UNFINISHED,
    SOK_TASTE_DROPPED, // begun, hardly seen, and left alone since
    SOK_TASTE_KINDS
};

// Something the user did with a work; of an episode: with its series.
struct sok_taste {
    enum sok_taste_kind kind;
    struct sok_work work;
    int64_t at_ms;
};

struct sok_candidate {
    struct sok_work work;
    bool is_available; // can be watched now
    bool is_listed;    // on the user's watchlist
};

enum sok_because_kind {
    SOK_BECAUSE_FAVORITE,  // it is like a favorite
    SOK_BECAUSE_HISTORY,   // it is like something watched
    SOK_BECAUSE_WATCHLIST, // it is like something on the watchlist, or there itself (then taste is -1)
    SOK_BECAUSE_GENRE,     // the user often watches such works
    SOK_BECAUSE_RATING     // nothing is known of the user that would fit: it is well rated, or new here
};

// "favorite", "history", "watchlist", "genre", "rating".
const char *sok_because_name(enum sok_because_kind kind);

struct sok_recommendation {
    size_t candidate; // which of those given
    double score;     // 0-100
    enum sok_because_kind because;
    ptrdiff_t taste;                         // which of the tastes it comes from; -1: none alone
    const char *genres[SOK_WORK_GENRES_MAX]; // what the two have in common, as the candidate writes them
    size_t genre_count;
    const char *text; // a sentence for the user, in the arena
};

// The best `limit` of the candidates, best first, but varied: of ten in a row at most four lead with the same
// genre and at most three come from the same work, as long as there are others. Works that the user has
// watched, begun, dropped or marked never come back (those of the watchlist do when they can be watched).
// *ret in the arena. Time: tastes * candidates + limit * candidates.
void sok_recommend(
    struct sok_arena *arena, const struct sok_taste *tastes, size_t taste_count,
    const struct sok_candidate *candidates, size_t candidate_count, size_t limit,
    struct sok_recommendation **ret, size_t *ret_count);

#endif
