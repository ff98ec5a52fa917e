// Accounts. Names and mail addresses are unique without regard to case.
#ifndef SOK_DATA_USERS_H
#define SOK_DATA_USERS_H

#include "data/page.h"

#define SOK_ROLE_NAME_USER "user"
#define SOK_ROLE_NAME_MODERATOR "moderator"
#define SOK_ROLE_NAME_ADMIN "admin"

bool sok_role_is_known(const char *role);

struct sok_user {
    const char *id, *username, *email, *password_hash, *role, *avatar_url;
    bool is_active;
    int64_t last_login_at, created_at, updated_at;
};

// The caller has validated the fields. SOK_CONFLICT (code "username_taken" or "email_taken").
SOK_MUST_CHECK enum sok_status sok_users_insert(
    struct sok_db_tx *tx, const struct sok_user *user, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_users_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_user *ret,
    struct sok_error *err);
// By username or mail address, any case.
SOK_MUST_CHECK enum sok_status sok_users_find_login(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *login, struct sok_user *ret,
    struct sok_error *err);
// How logins are compared: ASCII letters in lower case. In the arena.
const char *sok_users_fold(struct sok_arena *arena, const char *login);
// Writes every field but id and created_at. SOK_CONFLICT as insert, SOK_NOT_FOUND.
SOK_MUST_CHECK enum sok_status sok_users_update(
    struct sok_db_tx *tx, const struct sok_user *user, struct sok_error *err);
// SOK_CONFLICT (code "last_admin") when it is the only active admin; the same for the next two.
SOK_MUST_CHECK enum sok_status sok_users_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_users_set_role(
    struct sok_db_tx *tx, const char *id, const char *role, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_users_set_active(
    struct sok_db_tx *tx, const char *id, bool active, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_users_set_password(
    struct sok_db_tx *tx, const char *id, const char *password_hash, int64_t now_ms, struct sok_error *err);
// Sets or (NULL) takes away the picture. *ret_old: the one before, in the arena, NULL without.
SOK_MUST_CHECK enum sok_status sok_users_set_avatar(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *url, int64_t now_ms,
    const char **ret_old, struct sok_error *err);
// Whether somebody's picture it is.
SOK_MUST_CHECK enum sok_status sok_users_have_avatar(
    struct sok_db_tx *tx, const char *url, bool *ret, struct sok_error *err);
// The ids of accounts that were changed (not: made) after since_ms; at most 1,000 of them.
SOK_MUST_CHECK enum sok_status sok_users_changed_since(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t since_ms, const char ***ret_ids, size_t *ret_count,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_users_count(
    struct sok_db_tx *tx, const char *role, int64_t *ret, struct sok_error *err); // role NULL: all

// The oldest active admin.
SOK_MUST_CHECK enum sok_status sok_users_find_admin(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_user *ret, struct sok_error *err);

// Sorts: created_at (own order), username, last_login_at, role. Filters (data/filter.h): role, is_active, q
// (part of name or address).
SOK_MUST_CHECK enum sok_status sok_users_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_page *page, struct sok_user **ret,
    size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);

#endif
