// The parts of Sentinel among themselves: sentinel.c (the thread and what it keeps in order),
// sentinel_sample.c (how things are), sentinel_alerts.c (when that is worth an alert).
#ifndef SOK_WORKERS_SENTINEL_PRIVATE_H
#define SOK_WORKERS_SENTINEL_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "workers/sentinel.h"

// What is watched. Every value is a number that an alert's threshold can be held against.
enum sok_gauge {
    SOK_GAUGE_CPU,            // percent of all processors
    SOK_GAUGE_MEMORY,         // percent of the machine's that is used
    SOK_GAUGE_DISK_DATA,      // free bytes
    SOK_GAUGE_DISK_DOWNLOADS, // free bytes
    SOK_GAUGE_DISK_LIBRARY,   // free bytes
    SOK_GAUGE_DATABASE,       // 1: fails its check
    SOK_GAUGE_CACHE,
    SOK_GAUGE_QUEUE,
    SOK_GAUGE_PENDING,   // jobs that wait
    SOK_GAUGE_PROVIDERS, // 1: some fail again and again
    SOK_GAUGE_COUNT
};

struct sok_sample {
    double values[SOK_GAUGE_COUNT]; // negative: not known this time
    int64_t resident_bytes;         // of this process
};

// The kernel's counters of the processors' time, to take the difference.
struct sok_cpu_times {
    uint64_t busy, total;
};

// --- sentinel_sample.c

// Reads "cpu  1 2 3 ..." as of /proc/stat; false when it is something else.
bool sok_cpu_times_parse(const char *text, struct sok_cpu_times *ret);
// Percent busy between the two, or -1 when no time has passed.
double sok_cpu_percent(const struct sok_cpu_times *before, const struct sok_cpu_times *after);
// The percentage used by the texts of /proc/meminfo, or -1.
double sok_memory_percent(const char *meminfo);
// Looks at everything and sets the metrics. *cpu: the counters of the last time. Blocks for a few seconds at
// most.
void sok_sentinel_sample(
    const struct sok_worker_env *env, struct sok_cpu_times *cpu, struct sok_sample *ret_sample);

// --- sentinel_alerts.c

struct sok_alert_state {
    bool is_raised;
    int streak; // samples in a row beyond the threshold
};

// Compares the sample with every rule and publishes an `alert` event for each that is raised or has cleared.
void sok_sentinel_judge(
    const struct sok_worker_env *env, const struct sok_sample *sample,
    struct sok_alert_state states[SOK_GAUGE_COUNT]);

// --- sentinel.c

struct sok_sentinel {
    const struct sok_worker_env *env;
    struct sok_cpu_times cpu;
    struct sok_alert_state alerts[SOK_GAUGE_COUNT];
    pthread_t thread;
    pthread_mutex_t lock; // guards `stopping`
    pthread_cond_t wake;
    bool stopping;
};

// One round: sample, judge, reconcile, purge.
void sok_sentinel_step(struct sok_sentinel *sentinel);

#endif
