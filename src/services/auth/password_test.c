#include "services/auth/password.h"

#include <string.h>

#include "base/test.h"

#define COST 4

static void right_password_verifies_and_another_does_not(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    char hash[SOK_PASSWORD_HASH_SIZE], again[SOK_PASSWORD_HASH_SIZE];
    assert_ok(sok_password_hash("correct horse", COST, hash, &err));
    assert_memory_equal("$2b$04$", hash, 7);
    assert_true(sok_password_verify("correct horse", hash, COST));
    assert_false(sok_password_verify("correct horsf", hash, COST));
    assert_false(sok_password_verify("", hash, COST));
    assert_ok(sok_password_hash("correct horse", COST, again, &err));
    assert_string_not_equal(hash, again);
}

static void hash_of_another_bcrypt_verifies(void **state SOK_UNUSED)
{
    // Made with Python's crypt module: crypt.crypt("sokoul-test", "$2b$05$abcdefghijklmnopqrstuu").
    assert_true(sok_password_verify(
        "sokoul-test", "$2b$05$abcdefghijklmnopqrstuudQEDvSZGPWyQFcugInog5x6vWfA62NC", COST));
}

static void length_is_checked_in_characters_and_bytes(void **state SOK_UNUSED)
{
    static const struct {
        const char *password;
        const char *code; // NULL: fine
    } rows[] = {
        {NULL, "required"},
        {"", "required"},
        {"1234567", "too_short"},
        {"12345678", NULL},
        {"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "too_short"}, // four characters in eight bytes
        {"123456789012345678901234567890123456789012345678901234567890123456789012", NULL},
        {"1234567890123456789012345678901234567890123456789012345678901234567890123", "too_long"},
        {"1234567\xff", "invalid"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_error err = {0};
        enum sok_status status = sok_password_check("password", rows[i].password, &err);
        assert_int_equal(rows[i].code ? SOK_INVALID : SOK_OK, status);
        if (rows[i].code)
            assert_string_equal(rows[i].code, err.fields[0].code);
    }
}

static void what_bcrypt_would_cut_off_is_refused(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    char hash[SOK_PASSWORD_HASH_SIZE], longer[100];
    memset(longer, 'a', 72);
    longer[72] = '\0';
    assert_ok(sok_password_hash(longer, COST, hash, &err));
    assert_true(sok_password_verify(longer, hash, COST));
    longer[72] = 'b';
    longer[73] = 0;
    assert_false(sok_password_verify(longer, hash, COST));
}

static void unknown_user_is_never_right(void **state SOK_UNUSED)
{
    assert_false(sok_password_verify("whatever it is", NULL, COST));
    assert_false(sok_password_verify("whatever it is", "", COST));
    assert_false(sok_password_verify("whatever it is", "$1$abc$def", COST));
    assert_false(sok_password_verify(NULL, NULL, COST));
}

static void hash_of_another_cost_is_outdated(void **state SOK_UNUSED)
{
    struct sok_error err = {0};
    char hash[SOK_PASSWORD_HASH_SIZE];
    assert_ok(sok_password_hash("correct horse", COST, hash, &err));
    assert_false(sok_password_is_outdated(hash, COST));
    assert_true(sok_password_is_outdated(hash, COST + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_password_verifies_and_another_does_not),
        cmocka_unit_test(hash_of_another_bcrypt_verifies),
        cmocka_unit_test(length_is_checked_in_characters_and_bytes),
        cmocka_unit_test(what_bcrypt_would_cut_off_is_refused),
        cmocka_unit_test(unknown_user_is_never_right),
        cmocka_unit_test(hash_of_another_cost_is_outdated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
