// The gate over a real database with a clock that is turned.
#include "api/middleware/ip_gate.h"

#include <pthread.h>
#include <stdatomic.h>

#include "backends/db/drivers/failing.h"
#include "base/test.h"
#include "data/ip_rules.h"
#include "data/test_db.h"

#define NOW INT64_C(1700000000000)

static struct sok_test_db db;
static struct sok_clock_manual manual;
static struct sok_queue *queue;
static struct sok_ip_gate *gate;

static int start(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    sok_test_db_open(&db, "failing:");
    sok_clock_manual_init(&manual, NOW);
    assert_ok(sok_queue_open("embedded:", &queue, &err));
    assert_ok(sok_ip_gate_new(db.db, queue, &manual.clock, &gate, &err));
    return 0;
}

static int stop(void **state SOK_UNUSED)
{
    queue = sok_queue_close(queue);
    gate = sok_ip_gate_free(gate);
    sok_test_db_close(&db);
    return 0;
}

static enum sok_status insert(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_ip_rules_insert(tx, context, err);
}

static void add(const char *kind, const char *cidr, int64_t expires_at)
{
    struct sok_error err = {0};
    struct sok_ip_rule rule = {
        .id = sok_format(db.arena, "%s %s", kind, cidr),
        .kind = kind,
        .cidr = cidr,
        .expires_at = expires_at,
        .created_at = NOW};
    assert_ok(sok_db_write(db.db, insert, &rule, &err));
}

static enum sok_address_verdict verdict(const char *text)
{
    struct sok_address address;
    assert_true(sok_address_parse(text, &address));
    return sok_ip_gate_judge(gate, &address);
}

static void black_keeps_out_except_for_white(void **state SOK_UNUSED)
{
    add("blacklist", "192.0.2.0/24", 0);
    add("whitelist", "192.0.2.7/32", 0);
    add("whitelist", "2001:db8::/32", 0);
    sok_ip_gate_reload(gate);
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("192.0.2.6"));
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("::ffff:192.0.2.6"));
    assert_int_equal(SOK_ADDRESS_WHITELISTED, verdict("192.0.2.7"));
    assert_int_equal(SOK_ADDRESS_WHITELISTED, verdict("2001:db8::5"));
    assert_int_equal(SOK_ADDRESS_PLAIN, verdict("192.0.3.1"));
}

static void rule_counts_until_its_time_and_no_longer(void **state SOK_UNUSED)
{
    add("blacklist", "192.0.2.0/24", NOW + 1000);
    add("whitelist", "192.0.2.7/32", NOW + 500);
    add("whitelist", "198.51.100.1/32", NOW + 3000);
    sok_ip_gate_reload(gate);
    assert_int_equal(SOK_ADDRESS_WHITELISTED, verdict("192.0.2.7"));
    sok_clock_manual_advance(&manual, 499);
    assert_int_equal(SOK_ADDRESS_WHITELISTED, verdict("192.0.2.7"));
    sok_clock_manual_advance(&manual, 1);
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("192.0.2.7"));
    sok_clock_manual_advance(&manual, 500);
    assert_int_equal(SOK_ADDRESS_PLAIN, verdict("192.0.2.7"));
    assert_int_equal(SOK_ADDRESS_WHITELISTED, verdict("198.51.100.1"));
}

static void what_another_process_wrote_is_seen_with_its_event_or_soon(void **state SOK_UNUSED)
{
    assert_int_equal(SOK_ADDRESS_PLAIN, verdict("192.0.2.1"));
    add("blacklist", "192.0.2.1/32", 0);
    assert_int_equal(SOK_ADDRESS_PLAIN, verdict("192.0.2.1"));
    sok_clock_manual_advance(&manual, SOK_IP_GATE_TTL_MS);
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("192.0.2.1"));
    add("whitelist", "192.0.2.1/32", 0);
    struct sok_event event = {.subject = "invalidate.ip_rules", .user_id = "", .json = "{}"};
    sok_queue_publish_event(queue, &event);
    int64_t until = sok_time_mono_ms() + 20000;
    while (verdict("192.0.2.1") != SOK_ADDRESS_WHITELISTED)
        assert_true(sok_time_mono_ms() < until);
}

static void without_a_database_the_last_rules_stay(void **state SOK_UNUSED)
{
    add("blacklist", "192.0.2.1/32", 0);
    add("blacklist", "192.0.2.2/32", NOW + 1000);
    sok_ip_gate_reload(gate);
    sok_db_failing_set(db.db, SOK_DB_FAULT_ALL, 0, 1, SOK_UNAVAILABLE);
    sok_clock_manual_advance(&manual, SOK_IP_GATE_TTL_MS);
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("192.0.2.1"));
    sok_db_failing_set(db.db, SOK_DB_FAULT_NONE, 0, 0, SOK_OK);
    sok_clock_manual_advance(&manual, 500); // and are read again as soon as that works
    assert_int_equal(SOK_ADDRESS_PLAIN, verdict("192.0.2.2"));
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("192.0.2.1"));
}

struct asker {
    pthread_t thread;
    _Atomic bool *stop;
    int64_t asked, wrong;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    struct sok_address black, white;
    sok_address_parse("192.0.2.1", &black);
    sok_address_parse("192.0.2.7", &white);
    for (; !atomic_load(asker->stop); asker->asked++) {
        asker->wrong += sok_ip_gate_judge(gate, &black) != SOK_ADDRESS_BLACKLISTED;
        asker->wrong += sok_ip_gate_judge(gate, &white) != SOK_ADDRESS_WHITELISTED;
    }
    return NULL;
}

static void rules_are_replaced_while_many_ask(void **state SOK_UNUSED)
{
    struct asker askers[4] = {0};
    _Atomic bool stop = false;
    add("blacklist", "192.0.2.0/24", 0);
    add("whitelist", "192.0.2.7/32", 0);
    sok_ip_gate_reload(gate);
    for (size_t i = 0; i < SOK_ARRAY_LEN(askers); i++) {
        askers[i].stop = &stop;
        assert_int_equal(0, pthread_create(&askers[i].thread, NULL, ask, &askers[i]));
    }
    for (int i = 0; i < 10; i++) {
        add("blacklist", sok_format(db.arena, "198.51.100.%d/32", i), 0);
        sok_ip_gate_reload(gate);
        sok_clock_manual_advance(&manual, SOK_IP_GATE_TTL_MS);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < SOK_ARRAY_LEN(askers); i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(0, askers[i].wrong);
    }
    assert_int_equal(SOK_ADDRESS_BLACKLISTED, verdict("198.51.100.9"));
}

static void without_a_gate_nobody_is_kept_out(void **state SOK_UNUSED)
{
    struct sok_address address;
    assert_true(sok_address_parse("192.0.2.1", &address));
    assert_int_equal(SOK_ADDRESS_PLAIN, sok_ip_gate_judge(NULL, &address));
    sok_ip_gate_refresh(NULL);
    sok_ip_gate_reload(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(black_keeps_out_except_for_white),
        TEST(rule_counts_until_its_time_and_no_longer),
        TEST(what_another_process_wrote_is_seen_with_its_event_or_soon),
        TEST(without_a_database_the_last_rules_stay),
        TEST(rules_are_replaced_while_many_ask),
        TEST(without_a_gate_nobody_is_kept_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
