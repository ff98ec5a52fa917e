// The same cases for every driver that keeps what it is given; a driver that comes later is a row in `urls`.
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cache/cache.h"
#include "backends/cache/drivers/redis_testing.h"

// The server of SOKOUL_TEST_REDIS has a clock of its own: cases that turn the clock are the first row's
// alone.
static const char *const urls[] = {"memory:", "SOKOUL_TEST_REDIS"};

struct fixture {
    struct sok_clock_manual clock;
    bool turns_clock;
    struct sok_cache *cache;
    struct sok_arena *arena;
};

static void with_each(void (*test)(struct fixture *fixture))
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(urls); i++) {
        struct fixture fixture = {.turns_clock = i == 0};
        const char *url = i == 0 ? urls[i] : getenv(urls[i]);
        if (!url)
            continue; // ./test cluster starts one
        if (i == 1)
            sok_test_redis_run("FLUSHALL");
        sok_clock_manual_init(&fixture.clock, 1000000);
        assert_ok(sok_cache_open(url, &fixture.clock.clock, NULL, &fixture.cache, NULL));
        fixture.arena = sok_arena_new(0);
        test(&fixture);
        sok_arena_free(fixture.arena);
        sok_cache_close(fixture.cache);
    }
}

static const char *get(struct fixture *fixture, const char *kind, const char *key)
{
    const char *value;
    size_t len;
    enum sok_status status = sok_cache_get(fixture->cache, fixture->arena, kind, key, &value, &len, NULL);
    return status == SOK_OK ? value : NULL;
}

static void check_expiry_and_removal(struct fixture *fixture)
{
    sok_cache_put(fixture->cache, "media", "1", "one", 3, 1000);
    sok_cache_put(fixture->cache, "media", "2", "two", 3, 5000);
    sok_cache_put(fixture->cache, "search", "1", "other", 5, 5000);
    assert_string_equal("one", get(fixture, "media", "1"));
    if (fixture->turns_clock) {
        sok_clock_manual_advance(&fixture->clock, 1000);
        assert_null(get(fixture, "media", "1"));
    }
    assert_string_equal("two", get(fixture, "media", "2"));
    sok_cache_put(fixture->cache, "media", "2", "new", 3, 5000);
    assert_string_equal("new", get(fixture, "media", "2"));
    sok_cache_remove(fixture->cache, "media", "2");
    assert_null(get(fixture, "media", "2"));
    assert_string_equal("other", get(fixture, "search", "1"));
}

static void value_is_there_until_it_expires_or_is_removed(void **state)
{
    with_each(check_expiry_and_removal);
}

static void check_clearing(struct fixture *fixture)
{
    int64_t used, reset;
    sok_cache_put(fixture->cache, "a", "1", "x", 1, 5000);
    sok_cache_put(fixture->cache, "ab", "1", "y", 1, 5000);
    assert_ok(sok_cache_limit(fixture->cache, "k", 1, 1000, &used, &reset, NULL));
    sok_cache_clear(fixture->cache, "a");
    assert_null(get(fixture, "a", "1"));
    assert_string_equal("y", get(fixture, "ab", "1"));
    sok_cache_clear(fixture->cache, NULL);
    assert_null(get(fixture, "ab", "1"));
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "k", 1, 1000, &used, &reset, NULL));
}

static void clearing_takes_a_kind_or_all_but_the_counters(void **state)
{
    with_each(check_clearing);
}

static void check_take(struct fixture *fixture)
{
    const char *value;
    size_t len;
    sok_cache_put(fixture->cache, "ticket", "t", "u", 1, 5000);
    assert_ok(sok_cache_take(fixture->cache, fixture->arena, "ticket", "t", &value, &len, NULL));
    assert_string_equal("u", value);
    assert_int_equal(
        SOK_NOT_FOUND, sok_cache_take(fixture->cache, fixture->arena, "ticket", "t", &value, &len, NULL));
}

static void taken_value_is_gone(void **state)
{
    with_each(check_take);
}

static void check_limit(struct fixture *fixture)
{
    int64_t used, reset;
    struct sok_error err = {0};
    for (int i = 1; i <= 20; i++) {
        assert_ok(sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
        assert_int_equal(i, used);
        sok_clock_manual_advance(&fixture->clock, 1000);
    }
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
    assert_ok(sok_cache_limit(fixture->cache, "other", 20, 60000, &used, &reset, &err));
    assert_ok(sok_cache_limit(fixture->cache, "off", 0, 60000, &used, &reset, &err));
    if (!fixture->turns_clock) {
        assert_in_range(err.retry_after_s, 1, 60);
        return;
    }
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
    assert_int_equal(40000, reset);
    assert_int_equal(40, err.retry_after_s);
    sok_clock_manual_advance(&fixture->clock, 39999);
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
    sok_clock_manual_advance(&fixture->clock, 1);
    assert_ok(sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
    assert_int_equal(20, used);
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "ip", 20, 60000, &used, &reset, &err));
}

static void limit_is_exact_at_the_edge_of_its_window(void **state)
{
    with_each(check_limit);
}

static void check_changed_limit(struct fixture *fixture)
{
    int64_t used, reset;
    for (int i = 0; i < 10; i++)
        assert_ok(sok_cache_limit(fixture->cache, "k", 10, 1000, &used, &reset, NULL));
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture->cache, "k", 3, 1000, &used, &reset, NULL));
    assert_ok(sok_cache_limit(fixture->cache, "k", 30, 1000, &used, &reset, NULL));
    assert_int_equal(11, used);
}

static void limit_may_change_while_it_counts(void **state)
{
    with_each(check_changed_limit);
}

static void check_bounds(struct fixture *fixture)
{
    char *big = calloc(1, (1 << 20) + 1), key[32];
    sok_cache_put(fixture->cache, "big", "over", big, (1 << 20) + 1, 5000);
    assert_null(get(fixture, "big", "over"));
    for (int i = 0; i < 100 && fixture->turns_clock;
         i++) { // a server's bound is its operator's; 100 MiB into a cache of 64
        snprintf(key, sizeof(key), "%d", i);
        sok_cache_put(fixture->cache, "big", key, big, 1 << 20, 5000);
        assert_non_null(get(fixture, "big", "0")); // kept by being used
    }
    assert_null(get(fixture, "big", "1"));
    assert_true(get(fixture, "big", "99") || !fixture->turns_clock);
    free(big);
}

static void least_recently_used_goes_first_when_full(void **state)
{
    with_each(check_bounds);
}

static void *count_many(void *context)
{
    struct fixture *fixture = context;
    int64_t used, reset, allowed = 0;
    for (int i = 0; i < 1000; i++)
        if (sok_cache_limit(fixture->cache, "shared", 700, 60000, &used, &reset, NULL) == SOK_OK)
            allowed++;
    return (void *)(intptr_t)allowed;
}

static void check_threads(struct fixture *fixture)
{
    pthread_t threads[4];
    intptr_t allowed = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, count_many, fixture);
    for (size_t i = 0; i < SOK_ARRAY_LEN(threads); i++) {
        void *count;
        pthread_join(threads[i], &count);
        allowed += (intptr_t)count;
    }
    assert_int_equal(700, allowed);
}

static void limit_is_exact_between_threads(void **state)
{
    with_each(check_threads);
}

// Redis alone: connections that ended while they idled are not noticed.
static void server_may_restart_between_two_calls(void **state)
{
    struct fixture fixture = {.cache = NULL};
    int64_t used, reset;
    if (!getenv(urls[1]))
        skip();
    fixture.arena = sok_arena_new(0);
    sok_test_redis_run("FLUSHALL");
    assert_ok(sok_cache_open(getenv(urls[1]), &sok_clock_system, NULL, &fixture.cache, NULL));
    for (int i = 1; i <= 20; i++) {
        sok_test_redis_run("CLIENT KILL TYPE normal");
        sok_cache_put(fixture.cache, "a", "b", "c", 1, 60000);
        sok_test_redis_run("SCRIPT FLUSH");
        assert_string_equal("c", get(&fixture, "a", "b"));
        assert_ok(sok_cache_limit(fixture.cache, "k", 20, 60000, &used, &reset, NULL));
        assert_int_equal(i, used);
    }
    sok_cache_close(fixture.cache);
    sok_arena_free(fixture.arena);
}

static void wrong_redis_urls_are_named_without_their_secrets(void **state)
{
    static const char *const wrong[] = {"redis:",           "redis://",        "redis:x",
                                        "redis://h:0",      "redis://h:99999", "redis://h/x",
                                        "redis://secret@h", "redis://u:%zz@h"};
    struct sok_cache *cache;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        struct sok_error err = {0};
        assert_int_equal(SOK_INVALID, sok_cache_open(wrong[i], &sok_clock_system, NULL, &cache, &err));
        assert_null(strstr(err.message, "secret"));
    }
}

static void a_redis_that_is_away_at_the_start_is_an_empty_cache(void **state)
{
    struct fixture fixture = {.arena = sok_arena_new(0)};
    int64_t used, reset;
    assert_ok(
        sok_cache_open("redis://u:secret@127.0.0.1:1/2", &sok_clock_system, NULL, &fixture.cache, NULL));
    sok_cache_put(fixture.cache, "a", "b", "c", 1, 1000);
    assert_null(get(&fixture, "a", "b"));
    assert_ok(sok_cache_limit(fixture.cache, "k", 1, 1000, &used, &reset, NULL));
    assert_int_equal(SOK_LIMITED, sok_cache_limit(fixture.cache, "k", 1, 1000, &used, &reset, NULL));
    sok_cache_close(fixture.cache);
    sok_arena_free(fixture.arena);
}

static void cache_that_is_down_is_empty_and_counts_nothing(void **state)
{
    struct fixture fixture = {.arena = sok_arena_new(0)};
    int64_t used, reset;
    assert_ok(sok_cache_open("failing:", &sok_clock_system, NULL, &fixture.cache, NULL));
    sok_cache_put(fixture.cache, "a", "b", "c", 1, 1000);
    assert_null(get(&fixture, "a", "b"));
    assert_int_equal(SOK_UNAVAILABLE, sok_cache_limit(fixture.cache, "k", 1, 1000, &used, &reset, NULL));
    sok_cache_close(fixture.cache);
    sok_arena_free(fixture.arena);
}

static void unknown_urls_are_refused_without_repeating_them(void **state)
{
    struct sok_error err = {0};
    struct sok_cache *cache;
    assert_int_equal(
        SOK_INVALID, sok_cache_open("memcached://user:secret@h", &sok_clock_system, NULL, &cache, &err));
    assert_null(strstr(err.message, "secret"));
}

// Whoever fills the cache with answers does not make it forget how often they asked.
static void values_never_push_counters_out(void **state)
{
    struct fixture fixture = {.arena = sok_arena_new(0)};
    int64_t used, reset_ms;
    struct sok_error err = {0};
    char key[16], *value = calloc(1, 1 << 20);
    assert_non_null(value);
    sok_clock_manual_init(&fixture.clock, 1000000);
    assert_ok(sok_cache_open("memory:", &fixture.clock.clock, NULL, &fixture.cache, NULL));
    assert_ok(sok_cache_limit(fixture.cache, "login:1", 1, 60000, &used, &reset_ms, &err));
    sok_cache_put(fixture.cache, "media", "first", "x", 1, 60000);
    for (int i = 0; i < 80; i++) { // 80 MiB of 64
        snprintf(key, sizeof(key), "%d", i);
        sok_cache_put(fixture.cache, "media", key, value, 1 << 20, 60000);
    }
    assert_null(get(&fixture, "media", "first"));
    assert_int_equal(
        sok_cache_limit(fixture.cache, "login:1", 1, 60000, &used, &reset_ms, &err), SOK_LIMITED);
    free(value);
    sok_cache_close(fixture.cache);
    sok_arena_free(fixture.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_there_until_it_expires_or_is_removed),
        cmocka_unit_test(clearing_takes_a_kind_or_all_but_the_counters),
        cmocka_unit_test(taken_value_is_gone),
        cmocka_unit_test(limit_is_exact_at_the_edge_of_its_window),
        cmocka_unit_test(limit_may_change_while_it_counts),
        cmocka_unit_test(least_recently_used_goes_first_when_full),
        cmocka_unit_test(values_never_push_counters_out),
        cmocka_unit_test(limit_is_exact_between_threads),
        cmocka_unit_test(server_may_restart_between_two_calls),
        cmocka_unit_test(wrong_redis_urls_are_named_without_their_secrets),
        cmocka_unit_test(a_redis_that_is_away_at_the_start_is_an_empty_cache),
        cmocka_unit_test(cache_that_is_down_is_empty_and_counts_nothing),
        cmocka_unit_test(unknown_urls_are_refused_without_repeating_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
