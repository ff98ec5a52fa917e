// A disk that fails under the SQLite driver: a VFS in front of the real one that refuses writes, syncs or
// both from the n-th on, for every n. Whatever was acknowledged is there afterwards, what was refused is not
// half there, and the file is sound.
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

#include "backends/db/db.h"
#include "base/test.h"
#include "base/test_dir.h"

// --- The VFS. SQLite's file objects are the real VFS's, allocated behind ours.

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static struct {
    _Atomic int64_t writes_left; // until the first that fails; negative: never
    _Atomic int64_t syncs_left;
    _Atomic int code; // what a failing call answers
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
} fault = {.writes_left = -1, .syncs_left = -1};

static int strike(_Atomic int64_t *left)
{
    int64_t seen = atomic_load(left);
    if (seen < 0)
        return SQLITE_OK;
    if (seen == 0)
        return atomic_load(&fault.code);
    atomic_store(left, seen - 1);
    return SQLITE_OK;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

#define FORWARD(name, arguments, ...)                                        \
    static int fault_##name arguments                                        \
    {                                                                        \
        return real_of(file)->pMethods->x##name(real_of(file), __VA_ARGS__); \
    }
#define FORWARD_BARE(name)                                      \
    static int fault_##name(sqlite3_file *file)                 \
    {                                                           \
        return real_of(file)->pMethods->x##name(real_of(file)); \
    }

FORWARD_BARE(Close)
FORWARD_BARE(SectorSize)
FORWARD_BARE(DeviceCharacteristics)
FORWARD(Read, (sqlite3_file * file, void *to, int size, sqlite3_int64 at), to, size, at)
FORWARD(FileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
FORWARD(Lock, (sqlite3_file * file, int level), level)
FORWARD(Unlock, (sqlite3_file * file, int level), level)
FORWARD(CheckReservedLock, (sqlite3_file * file, int *ret), ret)
FORWARD(FileControl, (sqlite3_file * file, int op, void *arg), op, arg)
FORWARD(
    ShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **ret), page, size, extend,
    ret)
FORWARD(ShmLock, (sqlite3_file * file, int at, int n, int flags), at, n, flags)
FORWARD(ShmUnmap, (sqlite3_file * file, int delete_it), delete_it)
FORWARD(Truncate, (sqlite3_file * file, sqlite3_int64 size), size)

static void fault_ShmBarrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int fault_Write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
    int code = strike(&fault.writes_left);
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xWrite(real_of(file), from, size, at);
}

static int fault_Sync(sqlite3_file *file, int flags)
{
    int code = strike(&fault.syncs_left);
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_Close,
    .xRead = fault_Read,
    .xWrite = fault_Write,
    .xTruncate = fault_Truncate,
    .xSync = fault_Sync,
    .xFileSize = fault_FileSize,
    .xLock = fault_Lock,
    .xUnlock = fault_Unlock,
    .xCheckReservedLock = fault_CheckReservedLock,
    .xFileControl = fault_FileControl,
    .xSectorSize = fault_SectorSize,
    .xDeviceCharacteristics = fault_DeviceCharacteristics,
    .xShmMap = fault_ShmMap,
    .xShmLock = fault_ShmLock,
    .xShmBarrier = fault_ShmBarrier,
    .xShmUnmap = fault_ShmUnmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct fault_file *ours = (struct fault_file *)file;
    ours->real = (sqlite3_file *)(ours + 1);
    ours->base.pMethods = NULL;
    int code = fault.real->xOpen(fault.real, name, ours->real, flags, ret_flags);
    if (ours->real->pMethods)
        ours->base.pMethods = &methods;
    return code;
}

static int install_vfs(void **state)
{
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = fault_open;
    return sqlite3_vfs_register(&fault.vfs, 1) == SQLITE_OK ? 0 : -1;
}

static void heal(void)
{
    atomic_store(&fault.writes_left, -1);
    atomic_store(&fault.syncs_left, -1);
}

// --- The database on it

struct fixture {
    struct sok_test_dir dir;
    char url[128];
    struct sok_db *db;
    struct sok_error err;
};

static enum sok_status make_table(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "CREATE TABLE pairs (n BIGINT NOT NULL, half BIGINT NOT NULL, filler TEXT NOT NULL)");
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    heal();
    sok_test_dir_make(&f->dir);
    snprintf(f->url, sizeof(f->url), "sqlite:%s/fault.db", f->dir.path);
    assert_ok(sok_db_open(f->url, NULL, &f->db, &f->err));
    assert_ok(sok_db_write(f->db, make_table, NULL, &f->err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    heal();
    sok_db_close(f->db);
    sok_test_dir_remove(&f->dir);
    free(f);
    return 0;
}

// Two rows that belong together: one without the other is half a write.
static enum sok_status write_pair(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    int64_t n = *(const int64_t *)context;
    char filler[3001];
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    for (int64_t half = 0; half < 2; half++)
        SOK_TRY(SOK_DB_QUERY(
            tx, NULL, NULL, err, "INSERT INTO pairs (n, half, filler) VALUES ($1, $2, $3)", sok_db_int(n),
            sok_db_int(half), sok_db_text(filler)));
    return SOK_OK;
}

static int64_t load(struct fixture *f, const char *sql, int64_t n)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), arena, &rows, &f->err, sql, sok_db_int(n)));
    return sok_db_get_int(&rows, 0, 0);
}

static bool is_there(struct fixture *f, int64_t n)
{
    int64_t rows = load(f, "SELECT count(*) FROM pairs WHERE n = $1", n);
    assert_true(rows == 0 || rows == 2);
    return rows == 2;
}

static void check_sound(struct fixture *f)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), arena, &rows, &f->err, "PRAGMA integrity_check"));
    assert_string_equal(sok_db_get_text(&rows, 0, 0), "ok");
}

// As after a kill: the file is opened anew by a program that knows nothing.
static void reopen(struct fixture *f)
{
    f->db = sok_db_close(f->db);
    heal();
    assert_ok(sok_db_open(f->url, NULL, &f->db, &f->err));
}

#define PAIRS 12

// Writes pairs while the n-th call of a kind fails, for growing n, until nothing fails any more.
static void break_each_call(struct fixture *f, _Atomic int64_t *which, int code, enum sok_status expected)
{
    int64_t id = 0, nth;
    bool failed = true;
    for (nth = 0; failed; nth++) {
        assert_true(nth < 400);
        bool acknowledged[PAIRS];
        int64_t first = id;
        failed = false;
        atomic_store(&fault.code, code);
        atomic_store(which, nth);
        for (int i = 0; i < PAIRS; i++, id++) {
            struct sok_error err = {0};
            enum sok_status status = sok_db_write(f->db, write_pair, &id, &err);
            acknowledged[i] = status == SOK_OK;
            failed = failed || status != SOK_OK;
            if (status != SOK_OK)
                assert_int_equal(status, expected);
        }
        heal();
        // The same process goes on once the disk does.
        assert_ok(sok_db_write(f->db, write_pair, &id, &f->err));
        for (int i = 0; i < PAIRS; i++)
            assert_int_equal(is_there(f, first + i), acknowledged[i]);
        assert_true(is_there(f, id++));
        reopen(f);
        check_sound(f);
        for (int i = 0; i < PAIRS; i++)
            if (acknowledged[i])
                assert_true(is_there(f, first + i));
    }
    assert_true(nth > 10); // the faults did reach the database
}

static void a_full_disk_at_any_write_loses_nothing_acknowledged(void **state)
{
    break_each_call(*state, &fault.writes_left, SQLITE_FULL, SOK_NO_SPACE);
}

static void a_failing_disk_at_any_write_loses_nothing_acknowledged(void **state)
{
    break_each_call(*state, &fault.writes_left, SQLITE_IOERR_WRITE, SOK_IO);
}

static void a_failing_sync_is_no_acknowledgement(void **state)
{
    struct fixture *f = *state;
    int64_t id = 1;
    atomic_store(&fault.code, SQLITE_IOERR_FSYNC);
    atomic_store(&fault.syncs_left, 0);
    assert_int_equal(sok_db_write(f->db, write_pair, &id, &f->err), SOK_IO);
    heal();
    id = 2;
    assert_ok(sok_db_write(f->db, write_pair, &id, &f->err));
    reopen(f);
    check_sound(f);
    assert_true(is_there(f, 2));
    (void)is_there(f, 1); // either way, but never one half
}

#define THREADS 8

struct crowd {
    struct fixture *f;
    int64_t first;
    bool acknowledged[PAIRS];
    int wrong;
};

static void *write_pairs(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < PAIRS; i++) {
        int64_t id = crowd->first + i;
        struct sok_error err = {0};
        enum sok_status status = sok_db_write(crowd->f->db, write_pair, &id, &err);
        crowd->acknowledged[i] = status == SOK_OK;
        crowd->wrong += status != SOK_OK && status != SOK_NO_SPACE;
    }
    return NULL;
}

static void in_a_group_everyone_hears_the_truth(void **state)
{
    struct fixture *f = *state;
    for (int64_t round = 0; round < 40; round++) {
        pthread_t threads[THREADS];
        struct crowd crowds[THREADS];
        atomic_store(&fault.code, SQLITE_FULL);
        atomic_store(&fault.writes_left, round * 7);
        for (int i = 0; i < THREADS; i++) {
            crowds[i] = (struct crowd){.f = f, .first = (round * THREADS + i) * PAIRS};
            assert_int_equal(pthread_create(&threads[i], NULL, write_pairs, &crowds[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        heal();
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(crowds[i].wrong, 0);
            for (int j = 0; j < PAIRS; j++)
                assert_int_equal(is_there(f, crowds[i].first + j), crowds[i].acknowledged[j]);
        }
    }
    reopen(f);
    check_sound(f);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_at_any_write_loses_nothing_acknowledged),
        TEST(a_failing_disk_at_any_write_loses_nothing_acknowledged),
        TEST(a_failing_sync_is_no_acknowledgement),
        TEST(in_a_group_everyone_hears_the_truth),
    };
    return cmocka_run_group_tests(tests, install_vfs, NULL);
}
