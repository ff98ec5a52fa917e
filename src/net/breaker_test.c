#include "net/breaker.h"

#include <stdio.h>

#include "base/test.h"

static struct sok_clock_manual manual;
static struct sok_breakers *breakers;

static int set_up(void **state)
{
    sok_clock_manual_init(&manual, 1000);
    breakers = sok_breakers_new(&manual.clock);
    return 0;
}

static int tear_down(void **state)
{
    sok_breakers_free(breakers);
    return 0;
}

static void fail_times(int times)
{
    for (int i = 0; i < times; i++)
        sok_breaker_report(breakers, "a", false);
}

static void it_opens_after_five_failures_in_a_row(void **state)
{
    fail_times(4);
    sok_breaker_report(breakers, "a", true);
    fail_times(4);
    assert_true(sok_breaker_try(breakers, "a", NULL));
    fail_times(1);
    int64_t wait;
    assert_false(sok_breaker_try(breakers, "a", &wait));
    assert_int_equal(SOK_BREAKER_OPEN_MS, wait);
    assert_int_equal(SOK_BREAKER_OPEN, sok_breaker_state(breakers, "a"));
    assert_true(sok_breaker_try(breakers, "b", NULL));
}

static void after_a_minute_one_call_tries_for_all(void **state)
{
    fail_times(5);
    sok_clock_manual_advance(&manual, SOK_BREAKER_OPEN_MS - 1);
    assert_false(sok_breaker_try(breakers, "a", NULL));
    sok_clock_manual_advance(&manual, 1);
    assert_int_equal(SOK_BREAKER_HALF_OPEN, sok_breaker_state(breakers, "a"));
    assert_true(sok_breaker_try(breakers, "a", NULL));
    assert_false(sok_breaker_try(breakers, "a", NULL));
    sok_breaker_report(breakers, "a", true);
    assert_true(sok_breaker_try(breakers, "a", NULL));
    assert_int_equal(SOK_BREAKER_CLOSED, sok_breaker_state(breakers, "a"));
}

static void a_failed_trial_opens_it_again(void **state)
{
    fail_times(5);
    sok_clock_manual_advance(&manual, SOK_BREAKER_OPEN_MS);
    assert_true(sok_breaker_try(breakers, "a", NULL));
    fail_times(1);
    int64_t wait;
    assert_false(sok_breaker_try(breakers, "a", &wait));
    assert_int_equal(SOK_BREAKER_OPEN_MS, wait);
}

static void a_cancelled_trial_lets_the_next_one_try(void **state)
{
    fail_times(5);
    sok_clock_manual_advance(&manual, SOK_BREAKER_OPEN_MS);
    assert_true(sok_breaker_try(breakers, "a", NULL));
    sok_breaker_forget(breakers, "a");
    assert_true(sok_breaker_try(breakers, "a", NULL));
}

static void late_failures_do_not_prolong_the_pause(void **state)
{
    fail_times(5);
    sok_clock_manual_advance(&manual, 30000);
    fail_times(3);
    sok_clock_manual_advance(&manual, 30000);
    assert_true(sok_breaker_try(breakers, "a", NULL));
}

static void more_names_than_there_is_room_for_are_never_blocked(void **state)
{
    char name[16];
    for (int i = 0; i < SOK_BREAKERS_MAX; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        sok_breaker_report(breakers, name, false);
    }
    for (int i = 0; i < 9; i++)
        sok_breaker_report(breakers, "one more", false);
    assert_true(sok_breaker_try(breakers, "one more", NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_opens_after_five_failures_in_a_row),
        TEST(after_a_minute_one_call_tries_for_all),
        TEST(a_failed_trial_opens_it_again),
        TEST(a_cancelled_trial_lets_the_next_one_try),
        TEST(late_failures_do_not_prolong_the_pause),
        TEST(more_names_than_there_is_room_for_are_never_blocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
