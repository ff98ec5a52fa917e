// What a restore or a move has left when it was killed, planted step by step; kills at random moments are
// tests/test_backup.py's.
#include "services/backup/backup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/test.h"
#include "base/test_dir.h"
#include "runtime/data_lock.h"
#include "services/library/fd.h"

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    SOK_FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && sok_fd_write_all(fd, text, strlen(text)));
}

static void make(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void assert_holds(const char *folder, const char *name, const char *text)
{
    char path[256], held[64] = "";
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    SOK_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!text) {
        assert_true(fd < 0);
        return;
    }
    assert_true(fd >= 0 && read(fd, held, sizeof(held) - 1) >= 0);
    assert_string_equal(held, text);
}

// url: of the database as it was when the restore began, or another one meanwhile.
static void settle(const char *folder, const char *url)
{
    struct sok_error err = {0};
    assert_true(sok_backup_is_unsettled(folder, url));
    assert_int_equal(sok_backup_settle(folder, url, &err), SOK_OK);
    assert_false(sok_backup_is_unsettled(folder, url));
    assert_holds(folder, "sokoul.db", "new");
    assert_holds(folder, "sokoul.db.restored", NULL);
    assert_holds(folder, "sokoul.db-wal", NULL); // the old one's would be applied to the new one
    assert_holds(folder, "keys/k", "new");
    assert_holds(folder, "avatars/a", NULL);
    assert_holds(folder, "before-restore/keys/k", "old");
    assert_holds(folder, "sokoul.db.before-restore", "old");
    assert_holds(folder, "sokoul.db.before-restore-wal", "old");
}

// What has been done when it is killed: so many of these renames.
static void settling_can_be_done_again_from_each_step(void **state)
{
    static const char *const steps[][2] = {
        {"sokoul.db-wal", "sokoul.db.before-restore-wal"},
        {"sokoul.db", "sokoul.db.before-restore"},
        {"sokoul.db.restored", "sokoul.db"},
        {"keys", "before-restore/keys"},
        {"restore.ready/keys", "keys"},
        {"avatars", "before-restore/avatars"},
        {"restore.ready/avatars", "avatars"},
    };
    for (size_t done = 0; done <= SOK_ARRAY_LEN(steps); done++) {
        struct sok_test_dir dir;
        char from[256], to[256], url[256];
        sok_test_dir_make(&dir);
        snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
        static const char *const folders[] = {"keys",
                                              "avatars",
                                              "before-restore",
                                              "restore.ready",
                                              "restore.ready/keys",
                                              "restore.ready/avatars"};
        for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++)
            make(dir.path, folders[i]);
        put(dir.path, "sokoul.db", "old");
        put(dir.path, "sokoul.db-wal", "old");
        put(dir.path, "sokoul.db.restored", "new");
        put(dir.path, "keys/k", "old");
        put(dir.path, "avatars/a", "old");
        put(dir.path, "restore.ready/keys/k", "new");
        put(dir.path, "restore.ready/database", "sqlite sokoul.db\n");
        for (size_t i = 0; i < done; i++)
            assert_int_equal(
                rename(
                    sok_test_dir_file(&dir, steps[i][0], from, sizeof(from)),
                    sok_test_dir_file(&dir, steps[i][1], to, sizeof(to))),
                0);
        settle(dir.path, done % 2 ? "postgresql://nobody@127.0.0.1:1/none" : url);
        sok_test_dir_remove(&dir);
    }
}

// --- A restore that does not count.

static void a_restore_that_was_killed_before_it_counted_is_undone(void **state)
{
    static const char *const noted[] = {
        NULL,
        "sqlite sokoul.db\n",
        "postgresql 0190", // cut short: what follows it had not begun
        "sqlite",
        "",
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(noted); i++) {
        struct sok_test_dir dir;
        struct sok_error err = {0};
        char url[256];
        sok_test_dir_make(&dir);
        snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
        make(dir.path, "keys");
        make(dir.path, "restore.part");
        make(dir.path, "restore.part/keys");
        put(dir.path, "keys/k", "old");
        put(dir.path, "restore.part/keys/k", "new");
        put(dir.path, "sokoul.db", "old");
        put(dir.path, "sokoul.db-wal", "old");
        put(dir.path, "sokoul.db.restored", "new");
        put(dir.path, "sokoul.db.restored-wal", "new");
        if (noted[i])
            put(dir.path, "restore.part/database", noted[i]);
        assert_true(sok_backup_is_unsettled(dir.path, url));
        assert_int_equal(sok_backup_settle(dir.path, url, &err), SOK_OK);
        assert_false(sok_backup_is_unsettled(dir.path, url));
        assert_holds(dir.path, "sokoul.db", "old");
        assert_holds(dir.path, "sokoul.db-wal", "old");
        assert_holds(dir.path, "keys/k", "old");
        assert_holds(dir.path, "sokoul.db.restored", NULL);
        assert_holds(dir.path, "sokoul.db.restored-wal", NULL);
        assert_holds(dir.path, "restore.part/keys/k", NULL);
        sok_test_dir_remove(&dir);
    }
}

static void only_postgresql_itself_says_whether_its_restore_counts(void **state)
{
    struct sok_test_dir dir;
    sok_test_dir_make(&dir);
    make(dir.path, "restore.part");
    make(dir.path, "restore.part/keys");
    put(dir.path, "restore.part/keys/k", "new");
    put(dir.path, "restore.part/database", "postgresql 01900000-0000-7000-8000-000000000000\n");
    for (size_t i = 0; i < 2; i++) { // another database, and one that is away
        struct sok_error err = {0};
        char url[256];
        snprintf(
            url, sizeof(url), i ? "postgresql://nobody@127.0.0.1:1/none" : "sqlite:%s/sokoul.db", dir.path);
        assert_int_not_equal(sok_backup_settle(dir.path, url, &err), SOK_OK);
        assert_holds(dir.path, "restore.part/keys/k", "new");
    }
    sok_test_dir_remove(&dir);
}

static void what_belongs_to_another_data_folder_is_left_alone(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    char url[256], other[256];
    sok_test_dir_make(&dir);
    make(dir.path, "other");
    put(dir.path, "sokoul.db", "old");
    put(dir.path, "sokoul.db.restored", "new"); // it may count: restore.ready is in the other folder
    snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
    snprintf(other, sizeof(other), "%s/other", dir.path);
    assert_int_equal(sok_backup_settle(other, url, &err), SOK_OK);
    assert_holds(dir.path, "sokoul.db.restored", "new");
    sok_test_dir_remove(&dir);
}

static void a_database_outside_of_the_data_folder_is_switched_with_it(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    char url[256], folder[256], noted[300];
    sok_test_dir_make(&dir);
    make(dir.path, "data");
    make(dir.path, "data/restore.ready");
    put(dir.path, "x.db", "old");
    put(dir.path, "x.db.restored", "new");
    snprintf(folder, sizeof(folder), "%s/data", dir.path);
    snprintf(noted, sizeof(noted), "sqlite %s/x.db\n", dir.path);
    put(dir.path, "data/restore.ready/database", noted);
    snprintf(url, sizeof(url), "sqlite:%s/x.db", dir.path);
    assert_int_equal(sok_backup_settle(folder, url, &err), SOK_OK);
    assert_holds(dir.path, "x.db", "new");
    assert_holds(dir.path, "x.db.before-restore", "old");
    sok_test_dir_remove(&dir);
}

// --- A move into SQLite.

static void plant_move(const struct sok_test_dir *dir, size_t done)
{
    static const char *const steps[][2] = {
        {"sokoul.db.moving", "sokoul.db.moved"},
        {"sokoul.db-wal", "sokoul.db.before-restore-wal"},
        {"sokoul.db", "sokoul.db.before-restore"},
        {"sokoul.db.moved", "sokoul.db"},
    };
    char from[256], to[256];
    put(dir->path, "sokoul.db", "old");
    put(dir->path, "sokoul.db-wal", "old");
    put(dir->path, "sokoul.db.moving", "new");
    if (done <= 1) // of the move before this one
        put(dir->path, "sokoul.db.before-restore", "older");
    if (done == 0)
        put(dir->path, "sokoul.db.moving-wal", "new");
    for (size_t i = 0; i < done; i++)
        assert_int_equal(
            rename(
                sok_test_dir_file(dir, steps[i][0], from, sizeof(from)),
                sok_test_dir_file(dir, steps[i][1], to, sizeof(to))),
            0);
}

static void a_move_ends_from_each_step(void **state)
{
    for (size_t done = 0; done <= 4; done++) {
        struct sok_test_dir dir;
        struct sok_error err = {0};
        char url[256];
        bool counts = done > 0;
        sok_test_dir_make(&dir);
        snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
        plant_move(&dir, done);
        assert_int_equal(sok_backup_is_unsettled(dir.path, url), done < 4);
        assert_int_equal(sok_backup_settle(dir.path, url, &err), SOK_OK);
        assert_false(sok_backup_is_unsettled(dir.path, url));
        assert_holds(dir.path, "sokoul.db", counts ? "new" : "old");
        assert_holds(dir.path, "sokoul.db-wal", counts ? NULL : "old");
        assert_holds(dir.path, "sokoul.db.before-restore", counts ? "old" : "older");
        assert_holds(dir.path, "sokoul.db.before-restore-wal", counts ? "old" : NULL);
        assert_holds(dir.path, "sokoul.db.moving-wal", NULL);
        sok_test_dir_remove(&dir);
    }
}

static void what_is_under_way_is_not_touched(void **state)
{
    struct sok_test_dir dir;
    struct sok_error err = {0};
    SOK_DATA_LOCK_AUTO lock = -1;
    char url[256], folder[256];
    sok_test_dir_make(&dir);
    make(dir.path, "data");
    plant_move(&dir, 0);
    snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
    snprintf(folder, sizeof(folder), "%s/data", dir.path);
    assert_int_equal(sok_data_lock(dir.path, &lock, &err), SOK_OK); // as the move has it
    assert_int_equal(sok_backup_settle(folder, url, &err), SOK_CONFLICT);
    assert_holds(dir.path, "sokoul.db.moving", "new");
    sok_data_unlock(&lock);
    assert_int_equal(sok_backup_settle(folder, url, &err), SOK_OK);
    assert_holds(dir.path, "sokoul.db.moving", NULL);
    sok_test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settling_can_be_done_again_from_each_step),
        cmocka_unit_test(a_restore_that_was_killed_before_it_counted_is_undone),
        cmocka_unit_test(only_postgresql_itself_says_whether_its_restore_counts),
        cmocka_unit_test(what_belongs_to_another_data_folder_is_left_alone),
        cmocka_unit_test(a_database_outside_of_the_data_folder_is_switched_with_it),
        cmocka_unit_test(a_move_ends_from_each_step),
        cmocka_unit_test(what_is_under_way_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
