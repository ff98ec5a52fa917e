#include "data/users.h"

#include <string.h>

#include "base/text.h"
#include "data/users_private.h"

#define U(field, kind) SOK_COLUMN(sok_user, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    U(id, TEXT),
    U(username, TEXT),
    U(email, TEXT),
    U(password_hash, TEXT),
    U(role, TEXT),
    U(avatar_url, TEXT),
    U(is_active, BOOL),
    U(last_login_at, OPT),
    SOK_COLUMN_FIXED(sok_user, created_at, SOK_COLUMN_INT),
    U(updated_at, INT),
};
#undef U
static const struct sok_table table = SOK_TABLE("users", sok_user, columns);

bool sok_role_is_known(const char *role)
{
    return sok_text_eq(role, SOK_ROLE_NAME_USER) || sok_text_eq(role, SOK_ROLE_NAME_MODERATOR) ||
           sok_text_eq(role, SOK_ROLE_NAME_ADMIN);
}

// ASCII letters only: two addresses that differ in an accent are two addresses.
const char *sok_users_fold(struct sok_arena *arena, const char *text)
{
    char *copy = sok_strdup(arena, text);
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

// Says which of the two is taken; asked first, because a failed insert cannot tell.
static enum sok_status check_free(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_user *user, struct sok_error *err)
{
    static const struct {
        const char *sql, *code, *message;
    } checks[] = {
        {"SELECT count(*) FROM users WHERE username_folded = $1 AND id <> $2", "username_taken",
         "this username is taken"},
        {"SELECT count(*) FROM users WHERE email_folded = $1 AND id <> $2", "email_taken",
         "there is an account with this mail address"},
    };
    const char *wanted[] = {user->username, user->email};
    for (size_t i = 0; i < SOK_ARRAY_LEN(checks); i++) {
        int64_t taken;
        SOK_TRY(sok_load_int(
            tx, checks[i].sql,
            SOK_PARAMS(sok_db_text(sok_users_fold(arena, wanted[i])), sok_db_text(user->id)), &taken, err));
        if (taken) {
            enum sok_status status = sok_fail(err, SOK_CONFLICT, "%s", checks[i].message);
            if (err)
                err->code = checks[i].code;
            return status;
        }
    }
    return SOK_OK;
}

enum sok_status sok_users_insert(struct sok_db_tx *tx, const struct sok_user *user, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_TRY(check_free(tx, arena, user, err));
    const struct sok_extra extras[] = {
        {"username_folded", sok_db_text(sok_users_fold(arena, user->username))},
        {"email_folded", sok_db_text(sok_users_fold(arena, user->email))},
    };
    return sok_table_insert(tx, NULL, &table, user, extras, SOK_ARRAY_LEN(extras), "", NULL, err);
}

enum sok_status sok_users_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_user *ret,
    struct sok_error *err)
{
    return sok_table_find(tx, arena, &table, "user", "WHERE id = $1", SOK_PARAMS(sok_db_text(id)), ret, err);
}

enum sok_status sok_users_find_login(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *login, struct sok_user *ret,
    struct sok_error *err)
{
    // A name has no '@', so the two cannot be mistaken for each other.
    return sok_table_find(
        tx, arena, &table, "user", "WHERE username_folded = $1 OR email_folded = $1",
        SOK_PARAMS(sok_db_text(sok_users_fold(arena, login))), ret, err);
}

enum sok_status sok_users_update(struct sok_db_tx *tx, const struct sok_user *user, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_TRY(check_free(tx, arena, user, err));
    const struct sok_extra extras[] = {
        {"username_folded", sok_db_text(sok_users_fold(arena, user->username))},
        {"email_folded", sok_db_text(sok_users_fold(arena, user->email))},
    };
    return sok_table_update(tx, &table, "user", user, extras, SOK_ARRAY_LEN(extras), err);
}

// SOK_CONFLICT when `id` is the only active admin.
static enum sok_status check_not_last_admin(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_user user;
    int64_t others;
    SOK_TRY(sok_users_find(tx, arena, id, &user, err));
    if (strcmp(user.role, SOK_ROLE_NAME_ADMIN) != 0 || !user.is_active)
        return SOK_OK;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM users WHERE role = 'admin' AND is_active = 1 AND id <> $1",
        SOK_PARAMS(sok_db_text(id)), &others, err));
    if (others)
        return SOK_OK;
    enum sok_status status = sok_fail(err, SOK_CONFLICT, "this is the last admin");
    if (err)
        err->code = "last_admin";
    return status;
}

// Every write is another version, also within one millisecond.
#define NEWER "updated_at = CASE WHEN updated_at < $3 THEN $3 ELSE updated_at + 1 END"

enum sok_status sok_users_delete(struct sok_db_tx *tx, const char *id, struct sok_error *err)
{
    SOK_TRY(check_not_last_admin(tx, id, err));
    return sok_change_one(tx, "user", "DELETE FROM users WHERE id = $1", SOK_PARAMS(sok_db_text(id)), err);
}

enum sok_status sok_users_set_role(
    struct sok_db_tx *tx, const char *id, const char *role, int64_t now_ms, struct sok_error *err)
{
    if (strcmp(role, SOK_ROLE_NAME_ADMIN) != 0)
        SOK_TRY(check_not_last_admin(tx, id, err));
    return sok_change_one(
        tx, "user", "UPDATE users SET role = $2, " NEWER " WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(role), sok_db_int(now_ms)), err);
}

enum sok_status sok_users_set_active(
    struct sok_db_tx *tx, const char *id, bool active, int64_t now_ms, struct sok_error *err)
{
    if (!active)
        SOK_TRY(check_not_last_admin(tx, id, err));
    return sok_change_one(
        tx, "user", "UPDATE users SET is_active = $2, " NEWER " WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_int(active), sok_db_int(now_ms)), err);
}

enum sok_status sok_users_set_password(
    struct sok_db_tx *tx, const char *id, const char *password_hash, int64_t now_ms, struct sok_error *err)
{
    return sok_change_one(
        tx, "user", "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(password_hash), sok_db_int(now_ms)), err);
}

enum sok_status sok_users_set_avatar(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, const char *url, int64_t now_ms,
    const char **ret_old, struct sok_error *err)
{
    struct sok_user user;
    SOK_TRY(sok_users_find(tx, arena, id, &user, err));
    SOK_TRY(sok_change_one(
        tx, "user", "UPDATE users SET avatar_url = $2, updated_at = $3 WHERE id = $1",
        SOK_PARAMS(sok_db_text(id), sok_db_text(url), sok_db_int(now_ms)), err));
    *ret_old = user.avatar_url;
    return SOK_OK;
}

enum sok_status sok_users_have_avatar(struct sok_db_tx *tx, const char *url, bool *ret, struct sok_error *err)
{
    int64_t count;
    SOK_TRY(sok_load_int(
        tx, "SELECT count(*) FROM users WHERE avatar_url = $1", SOK_PARAMS(sok_db_text(url)), &count, err));
    *ret = count > 0;
    return SOK_OK;
}

enum sok_status sok_users_changed_since(
    struct sok_db_tx *tx, struct sok_arena *arena, int64_t since_ms, const char ***ret_ids, size_t *ret_count,
    struct sok_error *err)
{
    struct sok_db_result rows;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &rows, err,
        "SELECT id FROM users WHERE updated_at > $1 AND updated_at > created_at ORDER BY updated_at DESC "
        "LIMIT "
        "1000",
        sok_db_int(since_ms)));
    const char **ids = sok_alloc(arena, (rows.row_count + 1) * sizeof(*ids));
    for (size_t i = 0; i < rows.row_count; i++)
        ids[i] = sok_db_get_text(&rows, i, 0);
    *ret_ids = ids;
    *ret_count = rows.row_count;
    return SOK_OK;
}

enum sok_status sok_users_count(struct sok_db_tx *tx, const char *role, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM users WHERE $1 = '' OR role = $1",
        SOK_PARAMS(sok_db_text(role ? role : "")), ret, err);
}

enum sok_status sok_users_find_admin(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_user *ret, struct sok_error *err)
{
    return sok_table_find(
        tx, arena, &table, "admin", "WHERE role = 'admin' AND is_active = 1 ORDER BY created_at, id LIMIT 1",
        NULL, 0, ret, err);
}

enum sok_status sok_users_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_page *page, struct sok_user **ret,
    size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},
        {"username", "username_folded", true},
        {"last_login_at", "COALESCE(last_login_at, 0)", false},
        {"role", "role", true},
    };
    static const struct sok_filter filters[] = {
        {"q", SOK_FILTER_PART,
         .condition = "username_folded LIKE '%' || lower(?) || '%' ESCAPE '\\' OR "
                      "email_folded LIKE '%' || lower(?) || '%' ESCAPE '\\'"},
        SOK_USERS_FILTERS,
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), false, "id", page, ret, ret_count, ret_info,
        err);
}
