// Settings changed while running: a name and a JSON value each.
#ifndef SOK_DATA_SETTINGS_H
#define SOK_DATA_SETTINGS_H

#include "data/record.h"

struct sok_setting {
    const char *name, *value; // value: JSON text
    const char *updated_by;
    int64_t updated_at;
};

SOK_MUST_CHECK enum sok_status sok_settings_find(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, struct sok_setting *ret,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_settings_list(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_setting **ret, size_t *ret_count,
    struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_settings_set(
    struct sok_db_tx *tx, const struct sok_setting *setting, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_settings_remove(
    struct sok_db_tx *tx, const char *name, struct sok_error *err); // absent is fine

#endif
