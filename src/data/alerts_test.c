#include "data/alerts.h"

#include <string.h>

#include "data/data_test.h"
#include "data/media.h"
#include "data/searches.h"

static bool watch(struct sok_test_db *t, const char *place, const char *owner, int64_t now_ms)
{
    bool is_mine;
    assert_ok(sok_alerts_watch(t->tx, place, owner, now_ms, 100, &is_mine, &t->err));
    return is_mine;
}

static void one_owner_watches_a_place(void **state)
{
    struct sok_test_db *t = *state;
    assert_true(watch(t, "", "me", 0));
    assert_false(watch(t, "", "she", 100));
    assert_true(watch(t, "here", "she", 100));
    assert_true(watch(t, "", "me", 100)); // until 200
    assert_false(watch(t, "", "she", 200));
    assert_true(watch(t, "", "she", 201));
    assert_false(watch(t, "", "me", 202));
    assert_ok(sok_alerts_leave(t->tx, "she", &t->err));
    assert_true(watch(t, "", "me", 202));
    assert_true(watch(t, "here", "me", 202));
    assert_ok(sok_alerts_leave(t->tx, NULL, &t->err));
    assert_true(watch(t, "here", "she", 202));
}

static bool set(struct sok_test_db *t, const char *place, bool is_raised, int64_t at_ms)
{
    bool changed;
    struct sok_alert alert = {
        .name = "cpu",
        .place = place,
        .is_raised = is_raised,
        .severity = "warning",
        .value = 99.5,
        .raised_at = is_raised ? at_ms : 0,
        .cleared_at = is_raised ? 0 : at_ms,
        .updated_at = at_ms,
    };
    assert_ok(sok_alerts_set(t->tx, &alert, &changed, &t->err));
    return changed;
}

static size_t count_raised(struct sok_test_db *t, const char *place)
{
    struct sok_alert *alerts;
    size_t count;
    assert_ok(sok_alerts_list_raised(t->tx, t->arena, place, &alerts, &count, &t->err));
    if (count)
        assert_string_equal(alerts[0].name, "cpu");
    return count;
}

static void an_alert_changes_its_state_once(void **state)
{
    struct sok_test_db *t = *state;
    assert_true(set(t, "here", true, 5));
    assert_false(set(t, "here", true, 6));
    assert_true(set(t, "there", true, 6));
    assert_int_equal(count_raised(t, "here"), 1);
    assert_int_equal(count_raised(t, ""), 0);
    assert_true(set(t, "here", false, 7));
    assert_false(set(t, "here", false, 8));
    assert_int_equal(count_raised(t, "here"), 0);
    assert_int_equal(count_raised(t, "there"), 1);
}

static void only_what_has_cleared_is_purged(void **state)
{
    struct sok_test_db *t = *state;
    int64_t deleted;
    assert_true(set(t, "here", true, 5));
    assert_true(set(t, "here", false, 7));
    assert_true(set(t, "there", true, 5));
    assert_ok(sok_alerts_purge(t->tx, 7, &deleted, &t->err));
    assert_int_equal(deleted, 0);
    assert_ok(sok_alerts_purge(t->tx, 8, &deleted, &t->err));
    assert_int_equal(deleted, 1);
    assert_int_equal(count_raised(t, "there"), 1);
    assert_false(set(t, "there", true, 9)); // no news, however long it is so
}

static void answered(
    struct sok_test_db *t, const char *search, const char *provider, bool well, int64_t at_ms)
{
    struct sok_search_provider row = {
        .search_id = search, .name = provider, .status = well ? "completed" : "failed", .updated_at = at_ms};
    assert_ok(sok_searches_set_provider(t->tx, &row, &t->err));
}

static const char *failing(struct sok_test_db *t, int64_t since_ms)
{
    const char **names, *text = "";
    size_t count;
    assert_ok(sok_searches_failing_providers(t->tx, t->arena, since_ms, 3, &names, &count, &t->err));
    for (size_t i = 0; i < count; i++)
        text = sok_format(t->arena, "%s%s ", text, names[i]);
    return text;
}

static void a_provider_fails_after_three_failures_and_no_success(void **state)
{
    struct sok_test_db *t = *state;
    static const char *const ids[] = {"s1", "s2", "s3", "s4", "s5"};
    struct sok_media media = {
        .id = "m", .media_type = "movie", .title = "Film", .created_at = 1, .updated_at = 1};
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
    for (size_t i = 0; i < SOK_ARRAY_LEN(ids); i++) {
        struct sok_search search = {
            .id = ids[i],
            .user_id = "ada",
            .media_id = "m",
            .query = "film",
            .status = "completed",
            .created_at = 1};
        assert_ok(sok_searches_insert(t->tx, &search, &t->err));
        answered(t, ids[i], "dead", false, 10 + (int64_t)i);
        answered(t, ids[i], "well", true, 10 + (int64_t)i);
        answered(t, ids[i], "back", i == 3, 10 + (int64_t)i);
        answered(t, ids[i], "gone", i == 0, 10 + (int64_t)i);
    }
    assert_string_equal(failing(t, 10), "dead gone ");
    assert_string_equal(failing(t, 13), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_owner_watches_a_place),
        TEST(an_alert_changes_its_state_once),
        TEST(only_what_has_cleared_is_purged),
        TEST(a_provider_fails_after_three_failures_and_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
