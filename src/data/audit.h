// Who did what, from where. The database refuses to change an entry, and to delete one before its time.
#ifndef SOK_DATA_AUDIT_H
#define SOK_DATA_AUDIT_H

#include "data/page.h"

// How long an entry is kept. The triggers of schema/0003_people.*.sql let nothing younger go.
#define SOK_AUDIT_KEEP_MS (INT64_C(365) * 86400000)

struct sok_audit {
    const char *id;
    const char *user_id, *username; // NULL: nobody signed in, or the program itself; the name as it was then
    const char *action;             // "login", "user.role", ...: docs/guide/audit.md
    const char *resource, *resource_id;
    const char *old_value, *new_value; // JSON; never secrets
    const char *ip_address, *ip_key;   // ip_key: sok_address_key (net/address.h), for ranges
    const char *request_id;
    int64_t created_at;
};

// Addresses from `first` to `last`, both as ip_key and belonging to it, but not those from except_first to
// except_last (NULL: all of them).
struct sok_audit_addresses {
    const char *first, *last, *except_first, *except_last;
};

SOK_MUST_CHECK enum sok_status sok_audit_insert(
    struct sok_db_tx *tx, const struct sok_audit *entry, struct sok_error *err);

// Whether there is an entry with this id.
SOK_MUST_CHECK enum sok_status sok_audit_has(
    struct sok_db_tx *tx, const char *id, bool *ret, struct sok_error *err);

// Sorts: created_at (own order, newest first). Filters (data/filter.h): user (id, or name of now or then),
// action, resource, resource_id, request_id, from, to ([from, to)). addresses NULL: any.
SOK_MUST_CHECK enum sok_status sok_audit_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const struct sok_audit_addresses *addresses,
    const struct sok_page *page, struct sok_audit **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);

// Deletes what was written before `before_ms`, a few thousand at once; SOK_CONFLICT or another failure when
// that reaches into what is to be kept.
SOK_MUST_CHECK enum sok_status sok_audit_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
