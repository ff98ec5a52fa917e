#include "services/library/probe.h"

#include "base/rand.h"
#include "services/library/fd.h"
#include "services/library/library_testing.h"

static enum sok_status probe_path(
    struct sok_arena *arena, const struct test_dir *dir, const char *path, struct sok_probe *ret,
    struct sok_error *err)
{
    SOK_FD_AUTO fd = open(test_path(dir, path), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return sok_probe_file(arena, test_program(), fd, ret, err);
}

static void film_in_matroska_is_described(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    TEST_DIR_AUTO dir = test_dir_new();
    const char *const extra[] = {"-c:v", "libx264",         "-c:a",         "aac", "-ac",
                                 "2",    "-metadata:s:a:0", "language=fre", NULL};
    test_make_film(&dir, "film.mkv", extra);
    struct sok_probe probe;
    struct sok_error err = {0};
    enum sok_status status = probe_path(arena, &dir, "film.mkv", &probe, &err);
    if (status != SOK_OK)
        print_message("%s\n", err.message);
    assert_int_equal(SOK_OK, status);
    assert_string_equal("mkv", probe.container);
    assert_true(probe.duration_ms > 1500 && probe.duration_ms < 2500);
    assert_true(probe.has_video);
    assert_string_equal("h264", probe.video_codec);
    assert_int_equal(320, probe.width);
    assert_int_equal(180, probe.height);
    assert_int_equal(8, probe.bit_depth);
    assert_null(probe.hdr);
    assert_int_equal(1, probe.audio_count);
    assert_string_equal("aac", probe.audio[0].codec);
    assert_int_equal(2, probe.audio[0].channels);
    assert_string_equal("fre", probe.audio[0].language);
}

static void hdr_and_bit_depth_are_seen(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    TEST_DIR_AUTO dir = test_dir_new();
    const char *const extra[] = {
        "-c:v",
        "libx265",
        "-pix_fmt",
        "yuv420p10le",
        "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
        "-c:a",
        "ac3",
        "-ac",
        "6",
        NULL};
    test_make_film(&dir, "film.mp4", extra);
    struct sok_probe probe;
    assert_ok(probe_path(arena, &dir, "film.mp4", &probe, NULL));
    assert_string_equal("mp4", probe.container);
    assert_string_equal("hevc", probe.video_codec);
    assert_int_equal(10, probe.bit_depth);
    assert_string_equal("HDR10", probe.hdr);
    assert_int_equal(6, probe.audio[0].channels);
}

static void what_is_no_film_is_a_clear_error(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    TEST_DIR_AUTO dir = test_dir_new();
    static char zeros[1 << 20], noise[1 << 20];
    sok_random_bytes(noise, sizeof noise);
    static const char playlist[] = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n";
    static const char concat[] = "ffconcat version 1.0\nfile /etc/passwd\n";
    const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"empty.mkv", "", 0},
        {"zeros.mp4", zeros, sizeof zeros},
        {"noise.mkv", noise, sizeof noise},
        {"playlist.mkv", playlist, sizeof playlist - 1},
        {"concat.mkv", concat, sizeof concat - 1},
        {"program.mkv", "MZ\x90\0\3\0\0\0", 8},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        test_write(&dir, rows[i].name, rows[i].bytes, rows[i].len);
        struct sok_probe probe;
        struct sok_error err = {0};
        enum sok_status status = probe_path(arena, &dir, rows[i].name, &probe, &err);
        if (status == SOK_OK) // chance may make noise look like a container, never like a film
            assert_false(probe.has_video);
        else
            assert_int_equal(SOK_INVALID, status);
    }
}

static void broken_films_never_hurt_the_parent(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    TEST_DIR_AUTO dir = test_dir_new();
    const char *const extra[] = {"-c:v", "mpeg4", "-c:a", "mp2", NULL};
    test_make_film(&dir, "whole.mkv", extra);
    FILE *file = fopen(test_path(&dir, "whole.mkv"), "r");
    static char bytes[1 << 20];
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (unsigned seed = 1; seed <= 12; seed++) {
        char *broken = malloc(len);
        memcpy(broken, bytes, len);
        for (unsigned i = 0, at = seed * 7919; i < 40 * seed; i++, at = at * 1103515245u + 12345u)
            broken[(at >> 8) % (seed < 6 ? 2000 : len)] = (char)at;
        test_write(&dir, "broken.mkv", broken, len / (1 + seed % 3));
        free(broken);
        struct sok_probe probe;
        enum sok_status status = probe_path(arena, &dir, "broken.mkv", &probe, NULL);
        assert_true(status == SOK_OK || status == SOK_INVALID);
    }
}

static void program_that_is_no_probe_is_an_error(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    TEST_DIR_AUTO dir = test_dir_new();
    test_write(&dir, "film.mkv", "abc", 3);
    SOK_FD_AUTO fd = open(test_path(&dir, "film.mkv"), O_RDONLY | O_CLOEXEC);
    struct sok_probe probe;
    assert_int_equal(SOK_UNAVAILABLE, sok_probe_file(arena, "/nonexistent", fd, &probe, NULL));
    assert_int_equal(SOK_INVALID, sok_probe_file(arena, "/bin/true", fd, &probe, NULL));
    assert_int_equal(SOK_INVALID, sok_probe_file(arena, "/bin/yes", fd, &probe, NULL)); // endless output
}

static void resolution_goes_by_height_or_by_width_when_cropped(void **state)
{
    static const struct {
        int width, height;
        const char *name;
    } rows[] = {
        {3840, 2160, "2160p"}, {3840, 1600, "2160p"}, {1920, 1080, "1080p"}, {1920, 800, "1080p"},
        {1440, 1080, "1080p"}, {1280, 720, "720p"},   {1280, 528, "720p"},   {720, 576, "576p"},
        {720, 480, "480p"},    {640, 360, "480p"},    {320, 180, "240p"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_probe probe = {.has_video = true, .width = rows[i].width, .height = rows[i].height};
        assert_string_equal(rows[i].name, sok_probe_resolution(&probe));
    }
    assert_null(sok_probe_resolution(&(struct sok_probe){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_in_matroska_is_described),
        cmocka_unit_test(hdr_and_bit_depth_are_seen),
        cmocka_unit_test(what_is_no_film_is_a_clear_error),
        cmocka_unit_test(broken_films_never_hurt_the_parent),
        cmocka_unit_test(program_that_is_no_probe_is_an_error),
        cmocka_unit_test(resolution_goes_by_height_or_by_width_when_cropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
