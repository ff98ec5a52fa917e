// Address ranges that are let in or kept out.
#ifndef SOK_DATA_IP_RULES_H
#define SOK_DATA_IP_RULES_H

#include "data/page.h"

struct sok_ip_rule {
    const char *id;
    const char *kind; // whitelist|blacklist
    const char *cidr, *reason;
    int64_t expires_at; // 0: never
    const char *created_by;
    int64_t created_at;
};

SOK_MUST_CHECK enum sok_status sok_ip_rules_insert(
    struct sok_db_tx *tx, const struct sok_ip_rule *rule,
    struct sok_error *err); // SOK_CONFLICT (code "rule_exists"): there is one
SOK_MUST_CHECK enum sok_status sok_ip_rules_count(
    struct sok_db_tx *tx, const char *kind, int64_t *ret, struct sok_error *err); // expired ones, too
// Of one kind, without expired ones. Sorts: created_at (own order, newest first), cidr, expires_at (those
// that never expire last).
SOK_MUST_CHECK enum sok_status sok_ip_rules_page(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, int64_t now_ms,
    const struct sok_page *page, struct sok_ip_rule **ret, size_t *ret_count, struct sok_page_info *ret_info,
    struct sok_error *err);
// kind NULL: both. Expired ones are left out.
SOK_MUST_CHECK enum sok_status sok_ip_rules_list(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, int64_t now_ms, struct sok_ip_rule **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_ip_rules_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *kind, const char *id, struct sok_ip_rule *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_ip_rules_delete(
    struct sok_db_tx *tx, const char *kind, const char *id, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_ip_rules_purge(
    struct sok_db_tx *tx, int64_t before_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
