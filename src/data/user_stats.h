// Numbers about the accounts, without what identifies people outside: no mail addresses.
#ifndef SOK_DATA_USER_STATS_H
#define SOK_DATA_USER_STATS_H

#include "data/users.h"

struct sok_user_totals {
    int64_t total, active, users, moderators, admins;
    int64_t seen_day, seen_week, seen_month; // last signed in within 24 hours, 7 days, 30 days
};
SOK_MUST_CHECK enum sok_status sok_user_totals_load(
    struct sok_db_tx *tx, int64_t now_ms, struct sok_user_totals *ret, struct sok_error *err);

// Accounts made in [from, to).
SOK_MUST_CHECK enum sok_status sok_users_count_new(
    struct sok_db_tx *tx, int64_t from_ms, int64_t to_ms, int64_t *ret, struct sok_error *err);

struct sok_user_activity {
    const char *id, *username, *role;
    bool is_active;
    int64_t last_login_at, created_at;
    int64_t downloads, searches; // rows there are: searches are kept for a week
};
// As sok_users_list, but q looks at names alone. Sorts: created_at (own order), username, last_login_at,
// downloads, searches.
SOK_MUST_CHECK enum sok_status sok_user_activity_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_page *page,
    struct sok_user_activity **ret, size_t *ret_count, struct sok_page_info *ret_info, struct sok_error *err);

#endif
