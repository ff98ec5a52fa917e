#include "services/library/beneath.h"

#include "services/library/fd.h"
#include "services/library/library_testing.h"

static int open_root(const struct test_dir *dir)
{
    int fd = -1;
    assert_ok(sok_beneath_root(dir->path, false, &fd, NULL));
    return fd;
}

static void paths_that_could_lead_outside_are_refused(void **state)
{
    static const char *const bad[] = {
        "",      "/etc/passwd", "..", "../x",      "a/../b", "a/..",  "./a",
        "a/./b", "a//b",        "a/", "a\nb/film", "a\x01",  "a\x7f", ".",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(bad); i++)
        assert_false(sok_beneath_is_path(bad[i]));
    assert_true(sok_beneath_is_path("Movies/Zoë (2019)/Zoë (2019).mkv"));
    assert_true(sok_beneath_is_path("..a/...b"));
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = '\0';
    assert_false(sok_beneath_is_path(long_name));
    long_name[255] = '\0';
    assert_true(sok_beneath_is_path(long_name));
}

static void symbolic_links_are_not_followed(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    test_write(&dir, "in/film.mkv", "abc", 3);
    test_write(&dir, "outside.mkv", "xyz", 3);
    assert_int_equal(0, symlink("../outside.mkv", test_path(&dir, "in/link.mkv")));
    assert_int_equal(0, symlink("/tmp", test_path(&dir, "in/folder")));
    assert_int_equal(0, symlink("film.mkv", test_path(&dir, "in/inner.mkv")));
    SOK_FD_AUTO root = -1;
    assert_ok(sok_beneath_root(test_path(&dir, "in"), false, &root, NULL));
    int fd = -1;
    assert_int_equal(SOK_DENIED, sok_beneath_open(root, "link.mkv", &fd, NULL));
    assert_int_equal(SOK_DENIED, sok_beneath_open(root, "inner.mkv", &fd, NULL));
    assert_int_equal(SOK_DENIED, sok_beneath_open(root, "folder/x", &fd, NULL));
    assert_int_equal(SOK_DENIED, sok_beneath_open_dir(root, "folder/new", true, &fd, NULL));
    assert_int_equal(SOK_DENIED, sok_beneath_link(root, "film.mkv", root, "folder/film.mkv", NULL));
    assert_int_equal(SOK_NOT_FOUND, sok_beneath_open(root, "none.mkv", &fd, NULL));
    assert_int_equal(-1, fd);
    assert_ok(sok_beneath_open(root, "film.mkv", &fd, NULL));
    close(fd);
}

static void what_is_not_a_file_is_refused_without_waiting(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    assert_int_equal(0, mkfifo(test_path(&dir, "pipe.mkv"), 0600));
    assert_int_equal(0, mkdir(test_path(&dir, "folder.mkv"), 0700));
    SOK_FD_AUTO root = open_root(&dir);
    int fd = -1;
    assert_int_equal(SOK_DENIED, sok_beneath_open(root, "pipe.mkv", &fd, NULL));
    assert_int_equal(SOK_DENIED, sok_beneath_open(root, "folder.mkv", &fd, NULL));
}

static void link_gives_the_same_file_and_makes_folders(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    test_write(&dir, "down/film.mkv", "abc", 3);
    SOK_FD_AUTO root = open_root(&dir);
    assert_ok(sok_beneath_link(root, "down/film.mkv", root, "Movies/Film (2001)/Film (2001).mkv", NULL));
    struct stat from, to;
    assert_ok(sok_beneath_stat(root, "down/film.mkv", &from, NULL));
    assert_ok(sok_beneath_stat(root, "Movies/Film (2001)/Film (2001).mkv", &to, NULL));
    assert_int_equal(from.st_ino, to.st_ino);
    assert_int_equal(
        SOK_CONFLICT,
        sok_beneath_link(root, "down/film.mkv", root, "Movies/Film (2001)/Film (2001).mkv", NULL));
}

static void link_across_file_systems_says_so(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    struct test_dir other = {"/dev/shm/sokoul-test-XXXXXX"};
    if (!mkdtemp(other.path))
        skip();
    struct stat here, there;
    assert_int_equal(0, stat(dir.path, &here));
    assert_int_equal(0, stat(other.path, &there));
    test_write(&other, "film.mkv", "abc", 3);
    SOK_FD_AUTO root = open_root(&dir), other_root = open_root(&other);
    struct sok_error err = {0};
    enum sok_status status = sok_beneath_link(other_root, "film.mkv", root, "film.mkv", &err);
    bool copied = sok_beneath_copy(other_root, "film.mkv", root, "copy.mkv", NULL) == SOK_OK;
    sok_test_dir_remove(&other);
    if (here.st_dev == there.st_dev)
        skip();
    assert_int_equal(SOK_UNSUPPORTED, status);
    assert_string_equal("cross_device", err.code);
    assert_true(copied);
    assert_false(test_exists(&dir, "film.mkv"));
}

static void copy_is_exact_and_leaves_nothing_half_done(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    size_t len = 3 * 1024 * 1024 + 17;
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    test_write(&dir, "film.mkv", bytes, len);
    SOK_FD_AUTO root = open_root(&dir);
    assert_ok(sok_beneath_copy(root, "film.mkv", root, "a/b/copy.mkv", NULL));
    FILE *file = fopen(test_path(&dir, "a/b/copy.mkv"), "r");
    char *back = malloc(len + 1);
    assert_int_equal(len, fread(back, 1, len + 1, file));
    fclose(file);
    assert_memory_equal(bytes, back, len);
    free(bytes);
    free(back);
    assert_int_equal(SOK_CONFLICT, sok_beneath_copy(root, "film.mkv", root, "a/b/copy.mkv", NULL));
    SOK_FD_AUTO folder = -1;
    assert_ok(sok_beneath_open_dir(root, "a/b", false, &folder, NULL));
    assert_ok(sok_beneath_unlink(folder, "copy.mkv", NULL));
    assert_int_equal(0, unlinkat(root, "a/b", AT_REMOVEDIR)); // empty: no part left
}

static void prune_removes_empty_folders_up_to_the_root(void **state)
{
    TEST_DIR_AUTO dir = test_dir_new();
    test_write(&dir, "Shows/A/Season 01/e1.mkv", "1", 1);
    test_write(&dir, "Shows/B/Season 01/e1.mkv", "1", 1);
    SOK_FD_AUTO root = open_root(&dir);
    assert_ok(sok_beneath_unlink(root, "Shows/A/Season 01/e1.mkv", NULL));
    assert_ok(sok_beneath_unlink(root, "Shows/A/Season 01/e1.mkv", NULL)); // gone already
    assert_ok(sok_beneath_unlink(root, "No/Such/file.mkv", NULL));
    sok_beneath_prune(root, "Shows/A/Season 01/e1.mkv");
    assert_false(test_exists(&dir, "Shows/A"));
    assert_true(test_exists(&dir, "Shows/B/Season 01/e1.mkv"));
    sok_beneath_prune(root, "Shows/B/Season 01/e1.mkv");
    assert_true(test_exists(&dir, "Shows/B/Season 01/e1.mkv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_that_could_lead_outside_are_refused),
        cmocka_unit_test(symbolic_links_are_not_followed),
        cmocka_unit_test(what_is_not_a_file_is_refused_without_waiting),
        cmocka_unit_test(link_gives_the_same_file_and_makes_folders),
        cmocka_unit_test(link_across_file_systems_says_so),
        cmocka_unit_test(copy_is_exact_and_leaves_nothing_half_done),
        cmocka_unit_test(prune_removes_empty_folders_up_to_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
