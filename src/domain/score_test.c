#include "base/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "domain/score.h"

static const struct sok_wanted film = {
    .title = "Alien",
    .year = 1979,
    .type = SOK_WANTED_MOVIE,
    .season = -1,
    .episode = -1,
    .runtime_minutes = 117};
static const struct sok_wanted episode = {
    .title = "Orchard",
    .year = 2016,
    .type = SOK_WANTED_TV,
    .season = 2,
    .episode = 7,
    .runtime_minutes = 45,
    .season_episodes = 10};

static const int seeders[] = {-1, 0, 1, 9, 100, 5000, 1000000};
static const int64_t sizes_mib[] = {0, 1, 350, 1500, 9000, 60000, 4000000};
static const char *const qualities[] = {
    "480p.DVDRip.XviD",
    "720p.HDTV.x264",
    "1080p.WEB-DL.DDP5.1.x265",
    "2160p.BluRay.REMUX.HDR.HEVC.TrueHD.7.1",
    "KORSUB.HC.HDRip.x264",
    "3D.HSBS.1080p.BluRay.x264",
    "PROPER.1080p.BluRay.DTS.x264"};

static struct sok_score score_of(
    struct sok_arena *arena, const struct sok_wanted *wanted, const char *name, int64_t size_mib, int seeds,
    double similarity)
{
    struct sok_release release;
    struct sok_score score;
    sok_release_parse(arena, name, &release);
    struct sok_score_input input = {
        .wanted = wanted,
        .release = &release,
        .size_bytes = size_mib << 20,
        .seeders = seeds,
        .similarity = similarity};
    sok_score_release(arena, &input, &score);
    int sum = 0;
    for (int i = 0; i < score.reason_count; i++) {
        assert_true(score.reasons[i].reason && *score.reasons[i].reason);
        sum += score.reasons[i].points;
    }
    assert_int_equal(sum, score.score);
    assert_in_range(score.score, 0, 100);
    return score;
}

// The least and the highest score of this work over every mixture of picture, size, seeders and likeness.
static void extremes(const struct sok_wanted *wanted, const char *work, int *ret_least, int *ret_most)
{
    *ret_least = 100;
    *ret_most = 0;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t q = 0; q < SOK_ARRAY_LEN(qualities); q++)
        for (size_t s = 0; s < SOK_ARRAY_LEN(sizes_mib); s++)
            for (size_t n = 0; n < SOK_ARRAY_LEN(seeders); n++)
                for (int like = 0; like < 3; like++) {
                    sok_arena_reset(arena);
                    char *name = sok_format(arena, "%s.%s-GRP", work, qualities[q]);
                    double similarity = like == 0 ? NAN : like == 1 ? -1 : 1;
                    int score = score_of(arena, wanted, name, sizes_mib[s], seeders[n], similarity).score;
                    *ret_least = score < *ret_least ? score : *ret_least;
                    *ret_most = score > *ret_most ? score : *ret_most;
                }
}

static void what_is_wrong_never_outranks_what_is_right(void **state)
{
    static const struct {
        const struct sok_wanted *wanted;
        const char *right, *wrong;
    } pairs[] = {
        {&film, "Alien.1979", "Aliens.1986"},
        {&film, "Alien.1979", "Alien.3.1992"},
        {&film, "Alien.1979", "Alien.2003"},
        {&film, "Alien.1979", "Alien.1980"},
        {&film, "Alien", "Alien.Covenant.2017"},
        {&film, "Alien.1979", "Alien.S01E01"},
        {&film, "Alien.1979", "Alien.1979.CAM"},
        {&film, "Alien.1979", "Alien.1979.HDTS"},
        {&film, "Alien.1979", "Alien.1979.DVDSCR"},
        {&episode, "Orchard.S02E07", "Orchard.S02E08"},
        {&episode, "Orchard.S02E07", "Orchard.S01E07"},
        {&episode, "Orchard.S02E07", "Orchard.S02"},
        {&episode, "Orchard.S02", "Orchard.S03"},
        {&episode, "Orchard.S02", "Orchard.S02E06"},
        {&episode, "Orchard.2016.S02E07", "Orchard.1994.S02E07"},
        {&episode, "Orchard.S02E07", "Orchid.S02E07"},
        {&episode, "Orchard.S02E07", "Orchard.S02E07.CAM"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(pairs); i++) {
        int least, most, unused;
        extremes(pairs[i].wanted, pairs[i].right, &least, &unused);
        extremes(pairs[i].wanted, pairs[i].wrong, &unused, &most);
        if (most >= least)
            fail_msg("%s reaches %d, %s may have only %d", pairs[i].wrong, most, pairs[i].right, least);
    }
}

static void caps_hold(void **state)
{
    static const struct {
        const char *work;
        int cap;
    } rows[] = {
        {"Aliens.1986", 10}, {"Alien.2003", 10}, {"Alien.1979.CAM", 30}, {"Alien.1979.PASSWORDED", 20}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        int least, most;
        extremes(&film, rows[i].work, &least, &most);
        assert_true(most <= rows[i].cap);
    }
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_true(score_of(arena, &film, "Alien.1979.1080p.BluRay.exe", 4000, 9999, NAN).score <= 5);
}

static void more_seeders_are_better_on_a_log_scale(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *name = "Alien.1979.1080p.BluRay.x264-GRP";
    int none = score_of(arena, &film, name, 9000, 0, NAN).score,
        few = score_of(arena, &film, name, 9000, 9, NAN).score,
        many = score_of(arena, &film, name, 9000, 99, NAN).score,
        most = score_of(arena, &film, name, 9000, 999999, NAN).score;
    assert_true(none < few && few < many && many < most);
    assert_int_equal(many - few, 4);
}

static void better_pictures_score_higher(void **state)
{
    static const char *const order[] = {
        "Alien.1979.CAM.x264-G",          "Alien.1979.480p.DVDRip.XviD-G",
        "Alien.1979.720p.HDTV.x264-G",    "Alien.1979.720p.BluRay.x264-G",
        "Alien.1979.1080p.WEBRip.x264-G", "Alien.1979.1080p.BluRay.x265.DDP5.1-G"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 1; i < SOK_ARRAY_LEN(order); i++)
        assert_true(
            score_of(arena, &film, order[i - 1], 3000, 50, NAN).score <
            score_of(arena, &film, order[i], 3000, 50, NAN).score);
}

static void sizes_that_cannot_be_cost_points(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *name = "Alien.1979.1080p.BluRay.x264-GRP", *pack = "Orchard.S02.1080p.WEB.x264-GRP";
    assert_true(
        score_of(arena, &film, name, 40, 50, NAN).score < score_of(arena, &film, name, 8000, 50, NAN).score);
    assert_true(
        score_of(arena, &film, name, 900000, 50, NAN).score <
        score_of(arena, &film, name, 8000, 50, NAN).score);
    assert_true(
        score_of(arena, &episode, pack, 900, 50, NAN).score <
        score_of(arena, &episode, pack, 20000, 50, NAN).score);
}

static void profile_decides_what_is_good(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_quality_profile profile;
    sok_quality_profile_default(&profile);
    struct sok_release cam, french;
    struct sok_score score;
    sok_release_parse(arena, "Alien.1979.HDCAM.x264-G", &cam);
    sok_release_parse(arena, "Alien.1979.FRENCH.1080p.BluRay.x264-G", &french);
    struct sok_score_input input = {
        .wanted = &film, .release = &cam, .profile = &profile, .seeders = 10, .similarity = NAN};
    profile.allow_cam = true;
    sok_score_release(arena, &input, &score);
    assert_true(score.score > 30);
    input.release = &french;
    sok_score_release(arena, &input, &score);
    int any = score.score;
    profile.languages = (struct sok_quality_words){2, {"en", "pt-br"}};
    sok_score_release(arena, &input, &score);
    assert_true(score.score < any);
    profile.languages = (struct sok_quality_words){2, {"en", "fr"}};
    sok_score_release(arena, &input, &score);
    assert_int_equal(any, score.score);
}

static bool has_reason(const struct sok_score *score, const char *part)
{
    for (int i = 0; i < score->reason_count; i++)
        if (strstr(score->reasons[i].reason, part))
            return true;
    return false;
}

static int score_with(
    struct sok_arena *arena, const struct sok_quality_profile *profile, const char *name,
    struct sok_score *ret)
{
    struct sok_release release;
    sok_release_parse(arena, name, &release);
    struct sok_score_input input = {
        .wanted = &film, .release = &release, .profile = profile, .seeders = 10, .similarity = NAN};
    sok_score_release(arena, &input, ret);
    return ret->score;
}

static void what_the_profile_prefers_and_bans_is_said(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_quality_profile profile;
    struct sok_score score;
    sok_quality_profile_default(&profile);
    static const char web[] = "Alien.1979.1080p.WEB-DL.x264-G", disc[] = "Alien.1979.1080p.BluRay.x264-G",
                      small[] = "Alien.1979.1080p.WEB-DL.x265-G";
    assert_true(score_with(arena, &profile, web, &score) < score_with(arena, &profile, disc, &score));
    profile.preferred_sources = (struct sok_quality_words){1, {"web-dl"}};
    assert_true(score_with(arena, &profile, disc, &score) < score_with(arena, &profile, web, &score));
    assert_true(has_reason(&score, "web-dl, as the quality profile prefers"));
    assert_true(score_with(arena, &profile, web, &score) < score_with(arena, &profile, small, &score));
    profile.preferred_codecs = (struct sok_quality_words){1, {"h264"}};
    assert_true(score_with(arena, &profile, small, &score) < score_with(arena, &profile, web, &score));
    assert_true(has_reason(&score, "h264, as the quality profile prefers"));
    profile.banned_words = (struct sok_quality_words){1, {"web dl"}};
    assert_in_range(score_with(arena, &profile, web, &score), 0, 10);
    assert_true(has_reason(&score, "Has \"web dl\" in its name, which the quality profile bans"));
    assert_true(score_with(arena, &profile, disc, &score) > 55);
    profile.preferred_height = 2160;
    score_with(arena, &profile, "Alien.1979.2160p.BluRay.x264-G", &score);
    assert_true(has_reason(&score, "2160p, as the quality profile prefers"));
}

static void breakdown_tells_every_point(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_score score = score_of(arena, &film, "Alien.1979.1080p.BluRay.x264-GRP", 9000, 50, NAN);
    SOK_JSON_AUTO *list = sok_score_breakdown(&score);
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        assert_non_null(sok_json_text(json_array_get(list, i), "reason", NULL));
        sum += sok_json_int(json_array_get(list, i), "points", -1000);
    }
    assert_int_equal(score.score, sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_never_outranks_what_is_right),
        cmocka_unit_test(caps_hold),
        cmocka_unit_test(more_seeders_are_better_on_a_log_scale),
        cmocka_unit_test(better_pictures_score_higher),
        cmocka_unit_test(sizes_that_cannot_be_cost_points),
        cmocka_unit_test(profile_decides_what_is_good),
        cmocka_unit_test(what_the_profile_prefers_and_bans_is_said),
        cmocka_unit_test(breakdown_tells_every_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
