// idempotency keys, providers, settings, address rules and the audit trail.
#include "data/idempotency.h"

#include "data/audit.h"
#include "data/data_test.h"
#include "data/ip_rules.h"
#include "data/providers.h"
#include "data/settings.h"

static void an_answer_is_kept_under_its_key(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_idempotency answer =
                               {.user_id = "ada",
                                .name = "POST /search:k",
                                .request_hash = "h",
                                .http_status = 202,
                                .response = "{}",
                                .created_at = 1,
                                .expires_at = 100},
                           found;
    int64_t number;
    assert_ok(sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_conflict(t, sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_ok(sok_idempotency_find(t->tx, t->arena, "ada", "POST /search:k", 50, &found, &t->err));
    assert_int_equal(found.http_status, 202);
    assert_int_equal(
        sok_idempotency_find(t->tx, t->arena, "bob", "POST /search:k", 50, &found, &t->err), SOK_NOT_FOUND);
    assert_int_equal(
        sok_idempotency_find(t->tx, t->arena, "ada", "POST /search:k", 100, &found, &t->err), SOK_NOT_FOUND);
    answer.created_at = 100;
    answer.expires_at = 200;
    assert_ok(sok_idempotency_insert(t->tx, &answer, &t->err));
    assert_ok(sok_idempotency_purge(t->tx, 200, &number, &t->err));
    assert_int_equal(number, 1);
}

static void providers_settings_rules_and_the_log_are_kept(void **state)
{
    struct sok_test_db *t = *state;
    size_t count;
    int64_t number;
    struct sok_page_info info;
    struct sok_provider provider =
                            {.id = "p1",
                             .name = "indexer",
                             .kind = "torznab",
                             .url = "http://x/",
                             .key_encrypted = {"\0k", 2},
                             .is_enabled = true,
                             .created_at = 1},
                        found, *all;
    assert_ok(sok_providers_insert(t->tx, &provider, &t->err));
    provider.id = "p2";
    assert_conflict(t, sok_providers_insert(t->tx, &provider, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "indexer", "timeout", 5, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "of the environment", NULL, 5, &t->err));
    assert_ok(sok_providers_set_health(t->tx, "of the environment", "timeout", 7, &t->err));
    struct sok_provider_health health;
    assert_ok(sok_providers_health(t->tx, t->arena, "of the environment", &health, &t->err));
    assert_int_equal(health.last_ok_at, 5);
    assert_int_equal(health.last_error_at, 7);
    assert_string_equal(health.last_error, "timeout");
    assert_ok(sok_providers_health(t->tx, t->arena, "indexer", &health, &t->err));
    assert_int_equal(health.last_ok_at, 0);
    assert_int_equal(health.last_error_at, 5);
    assert_ok(sok_providers_health(t->tx, t->arena, "never asked", &health, &t->err));
    assert_int_equal(health.last_ok_at + health.last_error_at, 0);
    assert_null(health.last_error);
    assert_ok(sok_providers_find_name(t->tx, t->arena, "indexer", &found, &t->err));
    assert_memory_equal(found.key_encrypted.data, "\0k", 2);
    assert_int_equal(found.last_error_at, 5);
    found.is_enabled = false;
    assert_ok(sok_providers_update(t->tx, &found, &t->err));
    assert_ok(sok_providers_list(t->tx, t->arena, true, &all, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_providers_list(t->tx, t->arena, false, &all, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_providers_find(t->tx, t->arena, "p1", &found, &t->err));
    assert_ok(sok_providers_delete(t->tx, "p1", &t->err));

    struct sok_setting setting =
                           {.name = "rates", .value = "{\"api\":5}", .updated_by = "bob", .updated_at = 1},
                       kept, *settings;
    assert_ok(sok_settings_set(t->tx, &setting, &t->err));
    setting.value = "{}";
    assert_ok(sok_settings_set(t->tx, &setting, &t->err));
    assert_ok(sok_settings_find(t->tx, t->arena, "rates", &kept, &t->err));
    assert_string_equal(kept.value, "{}");
    assert_ok(sok_settings_list(t->tx, t->arena, &settings, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_settings_remove(t->tx, "rates", &t->err));
    assert_ok(sok_settings_remove(t->tx, "rates", &t->err));

    struct sok_ip_rule
        rule = {.id = "r1", .kind = "blacklist", .cidr = "10.0.0.0/8", .expires_at = 50, .created_at = 1},
        held, *rules;
    assert_ok(sok_ip_rules_insert(t->tx, &rule, &t->err));
    assert_conflict(t, sok_ip_rules_insert(t->tx, &rule, &t->err));
    assert_ok(sok_ip_rules_list(t->tx, t->arena, NULL, 10, &rules, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_ip_rules_list(t->tx, t->arena, "whitelist", 10, &rules, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_ip_rules_list(t->tx, t->arena, "blacklist", 50, &rules, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_ip_rules_find(t->tx, t->arena, "blacklist", "r1", &held, &t->err));
    assert_int_equal(sok_ip_rules_delete(t->tx, "whitelist", "r1", &t->err), SOK_NOT_FOUND);
    assert_ok(sok_ip_rules_purge(t->tx, 60, &number, &t->err));
    assert_int_equal(number, 1);

    for (int i = 0; i < 3; i++) {
        struct sok_audit entry = {
            .id = sok_format(t->arena, "a%d", i),
            .user_id = i ? "ada" : NULL,
            .action = "login",
            .resource = "session",
            .created_at = 10 * i};
        assert_ok(sok_audit_insert(t->tx, &entry, &t->err));
    }
    struct sok_audit *entries;
    struct sok_page logins = {
        SOK_TEST_FILTERS("user=ada&action=login&from=1970-01-01T00:00:00.010Z&to=1970-01-01T00:00:00.020Z")};
    assert_ok(sok_audit_list(t->tx, t->arena, NULL, &logins, &entries, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(entries[0].id, "a1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_kept_under_its_key),
        TEST(providers_settings_rules_and_the_log_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
