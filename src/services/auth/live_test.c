#include "services/auth/live.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/test.h"

static struct sok_live_session session_of(int number, const char *user_id)
{
    struct sok_live_session session = {.role = 1, .expires_at = 1000, .username = "ada"};
    snprintf(session.session_id, sizeof(session.session_id), "session-%d", number);
    snprintf(session.user_id, sizeof(session.user_id), "%s", user_id);
    return session;
}

static void put(struct sok_live *live, int number, const char *user_id, int64_t mono_ms)
{
    struct sok_live_session session = session_of(number, user_id);
    sok_live_put(live, sok_live_generation(live), &session, mono_ms);
}

static void entry_counts_for_its_time_only(void **state SOK_UNUSED)
{
    struct sok_live *live = sok_live_new();
    struct sok_live_session got;
    put(live, 1, "u1", 100);
    assert_true(sok_live_get(live, "session-1", 100 + SOK_LIVE_TTL_MS - 1, &got));
    assert_string_equal("u1", got.user_id);
    assert_false(sok_live_get(live, "session-1", 100 + SOK_LIVE_TTL_MS, &got));
    assert_false(sok_live_get(live, "session-2", 100, &got));
    put(live, 1, "u1", 9000);
    assert_true(sok_live_get(live, "session-1", 9001, &got));
    sok_live_free(live);
}

static void dropping_a_user_keeps_others_and_the_named_session(void **state SOK_UNUSED)
{
    struct sok_live *live = sok_live_new();
    struct sok_live_session got;
    for (int i = 1; i <= 3; i++)
        put(live, i, "u1", 0);
    put(live, 4, "u2", 0);
    sok_live_drop_user(live, "u1", "session-2");
    assert_false(sok_live_get(live, "session-1", 0, &got));
    assert_true(sok_live_get(live, "session-2", 0, &got));
    assert_false(sok_live_get(live, "session-3", 0, &got));
    assert_true(sok_live_get(live, "session-4", 0, &got));
    sok_live_drop(live, "session-4");
    assert_false(sok_live_get(live, "session-4", 0, &got));
    sok_live_free(live);
}

static void what_was_read_before_a_drop_is_not_kept(void **state SOK_UNUSED)
{
    struct sok_live *live = sok_live_new();
    struct sok_live_session got, session = session_of(1, "u1");
    uint64_t generation = sok_live_generation(live);
    sok_live_drop(live, "session-1"); // the logout comes between the read and the put
    sok_live_put(live, generation, &session, 0);
    assert_false(sok_live_get(live, "session-1", 0, &got));
    sok_live_free(live);
}

static void full_cache_forgets_the_least_used(void **state SOK_UNUSED)
{
    struct sok_live *live = sok_live_new();
    struct sok_live_session got;
    for (int i = 0; i < SOK_LIVE_MAX; i++)
        put(live, i, "u1", 0);
    assert_true(sok_live_get(live, "session-0", 0, &got));
    put(live, SOK_LIVE_MAX, "u1", 0);
    assert_true(sok_live_get(live, "session-0", 0, &got));
    assert_false(sok_live_get(live, "session-1", 0, &got));
    sok_live_free(live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_counts_for_its_time_only),
        cmocka_unit_test(dropping_a_user_keeps_others_and_the_named_session),
        cmocka_unit_test(what_was_read_before_a_drop_is_not_kept),
        cmocka_unit_test(full_cache_forgets_the_least_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
