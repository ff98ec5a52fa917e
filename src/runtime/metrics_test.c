#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
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
    int endpoint = sok_label_intern(metrics, SOK_LABEL_ENDPOINT, "/x");
    for (int i = 1; i <= 2; i++)
        sok_metric_add(metrics, SOK_METRIC_API_REQUESTS, i, endpoint, SOK_METHOD_GET, sok_label_status(200));
    sok_metric_set(metrics, SOK_METRIC_SYSTEM_CPU, 12.5, 0, 0);
    sok_metric_observe(metrics, SOK_METRIC_DB_QUERY_SECONDS, 0.004, SOK_QUERY_SELECT);
    sok_metric_observe(metrics, SOK_METRIC_DB_QUERY_SECONDS, 100, SOK_QUERY_SELECT);
    assert_line(metrics, "# TYPE sokoul_api_requests_total counter\n");
    assert_line(metrics, "\nsokoul_api_requests_total{endpoint=\"/x\",method=\"GET\",status=\"200\"} 3\n");
    assert_line(metrics, "\nsokoul_system_cpu_percent 12.5\n");
    assert_line(
        metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"select\",le=\"0.0025\"} 0\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"select\",le=\"0.005\"} 1\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_bucket{query_type=\"select\",le=\"+Inf\"} 2\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_sum{query_type=\"select\"} 100.004\n");
    assert_line(metrics, "\nsokoul_db_query_duration_seconds_count{query_type=\"select\"} 2\n");
    sok_metrics_free(metrics);
}

static void counters_of_fixed_labels_are_there_at_zero_and_gauges_once_they_are_known(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    SOK_BUF_AUTO text;
    sok_buf_init(&text, 1 << 20);
    assert_line(metrics, "\nsokoul_download_bytes_total 0\n");
    assert_line(metrics, "\nsokoul_db_transactions_total{status=\"failed\"} 0\n");
    assert_line(metrics, "\nsokoul_api_request_part_duration_seconds_count{part=\"auth\"} 0\n");
    sok_metrics_format(metrics, &text);
    assert_null(strstr(text.data, "\"other\""));
    assert_non_null(strstr(text.data, "# TYPE sokoul_system_disk_free_bytes gauge\n"));
    assert_null(strstr(text.data, "\nsokoul_system_disk_free_bytes"));
    assert_non_null(strstr(text.data, "# TYPE sokoul_search_requests_total counter\n"));
    assert_null(strstr(text.data, "\nsokoul_search_requests_total"));
    sok_metrics_free(metrics);
}

static void label_values_are_escaped(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    int provider = sok_label_intern(metrics, SOK_LABEL_PROVIDER, "a\"b\\c\nd");
    sok_metric_add(metrics, SOK_METRIC_SEARCH_REQUESTS, 1, provider, 0, 0);
    assert_line(metrics, "{provider=\"a\\\"b\\\\c\\nd\"} 1\n");
    sok_metrics_free(metrics);
}

static void too_many_label_values_are_counted_under_other(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            char name[16];
            snprintf(name, sizeof(name), "p%d", i);
            int provider = sok_label_intern(metrics, SOK_LABEL_PROVIDER, name);
            assert_int_equal(i < 64 ? i + 1 : 0, provider);
            sok_metric_add(metrics, SOK_METRIC_SEARCH_REQUESTS, 1, provider, 0, 0);
        }
    }
    assert_line(metrics, "{provider=\"other\"} 72\n");
    assert_line(metrics, "{provider=\"p63\"} 2\n");
    sok_metrics_free(metrics);
}

static void long_label_values_are_cut_and_found_again(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    char name[400];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(1, sok_label_intern(metrics, SOK_LABEL_PROVIDER, name));
    name[300] = 'y';
    assert_int_equal(1, sok_label_intern(metrics, SOK_LABEL_PROVIDER, name));
    sok_metrics_free(metrics);
}

static void a_label_value_out_of_range_is_other(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    sok_metric_add(metrics, SOK_METRIC_DB_ERRORS, 1, 9999, 0, 0);
    sok_metric_add(metrics, SOK_METRIC_DB_ERRORS, 1, -1, 0, 0);
    assert_line(metrics, "sokoul_db_errors_total{error_type=\"other\"} 2\n");
    assert_int_equal(0, sok_label_status(299));
    assert_int_equal(0, sok_label_status(-5));
    assert_int_equal(0, sok_label_find(SOK_LABEL_WORKER, "nobody"));
    sok_metrics_free(metrics);
}

// The rows of the table stand in the order of the enums, and failures are called what they are called in
// replies and logs.
static void label_values_are_called_what_they_are(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    for (int status = 1; status < SOK_STATUS_COUNT; status++)
        assert_int_equal(
            status, sok_label_find(SOK_LABEL_ERROR_TYPE, sok_status_info((enum sok_status)status)->code));
    for (int status = 100; status < 600; status++) {
        char text[8];
        snprintf(text, sizeof(text), "%d", status);
        assert_int_equal(sok_label_status(status), sok_label_find(SOK_LABEL_STATUS, text));
    }
    assert_int_equal(SOK_METHOD_DELETE, sok_label_find(SOK_LABEL_METHOD, "DELETE"));
    assert_int_equal(SOK_CACHE_OP_LIMIT, sok_label_find(SOK_LABEL_CACHE_OPERATION, "limit"));
    assert_int_equal(SOK_PART_SERIALISATION, sok_label_find(SOK_LABEL_PART, "serialisation"));
    assert_int_equal(SOK_QUERY_DELETE, sok_label_find(SOK_LABEL_QUERY_TYPE, "delete"));
    assert_int_equal(SOK_REMOVAL_CLEARED, sok_label_find(SOK_LABEL_REMOVAL, "cleared"));
    assert_int_equal(SOK_TRANSACTION_FAILED, sok_label_find(SOK_LABEL_TRANSACTION, "failed"));
    sok_metrics_free(metrics);
}

static void what_a_thread_spends_is_the_followed_requests(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    struct sok_parts parts = {{0}};
    int64_t long_ago_us = sok_time_mono_us() - 5000;
    assert_true(sok_metrics_spend(metrics, SOK_PART_CACHE, long_ago_us) >= 0.005);
    sok_metrics_follow(metrics, &parts);
    sok_metrics_spend(metrics, SOK_PART_DATABASE, long_ago_us);
    sok_metrics_follow(metrics, NULL);
    sok_metrics_spend(metrics, SOK_PART_DATABASE, long_ago_us - 1000000);
    assert_true(parts.us[SOK_PART_DATABASE] >= 5000 && parts.us[SOK_PART_CACHE] == 0);
    assert_true(parts.us[SOK_PART_DATABASE] < 1000000);
    sok_metrics_free(metrics);
}

static void the_process_is_described(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    sok_metrics_sample_process(metrics);
    assert_true(sok_metric_get(metrics, SOK_METRIC_PROCESS_RESIDENT, 0) > 100000);
    assert_true(sok_metric_get(metrics, SOK_METRIC_PROCESS_FDS, 0) >= 1);
    assert_true(sok_metric_get(metrics, SOK_METRIC_PROCESS_THREADS, 0) >= 1);
    assert_true(sok_metric_get(metrics, SOK_METRIC_PROCESS_START, 0) > 1e9);
    sok_metrics_free(metrics);
}

static void *count_up(void *metrics)
{
    int media = sok_label_find(SOK_LABEL_CACHE_TYPE, "media"),
        search = sok_label_find(SOK_LABEL_CACHE_TYPE, "search");
    for (int i = 0; i < 10000; i++) {
        sok_metric_add(metrics, SOK_METRIC_CACHE_HITS, 1, i % 2 ? media : search, 0, 0);
        sok_metric_observe(metrics, SOK_METRIC_CACHE_SECONDS, 1, SOK_CACHE_OP_GET);
    }
    return NULL;
}

// In two rounds: threads of the second go on in the places that those of the first left.
static void threads_lose_no_count(void **state)
{
    struct sok_metrics *metrics = sok_metrics_new();
    pthread_t threads[4];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, count_up, metrics);
        SOK_BUF_AUTO text; // reading meanwhile disturbs nobody
        sok_buf_init(&text, 1 << 20);
        sok_metrics_format(metrics, &text);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    assert_line(metrics, "sokoul_cache_hits_total{cache_type=\"media\"} 40000\n");
    assert_line(metrics, "sokoul_cache_operation_duration_seconds_bucket{operation=\"get\",le=\"0.5\"} 0\n");
    assert_line(
        metrics, "sokoul_cache_operation_duration_seconds_bucket{operation=\"get\",le=\"1\"} 80000\n");
    assert_line(metrics, "sokoul_cache_operation_duration_seconds_sum{operation=\"get\"} 80000\n");
    sok_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_gauges_and_histograms_are_prometheus_text),
        cmocka_unit_test(counters_of_fixed_labels_are_there_at_zero_and_gauges_once_they_are_known),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(too_many_label_values_are_counted_under_other),
        cmocka_unit_test(long_label_values_are_cut_and_found_again),
        cmocka_unit_test(a_label_value_out_of_range_is_other),
        cmocka_unit_test(label_values_are_called_what_they_are),
        cmocka_unit_test(what_a_thread_spends_is_the_followed_requests),
        cmocka_unit_test(the_process_is_described),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
