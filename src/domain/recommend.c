// A candidate is worth what its nearest taste makes of it: that taste's weight (what the user did, how long
// ago) times how alike the two works are (rare genres in common say more than common ones). What the other
// tastes say is added only up to a bound, so that a hundred films watched by the way never outweigh one
// favorite.
//
// "How long ago" is counted back from the user's last deed, not from now: without new deeds nothing changes.
#include "domain/recommend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

#define DAY_MS ((double)24 * 3600 * 1000)
#define GENRES_MAX 64 // different ones, a bit each; further ones are not looked at
#define OTHERS_MAX 0.5
#define WINDOW 10
#define SAME_GENRE_MAX 4
#define SAME_TASTE_MAX 3
#define OFTEN 3 // works that make a genre a habit

static const struct {
    double weight, half_life_days;
} strengths[SOK_TASTE_KINDS] = {
    [SOK_TASTE_FAVORITE] = {3, 1000},   [SOK_TASTE_FINISHED] = {1, 120}, [SOK_TASTE_WATCHLIST] = {0.8, 240},
    [SOK_TASTE_UNFINISHED] = {0.4, 60}, [SOK_TASTE_DROPPED] = {0.1, 60},
};

struct features { // of a work
    uint64_t genres;
    double norm;
    int lead; // the bit of its first genre, or -1
};

struct ranking {
    struct sok_arena *arena;
    const struct sok_taste *tastes;
    const struct sok_candidate *candidates;
    size_t taste_count, candidate_count;
    const char *genres[GENRES_MAX];
    size_t genre_count;
    double genre_weights[GENRES_MAX];
    struct features *of_tastes, *of_candidates;
    double *weights; // of tastes
    int newest_year; // of the candidates
};

struct judged {
    size_t candidate;
    double score;
    ptrdiff_t taste; // the nearest
    double alike;    // to it
    bool taken;
};

const char *sok_because_name(enum sok_because_kind kind)
{
    static const char *const names[] = {"favorite", "history", "watchlist", "genre", "rating"};
    return names[kind];
}

static int genre_bit(struct ranking *r, const char *genre)
{
    for (size_t i = 0; i < r->genre_count; i++)
        if (strcasecmp(r->genres[i], genre) == 0)
            return (int)i;
    if (r->genre_count == GENRES_MAX)
        return -1;
    r->genres[r->genre_count] = genre;
    return (int)r->genre_count++;
}

static struct features genres_of(struct ranking *r, const struct sok_work *work)
{
    struct features features = {.lead = -1};
    for (size_t i = 0; i < work->genre_count && i < SOK_WORK_GENRES_MAX; i++) {
        int bit = genre_bit(r, work->genres[i]);
        if (bit < 0)
            continue;
        features.genres |= UINT64_C(1) << bit;
        if (features.lead < 0)
            features.lead = bit;
    }
    return features;
}

static double weight_of(const struct ranking *r, uint64_t genres)
{
    double sum = 0;
    for (; genres; genres &= genres - 1)
        sum += r->genre_weights[__builtin_ctzll(genres)];
    return sum;
}

// How much a genre says: little when most candidates have it.
static void weigh_genres(struct ranking *r)
{
    size_t counts[GENRES_MAX] = {0};
    for (size_t i = 0; i < r->candidate_count; i++)
        for (uint64_t genres = r->of_candidates[i].genres; genres; genres &= genres - 1)
            counts[__builtin_ctzll(genres)]++;
    for (size_t i = 0; i < r->genre_count; i++)
        r->genre_weights[i] = 0.3 + log((double)(r->candidate_count + 1) / (double)(counts[i] + 1));
    for (size_t i = 0; i < r->candidate_count; i++)
        r->of_candidates[i].norm = sqrt(weight_of(r, r->of_candidates[i].genres));
    for (size_t i = 0; i < r->taste_count; i++)
        r->of_tastes[i].norm = sqrt(weight_of(r, r->of_tastes[i].genres));
}

static void weigh_tastes(struct ranking *r)
{
    int64_t last_ms = INT64_MIN;
    for (size_t i = 0; i < r->taste_count; i++)
        last_ms = r->tastes[i].at_ms > last_ms ? r->tastes[i].at_ms : last_ms;
    for (size_t i = 0; i < r->taste_count; i++) {
        const struct sok_taste *taste = &r->tastes[i];
        double days = (double)(last_ms - taste->at_ms) / DAY_MS;
        r->weights[i] = strengths[taste->kind].weight * exp2(-days / strengths[taste->kind].half_life_days);
    }
}

// 0-1.
static double likeness(const struct ranking *r, size_t taste, size_t candidate)
{
    const struct features *a = &r->of_tastes[taste], *b = &r->of_candidates[candidate];
    uint64_t common = a->genres & b->genres;
    if (!common)
        return 0;
    const struct sok_work *liked = &r->tastes[taste].work, *work = &r->candidates[candidate].work;
    double alike = 0.85 * weight_of(r, common) / (a->norm * b->norm);
    int years = abs(liked->year - work->year);
    if (liked->year && work->year && years < 20)
        alike += 0.1 * (1 - years / 20.0);
    if (liked->language && work->language && strcmp(liked->language, work->language) == 0)
        alike += 0.05;
    return alike;
}

static double quality_of(const struct sok_candidate *candidate)
{
    double rating = candidate->work.rating > 0 ? candidate->work.rating : 5;
    return 0.7 + 0.03 * rating;
}

// 0-10, of one that nothing speaks for: well rated and recent.
static double plain_score(const struct ranking *r, const struct sok_candidate *candidate)
{
    int years = r->newest_year - candidate->work.year;
    double recent = candidate->work.year ? exp2(-years / 10.0) : 0;
    return 0.55 * candidate->work.rating + 3.5 * recent + (candidate->is_available ? 1 : 0);
}

// Whether the user knows it: then it is no recommendation.
static bool is_known(const struct ranking *r, size_t index)
{
    const struct sok_candidate *candidate = &r->candidates[index];
    if (candidate->is_listed && !candidate->is_available)
        return true;
    for (size_t i = 0; i < r->taste_count; i++)
        if (r->tastes[i].kind != SOK_TASTE_WATCHLIST && strcmp(r->tastes[i].work.id, candidate->work.id) == 0)
            return true;
    return false;
}

static bool is_itself(const struct ranking *r, size_t taste, size_t candidate)
{
    return strcmp(r->tastes[taste].work.id, r->candidates[candidate].work.id) == 0;
}

static struct judged judge(const struct ranking *r, size_t index)
{
    const struct sok_candidate *candidate = &r->candidates[index];
    struct judged judged = {.candidate = index, .taste = -1};
    double best = 0, sum = 0;
    for (size_t i = 0; i < r->taste_count; i++) {
        double alike = r->of_tastes[i].genres & r->of_candidates[index].genres ? likeness(r, i, index) : 0;
        double worth = alike * r->weights[i];
        if (worth <= 0 || is_itself(r, i, index))
            continue;
        sum += worth;
        if (worth > best) {
            best = worth;
            judged.taste = (ptrdiff_t)i;
            judged.alike = alike;
        }
    }
    double worth = best + OTHERS_MAX * (1 - exp(best - sum));
    if (candidate->is_listed)
        worth += 0.6;
    worth *= quality_of(candidate) * (candidate->is_available ? 1.1 : 1);
    judged.score = worth > 0 ? 10 + 90 * (1 - exp(-worth)) : plain_score(r, candidate);
    return judged;
}

// --- Choosing.

struct chosen {
    int lead;
    ptrdiff_t taste;
};

static bool is_too_much(
    const struct ranking *r, const struct chosen *chosen, size_t count, const struct judged *next)
{
    int lead = r->of_candidates[next->candidate].lead, same_lead = 0, same_taste = 0;
    for (size_t i = count < WINDOW - 1 ? 0 : count - (WINDOW - 1); i < count; i++) {
        same_lead += lead >= 0 && chosen[i].lead == lead;
        same_taste += next->taste >= 0 && chosen[i].taste == next->taste;
    }
    return same_lead >= SAME_GENRE_MAX || same_taste >= SAME_TASTE_MAX;
}

static bool is_better(const struct ranking *r, const struct judged *a, const struct judged *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    return strcmp(r->candidates[a->candidate].work.id, r->candidates[b->candidate].work.id) < 0;
}

// The best that is not more of the same; if all are, the best.
static struct judged *choose_next(
    const struct ranking *r, struct judged *judged, size_t count, const struct chosen *chosen,
    size_t chosen_count)
{
    struct judged *best = NULL, *varied = NULL;
    for (size_t i = 0; i < count; i++) {
        if (judged[i].taken)
            continue;
        if (!best || is_better(r, &judged[i], best))
            best = &judged[i];
        if ((!varied || is_better(r, &judged[i], varied)) &&
            !is_too_much(r, chosen, chosen_count, &judged[i]))
            varied = &judged[i];
    }
    return varied ? varied : best;
}

// --- Reasons.

static void find_common(
    const struct ranking *r, const struct judged *judged, struct sok_recommendation *recommendation)
{
    const struct sok_work *work = &r->candidates[judged->candidate].work;
    uint64_t wanted = r->of_tastes[judged->taste].genres;
    for (size_t i = 0; i < work->genre_count && i < SOK_WORK_GENRES_MAX; i++)
        for (size_t bit = 0; bit < r->genre_count; bit++)
            if ((wanted >> bit & 1) && strcasecmp(r->genres[bit], work->genres[i]) == 0)
                recommendation->genres[recommendation->genre_count++] = work->genres[i];
}

// "drama, science fiction".
static const char *list_genres(struct sok_arena *arena, const struct sok_recommendation *recommendation)
{
    char *list = sok_strdup(arena, "");
    for (size_t i = 0; i < recommendation->genre_count; i++)
        list = sok_format(arena, "%s%s%s", list, i ? ", " : "", recommendation->genres[i]);
    for (char *at = list; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return list;
}

// How many other tastes share a genre with both.
static int count_alike(const struct ranking *r, const struct judged *judged)
{
    uint64_t common = r->of_tastes[judged->taste].genres & r->of_candidates[judged->candidate].genres;
    int count = 0;
    for (size_t i = 0; i < r->taste_count; i++)
        count += r->tastes[i].kind == SOK_TASTE_FINISHED && (r->of_tastes[i].genres & common);
    return count;
}

static void explain_rating(
    const struct ranking *r, const struct sok_work *work, struct sok_recommendation *ret)
{
    ret->because = SOK_BECAUSE_RATING;
    if (work->rating >= 6.5 && work->year)
        ret->text = sok_format(r->arena, "rated %.1f of 10, from %d", work->rating, work->year);
    else if (work->rating > 0)
        ret->text = sok_format(r->arena, "rated %.1f of 10", work->rating);
    else
        ret->text = "in the catalogue, and not watched yet";
}

static void explain(const struct ranking *r, const struct judged *judged, struct sok_recommendation *ret)
{
    static const char *const begin[] = {
        [SOK_TASTE_FAVORITE] = "because",
        [SOK_TASTE_FINISHED] = "because you watched",
        [SOK_TASTE_WATCHLIST] = "because",
        [SOK_TASTE_UNFINISHED] = "because you began",
        [SOK_TASTE_DROPPED] = "because you once began",
    };
    static const char *const end[SOK_TASTE_KINDS] = {
        [SOK_TASTE_FAVORITE] = " is one of your favorites", [SOK_TASTE_WATCHLIST] = " is on your watchlist"};
    const struct sok_candidate *candidate = &r->candidates[judged->candidate];
    ret->taste = -1;
    if (candidate->is_listed) {
        ret->because = SOK_BECAUSE_WATCHLIST;
        ret->text = "it is on your watchlist, and can be watched now";
        return;
    }
    if (judged->taste < 0) {
        explain_rating(r, &candidate->work, ret);
        return;
    }
    const struct sok_taste *taste = &r->tastes[judged->taste];
    find_common(r, judged, ret);
    const char *genres = list_genres(r->arena, ret);
    if (taste->kind == SOK_TASTE_FINISHED && judged->alike < 0.5 && count_alike(r, judged) >= OFTEN) {
        ret->because = SOK_BECAUSE_GENRE;
        ret->text = sok_format(r->arena, "because you often watch %s", genres);
        return;
    }
    ret->because = taste->kind == SOK_TASTE_FAVORITE    ? SOK_BECAUSE_FAVORITE
                   : taste->kind == SOK_TASTE_WATCHLIST ? SOK_BECAUSE_WATCHLIST
                                                        : SOK_BECAUSE_HISTORY;
    ret->taste = judged->taste;
    ret->text = sok_format(
        r->arena, "%s %s%s: %s", begin[taste->kind], taste->work.title,
        end[taste->kind] ? end[taste->kind] : "", genres);
}

static void look_closely(struct ranking *r)
{
    r->of_tastes = sok_alloc_array(r->arena, r->taste_count, sizeof(*r->of_tastes));
    r->of_candidates = sok_alloc_array(r->arena, r->candidate_count, sizeof(*r->of_candidates));
    r->weights = sok_alloc_array(r->arena, r->taste_count, sizeof(*r->weights));
    for (size_t i = 0; i < r->taste_count; i++)
        r->of_tastes[i] = genres_of(r, &r->tastes[i].work);
    for (size_t i = 0; i < r->candidate_count; i++)
        r->of_candidates[i] = genres_of(r, &r->candidates[i].work);
    for (size_t i = 0; i < r->candidate_count; i++)
        if (r->candidates[i].work.year > r->newest_year)
            r->newest_year = r->candidates[i].work.year;
    weigh_genres(r);
    weigh_tastes(r);
}

void sok_recommend(
    struct sok_arena *arena, const struct sok_taste *tastes, size_t taste_count,
    const struct sok_candidate *candidates, size_t candidate_count, size_t limit,
    struct sok_recommendation **ret, size_t *ret_count)
{
    struct ranking ranking = {
        .arena = arena,
        .tastes = tastes,
        .taste_count = taste_count,
        .candidates = candidates,
        .candidate_count = candidate_count};
    look_closely(&ranking);
    struct judged *judged = sok_alloc_array(arena, candidate_count, sizeof(*judged));
    size_t count = 0, chosen_count = 0;
    for (size_t i = 0; i < candidate_count; i++)
        if (!is_known(&ranking, i))
            judged[count++] = judge(&ranking, i);
    limit = limit < count ? limit : count;
    struct sok_recommendation *list = sok_alloc_array(arena, limit, sizeof(*list));
    struct chosen *chosen = sok_alloc_array(arena, limit, sizeof(*chosen));
    while (chosen_count < limit) {
        struct judged *next = choose_next(&ranking, judged, count, chosen, chosen_count);
        next->taken = true;
        chosen[chosen_count] = (struct chosen){ranking.of_candidates[next->candidate].lead, next->taste};
        list[chosen_count] = (struct sok_recommendation){.candidate = next->candidate, .score = next->score};
        explain(&ranking, next, &list[chosen_count]);
        chosen_count++;
    }
    *ret = list;
    *ret_count = limit;
}
