#include "services/health/health.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "data/searches.h"
#include "net/http_client.h"
#include "services/providers/registry.h"
#include "services/uploads/clamd.h"

#define DEADLINE_MS 1000
#define PROVIDERS_SINCE_MS ((int64_t)3600 * 1000)
#define PROVIDERS_FAILURES 5 // as many as open a breaker

static enum sok_status check_database(const struct sok_health_env *env, struct sok_error *err)
{
    return sok_db_ping(env->db, DEADLINE_MS, err);
}

static enum sok_status check_queue(const struct sok_health_env *env, struct sok_error *err)
{
    return sok_queue_ping(env->queue, DEADLINE_MS, err);
}

// A cache that is down behaves as an empty one, except to who takes something out, and for its counters: so
// both are tried.
static enum sok_status check_cache(const struct sok_health_env *env, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *value;
    size_t len;
    int64_t used, reset_ms;
    enum sok_status status = sok_cache_take(env->cache, arena, "ws_ticket", "health", &value, &len, err);
    if (status != SOK_OK && status != SOK_NOT_FOUND)
        return status;
    return sok_cache_limit(env->cache, "health", 1000000, DEADLINE_MS, &used, &reset_ms, err);
}

// Without it uploads are refused, and everything else goes on.
static enum sok_status check_scanner(const struct sok_health_env *env, struct sok_error *err)
{
    return sok_clamd_ping(env->config->clamd, DEADLINE_MS, err);
}

static bool has_scanner(const struct sok_health_env *env)
{
    return env->config->clamd && *env->config->clamd;
}

static const struct {
    const char *name;
    bool vital;
    enum sok_status (*run)(const struct sok_health_env *env, struct sok_error *err);
    bool (*is_there)(const struct sok_health_env *env); // NULL: always
} part_checks[] = {
    {"database", true, check_database, NULL},
    {"cache", true, check_cache, NULL},
    {"queue", true, check_queue, NULL},
    {"scanner", false, check_scanner, has_scanner},
};

// The fullest of the folders that grow.
static struct sok_health_check check_disk(const struct sok_health_env *env, struct sok_arena *arena)
{
    const char *library = env->config->library_dirs;
    const char *const folders[] = {
        env->config->data_dir,
        env->config->download_dir,
        sok_strndup(arena, library, strcspn(library, ":")),
    };
    struct sok_health_check check = {.name = "disk", .vital = true, .ok = true, .free_bytes = INT64_MAX};
    for (size_t i = 0; i < SOK_ARRAY_LEN(folders); i++) {
        struct statvfs fs;
        int64_t free_bytes = 0;
        if (statvfs(folders[i], &fs) < 0)
            check.error = sok_format(arena, "%s cannot be asked: %s", folders[i], strerrordesc_np(errno));
        else
            free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
        if (free_bytes < SOK_HEALTH_DISK_MIN_BYTES && !check.error)
            check.error =
                sok_format(arena, "only %lld MiB free at %s", (long long)(free_bytes >> 20), folders[i]);
        if (free_bytes < check.free_bytes)
            check.free_bytes = free_bytes;
    }
    check.ok = !check.error;
    return check;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq(names[i], name))
            return true;
    return false;
}

// Providers in use that failed again and again: those whose circuit breaker is open here, and those that
// every search of late found failing, whichever process asked. Nobody is asked now.
static struct sok_health_check check_providers(
    const struct sok_health_env *env, struct sok_arena *arena, bool has_database)
{
    struct sok_health_check check = {.name = "providers", .ok = true};
    struct sok_provider_instance *providers = NULL;
    size_t count = 0, failing_count = 0;
    const char **failing = NULL;
    struct sok_error err = {0};
    if (!env->providers || !env->http || !has_database)
        return check;
    int64_t since_ms = sok_clock_now_ms(env->clock) - PROVIDERS_SINCE_MS;
    enum sok_status status = sok_providers_load(env->providers, arena, &providers, &count, &err);
    if (status == SOK_OK)
        status = sok_searches_failing_providers(
            sok_db_reader(env->db), arena, since_ms, PROVIDERS_FAILURES, &failing, &failing_count, &err);
    if (status != SOK_OK)
        check.error = sok_strdup(arena, err.message);
    for (size_t i = 0; i < count; i++) {
        const struct sok_provider_config *config = &providers[i].config;
        if (config->enabled && (is_among(failing, failing_count, config->name) ||
                                sok_http_client_is_open(env->http, config->id)))
            check.error = check.error ? sok_format(arena, "%s, %s", check.error, config->name)
                                      : sok_format(arena, "failing: %s", config->name);
    }
    check.ok = !check.error;
    return check;
}

void sok_health_run(
    const struct sok_health_env *env, struct sok_arena *arena, struct sok_health_check **ret,
    size_t *ret_count)
{
    struct sok_health_check *checks = sok_alloc_array(arena, SOK_ARRAY_LEN(part_checks) + 2, sizeof(*checks));
    size_t count = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(part_checks); i++) {
        if (part_checks[i].is_there && !part_checks[i].is_there(env))
            continue;
        struct sok_error err = {0};
        int64_t started_ms = sok_clock_mono_ms(env->clock);
        struct sok_health_check *check = &checks[count++];
        check->name = part_checks[i].name;
        check->vital = part_checks[i].vital;
        check->ok = part_checks[i].run(env, &err) == SOK_OK;
        check->latency_ms = sok_clock_mono_ms(env->clock) - started_ms;
        check->error = check->ok ? NULL : sok_strdup(arena, err.message);
    }
    checks[count++] = check_disk(env, arena);
    checks[count++] = check_providers(env, arena, checks[0].ok); // the first is the database's
    *ret = checks;
    *ret_count = count;
}
