// The settings that no configuration file knows, as the table `settings` has them: the quality profile and
// how files are named. What is not set there is the default.
#ifndef SOK_SERVICES_SETTINGS_STORED_H
#define SOK_SERVICES_SETTINGS_STORED_H

#include "backends/db/db.h"
#include "base/json.h"
#include "domain/naming.h"
#include "domain/quality.h"

// Names of their rows; the value is an object of the fields that were set.
#define SOK_STORED_QUALITY "quality_profile"
#define SOK_STORED_NAMING "naming"

// Read each time they are needed, so that every process works by what was set last. Text in the arena. Block
// on the database; what cannot be read as such a setting (written by another version) gives the default.
SOK_MUST_CHECK enum sok_status sok_stored_quality(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_quality_profile *ret, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_stored_naming(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_naming_style *ret, struct sok_error *err);

// The fields of "naming".
struct sok_naming_field {
    const char *key; // "movie"
    bool series;
    const char *help;
};
const struct sok_naming_field *sok_naming_fields(size_t *ret_count);
const char *sok_naming_field_get(const struct sok_naming_style *style, const struct sok_naming_field *field);

// As sok_quality_profile_from_json, for {"movie": pattern, "episode": pattern}. Text in the arena.
SOK_MUST_CHECK enum sok_status sok_naming_style_from_json(
    struct sok_arena *arena, const json_t *object, struct sok_naming_style *ret, struct sok_error *err);

#endif
