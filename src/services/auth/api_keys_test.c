#include "services/auth/api_keys.h"

#include "services/auth/test_auth.h"

#define DAY INT64_C(86400000)

static struct sok_user ada, eve;

static int setup_users(void **state)
{
    if (setup(state) != 0)
        return -1;
    ada = make_user("ada", "user");
    eve = make_user("eve", "user");
    return 0;
}

static struct sok_api_key make(const struct sok_user *user, int64_t expires_at, char text[SOK_API_KEY_SIZE])
{
    struct sok_api_key key = {0};
    assert_ok(sok_api_key_create(auth->sessions, arena, user->id, "script", expires_at, &key, text, &err));
    return key;
}

static enum sok_status use(const char *text, struct sok_principal *ret)
{
    struct sok_principal principal = {0};
    memset(&err, 0, sizeof(err));
    enum sok_status status = sok_api_key_authenticate(auth->sessions, arena, text, &principal, &err);
    if (ret)
        *ret = principal;
    return status;
}

static void key_acts_as_its_user_and_is_no_session(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    struct sok_principal principal;
    struct sok_api_key key = make(&ada, 0, text);
    assert_ok(use(text, &principal));
    assert_string_equal(ada.id, principal.user_id);
    assert_string_equal("ada", principal.username);
    assert_int_equal(SOK_USER_USER, principal.role);
    assert_null(principal.session_id);
    assert_string_equal(key.id, principal.api_key_id);
    assert_string_equal(key.id, sok_principal_login_id(&principal));
    struct sok_principal by_id;
    assert_ok(sok_session_find(auth->sessions, arena, key.id, &by_id, &err));
    assert_string_equal(key.id, by_id.api_key_id);
    assert_null(by_id.session_id);
}

static void key_is_kept_as_a_hash(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE], other[SOK_API_KEY_SIZE];
    struct sok_api_key key = make(&ada, 0, text);
    make(&ada, 0, other);
    assert_string_not_equal(text, other);
    assert_int_equal(SOK_API_KEY_LEN, strlen(text));
    assert_true(sok_text_starts(text, SOK_API_KEY_START));
    assert_true(sok_text_starts(text, key.prefix) && strlen(key.prefix) < 16);
    assert_int_equal(64, strlen(key.key_hash));
    assert_null(strstr(key.key_hash, text + strlen(key.prefix)));
}

static void wrong_keys_are_refused(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE], changed[SOK_API_KEY_SIZE];
    struct sok_api_key key = make(&ada, 0, text);
    memcpy(changed, text, sizeof(text));
    changed[SOK_API_KEY_LEN - 1] = text[SOK_API_KEY_LEN - 1] == 'A' ? 'B' : 'A';
    const char *wrong[] = {
        "", "sok_", changed, key.prefix, key.key_hash, key.id, sok_format(arena, "%s ", text), text + 4,
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        assert_int_equal(SOK_UNAUTHENTICATED, use(wrong[i], NULL));
        assert_string_equal("api_key_invalid", err.code);
    }
    assert_ok(use(text, NULL));
}

static void deleted_key_is_refused_at_once_and_only_its_owner_deletes(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE], stays[SOK_API_KEY_SIZE];
    struct sok_principal principal;
    struct sok_api_key key = make(&ada, 0, text), gone;
    make(&ada, 0, stays);
    assert_ok(use(text, NULL));
    assert_int_equal(SOK_NOT_FOUND, sok_api_key_delete(auth->sessions, arena, eve.id, key.id, &gone, &err));
    assert_ok(use(text, NULL));
    assert_ok(sok_api_key_delete(auth->sessions, arena, ada.id, key.id, &gone, &err));
    assert_string_equal("script", gone.name);
    assert_int_equal(SOK_UNAUTHENTICATED, use(text, NULL));
    assert_int_equal(SOK_UNAUTHENTICATED, sok_session_find(auth->sessions, arena, key.id, &principal, &err));
    assert_ok(use(stays, NULL));
}

static void key_ends_when_it_expires(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    make(&ada, NOW + DAY, text);
    sok_clock_manual_advance(&time_now, DAY - 1);
    assert_ok(use(text, NULL));
    sok_clock_manual_advance(&time_now, 1); // still cached
    assert_int_equal(SOK_UNAUTHENTICATED, use(text, NULL));
    sok_clock_manual_advance(&time_now, SOK_LIVE_TTL_MS);
    assert_int_equal(SOK_UNAUTHENTICATED, use(text, NULL));
}

struct change {
    const char *user_id, *role, *deleted_key;
};

static enum sok_status change_body(struct sok_db_tx *tx, void *context, struct sok_error *error)
{
    const struct change *change = context;
    if (change->deleted_key)
        return sok_api_keys_delete(tx, change->user_id, change->deleted_key, error);
    if (change->role)
        return sok_users_set_role(tx, change->user_id, change->role, NOW, error);
    return sok_users_set_active(tx, change->user_id, false, NOW, error);
}

static void change(const char *user_id, const char *role, const char *deleted_key)
{
    struct change what = {user_id, role, deleted_key};
    assert_ok(sok_db_write(db, change_body, &what, &err));
}

static void role_and_disabling_count_at_once_when_told(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    struct sok_principal principal;
    make(&ada, 0, text);
    assert_ok(use(text, NULL));
    change(ada.id, "moderator", NULL);
    sok_session_forget_user(auth->sessions, ada.id);
    assert_ok(use(text, &principal));
    assert_int_equal(SOK_USER_MODERATOR, principal.role);
    change(ada.id, NULL, NULL);
    assert_ok(sok_session_end_user(auth->sessions, ada.id, NULL, "disabled", &err));
    assert_int_equal(SOK_UNAUTHENTICATED, use(text, NULL));
}

// What another process did unseen shows only when the entry is too old: so no request in between asked.
static void used_key_costs_no_read_for_the_cache_time(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    struct sok_api_key key = make(&ada, 0, text);
    assert_ok(use(text, NULL));
    change(ada.id, NULL, key.id);
    sok_clock_manual_advance(&time_now, SOK_LIVE_TTL_MS - 1);
    assert_ok(use(text, NULL));
    sok_clock_manual_advance(&time_now, 1);
    assert_int_equal(SOK_UNAUTHENTICATED, use(text, NULL));
}

static void ending_the_sessions_keeps_the_keys(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    make(&ada, 0, text);
    assert_ok(sok_session_end_user(auth->sessions, ada.id, NULL, "password_changed", &err));
    assert_ok(use(text, NULL));
}

static void keys_of_a_user_are_bounded(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE];
    struct sok_api_key key;
    for (int i = 0; i < SOK_API_KEYS_MAX; i++)
        make(&ada, 0, text);
    assert_int_equal(
        SOK_CONFLICT, sok_api_key_create(auth->sessions, arena, ada.id, "more", 0, &key, text, &err));
    assert_string_equal("too_many_keys", err.code);
    make(&eve, 0, text);
}

static void wrong_fields_are_all_named(void **state SOK_UNUSED)
{
    char text[SOK_API_KEY_SIZE], longest[SOK_API_KEY_NAME_MAX * 2 + 3] = "";
    struct sok_api_key key;
    assert_int_equal(
        SOK_INVALID, sok_api_key_create(auth->sessions, arena, ada.id, "", NOW, &key, text, &err));
    assert_int_equal(2, err.field_count);
    assert_string_equal("name", err.fields[0].field);
    assert_string_equal("expires_at", err.fields[1].field);
    for (int i = 0; i < SOK_API_KEY_NAME_MAX; i++)
        memcpy(longest + (size_t)2 * i, "\xc3\xa9", 2);
    assert_ok(sok_api_key_create(auth->sessions, arena, ada.id, longest, NOW + 1, &key, text, &err));
    longest[SOK_API_KEY_NAME_MAX * 2] = 'x';
    assert_int_equal(
        SOK_INVALID, sok_api_key_create(auth->sessions, arena, ada.id, longest, 0, &key, text, &err));
    assert_int_equal(
        SOK_INVALID, sok_api_key_create(auth->sessions, arena, ada.id, "a\nb", 0, &key, text, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_users, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(key_acts_as_its_user_and_is_no_session),
        TEST(key_is_kept_as_a_hash),
        TEST(wrong_keys_are_refused),
        TEST(deleted_key_is_refused_at_once_and_only_its_owner_deletes),
        TEST(key_ends_when_it_expires),
        TEST(role_and_disabling_count_at_once_when_told),
        TEST(used_key_costs_no_read_for_the_cache_time),
        TEST(ending_the_sessions_keeps_the_keys),
        TEST(keys_of_a_user_are_bounded),
        TEST(wrong_fields_are_all_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
