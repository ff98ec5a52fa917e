// What the files of services/settings share. Nothing outside this folder includes it.
#ifndef SOK_SERVICES_SETTINGS_OVERRIDES_PRIVATE_H
#define SOK_SERVICES_SETTINGS_OVERRIDES_PRIVATE_H

#include <pthread.h>

#include "data/settings.h"
#include "services/settings/overrides.h"

struct sok_overrides {
    struct sok_overrides_options options;
    // Held over a reading of the database and the taking over of what was read, so that an older reading
    // never replaces a newer one. Taken before `lock`; nothing that is called under it takes it.
    pthread_mutex_t apply_lock;
    void (*applied)(void *context); // this and the next two: under apply_lock
    void (*failed)(void *context, const struct sok_error *err);
    void *context;
    pthread_mutex_t lock;   // a leaf: guards `base`
    struct sok_config base; // what the configuration says
};

// The rows of the table in this moment and what lies beneath them.
struct sok_overrides_state {
    struct sok_config base;
    struct sok_setting *rows;
    size_t count;
};

SOK_MUST_CHECK enum sok_status sok_overrides_load(
    struct sok_overrides *overrides, struct sok_db_tx *tx, struct sok_arena *arena,
    struct sok_overrides_state *ret, struct sok_error *err);

// The row of a name; NULL when it is not overridden.
const struct sok_setting *sok_overrides_find(const struct sok_overrides_state *state, const char *name);

// "rate_api" of "SOKOUL_RATE_API", in the arena.
const char *sok_overrides_name(struct sok_arena *arena, const struct sok_config_row *row);

// Reads a JSON value into the row's field of `config`. False: it is none of this setting, noted in err under
// `name` (may be NULL).
bool sok_overrides_read(
    struct sok_arena *arena, const struct sok_config_row *row, const char *name, const json_t *value,
    struct sok_config *config, struct sok_error *err);

// The JSON value of a row's text; NULL when it is none. The caller's reference.
json_t *sok_overrides_value(const struct sok_setting *row);

// Lays the stored values over the live fields of `config`.
void sok_overrides_lay(
    struct sok_arena *arena, const struct sok_overrides_state *state, struct sok_config *config);

// Takes over what was just written and tells the other processes.
void sok_overrides_announce(struct sok_overrides *overrides);

// view.c: the object of sok_overrides_json, and its version.
json_t *sok_overrides_view(
    struct sok_arena *arena, const struct sok_overrides_state *state, const char **ret_version);

#endif
