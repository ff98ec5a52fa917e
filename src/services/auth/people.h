// What an operator does with the accounts of others: role, enabling and disabling, deleting. It bites before
// these return: sessions, API keys and WebSockets of the account end or get the new role.
#ifndef SOK_SERVICES_AUTH_PEOPLE_H
#define SOK_SERVICES_AUTH_PEOPLE_H

#include "services/auth/auth.h"

struct sok_person_edit {
    const char *role;        // NULL: stays; one that sok_role_is_known
    bool enable, disable;    // neither: stays
    int64_t seen_updated_at; // the version that was looked at; 0: whichever
};

// SOK_NOT_FOUND; SOK_CONFLICT (code "last_admin") when no active admin would be left, also when two ask at
// the same time; SOK_PRECONDITION when it is another version. The two outputs are the account before and
// after, in the arena. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_person_change(
    struct sok_auth *auth, struct sok_arena *arena, const char *user_id, const struct sok_person_edit *edit,
    struct sok_user *ret_before, struct sok_user *ret_after, struct sok_error *err);

// The account and all that is only its own: sessions, keys, searches, jobs, downloads, history, favorites,
// watchlist, collections. What its downloads put into the library stays; what lies in the download folder
// goes once the hunter has come by (the event "command.download" wakes it), unless another user downloads the
// same. What it did stays in the audit trail. Errors as above. *ret: the account that was.
SOK_MUST_CHECK enum sok_status sok_person_delete(
    struct sok_auth *auth, struct sok_arena *arena, const char *user_id, struct sok_user *ret,
    struct sok_error *err);

#endif
