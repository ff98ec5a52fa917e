#include "services/settings/overrides_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "backends/queue/queue.h"
#include "base/text.h"
#include "runtime/config_value.h"

const char *sok_overrides_name(struct sok_arena *arena, const struct sok_config_row *row)
{
    char *name = sok_strdup(arena, row->name + strlen("SOKOUL_"));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return name;
}

json_t *sok_overrides_value(const struct sok_setting *row)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *list = NULL;
    struct sok_error unused = {0};
    const char *text = sok_format(arena, "[%s]", row->value); // a text of one value alone is no document
    if (sok_json_parse_lenient(text, strlen(text), (size_t)64 << 10, &list, &unused) != SOK_OK)
        return NULL;
    return json_incref(json_array_get(list, 0));
}

const struct sok_setting *sok_overrides_find(const struct sok_overrides_state *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->rows[i].name, name) == 0)
            return &state->rows[i];
    return NULL;
}

// The value as a configuration file would say it; NULL when its type is another one, *ret_wanted says which.
static const char *text_of(
    struct sok_arena *arena, const struct sok_config_row *row, const json_t *value, const char **ret_wanted)
{
    switch (row->kind) {
    case SOK_CONFIG_INT:
    case SOK_CONFIG_RATE:
        *ret_wanted = "must be a whole number";
        return json_is_integer(value) ? sok_format(arena, "%lld", (long long)json_integer_value(value))
                                      : NULL;
    case SOK_CONFIG_REAL:
        *ret_wanted = "must be a number";
        return json_is_number(value) ? sok_format(arena, "%.17g", json_number_value(value)) : NULL;
    case SOK_CONFIG_BOOL:
        *ret_wanted = "must be true or false";
        return json_is_boolean(value) ? (json_is_true(value) ? "on" : "off") : NULL;
    default:
        *ret_wanted = "must be text";
        return json_string_value(value);
    }
}

bool sok_overrides_read(
    struct sok_arena *arena, const struct sok_config_row *row, const char *name, const json_t *value,
    struct sok_config *config, struct sok_error *err)
{
    const char *wanted, *text = text_of(arena, row, value, &wanted);
    if (!text || strlen(text) > 1000) {
        if (name)
            sok_fail_field(err, name, "wrong_type", "%s", wanted);
        return false;
    }
    const char *wrong = sok_config_value_parse(arena, row, text, config);
    if (wrong && name)
        sok_fail_field(err, name, row->max > row->min ? "out_of_range" : "invalid", "%s", wrong);
    return !wrong;
}

void sok_overrides_lay(
    struct sok_arena *arena, const struct sok_overrides_state *state, struct sok_config *config)
{
    size_t count;
    const struct sok_config_row *rows = sok_config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct sok_setting *row =
            rows[i].live ? sok_overrides_find(state, sok_overrides_name(arena, &rows[i])) : NULL;
        SOK_JSON_AUTO *value = row ? sok_overrides_value(row) : NULL;
        if (value) // what another version stored and this one does not take is as if it were not there
            (void)sok_overrides_read(arena, &rows[i], NULL, value, config, NULL);
    }
}

enum sok_status sok_overrides_load(
    struct sok_overrides *overrides, struct sok_db_tx *tx, struct sok_arena *arena,
    struct sok_overrides_state *ret, struct sok_error *err)
{
    SOK_TRY(sok_settings_list(tx, arena, &ret->rows, &ret->count, err));
    pthread_mutex_lock(&overrides->lock);
    ret->base = overrides->base;
    pthread_mutex_unlock(&overrides->lock);
    return SOK_OK;
}

// Reads what is stored and takes it over. `fresh`: a new base, only when the reading went well; NULL: the old
// one.
static enum sok_status apply(
    struct sok_overrides *overrides, const struct sok_config *fresh, struct sok_overrides_state *ret_state,
    struct sok_arena *arena, struct sok_error *err)
{
    pthread_mutex_lock(&overrides->apply_lock);
    struct sok_overrides_state state;
    enum sok_status status =
        sok_overrides_load(overrides, sok_db_reader(overrides->options.db), arena, &state, err);
    if (status == SOK_OK) {
        if (fresh) {
            pthread_mutex_lock(&overrides->lock);
            sok_config_apply_live(&overrides->base, fresh);
            pthread_mutex_unlock(&overrides->lock);
        }
        struct sok_config running = fresh ? *fresh : state.base;
        sok_overrides_lay(arena, &state, &running);
        sok_config_apply_live(overrides->options.config, &running);
        if (overrides->applied)
            overrides->applied(overrides->context);
        if (ret_state)
            *ret_state = state;
    } else if (overrides->failed && !ret_state) { // else the caller says it
        overrides->failed(overrides->context, err);
    }
    pthread_mutex_unlock(&overrides->apply_lock);
    return status;
}

static enum sok_status reload(struct sok_overrides *overrides)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    return apply(overrides, NULL, NULL, arena, &err);
}

static void on_event(const struct sok_event *event, void *context)
{
    if (strcmp(event->subject, "invalidate.settings") == 0)
        (void)reload(context);
}

enum sok_status sok_overrides_open(
    const struct sok_overrides_options *options, struct sok_overrides **ret, struct sok_error *err)
{
    struct sok_overrides *overrides = calloc(1, sizeof(*overrides));
    if (!overrides)
        sok_panic("out of memory");
    overrides->options = *options;
    overrides->base = *options->config;
    pthread_mutex_init(&overrides->apply_lock, NULL);
    pthread_mutex_init(&overrides->lock, NULL);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    enum sok_status status = apply(overrides, NULL, NULL, arena, err);
    if (status != SOK_OK) {
        sok_overrides_close(overrides);
        return status;
    }
    *ret = overrides;
    return SOK_OK;
}

struct sok_overrides *sok_overrides_close(struct sok_overrides *overrides)
{
    if (!overrides)
        return NULL;
    pthread_mutex_destroy(&overrides->apply_lock);
    pthread_mutex_destroy(&overrides->lock);
    free(overrides);
    return NULL;
}

enum sok_status sok_overrides_follow(
    struct sok_overrides *overrides, void (*applied)(void *context),
    void (*failed)(void *context, const struct sok_error *err), void *context, struct sok_error *err)
{
    pthread_mutex_lock(&overrides->apply_lock);
    overrides->applied = applied;
    overrides->failed = failed;
    overrides->context = context;
    pthread_mutex_unlock(&overrides->apply_lock);
    SOK_TRY(sok_queue_subscribe(overrides->options.queue, "invalidate.settings", on_event, overrides, err));
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    return apply(overrides, NULL, NULL, arena, err); // what changed since it was opened
}

// The comma-separated ones of `names` that are overridden.
static const char *overridden_of(
    struct sok_arena *arena, const struct sok_overrides_state *state, const struct sok_config *before,
    const struct sok_config *after)
{
    const char *names = "";
    size_t count;
    const struct sok_config_row *rows = sok_config_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].live && !sok_config_same(&rows[i], before, after) &&
            sok_overrides_find(state, sok_overrides_name(arena, &rows[i])))
            names = sok_format(arena, "%s%s%s", names, *names ? ", " : "", rows[i].name);
    return names;
}

enum sok_status sok_overrides_rebase(
    struct sok_overrides *overrides, struct sok_arena *arena, const struct sok_config *fresh,
    const char **ret_changed, const char **ret_kept, struct sok_error *err)
{
    struct sok_overrides_state state; // with the base from before
    SOK_TRY(apply(overrides, fresh, &state, arena, err));
    *ret_changed = sok_config_changes(arena, &state.base, fresh, true);
    *ret_kept = overridden_of(arena, &state, &state.base, fresh);
    return SOK_OK;
}

enum sok_status sok_overrides_json(
    struct sok_overrides *overrides, struct sok_arena *arena, json_t **ret, const char **ret_version,
    struct sok_error *err)
{
    struct sok_overrides_state state;
    SOK_TRY(sok_overrides_load(overrides, sok_db_reader(overrides->options.db), arena, &state, err));
    *ret = sok_overrides_view(arena, &state, ret_version);
    return SOK_OK;
}

void sok_overrides_announce(struct sok_overrides *overrides)
{
    (void)reload(overrides);
    sok_queue_publish_event(
        overrides->options.queue,
        &(struct sok_event){.subject = "invalidate.settings", .user_id = "", .json = "{}"});
}
