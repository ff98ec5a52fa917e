#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "domain/release.h"
#include "domain/release_private.h"

// What a name must say, as the JSON that `sokoul parse-release` prints. Names are made up, in the style of
// what indexers list.
static const char *const cases[][2] = {
    {"The.Last.Harbour.2019.1080p.BluRay.DTS.x264-QUAY.mkv",
     "{\"title\":\"The Last "
     "Harbour\",\"year\":2019,\"resolution\":\"1080p\",\"source\":\"bluray\",\"video_codec\":"
     "\"h264\",\"audio_codec\":[\"dts\"],\"group\":\"QUAY\",\"container\":\"mkv\",\"type\":\"movie\"}"},
    {"Orchard.S02E07.The.Long.Winter.720p.WEB-DL.DD5.1.H.264-PEAR",
     "{\"title\":\"Orchard\",\"season\":2,\"episodes\":[7],\"resolution\":\"720p\",\"source\":\"web-dl\","
     "\"video_codec\":"
     "\"h264\",\"audio_codec\":[\"ac3\"],\"channels\":[\"5.1\"],\"group\":\"PEAR\",\"type\":\"episode\","
     "\"episode_title\":"
     "\"The Long Winter\"}"},
    {"Orchard.S01E01E02.GERMAN.DL.1080p.WEB.h264-APFEL",
     "{\"title\":\"Orchard\",\"season\":1,\"episodes\":[1,2],\"resolution\":\"1080p\",\"source\":\"web-dl\","
     "\"video_codec\":"
     "\"h264\",\"group\":\"APFEL\",\"languages\":[\"de\"],\"type\":\"episode\"}"},
    {"Orchard.S01-S03.COMPLETE.DVDRip.XviD-CORE",
     "{\"title\":\"Orchard\",\"season\":1,\"seasons\":[1,2,3],\"source\":\"dvd\",\"video_codec\":\"xvid\","
     "\"group\":\"CORE\","
     "\"type\":\"episode\",\"complete\":true}"},
    {"[Kumo-Subs] Sora no Machi - 05v2 (1920x1080 HEVC 10bit AAC) [A1B2C3D4].mkv",
     "{\"title\":\"Sora no "
     "Machi\",\"episodes\":[5],\"resolution\":\"1080p\",\"video_codec\":\"hevc\",\"audio_codec\":[\"aac\"],"
     "\"bit_depth\":10,\"group\":\"Kumo-Subs\",\"version\":2,\"container\":\"mkv\",\"crc32\":\"A1B2C3D4\","
     "\"type\":"
     "\"episode\"}"},
    {"Evening.Report.2021.03.14.Guest.Name.WEB.x264-DESK",
     "{\"title\":\"Evening "
     "Report\",\"air_date\":\"2021-03-14\",\"source\":\"web-dl\",\"video_codec\":\"h264\",\"group\":\"DESK\","
     "\"type\":\"episode\",\"episode_title\":\"Guest Name\"}"},
    {"Moon Colony 2049 (2017) 2160p UHD BluRay HDR10+ DV TrueHD Atmos 7.1 x265-ORBIT",
     "{\"title\":\"Moon Colony "
     "2049\",\"year\":2017,\"resolution\":\"2160p\",\"source\":\"bluray\",\"video_codec\":\"hevc\","
     "\"audio_codec\":[\"truehd\",\"atmos\"],\"channels\":[\"7.1\"],\"hdr\":[\"hdr10+\",\"dv\"],\"bit_"
     "depth\":10,\"group\":"
     "\"ORBIT\",\"type\":"
     "\"movie\"}"},
    {"The.Last.Harbour.2019.PROPER.HDCAM.x264-SHAKY",
     "{\"title\":\"The Last "
     "Harbour\",\"year\":2019,\"source\":\"cam\",\"video_codec\":\"h264\",\"group\":\"SHAKY\",\"proper\":"
     "true,\"type\":\"movie\"}"},
    {"The.Last.Harbour.1973.Directors.Cut.REPACK2.1080p.REMUX-QUAY",
     "{\"title\":\"The Last "
     "Harbour\",\"year\":1973,\"resolution\":\"1080p\",\"source\":\"remux\",\"group\":\"QUAY\",\"proper\":"
     "true,\"repack\":true,\"version\":2,\"edition\":[\"director\"],\"type\":\"movie\"}"},
    {"1917.2019.1080p.WEBRip.x264-TRENCH", "{\"title\":\"1917\",\"year\":2019,\"resolution\":\"1080p\","
                                           "\"source\":\"webrip\",\"video_codec\":\"h264\",\"group\":"
                                           "\"TRENCH\",\"type\":\"movie\"}"},
    {"Orchard 3x04 - 3x05 - Two Parts.avi", "{\"title\":\"Orchard\",\"season\":3,\"episodes\":[4,5],"
                                            "\"container\":\"avi\",\"type\":\"episode\",\"episode_title\":"
                                            "\"Two Parts\"}"},
    {"Сад / Orchard (Сезон 2) [2018, WEBRip 1080p]",
     "{\"title\":\"Orchard\",\"year\":2018,\"season\":2,\"resolution\":\"1080p\",\"source\":\"webrip\","
     "\"type\":"
     "\"episode\"}"},
    {"", "{\"type\":\"movie\"}"},
};

static void names_say_what_they_say(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    int wrong = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_release release;
        sok_release_parse(arena, cases[i][0], &release);
        SOK_JSON_AUTO *got = sok_release_to_json(&release);
        SOK_JSON_AUTO *want = NULL;
        assert_ok(sok_json_parse(cases[i][1], strlen(cases[i][1]), 4096, &want, NULL));
        if (!json_equal(got, want)) {
            print_error("%s\n  want %s\n  got  %s\n", cases[i][0], cases[i][1], sok_json_dump(arena, got));
            wrong++;
        }
    }
    assert_int_equal(0, wrong);
}

static void the_word_table_is_sorted(void **state)
{
    size_t count;
    const struct sok_phrase *rows = sok_release_phrases(&count);
    for (size_t i = 1; i < count; i++)
        if (strcmp(rows[i - 1].key, rows[i].key) >= 0)
            fail_msg("%s must stand behind %s", rows[i - 1].key, rows[i].key);
}

static void a_hostile_name_costs_no_more_than_its_length(void **state)
{
    static const char *const bits[] = {"S01E01-", "(",     "[",    "1x02", "Season 1-",
                                       "e01",     "2012 ", "\xff", ".",    "-1-9999"};
    char name[SOK_RELEASE_NAME_MAX * 2];
    for (size_t b = 0; b < SOK_ARRAY_LEN(bits); b++) {
        SOK_ARENA_AUTO *arena = sok_arena_new(16 << 20);
        for (size_t i = 0; i < sizeof(name); i++)
            name[i] = bits[b][i % strlen(bits[b])];
        struct sok_release release;
        sok_release_parse_bytes(arena, name, sizeof(name), &release);
        assert_true(release.episodes.count <= SOK_RELEASE_NUMBERS_MAX);
        assert_true(sok_arena_used(arena) < 2 << 20);
    }
}

static void folders_say_what_the_file_leaves_out(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_release release;
    sok_release_parse(arena, "Orchard (2016)/Season 02/Orchard - 05 - Pips.mkv", &release);
    assert_string_equal("Orchard", release.title);
    assert_int_equal(2, release.season);
    assert_int_equal(2016, release.year);
    assert_int_equal(5, release.episodes.item[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_they_say),
        cmocka_unit_test(the_word_table_is_sorted),
        cmocka_unit_test(a_hostile_name_costs_no_more_than_its_length),
        cmocka_unit_test(folders_say_what_the_file_leaves_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
