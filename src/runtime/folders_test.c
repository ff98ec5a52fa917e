#include "runtime/folders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "base/test_dir.h"

static const char *make(const struct sok_test_dir *dir, const char *name, bool is_folder)
{
    static char path[256];
    sok_test_dir_file(dir, name, path, sizeof(path));
    int fd = is_folder ? mkdir(path, 0700) : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    if (!is_folder)
        close(fd);
    return path;
}

static bool is_there(const struct sok_test_dir *dir, const char *name)
{
    char path[256];
    struct stat info;
    return lstat(sok_test_dir_file(dir, name, path, sizeof(path)), &info) == 0;
}

static void all_of_a_folder_goes_and_nothing_beside_it(void **state)
{
    struct sok_test_dir dir;
    char path[256];
    sok_test_dir_make(&dir);
    static const char *const folders[] = {"gone", "gone/a", "gone/a/b", "gone/.hidden", "kept"};
    static const char *const files[] = {"gone/f", "gone/a/b/f", "gone/.hidden/.f", "kept/f", "gone.too"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++)
        make(&dir, folders[i], true);
    for (size_t i = 0; i < SOK_ARRAY_LEN(files); i++)
        make(&dir, files[i], false);
    sok_folder_remove(sok_test_dir_file(&dir, "gone", path, sizeof(path)));
    assert_false(is_there(&dir, "gone"));
    assert_true(is_there(&dir, "kept/f") && is_there(&dir, "gone.too"));
    sok_folder_remove(path); // once more
    sok_folder_remove(sok_test_dir_file(&dir, "gone.too", path, sizeof(path)));
    assert_false(is_there(&dir, "gone.too"));
    sok_test_dir_remove(&dir);
}

static void what_a_link_leads_to_stays(void **state)
{
    struct sok_test_dir dir;
    char path[256], kept[256];
    sok_test_dir_make(&dir);
    make(&dir, "kept", true);
    make(&dir, "kept/f", false);
    make(&dir, "gone", true);
    sok_test_dir_file(&dir, "kept", kept, sizeof(kept));
    assert_int_equal(symlink(kept, sok_test_dir_file(&dir, "gone/inside", path, sizeof(path))), 0);
    assert_int_equal(symlink(kept, sok_test_dir_file(&dir, "link", path, sizeof(path))), 0);
    sok_folder_remove(path);
    sok_folder_remove(sok_test_dir_file(&dir, "gone", path, sizeof(path)));
    assert_false(is_there(&dir, "link") || is_there(&dir, "gone"));
    assert_true(is_there(&dir, "kept/f"));
    sok_test_dir_remove(&dir);
}

static void only_a_folder_is_synced(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    sok_test_dir_make(&dir);
    assert_int_equal(sok_folder_sync(dir.path, &err), SOK_OK);
    assert_int_not_equal(sok_folder_sync(make(&dir, "f", false), &err), SOK_OK);
    assert_int_not_equal(sok_folder_sync("/nowhere/at/all", &err), SOK_OK);
    sok_test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_folder_goes_and_nothing_beside_it),
        cmocka_unit_test(what_a_link_leads_to_stays),
        cmocka_unit_test(only_a_folder_is_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
