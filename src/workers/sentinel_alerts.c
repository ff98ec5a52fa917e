// Two thresholds a rule, so that a value that trembles around one of them does not ring all day; and some
// want to see it more than once.
#include <stddef.h>

#include "backends/queue/queue.h"
#include "base/json.h"
#include "runtime/log.h"
#include "workers/sentinel_private.h"

#define MIB 1048576.0
#define AT(field) offsetof(struct sok_config, field)
#define FIXED 0 // no setting: raised at 1, cleared at 0

static const struct rule {
    const char *name, *message, *cleared;
    size_t setting;          // of struct sok_config: when it is raised, in `unit`; 0 there: never
    double unit, clear_part; // cleared at this part (or multiple) of it
    int samples;             // in a row, before it is raised
    bool when_below;         // alarming when the value is small
    bool is_critical;
    bool is_of_host; // one machine's; the others are everybody's
} rules[SOK_GAUGE_COUNT] = {
    [SOK_GAUGE_CPU] =
        {"cpu", "the processors are busy all the time", "the processors have time again",
         AT(alert_cpu_percent), 1, 0.85, 4, .is_of_host = true},
    [SOK_GAUGE_MEMORY] =
        {"memory", "the machine's memory is nearly used up", "the machine has memory again",
         AT(alert_memory_percent), 1, 0.95, 2, .is_of_host = true},
    [SOK_GAUGE_DISK_DATA] =
        {"disk_data", "little room for the data folder", "there is room for the data folder again",
         AT(alert_disk_mib), MIB, 2, 1, .when_below = true, .is_critical = true, .is_of_host = true},
    [SOK_GAUGE_DISK_DOWNLOADS] =
        {"disk_downloads", "little room for downloads", "there is room for downloads again",
         AT(alert_disk_mib), MIB, 2, 1, .when_below = true, .is_critical = true, .is_of_host = true},
    [SOK_GAUGE_DISK_LIBRARY] =
        {"disk_library", "little room in the library", "there is room in the library again",
         AT(alert_disk_mib), MIB, 2, 1, .when_below = true, .is_of_host = true},
    [SOK_GAUGE_DATABASE] =
        {"database", "the database does not answer", "the database answers again", FIXED, 1, 0, 1,
         .is_critical = true},
    [SOK_GAUGE_CACHE] =
        {"cache", "the cache does not answer", "the cache answers again", FIXED, 1, 0, 1,
         .is_critical = true},
    [SOK_GAUGE_QUEUE] =
        {"queue", "the queue does not answer", "the queue answers again", FIXED, 1, 0, 1,
         .is_critical = true},
    [SOK_GAUGE_SCANNER] =
        {"scanner", "the virus scanner does not answer", "the virus scanner answers again", FIXED, 1, 0, 2},
    [SOK_GAUGE_PROVIDERS] =
        {"providers", "providers fail again and again", "all providers answer again", FIXED, 1, 0, 1},
    [SOK_GAUGE_PENDING] =
        {"queue_depth", "many jobs wait", "fewer jobs wait", AT(alert_queue_jobs), 1, 0.5, 1},
    [SOK_GAUGE_QUEUE_AGE] =
        {"queue_age", "searches wait long for a worker", "searches are done in time again",
         AT(alert_queue_seconds), 1, 0.5, 1, .is_critical = true},
    [SOK_GAUGE_DEAD_LETTERS] =
        {"dead_letters", "many jobs failed for good", "fewer jobs lie with the dead letters",
         AT(alert_dead_letters), 1, 0.5, 1},
};

const char *sok_alert_name(enum sok_gauge gauge)
{
    return rules[gauge].name;
}

const char *sok_alert_severity(enum sok_gauge gauge)
{
    return rules[gauge].is_critical ? "critical" : "warning";
}

enum sok_place sok_alert_place(enum sok_gauge gauge)
{
    return rules[gauge].is_of_host ? SOK_PLACE_HOST : SOK_PLACE_SYSTEM;
}

// Where it is raised; false: it is switched off.
static bool threshold_of(const struct sok_config *config, const struct rule *rule, double *ret)
{
    if (rule->setting == FIXED) {
        *ret = 1;
        return true;
    }
    const _Atomic int64_t *setting = (const _Atomic int64_t *)((const char *)config + rule->setting);
    int64_t value = *setting;
    *ret = (double)value * rule->unit;
    return value > 0;
}

json_t *sok_alert_describe(const struct sok_alert_change *change, const char *host)
{
    const struct rule *rule = &rules[change->gauge];
    json_t *data = json_object();
    sok_json_set_text(data, "name", rule->name);
    sok_json_set_text(data, "state", change->is_raised ? "raised" : "cleared");
    sok_json_set_text(data, "severity", sok_alert_severity(change->gauge));
    sok_json_set_text(data, "message", change->is_raised ? rule->message : rule->cleared);
    sok_json_set_real(data, "value", change->value);
    sok_json_set_real(data, "threshold", change->threshold);
    if (rule->is_of_host)
        sok_json_set_text(data, "host", host);
    return data;
}

void sok_alert_publish(
    const struct sok_worker_env *env, const struct sok_alert_change *change, const char *host)
{
    const struct rule *rule = &rules[change->gauge];
    bool raised = change->is_raised;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *data = sok_alert_describe(change, host);
    struct sok_event event = {.subject = "alert", .user_id = "", .json = sok_json_dump(arena, data)};
    sok_queue_publish_event(env->queue, &event);
    sok_metric_add(
        env->metrics, SOK_METRIC_SENTINEL_ALERTS, 1, sok_label_find(SOK_LABEL_ALERT, rule->name),
        sok_label_find(SOK_LABEL_ALERT_STATE, raised ? "raised" : "cleared"), 0);
    sok_log(
        raised ? SOK_LOG_WARN : SOK_LOG_INFO, SOK_LOG_WORKER, raised ? "alert" : "alert cleared",
        SOK_TEXT("alert", rule->name), SOK_TEXT("severity", sok_alert_severity(change->gauge)),
        SOK_TEXT("reason", raised ? rule->message : rule->cleared), SOK_REAL("value", change->value),
        SOK_REAL("threshold", change->threshold), SOK_TEXT("host", rule->is_of_host ? host : NULL));
    sok_log(
        SOK_LOG_INFO, SOK_LOG_AUDIT, "audit", SOK_TEXT("action", raised ? "alert.raised" : "alert.cleared"),
        SOK_TEXT("resource", "alert"), SOK_TEXT("resource_id", rule->name));
}

// Whether the state changes with this value; *ret_threshold: the one that was passed.
static bool has_changed(
    const struct rule *rule, double raise, double value, struct sok_alert_state *state, double *ret_threshold)
{
    double clear = raise * rule->clear_part;
    bool beyond = rule->when_below ? value <= raise : value >= raise;
    bool back = rule->when_below ? value >= clear : value <= clear;
    state->streak = beyond ? state->streak + 1 : 0;
    *ret_threshold = state->is_raised ? clear : raise;
    return state->is_raised ? back && !beyond : state->streak >= rule->samples;
}

void sok_sentinel_judge(
    const struct sok_worker_env *env, const struct sok_sample *sample, struct sok_watch *watch)
{
    for (int gauge = 0; gauge < SOK_GAUGE_COUNT; gauge++) {
        const struct rule *rule = &rules[gauge];
        struct sok_alert_state *state = &watch->states[gauge];
        double raise, threshold, value = sample->values[gauge];
        if (!watch->is_mine[sok_alert_place((enum sok_gauge)gauge)] || value < 0)
            continue;
        bool is_on = threshold_of(env->config, rule, &raise);
        if (is_on ? !has_changed(rule, raise, value, state, &threshold) : !state->is_raised)
            continue;
        state->is_raised = !state->is_raised;
        struct sok_alert_change change = {
            .gauge = (enum sok_gauge)gauge,
            .is_raised = state->is_raised,
            .value = value,
            .threshold = is_on ? threshold : 0,
            .at_ms = sok_clock_now_ms(env->clock),
        };
        sok_watch_note(watch, &change);
    }
}
