#include "services/auth/people.h"

#include "base/text.h"
#include "data/dead_letters.h"
#include "data/leftovers.h"

struct edit {
    const char *user_id;
    const struct sok_person_edit *edit;
    struct sok_arena *arena;
    int64_t now_ms;
    struct sok_user before, after;
};

static enum sok_status change_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct edit *edit = context;
    const struct sok_person_edit *wanted = edit->edit;
    SOK_TRY(sok_users_find(tx, edit->arena, edit->user_id, &edit->before, err));
    if (wanted->seen_updated_at && wanted->seen_updated_at != edit->before.updated_at)
        return sok_fail(err, SOK_PRECONDITION, "the account was changed at the same time");
    if (wanted->role && !sok_text_eq(wanted->role, edit->before.role))
        SOK_TRY(sok_users_set_role(tx, edit->user_id, wanted->role, edit->now_ms, err));
    if ((wanted->enable && !edit->before.is_active) || (wanted->disable && edit->before.is_active))
        SOK_TRY(sok_users_set_active(tx, edit->user_id, wanted->enable, edit->now_ms, err));
    return sok_users_find(tx, edit->arena, edit->user_id, &edit->after, err);
}

// What is cached of the account goes in any case: its row says already that it may not come in.
static enum sok_status throw_out(
    struct sok_auth *auth, const char *user_id, const char *reason, struct sok_error *err)
{
    enum sok_status status = sok_session_end_user(auth->sessions, user_id, NULL, reason, err);
    sok_session_forget_user(auth->sessions, user_id);
    return status;
}

enum sok_status sok_person_change(
    struct sok_auth *auth, struct sok_arena *arena, const char *user_id, const struct sok_person_edit *wanted,
    struct sok_user *ret_before, struct sok_user *ret_after, struct sok_error *err)
{
    struct edit edit = {
        .user_id = user_id, .edit = wanted, .arena = arena, .now_ms = sok_clock_now_ms(auth->accounts.clock)};
    SOK_TRY(sok_db_write(auth->accounts.db, change_body, &edit, err));
    if (edit.before.is_active && !edit.after.is_active)
        SOK_TRY(throw_out(auth, user_id, "disabled", err));
    else if (edit.before.updated_at != edit.after.updated_at)
        sok_session_forget_user(auth->sessions, user_id);
    *ret_before = edit.before;
    *ret_after = edit.after;
    return SOK_OK;
}

static enum sok_status delete_body(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct edit *edit = context;
    SOK_TRY(sok_users_find(tx, edit->arena, edit->user_id, &edit->before, err));
    SOK_TRY(sok_leftovers_note(tx, edit->user_id, edit->now_ms, err));
    SOK_TRY(sok_dead_letters_delete_of(tx, edit->user_id, err));
    return sok_users_delete(tx, edit->user_id, err); // the rest goes by ON DELETE CASCADE
}

enum sok_status sok_person_delete(
    struct sok_auth *auth, struct sok_arena *arena, const char *user_id, struct sok_user *ret,
    struct sok_error *err)
{
    struct edit edit = {.user_id = user_id, .arena = arena, .now_ms = sok_clock_now_ms(auth->accounts.clock)};
    SOK_TRY(sok_db_write(auth->accounts.db, delete_body, &edit, err));
    SOK_TRY(throw_out(auth, user_id, "deleted", err));
    *ret = edit.before;
    return SOK_OK;
}
