// Two thresholds a rule, so that a value that trembles around one of them does not ring all day; and some
// want to see it more than once.
#include "backends/queue/queue.h"
#include "base/json.h"
#include "runtime/log.h"
#include "workers/sentinel_private.h"

#define GIB 1073741824.0

static const struct rule {
    const char *name, *message;
    double raise, clear; // reached: raised, or cleared again
    int samples;         // in a row, before it is raised
    bool when_below;     // alarming when the value is small
    bool is_critical;
} rules[SOK_GAUGE_COUNT] = {
    [SOK_GAUGE_CPU] = {"cpu", "the processors are busy all the time", 95, 80, 4, false, false},
    [SOK_GAUGE_MEMORY] = {"memory", "the machine's memory is nearly used up", 95, 90, 2, false, false},
    [SOK_GAUGE_DISK_DATA] = {"disk_data", "little room for the database", 1 * GIB, 2 * GIB, 1, true, true},
    [SOK_GAUGE_DISK_DOWNLOADS] =
        {"disk_downloads", "little room for downloads", 1 * GIB, 2 * GIB, 1, true, true},
    [SOK_GAUGE_DISK_LIBRARY] =
        {"disk_library", "little room in the library", 1 * GIB, 2 * GIB, 1, true, false},
    [SOK_GAUGE_DATABASE] = {"database", "the database does not answer", 1, 0, 1, false, true},
    [SOK_GAUGE_CACHE] = {"cache", "the cache does not answer", 1, 0, 1, false, true},
    [SOK_GAUGE_QUEUE] = {"queue", "the queue does not answer", 1, 0, 1, false, true},
    [SOK_GAUGE_PENDING] = {"queue_depth", "many jobs wait", 1000, 500, 2, false, false},
    [SOK_GAUGE_PROVIDERS] = {"providers", "providers fail", 1, 0, 2, false, false},
};

static void publish(const struct sok_worker_env *env, const struct rule *rule, bool raised, double value)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    SOK_JSON_AUTO *data = json_object();
    sok_json_set_text(data, "name", rule->name);
    sok_json_set_text(data, "state", raised ? "raised" : "cleared");
    sok_json_set_text(data, "severity", rule->is_critical ? "critical" : "warning");
    sok_json_set_text(data, "message", rule->message);
    sok_json_set_real(data, "value", value);
    sok_json_set_real(data, "threshold", raised ? rule->raise : rule->clear);
    struct sok_event event = {.subject = "alert", .user_id = "", .json = sok_json_dump(arena, data)};
    sok_queue_publish_event(env->queue, &event);
    sok_log(
        raised ? SOK_LOG_WARN : SOK_LOG_INFO, SOK_LOG_WORKER, raised ? "alert" : "alert cleared",
        SOK_TEXT("alert", rule->name), SOK_TEXT("reason", rule->message), SOK_REAL("value", value));
}

static void judge(
    const struct sok_worker_env *env, const struct rule *rule, double value, struct sok_alert_state *state)
{
    bool beyond = rule->when_below ? value <= rule->raise : value >= rule->raise;
    bool back = rule->when_below ? value >= rule->clear : value <= rule->clear;
    state->streak = beyond ? state->streak + 1 : 0;
    if (!state->is_raised && state->streak >= rule->samples) {
        state->is_raised = true;
        publish(env, rule, true, value);
    } else if (state->is_raised && back) {
        state->is_raised = false;
        publish(env, rule, false, value);
    }
}

void sok_sentinel_judge(
    const struct sok_worker_env *env, const struct sok_sample *sample,
    struct sok_alert_state states[SOK_GAUGE_COUNT])
{
    for (int i = 0; i < SOK_GAUGE_COUNT; i++)
        if (sample->values[i] >= 0)
            judge(env, &rules[i], sample->values[i], &states[i]);
}
