// What can be set, as an admin sees it: each setting with its value, what configuration says, and its limits.
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "services/settings/overrides_private.h"
#include "services/settings/stored.h"

#define VERSION_LEN 32

static json_t *field_json(
    json_t *value_taken, json_t *configured_taken, const struct sok_setting *row, const char *kind,
    const char *help)
{
    json_t *field = json_object();
    json_object_set_new(field, "value", value_taken);
    json_object_set_new(field, "configured", configured_taken);
    sok_json_set_bool(field, "overridden", row != NULL);
    sok_json_set_text(field, "kind", kind);
    sok_json_set_text(field, "help", help);
    sok_json_set_time(field, "changed_at", row ? row->updated_at : 0);
    sok_json_set_optional_text(field, "changed_by", row ? row->updated_by : NULL);
    return field;
}

static void add_limits(json_t *field, double min, double max, bool whole)
{
    json_object_set_new(field, "min", whole ? json_integer((json_int_t)min) : json_real(min));
    json_object_set_new(field, "max", whole ? json_integer((json_int_t)max) : json_real(max));
}

// --- Settings of the configuration.

static json_t *config_value(const struct sok_config_row *row, const struct sok_config *config)
{
    const void *at = (const char *)config + row->offset;
    switch (row->kind) {
    case SOK_CONFIG_INT:
    case SOK_CONFIG_RATE:
        return json_integer(*(const int64_t *)at);
    case SOK_CONFIG_REAL:
        return json_real(*(const double *)at);
    case SOK_CONFIG_BOOL:
        return json_boolean(*(const bool *)at);
    default: {
        const char *word = sok_config_word(row, config);
        return word ? json_string(word) : json_null();
    }
    }
}

static const char *kind_of(const struct sok_config_row *row)
{
    switch (row->kind) {
    case SOK_CONFIG_INT:
        return "integer";
    case SOK_CONFIG_RATE:
        return "per_minute";
    case SOK_CONFIG_REAL:
        return "number";
    case SOK_CONFIG_BOOL:
        return "boolean";
    default:
        return sok_config_words(row->kind) ? "choice" : "text";
    }
}

static json_t *config_field(
    struct sok_arena *arena, const struct sok_overrides_state *state, const struct sok_config *running,
    const struct sok_config_row *row)
{
    json_t *field = field_json(
        config_value(row, running), config_value(row, &state->base),
        sok_overrides_find(state, sok_overrides_name(arena, row)), kind_of(row), row->help);
    if (row->max > row->min)
        add_limits(field, row->min, row->max, row->kind != SOK_CONFIG_REAL);
    const char *const *words = sok_config_words(row->kind);
    json_t *choices = words ? json_array() : NULL;
    for (; words && *words; words++)
        json_array_append_new(choices, json_string(*words));
    if (choices)
        json_object_set_new(field, "choices", choices);
    sok_json_set_text(field, "variable", row->name);
    return field;
}

static void add_config(struct sok_arena *arena, const struct sok_overrides_state *state, json_t *view)
{
    size_t count;
    const struct sok_config_row *rows = sok_config_rows(&count);
    struct sok_config running = state->base;
    sok_overrides_lay(arena, state, &running);
    for (size_t i = 0; i < count; i++)
        if (rows[i].live)
            json_object_set_new(
                view, sok_overrides_name(arena, &rows[i]), config_field(arena, state, &running, &rows[i]));
}

// --- The groups.

static const struct sok_setting *row_with(
    const struct sok_setting *row, const json_t *stored, const char *key)
{
    return json_object_get(stored, key) ? row : NULL;
}

static void add_quality(const struct sok_overrides_state *state, json_t *view)
{
    static const char *const kinds[] = {
        [SOK_QUALITY_NUMBER] = "integer", [SOK_QUALITY_FLAG] = "boolean", [SOK_QUALITY_WORDS] = "words"};
    const struct sok_setting *row = sok_overrides_find(state, SOK_STORED_QUALITY);
    SOK_JSON_AUTO *stored = row ? sok_overrides_value(row) : NULL;
    struct sok_quality_profile profile, plain;
    sok_quality_profile_default(&plain);
    if (!stored || sok_quality_profile_from_json(stored, &profile, NULL) != SOK_OK)
        profile = plain;
    SOK_JSON_AUTO *values = sok_quality_profile_to_json(&profile);
    SOK_JSON_AUTO *defaults = sok_quality_profile_to_json(&plain);
    json_t *group = json_object();
    size_t count;
    const struct sok_quality_field *fields = sok_quality_fields(&count);
    for (size_t i = 0; i < count; i++) {
        const char *key = fields[i].key;
        json_t *field = field_json(
            json_incref(json_object_get(values, key)), json_incref(json_object_get(defaults, key)),
            row_with(row, stored, key), kinds[fields[i].kind], fields[i].help);
        if (fields[i].kind == SOK_QUALITY_NUMBER)
            add_limits(field, fields[i].min, fields[i].max, true);
        sok_json_set_text(field, "pattern", fields[i].pattern);
        json_object_set_new(group, key, field);
    }
    json_object_set_new(view, SOK_STORED_QUALITY, group);
}

// What a pattern makes of a made-up film or episode.
static const char *example_of(
    struct sok_arena *arena, const struct sok_naming_style *style, const struct sok_naming_field *field)
{
    const struct sok_naming naming = {
        .title = field->series ? "Harbour Lights" : "Paper Lantern",
        .year = field->series ? 2016 : 2019,
        .resolution = "1080p",
        .edition = field->series ? NULL : "Director's Cut",
        .series = field->series,
        .season = 2,
        .episode = 3,
        .episode_title = "The Long Pier",
        .air_date = "2017-03-04",
        .extension = "mkv",
        .style = style};
    char *path = NULL;
    return sok_naming_path(arena, &naming, &path, NULL) == SOK_OK ? path : NULL;
}

static void add_naming(struct sok_arena *arena, const struct sok_overrides_state *state, json_t *view)
{
    const struct sok_setting *row = sok_overrides_find(state, SOK_STORED_NAMING);
    SOK_JSON_AUTO *stored = row ? sok_overrides_value(row) : NULL;
    struct sok_naming_style style = sok_naming_style_default;
    if (stored && sok_naming_style_from_json(arena, stored, &style, NULL) != SOK_OK)
        style = sok_naming_style_default;
    json_t *group = json_object();
    size_t count;
    const struct sok_naming_field *fields = sok_naming_fields(&count);
    for (size_t i = 0; i < count; i++) {
        json_t *field = field_json(
            json_string(sok_naming_field_get(&style, &fields[i])),
            json_string(sok_naming_field_get(&sok_naming_style_default, &fields[i])),
            row_with(row, stored, fields[i].key), "pattern", fields[i].help);
        sok_json_set_text(field, "example", example_of(arena, &style, &fields[i]));
        json_object_set_new(group, fields[i].key, field);
    }
    json_object_set_new(view, SOK_STORED_NAMING, group);
}

json_t *sok_overrides_view(
    struct sok_arena *arena, const struct sok_overrides_state *state, const char **ret_version)
{
    char hex[SOK_SHA256_HEX];
    json_t *view = json_object();
    add_config(arena, state, view);
    add_quality(state, view);
    add_naming(arena, state, view);
    const char *text =
        sok_json_dump(arena, view); // in the order of insertion, so the same for the same state
    sok_sha256_hex(text, strlen(text), hex);
    *ret_version = sok_strndup(arena, hex, VERSION_LEN);
    return view;
}
