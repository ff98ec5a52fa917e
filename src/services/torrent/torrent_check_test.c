#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "services/torrent/torrent-private.h"
#include "services/torrent/torrent_make.h"

static void *load(struct sok_arena *arena, const char *name, size_t *ret_len)
{
    const char *root = getenv("SOKOUL_SRC");
    FILE *file = fopen(sok_format(arena, "%s/tests/fixtures/torrents/%s", root ? root : ".", name), "rb");
    assert_non_null(file);
    char *bytes = sok_alloc(arena, 1 << 20);
    *ret_len = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    return bytes;
}

static enum sok_status inspect(
    struct sok_arena *arena, const struct made_torrent *make, struct sok_error *err)
{
    size_t len;
    struct sok_torrent_info info;
    const char *bytes = make_torrent(arena, make, &len);
    *err = (struct sok_error){0};
    return sok_torrent_inspect(arena, bytes, len, &info, err);
}

static void real_torrents_are_read(void **state)
{
    static const struct {
        const char *file, *key, *video;
        int video_at;
        long long video_bytes;
    } cases[] = {
        {"sintel.torrent", "08ada5a7a6183aae1e09d831df6748d566095a10", "Sintel/Sintel.mp4", 5, 129241752},
        {"big-buck-bunny.torrent", "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c",
         "Big Buck Bunny/Big Buck Bunny.mp4", 1, 276134947},
        {"tears-of-steel.torrent", "209c8226b299b308beaf2b9cd3fb49212dbd13ec",
         "Tears of Steel/Tears of Steel.webm", 8, 571346576},
        {"cosmos-laundromat.torrent", "c9e15763f722f23e98a29decdfae341b98d53056",
         "Cosmos Laundromat/Cosmos Laundromat.mp4", 4, 220087570},
        {"CosmosLaundromatFirstCycle_archive.torrent", "6a02592d2bbc069628cd5ed8a54f88ee06ac0ba5",
         "CosmosLaundromatFirstCycle/Cosmos Laundromat - First Cycle (1080p).mp4", 1, 220087570},
        {"bbb_sunflower_1080p_30fps_normal.mp4.torrent", "88594aaacbde40ef3e2510c47374ec0aa396c08e",
         "bbb_sunflower_1080p_30fps_normal.mp4", 0, 276134947},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        struct sok_error err = {0};
        struct sok_torrent_info info;
        size_t len;
        void *bytes = load(arena, cases[i].file, &len);
        assert_ok(sok_torrent_inspect(arena, bytes, len, &info, &err));
        assert_string_equal(cases[i].key, info.key);
        const struct sok_torrent_file *file = &info.files[cases[i].video_at];
        assert_string_equal(cases[i].video, file->path);
        assert_int_equal(cases[i].video_bytes, file->size_bytes);
        assert_true(file->flags & SOK_TORRENT_FILE_VIDEO);
        assert_true(file->wanted);
    }
}

static void nested_folders_keep_their_order(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_torrent_info info;
    size_t len;
    void *bytes = load(arena, "numbers.torrent", &len);
    assert_ok(sok_torrent_inspect(arena, bytes, len, &info, &err));
    assert_int_equal(3, info.file_count);
    assert_int_equal(6, info.size_bytes);
    assert_string_equal("numbers/3.txt", info.files[2].path);
}

static void a_broken_torrent_is_malformed(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrent_info info;
    size_t len;
    void *bytes = load(arena, "corrupt.torrent", &len);
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, sok_torrent_inspect(arena, bytes, len, &info, &err));
    assert_string_equal("torrent_malformed", err.code);
    static const char *const wrong[] = {"", "x", "de", "d4:infodee", "<html>", "d4:infoi1ee", "li1ee"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_int_equal(SOK_INVALID, sok_torrent_inspect(arena, wrong[i], strlen(wrong[i]), &info, &err));
}

static void hostile_names_are_refused(void **state)
{
    static const char *const paths[] = {
        "..|film.mkv",
        "a|..|..|etc|passwd",
        "|etc|passwd",
        "a|.|film.mkv",
        "a/../../film.mkv",
        "a\\..\\film.mkv",
        "C:|film.mkv",
        "a||film.mkv",
        "film\x07.mkv",
        "film\n.mkv",
        "film\x7f.mkv",
        "film\xc2\x85.mkv",
        "film\xe2\x80\xae"
        "4pm.mkv",
        "film\xe2\x81\xa6.mkv",
        "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|film.mkv",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(paths); i++) {
        const char *list[] = {paths[i], "good.mkv", NULL};
        struct made_torrent make = {.name = "Film", .paths = list, .file_bytes = 1000, .piece_bytes = 16384};
        struct sok_error err;
        assert_int_equal(SOK_INVALID, inspect(arena, &make, &err));
        assert_string_equal("torrent_refused", err.code);
        assert_non_null(strstr(err.message, "torrent refused: "));
    }
    static const char *const names[] = {"..", ".", "../film.mkv", "/film.mkv", "a\\b.mkv", "film\r.mkv", ""};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++) {
        struct made_torrent make = {.name = names[i], .file_bytes = 1000, .piece_bytes = 16384};
        struct sok_error err;
        assert_int_equal(SOK_INVALID, inspect(arena, &make, &err));
        assert_string_equal("torrent_refused", err.code);
    }
}

static void links_are_refused(void **state)
{
    static const char *const attributes[] = {"4:attr1:l", "12:symlink pathl4:homee"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(attributes); i++) {
        const char *list[] = {"film.mkv", NULL};
        struct made_torrent make = {
            .name = "Film",
            .paths = list,
            .file_bytes = 1000,
            .attributes = attributes[i],
            .piece_bytes = 16384};
        struct sok_error err;
        assert_int_equal(SOK_INVALID, inspect(arena, &make, &err));
        assert_string_equal("torrent_refused", err.code);
    }
}

static void programs_posing_as_films_are_refused(void **state)
{
    static const char *const names[] = {
        "Film.2024.1080p.mp4.exe", "Film.mkv.scr",  "Film.avi.lnk",
        "Film.mp4 .bat",           "Film.mp4.exe.", "Film.srt.vbs",
        "readme.txt.js",           "Film.MKV.Com",  "Film.pdf.jar",
        "Film.mp4.msi ",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++) {
        const char *list[] = {"Film.mkv", names[i], NULL};
        struct made_torrent make = {.name = "Film", .paths = list, .file_bytes = 1000, .piece_bytes = 16384};
        struct sok_error err;
        assert_int_equal(SOK_INVALID, inspect(arena, &make, &err));
        assert_non_null(strstr(err.message, "poses"));
    }
}

static void nothing_but_programs_is_refused(void **state)
{
    static const char *const names[] = {"setup.exe", "play.bat", "x.cmd", "x.ps1", "x.pif", "x.apk"};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++) {
        struct made_torrent make = {.name = names[i], .file_bytes = 1000, .piece_bytes = 16384};
        struct sok_error err;
        assert_int_equal(SOK_INVALID, inspect(arena, &make, &err));
        assert_non_null(strstr(err.message, "programs and no film"));
    }
}

static void a_program_beside_a_film_is_left_out(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *list[] = {"Film.mkv", "codec.exe", "Film.srt", NULL};
    struct made_torrent make = {.name = "Film", .paths = list, .file_bytes = 1000, .piece_bytes = 16384};
    struct sok_torrent_info info;
    struct sok_error err = {0};
    size_t len;
    const char *bytes = make_torrent(arena, &make, &len);
    assert_ok(sok_torrent_inspect(arena, bytes, len, &info, &err));
    assert_true(info.files[0].wanted);
    assert_false(info.files[1].wanted);
    assert_true(info.files[2].wanted && (info.files[2].flags & SOK_TORRENT_FILE_SUBTITLE));
}

static void absurd_sizes_are_refused(void **state)
{
    static const int64_t sizes[] = {0, -5, INT64_MAX, (int64_t)1 << 50};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(sizes); i++) {
        size_t len;
        struct sok_torrent_info info;
        struct sok_error err = {0};
        const char *text = sok_format(
            arena,
            "d4:infod6:lengthi%llde4:name8:film.mkv12:piece "
            "lengthi16777216e6:pieces20:aaaaaaaaaaaaaaaaaaaaee",
            (long long)sizes[i]);
        len = strlen(text);
        assert_int_equal(SOK_INVALID, sok_torrent_inspect(arena, text, len, &info, &err));
    }
    struct sok_torrent_info info;
    struct sok_error err = {0};
    assert_int_equal(
        SOK_TOO_LARGE, sok_torrent_inspect(arena, "", SOK_TORRENT_FILE_MAX_BYTES + 1, &info, &err));
}

static void archives_with_a_password_are_marked(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *list[] = {"film.part1.rar", "film.r00", "Password.txt", NULL};
    struct made_torrent make = {.name = "Film", .paths = list, .file_bytes = 1000, .piece_bytes = 16384};
    struct sok_torrent_info info;
    struct sok_error err = {0};
    size_t len;
    const char *bytes = make_torrent(arena, &make, &len);
    assert_ok(sok_torrent_inspect(arena, bytes, len, &info, &err));
    assert_true(info.has_password_archive);
}

static void hostile_v2_trees_are_refused(void **state)
{
    static const char *const trees[] = {
        "d2:..d8:film.mkvd0:d6:lengthi5e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeeee",
        "d12:film.mp4.exed0:d6:lengthi5e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeee",
        "d8:film.mkvd0:d4:attr1:l6:lengthi5e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeee",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(trees); i++) {
        const char *text = sok_format(
            arena,
            "d4:infod9:file tree%s12:meta versioni2e4:name4:Film12:piece lengthi16384ee12:piece layersdee",
            trees[i]);
        struct sok_torrent_info info;
        struct sok_error err = {0};
        assert_int_equal(SOK_INVALID, sok_torrent_inspect(arena, text, strlen(text), &info, &err));
        assert_string_equal("torrent_refused", err.code);
    }
}

static void keys_come_from_magnets_and_hashes(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    char key[SOK_TORRENT_KEY_LEN + 1];
    assert_ok(sok_torrent_key(arena, "08ADA5A7A6183AAE1E09D831DF6748D566095A10", key, &err));
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", key);
    assert_ok(sok_torrent_key(
        arena, "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel", key, &err));
    assert_string_equal("08ada5a7a6183aae1e09d831df6748d566095a10", key);
    assert_int_equal(SOK_INVALID, sok_torrent_key(arena, "magnet:?dn=x", key, &err));
    assert_int_equal(SOK_INVALID, sok_torrent_key(arena, "08ada5", key, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_torrents_are_read),
        cmocka_unit_test(nested_folders_keep_their_order),
        cmocka_unit_test(a_broken_torrent_is_malformed),
        cmocka_unit_test(hostile_names_are_refused),
        cmocka_unit_test(links_are_refused),
        cmocka_unit_test(programs_posing_as_films_are_refused),
        cmocka_unit_test(nothing_but_programs_is_refused),
        cmocka_unit_test(a_program_beside_a_film_is_left_out),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(archives_with_a_password_are_marked),
        cmocka_unit_test(hostile_v2_trees_are_refused),
        cmocka_unit_test(keys_come_from_magnets_and_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
