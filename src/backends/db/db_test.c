// What every driver promises of statements, of reading and of a database as a whole.
#include "backends/db/db.h"

#include <string.h>
#include <sys/stat.h>

#include "backends/db/db_testing.h"
#include "backends/db/drivers/failing.h"
#include "backends/db/drivers/sqlite.h"
#include "runtime/metrics.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_BOTH(values_come_back_as_they_went_in),
        FOR_BOTH(a_body_that_fails_leaves_nothing),
        FOR_BOTH(a_second_row_of_the_same_key_is_a_conflict),
        FOR_BOTH(the_read_side_does_not_write),
        FOR_BOTH(a_broken_statement_is_our_own_mistake),
        FOR_BOTH(more_rows_than_the_limit_are_refused),
        FOR_BOTH(a_snapshot_is_a_whole_database),
        FOR_BOTH(a_ping_is_answered),
        FOR_BOTH(a_read_sees_one_moment_and_changes_nothing),
        FOR_BOTH(a_scan_hands_over_each_row_until_somebody_has_enough),
        FOR_BOTH(rows_survive_closing),
        FOR_SQLITE(wrong_urls_are_named),
        FOR_SQLITE(more_statements_than_are_kept_still_work),
        FOR_SQLITE(queries_are_counted),
        cmocka_unit_test_setup_teardown(the_failing_driver_fails_as_it_is_told, set_up_failing, tear_down),
    };
    const struct CMUnitTest postgres_tests[] = {
        FOR_POSTGRES(values_come_back_as_they_went_in),
        FOR_POSTGRES(a_body_that_fails_leaves_nothing),
        FOR_POSTGRES(a_second_row_of_the_same_key_is_a_conflict),
        FOR_POSTGRES(the_read_side_does_not_write),
        FOR_POSTGRES(a_broken_statement_is_our_own_mistake),
        FOR_POSTGRES(more_rows_than_the_limit_are_refused),
        FOR_POSTGRES(a_ping_is_answered),
        FOR_POSTGRES(a_read_sees_one_moment_and_changes_nothing),
        FOR_POSTGRES(a_scan_hands_over_each_row_until_somebody_has_enough),
        FOR_POSTGRES(rows_survive_closing),
        FOR_POSTGRES(more_statements_than_are_kept_still_work),
    };
    return RUN_BOTH(tests, postgres_tests);
}
