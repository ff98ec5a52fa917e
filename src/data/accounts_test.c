// users, sessions, api_keys.
#include <string.h>

#include "data/api_keys.h"
#include "data/data_test.h"
#include "data/sessions.h"
#include "data/user_stats.h"

static struct sok_user new_user(const char *id, const char *name, const char *email)
{
    return (struct sok_user){
        .id = id,
        .username = name,
        .email = email,
        .password_hash = "x",
        .role = "user",
        .is_active = true,
        .created_at = 5,
        .updated_at = 5};
}

static void names_and_addresses_are_unique_without_case(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_user user = new_user("u1", "ADA", "other@example.org");
    assert_conflict(t, sok_users_insert(t->tx, &user, &t->err));
    assert_string_equal(t->err.code, "username_taken");
    user = new_user("u1", "Cleo", "Ada@Example.org");
    assert_conflict(t, sok_users_insert(t->tx, &user, &t->err));
    assert_string_equal(t->err.code, "email_taken");
    user = new_user("u1", "Cleo", "cleo@example.org");
    assert_ok(sok_users_insert(t->tx, &user, &t->err));
    user.username = "Bob";
    assert_conflict(t, sok_users_update(t->tx, &user, &t->err));
    user.username = "CLEO"; // its own name in another case
    assert_ok(sok_users_update(t->tx, &user, &t->err));
}

static void a_login_is_found_by_name_or_address(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_user user;
    static const char *const logins[] = {"ada", "ADA", "ada@example.org", "Ada@EXAMPLE.org"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(logins); i++) {
        assert_ok(sok_users_find_login(t->tx, t->arena, logins[i], &user, &t->err));
        assert_string_equal(user.id, "ada");
        assert_true(user.is_active);
        assert_null(user.avatar_url);
    }
    assert_int_equal(sok_users_find_login(t->tx, t->arena, "nobody", &user, &t->err), SOK_NOT_FOUND);
    assert_int_equal(sok_users_find(t->tx, t->arena, "nobody", &user, &t->err), SOK_NOT_FOUND);
}

static void the_last_admin_stays(void **state)
{
    struct sok_test_db *t = *state;
    assert_conflict(t, sok_users_delete(t->tx, "bob", &t->err));
    assert_string_equal(t->err.code, "last_admin");
    assert_conflict(t, sok_users_set_role(t->tx, "bob", "user", 9, &t->err));
    assert_conflict(t, sok_users_set_active(t->tx, "bob", false, 9, &t->err));
    assert_ok(sok_users_set_role(t->tx, "bob", "admin", 9, &t->err));
    assert_ok(sok_users_set_role(t->tx, "ada", "admin", 9, &t->err));
    assert_ok(sok_users_set_active(t->tx, "bob", false, 9, &t->err));
    assert_conflict(t, sok_users_delete(t->tx, "ada", &t->err)); // bob is an admin, but not active
    assert_ok(sok_users_delete(t->tx, "bob", &t->err));
    assert_int_equal(sok_users_delete(t->tx, "bob", &t->err), SOK_NOT_FOUND);
}

static void users_are_counted_and_listed(void **state)
{
    struct sok_test_db *t = *state;
    int64_t count;
    struct sok_user *users;
    size_t found;
    struct sok_page_info info;
    assert_ok(sok_users_count(t->tx, NULL, &count, &t->err));
    assert_int_equal(count, 2);
    assert_ok(sok_users_count(t->tx, "admin", &count, &t->err));
    assert_int_equal(count, 1);
    struct sok_page part = {SOK_TEST_FILTERS("q=AD")};
    assert_ok(sok_users_list(t->tx, t->arena, &part, &users, &found, &info, &t->err));
    assert_int_equal(found, 1);
    assert_string_equal(users[0].id, "ada");
    struct sok_page page = {.sort = "-username"};
    assert_ok(sok_users_list(t->tx, t->arena, &page, &users, &found, &info, &t->err));
    assert_string_equal(users[0].id, "bob");
    assert_int_equal(info.total, 2);
    assert_null(info.next_cursor);
    assert_ok(sok_users_set_password(t->tx, "ada", "new", 7, &t->err));
}

static void what_a_filter_holds_is_meant_as_it_is(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_user *users;
    size_t found;
    struct sok_page_info info;
    struct sok_user user = new_user("u1", "a_c", "u1@example.org");
    assert_ok(sok_users_insert(t->tx, &user, &t->err));
    static const struct {
        const char *filters;
        size_t count;
    } cases[] = {
        {"q=_", 1},           {"q=%", 0},
        {"q=\\", 0},          {"q=A_C", 1},
        {"q=example.org", 3}, {"is_active=true", 3},
        {"role=user", 2},     {"is_active=false", 0},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_page page = {SOK_TEST_FILTERS(cases[i].filters)};
        assert_ok(sok_users_list(t->tx, t->arena, &page, &users, &found, &info, &t->err));
        assert_int_equal(cases[i].count, found);
    }
}

static void statistics_count_and_name_no_address(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_user_totals totals;
    struct sok_user_activity *people;
    size_t count;
    int64_t fresh, now = INT64_C(4000000000000), day = 86400000;
    struct sok_page_info info;
    static const int64_t ages[] = {0, 1, 8, 31}; // days since the last sign-in
    for (size_t i = 0; i < SOK_ARRAY_LEN(ages); i++) {
        const char *name = sok_format(t->arena, "user%zu", i);
        struct sok_user user = new_user(name, name, sok_format(t->arena, "%s@x.org", name));
        user.role = i ? "user" : "moderator";
        user.is_active = i != 3;
        user.last_login_at = now - ages[i] * day;
        user.created_at = now - (int64_t)i;
        assert_ok(sok_users_insert(t->tx, &user, &t->err));
    }
    assert_ok(sok_user_totals_load(t->tx, now, &totals, &t->err));
    assert_int_equal(6, totals.total);
    assert_int_equal(5, totals.active);
    assert_int_equal(4, totals.users);
    assert_int_equal(1, totals.moderators);
    assert_int_equal(1, totals.admins);
    assert_int_equal(1, totals.seen_day);
    assert_int_equal(2, totals.seen_week);
    assert_int_equal(3, totals.seen_month);
    assert_ok(sok_users_count_new(t->tx, now - 1, now, &fresh, &t->err));
    assert_int_equal(1, fresh);
    struct sok_page page = {SOK_TEST_FILTERS("q=x.org")};
    assert_ok(sok_user_activity_list(t->tx, t->arena, &page, &people, &count, &info, &t->err));
    assert_int_equal(0, count);
    page.context = "q=user";
    page.sort = "-downloads";
    assert_ok(sok_user_activity_list(t->tx, t->arena, &page, &people, &count, &info, &t->err));
    assert_int_equal(4, count);
    assert_int_equal(0, people[0].downloads);
}

static void every_write_is_another_version(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_user user;
    int64_t last = 0;
    static const char *const roles[] = {"moderator", "user", "moderator"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(roles); i++) {
        assert_ok(sok_users_set_role(t->tx, "ada", roles[i], 5, &t->err));
        assert_ok(sok_users_find(t->tx, t->arena, "ada", &user, &t->err));
        assert_true(user.updated_at > last);
        last = user.updated_at;
    }
}

static void pages_follow_each_other_by_cursor_and_by_number(void **state)
{
    struct sok_test_db *t = *state;
    for (int i = 0; i < 25; i++) {
        const char *name = sok_format(t->arena, "user%02d", i);
        struct sok_user user = new_user(name, name, sok_format(t->arena, "%s@x.org", name));
        user.last_login_at = i / 3; // many with the same: the key decides
        assert_ok(sok_users_insert(t->tx, &user, &t->err));
    }
    static const char *const sorts[] = {NULL, "username", "-username", "last_login_at", "-last_login_at"};
    for (size_t s = 0; s < SOK_ARRAY_LEN(sorts); s++) {
        struct sok_page page = {.per_page = 10, .sort = sorts[s]};
        char seen[32][16];
        size_t seen_count = 0;
        do {
            struct sok_user *users;
            size_t count;
            struct sok_page_info info;
            assert_ok(sok_users_list(t->tx, t->arena, &page, &users, &count, &info, &t->err));
            assert_int_equal(info.total, 27);
            struct sok_page by_number = {
                .per_page = 10, .sort = sorts[s], .page = (int64_t)(seen_count / 10) + 1};
            struct sok_user *same;
            size_t same_count;
            assert_ok(sok_users_list(t->tx, t->arena, &by_number, &same, &same_count, &info, &t->err));
            assert_int_equal(count, same_count);
            for (size_t i = 0; i < count; i++) {
                assert_string_equal(users[i].id, same[i].id);
                for (size_t j = 0; j < seen_count; j++)
                    assert_string_not_equal(seen[j], users[i].id);
                snprintf(seen[seen_count++], 16, "%s", users[i].id);
            }
            page.cursor = info.next_cursor;
        } while (page.cursor);
        assert_int_equal(seen_count, 27);
    }
}

static void wrong_pages_are_named(void **state)
{
    static const struct {
        struct sok_page page;
        const char *field;
    } cases[] = {
        {{.per_page = 201}, "per_page"}, {{.per_page = -1}, "per_page"},
        {{.page = -1}, "page"},          {{.sort = "password_hash"}, "sort"},
        {{.sort = "-"}, "sort"},         {{.cursor = "!"}, "cursor"},
        {{.cursor = "YWJj"}, "cursor"},  {{.cursor = "LXVzZXJuYW1lH2EfYg"}, "cursor"},
    };
    struct sok_test_db *t = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_user *users;
        size_t count;
        struct sok_page_info info;
        struct sok_error err = {0};
        assert_int_equal(
            sok_users_list(t->tx, t->arena, &cases[i].page, &users, &count, &info, &err), SOK_INVALID);
        assert_int_equal(err.field_count, 1);
        assert_string_equal(err.fields[0].field, cases[i].field);
    }
}

static void add_session(struct sok_test_db *t, const char *id)
{
    struct sok_session session = {
        .id = id, .user_id = "ada", .created_at = 10, .last_used_at = 10, .expires_at = 1000};
    assert_ok(sok_sessions_insert(t->tx, &session, &t->err));
}

static void a_refresh_token_works_once_and_a_second_use_ends_the_session(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_session session;
    add_session(t, "s1");
    assert_ok(sok_refresh_tokens_insert(t->tx, "h1", "s1", 10, 500, &t->err));
    assert_ok(sok_refresh_tokens_insert(t->tx, "h2", "s1", 10, 500, &t->err));
    assert_int_equal(sok_refresh_tokens_use(t->tx, t->arena, "h?", 20, &session, &t->err), SOK_NOT_FOUND);
    assert_int_equal(sok_refresh_tokens_use(t->tx, t->arena, "h1", 500, &session, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_refresh_tokens_use(t->tx, t->arena, "h1", 20, &session, &t->err));
    assert_string_equal(session.id, "s1");
    assert_int_equal(session.last_used_at, 20);
    assert_int_equal(sok_refresh_tokens_use(t->tx, t->arena, "h1", 30, &session, &t->err), SOK_CONFLICT);
    assert_int_equal(sok_refresh_tokens_use(t->tx, t->arena, "h2", 30, &session, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_sessions_find(t->tx, t->arena, "s1", &session, &t->err));
    assert_int_equal(session.ended_at, 30);
    assert_string_equal(session.end_reason, "refresh_reused");
}

static void sessions_end_and_are_purged(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_session *sessions;
    size_t count;
    int64_t number;
    add_session(t, "s1");
    add_session(t, "s2");
    add_session(t, "s3");
    assert_ok(sok_sessions_end(t->tx, "s1", "logout", 20, &t->err));
    assert_ok(sok_sessions_end(t->tx, "s1", "logout", 25, &t->err));
    assert_ok(sok_sessions_end_of_user(t->tx, "ada", "s3", "password", 30, &number, &t->err));
    assert_int_equal(number, 1);
    assert_ok(sok_sessions_list(t->tx, t->arena, "ada", 40, &sessions, &count, &t->err));
    assert_int_equal(count, 1);
    assert_string_equal(sessions[0].id, "s3");
    assert_ok(sok_sessions_list(t->tx, t->arena, "ada", 1000, &sessions, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_sessions_purge(t->tx, 26, &number, &t->err));
    assert_int_equal(number, 1);
    assert_ok(sok_sessions_purge(t->tx, 1001, &number, &t->err));
    assert_int_equal(number, 2);
}

static void a_password_reset_works_once(void **state)
{
    struct sok_test_db *t = *state;
    const char *user_id;
    assert_ok(sok_password_resets_insert(t->tx, "r1", "ada", 10, 100, &t->err));
    assert_ok(sok_password_resets_insert(t->tx, "r2", "ada", 10, 100, &t->err));
    assert_int_equal(sok_password_resets_use(t->tx, t->arena, "r1", 100, &user_id, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_password_resets_use(t->tx, t->arena, "r1", 50, &user_id, &t->err));
    assert_string_equal(user_id, "ada");
    assert_int_equal(sok_password_resets_use(t->tx, t->arena, "r1", 50, &user_id, &t->err), SOK_NOT_FOUND);
    assert_int_equal(sok_password_resets_use(t->tx, t->arena, "r2", 50, &user_id, &t->err), SOK_NOT_FOUND);
}

static void api_keys_are_their_owners(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_api_key key =
                           {.id = "k1",
                            .user_id = "ada",
                            .name = "script",
                            .prefix = "sk_a",
                            .key_hash = "hash",
                            .created_at = 1,
                            .expires_at = 100},
                       found, *keys;
    size_t count;
    assert_ok(sok_api_keys_insert(t->tx, &key, &t->err));
    assert_ok(sok_api_keys_find(t->tx, t->arena, "hash", 50, &found, &t->err));
    assert_string_equal(found.user_id, "ada");
    assert_int_equal(sok_api_keys_find(t->tx, t->arena, "hash", 100, &found, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_api_keys_touch(t->tx, "k1", 60, &t->err));
    assert_ok(sok_api_keys_list(t->tx, t->arena, "ada", &keys, &count, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(keys[0].last_used_at, 60);
    assert_int_equal(sok_api_keys_delete(t->tx, "bob", "k1", &t->err), SOK_NOT_FOUND);
    assert_ok(sok_api_keys_delete(t->tx, "ada", "k1", &t->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_and_addresses_are_unique_without_case),
        TEST(a_login_is_found_by_name_or_address),
        TEST(the_last_admin_stays),
        TEST(users_are_counted_and_listed),
        TEST(what_a_filter_holds_is_meant_as_it_is),
        TEST(statistics_count_and_name_no_address),
        TEST(every_write_is_another_version),
        TEST(pages_follow_each_other_by_cursor_and_by_number),
        TEST(wrong_pages_are_named),
        TEST(a_refresh_token_works_once_and_a_second_use_ends_the_session),
        TEST(sessions_end_and_are_purged),
        TEST(a_password_reset_works_once),
        TEST(api_keys_are_their_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
