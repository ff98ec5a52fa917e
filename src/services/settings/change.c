// One PUT: every field is looked at before anything is written, in the transaction that writes.
#include <string.h>

#include "base/text.h"
#include "services/settings/overrides_private.h"
#include "services/settings/stored.h"

struct changing {
    struct sok_overrides *overrides;
    struct sok_arena *arena; // of the caller, who waits
    const struct sok_overrides_change *change;
    struct sok_overrides_state state;
    struct sok_db_tx *tx;
    int64_t now_ms;
    json_t *old_values, *new_values; // the touched settings
    struct sok_error found;          // every wrong field
};

static void note(struct changing *changing, const char *name, json_t *old_taken, const json_t *new_value)
{
    json_object_set_new(changing->old_values, name, old_taken ? old_taken : json_null());
    json_object_set_new(changing->new_values, name, new_value ? json_deep_copy(new_value) : json_null());
}

// NULL takes the override away.
static enum sok_status store(
    struct changing *changing, const char *name, const json_t *value, struct sok_error *err)
{
    if (!value || (json_is_object(value) && !json_object_size(value)))
        return sok_settings_remove(changing->tx, name, err);
    const struct sok_setting setting = {
        .name = name,
        .value = sok_json_dump(changing->arena, value),
        .updated_by = changing->change->user_id,
        .updated_at = changing->now_ms};
    return sok_settings_set(changing->tx, &setting, err);
}

static json_t *stored_value(const struct changing *changing, const char *name)
{
    const struct sok_setting *row = sok_overrides_find(&changing->state, name);
    return row ? sok_overrides_value(row) : NULL;
}

static enum sok_status set_config(
    struct changing *changing, const struct sok_config_row *row, const char *name, const json_t *value,
    struct sok_error *err)
{
    struct sok_config unused = changing->state.base;
    const json_t *wanted = json_is_null(value) ? NULL : value;
    if (wanted && !sok_overrides_read(changing->arena, row, name, wanted, &unused, &changing->found))
        return SOK_OK; // noted
    note(changing, name, stored_value(changing, name), wanted);
    return changing->found.field_count ? SOK_OK : store(changing, name, wanted, err);
}

// The wrong fields of a group, under their full names.
static void note_wrong(struct changing *changing, const char *group, const struct sok_error *wrong)
{
    for (int i = 0; i < wrong->field_count; i++)
        sok_fail_field(
            &changing->found, sok_format(changing->arena, "%s.%s", group, wrong->fields[i].field),
            wrong->fields[i].code, "%s", wrong->fields[i].message);
    if (!wrong->field_count)
        sok_fail_field(&changing->found, group, "wrong_type", "must be an object of its settings, or null");
}

static bool is_good_group(struct changing *changing, const char *group, const json_t *values)
{
    struct sok_error wrong = {0};
    struct sok_quality_profile profile;
    struct sok_naming_style style;
    enum sok_status status = strcmp(group, SOK_STORED_QUALITY) == 0
                                 ? sok_quality_profile_from_json(values, &profile, &wrong)
                                 : sok_naming_style_from_json(changing->arena, values, &style, &wrong);
    if (status != SOK_OK)
        note_wrong(changing, group, &wrong);
    return status == SOK_OK;
}

// What is stored of a group with the change in it; a null takes the field out.
static json_t *merge(json_t *stored_taken, const json_t *change)
{
    json_t *merged = json_is_object(stored_taken) ? json_deep_copy(stored_taken) : json_object();
    const char *key;
    json_t *value;
    json_decref(stored_taken);
    json_object_foreach((json_t *)change, key, value)
    {
        if (json_is_null(value))
            json_object_del(merged, key);
        else
            json_object_set_new(merged, key, json_deep_copy(value));
    }
    return merged;
}

static void note_group(
    struct changing *changing, const char *group, const json_t *merged, const json_t *change)
{
    SOK_JSON_AUTO *stored = stored_value(changing, group);
    const char *key;
    json_t *value;
    json_object_foreach(json_is_object(change) ? (json_t *)change : stored, key, value)
    {
        const char *name = sok_format(changing->arena, "%s.%s", group, key);
        note(changing, name, json_incref(json_object_get(stored, key)), json_object_get(merged, key));
    }
}

static enum sok_status set_group(
    struct changing *changing, const char *group, const json_t *change, struct sok_error *err)
{
    if (!json_is_object(change) && !json_is_null(change)) {
        sok_fail_field(&changing->found, group, "wrong_type", "must be an object of its settings, or null");
        return SOK_OK;
    }
    SOK_JSON_AUTO *merged =
        json_is_null(change) ? json_object() : merge(stored_value(changing, group), change);
    if (!is_good_group(changing, group, merged))
        return SOK_OK;
    note_group(changing, group, merged, change);
    return changing->found.field_count ? SOK_OK : store(changing, group, merged, err);
}

static enum sok_status set_one(
    struct changing *changing, const char *name, const json_t *value, struct sok_error *err)
{
    if (strcmp(name, SOK_STORED_QUALITY) == 0 || strcmp(name, SOK_STORED_NAMING) == 0)
        return set_group(changing, name, value, err);
    size_t count;
    const struct sok_config_row *rows = sok_config_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(sok_overrides_name(changing->arena, &rows[i]), name) == 0) {
            if (rows[i].live)
                return set_config(changing, &rows[i], name, value, err);
            sok_fail_field(
                &changing->found, name, "not_live", "is set in the configuration and needs a restart");
            return SOK_OK;
        }
    sok_fail_field(&changing->found, name, "unknown", "there is no such setting");
    return SOK_OK;
}

static enum sok_status check_version(struct changing *changing, struct sok_error *err)
{
    const char *version;
    if (!changing->change->seen_version)
        return SOK_OK;
    SOK_JSON_AUTO *view = sok_overrides_view(changing->arena, &changing->state, &version);
    if (!view || !sok_text_eq(version, changing->change->seen_version))
        return sok_fail(err, SOK_PRECONDITION, "the settings have changed since");
    return SOK_OK;
}

static enum sok_status write_changes(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct changing *changing = context;
    const char *name;
    json_t *value;
    changing->tx = tx;
    changing->found = (struct sok_error){0};
    json_object_clear(changing->old_values);
    json_object_clear(changing->new_values);
    SOK_TRY(sok_overrides_load(changing->overrides, tx, changing->arena, &changing->state, err));
    SOK_TRY(check_version(changing, err));
    json_object_foreach((json_t *)changing->change->body, name, value)
        SOK_TRY(set_one(changing, name, value, err));
    if (!changing->found.field_count)
        return SOK_OK;
    *err = changing->found;
    return SOK_INVALID;
}

enum sok_status sok_overrides_set(
    struct sok_overrides *overrides, struct sok_arena *arena, const struct sok_overrides_change *change,
    const char **ret_old, const char **ret_new, struct sok_error *err)
{
    SOK_JSON_AUTO *old_values = json_object();
    SOK_JSON_AUTO *new_values = json_object();
    struct changing changing = {
        .overrides = overrides,
        .arena = arena,
        .change = change,
        .now_ms = sok_clock_now_ms(overrides->options.clock),
        .old_values = old_values,
        .new_values = new_values};
    if (!json_is_object(change->body)) {
        sok_fail_field(err, "body", "wrong_type", "must be an object of settings");
        return SOK_INVALID;
    }
    SOK_TRY(sok_db_write(overrides->options.db, write_changes, &changing, err));
    sok_overrides_announce(overrides);
    *ret_old = sok_json_dump(arena, old_values);
    *ret_new = sok_json_dump(arena, new_values);
    return SOK_OK;
}
