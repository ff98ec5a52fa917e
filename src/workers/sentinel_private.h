// The parts of Sentinel among themselves: sentinel.c (the thread and what it keeps in order),
// sentinel_sample.c (how things are), sentinel_alerts.c (when that is worth an alert), sentinel_watch.c (who
// of several judges, and what the database knows of it).
#ifndef SOK_WORKERS_SENTINEL_PRIVATE_H
#define SOK_WORKERS_SENTINEL_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "base/json.h"
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
    SOK_GAUGE_SCANNER,
    SOK_GAUGE_PROVIDERS,    // 1: some fail again and again
    SOK_GAUGE_PENDING,      // jobs that wait
    SOK_GAUGE_QUEUE_AGE,    // seconds the first search or scoring has waited
    SOK_GAUGE_DEAD_LETTERS, // jobs that failed for good and were not started again
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
// The bytes of all interfaces but loopback by the text of /proc/net/dev.
void sok_network_bytes(const char *text, double *ret_received, double *ret_sent);
// Looks at everything and sets the metrics. *cpu: the counters of the last time. Blocks for a few seconds at
// most.
void sok_sentinel_sample(
    const struct sok_worker_env *env, struct sok_cpu_times *cpu, struct sok_sample *ret_sample);

// --- sentinel_alerts.c

enum sok_place { SOK_PLACE_SYSTEM, SOK_PLACE_HOST, SOK_PLACE_COUNT };

struct sok_alert_state {
    bool is_raised;
    int streak; // samples in a row beyond the threshold
};

struct sok_alert_change {
    enum sok_gauge gauge;
    bool is_raised; // else cleared
    double value, threshold;
    int64_t at_ms;
    bool is_told; // the event is out
};

// More than can come together while the database is away for a while.
#define SOK_CHANGES_MAX 32

struct sok_watch {
    char host[256];
    bool is_known;                 // the database has said at least once who judges
    bool is_mine[SOK_PLACE_COUNT]; // this sentinel judges it
    struct sok_alert_state states[SOK_GAUGE_COUNT];
    struct sok_alert_change changes[SOK_CHANGES_MAX]; // not yet in the database, oldest first
    size_t change_count;
};

const char *sok_alert_name(enum sok_gauge gauge);
const char *sok_alert_severity(enum sok_gauge gauge);
enum sok_place sok_alert_place(enum sok_gauge gauge);
// The event's data; the caller's.
json_t *sok_alert_describe(const struct sok_alert_change *change, const char *host);
// Event, log lines and counter.
void sok_alert_publish(
    const struct sok_worker_env *env, const struct sok_alert_change *change, const char *host);
// Compares the sample with every rule whose place is ours and notes what is raised or has cleared.
void sok_sentinel_judge(
    const struct sok_worker_env *env, const struct sok_sample *sample, struct sok_watch *watch);

// --- sentinel_watch.c

void sok_watch_init(struct sok_watch *watch);
void sok_watch_note(struct sok_watch *watch, const struct sok_alert_change *change);
// Renews the leases, writes down the changes (row and audit), publishes those that are news, and learns what
// is raised. Without the database: publishes, and keeps the rest for the next time; who has never heard from
// it judges everything, since to tell twice is better than not at all.
void sok_watch_sync(const struct sok_worker_env *env, struct sok_watch *watch);
// Lets another sentinel watch at once.
void sok_watch_end(const struct sok_worker_env *env);

// --- sentinel.c

struct sok_sentinel {
    const struct sok_worker_env *env;
    struct sok_cpu_times cpu;
    struct sok_watch watch;
    pthread_t thread;
    pthread_mutex_t lock; // guards `stopping`
    pthread_cond_t wake;
    bool stopping;
};

// One round: sample, judge, reconcile, purge.
void sok_sentinel_step(struct sok_sentinel *sentinel);

#endif
