// Counting. Every thread has a shard: one array with a place for each series of each metric, which only it
// writes. An update is therefore a plain addition, and whoever formats adds the shards up. What is set and
// not added to lies in one array for all.
#include "runtime/metrics_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        sok_panic("out of memory for metrics");
    return memory;
}

static void lay_out(struct sok_metrics *metrics)
{
    for (int i = 0; i < SOK_METRIC_COUNT; i++) {
        const struct sok_metric_row *row = &sok_metric_rows[i];
        struct sok_family *family = &metrics->families[i];
        family->series = 1;
        for (int at = SOK_METRIC_LABELS - 1; at >= 0; at--) {
            family->stride[at] = family->series;
            if (row->labels[at])
                family->series *= sok_label_rows[row->labels[at]].count;
        }
        family->width = sok_metric_is_histogram(row) ? sok_metric_bounds[row->kind].count + 2 : 1;
        family->first_series = metrics->series_count;
        family->first_cell = metrics->cell_count;
        metrics->series_count += family->series;
        metrics->cell_count += family->series * family->width;
    }
}

// The thread has ended: the next one that starts counts on where it stopped.
static void leave_shard(void *value)
{
    struct sok_metric_shard *shard = value;
    struct sok_metrics *metrics = shard->owner;
    pthread_mutex_lock(&metrics->lock);
    shard->parts = NULL;
    shard->next_free = metrics->unused;
    metrics->unused = shard;
    pthread_mutex_unlock(&metrics->lock);
}

struct sok_metrics *sok_metrics_new(void)
{
    struct sok_metrics *metrics = must_calloc(1, sizeof(*metrics));
    lay_out(metrics);
    metrics->set = must_calloc((size_t)metrics->cell_count, sizeof(*metrics->set));
    metrics->seen = must_calloc((size_t)metrics->series_count, sizeof(*metrics->seen));
    for (int i = 0; i < SOK_LABEL_COUNT; i++)
        if (sok_label_rows[i].name && !sok_label_rows[i].values)
            metrics->open[i].texts = must_calloc((size_t)sok_label_rows[i].count, SOK_LABEL_TEXT);
    pthread_mutex_init(&metrics->lock, NULL);
    if (pthread_key_create(&metrics->key, leave_shard) != 0)
        sok_panic("no key for the threads' metrics");
    metrics->started_ms = sok_time_now_ms();
    return metrics;
}

struct sok_metrics *sok_metrics_free(struct sok_metrics *metrics)
{
    if (!metrics)
        return NULL;
    pthread_key_delete(metrics->key);
    for (struct sok_metric_shard *shard = metrics->shards, *next; shard; shard = next) {
        next = shard->next;
        free(shard);
    }
    for (int i = 0; i < SOK_LABEL_COUNT; i++)
        free(metrics->open[i].texts);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics->set);
    free(metrics->seen);
    free(metrics);
    return NULL;
}

static struct sok_metric_shard *take_shard(struct sok_metrics *metrics)
{
    pthread_mutex_lock(&metrics->lock);
    struct sok_metric_shard *shard = metrics->unused;
    if (shard) {
        metrics->unused = shard->next_free;
    } else {
        // Most of it is never touched and so takes no memory.
        shard = must_calloc(1, sizeof(*shard) + (size_t)metrics->cell_count * sizeof(shard->cells[0]));
        shard->owner = metrics;
        shard->next = metrics->shards;
        metrics->shards = shard;
    }
    pthread_mutex_unlock(&metrics->lock);
    if (pthread_setspecific(metrics->key, shard) != 0)
        sok_panic("out of memory for a thread's metrics");
    return shard;
}

static struct sok_metric_shard *shard_of(struct sok_metrics *metrics)
{
    struct sok_metric_shard *shard = pthread_getspecific(metrics->key);
    return shard ? shard : take_shard(metrics);
}

// The first cell of a series, which is seen from now on.
static int find_cell(struct sok_metrics *metrics, enum sok_metric metric, const int values[SOK_METRIC_LABELS])
{
    const struct sok_metric_row *row = &sok_metric_rows[metric];
    const struct sok_family *family = &metrics->families[metric];
    int series = 0;
    for (int i = 0; i < SOK_METRIC_LABELS && row->labels[i]; i++)
        if (values[i] > 0 && values[i] < sok_label_rows[row->labels[i]].count)
            series += values[i] * family->stride[i];
    _Atomic bool *seen = &metrics->seen[family->first_series + series];
    if (!atomic_load_explicit(seen, memory_order_relaxed))
        atomic_store_explicit(seen, true, memory_order_relaxed);
    return family->first_cell + series * family->width;
}

// Nobody else writes it.
static void add_to(_Atomic double *cell, double by)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by, memory_order_relaxed);
}

void sok_metric_add(
    struct sok_metrics *metrics, enum sok_metric metric, double by, int label1, int label2, int label3)
{
    if (!metrics)
        return;
    const int values[SOK_METRIC_LABELS] = {label1, label2, label3};
    add_to(&shard_of(metrics)->cells[find_cell(metrics, metric, values)], by);
}

void sok_metric_set(struct sok_metrics *metrics, enum sok_metric metric, double value, int label1, int label2)
{
    if (!metrics)
        return;
    const int values[SOK_METRIC_LABELS] = {label1, label2};
    atomic_store_explicit(&metrics->set[find_cell(metrics, metric, values)], value, memory_order_relaxed);
}

void sok_metric_observe(struct sok_metrics *metrics, enum sok_metric metric, double value, int label1)
{
    if (!metrics)
        return;
    const struct sok_metric_bounds *bounds = &sok_metric_bounds[sok_metric_rows[metric].kind];
    const int values[SOK_METRIC_LABELS] = {label1};
    _Atomic double *cells = &shard_of(metrics)->cells[find_cell(metrics, metric, values)];
    int bucket = 0;
    while (bucket < bounds->count && value > bounds->at[bucket])
        bucket++;
    add_to(&cells[bucket], 1);
    add_to(&cells[bounds->count + 1], value);
}

double sok_metric_sum(struct sok_metrics *metrics, int cell)
{
    double sum = atomic_load_explicit(&metrics->set[cell], memory_order_relaxed);
    for (struct sok_metric_shard *shard = metrics->shards; shard; shard = shard->next)
        sum += atomic_load_explicit(&shard->cells[cell], memory_order_relaxed);
    return sum;
}

// --- Labels

const char *sok_label_text(const struct sok_metrics *metrics, enum sok_label label, int value)
{
    const struct sok_label_row *row = &sok_label_rows[label];
    if (row->values)
        return row->values[value];
    return value ? metrics->open[label].texts[value - 1] : "other";
}

int sok_label_find(enum sok_label label, const char *text)
{
    const struct sok_label_row *row = &sok_label_rows[label];
    for (int i = 1; text && i < row->count; i++)
        if (*row->values[i] == *text && strcmp(row->values[i], text) == 0)
            return i;
    return 0;
}

static int find_open(const struct sok_open_label *open, const char *text)
{
    int count = atomic_load_explicit(&open->count, memory_order_acquire);
    for (int i = 0; i < count; i++)
        if (strncmp(open->texts[i], text, SOK_LABEL_TEXT - 1) == 0)
            return i + 1;
    return 0;
}

int sok_label_intern(struct sok_metrics *metrics, enum sok_label label, const char *text)
{
    if (!metrics || !text)
        return 0;
    struct sok_open_label *open = &metrics->open[label];
    int found = find_open(open, text);
    if (found || atomic_load(&open->count) == sok_label_rows[label].count - 1)
        return found;
    pthread_mutex_lock(&metrics->lock);
    found = find_open(open, text);
    int count = atomic_load(&open->count);
    if (!found && count < sok_label_rows[label].count - 1) {
        memcpy(open->texts[count], text, strnlen(text, SOK_LABEL_TEXT - 1));
        atomic_store_explicit(&open->count, count + 1, memory_order_release);
        found = count + 1;
    }
    pthread_mutex_unlock(&metrics->lock);
    return found;
}

// --- Parts of a request

void sok_metrics_follow(struct sok_metrics *metrics, struct sok_parts *parts)
{
    if (metrics)
        shard_of(metrics)->parts = parts;
}

double sok_metrics_spend(struct sok_metrics *metrics, enum sok_part part, int64_t started_us)
{
    int64_t us = sok_time_mono_us() - started_us;
    struct sok_parts *parts = metrics ? shard_of(metrics)->parts : NULL;
    if (parts)
        parts->us[part] += us;
    return (double)us / 1e6;
}

// --- Reading

double sok_metric_get(struct sok_metrics *metrics, enum sok_metric metric, int label1)
{
    if (!metrics)
        return 0;
    const struct sok_family *family = &metrics->families[metric];
    int offset = label1 * family->stride[0] * family->width;
    pthread_mutex_lock(&metrics->lock);
    double sum = sok_metric_sum(metrics, family->first_cell + offset);
    pthread_mutex_unlock(&metrics->lock);
    return sum;
}

void sok_metric_each(
    struct sok_metrics *metrics, enum sok_metric metric,
    void (*each)(void *context, const char *label1, double value), void *context)
{
    if (!metrics)
        return;
    const struct sok_family *family = &metrics->families[metric];
    for (int i = 0; i < family->series; i++)
        if (atomic_load(&metrics->seen[family->first_series + i]))
            each(
                context, sok_label_text(metrics, sok_metric_rows[metric].labels[0], i),
                sok_metric_get(metrics, metric, i));
}
