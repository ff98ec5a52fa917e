// What every driver promises (the table of drivers runs through each test), then what SQLite's promises
// beside.
#include "backends/db/db.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/db/drivers/failing.h"
#include "backends/db/drivers/postgres_testing.h"
#include "backends/db/drivers/sqlite.h"
#include "base/test.h"
#include "base/test_dir.h"
#include "runtime/metrics.h"

struct fixture {
    const char *prefix; // of the URL
    struct sok_test_dir dir;
    struct sok_test_postgres postgres;
    struct sok_arena *arena;
    struct sok_db *db;
    struct sok_error err;
};

static const char *db_url(const struct fixture *f, char *buf, size_t size)
{
    if (f->postgres.name[0])
        snprintf(buf, size, "%s%s", f->prefix, f->postgres.url);
    else
        snprintf(buf, size, "%ssqlite:%s/test.db", f->prefix, f->dir.path);
    return buf;
}

static enum sok_status run_sql(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, *(const char **)context);
}

static enum sok_status write_sql(struct fixture *f, const char *sql)
{
    return sok_db_write(f->db, run_sql, &sql, &f->err);
}

static enum sok_status read_sql(struct fixture *f, const char *sql)
{
    return run_sql(sok_db_reader(f->db), &sql, &f->err);
}

static struct fixture *start(const char *prefix, bool with_postgres)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char url[300];
    f->prefix = prefix;
    f->arena = sok_arena_new(0);
    sok_test_dir_make(&f->dir);
    if (with_postgres)
        sok_test_postgres_make(&f->postgres);
    assert_ok(sok_db_open(db_url(f, url, sizeof(url)), NULL, &f->db, &f->err));
    assert_ok(write_sql(
        f, "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT UNIQUE, amount DOUBLE PRECISION, raw BYTEA)"));
    return f;
}

static int set_up_sqlite(void **state)
{
    *state = start("", false);
    return 0;
}

static int set_up_postgres(void **state)
{
    *state = start("", true);
    return 0;
}

static int set_up_failing(void **state)
{
    *state = start("failing:", false);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_db_close(f->db);
    sok_arena_free(f->arena);
    sok_test_postgres_drop(&f->postgres);
    sok_test_dir_remove(&f->dir);
    free(f);
    return 0;
}

static int64_t count_rows(struct fixture *f)
{
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), f->arena, &rows, &f->err, "SELECT count(*) FROM t"));
    return sok_db_get_int(&rows, 0, 0);
}

static enum sok_status write_all_types(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    // Parameters out of order and one twice: they go by their number.
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "INSERT INTO t (raw, id, name, amount) VALUES ($4, $2, $1 || $1, $3)",
        sok_db_text("é"), sok_db_int(INT64_MAX), sok_db_real(0.5), sok_db_blob("a\0b", 3));
}

static void values_come_back_as_they_went_in(void **state)
{
    struct fixture *f = *state;
    struct sok_db_result rows;
    assert_ok(sok_db_write(f->db, write_all_types, NULL, &f->err));
    assert_ok(SOK_DB_QUERY(
        sok_db_reader(f->db), f->arena, &rows, &f->err,
        "SELECT id, name, amount, raw, NULL FROM t WHERE id = $1", sok_db_int(INT64_MAX)));
    assert_int_equal(rows.row_count, 1);
    assert_int_equal(rows.column_count, 5);
    assert_true(sok_db_get_int(&rows, 0, 0) == INT64_MAX);
    assert_string_equal(sok_db_get_text(&rows, 0, 1), "éé");
    assert_true(sok_db_get_real(&rows, 0, 2) == 0.5);
    assert_int_equal(rows.cells[3].len, 3);
    assert_memory_equal(rows.cells[3].text, "a\0b", 3);
    assert_null(sok_db_get_text(&rows, 0, 4));
    assert_int_equal(sok_db_get_int(&rows, 0, 4), 0);
}

static enum sok_status write_then_fail(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES (1)"));
    return sok_fail(err, SOK_INVALID, "no");
}

static void a_body_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sok_db_write(f->db, write_then_fail, NULL, &f->err), SOK_INVALID);
    assert_string_equal(f->err.message, "no");
    assert_int_equal(count_rows(f), 0);
}

static void a_second_row_of_the_same_key_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    assert_ok(write_sql(f, "INSERT INTO t (id) VALUES (1)"));
    assert_int_equal(write_sql(f, "INSERT INTO t (id) VALUES (1)"), SOK_CONFLICT);
    assert_string_equal(f->err.code, "already_exists");
    assert_null(strstr(f->err.message, "INSERT"));
    assert_int_equal(count_rows(f), 1);
}

static void the_read_side_does_not_write(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_sql(f, "INSERT INTO t (id) VALUES (1)"), SOK_INTERNAL);
    assert_int_equal(count_rows(f), 0);
}

static void a_broken_statement_is_our_own_mistake(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_sql(f, "SELECT FROM WHERE"), SOK_INTERNAL);
    assert_int_equal(read_sql(f, "SELECT $1"), SOK_INTERNAL); // no parameter given
    assert_int_equal(read_sql(f, "SELECT ?"), SOK_INTERNAL);
}

static void more_rows_than_the_limit_are_refused(void **state)
{
    struct fixture *f = *state;
    struct sok_db_result rows;
    const char *sql =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n";
    assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), f->arena, &rows, &f->err, sql, sok_db_int(SOK_DB_ROWS_MAX)));
    assert_int_equal(rows.row_count, SOK_DB_ROWS_MAX);
    assert_int_equal(
        SOK_DB_QUERY(sok_db_reader(f->db), f->arena, &rows, &f->err, sql, sok_db_int(SOK_DB_ROWS_MAX + 1)),
        SOK_TOO_LARGE);
}

struct nested {
    struct sok_db *db;
    enum sok_status inner;
};

static enum sok_status write_from_inside(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct nested *nested = context;
    struct sok_error inner = {0};
    nested->inner = sok_db_write(nested->db, write_then_fail, NULL, &inner);
    return SOK_OK;
}

static void a_write_inside_a_write_is_refused(void **state)
{
    struct fixture *f = *state;
    struct nested nested = {.db = f->db};
    assert_ok(sok_db_write(f->db, write_from_inside, &nested, &f->err));
    assert_int_equal(nested.inner, SOK_INTERNAL);
}

#define THREADS 8
#define WRITES 200

struct crowd {
    struct fixture *f;
    int number, failures;
};

static enum sok_status write_one_of_many(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    int64_t id = *(int64_t *)context;
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES ($1)", sok_db_int(id)));
    return id % 5 == 0 ? sok_fail(err, SOK_INVALID, "every fifth") : SOK_OK;
}

static void *write_many(void *context)
{
    struct crowd *crowd = context;
    struct sok_db_tx *reader = sok_db_reader(crowd->f->db);
    for (int i = 0; i < WRITES; i++) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        struct sok_error err = {0};
        struct sok_db_result rows;
        int64_t id = crowd->number * WRITES + i;
        enum sok_status status = sok_db_write(crowd->f->db, write_one_of_many, &id, &err);
        crowd->failures += status != (id % 5 == 0 ? SOK_INVALID : SOK_OK);
        // What was acknowledged is seen by the next read.
        crowd->failures += SOK_DB_QUERY(
                               reader, arena, &rows, &err, "SELECT count(*) FROM t WHERE id = $1",
                               sok_db_int(id)) != SOK_OK ||
                           sok_db_get_int(&rows, 0, 0) != (id % 5 != 0);
    }
    return NULL;
}

static void many_threads_write_and_each_body_stands_alone(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct crowd crowds[THREADS];
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &crowds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowds[i].failures, 0);
    }
    assert_int_equal(count_rows(f), THREADS * WRITES * 4 / 5);
}

struct counting {
    struct fixture *f;
    _Atomic int *runs;
    int failures;
};

static enum sok_status add_one(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct counting *counting = context;
    (*counting->runs)++;
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "UPDATE t SET amount = amount + 1 WHERE id = 1"));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO t (id, amount) VALUES (2, 1) ON CONFLICT (id) DO UPDATE SET amount = t.amount + 1");
}

static void *add_many(void *context)
{
    struct counting *counting = context;
    for (int i = 0; i < 25; i++) {
        struct sok_error err = {0};
        counting->failures += sok_db_write_rows(counting->f->db, add_one, counting, &err) != SOK_OK;
    }
    return NULL;
}

// All of them change the same two rows, and none of them has to be run again for that.
static void bodies_of_rows_wait_for_each_other_at_the_row(void **state)
{
    struct fixture *f = *state;
    _Atomic int runs = 0;
    pthread_t threads[4];
    struct counting each[4];
    struct sok_db_result rows;
    assert_ok(write_sql(f, "INSERT INTO t (id, amount) VALUES (1, 0)"));
    for (int i = 0; i < 4; i++) {
        each[i] = (struct counting){.f = f, .runs = &runs};
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &each[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(each[i].failures, 0);
    }
    assert_ok(SOK_DB_QUERY(
        sok_db_reader(f->db), f->arena, &rows, &f->err, "SELECT amount FROM t WHERE id IN (1, 2)"));
    assert_int_equal(rows.row_count, 2);
    assert_true(sok_db_get_real(&rows, 0, 0) == 100 && sok_db_get_real(&rows, 1, 0) == 100);
    if (f->postgres.name[0]) // SQLite may run a group's bodies again when its commit fails
        assert_int_equal(runs, 100);
    assert_int_equal(sok_db_write_rows(f->db, write_then_fail, NULL, &f->err), SOK_CONFLICT);
}

static void a_snapshot_is_a_whole_database(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    assert_ok(write_sql(f, "INSERT INTO t (id, name) VALUES (7, 'seven')"));
    sok_test_dir_file(&f->dir, "snapshot.db", path, sizeof(path));
    assert_ok(sok_db_snapshot(f->db, path, &f->err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(sok_db_snapshot(f->db, path, &f->err), SOK_OK); // never over a file

    char url[300];
    struct sok_db *copy;
    struct sok_db_result rows;
    snprintf(url, sizeof(url), "sqlite:%s", path);
    assert_ok(sok_db_open(url, NULL, &copy, &f->err));
    assert_ok(SOK_DB_QUERY(sok_db_reader(copy), f->arena, &rows, &f->err, "SELECT name FROM t"));
    assert_string_equal(sok_db_get_text(&rows, 0, 0), "seven");
    sok_db_close(copy);
}

struct moment {
    struct fixture *f;
    int rows_at_most, rows;
    int64_t total;
};

static enum sok_status count_row(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err)
{
    struct moment *moment = context;
    if (moment->rows == moment->rows_at_most)
        return sok_fail(err, SOK_CANCELLED, "enough");
    moment->rows++;
    moment->total += cells[0].integer;
    assert_int_equal(count, 3);
    assert_string_equal(cells[1].text, "é");
    assert_memory_equal(cells[2].text, "a\0b", 3);
    return SOK_OK;
}

// Others write between two looks: through sok_db_write from inside, which uses another connection.
static enum sok_status look_twice(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct moment *moment = context;
    struct sok_db_result before, after;
    SOK_TRY(SOK_DB_QUERY(tx, moment->f->arena, &before, err, "SELECT count(*) FROM t"));
    assert_ok(write_sql(moment->f, "INSERT INTO t (id) VALUES (77)"));
    SOK_TRY(SOK_DB_QUERY(tx, moment->f->arena, &after, err, "SELECT count(*) FROM t"));
    assert_int_equal(sok_db_get_int(&before, 0, 0), sok_db_get_int(&after, 0, 0));
    assert_int_not_equal(SOK_DB_QUERY(tx, NULL, NULL, err, "DELETE FROM t"), SOK_OK);
    return SOK_OK;
}

static enum sok_status scan_once(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    static const char many[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
        "SELECT n.i, 'é', t.raw FROM n JOIN t ON t.id = 9223372036854775807";
    return sok_db_scan(tx, many, count_row, context, err);
}

static void a_read_sees_one_moment_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct moment moment = {.f = f, .rows_at_most = -1};
    assert_ok(sok_db_write(f->db, write_all_types, NULL, &f->err));
    assert_ok(sok_db_read(f->db, look_twice, &moment, &f->err));
    assert_int_equal(write_sql(f, "INSERT INTO t (id) VALUES (77)"), SOK_CONFLICT);
    assert_ok(write_sql(f, "DELETE FROM t WHERE id = 9223372036854775807"));
}

static void a_scan_hands_over_each_row_until_somebody_has_enough(void **state)
{
    struct fixture *f = *state;
    struct moment all = {.f = f, .rows_at_most = -1}, some = {.f = f, .rows_at_most = 3};
    assert_ok(sok_db_write(f->db, write_all_types, NULL, &f->err));
    assert_ok(sok_db_read(f->db, scan_once, &all, &f->err));
    assert_int_equal(all.rows, 1000);
    assert_int_equal(all.total, 500500);
    assert_int_equal(sok_db_read(f->db, scan_once, &some, &f->err), SOK_CANCELLED);
    assert_int_equal(some.rows, 3);
    assert_ok(sok_db_read(f->db, scan_once, &all, &f->err));
    assert_int_equal(all.rows, 2000);
    assert_int_equal(sok_db_scan(sok_db_reader(f->db), "SELECT 1", count_row, &all, &f->err), SOK_INTERNAL);
}

static void a_ping_is_answered(void **state)
{
    struct fixture *f = *state;
    assert_ok(sok_db_ping(f->db, 5000, &f->err));
    assert_ok(sok_db_ping(f->db, 5000, &f->err));
    const char *dialect = f->postgres.name[0] ? "postgresql" : "sqlite";
    assert_string_equal(sok_db_dialect(f->db), dialect);
    assert_string_equal(sok_db_tx_dialect(sok_db_reader(f->db)), dialect);
}

static void rows_survive_closing(void **state)
{
    struct fixture *f = *state;
    char url[300];
    assert_ok(write_sql(f, "INSERT INTO t (id) VALUES (1)"));
    sok_db_close(f->db);
    assert_ok(sok_db_open(db_url(f, url, sizeof(url)), NULL, &f->db, &f->err));
    assert_int_equal(count_rows(f), 1);
}

// --- SQLite alone

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

static void wrong_urls_are_named(void **state)
{
    struct fixture *f = *state;
    struct sok_db *db = NULL;
    assert_int_equal(sok_db_open("mysql://x:secret@y/z", NULL, &db, &f->err), SOK_INVALID);
    assert_null(strstr(f->err.message, "secret"));
    assert_int_equal(sok_db_open("sqlite:", NULL, &db, &f->err), SOK_INVALID);
    assert_int_equal(sok_db_open("sqlite:/nonexistent/folder/x.db", NULL, &db, &f->err), SOK_NOT_FOUND);
    assert_null(db);
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

static void more_statements_than_are_kept_still_work(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < SOK_SQLITE_STATEMENTS + 20; i++) {
            struct sok_db_result rows;
            const char *sql = sok_format(f->arena, "SELECT %d + $1", i);
            assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), f->arena, &rows, &f->err, sql, sok_db_int(1)));
            assert_int_equal(sok_db_get_int(&rows, 0, 0), i + 1);
        }
}

static void queries_are_counted(void **state)
{
    struct fixture *f = *state;
    struct sok_metrics *metrics = sok_metrics_new();
    struct sok_db *db;
    char url[300];
    SOK_BUF_AUTO text;
    sok_buf_init(&text, 1 << 20);
    snprintf(url, sizeof(url), "sqlite:%s/metrics.db", f->dir.path);
    assert_ok(sok_db_open(url, metrics, &db, &f->err));
    assert_ok(SOK_DB_QUERY(sok_db_reader(db), NULL, NULL, &f->err, "SELECT 1"));
    sok_db_close(db);
    sok_metrics_format(metrics, &text);
    assert_non_null(strstr(text.data, "sokoul_db_queries_total 1\n"));
    sok_metrics_free(metrics);
}

// --- the failing driver

static void the_failing_driver_fails_as_it_is_told(void **state)
{
    struct fixture *f = *state;
    sok_db_failing_set(f->db, SOK_DB_FAULT_QUERY, 1, 2, SOK_IO);
    static const enum sok_status expected[] = {SOK_OK, SOK_IO, SOK_OK, SOK_IO, SOK_OK};
    for (size_t i = 0; i < SOK_ARRAY_LEN(expected); i++)
        assert_int_equal(read_sql(f, "SELECT 1"), expected[i]);

    sok_db_failing_set(f->db, SOK_DB_FAULT_COMMIT, 0, 0, SOK_NO_SPACE);
    assert_int_equal(write_sql(f, "INSERT INTO t (id) VALUES (1)"), SOK_NO_SPACE);
    assert_int_equal(count_rows(f), 0);
    assert_ok(write_sql(f, "INSERT INTO t (id) VALUES (1)"));

    sok_db_failing_set(f->db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    assert_int_equal(sok_db_ping(f->db, 1000, &f->err), SOK_UNAVAILABLE);
    sok_db_failing_set(f->db, SOK_DB_FAULT_NONE, 0, 0, SOK_OK);
    assert_ok(sok_db_ping(f->db, 1000, &f->err));
}

// --- PostgreSQL beside what every driver promises

static void a_restart_between_two_calls_is_not_seen(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 5; round++) {
        sok_test_postgres_cut(&f->postgres);
        assert_int_equal(count_rows(f), round);
        sok_test_postgres_cut(&f->postgres);
        char sql[64];
        snprintf(sql, sizeof(sql), "INSERT INTO t (id) VALUES (%d)", round);
        assert_ok(write_sql(f, sql));
    }
}

static enum sok_status cut_and_write(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct crowd *crowd = context;
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES (1)"));
    if (crowd->number++ == 0)
        sok_test_postgres_cut(&crowd->f->postgres);
    return SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES (2)");
}

static void a_body_whose_server_goes_runs_again_whole(void **state)
{
    struct fixture *f = *state;
    struct crowd crowd = {.f = f};
    assert_ok(sok_db_write(f->db, cut_and_write, &crowd, &f->err));
    assert_int_equal(crowd.number, 2);
    assert_int_equal(count_rows(f), 2);
}

static enum sok_status count_and_add(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(tx, arena, &rows, err, "SELECT count(*), sum(amount) FROM t"));
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "INSERT INTO t (id) VALUES ($1)", sok_db_int(sok_db_get_int(&rows, 0, 0)));
}

static void *count_and_add_many(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < 25; i++) {
        struct sok_error err = {0};
        crowd->failures += sok_db_write(crowd->f->db, count_and_add, NULL, &err) != SOK_OK;
    }
    return NULL;
}

// Each body writes what it counted: only one after the other do they make different rows.
static void bodies_run_as_if_each_were_alone(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];
    struct crowd crowds[4];
    for (int i = 0; i < 4; i++) {
        crowds[i] = (struct crowd){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, count_and_add_many, &crowds[i]), 0);
    }
    int failures = 0;
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        failures += crowds[i].failures;
    }
    assert_int_equal(count_rows(f), 100 - failures);
    assert_int_equal(failures, 0);
}

static enum sok_status fail_and_go_on(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_error unseen = {0};
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES (1)"));
    if (SOK_DB_QUERY(tx, NULL, NULL, &unseen, "INSERT INTO t (id) VALUES (1)") == SOK_OK)
        sok_panic("the key is there twice");
    return SOK_OK;
}

static void a_rolled_back_write_is_never_called_done(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sok_db_write(f->db, fail_and_go_on, NULL, &f->err), SOK_INTERNAL);
    assert_int_equal(count_rows(f), 0);
}

// The fixture's database again, with options of the case's own.
static struct sok_db *open_own(struct fixture *f, int64_t pool_max, int64_t query_ms)
{
    struct sok_db *db;
    const struct sok_db_options options = {
        .url = f->postgres.url, .pool_min = 1, .pool_max = pool_max, .query_ms = query_ms};
    assert_ok(sok_db_open_with(&options, &db, &f->err));
    return db;
}

static void a_statement_that_takes_too_long_is_ended(void **state)
{
    struct fixture *f = *state;
    struct sok_db *db = open_own(f, 1, 200);
    struct sok_db_result rows;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &f->err, "SELECT pg_sleep(60)"), SOK_TIMEOUT);
        assert_ok(SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &f->err, "SELECT 1"));
    }
    sok_db_close(db);
}

static void a_statement_is_prepared_once_for_a_connection(void **state)
{
    struct fixture *f = *state;
    struct sok_db *db = open_own(f, 1, 0);
    struct sok_db_result rows;
    for (int64_t i = 0; i < 20; i++) {
        assert_ok(SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &f->err, "SELECT 41 + $1", sok_db_int(i)));
        assert_int_equal(sok_db_get_int(&rows, 0, 0), 41 + i);
    }
    assert_ok(SOK_DB_QUERY(
        sok_db_reader(db), f->arena, &rows, &f->err,
        "SELECT count(*), CAST(sum(generic_plans + custom_plans) AS bigint) FROM pg_prepared_statements "
        "WHERE statement = 'SELECT 41 + $1'"));
    assert_int_equal(sok_db_get_int(&rows, 0, 0), 1);
    assert_int_equal(sok_db_get_int(&rows, 0, 1), 20);
    sok_db_close(db);
}

struct holder {
    struct sok_db *db;
    pthread_t thread;
    enum sok_status status;
};

static void *wait_for_lock(void *context)
{
    struct holder *holder = context;
    struct sok_error err = {0};
    holder->status = SOK_DB_QUERY(
        sok_db_reader(holder->db), NULL, NULL, &err,
        "SELECT set_config('lock_timeout', '60s', false), pg_advisory_lock_shared(7)");
    return NULL;
}

// Everybody waits for a lock that another client holds: whoever comes then is told so, and not only when all
// that waited have given up.
static void a_pool_in_use_says_so(void **state)
{
    struct fixture *f = *state;
    struct sok_db *db = open_own(f, 2, 60000), *other = open_own(f, 1, 0);
    struct holder holders[2] = {{.db = db}, {.db = db}};
    struct sok_db_result rows;
    struct sok_error err = {0};
    assert_ok(SOK_DB_QUERY(sok_db_reader(other), f->arena, &rows, &f->err, "SELECT pg_advisory_lock(7)"));
    for (size_t i = 0; i < SOK_ARRAY_LEN(holders); i++)
        assert_int_equal(pthread_create(&holders[i].thread, NULL, wait_for_lock, &holders[i]), 0);
    do {
        assert_ok(SOK_DB_QUERY(
            sok_db_reader(other), f->arena, &rows, &f->err,
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"));
    } while (sok_db_get_int(&rows, 0, 0) < 2);
    for (int i = 0; i < 50; i++) {
        err = (struct sok_error){0};
        assert_int_equal(SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &err, "SELECT 1"), SOK_UNAVAILABLE);
        assert_int_equal(err.retry_after_s, 1);
    }
    // Fifty that had waited in turn would have seen the lock's own time run out, and got a connection.
    assert_ok(SOK_DB_QUERY(sok_db_reader(other), f->arena, &rows, &f->err, "SELECT pg_advisory_unlock(7)"));
    for (size_t i = 0; i < SOK_ARRAY_LEN(holders); i++) {
        pthread_join(holders[i].thread, NULL);
        assert_int_equal(holders[i].status, SOK_OK);
    }
    assert_ok(SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &f->err, "SELECT 1"));
    sok_db_close(db);
    sok_db_close(other);
}

static void a_server_that_is_not_there_is_named(void **state)
{
    struct sok_db *db;
    struct sok_error err = {0};
    assert_int_equal(
        sok_db_open("postgresql://sokoul:secret@127.0.0.1:1/x", NULL, &db, &err), SOK_UNAVAILABLE);
    assert_null(strstr(err.message, "secret"));
    assert_int_equal(sok_db_open("postgresql://%zz:secret@/x", NULL, &db, &err), SOK_INVALID);
    assert_null(strstr(err.message, "secret"));
}

#define FOR_BOTH(function)                                               \
    cmocka_unit_test_setup_teardown(function, set_up_sqlite, tear_down), \
    {                                                                    \
        "failing." #function, function, set_up_failing, tear_down, NULL  \
    }
#define FOR_SQLITE(function) cmocka_unit_test_setup_teardown(function, set_up_sqlite, tear_down)
#define FOR_POSTGRES(function)                                            \
    {                                                                     \
        "postgres." #function, function, set_up_postgres, tear_down, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_BOTH(values_come_back_as_they_went_in),
        FOR_BOTH(a_body_that_fails_leaves_nothing),
        FOR_BOTH(a_second_row_of_the_same_key_is_a_conflict),
        FOR_BOTH(the_read_side_does_not_write),
        FOR_BOTH(a_broken_statement_is_our_own_mistake),
        FOR_BOTH(more_rows_than_the_limit_are_refused),
        FOR_BOTH(a_write_inside_a_write_is_refused),
        FOR_BOTH(many_threads_write_and_each_body_stands_alone),
        FOR_BOTH(bodies_of_rows_wait_for_each_other_at_the_row),
        FOR_BOTH(a_snapshot_is_a_whole_database),
        FOR_BOTH(a_ping_is_answered),
        FOR_BOTH(a_read_sees_one_moment_and_changes_nothing),
        FOR_BOTH(a_scan_hands_over_each_row_until_somebody_has_enough),
        FOR_BOTH(rows_survive_closing),
        FOR_SQLITE(the_files_are_the_owners_only),
        FOR_SQLITE(a_damaged_database_is_refused),
        FOR_SQLITE(wrong_urls_are_named),
        FOR_SQLITE(network_file_systems_are_refused_by_name),
        FOR_SQLITE(more_statements_than_are_kept_still_work),
        FOR_SQLITE(queries_are_counted),
        cmocka_unit_test(a_server_that_is_not_there_is_named),
        cmocka_unit_test_setup_teardown(the_failing_driver_fails_as_it_is_told, set_up_failing, tear_down),
    };
    const struct CMUnitTest postgres_tests[] = {
        FOR_POSTGRES(values_come_back_as_they_went_in),
        FOR_POSTGRES(a_body_that_fails_leaves_nothing),
        FOR_POSTGRES(a_second_row_of_the_same_key_is_a_conflict),
        FOR_POSTGRES(the_read_side_does_not_write),
        FOR_POSTGRES(a_broken_statement_is_our_own_mistake),
        FOR_POSTGRES(more_rows_than_the_limit_are_refused),
        FOR_POSTGRES(a_write_inside_a_write_is_refused),
        FOR_POSTGRES(many_threads_write_and_each_body_stands_alone),
        FOR_POSTGRES(bodies_of_rows_wait_for_each_other_at_the_row),
        FOR_POSTGRES(a_ping_is_answered),
        FOR_POSTGRES(a_read_sees_one_moment_and_changes_nothing),
        FOR_POSTGRES(a_scan_hands_over_each_row_until_somebody_has_enough),
        FOR_POSTGRES(rows_survive_closing),
        FOR_POSTGRES(more_statements_than_are_kept_still_work),
        FOR_POSTGRES(a_restart_between_two_calls_is_not_seen),
        FOR_POSTGRES(a_body_whose_server_goes_runs_again_whole),
        FOR_POSTGRES(bodies_run_as_if_each_were_alone),
        FOR_POSTGRES(a_rolled_back_write_is_never_called_done),
        FOR_POSTGRES(a_statement_that_takes_too_long_is_ended),
        FOR_POSTGRES(a_statement_is_prepared_once_for_a_connection),
        FOR_POSTGRES(a_pool_in_use_says_so),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (sok_test_postgres_server()) // ./test cluster starts one
        failed += cmocka_run_group_tests(postgres_tests, NULL, NULL);
    return failed;
}
