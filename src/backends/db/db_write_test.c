// What every driver promises of bodies that write, alone and beside others.
#include "backends/db/db_testing.h"

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
    struct crowd crowds[THREADS];
    for (int i = 0; i < THREADS; i++)
        crowds[i] = (struct crowd){.f = f, .number = i};
    run_side_by_side(write_many, crowds, sizeof(*crowds), THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(crowds[i].failures, 0);
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
    struct counting each[4];
    struct sok_db_result rows;
    assert_ok(write_sql(f, "INSERT INTO t (id, amount) VALUES (1, 0)"));
    for (int i = 0; i < 4; i++)
        each[i] = (struct counting){.f = f, .runs = &runs};
    run_side_by_side(add_many, each, sizeof(*each), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(each[i].failures, 0);
    assert_ok(SOK_DB_QUERY(
        sok_db_reader(f->db), f->arena, &rows, &f->err, "SELECT amount FROM t WHERE id IN (1, 2)"));
    assert_int_equal(rows.row_count, 2);
    assert_true(sok_db_get_real(&rows, 0, 0) == 100 && sok_db_get_real(&rows, 1, 0) == 100);
    if (f->postgres.name[0]) // SQLite may run a group's bodies again when its commit fails
        assert_int_equal(runs, 100);
    assert_int_equal(sok_db_write_rows(f->db, write_then_fail, NULL, &f->err), SOK_CONFLICT);
}

// --- PostgreSQL, where bodies run side by side

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
    struct crowd crowds[4];
    int failures = 0;
    for (int i = 0; i < 4; i++)
        crowds[i] = (struct crowd){.f = f};
    run_side_by_side(count_and_add_many, crowds, sizeof(*crowds), 4);
    for (int i = 0; i < 4; i++)
        failures += crowds[i].failures;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_BOTH(a_write_inside_a_write_is_refused),
        FOR_BOTH(many_threads_write_and_each_body_stands_alone),
        FOR_BOTH(bodies_of_rows_wait_for_each_other_at_the_row),
    };
    const struct CMUnitTest postgres_tests[] = {
        FOR_POSTGRES(a_write_inside_a_write_is_refused),
        FOR_POSTGRES(many_threads_write_and_each_body_stands_alone),
        FOR_POSTGRES(bodies_of_rows_wait_for_each_other_at_the_row),
        FOR_POSTGRES(a_body_whose_server_goes_runs_again_whole),
        FOR_POSTGRES(bodies_run_as_if_each_were_alone),
        FOR_POSTGRES(a_rolled_back_write_is_never_called_done),
    };
    return RUN_BOTH(tests, postgres_tests);
}
