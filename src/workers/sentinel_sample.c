#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data/dead_letters.h"
#include "data/tasks.h"
#include "services/health/health.h"
#include "services/health/storage.h"
#include "workers/sentinel_private.h"

// The beginning of a small kernel file as text; "" when it cannot be read.
static void read_text(const char *path, char *ret_text, size_t size)
{
    ssize_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, ret_text, size - 1);
        close(fd);
    }
    ret_text[len > 0 ? len : 0] = '\0';
}

bool sok_cpu_times_parse(const char *text, struct sok_cpu_times *ret)
{
    // user nice system idle iowait irq softirq steal (proc_stat(5))
    unsigned long long t[8] = {0};
    int fields = sscanf(
        text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
        &t[7]);
    if (fields < 4)
        return false;
    struct sok_cpu_times times = {0};
    for (int i = 0; i < fields; i++) {
        times.total += t[i];
        if (i != 3 && i != 4)
            times.busy += t[i];
    }
    *ret = times;
    return true;
}

double sok_cpu_percent(const struct sok_cpu_times *before, const struct sok_cpu_times *after)
{
    if (after->total <= before->total || after->busy < before->busy)
        return -1;
    return 100.0 * (double)(after->busy - before->busy) / (double)(after->total - before->total);
}

static bool read_kib(const char *meminfo, const char *name, double *ret)
{
    const char *at = strstr(meminfo, name);
    return at && sscanf(at + strlen(name), " %lf", ret) == 1;
}

double sok_memory_percent(const char *meminfo)
{
    double total, available;
    if (!read_kib(meminfo, "MemTotal:", &total) || !read_kib(meminfo, "MemAvailable:", &available) ||
        total <= 0)
        return -1;
    return 100.0 * (total - available) / total;
}

void sok_network_bytes(const char *text, double *ret_received, double *ret_sent)
{
    *ret_received = *ret_sent = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char name[32];
        double received, sent; // bytes packets errs drop fifo frame compressed multicast, then the same sent
        if (sscanf(line, " %31[^: ]: %lf %*d %*d %*d %*d %*d %*d %*d %lf", name, &received, &sent) != 3 ||
            strcmp(name, "lo") == 0)
            continue;
        *ret_received += received;
        *ret_sent += sent;
    }
}

static void sample_network(const struct sok_worker_env *env)
{
    char text[16384];
    double received, sent;
    read_text("/proc/net/dev", text, sizeof(text));
    sok_network_bytes(text, &received, &sent);
    sok_metric_set(env->metrics, SOK_METRIC_SYSTEM_NET_IN, received, 0, 0);
    sok_metric_set(env->metrics, SOK_METRIC_SYSTEM_NET_OUT, sent, 0, 0);
}

static int64_t resident_bytes(void)
{
    char text[128];
    long long pages;
    read_text("/proc/self/statm", text, sizeof(text));
    return sscanf(text, "%*d %lld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static void sample_system(
    const struct sok_worker_env *env, struct sok_cpu_times *cpu, struct sok_sample *sample)
{
    char text[4096];
    struct sok_cpu_times now;
    read_text("/proc/stat", text, sizeof(text));
    if (sok_cpu_times_parse(text, &now)) {
        if (cpu->total)
            sample->values[SOK_GAUGE_CPU] = sok_cpu_percent(cpu, &now);
        *cpu = now;
    }
    read_text("/proc/meminfo", text, sizeof(text));
    sample->values[SOK_GAUGE_MEMORY] = sok_memory_percent(text);
    if (sample->values[SOK_GAUGE_MEMORY] >= 0)
        sok_metric_set(
            env->metrics, SOK_METRIC_SENTINEL_MEMORY, sample->values[SOK_GAUGE_MEMORY] / 100, 0, 0);
    sample->resident_bytes = resident_bytes();
    if (sample->values[SOK_GAUGE_CPU] >= 0)
        sok_metric_set(env->metrics, SOK_METRIC_SYSTEM_CPU, sample->values[SOK_GAUGE_CPU], 0, 0);
    sok_metric_set(env->metrics, SOK_METRIC_SYSTEM_MEMORY, (double)sample->resident_bytes, 0, 0);
}

static void sample_disks(const struct sok_worker_env *env, struct sok_arena *arena, struct sok_sample *sample)
{
    static const struct {
        const char *purpose;
        enum sok_gauge gauge;
    } rows[] = {
        {"data", SOK_GAUGE_DISK_DATA},
        {"downloads", SOK_GAUGE_DISK_DOWNLOADS},
        {"library", SOK_GAUGE_DISK_LIBRARY},
    };
    struct sok_storage *folders;
    size_t count;
    sok_storage_list(arena, env->config, &folders, &count);
    for (size_t row = 0; row < SOK_ARRAY_LEN(rows); row++) {
        size_t i = 0; // of several library folders the first: imports go there
        while (i < count && strcmp(folders[i].purpose, rows[row].purpose) != 0)
            i++;
        if (i == count || folders[i].error)
            continue;
        sample->values[rows[row].gauge] = (double)folders[i].free_bytes;
        int folder = sok_label_find(SOK_LABEL_FOLDER, rows[row].purpose);
        sok_metric_set(env->metrics, SOK_METRIC_SENTINEL_DISK_FREE, (double)folders[i].free_bytes, folder, 0);
        sok_metric_set(
            env->metrics, SOK_METRIC_SENTINEL_DISK_SIZE, (double)folders[i].total_bytes, folder, 0);
    }
    if (sample->values[SOK_GAUGE_DISK_DATA] >= 0)
        sok_metric_set(env->metrics, SOK_METRIC_SYSTEM_DISK_FREE, sample->values[SOK_GAUGE_DISK_DATA], 0, 0);
}

static void sample_health(
    const struct sok_worker_env *env, struct sok_arena *arena, struct sok_sample *sample)
{
    static const struct {
        const char *check;
        enum sok_gauge gauge;
    } rows[] = {
        {"database", SOK_GAUGE_DATABASE}, {"cache", SOK_GAUGE_CACHE},         {"queue", SOK_GAUGE_QUEUE},
        {"scanner", SOK_GAUGE_SCANNER},   {"providers", SOK_GAUGE_PROVIDERS},
    };
    struct sok_health_env health = {
        .config = env->config,
        .clock = env->clock,
        .db = env->db,
        .cache = env->cache,
        .queue = env->queue,
        .http = env->http,
        .providers = env->providers,
    };
    struct sok_health_check *checks;
    size_t count;
    sok_health_run(&health, arena, &checks, &count);
    for (size_t i = 0; i < count; i++) {
        sok_metric_set(
            env->metrics, SOK_METRIC_SENTINEL_UP, checks[i].ok,
            sok_label_find(SOK_LABEL_CHECK, checks[i].name), 0);
        for (size_t row = 0; row < SOK_ARRAY_LEN(rows); row++)
            if (strcmp(checks[i].name, rows[row].check) == 0)
                sample->values[rows[row].gauge] = !checks[i].ok;
    }
}

// What the table has none of any more is not among its counts.
static void note_tasks(const struct sok_worker_env *env, const struct sok_task_count *counts, size_t count)
{
    static const char *const states[] = {"pending", "running", "failed", "completed", "cancelled"};
    for (int job = 0; job < SOK_JOB_COUNT; job++) {
        const char *name = sok_job_name((enum sok_job)job);
        for (size_t i = 0; i < SOK_ARRAY_LEN(states); i++) {
            double found = 0;
            for (size_t at = 0; at < count; at++)
                if (strcmp(counts[at].task_type, name) == 0 && strcmp(counts[at].status, states[i]) == 0)
                    found += (double)counts[at].count;
            sok_metric_set(
                env->metrics, SOK_METRIC_QUEUE_TASKS, found, sok_label_find(SOK_LABEL_JOB, name),
                sok_label_find(SOK_LABEL_STATE, states[i]));
        }
    }
}

static void sample_tasks(const struct sok_worker_env *env, struct sok_arena *arena, struct sok_sample *sample)
{
    // Who does which jobs, as the metric's label wants it.
    static const char *const workers[SOK_JOB_COUNT] = {
        [SOK_JOB_SEARCH] = "scout",
        [SOK_JOB_DOWNLOAD] = "hunter",
        [SOK_JOB_SCORE] = "oracle",
        [SOK_JOB_MONITOR] = "sentinel",
    };
    struct sok_task_count *counts;
    size_t count;
    struct sok_error err = {0};
    if (sok_tasks_count(sok_db_reader(env->db), arena, &counts, &count, &err) != SOK_OK)
        return;
    double pending[SOK_JOB_COUNT] = {0}, age_s[SOK_JOB_COUNT] = {0}, total = 0;
    int64_t now_ms = sok_clock_now_ms(env->clock);
    note_tasks(env, counts, count);
    for (size_t i = 0; i < count; i++) {
        enum sok_job job = sok_job_find(counts[i].task_type);
        if (job == SOK_JOB_COUNT || strcmp(counts[i].status, "pending") != 0)
            continue;
        pending[job] = (double)counts[i].count;
        total += pending[job];
        if (counts[i].first_run_at < now_ms)
            age_s[job] = (double)(now_ms - counts[i].first_run_at) / 1000;
    }
    for (int job = 0; job < SOK_JOB_COUNT; job++) {
        int worker = sok_label_find(SOK_LABEL_WORKER, workers[job]);
        sok_metric_set(env->metrics, SOK_METRIC_WORKER_QUEUE, pending[job], worker, 0);
        sok_metric_set(env->metrics, SOK_METRIC_QUEUE_OLDEST, age_s[job], worker, 0);
    }
    sample->values[SOK_GAUGE_PENDING] = total;
    // Downloads may wait for their turn all day, and are no alarm.
    double search = age_s[SOK_JOB_SEARCH], score = age_s[SOK_JOB_SCORE];
    sample->values[SOK_GAUGE_QUEUE_AGE] = search > score ? search : score;
}

static void sample_dead_letters(const struct sok_worker_env *env, struct sok_sample *sample)
{
    int64_t count;
    struct sok_error err = {0};
    if (sok_dead_letters_count_open(sok_db_reader(env->db), &count, &err) != SOK_OK)
        return;
    sample->values[SOK_GAUGE_DEAD_LETTERS] = (double)count;
    sok_metric_set(env->metrics, SOK_METRIC_DEAD_LETTERS, (double)count, 0, 0);
}

void sok_sentinel_sample(
    const struct sok_worker_env *env, struct sok_cpu_times *cpu, struct sok_sample *ret_sample)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (int i = 0; i < SOK_GAUGE_COUNT; i++)
        ret_sample->values[i] = -1;
    sample_system(env, cpu, ret_sample);
    sample_network(env);
    sample_disks(env, arena, ret_sample);
    sample_health(env, arena, ret_sample);
    sample_tasks(env, arena, ret_sample);
    sample_dead_letters(env, ret_sample);
    sok_metric_set(
        env->metrics, SOK_METRIC_SENTINEL_RUN, (double)(sok_clock_now_ms(env->clock) / 1000), 0, 0);
}
