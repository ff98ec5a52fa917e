// Answers given under an Idempotency-Key, so that a repeated request gets the same one.
#ifndef SOK_DATA_IDEMPOTENCY_H
#define SOK_DATA_IDEMPOTENCY_H

#include "data/record.h"

struct sok_idempotency {
    const char *user_id, *name; // name: the header's value behind the route ("POST /search:abc")
    const char *request_hash;   // of the body, hex
    int64_t http_status;
    const char *response; // JSON
    int64_t created_at, expires_at;
};

// SOK_NOT_FOUND: no (living) answer yet. The caller compares request_hash: another body under the same key is
// its error.
SOK_MUST_CHECK enum sok_status sok_idempotency_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *user_id, const char *name, int64_t now_ms,
    struct sok_idempotency *ret, struct sok_error *err);
// In the transaction that creates the job. SOK_CONFLICT: somebody else was first; roll back, find and answer
// theirs. An expired row is replaced.
SOK_MUST_CHECK enum sok_status sok_idempotency_insert(
    struct sok_db_tx *tx, const struct sok_idempotency *answer, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_idempotency_purge(
    struct sok_db_tx *tx, int64_t now_ms, int64_t *ret_deleted, struct sok_error *err);

#endif
