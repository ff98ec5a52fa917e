#include "services/auth/reset.h"

#include "base/digest.h"
#include "services/auth/api_keys.h"
#include "services/auth/test_auth.h"

#define FRESH "another battery staple"

static struct sok_user ada;

static int setup_user(void **state)
{
    if (setup(state) != 0)
        return -1;
    ada = make_user("ada", "user");
    return 0;
}

static enum sok_status ask(const char *email, char token[SOK_RESET_TOKEN_SIZE])
{
    struct sok_user user;
    memset(&err, 0, sizeof(err));
    return sok_reset_start(auth, arena, email, &user, token, &err);
}

static enum sok_status finish(const char *token, const char *password, bool end_keys)
{
    struct sok_user user;
    memset(&err, 0, sizeof(err));
    return sok_reset_finish(auth, arena, token, password, end_keys, &user, &err);
}

static enum sok_status login(const char *password)
{
    struct sok_user user;
    return sok_accounts_login(&auth->accounts, arena, "ada", password, &user, &err);
}

static void token_gives_one_new_password_and_ends_the_sessions(void **state SOK_UNUSED)
{
    char token[SOK_RESET_TOKEN_SIZE], key[SOK_API_KEY_SIZE];
    struct sok_tokens tokens;
    struct sok_principal principal;
    struct sok_api_key row;
    assert_ok(sok_session_start(auth->sessions, arena, ada.id, NULL, NULL, &tokens, &err));
    assert_ok(sok_api_key_create(auth->sessions, arena, ada.id, "script", 0, &row, key, &err));
    assert_ok(ask("ADA@example.org", token));
    assert_ok(finish(token, FRESH, false));
    assert_ok(login(FRESH));
    assert_int_equal(SOK_UNAUTHENTICATED, login(PASSWORD));
    assert_int_equal(
        SOK_UNAUTHENTICATED,
        sok_session_authenticate(auth->sessions, arena, tokens.access_token, &principal, &err));
    assert_ok(sok_api_key_authenticate(auth->sessions, arena, key, &principal, &err));
    assert_int_equal(SOK_INVALID, finish(token, "a third one", false));
    assert_string_equal("token", err.fields[0].field);
    assert_ok(login(FRESH));
}

static void keys_end_when_asked_to(void **state SOK_UNUSED)
{
    char token[SOK_RESET_TOKEN_SIZE], key[SOK_API_KEY_SIZE];
    struct sok_principal principal;
    struct sok_api_key row;
    assert_ok(sok_api_key_create(auth->sessions, arena, ada.id, "script", 0, &row, key, &err));
    assert_ok(sok_api_key_authenticate(auth->sessions, arena, key, &principal, &err));
    assert_ok(ask("ada@example.org", token));
    assert_ok(finish(token, FRESH, true));
    assert_int_equal(
        SOK_UNAUTHENTICATED, sok_api_key_authenticate(auth->sessions, arena, key, &principal, &err));
}

static void token_ends_after_an_hour(void **state SOK_UNUSED)
{
    char token[SOK_RESET_TOKEN_SIZE];
    assert_ok(ask("ada@example.org", token));
    sok_clock_manual_advance(&time_now, SOK_RESET_TTL_MS - 1);
    assert_int_equal(SOK_INVALID, finish(token, "short", false)); // and is not used up by that
    assert_string_equal("password", err.fields[0].field);
    sok_clock_manual_advance(&time_now, 1);
    assert_int_equal(SOK_INVALID, finish(token, FRESH, false));
    assert_string_equal("token", err.fields[0].field);
    assert_ok(login(PASSWORD));
}

static void newer_token_makes_the_older_worthless(void **state SOK_UNUSED)
{
    char first[SOK_RESET_TOKEN_SIZE], second[SOK_RESET_TOKEN_SIZE];
    assert_ok(ask("ada@example.org", first));
    assert_ok(ask("ada@example.org", second));
    assert_string_not_equal(first, second);
    assert_int_equal(SOK_INVALID, finish(first, FRESH, false));
    assert_ok(finish(second, FRESH, false));
}

static void only_an_address_of_an_active_account_gets_one(void **state SOK_UNUSED)
{
    static const char *const nobody[] = {"eve@example.org", "ada", "", "ada@example.org ", "@"};
    char token[SOK_RESET_TOKEN_SIZE];
    for (size_t i = 0; i < SOK_ARRAY_LEN(nobody); i++)
        assert_int_equal(SOK_NOT_FOUND, ask(nobody[i], token));
}

static enum sok_status disable_body(struct sok_db_tx *tx, void *context SOK_UNUSED, struct sok_error *error)
{
    return sok_users_set_active(tx, ada.id, false, NOW, error);
}

static void disabled_account_stays_out(void **state SOK_UNUSED)
{
    char token[SOK_RESET_TOKEN_SIZE], later[SOK_RESET_TOKEN_SIZE];
    assert_ok(ask("ada@example.org", token));
    assert_ok(sok_db_write(db, disable_body, NULL, &err));
    assert_int_equal(SOK_NOT_FOUND, ask("ada@example.org", later));
    assert_int_equal(SOK_INVALID, finish(token, FRESH, false));
}

static void token_is_kept_as_a_hash(void **state SOK_UNUSED)
{
    char token[SOK_RESET_TOKEN_SIZE], hash[SOK_SHA256_HEX];
    struct sok_db_result rows;
    assert_ok(ask("ada@example.org", token));
    sok_sha256_hex(token, strlen(token), hash);
    assert_ok(SOK_DB_QUERY(sok_db_reader(db), arena, &rows, &err, "SELECT token_hash FROM password_resets"));
    assert_int_equal(1, rows.row_count);
    assert_string_equal(hash, sok_db_get_text(&rows, 0, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_user, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_gives_one_new_password_and_ends_the_sessions),
        TEST(keys_end_when_asked_to),
        TEST(token_ends_after_an_hour),
        TEST(newer_token_makes_the_older_worthless),
        TEST(only_an_address_of_an_active_account_gets_one),
        TEST(disabled_account_stays_out),
        TEST(token_is_kept_as_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
