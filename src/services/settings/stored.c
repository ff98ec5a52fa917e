#include "services/settings/stored.h"

#include <string.h>

#include "base/text.h"
#include "data/settings.h"

#define VALUE_MAX ((size_t)64 << 10)

static const struct sok_naming_field naming_fields[] = {
    {"movie", false,
     "where a film lies below the library: {title} {year} {resolution} {edition} {version}, \"{ (year)}\" "
     "with "
     "what stands around it"},
    {"episode", true,
     "where an episode lies below the library: {title} {year} {season:00} {episode:00} {number} "
     "{episode_title} {air_date} {resolution} {edition} {version}"},
};

const struct sok_naming_field *sok_naming_fields(size_t *ret_count)
{
    *ret_count = SOK_ARRAY_LEN(naming_fields);
    return naming_fields;
}

const char *sok_naming_field_get(const struct sok_naming_style *style, const struct sok_naming_field *field)
{
    return field->series ? style->episode : style->movie;
}

static const struct sok_naming_field *find_naming_field(const char *key)
{
    for (size_t i = 0; i < SOK_ARRAY_LEN(naming_fields); i++)
        if (strcmp(naming_fields[i].key, key) == 0)
            return &naming_fields[i];
    return NULL;
}

enum sok_status sok_naming_style_from_json(
    struct sok_arena *arena, const json_t *object, struct sok_naming_style *ret, struct sok_error *err)
{
    struct sok_naming_style style = sok_naming_style_default;
    struct sok_error found = {0};
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return sok_fail(err, SOK_INVALID, "the naming is a JSON object");
    json_object_foreach((json_t *)object, key, value)
    {
        const struct sok_naming_field *field = find_naming_field(key);
        const char *text = json_string_value(value);
        const char *wrong = field && text ? sok_naming_pattern_problem(arena, text, field->series) : NULL;
        if (!field)
            sok_fail_field(&found, key, "unknown", "there is no such setting");
        else if (!text)
            sok_fail_field(&found, key, "wrong_type", "must be text");
        else if (wrong)
            sok_fail_field(&found, key, "invalid", "%s", wrong);
        else if (field->series)
            style.episode = sok_strdup(arena, text);
        else
            style.movie = sok_strdup(arena, text);
    }
    if (found.field_count) {
        if (err)
            *err = found;
        return SOK_INVALID;
    }
    *ret = style;
    return SOK_OK;
}

// The object of one row; *ret stays NULL where there is none or it is no JSON. The caller's reference.
static enum sok_status load_object(
    struct sok_db_tx *tx, struct sok_arena *arena, const char *name, json_t **ret, struct sok_error *err)
{
    struct sok_setting setting;
    struct sok_error unused = {0};
    enum sok_status status = sok_settings_find(tx, arena, name, &setting, err);
    if (status != SOK_OK)
        return status == SOK_NOT_FOUND ? SOK_OK : status;
    if (sok_json_parse_lenient(setting.value, strlen(setting.value), VALUE_MAX, ret, &unused) != SOK_OK)
        *ret = NULL;
    return SOK_OK;
}

enum sok_status sok_stored_quality(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_quality_profile *ret, struct sok_error *err)
{
    SOK_JSON_AUTO *object = NULL;
    struct sok_error unused = {0};
    SOK_TRY(load_object(tx, arena, SOK_STORED_QUALITY, &object, err));
    if (!object || sok_quality_profile_from_json(object, ret, &unused) != SOK_OK)
        sok_quality_profile_default(ret);
    return SOK_OK;
}

enum sok_status sok_stored_naming(
    struct sok_db_tx *tx, struct sok_arena *arena, struct sok_naming_style *ret, struct sok_error *err)
{
    SOK_JSON_AUTO *object = NULL;
    struct sok_error unused = {0};
    SOK_TRY(load_object(tx, arena, SOK_STORED_NAMING, &object, err));
    if (!object || sok_naming_style_from_json(arena, object, ret, &unused) != SOK_OK)
        *ret = sok_naming_style_default;
    return SOK_OK;
}
