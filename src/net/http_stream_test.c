#include "net/raw_client_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "net/http_server.h"

#define FILE_BYTES 3000000
#define MODIFIED_MS 784111777000 // Sun, 06 Nov 1994 08:49:37 GMT

// A file that grows: `ready` bytes can be read; -1 bytes at `gone`.
struct growing {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t ready;
    bool gone;
    int reads, closed;
};

static struct growing growing = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static char *content;
static struct sok_http_server *server;
static int port;

static int content_fd(void)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    assert_int_equal(FILE_BYTES, write(fd, content, FILE_BYTES));
    return fd;
}

static enum sok_status serve_file(struct sok_request *request, struct sok_error *err)
{
    const struct sok_byte_source source = {
        .fd = content_fd(),
        .size_bytes = FILE_BYTES,
        .content_type = "video/mp4",
        .etag = "\"v1\"",
        .modified_ms = MODIFIED_MS,
    };
    sok_reply_ranges(request, &source);
    return SOK_OK;
}

static enum sok_status serve_empty(struct sok_request *request, struct sok_error *err)
{
    const struct sok_byte_source source = {.fd = open("/dev/null", O_RDONLY), .content_type = "text/plain"};
    sok_reply_ranges(request, &source);
    return SOK_OK;
}

static ssize_t read_growing(void *context, int64_t offset, char *buf, size_t max)
{
    struct growing *file = context;
    pthread_mutex_lock(&file->lock);
    file->reads++;
    pthread_cond_broadcast(&file->wake);
    int64_t n = file->ready - offset;
    if (n > (int64_t)max)
        n = (int64_t)max;
    if (n <= 0)
        n = file->gone ? -1 : 0;
    else
        memcpy(buf, content + offset, (size_t)n);
    pthread_mutex_unlock(&file->lock);
    return (ssize_t)n;
}

static void close_growing(void *context)
{
    struct growing *file = context;
    pthread_mutex_lock(&file->lock);
    file->closed++;
    pthread_cond_broadcast(&file->wake);
    pthread_mutex_unlock(&file->lock);
}

static enum sok_status serve_growing(struct sok_request *request, struct sok_error *err)
{
    const struct sok_byte_source source = {
        .fd = -1,
        .size_bytes = FILE_BYTES,
        .content_type = "video/mp4",
        .read = read_growing,
        .close = close_growing,
        .context = &growing,
    };
    sok_reply_ranges(request, &source);
    return SOK_OK;
}

// Takes a source and then fails all the same.
static enum sok_status serve_nothing(struct sok_request *request, struct sok_error *err)
{
    (void)serve_growing(request, err);
    return sok_fail(err, SOK_NOT_FOUND, "changed my mind");
}

#define ROW(path, lane, handler)                                                         \
    {                                                                                    \
        SOK_GET, path, SOK_POLICY_PUBLIC, SOK_RATE_NONE, lane, SOK_BODY_NONE, 0, handler \
    }
static const struct sok_route routes[] = {
    ROW("/file", SOK_LANE_INLINE, serve_file),       ROW("/file-by-lane", SOK_LANE_SLOW, serve_file),
    ROW("/empty", SOK_LANE_INLINE, serve_empty),     ROW("/growing", SOK_LANE_SLOW, serve_growing),
    ROW("/nothing", SOK_LANE_INLINE, serve_nothing),
};

static void set_growing(int64_t ready, bool gone)
{
    pthread_mutex_lock(&growing.lock);
    growing.ready = ready;
    growing.gone = gone;
    growing.reads = growing.closed = 0;
    pthread_mutex_unlock(&growing.lock);
}

static void grow_to(int64_t ready, bool gone)
{
    pthread_mutex_lock(&growing.lock);
    growing.ready = ready;
    growing.gone = gone;
    pthread_mutex_unlock(&growing.lock);
}

static void wait_for_reads(int count)
{
    pthread_mutex_lock(&growing.lock);
    while (growing.reads < count)
        pthread_cond_wait(&growing.wake, &growing.lock);
    pthread_mutex_unlock(&growing.lock);
}

static void wait_for_closed(int count)
{
    pthread_mutex_lock(&growing.lock);
    while (growing.closed < count)
        pthread_cond_wait(&growing.wake, &growing.lock);
    pthread_mutex_unlock(&growing.lock);
}

static int start(void **state)
{
    const struct sok_http_server_options options = {
        .listen = "127.0.0.1:0", .routes = routes, .route_count = SOK_ARRAY_LEN(routes)};
    struct sok_error err = {0};
    set_growing(FILE_BYTES, false);
    if (sok_http_server_start(&options, &server, &err) != SOK_OK)
        return -1;
    port = sok_http_server_port(server);
    return 0;
}

static int stop(void **state)
{
    server = sok_http_server_stop(server, 5000);
    return 0;
}

static int make_content(void **state)
{
    content = malloc(FILE_BYTES);
    uint32_t x = 1;
    for (int i = 0; i < FILE_BYTES; i++) {
        x = x * 1664525 + 1013904223;
        content[i] = (char)(x >> 24);
    }
    return 0;
}

static int free_content(void **state)
{
    free(content);
    return 0;
}

static struct raw_reply get(struct sok_arena *arena, const char *path, const char *headers)
{
    return raw_ask(arena, port, sok_format(arena, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers));
}

static const char *const paths[] = {"/file", "/file-by-lane", "/growing"};

static void whole_files_arrive_byte_for_byte(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(paths); i++) {
        struct raw_reply reply = get(arena, paths[i], "");
        assert_int_equal(200, reply.status);
        assert_string_equal("bytes", raw_header(arena, &reply, "Accept-Ranges"));
        assert_string_equal("video/mp4", raw_header(arena, &reply, "Content-Type"));
        assert_int_equal(FILE_BYTES, reply.body_len);
        assert_memory_equal(content, reply.body, FILE_BYTES);
    }
}

static void single_ranges_arrive_byte_for_byte(void **state)
{
    static const struct {
        const char *range, *content_range;
        size_t first, len;
    } cases[] = {
        {"bytes=0-0", "bytes 0-0/3000000", 0, 1},
        {"bytes=100-199", "bytes 100-199/3000000", 100, 100},
        {"bytes=1000000-", "bytes 1000000-2999999/3000000", 1000000, 2000000},
        {"bytes=-5", "bytes 2999995-2999999/3000000", 2999995, 5},
        {"bytes=2999999-9999999", "bytes 2999999-2999999/3000000", 2999999, 1},
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        for (size_t j = 0; j < SOK_ARRAY_LEN(paths); j++) {
            struct raw_reply reply = get(arena, paths[j], sok_format(arena, "Range: %s\r\n", cases[i].range));
            assert_int_equal(206, reply.status);
            assert_string_equal(cases[i].content_range, raw_header(arena, &reply, "Content-Range"));
            assert_int_equal(cases[i].len, reply.body_len);
            assert_memory_equal(content + cases[i].first, reply.body, cases[i].len);
        }
    }
}

static void several_ranges_come_as_multipart(void **state)
{
    static const size_t ranges[3][2] = {{500000, 899999}, {0, 9}, {2999990, 2999999}};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t j = 0; j < SOK_ARRAY_LEN(paths); j++) {
        struct raw_reply reply = get(arena, paths[j], "Range: bytes=500000-899999,0-9,-10\r\n");
        assert_int_equal(206, reply.status);
        assert_null(raw_header(arena, &reply, "Content-Range"));
        const char *type = raw_header(arena, &reply, "Content-Type");
        assert_true(sok_text_starts(type, "multipart/byteranges; boundary="));
        const char *boundary = strchr(type, '=') + 1, *at = reply.body;
        for (int i = 0; i < 3; i++) {
            const char *head = sok_format(
                arena, "%s--%s\r\nContent-Type: video/mp4\r\nContent-Range: bytes %zu-%zu/3000000\r\n\r\n",
                i ? "\r\n" : "", boundary, ranges[i][0], ranges[i][1]);
            assert_memory_equal(head, at, strlen(head));
            at += strlen(head);
            assert_memory_equal(content + ranges[i][0], at, ranges[i][1] - ranges[i][0] + 1);
            at += ranges[i][1] - ranges[i][0] + 1;
        }
        const char *tail = sok_format(arena, "\r\n--%s--\r\n", boundary);
        assert_memory_equal(tail, at, strlen(tail));
        assert_int_equal(reply.body_len, at + strlen(tail) - reply.body);
    }
}

static void a_range_past_the_end_is_416(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(paths); i++) {
        struct raw_reply reply = get(arena, paths[i], "Range: bytes=3000000-\r\n");
        assert_int_equal(416, reply.status);
        assert_string_equal("bytes */3000000", raw_header(arena, &reply, "Content-Range"));
        raw_assert_has(reply, "\"code\":\"range_not_satisfiable\"");
    }
}

static void a_range_of_another_version_is_the_whole(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_int_equal(206, get(arena, "/file", "Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n").status);
    assert_int_equal(200, get(arena, "/file", "Range: bytes=0-1\r\nIf-Range: \"v2\"\r\n").status);
    assert_int_equal(200, get(arena, "/file", "Range: bytes=0-1\r\nIf-Range: W/\"v1\"\r\n").status);
    assert_int_equal(
        206, get(arena, "/file", "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status);
    assert_int_equal(
        200, get(arena, "/file", "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n").status);
}

static void an_unchanged_file_is_304(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = get(arena, "/file", "If-None-Match: \"v0\", \"v1\"\r\nRange: bytes=0-1\r\n");
    assert_int_equal(304, reply.status);
    assert_string_equal("\"v1\"", raw_header(arena, &reply, "ETag"));
    assert_int_equal(304, get(arena, "/file", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status);
    assert_int_equal(200, get(arena, "/file", "If-None-Match: \"v2\"\r\n").status);
}

static void head_tells_the_size_and_reads_nothing(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    set_growing(0, false);
    for (size_t i = 0; i < SOK_ARRAY_LEN(paths); i++) {
        int fd = raw_dial(port);
        raw_say(fd, sok_format(arena, "HEAD %s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n", paths[i]));
        struct raw_reply reply = raw_listen(arena, fd, false);
        assert_int_equal(200, reply.status);
        assert_string_equal("3000000", raw_header(arena, &reply, "Content-Length"));
        assert_string_equal("bytes", raw_header(arena, &reply, "Accept-Ranges"));
        raw_say(fd, "GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=7-7\r\n\r\n");
        reply = raw_listen(arena, fd, true);
        assert_int_equal(206, reply.status);
        close(fd);
    }
    wait_for_closed(1);
    assert_int_equal(0, growing.reads);
}

static void an_empty_file_is_empty(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct raw_reply reply = get(arena, "/empty", "");
    assert_int_equal(200, reply.status);
    assert_string_equal("0", raw_header(arena, &reply, "Content-Length"));
    assert_int_equal(416, get(arena, "/empty", "Range: bytes=0-\r\n").status);
}

static void a_growing_file_is_sent_as_it_grows(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    set_growing(1000, false);
    int fd = raw_dial(port);
    raw_say(fd, "GET /growing HTTP/1.1\r\nHost: x\r\nRange: bytes=500-\r\n\r\n");
    wait_for_reads(3); // it has asked in vain
    // Others are not held up: more of them than there are pump threads.
    for (int i = 0; i < 20; i++)
        assert_int_equal(206, get(arena, "/file", "Range: bytes=0-9,20-29\r\n").status);
    grow_to(1000000, false);
    wait_for_reads(20);
    grow_to(FILE_BYTES, false);
    struct raw_reply reply = raw_listen(arena, fd, true);
    assert_int_equal(206, reply.status);
    assert_int_equal(FILE_BYTES - 500, reply.body_len);
    assert_memory_equal(content + 500, reply.body, FILE_BYTES - 500);
    close(fd);
    wait_for_closed(1);
}

static void many_waiting_streams_share_a_few_threads(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    set_growing(0, false);
    int fds[40];
    for (int i = 0; i < 40; i++) {
        fds[i] = raw_dial(port);
        raw_say(fds[i], "GET /growing HTTP/1.1\r\nHost: x\r\nRange: bytes=0-999999\r\n\r\n");
    }
    wait_for_reads(50);
    grow_to(FILE_BYTES, false);
    for (int i = 0; i < 40; i++) {
        struct raw_reply reply = raw_listen(arena, fds[i], true);
        assert_int_equal(1000000, reply.body_len);
        assert_memory_equal(content, reply.body, 1000000);
        close(fds[i]);
    }
    wait_for_closed(40);
}

static void a_client_that_leaves_ends_the_stream(void **state)
{
    set_growing(0, false);
    int fd = raw_dial(port);
    raw_say(fd, "GET /growing HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_reads(2);
    close(fd);
    wait_for_closed(1);
}

static void a_source_that_breaks_ends_the_connection(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    set_growing(200000, true);
    struct raw_reply reply = get(arena, "/growing", "");
    assert_int_equal(200, reply.status);
    assert_true(reply.closed);
    assert_int_equal(200000, reply.body_len);
    assert_memory_equal(content, reply.body, reply.body_len);
    wait_for_closed(1);
}

static void a_source_is_closed_when_the_handler_fails(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    assert_int_equal(404, get(arena, "/nothing", "").status);
    wait_for_closed(1);
}

static void stopping_ends_waiting_streams(void **state)
{
    set_growing(100000, false);
    int fd = raw_dial(port);
    raw_say(fd, "GET /growing HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for_reads(3);
    server = sok_http_server_stop(server, 0);
    wait_for_closed(1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_files_arrive_byte_for_byte),          TEST(single_ranges_arrive_byte_for_byte),
        TEST(several_ranges_come_as_multipart),          TEST(a_range_past_the_end_is_416),
        TEST(a_range_of_another_version_is_the_whole),   TEST(an_unchanged_file_is_304),
        TEST(head_tells_the_size_and_reads_nothing),     TEST(an_empty_file_is_empty),
        TEST(a_growing_file_is_sent_as_it_grows),        TEST(many_waiting_streams_share_a_few_threads),
        TEST(a_client_that_leaves_ends_the_stream),      TEST(a_source_that_breaks_ends_the_connection),
        TEST(a_source_is_closed_when_the_handler_fails), TEST(stopping_ends_waiting_streams),
    };
    return cmocka_run_group_tests(tests, make_content, free_content);
}
