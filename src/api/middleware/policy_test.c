#include "api/middleware/middleware.h"

#include "base/test.h"

static void policies_allow_whom_they_name_and_nobody_else(void **state SOK_UNUSED)
{
    enum { OK = SOK_OK, NO = SOK_DENIED, WHO = SOK_UNAUTHENTICATED };
    static const struct {
        int policy;
        int verdicts[4]; // nobody, user, moderator, admin
        int nobody_from_operator_address;
    } rows[] = {
        {SOK_POLICY_PUBLIC, {OK, OK, OK, OK}, OK},
        {SOK_POLICY_USER, {WHO, OK, OK, OK}, WHO},
        {SOK_POLICY_MODERATOR, {WHO, NO, OK, OK}, WHO},
        {SOK_POLICY_ADMIN, {WHO, NO, NO, OK}, WHO},
        {SOK_POLICY_SIGNED_URL, {OK, OK, OK, OK}, OK},
        {SOK_POLICY_OPERATOR, {WHO, NO, NO, OK}, OK},
        {SOK_POLICY_SESSION, {WHO, OK, OK, OK}, WHO},
        {0, {WHO, NO, NO, NO}, WHO}, // a row without a policy
        {99, {WHO, NO, NO, NO}, WHO},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_error err = {0};
        enum sok_policy policy = (enum sok_policy)rows[i].policy;
        struct sok_principal principal = {0};
        assert_int_equal(
            rows[i].nobody_from_operator_address, sok_policy_judge(policy, &principal, true, &err));
        for (int role = SOK_USER_NOBODY; role <= SOK_USER_ADMIN; role++) {
            principal = (struct sok_principal){.role = role, .session_id = role ? "session" : NULL};
            assert_int_equal(rows[i].verdicts[role], sok_policy_judge(policy, &principal, false, &err));
        }
    }
}

static void api_key_has_its_users_rights_but_is_no_person(void **state SOK_UNUSED)
{
    for (int policy = SOK_POLICY_PUBLIC; policy <= SOK_POLICY_SESSION; policy++) {
        for (int role = SOK_USER_USER; role <= SOK_USER_ADMIN; role++) {
            struct sok_error err = {0}, ignored = {0};
            struct sok_principal signed_in = {.role = role, .session_id = "session"};
            struct sok_principal script = {.role = role, .api_key_id = "key"};
            int verdict = sok_policy_judge(policy, &script, false, &err);
            if (policy != SOK_POLICY_SESSION) {
                assert_int_equal(sok_policy_judge(policy, &signed_in, false, &ignored), verdict);
                continue;
            }
            assert_int_equal(SOK_DENIED, verdict);
            assert_string_equal("session_required", err.code);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_allow_whom_they_name_and_nobody_else),
        cmocka_unit_test(api_key_has_its_users_rights_but_is_no_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
