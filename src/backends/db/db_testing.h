// For the tests of the database: one fixture for every driver, so that each case runs on all of them.
#ifndef SOK_BACKENDS_DB_DB_TESTING_H
#define SOK_BACKENDS_DB_DB_TESTING_H

#include <pthread.h>

#include "backends/db/db.h"
#include "backends/db/drivers/postgres_testing.h"
#include "base/test.h"
#include "base/test_dir.h"

struct fixture {
    const char *prefix; // of the URL
    struct sok_test_dir dir;
    struct sok_test_postgres postgres;
    struct sok_arena *arena;
    struct sok_db *db;
    struct sok_error err;
};

static inline SOK_UNUSED const char *db_url(const struct fixture *f, char *buf, size_t size)
{
    if (f->postgres.name[0])
        snprintf(buf, size, "%s%s", f->prefix, f->postgres.url);
    else
        snprintf(buf, size, "%ssqlite:%s/test.db", f->prefix, f->dir.path);
    return buf;
}

static inline SOK_UNUSED enum sok_status run_sql(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(tx, NULL, NULL, err, *(const char **)context);
}

static inline SOK_UNUSED enum sok_status write_sql(struct fixture *f, const char *sql)
{
    return sok_db_write(f->db, run_sql, &sql, &f->err);
}

static inline SOK_UNUSED enum sok_status read_sql(struct fixture *f, const char *sql)
{
    return run_sql(sok_db_reader(f->db), &sql, &f->err);
}

static inline SOK_UNUSED struct fixture *start(const char *prefix, bool with_postgres)
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

static inline SOK_UNUSED int set_up_sqlite(void **state)
{
    *state = start("", false);
    return 0;
}

static inline SOK_UNUSED int set_up_postgres(void **state)
{
    *state = start("", true);
    return 0;
}

static inline SOK_UNUSED int set_up_failing(void **state)
{
    *state = start("failing:", false);
    return 0;
}

static inline SOK_UNUSED int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_db_close(f->db);
    sok_arena_free(f->arena);
    sok_test_postgres_drop(&f->postgres);
    sok_test_dir_remove(&f->dir);
    free(f);
    return 0;
}

static inline SOK_UNUSED int64_t count_rows(struct fixture *f)
{
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(f->db), f->arena, &rows, &f->err, "SELECT count(*) FROM t"));
    return sok_db_get_int(&rows, 0, 0);
}

static inline SOK_UNUSED enum sok_status write_all_types(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    // Parameters out of order and one twice: they go by their number.
    return SOK_DB_QUERY(
        tx, NULL, NULL, err, "INSERT INTO t (raw, id, name, amount) VALUES ($4, $2, $1 || $1, $3)",
        sok_db_text("é"), sok_db_int(INT64_MAX), sok_db_real(0.5), sok_db_blob("a\0b", 3));
}

static inline SOK_UNUSED enum sok_status write_then_fail(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, "INSERT INTO t (id) VALUES (1)"));
    return sok_fail(err, SOK_INVALID, "no");
}

// Each of `count` contexts of `size` bytes on a thread of its own, until all are through.
static inline SOK_UNUSED void run_side_by_side(
    void *(*run)(void *context), void *contexts, size_t size, size_t count)
{
    pthread_t threads[16];
    assert_true(count <= SOK_ARRAY_LEN(threads));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (char *)contexts + i * size), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
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

// PostgreSQL's cases run where ./test cluster has started one.
#define RUN_BOTH(tests, postgres_tests)          \
    (cmocka_run_group_tests(tests, NULL, NULL) + \
     (sok_test_postgres_server() ? cmocka_run_group_tests(postgres_tests, NULL, NULL) : 0))

#endif
