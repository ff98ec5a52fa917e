#include "api/middleware/middleware.h"

enum sok_status sok_policy_judge(
    enum sok_policy policy, int role, bool is_operator_address, struct sok_error *err)
{
    int needed = SOK_USER_ADMIN + 1; // whatever is not listed below is for nobody
    switch (policy) {
    case SOK_POLICY_PUBLIC:
    case SOK_POLICY_SIGNED_URL:
        return SOK_OK;
    case SOK_POLICY_USER:
        needed = SOK_USER_USER;
        break;
    case SOK_POLICY_MODERATOR:
        needed = SOK_USER_MODERATOR;
        break;
    case SOK_POLICY_ADMIN:
        needed = SOK_USER_ADMIN;
        break;
    case SOK_POLICY_OPERATOR:
        if (is_operator_address)
            return SOK_OK;
        needed = SOK_USER_ADMIN;
        break;
    }
    if (role == SOK_USER_NOBODY)
        return sok_fail(err, SOK_UNAUTHENTICATED, "sign in first");
    if (role < needed)
        return sok_fail(err, SOK_DENIED, "your role does not allow this");
    return SOK_OK;
}
