#include "data/user_stats.h"

#include "data/users_private.h"

#define DAY_MS ((int64_t)86400000)

enum sok_status sok_user_totals_load(
    struct sok_db_tx *tx, int64_t now_ms, struct sok_user_totals *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_db_result row;
    SOK_TRY(SOK_DB_QUERY(
        tx, arena, &row, err,
        "SELECT count(*), count(CASE WHEN is_active = 1 THEN 1 END), count(CASE WHEN role = 'user' THEN 1 "
        "END), "
        "count(CASE WHEN role = 'moderator' THEN 1 END), count(CASE WHEN role = 'admin' THEN 1 END), "
        "count(CASE WHEN last_login_at > $1 THEN 1 END), count(CASE WHEN last_login_at > $2 THEN 1 END), "
        "count(CASE WHEN last_login_at > $3 THEN 1 END) FROM users",
        sok_db_int(now_ms - DAY_MS), sok_db_int(now_ms - 7 * DAY_MS), sok_db_int(now_ms - 30 * DAY_MS)));
    *ret = (struct sok_user_totals){
        .total = sok_db_get_int(&row, 0, 0),
        .active = sok_db_get_int(&row, 0, 1),
        .users = sok_db_get_int(&row, 0, 2),
        .moderators = sok_db_get_int(&row, 0, 3),
        .admins = sok_db_get_int(&row, 0, 4),
        .seen_day = sok_db_get_int(&row, 0, 5),
        .seen_week = sok_db_get_int(&row, 0, 6),
        .seen_month = sok_db_get_int(&row, 0, 7),
    };
    return SOK_OK;
}

enum sok_status sok_users_count_new(
    struct sok_db_tx *tx, int64_t from_ms, int64_t to_ms, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(
        tx, "SELECT count(*) FROM users WHERE created_at >= $1 AND created_at < $2",
        SOK_PARAMS(sok_db_int(from_ms), sok_db_int(to_ms)), ret, err);
}

#define DOWNLOADS "(SELECT count(*) FROM downloads WHERE downloads.user_id = users.id)"
#define SEARCHES "(SELECT count(*) FROM searches WHERE searches.user_id = users.id)"

#define U(field, kind) SOK_COLUMN(sok_user_activity, field, SOK_COLUMN_##kind)
static const struct sok_column columns[] = {
    U(id, TEXT),
    U(username, TEXT),
    U(role, TEXT),
    U(is_active, BOOL),
    U(last_login_at, OPT),
    U(created_at, INT),
    {.name = DOWNLOADS, .kind = SOK_COLUMN_INT, .offset = offsetof(struct sok_user_activity, downloads)},
    {.name = SEARCHES, .kind = SOK_COLUMN_INT, .offset = offsetof(struct sok_user_activity, searches)},
};
#undef U
static const struct sok_table table = SOK_TABLE("users", sok_user_activity, columns);

enum sok_status sok_user_activity_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_page *page,
    struct sok_user_activity **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err)
{
    static const struct sok_sort sorts[] = {
        {"created_at", "created_at", false},
        {"username", "username_folded", true},
        {"last_login_at", "COALESCE(last_login_at, 0)", false},
        {"downloads", DOWNLOADS, false},
        {"searches", SEARCHES, false},
    };
    static const struct sok_filter filters[] = {
        {"q", SOK_FILTER_PART, .condition = "username_folded LIKE '%' || lower(?) || '%' ESCAPE '\\'"},
        SOK_USERS_FILTERS,
    };
    SOK_WHERE_AUTO where;
    sok_where_init(&where);
    sok_where_filters(&where, arena, filters, SOK_ARRAY_LEN(filters), page, err);
    return sok_page_list(
        tx, arena, &table, &where, sorts, SOK_ARRAY_LEN(sorts), false, "id", page, ret, ret_count, ret_info,
        err);
}
