// The exposition format: for each metric its HELP and TYPE, also while there is no series of it, so that a
// scrape of any process names everything; then its series.
#include <math.h>
#include <stdio.h>

#include "runtime/metrics_private.h"

// Fixed lists of more than this many combinations are written only where something was counted.
#define ZEROS_MAX 64

// {a="x",b="y"} or nothing; `le` is the bound of a bucket, NULL for other lines.
static void put_labels(
    struct sok_buf *text, const struct sok_metrics *metrics, const struct sok_metric_row *row,
    const int values[SOK_METRIC_LABELS], const char *le)
{
    if (!row->labels[0] && !le)
        return;
    sok_buf_puts(text, "{");
    for (int i = 0; i < SOK_METRIC_LABELS && row->labels[i]; i++) {
        sok_buf_printf(text, "%s%s=\"", i ? "," : "", sok_label_rows[row->labels[i]].name);
        for (const char *c = sok_label_text(metrics, row->labels[i], values[i]); *c; c++) {
            if (*c == '"' || *c == '\\')
                sok_buf_puts(text, "\\");
            sok_buf_append(text, *c == '\n' ? "\\n" : c, *c == '\n' ? 2 : 1);
        }
        sok_buf_puts(text, "\"");
    }
    if (le)
        sok_buf_printf(text, "%sle=\"%s\"", row->labels[0] ? "," : "", le);
    sok_buf_puts(text, "}");
}

static void put_value(struct sok_buf *text, double value)
{
    if (floor(value) == value && fabs(value) < 9e15)
        sok_buf_printf(text, " %lld\n", (long long)value);
    else
        sok_buf_printf(text, " %.9g\n", value);
}

static void put_histogram(
    struct sok_buf *text, struct sok_metrics *metrics, const struct sok_metric_row *row,
    const int values[SOK_METRIC_LABELS], int cell)
{
    const struct sok_metric_bounds *bounds = &sok_metric_bounds[row->kind];
    double count = 0; // added up here, so that +Inf and _count are the same whatever is counted meanwhile
    for (int i = 0; i <= bounds->count; i++) {
        char le[32] = "+Inf";
        if (i < bounds->count)
            snprintf(le, sizeof(le), "%.10g", bounds->at[i]);
        count += sok_metric_sum(metrics, cell + i);
        sok_buf_printf(text, "%s_bucket", row->name);
        put_labels(text, metrics, row, values, le);
        put_value(text, count);
    }
    sok_buf_printf(text, "%s_sum", row->name);
    put_labels(text, metrics, row, values, NULL);
    put_value(text, sok_metric_sum(metrics, cell + bounds->count + 1));
    sok_buf_printf(text, "%s_count", row->name);
    put_labels(text, metrics, row, values, NULL);
    put_value(text, count);
}

static bool has_zeros(const struct sok_metric_row *row, const struct sok_family *family)
{
    if (row->kind == SOK_GAUGE || family->series > ZEROS_MAX)
        return false;
    for (int i = 0; i < SOK_METRIC_LABELS && row->labels[i]; i++)
        if (!sok_label_rows[row->labels[i]].values)
            return false;
    return true;
}

// The label values of the series at this place; false when one of them is "other".
static bool split(
    const struct sok_metric_row *row, const struct sok_family *family, int series,
    int ret_values[SOK_METRIC_LABELS])
{
    bool is_named = true;
    for (int i = 0; i < SOK_METRIC_LABELS && row->labels[i]; i++) {
        ret_values[i] = series / family->stride[i];
        series %= family->stride[i];
        is_named = is_named && ret_values[i] > 0;
    }
    return is_named;
}

static void put_family(struct sok_buf *text, struct sok_metrics *metrics, int metric)
{
    const struct sok_metric_row *row = &sok_metric_rows[metric];
    const struct sok_family *family = &metrics->families[metric];
    bool zeros = has_zeros(row, family);
    const char *type = row->kind == SOK_COUNTER ? "counter" : row->kind == SOK_GAUGE ? "gauge" : "histogram";
    sok_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, type);
    for (int i = 0; i < family->series; i++) {
        int values[SOK_METRIC_LABELS] = {0}, cell = family->first_cell + i * family->width;
        bool is_named = split(row, family, i, values);
        bool seen = atomic_load_explicit(&metrics->seen[family->first_series + i], memory_order_relaxed);
        if (!seen && !(zeros && is_named))
            continue;
        if (sok_metric_is_histogram(row)) {
            put_histogram(text, metrics, row, values, cell);
            continue;
        }
        sok_buf_puts(text, row->name);
        put_labels(text, metrics, row, values, NULL);
        put_value(text, sok_metric_sum(metrics, cell));
    }
}

void sok_metrics_format(struct sok_metrics *metrics, struct sok_buf *ret_text)
{
    pthread_mutex_lock(&metrics->lock);
    for (int i = 0; i < SOK_METRIC_COUNT; i++)
        put_family(ret_text, metrics, i);
    pthread_mutex_unlock(&metrics->lock);
}
