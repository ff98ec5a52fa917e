#include "services/library/library_world.h"

// Imports `count` files below "down", sizes as they lie there.
static enum sok_status import(
    struct world *world, const char *media_id, const char *name, const char *const *paths, size_t count,
    enum sok_import_mode mode, struct sok_import_result *ret, struct sok_error *err)
{
    struct sok_import_file *files = sok_alloc_array(world->arena, count, sizeof *files);
    for (size_t i = 0; i < count; i++) {
        struct stat info = {0};
        (void)stat(test_path(&world->dir, sok_format(world->arena, "down/%s", paths[i])), &info);
        files[i] = (struct sok_import_file){.path = paths[i], .size_bytes = info.st_size};
    }
    struct sok_import import = {
        .media_id = media_id,
        .folder = sok_strdup(world->arena, test_path(&world->dir, "down")),
        .release_name = name,
        .files = files,
        .file_count = count,
        .source = "torrent",
        .download_id = "01970000-0000-7000-8000-000000000001",
        .mode = mode};
    return sok_library_import(world->library, world->arena, &import, ret, err);
}

static void film_is_linked_under_its_name_with_its_subtitles(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    world_copy(&world, "film.mkv", "down/Paper.Lantern.2019/Paper.Lantern.2019.mkv");
    world_copy(&world, "film.mkv", "down/Paper.Lantern.2019/Sample/sample.mkv");
    test_write(&world.dir, "down/Paper.Lantern.2019/Paper.Lantern.2019.en.srt", "1\n", 2);
    test_write(&world.dir, "down/Paper.Lantern.2019/Subs/2_German.srt", "2\n", 2);
    test_write(&world.dir, "down/Paper.Lantern.2019/setup.exe", "MZ", 2);
    const char *const paths[] = {
        "Paper.Lantern.2019/Sample/sample.mkv", "Paper.Lantern.2019/Paper.Lantern.2019.mkv",
        "Paper.Lantern.2019/Paper.Lantern.2019.en.srt", "Paper.Lantern.2019/Subs/2_German.srt",
        "Paper.Lantern.2019/setup.exe"};
    struct sok_import_result result;
    for (int round = 0; round < 2; round++) { // the second time finds everything done
        assert_ok(import(&world, id, "Paper.Lantern.2019", paths, 5, SOK_IMPORT_LINK, &result, NULL));
        assert_int_equal(1, result.placed);
        assert_int_equal(SOK_IMPORT_SKIPPED, result.files[0].outcome);
        assert_int_equal(round ? SOK_IMPORT_PRESENT : SOK_IMPORTED, result.files[1].outcome);
        assert_string_equal(id, result.files[1].media_id);
        assert_int_equal(SOK_IMPORT_SKIPPED, result.files[4].outcome);
    }
    const char *target = "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.mkv";
    assert_true(world_inode(&world, target) != 0);
    assert_int_equal(
        world_inode(&world, "down/Paper.Lantern.2019/Paper.Lantern.2019.mkv"), world_inode(&world, target));
    assert_true(
        test_exists(&world.dir, "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.en.srt"));
    assert_true(
        test_exists(&world.dir, "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.de.srt"));
    size_t count;
    struct sok_media_file *rows = world_files(&world, id, &count);
    assert_int_equal(1, count);
    assert_string_equal(test_path(&world.dir, target), rows[0].file_path);
    assert_string_equal("mpeg4", rows[0].codec_video);
    assert_string_equal("240p", rows[0].resolution);
    assert_int_equal(320, rows[0].width);
    assert_true(rows[0].duration_ms > 1500);
    assert_string_equal("torrent", rows[0].source);
}

static void season_pack_becomes_its_episodes(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "tv", "Harbour Lights", 2016, NULL, -1, -1);
    const char *known = world_add_media(&world, "episode", "The Pier", 0, id, 2, 2);
    const char *const paths[] = {
        "Pack/Harbour.Lights.S02E01.mkv", "Pack/Harbour.Lights.S02E02.mkv",
        "Pack/Harbour.Lights.S02E03E04.mkv"};
    for (int i = 0; i < 3; i++)
        world_copy(&world, "film.mkv", sok_format(world.arena, "down/%s", paths[i]));
    struct sok_import_result result;
    assert_ok(import(&world, id, "Harbour.Lights.S02", paths, 3, SOK_IMPORT_LINK, &result, NULL));
    assert_int_equal(3, result.placed);
    assert_string_equal(known, result.files[1].media_id);
    struct sok_media *episodes;
    size_t count, files;
    assert_ok(sok_media_list_episodes(sok_db_reader(world.db), world.arena, id, -1, &episodes, &count, NULL));
    assert_int_equal(4, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((int)i + 1, episodes[i].episode_number);
        world_files(&world, episodes[i].id, &files);
        assert_int_equal(1, files);
    }
    assert_string_equal("The Pier", episodes[1].title);
    assert_true(test_exists(
        &world.dir,
        "library/Shows/Harbour Lights (2016)/Season 02/Harbour Lights (2016) - S02E02 - The Pier.mkv"));
    assert_true(test_exists(
        &world.dir, "library/Shows/Harbour Lights (2016)/Season 02/Harbour Lights (2016) - S02E03-E04.mkv"));
}

static void better_file_replaces_and_worse_one_is_left_out(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    world_copy(&world, "film.mkv", "down/small/Paper.Lantern.2019.mkv");
    world_copy(&world, "better.mkv", "down/large/Paper.Lantern.2019.mkv");
    const char *const small[] = {"small/Paper.Lantern.2019.mkv"}, *const large[] = {
                                                                      "large/Paper.Lantern.2019.mkv"};
    struct sok_import_result result;
    size_t count;
    assert_ok(import(&world, id, "Paper.Lantern.2019", small, 1, SOK_IMPORT_LINK, &result, NULL));
    // As another download would be: the row of the first one has another download's id.
    struct sok_import second = {
        .media_id = id,
        .folder = sok_strdup(world.arena, test_path(&world.dir, "down")),
        .release_name = "Paper.Lantern.2019.720p",
        .files = &(struct sok_import_file){large[0], 1},
        .file_count = 1,
        .source = "torrent",
        .download_id = "01970000-0000-7000-8000-000000000002"};
    assert_ok(sok_library_import(world.library, world.arena, &second, &result, NULL));
    assert_int_equal(SOK_IMPORT_REPLACED, result.files[0].outcome);
    struct sok_media_file *rows = world_files(&world, id, &count);
    assert_int_equal(1, count);
    assert_string_equal("720p", rows[0].resolution);
    assert_false(
        test_exists(&world.dir, "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.mkv"));
    assert_ok(import(&world, id, "Paper.Lantern.2019", small, 1, SOK_IMPORT_LINK, &result, NULL));
    assert_int_equal(SOK_IMPORT_KEPT_OLD, result.files[0].outcome);
    assert_string_equal(rows[0].file_path, result.files[0].file_path);
    assert_int_equal(1, result.placed);
}

static void import_cut_short_after_the_link_goes_on(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    const char *target = "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.mkv";
    world_copy(&world, "film.mkv", "down/film.mkv");
    test_make_folders(&world.dir, target);
    assert_int_equal(0, link(test_path(&world.dir, "down/film.mkv"), test_path(&world.dir, target)));
    const char *const paths[] = {"film.mkv"};
    struct sok_import_result result;
    size_t count;
    assert_ok(import(&world, id, "Paper.Lantern.2019", paths, 1, SOK_IMPORT_LINK, &result, NULL));
    assert_int_equal(SOK_IMPORTED, result.files[0].outcome);
    assert_string_equal(test_path(&world.dir, target), result.files[0].file_path);
    world_files(&world, id, &count);
    assert_int_equal(1, count);
}

static void name_taken_by_a_stranger_is_passed_over(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    test_write(
        &world.dir, "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p.mkv", "theirs", 6);
    world_copy(&world, "film.mkv", "down/film.mkv");
    const char *const paths[] = {"film.mkv"};
    struct sok_import_result result;
    assert_ok(import(&world, id, "Paper.Lantern.2019", paths, 1, SOK_IMPORT_LINK, &result, NULL));
    assert_int_equal(SOK_IMPORTED, result.files[0].outcome);
    assert_string_equal(
        test_path(&world.dir, "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 240p (2).mkv"),
        result.files[0].file_path);
}

static void own_file_of_the_owner_is_never_removed(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    const char *own = "library/Movies/Paper Lantern (2019)/Paper Lantern (2019) - 720p.mkv";
    world_copy(&world, "film.mkv", own); // worse than its name says
    struct sok_scan_options options = {.probe = true};
    struct sok_scan_result scanned;
    struct sok_import_result result;
    size_t count;
    assert_ok(sok_library_scan(world.library, world.arena, &options, &scanned, NULL));
    world_copy(&world, "better.mkv", "down/Paper.Lantern.2019.mkv");
    const char *const paths[] = {"Paper.Lantern.2019.mkv"};
    ino_t before = world_inode(&world, own);
    assert_ok(import(&world, id, "Paper.Lantern.2019", paths, 1, SOK_IMPORT_LINK, &result, NULL));
    assert_int_equal(SOK_IMPORTED, result.files[0].outcome);
    assert_int_equal(before, world_inode(&world, own));
    world_files(&world, id, &count);
    assert_int_equal(2, count);
}

static void moved_source_is_found_again(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    world_copy(&world, "film.mkv", "down/film.mkv");
    struct sok_import_file file = {"film.mkv", 0};
    struct stat info;
    assert_int_equal(0, stat(test_path(&world.dir, "down/film.mkv"), &info));
    file.size_bytes = info.st_size;
    struct sok_import import = {
        .media_id = id,
        .folder = sok_strdup(world.arena, test_path(&world.dir, "down")),
        .release_name = "Paper.Lantern.2019",
        .files = &file,
        .file_count = 1,
        .source = "torrent",
        .download_id = "01970000-0000-7000-8000-000000000003",
        .mode = SOK_IMPORT_MOVE};
    struct sok_import_result result;
    assert_ok(sok_library_import(world.library, world.arena, &import, &result, NULL));
    assert_int_equal(SOK_IMPORTED, result.files[0].outcome);
    assert_false(test_exists(&world.dir, "down/film.mkv"));
    assert_ok(sok_library_import(world.library, world.arena, &import, &result, NULL));
    assert_int_equal(SOK_IMPORT_PRESENT, result.files[0].outcome);
}

static void what_is_no_film_is_not_imported(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    (void)test_program();
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    test_write(&world.dir, "down/fake.mkv", "this is no film", 15);
    test_write(&world.dir, "secret.mkv", "secret", 6);
    assert_int_equal(0, symlink("../secret.mkv", test_path(&world.dir, "down/link.mkv")));
    const char *const fake[] = {"fake.mkv"}, *const link[] = {"link.mkv"},
                      *const outside[] = {"../secret.mkv"}, *const program[] = {"film.exe"};
    struct sok_import_result result;
    struct sok_error err = {0};
    assert_int_equal(SOK_INVALID, import(&world, id, "X", fake, 1, SOK_IMPORT_LINK, &result, &err));
    assert_string_equal("nothing_to_import", err.code);
    assert_int_equal(SOK_INVALID, import(&world, id, "X", link, 1, SOK_IMPORT_LINK, &result, &err));
    assert_int_equal(SOK_INVALID, import(&world, id, "X", outside, 1, SOK_IMPORT_LINK, &result, &err));
    assert_int_equal(SOK_INVALID, import(&world, id, "X", program, 1, SOK_IMPORT_LINK, &result, &err));
    assert_false(test_exists(&world.dir, "library/Movies"));
}

static void work_not_named_comes_from_the_names(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    world_copy(&world, "film.mkv", "down/Paper.Lantern.2019.720p.mkv");
    const char *const paths[] = {"Paper.Lantern.2019.720p.mkv"};
    struct sok_import_result result;
    struct sok_media media;
    assert_ok(import(&world, NULL, "Paper.Lantern.2019.720p.mkv", paths, 1, SOK_IMPORT_LINK, &result, NULL));
    assert_ok(sok_media_find(sok_db_reader(world.db), world.arena, result.media_id, &media, NULL));
    assert_string_equal("Paper Lantern", media.title);
    assert_int_equal(2019, media.year);
    assert_string_equal("movie", media.media_type);
}

static void import_across_file_systems_copies_only_when_told(void **state)
{
    WORLD_AUTO world;
    world_open(&world);
    world_make_films(&world);
    struct test_dir other = {"/dev/shm/sokoul-test-XXXXXX"};
    if (!mkdtemp(other.path))
        skip();
    struct stat here, there;
    assert_int_equal(0, stat(world.dir.path, &here));
    assert_int_equal(0, stat(other.path, &there));
    if (here.st_dev == there.st_dev) {
        sok_test_dir_remove(&other);
        skip();
    }
    const char *id = world_add_media(&world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    static char bytes[4 << 20];
    FILE *file = fopen(test_path(&world.dir, "film.mkv"), "r");
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    test_write(&other, "film.mkv", bytes, len);
    struct sok_import import = {
        .media_id = id,
        .folder = other.path,
        .release_name = "Paper.Lantern.2019",
        .files = &(struct sok_import_file){"film.mkv", (int64_t)len},
        .file_count = 1,
        .source = "torrent"};
    struct sok_import_result result;
    struct sok_error err = {0};
    enum sok_status linked = sok_library_import(world.library, world.arena, &import, &result, &err);
    import.mode = SOK_IMPORT_COPY;
    enum sok_status copied = sok_library_import(world.library, world.arena, &import, &result, NULL);
    sok_test_dir_remove(&other);
    assert_int_equal(SOK_UNSUPPORTED, linked);
    assert_string_equal("cross_device", err.code);
    assert_int_equal(SOK_OK, copied);
    assert_int_equal(SOK_IMPORT_COPIED, result.files[0].outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_is_linked_under_its_name_with_its_subtitles),
        cmocka_unit_test(season_pack_becomes_its_episodes),
        cmocka_unit_test(better_file_replaces_and_worse_one_is_left_out),
        cmocka_unit_test(import_cut_short_after_the_link_goes_on),
        cmocka_unit_test(name_taken_by_a_stranger_is_passed_over),
        cmocka_unit_test(own_file_of_the_owner_is_never_removed),
        cmocka_unit_test(moved_source_is_found_again),
        cmocka_unit_test(what_is_no_film_is_not_imported),
        cmocka_unit_test(work_not_named_comes_from_the_names),
        cmocka_unit_test(import_across_file_systems_copies_only_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
