// Indexers and metadata sources that were set up in the program (those of the environment are not here).
#ifndef SOK_DATA_PROVIDERS_H
#define SOK_DATA_PROVIDERS_H

#include "data/record.h"

struct sok_provider {
    const char *id, *name;
    const char *kind; // torznab, prowlarr, jackett, archive_org, tmdb, tvmaze
    const char *url;
    struct sok_bytes key_encrypted; // by services/auth/secretbox; empty: none
    bool is_enabled;
    int64_t priority;     // higher is asked first
    const char *settings; // JSON object
    int64_t last_ok_at, last_error_at;
    const char *last_error;
    int64_t created_at, updated_at;
};

SOK_MUST_CHECK enum sok_status sok_providers_insert(
    struct sok_db_tx *tx, const struct sok_provider *provider,
    struct sok_error *err); // SOK_CONFLICT: name taken
SOK_MUST_CHECK enum sok_status sok_providers_update(
    struct sok_db_tx *tx, const struct sok_provider *provider, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_providers_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *id, struct sok_provider *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_providers_find_name(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_provider *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_providers_list(
    struct sok_db_tx *tx, struct sok_arena *arena, bool only_enabled, struct sok_provider **ret,
    size_t *ret_count, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_providers_delete(
    struct sok_db_tx *tx, const char *id, struct sok_error *err);

// How the last calls of a provider went, in the table or of the environment. Zeros: it was never asked.
struct sok_provider_health {
    const char *name;
    int64_t last_ok_at, last_error_at;
    const char *last_error; // NULL: the last call was well
};
// By name; error NULL is well. Run in a write transaction.
SOK_MUST_CHECK enum sok_status sok_providers_set_health(
    struct sok_db_tx *tx, const char *name, const char *error, int64_t now_ms, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_providers_health(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_provider_health *ret,
    struct sok_error *err);

#endif
