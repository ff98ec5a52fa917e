#include "services/library/library_world.h"

static struct sok_scan_result scan(struct world *world, bool probe)
{
    struct sok_scan_options options = {.probe = probe};
    struct sok_scan_result result;
    struct sok_error err = {0};
    if (sok_library_scan(world->library, world->arena, &options, &result, &err) != SOK_OK)
        fail_msg("%s", err.message);
    return result;
}

static int64_t count_media(struct world *world, const char *type)
{
    int64_t count;
    assert_ok(sok_media_count(sok_db_reader(world->db), type, &count, NULL));
    return count;
}

static void lay_out(struct world *world)
{
    static const char *const names[] = {
        "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 1080p.mp4",
        "library/Movies/The Salt Road.2011.720p.BluRay.x264-XY.mkv",
        "more/Shows/Harbour Lights (2016)/Season 01/Harbour Lights (2016) - S01E01.mkv",
        "more/Shows/Harbour Lights (2016)/Season 01/Harbour Lights (2016) - S01E02-E03.mkv",
        "more/Shows/Harbour Lights (2016)/Season 01/extras/Harbour Lights - S01E09.mkv",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        test_write(&world->dir, names[i], "not looked into", 15);
    test_write(&world->dir, "library/Movies/notes.txt", "x", 1);
    test_write(&world->dir, "library/Movies/empty.mkv", "", 0);
}

static void what_lies_there_becomes_rows_once(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    lay_out(&world);
    struct sok_scan_result first = scan(&world, false);
    assert_int_equal(4, first.files);
    assert_int_equal(5, first.added); // one file holds two episodes
    assert_int_equal(3, first.media_made);
    assert_int_equal(2, count_media(&world, "movie"));
    assert_int_equal(1, count_media(&world, "tv"));
    assert_int_equal(3, count_media(&world, "episode"));
    struct sok_scan_result second = scan(&world, false);
    assert_int_equal(0, second.added + second.media_made + second.removed);
    assert_int_equal(4, second.unchanged);
    struct sok_media media;
    size_t count;
    assert_ok(sok_media_find_title(
        sok_db_reader(world.db), world.arena, "the salt road", 2011, "movie", &media, NULL));
    struct sok_media_file *rows = world_files(&world, media.id, &count);
    assert_int_equal(1, count);
    assert_string_equal("720p", rows[0].resolution);
    assert_string_equal("local", rows[0].source);
}

static void works_that_are_known_are_matched(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    lay_out(&world);
    const char *film = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    const char *series = world_add_media(&world, "tv", "Harbour Lights", 2016, NULL, -1, -1);
    const char *episode = world_add_media(&world, "episode", "The Pier", 0, series, 1, 1);
    assert_int_equal(1, scan(&world, false).media_made);
    size_t count;
    world_files(&world, film, &count);
    assert_int_equal(1, count);
    world_files(&world, episode, &count);
    assert_int_equal(1, count);
    assert_int_equal(1, count_media(&world, "tv"));
}

static void rows_of_files_that_are_gone_are_dropped(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    lay_out(&world);
    scan(&world, false);
    assert_int_equal(
        0, unlink(test_path(&world.dir, "library/Movies/The Salt Road.2011.720p.BluRay.x264-XY.mkv")));
    struct sok_scan_result result = scan(&world, false);
    assert_int_equal(1, result.removed);
    assert_int_equal(3, result.unchanged);
    assert_int_equal(2, count_media(&world, "movie")); // the work stays, and with it what was watched
}

static void root_without_any_film_marks_its_rows_instead_of_dropping_them(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    lay_out(&world);
    scan(&world, false);
    assert_int_equal(0, rename(test_path(&world.dir, "more/Shows"), test_path(&world.dir, "away")));
    struct sok_scan_result result = scan(&world, false);
    assert_int_equal(0, result.removed);
    assert_int_equal(3, result.missing);
    assert_int_equal(0, rename(test_path(&world.dir, "away"), test_path(&world.dir, "more/Shows")));
    scan(&world, false);
    struct sok_media media, *episodes;
    size_t count, files;
    assert_ok(sok_media_find_title(
        sok_db_reader(world.db), world.arena, "Harbour Lights", 2016, "tv", &media, NULL));
    assert_ok(
        sok_media_list_episodes(sok_db_reader(world.db), world.arena, media.id, -1, &episodes, &count, NULL));
    assert_int_equal(3, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(0, world_files(&world, episodes[i].id, &files)[0].missing_at);
}

static void nothing_outside_and_nothing_odd_is_followed(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    test_write(&world.dir, "outside/Secret Film (2001).mkv", "x", 1);
    assert_int_equal(0, symlink("../outside", test_path(&world.dir, "library/up")));
    assert_int_equal(0, symlink(".", test_path(&world.dir, "library/loop")));
    assert_int_equal(0, symlink("../outside/Secret Film (2001).mkv", test_path(&world.dir, "library/a.mkv")));
    assert_int_equal(0, mkfifo(test_path(&world.dir, "library/pipe.mkv"), 0600));
    test_write(&world.dir, "library/bad\xff name (2001).mkv", "x", 1);
    test_write(&world.dir, "library/line\nfeed (2001).mkv", "x", 1);
    struct sok_scan_result result = scan(&world, false);
    assert_int_equal(0, result.added);
    assert_int_equal(2, result.unreadable);
    struct sok_scan_options options = {.folder = test_path(&world.dir, "outside")};
    assert_int_equal(SOK_DENIED, sok_library_scan(world.library, world.arena, &options, &result, NULL));
}

static void probing_keeps_out_what_is_no_film(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    world_copy(&world, "film.mkv", "library/Movies/Real Film (2005).mkv");
    test_write(&world.dir, "library/Movies/Garbage Film (2003).mkv", "garbage", 7);
    struct sok_scan_result result = scan(&world, true);
    assert_int_equal(1, result.added);
    assert_int_equal(1, result.unreadable);
    assert_int_equal(1, result.problem_count);
    assert_non_null(strstr(result.problems[0], "Garbage Film"));
    assert_int_equal(1, count_media(&world, "movie"));
}

static void many_files_fit_in_little_memory(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    for (int i = 0; i < 400; i++)
        test_write(
            &world.dir, sok_format(world.arena, "library/Movies/Film Number %d (2001).mkv", i), "x", 1);
    sok_arena_reset(world.arena);
    assert_int_equal(400, scan(&world, false).added);
    assert_int_equal(400, count_media(&world, "movie"));
    assert_true(sok_arena_used(world.arena) < 4096);
    assert_int_equal(400, scan(&world, false).unchanged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_there_becomes_rows_once),
        cmocka_unit_test(works_that_are_known_are_matched),
        cmocka_unit_test(rows_of_files_that_are_gone_are_dropped),
        cmocka_unit_test(root_without_any_film_marks_its_rows_instead_of_dropping_them),
        cmocka_unit_test(nothing_outside_and_nothing_odd_is_followed),
        cmocka_unit_test(probing_keeps_out_what_is_no_film),
        cmocka_unit_test(many_files_fit_in_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
