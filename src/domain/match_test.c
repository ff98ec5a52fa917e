#include "base/test.h"

#include <string.h>

#include "domain/match.h"
#include "domain/release.h"

static void keys_of_one_title_are_equal(void **state)
{
    static const char *const same[][2] = {
        {"The Matrix", "matrix"},
        {"Matrix, The", "The Matrix"},
        {"Amélie", "AMELIE"},
        {"Fast & Furious", "Fast and Furious"},
        {"Rocky II", "Rocky 2"},
        {"The Godfather: Part III", "Godfather Part 3"},
        {"Kill Bill: Volume 1", "Kill Bill Vol. 1"},
        {"Marvel's Agents of S.H.I.E.L.D.", "Marvels Agents of SHIELD"},
        {"Ocean’s Eleven", "Oceans Eleven"},
        {"Henry V", "Henry 5"},
        {"WALL·E", "Wall-E"},
        {"Mission: Impossible", "Mission - Impossible"},
        {"Dune: Part Two", "Dune Part 2"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(same); i++)
        assert_string_equal(sok_title_key(arena, same[i][0]), sok_title_key(arena, same[i][1]));
}

static void keys_of_two_titles_differ(void **state)
{
    static const char *const other[][2] = {
        {"Alien", "Aliens"}, {"Alien", "Alien 3"}, {"Rocky", "Rocky II"}, {"V", "Five"},
        {"1917", "2012"},    {"Us", "U"},          {"X-Men", "X-Men 2"},  {"A", "The"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(other); i++) {
        assert_string_not_equal(sok_title_key(arena, other[i][0]), sok_title_key(arena, other[i][1]));
        assert_true(sok_title_similarity(arena, other[i][0], other[i][1]) < 0.95);
    }
}

#define FILM(name, of)                                                                   \
    {                                                                                    \
        .title = name, .year = of, .type = SOK_WANTED_MOVIE, .season = -1, .episode = -1 \
    }
#define EPISODE(name, of, s, e)                                                     \
    {                                                                               \
        .title = name, .year = of, .type = SOK_WANTED_TV, .season = s, .episode = e \
    }

static const char *const other_names[] = {"Le Fabuleux Destin d'Amélie Poulain"};

static const struct {
    struct sok_wanted wanted;
    const char *name;
    enum sok_match_verdict verdict;
} cases[] = {
    {FILM("Alien", 1979), "Alien.1979.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("Alien", 1979), "Alien.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("Alien", 1979), "Aliens.1986.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Alien", 1979), "Alien.3.1992.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Alien", 1979), "Alien.Covenant.2017.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Alien", 1979), "Alien.Resurrection.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Alien", 1979), "Alien.1980.1080p.BluRay.x264-A", SOK_MATCH_UNSURE},
    {FILM("Alien", 1979), "Alien.S01E01.1080p.WEB.x264-A", SOK_MATCH_WRONG_TYPE},
    {FILM("Suspiria", 1977), "Suspiria.2018.1080p.BluRay.x264-A", SOK_MATCH_WRONG_YEAR},
    {FILM("2012", 2009), "2012.2009.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("1917", 2019), "1917.2019.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("1917", 2019), "1917.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("Blade Runner 2049", 2017), "Blade.Runner.2049.2017.2160p.BluRay.x265-A", SOK_MATCH_EXACT},
    {FILM("Blade Runner 2049", 2017), "Blade.Runner.2049.2160p.BluRay.x265-A", SOK_MATCH_EXACT},
    {FILM("Blade Runner 2049", 2017), "Blade.Runner.1982.2160p.BluRay.x265-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Blade Runner", 1982), "Blade.Runner.2049.2017.2160p.BluRay.x265-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Wonder Woman 1984", 2020), "Wonder.Woman.1984.2020.1080p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {FILM("Wonder Woman 1984", 2020), "Wonder.Woman.1984.1080p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {FILM("Ocean's Eleven", 2001), "Oceans.Eleven.2001.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("Ocean's Eleven", 2001), "Oceans.Eleven.1960.1080p.BluRay.x264-A", SOK_MATCH_WRONG_YEAR},
    {FILM("Ocean's Eleven", 2001), "Oceans.Twelve.2004.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Rocky II", 1979), "Rocky.2.1979.720p.BluRay.x264-A", SOK_MATCH_EXACT},
    {FILM("Rocky", 1976), "Rocky.II.1979.720p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("It", 2017), "It.Comes.at.Night.2017.720p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb", 1964),
     "Dr.Strangelove.1964.1080p.BluRay.x264-A", SOK_MATCH_UNSURE},
    {FILM("The Fall", 2006), "Godzila.1998.1080p.BluRay.x264-A", SOK_MATCH_WRONG_TITLE},
    {FILM("Cosmos Laundromat", 2015), "Cosmos.Laundramat.2015.1080p.WEB.x264-A", SOK_MATCH_UNSURE},
    {{.title = "Amélie",
      .alternative_titles = other_names,
      .alternative_count = 1,
      .year = 2001,
      .type = SOK_WANTED_MOVIE,
      .season = -1,
      .episode = -1},
     "Le.Fabuleux.Destin.d.Amelie.Poulain.2001.FRENCH.1080p.BluRay.x264-A",
     SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S02E06E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.2x07.HDTV.XviD-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S02.1080p.BluRay.x264-A", SOK_MATCH_PACK},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S01-S03.1080p.BluRay.x264-A", SOK_MATCH_PACK},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S02E08.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_EPISODE},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S03E07.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_SEASON},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.S03.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_SEASON},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.2016.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.1994.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_YEAR},
    {EPISODE("Orchard (2016)", 0, 2, 7), "Orchard.1994.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_YEAR},
    {EPISODE("Orchard (2016)", 0, 2, 7), "Orchard.2016.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.US.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_UNSURE},
    {EPISODE("Orchard US", 2016, 2, 7), "Orchard.US.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.US.2016.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.Lane.S02E07.720p.WEB-DL.x264-A", SOK_MATCH_WRONG_TITLE},
    {EPISODE("Orchard", 2016, 2, 7), "Orchard.2016.1080p.BluRay.x264-A", SOK_MATCH_UNSURE},
    {EPISODE("Orchard", 2016, 1, 7), "[Grp] Orchard - 07 [1080p].mkv", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 1, 7), "[Grp] Orchard - 08 [1080p].mkv", SOK_MATCH_WRONG_EPISODE},
    {EPISODE("Orchard", 2016, 2, 7), "[Grp] Orchard - 07 [1080p].mkv", SOK_MATCH_UNSURE},
    {EPISODE("Orchard", 2016, 2, -1), "Orchard.S02.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {EPISODE("Orchard", 2016, 2, -1), "Orchard.S02E07.1080p.BluRay.x264-A", SOK_MATCH_WRONG_EPISODE},
    {EPISODE("Orchard", 2016, 2, -1), "Orchard.S01-S03.1080p.BluRay.x264-A", SOK_MATCH_PACK},
    {EPISODE("Orchard", 2016, 2, -1), "Orchard.S01.1080p.BluRay.x264-A", SOK_MATCH_WRONG_SEASON},
    {EPISODE("Orchard", 2016, -1, -1), "Orchard.S01.1080p.BluRay.x264-A", SOK_MATCH_PART},
    {EPISODE("Orchard", 2016, -1, -1), "Orchard.S01E02.1080p.BluRay.x264-A", SOK_MATCH_PART},
    {EPISODE("Orchard", 2016, -1, -1), "Orchard.S01-S04.COMPLETE.1080p.BluRay.x264-A", SOK_MATCH_EXACT},
    {{.title = "Evening Report", .type = SOK_WANTED_TV, .season = 5, .episode = 40, .air_date = "2021-03-14"},
     "Evening.Report.2021.03.14.Guest.WEB.x264-A",
     SOK_MATCH_EXACT},
    {{.title = "Evening Report", .type = SOK_WANTED_TV, .season = 5, .episode = 40, .air_date = "2021-03-14"},
     "Evening.Report.2021.03.15.Guest.WEB.x264-A",
     SOK_MATCH_WRONG_EPISODE},
    {{.title = "Sora", .type = SOK_WANTED_TV, .season = 2, .episode = 3, .absolute = 15},
     "[Grp] Sora - 15 [1080p].mkv",
     SOK_MATCH_EXACT},
    {{.title = "Sora", .type = SOK_WANTED_TV, .season = 2, .episode = 3, .absolute = 15},
     "[Grp] Sora - 03 [1080p].mkv",
     SOK_MATCH_WRONG_EPISODE},
};

static void releases_are_judged_by_what_was_asked(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int wrong = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_release release;
        struct sok_match match;
        sok_release_parse(arena, cases[i].name, &release);
        sok_match_release(arena, &cases[i].wanted, &release, &match);
        assert_non_null(match.reason);
        if (match.verdict != cases[i].verdict) {
            print_error(
                "%s (%d) S%dE%d against %s: %s wanted, %s said (title %s, %.2f)\n", cases[i].wanted.title,
                cases[i].wanted.year, cases[i].wanted.season, cases[i].wanted.episode, cases[i].name,
                sok_match_verdict_name(cases[i].verdict), sok_match_verdict_name(match.verdict),
                release.title ? release.title : "-", match.title_similarity);
            wrong++;
        }
    }
    assert_int_equal(0, wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_one_title_are_equal),
        cmocka_unit_test(keys_of_two_titles_differ),
        cmocka_unit_test(releases_are_judged_by_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
