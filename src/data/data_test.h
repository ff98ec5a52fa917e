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

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
