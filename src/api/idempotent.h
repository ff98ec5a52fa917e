// Idempotency-Key: the same key from the same user within 24 hours gives the same answer and makes no second
// job.
#ifndef SOK_API_IDEMPOTENT_H
#define SOK_API_IDEMPOTENT_H

#include "api/api.h"
#include "backends/db/db.h"

struct sok_idempotent { // of one request; text in its arena
    const char *name;   // NULL: the request has no key
    const char *body_hash;
    const char *user_id;
    int64_t now_ms;
};

// Reads the header. A key that was answered before: replies that answer and sets *ret_replied; one that came
// with another body before, or is none: SOK_INVALID with the header noted as a field, beside which the caller
// notes what is wrong with the body. Call it first, and again when the write failed with SOK_CONFLICT and
// code "idempotency_race".
SOK_MUST_CHECK enum sok_status sok_idempotent_begin(
    struct sok_request *request, struct sok_idempotent *ret, bool *ret_replied, struct sok_error *err);

// Keeps the answer in the transaction that makes the job. Nothing happens without a key.
SOK_MUST_CHECK enum sok_status sok_idempotent_keep(
    struct sok_db_tx *tx, const struct sok_idempotent *idempotent, int http_status, const char *response_json,
    struct sok_error *err);

#endif
