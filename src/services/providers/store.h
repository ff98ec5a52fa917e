// Writing the `providers` table: what an admin types is checked, the key is sealed. The API and the command
// line share it.
#ifndef SOK_SERVICES_PROVIDERS_STORE_H
#define SOK_SERVICES_PROVIDERS_STORE_H

#include "backends/db/db.h"
#include "data/providers.h"
#include "runtime/clock.h"
#include "services/auth/secretbox.h"

// What changes; what is NULL or -1 stays as it is (a new row: the default).
struct sok_provider_edit {
    const char *name, *kind, *base_url; // base_url "": the kind's own
    const char *api_key;                // "": none any more; one in base_url (`apikey=`) counts as given here
    int enabled;                        // 0 or 1
    int64_t priority;                   // higher is asked first
    int64_t seen_updated_at;            // of the row that the change starts from; 0: whichever it is
};
#define SOK_PROVIDER_EDIT_NONE ((struct sok_provider_edit){.enabled = -1, .priority = -1})

// Rows there may be; the rest of SOK_PROVIDERS_MAX is left to what the environment names.
#define SOK_PROVIDER_ROWS_MAX 48

struct sok_provider_store { // borrowed parts
    struct sok_db *db;
    const struct sok_secretbox *box;
    const struct sok_clock *clock;
};

// Adds a row (`id` NULL) or changes one. SOK_INVALID names each wrong field (see sok_provider_config_check)
// beside those that err has noted already, which it fails with, too: what could not be read counts as absent.
// SOK_CONFLICT: the name is taken, or there are as many as there may be, SOK_NOT_FOUND: no such row,
// SOK_PRECONDITION: it has changed since. *ret is the row as it is now, in the arena. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_provider_store_put(
    const struct sok_provider_store *store, struct sok_arena *arena, const char *id,
    const struct sok_provider_edit *edit, struct sok_provider *ret, struct sok_error *err);

// Removes a row by id; SOK_NOT_FOUND. Blocks on a write.
SOK_MUST_CHECK enum sok_status sok_provider_store_remove(
    const struct sok_provider_store *store, const char *id, struct sok_error *err);

#endif
