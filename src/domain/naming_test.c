#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "domain/naming.h"

static void paths_are_those_media_servers_read(void **state)
{
    static const struct {
        struct sok_naming naming;
        const char *path;
    } cases[] = {
        {{.title = "Sintel", .year = 2010, .resolution = "1080p", .extension = "mkv"},
         "Movies/Sintel (2010)/Sintel (2010) - 1080p.mkv"},
        {{.title = "Sintel", .extension = "mp4"}, "Movies/Sintel/Sintel.mp4"},
        {{.title = "Blade Runner",
          .year = 1982,
          .resolution = "2160p",
          .edition = "Final Cut",
          .extension = "mkv"},
         "Movies/Blade Runner (1982)/Blade Runner (1982) - 2160p Final Cut.mkv"},
        {{.title = "Mission: Impossible", .year = 1996, .extension = "mkv", .copy = 2},
         "Movies/Mission - Impossible (1996)/Mission - Impossible (1996) (2).mkv"},
        {{.title = "Face/Off", .year = 1997, .extension = "avi"},
         "Movies/Face-Off (1997)/Face-Off (1997).avi"},
        {{.title = "Pioneer One",
          .year = 2010,
          .series = true,
          .season = 1,
          .episode = 2,
          .episode_title = "The Man From Mars",
          .extension = "mkv"},
         "Shows/Pioneer One (2010)/Season 01/Pioneer One (2010) - S01E02 - The Man From Mars.mkv"},
        {{.title = "Show", .series = true, .season = 0, .episode = 3, .extension = "mkv"},
         "Shows/Show/Season 00/Show - S00E03.mkv"},
        {{.title = "Show", .series = true, .season = -1, .episode = 104, .extension = "mkv"},
         "Shows/Show/Season 01/Show - S01E104.mkv"},
        {{.title = "Show", .series = true, .season = 2, .episode = 1, .last_episode = 3, .extension = "mkv"},
         "Shows/Show/Season 02/Show - S02E01-E03.mkv"},
        {{.title = "Daily",
          .series = true,
          .season = -1,
          .episode = -1,
          .air_date = "2020-01-31",
          .extension = "mkv"},
         "Shows/Daily/Season 2020/Daily - 2020-01-31.mkv"},
        {{.title = "Show (2012)",
          .year = 2012,
          .series = true,
          .season = 1,
          .episode = 1,
          .extension = "mkv"},
         "Shows/Show (2012)/Season 01/Show (2012) - S01E01.mkv"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        char *path = NULL;
        assert_ok(sok_naming_path(arena, &cases[i].naming, &path, NULL));
        assert_string_equal(cases[i].path, path);
        assert_true(sok_naming_path_is_safe(path));
    }
}

static void hostile_titles_become_plain_parts(void **state)
{
    static const char *const cases[][2] = {
        {"../../etc/passwd", "-..-etc-passwd"},
        {"...hidden", "hidden"},
        {"CON", "_CON"},
        {"nul.txt", "_nul.txt"},
        {"COM1", "_COM1"},
        {"Console", "Console"},
        {"a\x01\x7f<b>|?*\"c\"", "ab-'c'"},
        {"trailing. . ", "trailing"},
        {"  lots   of\tblank\n", "lots of blank"},
        {"gpj\xe2\x80\xae.exe", "gpj.exe"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"Who?", "Who"},
        {"?", ""},
        {"..", ""},
        {"", ""},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++)
        assert_string_equal(cases[i][1], sok_naming_sanitise(arena, cases[i][0], 200));
}

static void long_titles_are_cut_between_characters(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char title[2001] = {0};
    for (int i = 0; i < 1000; i++)
        memcpy(title + 2 * i, "é", 2);
    struct sok_naming naming = {
        .title = title,
        .year = 2000,
        .series = true,
        .season = 1,
        .episode = 1,
        .episode_title = title,
        .extension = "mkv",
        .copy = 1000000};
    char *path = NULL;
    assert_ok(sok_naming_path(arena, &naming, &path, NULL));
    assert_true(sok_utf8_valid(path, strlen(path)));
    assert_true(strlen(strrchr(path, '/') + 1) <= SOK_NAMING_PART_MAX);
    assert_string_equal("é", sok_naming_sanitise(arena, "éé", 3));
}

static void without_a_title_or_extension_there_is_no_path(void **state)
{
    static const struct sok_naming wrong[] = {
        {.title = NULL, .extension = "mkv"},
        {.title = "??", .extension = "mkv"},
        {.title = "A", .extension = NULL},
        {.title = "A", .extension = "m/v"},
        {.title = "A", .extension = "toolongextension"},
        {.title = "A", .extension = "mkv", .series = true, .season = 1, .episode = -1},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *path = NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_int_equal(SOK_INVALID, sok_naming_path(arena, &wrong[i], &path, NULL));
    assert_null(path);
}

static void torrent_paths_that_leave_their_folder_are_unsafe(void **state)
{
    static const char *const safe[] = {"a", "a/b.mkv", "..a/b..", "a b/ü"};
    static const char *const unsafe[] = {"",    "/",   "/etc", "a//b", "a/",    "..", "a/../b",
                                         "./a", "a/.", "a\\b", "a\nb", "a\x7f", NULL};
    for (size_t i = 0; i < SOK_ARRAY_LEN(safe); i++)
        assert_true(sok_naming_path_is_safe(safe[i]));
    for (size_t i = 0; i < SOK_ARRAY_LEN(unsafe); i++)
        assert_false(sok_naming_path_is_safe(unsafe[i]));
    char deep[2 * 33 + 1];
    for (int i = 0; i < 33; i++)
        memcpy(deep + 2 * i, "a/", 2);
    deep[2 * 33 - 1] = 0;
    assert_false(sok_naming_path_is_safe(deep));
}

static void a_pattern_says_where_things_lie(void **state)
{
    static const struct {
        const char *movie, *episode, *path;
    } cases[] = {
        {"Films/{title}{ [year]}/{title}", NULL, "Films/Sintel [2010]/Sintel.mkv"},
        {"{year}/{title}{ [resolution]}{ {edition}}", NULL, NULL},
        {"{year}/{title}{ [resolution]}{ (edition)}", NULL, "2010/Sintel [1080p].mkv"},
        {"Films {edition}/{title}", NULL, "Films/Sintel.mkv"},
        {"{edition}/{title}", NULL, "Sintel.mkv"},
        {NULL, "{title}/S{season:00}/{title} {season}x{episode:00}{ - episode_title}",
         "Sintel/S03/Sintel 3x04.mkv"},
        {NULL, "TV/{title}{ (year)}/{number} {title}", "TV/Sintel (2010)/S03E04 Sintel.mkv"},
        {NULL, "TV/{title}{ - air_date}/{title} {number}", "TV/Sintel/Sintel S03E04.mkv"},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_naming_style style = {cases[i].movie, cases[i].episode};
        const struct sok_naming naming = {
            .title = "Sintel",
            .year = 2010,
            .resolution = "1080p",
            .extension = "mkv",
            .style = &style,
            .series = cases[i].episode != NULL,
            .season = 3,
            .episode = 4};
        const char *pattern = cases[i].movie ? cases[i].movie : cases[i].episode;
        char *path = NULL;
        if (!cases[i].path) {
            assert_non_null(sok_naming_pattern_problem(arena, pattern, naming.series));
            continue;
        }
        assert_null(sok_naming_pattern_problem(arena, pattern, naming.series));
        assert_ok(sok_naming_path(arena, &naming, &path, NULL));
        assert_string_equal(cases[i].path, path);
    }
    assert_null(sok_naming_pattern_problem(arena, sok_naming_style_default.movie, false));
    assert_null(sok_naming_pattern_problem(arena, sok_naming_style_default.episode, true));
}

static void patterns_that_could_leave_the_library_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "/",
        "{title}",
        "/etc/{title}",
        "Movies/{title}/",
        "../{title}/{title}",
        "Movies/../{title}",
        "Movies/./{title}",
        "Movies//{title}",
        "Movies/{title",
        "Movies/title}",
        "Movies/{ti{tle}}",
        "Movies/{tit/le}",
        "Movies\\{title}/{title}",
        "Movies/{year}",
        "Movies/{title}{number}",
        "Movies/{title}\n",
        "Movies/{title}:",
        "Movies/{:title}",
        "Movies/{title:00}",
        "Movies/{title year}",
        "Movies/{}{title}",
        "Movies/{ }{title}",
        ".hidden/{title}",
        "Movies/{title}.",
        " /{title}",
        "a/b/c/d/e/f/{title}",
        "Movies/{TITLE}",
        "Movies/{title}?",
        "Movies/{title}{?year}",
        "\xff/{title}",
        "$(id)/{year:00}",
        "Movies/{titles}",
        "Movies/{\"year}{title}"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        if (!sok_naming_pattern_problem(arena, wrong[i], false))
            fail_msg("\"%s\" is taken for a good pattern", wrong[i]);
    char long_one[400] = "Movies/{title}";
    memset(long_one + strlen(long_one), 'a', 300);
    assert_non_null(sok_naming_pattern_problem(arena, long_one, false));
    assert_non_null(sok_naming_pattern_problem(arena, "Shows/{title}/{title}", true));
    assert_non_null(sok_naming_pattern_problem(arena, "Shows/{title}/{number}", true));
    assert_non_null(sok_naming_pattern_problem(arena, "Shows/{title} {season}", true));
}

// Every good pattern with every hostile name stays a path below the library.
static void no_name_leaves_the_library_under_any_pattern(void **state)
{
    static const char *const patterns[] = {
        "{title}{year}/{title}",
        "{edition}/{title}{ (resolution)}",
        "{edition}/{version}/{resolution}/{title}",
        "{.edition}{title}/{..edition} {title}",
        "{.edition.}/{title}",
        "{ edition }/{title}"};
    static const char *const texts[] = {
        "..",  "../..", "/etc/passwd", "a/../../b",    ".",    "",   "\x01", "\xff\xfe",
        "nul", "C:\\x", "....",        "\xe2\x80\xae", "a\nb", NULL, "~",    "-rf"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(patterns); i++)
        for (size_t t = 0; t < SOK_ARRAY_LEN(texts); t++)
            for (size_t e = 0; e < SOK_ARRAY_LEN(texts); e++) {
                struct sok_naming_style style = {patterns[i], NULL};
                const struct sok_naming naming = {
                    .title = texts[t],
                    .edition = texts[e],
                    .resolution = texts[(t + e) % SOK_ARRAY_LEN(texts)],
                    .extension = "mkv",
                    .style = &style};
                char *path = NULL;
                assert_null(sok_naming_pattern_problem(arena, patterns[i], false));
                // As it is rendered, before the last look that every path gets.
                if (sok_naming_render(arena, patterns[i], &naming, 200, &path, NULL) != SOK_OK)
                    continue;
                assert_true(sok_naming_path_is_safe(path));
                assert_null(strstr(path, "/."));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_those_media_servers_read),
        cmocka_unit_test(hostile_titles_become_plain_parts),
        cmocka_unit_test(long_titles_are_cut_between_characters),
        cmocka_unit_test(without_a_title_or_extension_there_is_no_path),
        cmocka_unit_test(a_pattern_says_where_things_lie),
        cmocka_unit_test(patterns_that_could_leave_the_library_are_refused),
        cmocka_unit_test(no_name_leaves_the_library_under_any_pattern),
        cmocka_unit_test(torrent_paths_that_leave_their_folder_are_unsafe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
