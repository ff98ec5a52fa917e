#include "base/test.h"

#include <stdio.h>
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
    snprintf(profile.languages, sizeof(profile.languages), "fr,pt-br");
    SOK_JSON_AUTO *object = sok_quality_profile_to_json(&profile);
    assert_ok(sok_quality_profile_from_json(object, &again, NULL));
    assert_int_equal(2160, again.preferred_height);
    assert_true(again.allow_cam);
    assert_string_equal("fr,pt-br", again.languages);
}

static void each_wrong_field_of_a_profile_is_named(void **state)
{
    struct sok_quality_profile profile;
    struct sok_error err = {0};
    const char *text = "{\"min_height\":\"x\",\"allow_cam\":1,\"languages\":\"EN\",\"max_height\":0}";
    SOK_JSON_AUTO *object = NULL;
    assert_ok(sok_json_parse(text, strlen(text), 1000, &object, NULL));
    assert_int_equal(SOK_INVALID, sok_quality_profile_from_json(object, &profile, &err));
    assert_int_equal(4, err.field_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_better_picture_ranks_higher),
        cmocka_unit_test(cinema_recordings_are_known),
        cmocka_unit_test(resolutions_have_a_height_and_a_rank),
        cmocka_unit_test(profile_survives_json),
        cmocka_unit_test(each_wrong_field_of_a_profile_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
