#include "api/middleware/middleware.h"

enum sok_status sok_policy_judge(
    enum sok_policy policy, const struct sok_principal *principal, bool is_operator_address,
    struct sok_error *err)
{
    int needed = SOK_USER_ADMIN + 1; // whatever is not listed below is for nobody
    switch (policy) {
    case SOK_POLICY_PUBLIC:
    case SOK_POLICY_SIGNED_URL:
        return SOK_OK;
    case SOK_POLICY_USER:
    case SOK_POLICY_SESSION:
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
    if (principal->role == SOK_USER_NOBODY)
        return sok_fail(err, SOK_UNAUTHENTICATED, "sign in first");
    if ((int)principal->role < needed)
        return sok_fail(err, SOK_DENIED, "your role does not allow this");
    if (policy == SOK_POLICY_SESSION && !principal->session_id) {
        enum sok_status status = sok_fail(err, SOK_DENIED, "this needs a sign-in; an API key is not enough");
        if (err)
            err->code = "session_required";
        return status;
    }
    return SOK_OK;
}
