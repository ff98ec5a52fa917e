// What the tests of this layer share: a fixture whose transaction is open, with two accounts.
#ifndef SOK_DATA_DATA_TEST_H
#define SOK_DATA_DATA_TEST_H

#include "base/test.h"
#include "data/test_db.h"

static inline int set_up(void **state)
{
    struct sok_test_db *t = calloc(1, sizeof(*t));
    sok_test_db_open(t, "");
    sok_test_db_add_user(t, "ada", "user");
    sok_test_db_add_user(t, "bob", "admin");
    sok_test_db_begin(t);
    *state = t;
    return 0;
}

static inline int tear_down(void **state)
{
    struct sok_test_db *t = *state;
    sok_test_db_end(t);
    sok_test_db_close(t);
    free(t);
    return 0;
}

static inline SOK_UNUSED void run_in_tx(struct sok_test_db *t, const char *sql)
{
    sok_test_db_check(SOK_DB_QUERY(t->tx, NULL, NULL, &t->err, sql), &t->err);
}

// A call that meets a conflict, in a transaction that goes on: on PostgreSQL a statement that failed ends it.
// The way back is prepared beforehand, since a transaction that failed can make no room for another
// statement.
#define assert_conflict(t, call)              \
    do {                                      \
        run_in_tx(t, "SAVEPOINT attempt");    \
        run_in_tx(t, "ROLLBACK TO attempt");  \
        assert_int_equal(call, SOK_CONFLICT); \
        run_in_tx(t, "ROLLBACK TO attempt");  \
        run_in_tx(t, "RELEASE attempt");      \
    } while (0)

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
