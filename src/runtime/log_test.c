#include "base/test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"
#include "runtime/log.h"

static int saved_stderr, capture;

static int start_capture(void **state)
{
    capture = memfd_create("log", 0);
    saved_stderr = dup(STDERR_FILENO);
    return dup2(capture, STDERR_FILENO) < 0;
}

static int end_capture(void **state)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(capture);
    sok_log_set(SOK_LOG_INFO, SOK_LOG_AUTO);
    sok_log_set_context("", "");
    return 0;
}

static const char *captured(void)
{
    static char text[65536];
    ssize_t len = pread(capture, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = 0;
    return text;
}

static void a_line_is_one_json_object_with_every_field(void **state)
{
    sok_log_set(SOK_LOG_DEBUG, SOK_LOG_JSON);
    sok_log_set_context("req-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    sok_log(
        SOK_LOG_WARN, SOK_LOG_WORKER, "a \"quoted\"\nmessage", SOK_TEXT("title", "Amélie\x01"),
        SOK_INT("n", -5), SOK_REAL("share", 0.5), SOK_TEXT("absent", NULL));
    const char *line = captured();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    SOK_JSON_AUTO *json = NULL;
    assert_ok(sok_json_parse(line, strlen(line), 65536, &json, NULL));
    int64_t at_ms;
    assert_true(sok_time_parse(sok_json_text(json, "time", NULL), &at_ms));
    assert_string_equal("warn", sok_json_text(json, "level", NULL));
    assert_string_equal("sokoul-worker", sok_json_text(json, "job", NULL));
    assert_string_equal("a \"quoted\"\nmessage", sok_json_text(json, "msg", NULL));
    assert_string_equal("req-1", sok_json_text(json, "request_id", NULL));
    assert_string_equal("0af7651916cd43dd8448eb211c80319c", sok_json_text(json, "trace_id", NULL));
    assert_string_equal("Amélie\x01", sok_json_text(json, "title", NULL));
    assert_int_equal(-5, sok_json_int(json, "n", 0));
    assert_true(sok_json_real(json, "share", 0) == 0.5);
    assert_null(json_object_get(json, "absent"));
}

static void bytes_that_are_not_utf8_still_make_json(void **state)
{
    sok_log_set(SOK_LOG_DEBUG, SOK_LOG_JSON);
    sok_log(SOK_LOG_INFO, SOK_LOG_API, "x", SOK_TEXT("name", "a\xff z"));
    SOK_JSON_AUTO *json = NULL;
    assert_ok(sok_json_parse(captured(), strlen(captured()), 65536, &json, NULL));
    assert_string_equal("a\xef\xbf\xbd z", sok_json_text(json, "name", NULL));
}

static void long_values_are_cut_between_characters(void **state)
{
    sok_log_set(SOK_LOG_DEBUG, SOK_LOG_JSON);
    char text[9002] = "x";
    for (size_t i = 1; i < 9000; i += 2)
        memcpy(text + i, "é", 2);
    sok_log(SOK_LOG_INFO, SOK_LOG_API, "x", SOK_TEXT("name", text));
    SOK_JSON_AUTO *json = NULL;
    assert_ok(sok_json_parse(captured(), strlen(captured()), 65536, &json, NULL));
    assert_int_equal(4095, strlen(sok_json_text(json, "name", "")));
}

static void lines_below_the_level_are_not_written(void **state)
{
    sok_log_set(SOK_LOG_WARN, SOK_LOG_JSON);
    assert_false(sok_log_enabled(SOK_LOG_INFO));
    sok_log(SOK_LOG_INFO, SOK_LOG_API, "no");
    assert_string_equal("", captured());
}

static void text_lines_cannot_be_forged(void **state)
{
    sok_log_set(SOK_LOG_DEBUG, SOK_LOG_TEXT);
    sok_log(SOK_LOG_INFO, SOK_LOG_API, "hello", SOK_TEXT("a", "word"), SOK_TEXT("b", "x\ny\x1b[31m \"q\""));
    sok_log(
        SOK_LOG_INFO, SOK_LOG_API, "x",
        SOK_TEXT(
            "c", "é\xc2\x9b"
                 "2J\xc2\x85 \xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6…"));
    assert_non_null(strstr(captured(), " c=\"é\\u009b2J\\u0085 \\u2028\\u202e\\u2066…\"\n"));
    assert_non_null(strstr(captured(), " info  hello a=word b=\"x\\ny\\u001b[31m \\\"q\\\"\"\n"));
}

static void an_error_names_its_code_and_place(void **state)
{
    sok_log_set(SOK_LOG_DEBUG, SOK_LOG_JSON);
    struct sok_error err = {0};
    (void)sok_fail(&err, SOK_TIMEOUT, "the indexer was slow");
    sok_log_error(SOK_LOG_ERROR, SOK_LOG_WORKER, "search failed", &err);
    assert_non_null(strstr(captured(), "\"code\":\"timeout\",\"error\":\"the indexer was slow\",\"file\":"));
}

struct told {
    int count[SOK_LOG_STREAM_COUNT];
    char last[4096];
};

static void tell(void *context, enum sok_log_stream stream, const char *line, size_t len)
{
    struct told *told = context;
    told->count[stream]++;
    assert_true(len < sizeof(told->last));
    memcpy(told->last, line, len);
    told->last[len] = 0;
}

static void errors_and_the_audit_trail_go_to_the_sink_too(void **state)
{
    struct told told = {0};
    sok_log_set(SOK_LOG_ERROR, SOK_LOG_TEXT);
    sok_log_set_context("req-1", "");
    sok_log_set_sink(tell, &told);
    sok_log(SOK_LOG_WARN, SOK_LOG_API, "no");
    sok_log(SOK_LOG_INFO, SOK_LOG_AUTH, "no");
    assert_int_equal(0, told.count[0] + told.count[1]);
    sok_log(SOK_LOG_INFO, SOK_LOG_AUDIT, "audit", SOK_TEXT("action", "login\n"));
    assert_int_equal(1, told.count[SOK_LOG_STREAM_AUDIT]);
    assert_string_equal("", captured()); // below the level, which is about standard error
    SOK_JSON_AUTO *json = NULL;
    assert_ok(sok_json_parse(told.last, strlen(told.last), 4096, &json, NULL));
    assert_string_equal("login\n", sok_json_text(json, "action", NULL));
    assert_string_equal("req-1", sok_json_text(json, "request_id", NULL));
    sok_log(SOK_LOG_ERROR, SOK_LOG_AUDIT, "could not be written");
    sok_log(SOK_LOG_ERROR, SOK_LOG_WORKER, "failed");
    assert_int_equal(2, told.count[SOK_LOG_STREAM_ERRORS]);
    assert_non_null(strstr(told.last, "\"msg\":\"failed\""));
    assert_null(strchr(told.last, '\n'));
    sok_log_set_sink(NULL, NULL);
    sok_log(SOK_LOG_ERROR, SOK_LOG_WORKER, "to nobody");
    assert_int_equal(2, told.count[SOK_LOG_STREAM_ERRORS]);
}

static void a_panic_says_its_last_words_as_a_line(void **state)
{
    sok_log_set(SOK_LOG_ERROR, SOK_LOG_JSON);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); // the test's own handler would go on
        sok_panic("no \"room\" for %d\nthings", 3);
    }
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    SOK_JSON_AUTO *json = NULL;
    assert_ok(sok_json_parse(captured(), strlen(captured()), 65536, &json, NULL));
    assert_string_equal("fatal", sok_json_text(json, "msg", NULL));
    assert_string_equal("error", sok_json_text(json, "level", NULL));
    assert_string_equal("no \"room\" for 3\nthings", sok_json_text(json, "error", NULL));
    assert_non_null(strstr(sok_json_text(json, "file", ""), "log_test.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_line_is_one_json_object_with_every_field, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_utf8_still_make_json, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(long_values_are_cut_between_characters, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(text_lines_cannot_be_forged, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(
            errors_and_the_audit_trail_go_to_the_sink_too, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(a_panic_says_its_last_words_as_a_line, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(an_error_names_its_code_and_place, start_capture, end_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
