// What PostgreSQL promises beside what every driver does.
#include <string.h>

#include "backends/db/db_testing.h"

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

// Which hosts there are, and that it must be one that takes writes, as it is said where servers take over
// from each other; and an option of somebody's own.
static void a_url_may_ask_for_a_server_that_takes_writes(void **state)
{
    static const char *const asks[] = {
        "?target_session_attrs=read-write", "?target_session_attrs=primary",
        "?target_session_attrs=read-write&options=-c%20work_mem%3D5MB"};
    struct fixture *f = *state;
    const char *server = strchr(f->postgres.url, '@');
    for (size_t i = 0; i < SOK_ARRAY_LEN(asks); i++) {
        struct sok_db *db;
        struct sok_db_result rows;
        const char *sql = "INSERT INTO t (id) VALUES (5) ON CONFLICT DO NOTHING";
        const char *url = sok_format(f->arena, "postgresql://sokoul@127.0.0.1:1,%s%s", server + 1, asks[i]);
        assert_ok(sok_db_open(url, NULL, &db, &f->err));
        assert_ok(sok_db_write(db, run_sql, &sql, &f->err));
        assert_int_equal(run_sql(sok_db_reader(db), &(const char *){"DELETE FROM t"}, &f->err), SOK_INTERNAL);
        assert_ok(
            SOK_DB_QUERY(sok_db_reader(db), f->arena, &rows, &f->err, "SELECT current_setting('work_mem')"));
        assert_true((strcmp(sok_db_get_text(&rows, 0, 0), "5MB") == 0) == (i == 2));
        sok_db_close(db);
    }
}

static void a_database_of_another_encoding_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct sok_db *db;
    char name[80], sql[160];
    snprintf(name, sizeof(name), "%s_latin", f->postgres.name);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", name);
    sok_test_postgres_run(sql);
    enum sok_status status =
        sok_db_open(sok_format(f->arena, "%s/%s", sok_test_postgres_server(), name), NULL, &db, &f->err);
    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", name);
    sok_test_postgres_run(sql);
    assert_int_equal(status, SOK_INVALID);
    assert_non_null(strstr(f->err.message, "LATIN1"));
}

static void a_table_of_somebody_else_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write_sql(f, "CREATE TABLE t (x TEXT)"), SOK_UNAVAILABLE);
    assert_non_null(strstr(f->err.message, "\"t\" already exists"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_not_there_is_named),
    };
    const struct CMUnitTest postgres_tests[] = {
        FOR_POSTGRES(a_restart_between_two_calls_is_not_seen),
        FOR_POSTGRES(a_url_may_ask_for_a_server_that_takes_writes),
        FOR_POSTGRES(a_database_of_another_encoding_is_refused_by_name),
        FOR_POSTGRES(a_table_of_somebody_else_is_named),
        FOR_POSTGRES(a_statement_that_takes_too_long_is_ended),
        FOR_POSTGRES(a_statement_is_prepared_once_for_a_connection),
        FOR_POSTGRES(a_pool_in_use_says_so),
    };
    return RUN_BOTH(tests, postgres_tests);
}
