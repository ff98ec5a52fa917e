// What SQLite promises beside what every driver does.
#include "backends/db/drivers/sqlite.h"

#include <string.h>
#include <sys/stat.h>

#include "backends/db/db_testing.h"

static void the_files_are_the_owners_only(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++) {
        assert_int_equal(stat(sok_test_dir_file(&f->dir, names[i], path, sizeof(path)), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static enum sok_status open_bytes(struct fixture *f, const void *bytes, size_t len)
{
    char path[128], url[160];
    sok_test_dir_file(&f->dir, "other.db", path, sizeof(path));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    struct sok_db *db = NULL;
    snprintf(url, sizeof(url), "sqlite:%s", path);
    enum sok_status status = sok_db_open(url, NULL, &db, &f->err);
    sok_db_close(db);
    return status;
}

static void a_damaged_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    char bytes[64 << 10];
    assert_int_equal(open_bytes(f, "this is a letter, not a database at all", 39), SOK_IO);
    for (int i = 0; i < 400; i++) {
        char sql[128];
        snprintf(
            sql, sizeof(sql), "INSERT INTO t (id, name) VALUES (%d, 'a name that takes some room %d')", i, i);
        assert_ok(write_sql(f, sql));
    }
    sok_test_dir_file(&f->dir, "snapshot.db", path, sizeof(path));
    assert_ok(sok_db_snapshot(f->db, path, &f->err));
    FILE *file = fopen(path, "r");
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_true(len > 16384);
    assert_int_equal(open_bytes(f, bytes, len), SOK_OK);
    memset(bytes + 8192, 0xa5, 4096);
    assert_int_equal(open_bytes(f, bytes, len), SOK_IO);
    assert_non_null(strstr(f->err.message, "damaged"));
}

static void network_file_systems_are_refused_by_name(void **state)
{
    static const struct {
        uint64_t magic;
        const char *type, *name; // name NULL: let through
    } cases[] = {
        {0x6969, NULL, "NFS"},
        {0xff534d42, NULL, "CIFS"},
        {0xfe534d42, NULL, "SMB2"},
        {0x01021997, NULL, "9P"},
        {0x65735546, "fuse.sshfs", "sshfs"},
        {0x65735546, "fuse.rclone", "rclone"},
        {0x65735546, "fuseblk", NULL},
        {0x65735546, "fuse.mergerfs", NULL},
        {0x65735546, NULL, NULL},
        {0xef53, NULL, NULL},
        {0x9123683e, NULL, NULL},
        {0x01021994, NULL, NULL},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        enum sok_status status = sok_sqlite_check_fs_type(cases[i].magic, cases[i].type, &f->err);
        assert_int_equal(status, cases[i].name ? SOK_UNSUPPORTED : SOK_OK);
        if (cases[i].name)
            assert_non_null(strstr(f->err.message, cases[i].name));
    }
    assert_ok(sok_sqlite_check_fs(f->dir.path, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_SQLITE(the_files_are_the_owners_only),
        FOR_SQLITE(a_damaged_database_is_refused),
        FOR_SQLITE(network_file_systems_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
