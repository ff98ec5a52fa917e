// What the system says of this process, under the names that every Prometheus client library gives it.
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/metrics_private.h"

static int count_entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count > 2 ? count - 2 : 0; // . and ..
}

static void sample_memory(struct sok_metrics *metrics)
{
    long long virtual_pages = 0, resident_pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    int fields = file ? fscanf(file, "%lld %lld", &virtual_pages, &resident_pages) : 0;
    if (file)
        fclose(file);
    if (fields != 2)
        return;
    double page = (double)sysconf(_SC_PAGESIZE);
    sok_metric_set(metrics, SOK_METRIC_PROCESS_VIRTUAL, (double)virtual_pages * page, 0, 0);
    sok_metric_set(metrics, SOK_METRIC_PROCESS_RESIDENT, (double)resident_pages * page, 0, 0);
    sok_metric_set(metrics, SOK_METRIC_SYSTEM_MEMORY, (double)resident_pages * page, 0, 0);
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void sok_metrics_sample_process(struct sok_metrics *metrics)
{
    struct rusage usage;
    struct rlimit files;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        sok_metric_set(
            metrics, SOK_METRIC_PROCESS_CPU, seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime), 0, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        sok_metric_set(metrics, SOK_METRIC_PROCESS_FDS_MAX, (double)files.rlim_cur, 0, 0);
    sample_memory(metrics);
    int fds = count_entries("/proc/self/fd"); // the one it is counted with among them
    if (fds)
        sok_metric_set(metrics, SOK_METRIC_PROCESS_FDS, fds - 1, 0, 0);
    int threads = count_entries("/proc/self/task");
    if (threads)
        sok_metric_set(metrics, SOK_METRIC_PROCESS_THREADS, threads, 0, 0);
    sok_metric_set(metrics, SOK_METRIC_PROCESS_START, (double)metrics->started_ms / 1000, 0, 0);
    for (int level = SOK_LOG_DEBUG; level <= SOK_LOG_ERROR; level++)
        sok_metric_set(
            metrics, SOK_METRIC_LOG_MESSAGES, (double)sok_log_count((enum sok_log_level)level), level + 1, 0);
}
