// Every recorded answer goes through every reader, also those it is not for: strangers send what they like.
#include <glob.h>
#include <string.h>

#include "base/test.h"
#include "services/providers/archive_org.h"
#include "services/providers/jackett.h"
#include "services/providers/providers_testing.h"
#include "services/providers/prowlarr.h"
#include "services/providers/tmdb.h"
#include "services/providers/torznab.h"
#include "services/providers/tvmaze.h"

#define FIXTURES "tests/fixtures/"

static const char *const patterns[] = {
    "internet-archive/*", "jackett/*",          "newznab/*",         "synthetic/*/*",
    "tmdb/api/*/*",       "tmdb/edge-cases/*",  "tmdb/recorded/*",   "torznab/*",
    "torrent-rss/*",      "tvmaze/endpoints/*", "tvmaze/recorded/*",
};

static void check(bool sound, const char *fixture)
{
    if (!sound)
        fail_msg("%s", fixture);
}

static void read_as_json(struct sok_arena *arena, const char *fixture, const char *bytes, size_t len)
{
    struct sok_error err = {0};
    SOK_JSON_AUTO *answer = NULL;
    struct sok_found_releases found;
    struct sok_found_media *items, media;
    struct sok_found_episode *episodes;
    size_t count;
    if (sok_json_parse_lenient(bytes, len, len, &answer, &err) != SOK_OK)
        return;
    if (sok_prowlarr_parse(arena, answer, TEST_NOW_MS, &found, &err) == SOK_OK)
        check(!found.count || found.items[0].title, fixture);
    if (sok_jackett_parse(arena, answer, TEST_NOW_MS, &found, &err) == SOK_OK)
        check(!found.count || found.items[0].title, fixture);
    if (sok_archive_org_parse(arena, answer, "https://archive.org", TEST_NOW_MS, &found, &err) == SOK_OK)
        check(!found.count || found.items[0].torrent_url, fixture);
    if (sok_tmdb_parse_list(arena, answer, NULL, &items, &count, &err) == SOK_OK)
        check(!count || items[0].title, fixture);
    if (sok_tmdb_parse_details(arena, answer, "tv", &media, &err) == SOK_OK)
        check(media.title != NULL, fixture);
    if (sok_tvmaze_parse_show(arena, answer, 1, &media, &err) == SOK_OK)
        check(media.title && media.tvmaze_id > 0, fixture);
    (void)!sok_tmdb_parse_season(arena, answer, &episodes, &count, &err);
    (void)!sok_tvmaze_parse_shows(arena, answer, &items, &count, &err);
    (void)!sok_tvmaze_parse_episodes(arena, answer, -1, &episodes, &count, &err);
}

static void read_as_xml(struct sok_arena *arena, const char *fixture, const char *bytes, size_t len)
{
    struct sok_error err = {0};
    struct sok_torznab_page page;
    struct sok_torznab_caps caps;
    struct sok_torznab_source source = {.url = "https://indexer.invalid/api", .now_ms = TEST_NOW_MS};
    bool feed = sok_torznab_parse_feed(arena, bytes, len, &source, &page, &err) == SOK_OK;
    bool document = sok_torznab_parse_caps(arena, bytes, len, &caps, &err) == SOK_OK;
    check(!(feed && document), fixture);
    check(feed || document || *err.message, fixture); // what is not read has its reason
}

static void no_recorded_answer_upsets_any_reader(void **state)
{
    const char *root = getenv("SOKOUL_SRC");
    size_t seen = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(patterns); i++) {
        glob_t found;
        SOK_ARENA_AUTO *names = sok_arena_new(0);
        const char *pattern = sok_format(names, "%s/" FIXTURES "%s", root ? root : ".", patterns[i]);
        assert_int_equal(0, glob(pattern, 0, NULL, &found));
        for (size_t k = 0; k < found.gl_pathc; k++, seen++) {
            SOK_ARENA_AUTO *arena = sok_arena_new(0);
            const char *fixture = strstr(found.gl_pathv[k], FIXTURES) + strlen(FIXTURES);
            size_t len;
            const char *bytes = test_fixture(arena, fixture, &len);
            read_as_json(arena, fixture, bytes, len);
            read_as_xml(arena, fixture, bytes, len);
        }
        globfree(&found);
    }
    assert_true(seen > 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_recorded_answer_upsets_any_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
