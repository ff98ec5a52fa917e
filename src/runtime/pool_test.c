#include "base/test.h"

#include <pthread.h>

#include "runtime/pool.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int started, done;
    bool open;
};

static void pass_gate(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    gate->started++;
    pthread_cond_broadcast(&gate->wake);
    while (!gate->open)
        pthread_cond_wait(&gate->wake, &gate->lock);
    gate->done++;
    pthread_mutex_unlock(&gate->lock);
}

static void a_full_line_refuses_and_what_waits_is_run(void **state)
{
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct sok_pool *pool = sok_pool_new("test", 2, 3);
    assert_true(sok_pool_submit(pool, pass_gate, &gate));
    assert_true(sok_pool_submit(pool, pass_gate, &gate));
    pthread_mutex_lock(&gate.lock);
    while (gate.started < 2)
        pthread_cond_wait(&gate.wake, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < 3; i++)
        assert_true(sok_pool_submit(pool, pass_gate, &gate));
    assert_false(sok_pool_submit(pool, pass_gate, &gate));
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.wake);
    pthread_mutex_unlock(&gate.lock);
    assert_null(sok_pool_free(pool));
    assert_int_equal(5, gate.done);
    assert_null(sok_pool_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_line_refuses_and_what_waits_is_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
