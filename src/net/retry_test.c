#include "net/retry.h"

#include "base/test.h"

static void waits_double_up_to_sixty_units(void **state)
{
    const int64_t full[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(full[i] / 2, sok_retry_backoff_ms(i + 1, 1000, 0));
        int64_t most = sok_retry_backoff_ms(i + 1, 1000, 0.999999);
        assert_in_range(most, full[i] - 2, full[i]);
    }
    assert_in_range(sok_retry_backoff_ms(1000000, 1000, 0.5), 30000, 60000);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    assert_int_equal(120000, sok_retry_after_ms("120", 0));
    assert_int_equal(0, sok_retry_after_ms("0", 0));
    assert_int_equal(5000, sok_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784111772000));
    assert_int_equal(0, sok_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 984111772000)); // gone by
    assert_int_equal(SOK_RETRY_AFTER_MAX_MS, sok_retry_after_ms("99999999999", 0));
    assert_int_equal(-1, sok_retry_after_ms("soon", 0));
    assert_int_equal(-1, sok_retry_after_ms("-5", 0));
    assert_int_equal(-1, sok_retry_after_ms("", 0));
    assert_int_equal(-1, sok_retry_after_ms(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_sixty_units),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
