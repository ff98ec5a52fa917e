// What the files of the metrics share: metrics_table.c (what there is), metrics.c (counting), metrics_text.c
// (writing it down). Nobody else includes it.
#ifndef SOK_RUNTIME_METRICS_PRIVATE_H
#define SOK_RUNTIME_METRICS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/metrics.h"

#define SOK_METRIC_LABELS 3
#define SOK_METRIC_BOUNDS 15
#define SOK_LABEL_TEXT 104

enum sok_metric_kind { SOK_COUNTER, SOK_GAUGE, SOK_SECONDS, SOK_BYTES, SOK_LONG_SECONDS };

// A kind's upper bounds of buckets; none of a counter or gauge.
extern const struct sok_metric_bounds {
    int count;
    double at[SOK_METRIC_BOUNDS];
} sok_metric_bounds[];

struct sok_metric_row {
    const char *name, *help;
    enum sok_metric_kind kind;
    enum sok_label labels[SOK_METRIC_LABELS];
};
extern const struct sok_metric_row sok_metric_rows[SOK_METRIC_COUNT];

// A label's name and its values. Open ones (`values` NULL) hold what is interned, at most count - 1.
struct sok_label_row {
    const char *name;
    const char *const *values; // [0] is "other"
    int count;
};
extern const struct sok_label_row sok_label_rows[SOK_LABEL_COUNT];

// Where a metric's series lie. A series is a histogram's buckets (its own each, not added up; the last is
// +Inf) and sum, or one cell.
struct sok_family {
    int series, first_series, first_cell, width;
    int stride[SOK_METRIC_LABELS];
};

// The cells of one thread: written by it alone, read by whoever formats. Handed to the next thread when this
// one ends; what was counted stays.
struct sok_metric_shard {
    struct sok_metrics *owner;
    struct sok_metric_shard *next, *next_free;
    struct sok_parts *parts; // followed; NULL: none
    _Atomic double cells[];
};

struct sok_open_label {
    _Atomic int count; // published after the text
    char (*texts)[SOK_LABEL_TEXT];
};

struct sok_metrics {
    struct sok_family families[SOK_METRIC_COUNT];
    int series_count, cell_count;
    pthread_key_t key;
    pthread_mutex_t lock; // guards both lists of shards, and interning
    struct sok_metric_shard *shards, *unused;
    _Atomic double *set; // what was set, by cell; shards hold what was added
    _Atomic bool *seen;  // by series: whether it was ever touched
    struct sok_open_label open[SOK_LABEL_COUNT];
    int64_t started_ms;
};

static inline bool sok_metric_is_histogram(const struct sok_metric_row *row)
{
    return row->kind >= SOK_SECONDS;
}

// The text of a label's value.
const char *sok_label_text(const struct sok_metrics *metrics, enum sok_label label, int value);

// A cell over all threads; with the lock held.
double sok_metric_sum(struct sok_metrics *metrics, int cell);

#endif
