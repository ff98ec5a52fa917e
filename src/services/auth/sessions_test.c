// Accounts, sessions and the setup token together, on a real database.
#include "services/auth/sessions.h"

#include "data/sessions.h"
#include "services/auth/setup.h"
#include "services/auth/test_auth.h"

static struct sok_tokens start(const struct sok_user *user)
{
    struct sok_tokens tokens = {0};
    assert_ok(sok_session_start(auth->sessions, arena, user->id, "192.0.2.1", "test", &tokens, &err));
    return tokens;
}

static enum sok_status authenticate(const char *token)
{
    struct sok_principal principal;
    return sok_session_authenticate(auth->sessions, arena, token, &principal, &err);
}

// --- Accounts.

static void wrong_fields_are_all_named(void **state SOK_UNUSED)
{
    struct sok_user user;
    struct sok_new_account account = {.username = "a b", .email = "no", .password = "short", .role = "king"};
    assert_int_equal(SOK_INVALID, sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    assert_int_equal(4, err.field_count);
    assert_string_equal("username", err.fields[0].field);
    assert_string_equal("email", err.fields[1].field);
    assert_string_equal("password", err.fields[2].field);
    assert_string_equal("role", err.fields[3].field);
    struct sok_new_account nothing = {0};
    err = (struct sok_error){0}; // what is noted stays noted
    assert_int_equal(SOK_INVALID, sok_accounts_create(&auth->accounts, arena, &nothing, &user, &err));
    assert_int_equal(3, err.field_count);
    assert_string_equal("required", err.fields[0].code);
}

static void addresses_are_judged_by_what_mail_servers_take(void **state SOK_UNUSED)
{
    static const struct {
        const char *email;
        bool good;
    } rows[] = {
        {"a@b", true},
        {"a.b+c@example.org", true},
        {"\xc3\xa9@example.org", true},
        {"a@b.", false},
        {"@example.org", false},
        {"a@", false},
        {"a@b@c", false},
        {"a b@example.org", false},
        {"a@exa mple.org", false},
        {"a@example..org", false},
        {"a\n@example.org", false},
        {"<a@example.org>", false},
        {"a@\xff", false},
    };
    struct sok_user user = make_user("ada", "user");
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        enum sok_status status =
            sok_accounts_update(&auth->accounts, arena, &user, NULL, rows[i].email, &user, &err);
        if ((status == SOK_OK) != rows[i].good)
            fail_msg("row %zu: %s", i, rows[i].email);
    }
}

static void taken_names_and_addresses_conflict_in_any_case(void **state SOK_UNUSED)
{
    struct sok_user user;
    make_user("ada", "user");
    struct sok_new_account same_name = {.username = "ADA", .email = "x@example.org", .password = PASSWORD};
    assert_int_equal(SOK_CONFLICT, sok_accounts_create(&auth->accounts, arena, &same_name, &user, &err));
    assert_string_equal("username_taken", err.code);
    struct sok_new_account same_mail = {.username = "eve", .email = "Ada@Example.org", .password = PASSWORD};
    assert_int_equal(SOK_CONFLICT, sok_accounts_create(&auth->accounts, arena, &same_mail, &user, &err));
    assert_string_equal("email_taken", err.code);
}

static void change_of_a_row_that_moved_on_is_refused(void **state SOK_UNUSED)
{
    struct sok_user seen = make_user("ada", "user"), user;
    assert_ok(sok_accounts_update(&auth->accounts, arena, &seen, "ada2", NULL, &user, &err));
    assert_string_equal("ada2", user.username);
    assert_string_equal("ada@example.org", user.email);
    assert_int_equal(
        SOK_PRECONDITION, sok_accounts_update(&auth->accounts, arena, &seen, "ada3", NULL, &user, &err));
}

static void setup_token_makes_one_admin_and_is_gone(void **state SOK_UNUSED)
{
    const char *token = NULL, *again = NULL;
    struct sok_user user;
    assert_ok(sok_setup_token(db, dir.path, arena, &token, &err));
    assert_ok(sok_setup_token(db, dir.path, arena, &again, &err));
    assert_string_equal(token, again); // a printed link stays good over a restart
    struct sok_new_account account = {
        .username = "ada", .email = "ada@example.org", .password = PASSWORD, .setup_token = "wrong"};
    assert_int_equal(SOK_DENIED, sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    account.setup_token = token;
    assert_ok(sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    assert_string_equal("admin", user.role);
    account.username = "eve";
    account.email = "eve@example.org";
    assert_int_equal(SOK_DENIED, sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    assert_int_equal(SOK_NOT_FOUND, sok_setup_token(db, dir.path, arena, &token, &err));
    account.setup_token = NULL;
    assert_ok(sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    assert_string_equal("user", user.role);
}

static void setup_link_still_works_after_an_ordinary_account(void **state SOK_UNUSED)
{
    const char *token = NULL;
    struct sok_user user;
    assert_ok(sok_setup_token(db, dir.path, arena, &token, &err));
    make_user("eve", "user");
    struct sok_new_account account = {
        .username = "ada", .email = "ada@example.org", .password = PASSWORD, .setup_token = token};
    assert_ok(sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    assert_string_equal("admin", user.role);
}

static void login_takes_name_or_address_and_says_one_thing_otherwise(void **state SOK_UNUSED)
{
    struct sok_user user, ada = make_user("ada", "user");
    assert_ok(sok_accounts_login(&auth->accounts, arena, "Ada", PASSWORD, &user, &err));
    assert_string_equal(ada.id, user.id);
    assert_ok(sok_accounts_login(&auth->accounts, arena, "ADA@example.org", PASSWORD, &user, &err));
    const char *message = NULL;
    static const char *const wrong[][2] = {
        {"ada", "wrong password"}, {"nobody", PASSWORD}, {"", ""}, {"nobody@example.org", PASSWORD}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        assert_int_equal(
            SOK_UNAUTHENTICATED,
            sok_accounts_login(&auth->accounts, arena, wrong[i][0], wrong[i][1], &user, &err));
        assert_string_equal("bad_credentials", err.code);
        if (message)
            assert_string_equal(message, err.message);
        message = sok_strdup(arena, err.message);
    }
}

static void login_makes_a_hash_of_another_cost_anew(void **state SOK_UNUSED)
{
    struct sok_user user, ada = make_user("ada", "user");
    struct sok_accounts dearer = auth->accounts;
    dearer.bcrypt_cost = 5;
    assert_ok(sok_accounts_login(&dearer, arena, "ada", PASSWORD, &user, &err));
    assert_ok(sok_users_find(sok_db_reader(db), arena, ada.id, &user, &err));
    assert_true(sok_text_starts(user.password_hash, "$2b$05$"));
    assert_ok(sok_accounts_login(&dearer, arena, "ada", PASSWORD, &user, &err));
}

static void changing_the_password_needs_the_present_one(void **state SOK_UNUSED)
{
    struct sok_user user, ada = make_user("ada", "user");
    assert_int_equal(
        SOK_INVALID,
        sok_accounts_set_password(&auth->accounts, ada.id, "not it at all", "another one", &err));
    assert_string_equal("current_password", err.fields[0].field);
    assert_ok(sok_accounts_set_password(&auth->accounts, ada.id, PASSWORD, "another one", &err));
    assert_ok(sok_accounts_login(&auth->accounts, arena, "ada", "another one", &user, &err));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_accounts_login(&auth->accounts, arena, "ada", PASSWORD, &user, &err));
}

// --- Sessions.

static void access_token_stands_for_its_user(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "moderator");
    struct sok_tokens tokens = start(&ada);
    struct sok_principal principal;
    assert_ok(sok_session_authenticate(auth->sessions, arena, tokens.access_token, &principal, &err));
    assert_string_equal(ada.id, principal.user_id);
    assert_string_equal("ada", principal.username);
    assert_string_equal(tokens.session_id, principal.session_id);
    assert_int_equal(SOK_USER_MODERATOR, principal.role);
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(tokens.refresh_token));
}

static void logout_ends_both_tokens_at_once(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens tokens = start(&ada), other = start(&ada), fresh;
    assert_ok(authenticate(tokens.access_token));
    assert_ok(sok_session_end(auth->sessions, tokens.session_id, "logout", &err));
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(tokens.access_token));
    assert_string_equal("session_ended", err.code);
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_session_refresh(auth->sessions, arena, tokens.refresh_token, &fresh, &err));
    assert_ok(authenticate(other.access_token));
    assert_ok(sok_session_end(auth->sessions, tokens.session_id, "logout", &err));
}

static void refresh_gives_a_new_pair_of_the_same_session(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens first = start(&ada), second;
    sok_clock_manual_advance(&time_now, 2 * SOK_ACCESS_TTL_MS);
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(first.access_token));
    assert_string_equal("token_expired", err.code);
    assert_ok(sok_session_refresh(auth->sessions, arena, first.refresh_token, &second, &err));
    assert_string_equal(first.session_id, second.session_id);
    assert_string_not_equal(first.refresh_token, second.refresh_token);
    assert_ok(authenticate(second.access_token));
}

static void reused_refresh_token_ends_the_whole_family(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens first = start(&ada), second, third;
    assert_ok(sok_session_refresh(auth->sessions, arena, first.refresh_token, &second, &err));
    assert_ok(authenticate(second.access_token));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_session_refresh(auth->sessions, arena, first.refresh_token, &third, &err));
    assert_string_equal("token_reused", err.code);
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(second.access_token));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_session_refresh(auth->sessions, arena, second.refresh_token, &third, &err));
}

static void session_lives_as_long_as_it_is_refreshed(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens tokens = start(&ada), late;
    for (int day = 0; day < 30; day += 6) {
        sok_clock_manual_advance(&time_now, 6 * 24 * INT64_C(3600000));
        assert_ok(sok_session_refresh(auth->sessions, arena, tokens.refresh_token, &tokens, &err));
        assert_ok(authenticate(tokens.access_token));
    }
    sok_clock_manual_advance(&time_now, SOK_REFRESH_TTL_MS);
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_session_refresh(auth->sessions, arena, tokens.refresh_token, &late, &err));
    assert_string_equal("token_expired", err.code);
}

struct row_change {
    const char *user_id, *role;
};

static enum sok_status change_row(struct sok_db_tx *tx, void *context, struct sok_error *error)
{
    struct row_change *change = context;
    if (change->role)
        return sok_users_set_role(tx, change->user_id, change->role, NOW, error);
    return sok_users_set_active(tx, change->user_id, false, NOW, error);
}

static void role_counts_from_the_row_and_at_once_when_told(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens tokens = start(&ada);
    struct sok_principal principal;
    assert_ok(authenticate(tokens.access_token));
    struct row_change change = {ada.id, "moderator"};
    assert_ok(sok_db_write(db, change_row, &change, &err));
    sok_session_forget_user(auth->sessions, ada.id);
    assert_ok(sok_session_authenticate(auth->sessions, arena, tokens.access_token, &principal, &err));
    assert_int_equal(SOK_USER_MODERATOR, principal.role);
}

struct activation {
    const char *user_id;
    int64_t now_ms;
};

static enum sok_status disable_row(struct sok_db_tx *tx, void *context, struct sok_error *error)
{
    const struct activation *change = context;
    return sok_users_set_active(tx, change->user_id, false, change->now_ms, error);
}

// The command line writes rows and sends no event.
static void changes_by_others_are_caught_up_with(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user"), eve = make_user("eve", "user");
    struct sok_tokens tokens = start(&ada);
    const char **ids = NULL;
    size_t count = 0;
    assert_ok(authenticate(tokens.access_token));
    assert_ok(sok_sessions_catch_up(auth->sessions, arena, &ids, &count, &err));
    assert_int_equal(0, count); // being new is no change
    sok_clock_manual_advance(&time_now, 60000);
    assert_ok(authenticate(tokens.access_token));
    struct activation change = {ada.id, sok_clock_now_ms(&time_now.clock)};
    assert_ok(sok_db_write(db, disable_row, &change, &err));
    assert_ok(authenticate(tokens.access_token)); // cached
    assert_ok(sok_sessions_catch_up(auth->sessions, arena, &ids, &count, &err));
    assert_int_equal(1, count);
    assert_string_equal(ada.id, ids[0]);
    assert_string_not_equal(eve.id, ids[0]);
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(tokens.access_token));
    sok_clock_manual_advance(&time_now, SOK_CATCH_UP_MS);
    assert_ok(sok_sessions_catch_up(auth->sessions, arena, &ids, &count, &err));
    assert_int_equal(0, count);
}

static void disabled_user_is_out_within_the_cache_time_unasked(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user"), user;
    struct sok_tokens tokens = start(&ada), fresh;
    assert_ok(authenticate(tokens.access_token));
    struct row_change change = {ada.id, NULL};
    assert_ok(sok_db_write(db, change_row, &change, &err)); // as another process would
    sok_clock_manual_advance(&time_now, SOK_LIVE_TTL_MS);
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(tokens.access_token));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_session_refresh(auth->sessions, arena, tokens.refresh_token, &fresh, &err));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_accounts_login(&auth->accounts, arena, "ada", PASSWORD, &user, &err));
}

static void ending_all_sessions_can_keep_ones_own(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user"), eve = make_user("eve", "user");
    struct sok_tokens mine = start(&ada), other = start(&ada), hers = start(&eve);
    assert_ok(authenticate(mine.access_token));
    assert_ok(authenticate(other.access_token));
    assert_ok(sok_session_end_user(auth->sessions, ada.id, mine.session_id, "password_changed", &err));
    assert_ok(authenticate(mine.access_token));
    assert_int_equal(SOK_UNAUTHENTICATED, authenticate(other.access_token));
    assert_ok(authenticate(hers.access_token));
}

static void row_keeps_no_token_and_says_who_signed_in(void **state SOK_UNUSED)
{
    struct sok_user ada = make_user("ada", "user");
    struct sok_tokens tokens = start(&ada);
    struct sok_session *sessions = NULL;
    size_t count = 0;
    assert_ok(sok_sessions_list(sok_db_reader(db), arena, ada.id, NOW, &sessions, &count, &err));
    assert_int_equal(1, count);
    assert_string_equal(tokens.session_id, sessions[0].id);
    assert_string_equal("192.0.2.1", sessions[0].client_ip);
    struct sok_db_result rows;
    assert_ok(SOK_DB_QUERY(sok_db_reader(db), arena, &rows, &err, "SELECT token_hash FROM refresh_tokens"));
    assert_int_equal(1, rows.row_count);
    assert_int_equal(64, strlen(sok_db_get_text(&rows, 0, 0)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_fields_are_all_named),
        TEST(addresses_are_judged_by_what_mail_servers_take),
        TEST(taken_names_and_addresses_conflict_in_any_case),
        TEST(change_of_a_row_that_moved_on_is_refused),
        TEST(setup_token_makes_one_admin_and_is_gone),
        TEST(setup_link_still_works_after_an_ordinary_account),
        TEST(login_takes_name_or_address_and_says_one_thing_otherwise),
        TEST(login_makes_a_hash_of_another_cost_anew),
        TEST(changing_the_password_needs_the_present_one),
        TEST(access_token_stands_for_its_user),
        TEST(logout_ends_both_tokens_at_once),
        TEST(refresh_gives_a_new_pair_of_the_same_session),
        TEST(reused_refresh_token_ends_the_whole_family),
        TEST(session_lives_as_long_as_it_is_refreshed),
        TEST(role_counts_from_the_row_and_at_once_when_told),
        TEST(changes_by_others_are_caught_up_with),
        TEST(disabled_user_is_out_within_the_cache_time_unasked),
        TEST(ending_all_sessions_can_keep_ones_own),
        TEST(row_keeps_no_token_and_says_who_signed_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
