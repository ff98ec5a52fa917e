#include "base/test.h"

#include <string.h>

#include "domain/quality.h"

static struct sok_release picture(const char *resolution, const char *source, const char *codec)
{
    return (struct sok_release){.resolution = resolution, .source = source, .video_codec = codec};
}

static void a_better_picture_ranks_higher(void **state)
{
    const struct sok_release order[] = {
        picture(NULL, NULL, NULL),          picture("1080p", "cam", "h264"),
        picture("480p", "dvd", "xvid"),     picture("720p", "hdtv", "h264"),
        picture("720p", "web-dl", "h264"),  picture("1080p", "webrip", "h264"),
        picture("1080p", "web-dl", "h264"), picture("1080p", "bluray", "h264"),
        picture("1080p", "remux", "h264"),  picture("2160p", "web-dl", "hevc"),
        picture("2160p", "remux", "hevc"),
    };
    for (size_t i = 1; i < SOK_ARRAY_LEN(order); i++)
        assert_true(sok_quality_of(&order[i - 1]) < sok_quality_of(&order[i]));
}

static void cinema_recordings_are_known(void **state)
{
    static const char *const yes[] = {"cam", "telesync", "telecine", "workprint", "screener"};
    static const char *const no[] = {"vhs", "dvd", "web-dl", "remux", "unheard-of", NULL};
    for (size_t i = 0; i < SOK_ARRAY_LEN(yes); i++)
        assert_true(sok_quality_is_cinema_recording(yes[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(no); i++)
        assert_false(sok_quality_is_cinema_recording(no[i]));
}

static void resolutions_have_a_height_and_a_rank(void **state)
{
    assert_int_equal(1080, sok_quality_height("1080i"));
    assert_int_equal(0, sok_quality_height("full"));
    assert_int_equal(0, sok_quality_height(NULL));
    assert_int_equal(0, sok_quality_resolution_rank(NULL));
    assert_int_equal(1, sok_quality_resolution_rank("360p"));
    assert_int_equal(8, sok_quality_resolution_rank("4320p"));
}

static void profile_survives_json(void **state)
{
    struct sok_quality_profile profile, again;
    sok_quality_profile_default(&profile);
    profile.preferred_height = 2160;
    profile.allow_cam = true;
    profile.languages = (struct sok_quality_words){2, {"fr", "pt-br"}};
    profile.banned_words = (struct sok_quality_words){1, {"hard sub"}};
    SOK_JSON_AUTO *object = sok_quality_profile_to_json(&profile);
    assert_ok(sok_quality_profile_from_json(object, &again, NULL));
    assert_int_equal(2160, again.preferred_height);
    assert_true(again.allow_cam);
    assert_int_equal(2, again.languages.count);
    assert_string_equal("pt-br", again.languages.item[1]);
    assert_string_equal("hard sub", again.banned_words.item[0]);
    assert_int_equal(0, again.preferred_sources.count);
}

static int wrong_fields(const char *text, struct sok_error *ret_err)
{
    struct sok_quality_profile profile;
    SOK_JSON_AUTO *object = NULL;
    assert_ok(sok_json_parse(text, strlen(text), 2000, &object, NULL));
    *ret_err = (struct sok_error){0};
    enum sok_status status = sok_quality_profile_from_json(object, &profile, ret_err);
    assert_int_equal(ret_err->field_count ? SOK_INVALID : SOK_OK, status);
    return ret_err->field_count;
}

static void each_wrong_field_of_a_profile_is_named(void **state)
{
    struct sok_error err;
    assert_int_equal(
        5, wrong_fields(
               "{\"min_height\":\"x\",\"allow_cam\":1,\"languages\":\"en\",\"max_height\":0,\"colour\":1}",
               &err));
    static const char *const wrong[][2] = {
        {"languages", "{\"languages\":[\"EN\"]}"},
        {"languages", "{\"languages\":[\"en-\"]}"},
        {"languages", "{\"languages\":[7]}"},
        {"preferred_sources", "{\"preferred_sources\":[\"cinema\"]}"},
        {"preferred_codecs", "{\"preferred_codecs\":[\"x264x\"]}"},
        {"banned_words", "{\"banned_words\":[\"...\"]}"},
        {"banned_words", "{\"banned_words\":[\"\"]}"},
        {"banned_words", "{\"banned_words\":[\"a word that is longer than thirty-one bytes\"]}"},
        {"min_height", "{\"min_height\":3000}"},
        {"preferred_height", "{\"max_height\":720}"},
        {"min_size_mib_h", "{\"min_size_mib_h\":200,\"max_size_mib_h\":100}"},
        {"min_height", "{\"min_height\":1.5}"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        assert_int_equal(1, wrong_fields(wrong[i][1], &err));
        assert_string_equal(wrong[i][0], err.fields[0].field);
    }
    assert_int_equal(0, wrong_fields("{}", &err));
    assert_int_equal(0, wrong_fields("{\"max_height\":720,\"preferred_height\":720}", &err));
}

static void words_are_found_whole_and_in_any_spelling(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const struct sok_quality_words words = {3, {"HC", "hard sub", "déjà"}};
    static const char *const with[] = {
        "Film.2010.HC.1080p", "hc", "Film [Hard-Sub]", "Deja.Vu.2006", "x.HARD.SUB"};
    static const char *const without[] = {"Which.Film.1080p", "Film.HardSub", "Hard.Subject", "", "..."};
    for (size_t i = 0; i < SOK_ARRAY_LEN(with); i++)
        assert_non_null(sok_quality_find_banned(arena, &words, with[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(without); i++)
        assert_null(sok_quality_find_banned(arena, &words, without[i]));
    assert_null(sok_quality_find_banned(arena, &words, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_better_picture_ranks_higher),
        cmocka_unit_test(cinema_recordings_are_known),
        cmocka_unit_test(resolutions_have_a_height_and_a_rank),
        cmocka_unit_test(profile_survives_json),
        cmocka_unit_test(each_wrong_field_of_a_profile_is_named),
        cmocka_unit_test(words_are_found_whole_and_in_any_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
