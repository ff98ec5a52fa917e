// Settings changed while the program runs (PUT /admin/settings): kept in the table `settings`, laid over what
// the configuration said, and taken over by every process.
//
// What can be set is one list: every row of the configuration that SIGHUP can change, by its name without
// SOKOUL_ and in lower case ("rate_api"), and the two groups of services/settings/stored.h,
// "quality_profile" and "naming".
#ifndef SOK_SERVICES_SETTINGS_OVERRIDES_H
#define SOK_SERVICES_SETTINGS_OVERRIDES_H

#include "backends/db/db.h"
#include "base/json.h"
#include "runtime/clock.h"
#include "runtime/config.h"

struct sok_overrides;
struct sok_queue;

// All borrowed. `config` is the running configuration as it was loaded: its live fields follow from now on.
struct sok_overrides_options {
    struct sok_config *config;
    struct sok_db *db;
    struct sok_queue *queue;
    const struct sok_clock *clock;
};

// Reads what is stored and lays it over the configuration. Blocks. Owned by the caller; close after the
// queue.
SOK_MUST_CHECK enum sok_status sok_overrides_open(
    const struct sok_overrides_options *options, struct sok_overrides **ret, struct sok_error *err);
struct sok_overrides *sok_overrides_close(struct sok_overrides *overrides);

// From now on every change, also one that another process announces ("invalidate.settings"), is followed by a
// call of `applied`, which hands the new values to what keeps a copy of them; `failed` is told when stored
// settings could not be read. Both on whatever thread changed something, one call at a time, and quick. Once,
// when all that `context` needs is there.
SOK_MUST_CHECK enum sok_status sok_overrides_follow(
    struct sok_overrides *overrides, void (*applied)(void *context),
    void (*failed)(void *context, const struct sok_error *err), void *context, struct sok_error *err);

// SIGHUP: `fresh` is what the configuration says now. *ret_changed: the names of the live settings that it
// says differently, *ret_kept: those of them that are overridden and so stay; comma-separated, in the arena.
// Blocks on the database; when that cannot be read, nothing has changed.
SOK_MUST_CHECK enum sok_status sok_overrides_rebase(
    struct sok_overrides *overrides, struct sok_arena *arena, const struct sok_config *fresh,
    const char **ret_changed, const char **ret_kept, struct sok_error *err);

// Everything that can be set: an object of {value, configured, overridden, ...}, the groups as objects of
// such. *ret_version names exactly this state, in the arena. The caller's reference. Blocks on the database.
SOK_MUST_CHECK enum sok_status sok_overrides_json(
    struct sok_overrides *overrides, struct sok_arena *arena, json_t **ret, const char **ret_version,
    struct sok_error *err);

struct sok_overrides_change {
    const json_t *body;       // {"rate_api": 200, "naming": {"movie": null}}: null takes an override away
    const char *seen_version; // SOK_PRECONDITION when the state is another one by now; NULL: whatever it is
    const char *user_id;
};

// All of it or nothing: SOK_INVALID names each wrong field ("quality_profile.min_height"). What is changed is
// in force when this returns, and announced. *ret_old, *ret_new: the settings touched and their overrides
// before and after (null: none), JSON text in the arena. Blocks on the database.
SOK_MUST_CHECK enum sok_status sok_overrides_set(
    struct sok_overrides *overrides, struct sok_arena *arena, const struct sok_overrides_change *change,
    const char **ret_old, const char **ret_new, struct sok_error *err);

#endif
