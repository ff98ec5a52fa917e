#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define DEPTH_MAX 64 // a message says so, too

// jansson's own depth limit is 2048, far more than a thread's stack should be asked for by a stranger.
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

// jansson's own texts quote what was sent, which may be a password with a comma too few behind it.
static const char *reason(const json_error_t *why)
{
    switch (json_error_code(why)) {
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something stands behind its end";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text contains NUL";
    case json_error_duplicate_key:
        return "a name stands twice in one object";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "this is not JSON";
    }
}

static enum sok_status malformed(struct sok_error *err, const char *why)
{
    (void)sok_fail(err, SOK_INVALID, "malformed JSON: %s", why);
    if (err)
        err->code = "malformed_json";
    return SOK_INVALID;
}

static enum sok_status parse(
    const char *text, size_t len, size_t max_bytes, size_t flags, json_t **ret, struct sok_error *err)
{
    if (len > max_bytes)
        return sok_fail(err, SOK_TOO_LARGE, "JSON of %zu bytes is over the limit of %zu", len, max_bytes);
    if (too_deep(text, len))
        return malformed(err, "it is nested more than 64 deep");
    json_error_t why = {0};
    json_t *value = json_loadb(text ? text : "", len, flags, &why);
    if (!value) {
        char at[120];
        snprintf(at, sizeof(at), "%s (line %d, column %d)", reason(&why), why.line, why.column);
        return malformed(err, at);
    }
    *ret = value;
    return SOK_OK;
}

enum sok_status sok_json_parse(
    const char *text, size_t len, size_t max_bytes, json_t **ret, struct sok_error *err)
{
    return parse(text, len, max_bytes, JSON_REJECT_DUPLICATES, ret, err);
}

enum sok_status sok_json_parse_lenient(
    const char *text, size_t len, size_t max_bytes, json_t **ret, struct sok_error *err)
{
    return parse(text, len, max_bytes, 0, ret, err);
}

// Fifteen digits are what a double holds for sure: 7.1 is written as 7.1, not as 7.0999999999999996.
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

char *sok_json_dump(struct sok_arena *arena, const json_t *value)
{
    if (!value)
        return NULL;
    size_t len = json_dumpb(value, NULL, 0, DUMP_FLAGS);
    char *text = sok_alloc(arena, len + 1);
    json_dumpb(value, text, len, DUMP_FLAGS);
    return text;
}

const char *sok_json_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int64_t sok_json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return json_integer_value(value);
    double real = json_real_value(value);
    if (json_is_real(value) && floor(real) == real && fabs(real) < 9e15)
        return (int64_t)real;
    return fallback;
}

double sok_json_real(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool sok_json_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

void sok_json_set_text(json_t *object, const char *key, const char *value)
{
    if (!value)
        return;
    json_t *text = json_string(value);
    if (!text) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        text = json_string(sok_utf8_clean(arena, value, strlen(value)));
    }
    json_object_set_new(object, key, text);
}

void sok_json_set_int(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

void sok_json_set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

void sok_json_set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

void sok_json_set_time(json_t *object, const char *key, int64_t at_ms)
{
    char text[SOK_TIME_TEXT];
    if (at_ms)
        sok_time_format(at_ms, text);
    json_object_set_new(object, key, at_ms ? json_string(text) : json_null());
}

void sok_json_set_optional_text(json_t *object, const char *key, const char *value)
{
    if (value)
        sok_json_set_text(object, key, value);
    else
        json_object_set_new(object, key, json_null());
}

void sok_json_set_optional_int(json_t *object, const char *key, int64_t value, int64_t unknown)
{
    json_object_set_new(object, key, value == unknown ? json_null() : json_integer(value));
}
