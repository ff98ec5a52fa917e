#include "services/library/classify.h"

#include "services/library/library_testing.h"

#define GIB ((int64_t)1 << 30)
#define MIB ((int64_t)1 << 20)

static void files_are_told_apart_by_their_names(void **state)
{
    static const struct {
        const char *path;
        int64_t size_bytes;
        enum sok_file_kind kind;
    } rows[] = {
        {"Film.2019.1080p/Film.2019.1080p.mkv", 4 * GIB, SOK_FILE_FILM},
        {"film.MP4", 5 * MIB, SOK_FILE_FILM},
        {"The.Sample.2011.mkv", 2 * GIB, SOK_FILE_FILM}, // a title
        {"Sampler.2011.mkv", 20 * MIB, SOK_FILE_FILM},
        {"Film/Sample/film.mkv", 20 * MIB, SOK_FILE_OTHER},
        {"Film/film-sample.mkv", 20 * MIB, SOK_FILE_OTHER},
        {"Film/sample.mkv", 20 * MIB, SOK_FILE_OTHER},
        {"Film/sample-film.mkv", 20 * MIB, SOK_FILE_OTHER},
        {"Film/Featurettes/Making of.mkv", GIB, SOK_FILE_OTHER},
        {"Film/Film-trailer.mp4", 20 * MIB, SOK_FILE_OTHER},
        {"Film/empty.mkv", 0, SOK_FILE_OTHER},
        {"Film/.hidden.mkv", GIB, SOK_FILE_OTHER},
        {"Film/film.mkv.exe", GIB, SOK_FILE_OTHER},
        {"Film/film.exe", GIB, SOK_FILE_OTHER},
        {"Film/film.rar", GIB, SOK_FILE_OTHER},
        {"Film/film.r00", GIB, SOK_FILE_OTHER},
        {"Film/VIDEO_TS/VTS_01_1.VOB", GIB, SOK_FILE_OTHER},
        {"Film/film.nfo", 1000, SOK_FILE_OTHER},
        {"Film/film", GIB, SOK_FILE_OTHER},
        {"Film/film.en.srt", 80000, SOK_FILE_SUBTITLE},
        {"Film/film.srt", 2 * GIB, SOK_FILE_OTHER},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        const char *reason = NULL;
        if (sok_classify_file(rows[i].path, rows[i].size_bytes, &reason) != rows[i].kind)
            fail_msg("%s", rows[i].path);
        if (rows[i].kind == SOK_FILE_OTHER)
            assert_non_null(reason);
    }
}

static void subtitles_keep_their_language(void **state)
{
    static const struct {
        const char *stem, *film, *suffix;
    } rows[] = {
        {"Film.2019", "Film.2019", ""},
        {"Film.2019.en", "Film.2019", ".en"},
        {"Film.2019.eng", "Film.2019", ".en"},
        {"Film.2019.German.forced", "Film.2019", ".de.forced"},
        {"film.2019.pt-BR", "Film.2019", ".pt-br"},
        {"Film.2019.en.sdh", "Film.2019", ".en.sdh"},
        {"2_English", "Film.2019", ".en"},
        {"French", "", ".fr"},
        {"whatever", "Film.2019", ""},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        assert_string_equal(rows[i].suffix, sok_subtitle_suffix(arena, rows[i].stem, rows[i].film));
}

static void paths_are_taken_apart(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_string_equal("c.d.mkv", sok_path_name("a/b/c.d.mkv"));
    assert_string_equal("mkv", sok_path_extension("a.b/c.d.mkv"));
    assert_string_equal("", sok_path_extension("a.b/c"));
    assert_string_equal("", sok_path_extension("a/.mkv"));
    assert_string_equal("c.d", sok_path_stem(arena, "a/b/c.d.mkv"));
    assert_string_equal("a/b", sok_path_folder(arena, "a/b/c.d.mkv"));
    assert_string_equal("", sok_path_folder(arena, "c.mkv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_told_apart_by_their_names),
        cmocka_unit_test(subtitles_keep_their_language),
        cmocka_unit_test(paths_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
