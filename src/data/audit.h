// Who did what, from where.
#ifndef SOK_DATA_AUDIT_H
#define SOK_DATA_AUDIT_H

#include "data/page.h"

struct sok_audit {
    const char *id, *user_id; // user_id NULL: nobody signed in, or the program itself
    const char *action;       // "login", "user.role", ...
    const char *resource, *resource_id;
    const char *old_value, *new_value; // JSON; never secrets
    const char *ip_address, *request_id;
    int64_t created_at;
};

SOK_MUST_CHECK enum sok_status sok_audit_insert(
    struct sok_db_tx *tx, const struct sok_audit *entry, struct sok_error *err);

struct sok_audit_filter {
    const char *user_id, *action, *resource, *ip_address; // NULL: any
    int64_t from_ms, to_ms;                               // [from, to), 0: open
};
// Sorts: created_at (own order, newest first).
SOK_MUST_CHECK enum sok_status sok_audit_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_audit_filter *filter,
    const struct sok_page *page, struct sok_audit **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);

#endif
