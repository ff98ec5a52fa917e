#include "runtime/config_value.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

// The place of `text` in a NULL-terminated list of words (any case), or -1.
static int find_word(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcasecmp(words[i], text) == 0)
            return i;
    return -1;
}

static const char *parse_number(
    struct sok_arena *arena, const struct sok_config_row *row, const char *text, void *field)
{
    if (row->kind == SOK_CONFIG_REAL) {
        if (sok_parse_double(text, row->min, row->max, field))
            return NULL;
        return sok_format(arena, "expected a number from %g to %g", row->min, row->max);
    }
    if (row->kind == SOK_CONFIG_RATE && sok_text_ends(text, "/min"))
        text = sok_strndup(arena, text, strlen(text) - 4);
    if (sok_parse_int(text, (int64_t)row->min, (int64_t)row->max, field))
        return NULL;
    return sok_format(arena, "expected a whole number from %.0f to %.0f", row->min, row->max);
}

const char *const sok_role_names[] = {"api", "scout", "hunter", "oracle", "sentinel", NULL};

static const char *parse_roles(struct sok_arena *arena, const char *text, unsigned *ret_roles)
{
    unsigned roles = 0;
    while (*text) {
        size_t len = strcspn(text, ",");
        int at = find_word(sok_role_names, sok_text_trim(arena, sok_strndup(arena, text, len)));
        if (at < 0)
            return "expected a comma-separated list of api, scout, hunter, oracle, sentinel";
        roles |= 1U << at;
        text += len + (text[len] != 0);
    }
    *ret_roles = roles;
    return roles ? NULL : "names no role";
}

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL}; // as enum sok_log_format

const char *const *sok_config_words(enum sok_config_kind kind)
{
    return kind == SOK_CONFIG_LOG_LEVEL ? log_levels : kind == SOK_CONFIG_LOG_FORMAT ? log_formats : NULL;
}

const char *sok_config_word(const struct sok_config_row *row, const struct sok_config *config)
{
    if (row->kind == SOK_CONFIG_LOG_LEVEL)
        return log_levels[config->log_level];
    return row->kind == SOK_CONFIG_LOG_FORMAT ? log_formats[config->log_format] : NULL;
}

static const char *parse_word(enum sok_config_kind kind, const char *text, void *field)
{
    static const char *const bools[] = {"off", "on", "false", "true", "no", "yes", "0", "1", NULL};
    int at = find_word(kind == SOK_CONFIG_BOOL ? bools : sok_config_words(kind), text);
    if (kind == SOK_CONFIG_BOOL) {
        if (at < 0)
            return "expected on or off";
        *(bool *)field = at % 2 == 1;
    } else if (kind == SOK_CONFIG_LOG_LEVEL) {
        if (at < 0)
            return "expected debug, info, warn or error";
        *(enum sok_log_level *)field = (enum sok_log_level)at;
    } else {
        if (at < 0)
            return "expected json, text or auto";
        *(enum sok_log_format *)field = (enum sok_log_format)at;
    }
    return NULL;
}

const char *sok_config_value_parse(
    struct sok_arena *arena, const struct sok_config_row *row, const char *text, struct sok_config *config)
{
    void *field = (char *)config + row->offset;
    switch (row->kind) {
    case SOK_CONFIG_INT:
    case SOK_CONFIG_RATE:
    case SOK_CONFIG_REAL:
        return parse_number(arena, row, text, field);
    case SOK_CONFIG_ROLES:
        return parse_roles(arena, text, field);
    case SOK_CONFIG_BOOL:
    case SOK_CONFIG_LOG_LEVEL:
    case SOK_CONFIG_LOG_FORMAT:
        return parse_word(row->kind, text, field);
    default:
        break;
    }
    const char *wrong = sok_config_text_problem(arena, row->kind, text);
    if (!wrong)
        *(const char **)field = *text ? sok_strdup(arena, text) : NULL;
    return wrong;
}
