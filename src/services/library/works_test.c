#include "base/text.h"
#include "services/library/library-private.h"
#include "services/library/library_testing.h"

static void folders_say_what_a_file_is(void **state)
{
    static const struct {
        const char *path, *title;
        int year, season, episode; // season -1: a film
    } rows[] = {
        {"Movies/Paper Lantern (2019)/Paper Lantern (2019) - 1080p.mp4", "Paper Lantern", 2019, -1, 0},
        {"Movies/2046 (2004)/2046 (2004).mp4", "2046", 2004, -1, 0},
        {"Movies/Film Number 12 (2002).mkv", "Film Number 12", 2002, -1, 0},
        {"Movies/Film Number 12 (2002) - 1080p.mkv", "Film Number 12", 2002, -1, 0},
        {"Harbour Lights 2 (2016) - S01E02 - The Pier.mkv", "Harbour Lights 2", 2016, 1, 2},
        {"Movies/Amélie à Łódź (2001)/Amélie à Łódź (2001).mp4", "Amélie à Łódź", 2001, -1, 0},
        {"Movies/The Salt Road.2011.720p.BluRay.x264-XY.mkv", "The Salt Road", 2011, -1, 0},
        {"Movies/Ocean's Eleven (2001) [tmdbid-161]/Oceans.11.mkv", "Ocean's Eleven", 2001, -1, 0},
        {"Shows/Harbour Lights (2016)/Season 01/Harbour Lights (2016) - S01E02.mp4", "Harbour Lights", 2016,
         1, 2},
        {"Shows/Harbour Lights (2016)/Season 02/03 - The Pier.mkv", "Harbour Lights", 2016, 2, 3},
        {"Shows/Harbour Lights/Season 2/harbour.lights.s02e05.mkv", "Harbour Lights", 0, 2, 5},
        {"Harbour Lights/Season 2/harbour.lights.s02e05.mkv", "Harbour Lights", 0, 2, 5},
        {"Shows/Harbour Lights/Specials/Harbour.Lights.S00E01.mkv", "Harbour Lights", 0, 0, 1},
        {"mess/Harbour.Lights.S03E07.720p.WEB.x264-TEAM.mkv", "Harbour Lights", 0, 3, 7},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int wrong = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_release release;
        bool is_series;
        sok_work_read_path(arena, rows[i].path, &release, &is_series);
        bool fits = sok_text_eq(release.title, rows[i].title) && is_series == (rows[i].season >= 0);
        if (rows[i].year)
            fits &= release.year == rows[i].year;
        if (is_series)
            fits &= release.season == rows[i].season && sok_numbers_has(&release.episodes, rows[i].episode);
        if (!fits)
            print_message(
                "%s: title %s year %d season %d series %d episodes %d\n", rows[i].path,
                release.title ? release.title : "-", release.year, release.season, is_series,
                release.episodes.count ? release.episodes.item[0] : -1);
        wrong += !fits;
    }
    assert_int_equal(0, wrong);
}

static void episodes_come_from_numbers_days_and_counts(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_media known[3] = {SOK_MEDIA_INIT, SOK_MEDIA_INIT, SOK_MEDIA_INIT};
    for (int i = 0; i < 3; i++) {
        known[i].season_number = 2;
        known[i].episode_number = i + 1;
        known[i].absolute_number = 13 + i;
    }
    known[1].release_date = "2020-01-31";
    static const struct {
        const char *name;
        int season, episode, count;
    } rows[] = {
        {"Show.S02E03.mkv", 2, 3, 1},
        {"Show.S01E01E02.mkv", 1, 1, 2},
        {"Show.2020.01.31.720p.WEB.mkv", 2, 2, 1},
        {"[Group] Show - 15 [1080p].mkv", 2, 3, 1},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_release release;
        struct sok_episode_numbers numbers;
        const char *reason;
        sok_release_parse(arena, rows[i].name, &release);
        assert_true(sok_work_episodes(arena, &release, known, 3, &numbers, &reason));
        assert_int_equal(rows[i].season, numbers.season);
        assert_int_equal(rows[i].episode, numbers.episodes[0]);
        assert_int_equal(rows[i].count, numbers.count);
    }
    struct sok_release release;
    struct sok_episode_numbers numbers;
    const char *reason = NULL;
    sok_release_parse(arena, "Show.2020.02.01.mkv", &release);
    assert_false(sok_work_episodes(arena, &release, known, 3, &numbers, &reason));
    assert_non_null(reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_say_what_a_file_is),
        cmocka_unit_test(episodes_come_from_numbers_days_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
