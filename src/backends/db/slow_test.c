// Statements that take long are told to who listens, without what was in them.
#include <pthread.h>
#include <string.h>

#include "backends/db/db.h"
#include "base/test.h"
#include "base/test_dir.h"

struct world {
    struct sok_test_dir dir;
    struct sok_arena *arena;
    struct sok_db *db;
    struct sok_error err;
    pthread_t asked_on, told_on;
    int count;
    char sql[2000];
    int64_t took_ms;
};

static void hear(void *context, const char *sql, int64_t took_ms)
{
    struct world *world = context;
    world->told_on = pthread_self();
    world->count++;
    world->took_ms = took_ms;
    snprintf(world->sql, sizeof(world->sql), "%s", sql);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    sok_test_dir_make(&world->dir);
    world->arena = sok_arena_new(0);
    assert_ok(sok_db_open(
        sok_format(world->arena, "sqlite:%s/sokoul.db", world->dir.path), NULL, &world->db, &world->err));
    world->asked_on = pthread_self();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    sok_db_close(world->db);
    sok_arena_free(world->arena);
    sok_test_dir_remove(&world->dir);
    free(world);
    return 0;
}

// Counts for a while: some hundred thousand steps are more than a millisecond anywhere.
#define COUNTING                                                                                           \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) + $1 " \
    "AS top FROM n"

static enum sok_status ask(struct sok_db_tx *tx, struct world *world)
{
    struct sok_db_result rows;
    return SOK_DB_QUERY(tx, world->arena, &rows, &world->err, COUNTING, sok_db_int(77777));
}

static void what_is_quick_is_not_told(void **state)
{
    struct world *world = *state;
    sok_db_listen_slow(world->db, 3600000, hear, world);
    assert_ok(ask(sok_db_reader(world->db), world));
    assert_int_equal(world->count, 0);
}

static void a_slow_read_is_told_without_its_values(void **state)
{
    struct world *world = *state;
    sok_db_listen_slow(world->db, 1, hear, world);
    assert_ok(ask(sok_db_reader(world->db), world));
    assert_int_equal(world->count, 1);
    assert_string_equal(world->sql, COUNTING);
    assert_null(strstr(world->sql, "77777"));
    assert_true(world->took_ms >= 1);
}

static enum sok_status ask_twice(struct sok_db_tx *tx, void *context, struct sok_error *err SOK_UNUSED)
{
    SOK_TRY(ask(tx, context));
    return ask(tx, context);
}

static void of_a_write_the_slowest_statement_is_told_to_who_asked(void **state)
{
    struct world *world = *state;
    sok_db_listen_slow(world->db, 1, hear, world);
    assert_ok(sok_db_write(world->db, ask_twice, world, &world->err));
    assert_int_equal(world->count, 1);
    assert_true(pthread_equal(world->asked_on, world->told_on));
    assert_string_equal(world->sql, COUNTING);
}

static enum sok_status write_much(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct world *world = context;
    char *sql = sok_format(world->arena, "CREATE TABLE IF NOT EXISTS t (a TEXT) -- %0*d", 1500, 0);
    SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, sql));
    memset(sql, 'x', strlen(sql)); // its memory is the body's
    return SOK_OK;
}

static void a_long_statement_is_cut(void **state)
{
    struct world *world = *state;
    sok_db_listen_slow(world->db, 0, hear, world);
    assert_ok(sok_db_write(world->db, write_much, world, &world->err));
    assert_int_equal(strlen(world->sql), 1023);
    assert_memory_equal(world->sql, "CREATE TABLE", 12);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_quick_is_not_told),
        TEST(a_slow_read_is_told_without_its_values),
        TEST(of_a_write_the_slowest_statement_is_told_to_who_asked),
        TEST(a_long_statement_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
