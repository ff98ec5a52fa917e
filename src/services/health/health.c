#include "services/health/health.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"

#define DEADLINE_MS 1000

static enum sok_status check_database(const struct sok_health_env *env, struct sok_error *err)
{
    return sok_db_ping(env->db, DEADLINE_MS, err);
}

static enum sok_status check_queue(const struct sok_health_env *env, struct sok_error *err)
{
    return sok_queue_ping(env->queue, DEADLINE_MS, err);
}

// A cache that is down behaves as an empty one, except for its counters: so one is counted.
static enum sok_status check_cache(const struct sok_health_env *env, struct sok_error *err)
{
    int64_t used, reset_ms;
    return sok_cache_limit(env->cache, "health", 1000000, DEADLINE_MS, &used, &reset_ms, err);
}

static const struct {
    const char *name;
    enum sok_status (*run)(const struct sok_health_env *env, struct sok_error *err);
} part_checks[] = {
    {"database", check_database},
    {"cache", check_cache},
    {"queue", check_queue},
};

#define DISK_COUNT 3

static struct sok_health_check check_disk(struct sok_arena *arena, const char *name, const char *folder)
{
    struct sok_health_check check = {.name = name};
    struct statvfs fs;
    if (statvfs(folder, &fs) < 0) {
        check.error = sok_format(arena, "cannot be asked: %s", strerrordesc_np(errno));
        return check;
    }
    check.free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    check.ok = check.free_bytes >= SOK_HEALTH_DISK_MIN_BYTES;
    if (!check.ok)
        check.error = sok_format(arena, "only %lld MiB free", (long long)(check.free_bytes >> 20));
    return check;
}

void sok_health_run(
    const struct sok_health_env *env, struct sok_arena *arena, struct sok_health_check **ret,
    size_t *ret_count)
{
    struct sok_health_check *checks =
        sok_alloc_array(arena, SOK_ARRAY_LEN(part_checks) + DISK_COUNT, sizeof(*checks));
    size_t count = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(part_checks); i++) {
        struct sok_error err = {0};
        int64_t started_ms = sok_clock_mono_ms(env->clock);
        struct sok_health_check *check = &checks[count++];
        check->name = part_checks[i].name;
        check->ok = part_checks[i].run(env, &err) == SOK_OK;
        check->latency_ms = sok_clock_mono_ms(env->clock) - started_ms;
        check->error = check->ok ? NULL : sok_strdup(arena, err.message);
    }
    const char *library = env->config->library_dirs;
    checks[count++] = check_disk(arena, "disk_data", env->config->data_dir);
    checks[count++] = check_disk(arena, "disk_downloads", env->config->download_dir);
    checks[count++] = check_disk(arena, "disk_library", sok_strndup(arena, library, strcspn(library, ":")));
    *ret = checks;
    *ret_count = count;
}
