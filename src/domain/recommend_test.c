#include "domain/recommend.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/test.h"

#define DAY ((int64_t)24 * 3600 * 1000)
#define NOW (1000 * DAY)

static const char *const silent[] = {"Silent", "Science Fiction"};
static const char *const western[] = {"Western"};
static const char *const comedy[] = {"Comedy", "Romance"};
static const char *const drama[] = {"Drama"};

struct shelf {
    struct sok_arena *arena;
    struct sok_taste tastes[64];
    struct sok_candidate candidates[256];
    size_t taste_count, candidate_count, count;
    struct sok_recommendation *list;
};

static int set_up(void **state)
{
    struct sok_arena *arena = sok_arena_new(0);
    struct shelf *shelf = sok_alloc(arena, sizeof(*shelf));
    *shelf = (struct shelf){.arena = arena};
    *state = shelf;
    return 0;
}

static int tear_down(void **state)
{
    sok_arena_free(((struct shelf *)*state)->arena);
    return 0;
}

static struct sok_work work_of(const char *id, const char *const *genres, size_t genre_count)
{
    return (struct sok_work){
        .id = id, .title = id, .genres = genres, .genre_count = genre_count, .year = 1927, .rating = 7};
}
#define WORK(id, genres) work_of(id, genres, SOK_ARRAY_LEN(genres))

static void like(struct shelf *shelf, enum sok_taste_kind kind, struct sok_work work, int64_t days_ago)
{
    shelf->tastes[shelf->taste_count++] = (struct sok_taste){kind, work, NOW - days_ago * DAY};
}

static void offer(struct shelf *shelf, struct sok_work work)
{
    shelf->candidates[shelf->candidate_count++] = (struct sok_candidate){.work = work};
}

static void run(struct shelf *shelf, size_t limit)
{
    sok_recommend(
        shelf->arena, shelf->tastes, shelf->taste_count, shelf->candidates, shelf->candidate_count, limit,
        &shelf->list, &shelf->count);
}

static const char *id_at(const struct shelf *shelf, size_t place)
{
    return shelf->candidates[shelf->list[place].candidate].work.id;
}

static const char *named(struct shelf *shelf, const char *name, int number)
{
    return sok_format(shelf->arena, "%s%03d", name, number);
}

static void the_reason_names_the_work_and_what_is_common(void **state)
{
    struct shelf *shelf = *state;
    like(shelf, SOK_TASTE_FINISHED, WORK("Metropolis", silent), 0);
    offer(shelf, WORK("Aelita", silent));
    offer(shelf, WORK("Shane", western));
    run(shelf, 10);
    assert_int_equal(shelf->count, 2);
    assert_string_equal(id_at(shelf, 0), "Aelita");
    assert_string_equal(shelf->list[0].text, "because you watched Metropolis: silent, science fiction");
    assert_int_equal(shelf->list[0].because, SOK_BECAUSE_HISTORY);
    assert_int_equal(shelf->list[0].taste, 0);
    assert_int_equal(shelf->list[0].genre_count, 2);
    assert_int_equal(shelf->list[1].because, SOK_BECAUSE_RATING);
    assert_int_equal(shelf->list[1].taste, -1);
    assert_string_equal(shelf->list[1].text, "rated 7.0 of 10, from 1927");
}

static void every_kind_has_its_words(void **state)
{
    static const struct {
        enum sok_taste_kind kind;
        enum sok_because_kind because;
        const char *text;
    } cases[] = {
        {SOK_TASTE_FAVORITE, SOK_BECAUSE_FAVORITE, "because Shane is one of your favorites: western"},
        {SOK_TASTE_FINISHED, SOK_BECAUSE_HISTORY, "because you watched Shane: western"},
        {SOK_TASTE_WATCHLIST, SOK_BECAUSE_WATCHLIST, "because Shane is on your watchlist: western"},
        {SOK_TASTE_UNFINISHED, SOK_BECAUSE_HISTORY, "because you began Shane: western"},
        {SOK_TASTE_DROPPED, SOK_BECAUSE_HISTORY, "because you once began Shane: western"},
    };
    struct shelf *shelf = *state;
    offer(shelf, WORK("Rio Bravo", western));
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        shelf->taste_count = 0;
        like(shelf, cases[i].kind, WORK("Shane", western), 3);
        run(shelf, 1);
        assert_int_equal(shelf->list[0].because, cases[i].because);
        assert_string_equal(shelf->list[0].text, cases[i].text);
    }
    shelf->taste_count = 0;
    shelf->candidates[0].is_listed = shelf->candidates[0].is_available = true;
    run(shelf, 1);
    assert_string_equal(shelf->list[0].text, "it is on your watchlist, and can be watched now");
    assert_string_equal(sok_because_name(SOK_BECAUSE_GENRE), "genre");
}

// Every kind of deed, at every age, with one or many around it: what the user knows is never offered again.
static void what_is_known_never_comes_back(void **state)
{
    struct shelf *shelf = *state;
    for (int kind = 0; kind < SOK_TASTE_KINDS; kind++)
        for (int days = 0; days < 1000; days += 111)
            for (int around = 0; around < 12; around += 4) {
                shelf->taste_count = shelf->candidate_count = 0;
                like(shelf, (enum sok_taste_kind)kind, WORK("Metropolis", silent), days);
                for (int i = 0; i < around; i++)
                    like(shelf, SOK_TASTE_FINISHED, WORK(named(shelf, "seen", i), western), i);
                offer(shelf, WORK("Metropolis", silent));
                offer(shelf, WORK("Aelita", silent));
                shelf->candidates[0].is_listed = kind == SOK_TASTE_WATCHLIST;
                for (int i = 0; i < around; i++)
                    offer(shelf, WORK(named(shelf, "seen", i), western));
                run(shelf, 100);
                assert_int_equal(shelf->count, 1);
                assert_string_equal(id_at(shelf, 0), "Aelita");
            }
}

// The score of a candidate like one thing done so long ago, with a recent deed of another taste beside it.
static double score_of(struct shelf *shelf, enum sok_taste_kind kind, int64_t days)
{
    shelf->taste_count = shelf->candidate_count = 0;
    like(shelf, kind, WORK("Metropolis", silent), days);
    like(shelf, SOK_TASTE_DROPPED, WORK("Anything", drama), 0);
    offer(shelf, WORK("Aelita", silent));
    run(shelf, 1);
    return shelf->list[0].score;
}

static void stronger_deeds_weigh_more_at_every_age(void **state)
{
    struct shelf *shelf = *state;
    for (int64_t days = 0; days <= 720; days += 30) {
        double favorite = score_of(shelf, SOK_TASTE_FAVORITE, days);
        double finished = score_of(shelf, SOK_TASTE_FINISHED, days);
        double unfinished = score_of(shelf, SOK_TASTE_UNFINISHED, days);
        double dropped = score_of(shelf, SOK_TASTE_DROPPED, days);
        assert_true(favorite > finished && finished > unfinished && unfinished > dropped);
        for (int kind = 0; kind < SOK_TASTE_KINDS && days; kind++) // and each fades
            assert_true(
                score_of(shelf, (enum sok_taste_kind)kind, days) <
                score_of(shelf, (enum sok_taste_kind)kind, days - 30));
    }
}

// However many films of a genre were watched: what is like a favorite comes before what only has that genre.
static void a_favorite_outweighs_a_genre(void **state)
{
    struct shelf *shelf = *state;
    for (int watched = 1; watched < 60; watched++) {
        shelf->taste_count = shelf->candidate_count = 0;
        like(shelf, SOK_TASTE_FAVORITE, WORK("Metropolis", silent), 300);
        for (int i = 0; i < watched; i++)
            like(shelf, SOK_TASTE_FINISHED, WORK(named(shelf, "seen", i), western), i % 7);
        offer(shelf, WORK("Rio Bravo", western));
        offer(shelf, WORK("Aelita", silent));
        run(shelf, 2);
        assert_string_equal(id_at(shelf, 0), "Aelita");
        assert_int_equal(shelf->list[0].because, SOK_BECAUSE_FAVORITE);
    }
}

static void a_habit_is_named_as_one(void **state)
{
    static const char *const mixed[] = {"Western", "Drama", "Comedy", "Silent"};
    struct shelf *shelf = *state;
    for (int i = 0; i < 6; i++)
        like(shelf, SOK_TASTE_FINISHED, WORK(named(shelf, "seen", i), western), i);
    offer(shelf, WORK("Of everything", mixed));
    for (int i = 0; i < 40; i++)
        offer(shelf, WORK(named(shelf, "other", i), western));
    run(shelf, 60);
    bool is_named = false;
    for (size_t i = 0; i < shelf->count; i++)
        if (shelf->list[i].because == SOK_BECAUSE_GENRE) {
            assert_string_equal(shelf->list[i].text, "because you often watch western");
            assert_int_equal(shelf->list[i].taste, -1);
            is_named = true;
        }
    assert_true(is_named);
}

static void ten_in_a_row_are_varied(void **state)
{
    struct shelf *shelf = *state;
    for (int i = 0; i < 5; i++)
        like(shelf, SOK_TASTE_FINISHED, WORK(named(shelf, "seen", i), silent), i);
    for (int i = 0; i < 40; i++)
        offer(shelf, WORK(named(shelf, "a", i), silent));
    for (int i = 0; i < 20; i++) {
        offer(shelf, WORK(named(shelf, "b", i), western));
        offer(shelf, WORK(named(shelf, "c", i), comedy));
        offer(shelf, WORK(named(shelf, "d", i), drama));
    }
    run(shelf, 50);
    for (size_t first = 0; first + 10 <= shelf->count; first++) {
        int of_kind[4] = {0}, of_taste[5] = {0};
        for (size_t i = first; i < first + 10; i++) {
            int same = ++of_kind[id_at(shelf, i)[0] - 'a'];
            assert_true(same <= 4);
            ptrdiff_t taste = shelf->list[i].taste;
            assert_true(taste < 0 || ++of_taste[taste] <= 3);
        }
    }
    assert_int_equal(id_at(shelf, 0)[0], 'a');
    // With nothing else to offer there is more of the same.
    shelf->candidate_count = 40;
    run(shelf, 50);
    assert_int_equal(shelf->count, 40);
}

static void who_has_done_nothing_gets_what_is_good_and_recent(void **state)
{
    struct shelf *shelf = *state;
    static const struct {
        const char *id;
        int year;
        double rating;
    } works[] = {
        {"old and poor", 1950, 4},
        {"old and good", 1950, 8.5},
        {"new and good", 2025, 8.1},
        {"new and poor", 2025, 3}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(works); i++) {
        struct sok_work work = WORK(works[i].id, drama);
        work.year = works[i].year;
        work.rating = works[i].rating;
        offer(shelf, work);
    }
    run(shelf, 10);
    assert_int_equal(shelf->count, 4);
    assert_string_equal(id_at(shelf, 0), "new and good");
    assert_string_equal(shelf->list[0].text, "rated 8.1 of 10, from 2025");
    assert_string_equal(id_at(shelf, 3), "old and poor");
    for (size_t i = 0; i < shelf->count; i++)
        assert_true(shelf->list[i].score > 0 && shelf->list[i].score <= 10);
    shelf->candidates[0].work = (struct sok_work){.id = "bare", .title = "Bare"};
    shelf->candidate_count = 1;
    run(shelf, 10);
    assert_string_equal(shelf->list[0].text, "in the catalogue, and not watched yet");
}

static void the_same_state_gives_the_same_list(void **state)
{
    struct shelf *shelf = *state;
    char first[64][24];
    for (int i = 0; i < 20; i++)
        like(shelf, (enum sok_taste_kind)(i % SOK_TASTE_KINDS), WORK(named(shelf, "seen", i), silent), i * 7);
    for (int i = 0; i < 60; i++)
        offer(shelf, i % 3 ? WORK(named(shelf, "w", i), comedy) : WORK(named(shelf, "w", i), silent));
    run(shelf, 60);
    for (size_t i = 0; i < shelf->count; i++)
        snprintf(first[i], sizeof(first[i]), "%s", id_at(shelf, i));
    for (int round = 1; round < 5; round++) { // also when the rows come in another order, or all is later
        struct sok_candidate moved = shelf->candidates[0];
        memmove(shelf->candidates, shelf->candidates + 1, 59 * sizeof(moved));
        shelf->candidates[59] = moved;
        for (size_t i = 0; i < shelf->taste_count; i++)
            shelf->tastes[i].at_ms += DAY;
        run(shelf, 60);
        for (size_t i = 0; i < shelf->count; i++)
            assert_string_equal(id_at(shelf, i), first[i]);
    }
}

static void odd_input_is_survived(void **state)
{
    static const char *const many[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"};
    struct shelf *shelf = *state;
    run(shelf, 10);
    assert_int_equal(shelf->count, 0);
    like(shelf, SOK_TASTE_FINISHED, WORK("seen", many), 0);
    for (int i = 0; i < 100; i++) { // more genres than are told apart
        const char **own = sok_alloc(shelf->arena, sizeof(*own));
        *own = named(shelf, "genre", i);
        offer(shelf, work_of(named(shelf, "w", i), own, 1));
    }
    offer(shelf, WORK("much", many));
    run(shelf, 0);
    assert_int_equal(shelf->count, 0);
    run(shelf, 1000);
    assert_int_equal(shelf->count, 101);
    assert_string_equal(id_at(shelf, 0), "much");
    assert_int_equal(shelf->list[0].genre_count, SOK_WORK_GENRES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_reason_names_the_work_and_what_is_common),
        TEST(every_kind_has_its_words),
        TEST(what_is_known_never_comes_back),
        TEST(stronger_deeds_weigh_more_at_every_age),
        TEST(a_favorite_outweighs_a_genre),
        TEST(a_habit_is_named_as_one),
        TEST(ten_in_a_row_are_varied),
        TEST(who_has_done_nothing_gets_what_is_good_and_recent),
        TEST(the_same_state_gives_the_same_list),
        TEST(odd_input_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
