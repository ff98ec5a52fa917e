#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime/metrics.h"

static void assert_line(struct sok_metrics *metrics, const char *line)
{
    SOK_BUF_AUTO text;
    sok_buf_init(&text, 1 << 20);
    sok_metrics_format(metrics, &text);
    assert_false(text.overflow);
    if (!strstr(text.data, line))
        fail_msg("missing %s in:\n%s", line, text.data);
}

static void counters_gauges_and_histograms_are_prometheus_text(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    sok_metric_add(metrics, SOK_METRIC_API_REQUESTS, 1, "/x", "GET", "200");
    sok_metric_add(metrics, SOK_METRIC_API_REQUESTS, 2, "/x", "GET", "200");
    sok_metric_set(metrics, SOK_METRIC_SYSTEM_CPU, 12.5, NULL);
    sok_metric_observe(metrics, SOK_METRIC_DB_QUERY_SECONDS, 0.004, "read");
    sok_metric_observe(metrics, SOK_METRIC_DB_QUERY_SECONDS, 100, "read");
    assert_line(metrics, "# TYPE sokoul_api_requests_total counter\n");
    assert_line(metrics, "\nsokoul_api_requests_total{endpoint=\"/x\",method=\"GET\",status=\"200\"} 3\n");
    assert_line(metrics, "\nsokoul_system_cpu_percent 12.5\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"read\",le=\"0.0025\"} 0\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"read\",le=\"0.005\"} 1\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"read\",le=\"+Inf\"} 2\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_sum{query_type=\"read\"} 100.004\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_count{query_type=\"read\"} 2\n");
    sok_metrics_free(metrics);
}

static void metrics_without_labels_are_there_at_zero(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    assert_line(metrics, "\nsokoul_download_bytes_total 0\n");
    sok_metrics_free(metrics);
}

static void label_values_are_escaped(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    sok_metric_add(metrics, SOK_METRIC_SEARCH_REQUESTS, 1, "a\"b\\c\nd", NULL, NULL);
    assert_line(metrics, "{provider=\"a\\\"b\\\\c\\nd\"} 1\n");
    sok_metrics_free(metrics);
}

static void too_many_label_values_are_counted_under_other(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "p%d", i);
        sok_metric_add(metrics, SOK_METRIC_SEARCH_REQUESTS, 1, name, NULL, NULL);
    }
    assert_line(metrics, "{provider=\"other\"} 36\n");
    sok_metrics_free(metrics);
}

static void *count_up(void *metrics)
{
    for (int i = 0; i < 10000; i++)
        sok_metric_add(metrics, SOK_METRIC_CACHE_HITS, 1, i % 2 ? "a" : "b", NULL, NULL);
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_up, metrics);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_line(metrics, "sokoul_cache_hits_total{cache_type=\"a\"} 20000\n");
    sok_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_gauges_and_histograms_are_prometheus_text),
        cmocka_unit_test(metrics_without_labels_are_there_at_zero),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(too_many_label_values_are_counted_under_other),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
