// The audit trail: found again by everything it is asked for, and not to be changed.
#include <string.h>

#include "data/audit.h"
#include "data/data_test.h"

static void write_entry(struct sok_test_db *t, struct sok_audit entry)
{
    entry.action = entry.action ? entry.action : "login";
    entry.resource = entry.resource ? entry.resource : "session";
    assert_ok(sok_audit_insert(t->tx, &entry, &t->err));
}

// The ids of what the filters find, newest first, each followed by a blank.
static const char *found(struct sok_test_db *t, const char *filters)
{
    struct sok_page page = {SOK_TEST_FILTERS(filters)};
    struct sok_page_info info;
    struct sok_audit *entries;
    size_t count;
    assert_ok(sok_audit_list(t->tx, t->arena, NULL, &page, &entries, &count, &info, &t->err));
    const char *ids = "";
    for (size_t i = 0; i < count; i++)
        ids = sok_format(t->arena, "%s%s ", ids, entries[i].id);
    return ids;
}

static void entries_are_found_by_who_what_when_and_where(void **state)
{
    struct sok_test_db *t = *state;
    write_entry(t, (struct sok_audit){.id = "a", .user_id = "ada", .username = "Ada", .created_at = 1000});
    write_entry(
        t, (struct sok_audit){
               .id = "b",
               .user_id = "gone",
               .username = "Ghost",
               .action = "user.role",
               .resource = "user",
               .resource_id = "x",
               .request_id = "r-1",
               .created_at = 2000});
    write_entry(t, (struct sok_audit){.id = "c", .action = "login_failed", .created_at = 3000});
    static const char *const rows[][2] = {
        {"", "c b a "},
        {"user=ada", "a "},
        {"user=ADA", "a "},
        {"user=gone", "b "},
        {"user=ghost", "b "},
        {"user=nobody", ""},
        {"action=login_failed", "c "},
        {"action=login", "a "},
        {"resource=session", "c a "},
        {"resource=user&resource_id=x", "b "},
        {"resource_id=y", ""},
        {"request_id=r-1", "b "},
        {"from=1970-01-01T00:00:02Z", "c b "},
        {"to=1970-01-01T00:00:02Z", "a "},
        {"from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:03Z", "b "},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        assert_string_equal(rows[i][1], found(t, rows[i][0]));
}

static void addresses_are_found_by_range(void **state)
{
    struct sok_test_db *t = *state;
    static const char *const keys[] = {"10", "20", "25", "30", NULL};
    for (size_t i = 0; i < SOK_ARRAY_LEN(keys); i++)
        write_entry(
            t, (struct sok_audit){
                   .id = sok_format(t->arena, "%zu", i), .ip_key = keys[i], .created_at = 10 - (int64_t)i});
    static const struct {
        struct sok_audit_addresses range;
        size_t count;
    } rows[] = {
        {{.first = "10", .last = "30"}, 4},
        {{.first = "11", .last = "29"}, 2},
        {{.first = "20", .last = "20"}, 1},
        {{.first = "00", .last = "40", .except_first = "20", .except_last = "29"}, 2},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_page_info info;
        struct sok_audit *entries;
        size_t count;
        assert_ok(sok_audit_list(t->tx, t->arena, &rows[i].range, NULL, &entries, &count, &info, &t->err));
        assert_int_equal(rows[i].count, count);
    }
}

static enum sok_status change(struct sok_test_db *t, const char *sql)
{
    return SOK_DB_QUERY(t->tx, NULL, NULL, &t->err, sql);
}

static void what_is_written_stays_until_its_time(void **state)
{
    struct sok_test_db *t = *state;
    int64_t now = sok_time_now_ms(), minute = 60000, deleted;
    write_entry(t, (struct sok_audit){.id = "fresh", .created_at = now});
    write_entry(t, (struct sok_audit){.id = "kept", .created_at = now - SOK_AUDIT_KEEP_MS + minute});
    write_entry(t, (struct sok_audit){.id = "old", .created_at = now - SOK_AUDIT_KEEP_MS - minute});
    assert_conflict(t, change(t, "UPDATE audit_logs SET action = 'nothing'"));
    assert_conflict(t, change(t, "UPDATE audit_logs SET user_id = NULL WHERE id = 'old'"));
    assert_conflict(t, change(t, "DELETE FROM audit_logs"));
    assert_conflict(t, change(t, "DELETE FROM audit_logs WHERE id = 'kept'"));
    assert_conflict(t, sok_audit_purge(t->tx, now, &deleted, &t->err));
    assert_string_equal("fresh kept old ", found(t, ""));
    assert_ok(sok_audit_purge(t->tx, now - SOK_AUDIT_KEEP_MS, &deleted, &t->err));
    assert_int_equal(1, deleted);
    assert_string_equal("fresh kept ", found(t, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_found_by_who_what_when_and_where),
        TEST(addresses_are_found_by_range),
        TEST(what_is_written_stays_until_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
