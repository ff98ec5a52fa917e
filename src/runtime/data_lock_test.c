#include "runtime/data_lock.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "base/test_dir.h"

static void one_has_it_alone_or_several_share_it(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    char path[256];
    SOK_DATA_LOCK_AUTO first = -1, second = -1, other = -1;
    sok_test_dir_make(&dir);
    const char *folder = sok_test_dir_file(&dir, "data", path, sizeof(path)); // is made
    assert_int_equal(sok_data_lock(folder, &first, &err), SOK_OK);
    assert_int_equal(sok_data_lock(folder, &second, &err), SOK_CONFLICT);
    assert_non_null(strstr(err.message, "running"));
    assert_int_equal(sok_data_share(folder, &second, &err), SOK_CONFLICT);
    assert_int_equal(second, -1);
    assert_int_equal(sok_data_lock(dir.path, &other, &err), SOK_OK); // another folder
    sok_data_unlock(&first);

    assert_int_equal(sok_data_share(folder, &first, &err), SOK_OK);
    assert_int_equal(sok_data_share(folder, &second, &err), SOK_OK);
    sok_data_unlock(&other);
    assert_int_equal(sok_data_lock(folder, &other, &err), SOK_CONFLICT);
    sok_data_unlock(&first);
    assert_int_equal(sok_data_lock(folder, &other, &err), SOK_CONFLICT);
    sok_data_unlock(&second);
    assert_int_equal(sok_data_lock(folder, &other, &err), SOK_OK);
    sok_data_unlock(&other);
    sok_test_dir_remove(&dir);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    char path[256];
    SOK_DATA_LOCK_AUTO lock = -1;
    sok_test_dir_make(&dir);
    assert_int_equal(symlink("elsewhere", sok_test_dir_file(&dir, "sokoul.lock", path, sizeof(path))), 0);
    assert_int_not_equal(sok_data_lock(dir.path, &lock, &err), SOK_OK);
    assert_int_equal(lock, -1);
    sok_test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_has_it_alone_or_several_share_it),
        cmocka_unit_test(a_link_in_its_place_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
