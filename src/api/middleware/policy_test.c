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
        {0, {WHO, NO, NO, NO}, WHO}, // a row without a policy
        {99, {WHO, NO, NO, NO}, WHO},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++) {
        struct sok_error err = {0};
        enum sok_policy policy = (enum sok_policy)rows[i].policy;
        for (int role = SOK_USER_NOBODY; role <= SOK_USER_ADMIN; role++)
            assert_int_equal(rows[i].verdicts[role], sok_policy_judge(policy, role, false, &err));
        assert_int_equal(
            rows[i].nobody_from_operator_address, sok_policy_judge(policy, SOK_USER_NOBODY, true, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_allow_whom_they_name_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
