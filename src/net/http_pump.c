// Bodies whose bytes must be waited for: several ranges in one reply, and files that are still downloading.
// The connection's thread never waits: when its buffer is empty it suspends the connection and hands the pump
// to a small pool; a pool thread fills the buffer and resumes. A source that has nothing yet goes to the end
// of the pool's line, so a hundred waiting streams share a few threads.
#include "net/http_private.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"
#include "base/time.h"

#define BUFFER_BYTES ((size_t)128 << 10)
#define STALL_MS \
    120000        // without a byte this long, the body ends (with an error: it is shorter than announced)
#define NAP_MS 50 // before a source that said "nothing yet" at once is asked again

struct pump {
    struct sok_http_server *server;
    struct MHD_Connection *mhd;
    int fd; // the client's socket, to see it go away
    struct sok_byte_source source;
    struct segment {
        char *head; // before the range; may be NULL
        int64_t first, end;
    } * segments;
    int count, at;
    int64_t head_done; // bytes of the segment's head that are in the buffer already
    int64_t stalled_since_ms;
    bool counted_as_suspended, failed;
    _Atomic bool with_pool; // whose turn it is; hands the rest over between the threads
    size_t filled, taken;
    char buffer[BUFFER_BYTES];
};

static void free_pump(void *cls)
{
    struct pump *pump = cls;
    if (pump->counted_as_suspended)
        sok_http_count(pump->server, &pump->server->suspended, -1);
    pump->server->pump_count--;
    if (pump->source.fd >= 0)
        close(pump->source.fd);
    if (pump->source.close)
        pump->source.close(pump->source.context);
    for (int i = 0; i < pump->count; i++)
        free(pump->segments[i].head);
    free(pump->segments);
    free(pump);
}

// --- On a pool thread, the connection suspended

static ssize_t read_source(struct pump *pump, int64_t offset, char *buf, size_t max)
{
    if (pump->source.fd < 0)
        return pump->source.read(pump->source.context, offset, buf, max);
    ssize_t n = pread(pump->source.fd, buf, max, offset);
    return n > 0 ? n : -1; // the file has become shorter
}

// Copies what stands before the current range; true when all of it is in the buffer.
static bool put_head(struct pump *pump, const struct segment *segment)
{
    size_t left = segment->head ? strlen(segment->head) - (size_t)pump->head_done : 0;
    size_t room = BUFFER_BYTES - pump->filled, n = left < room ? left : room;
    if (n)
        memcpy(pump->buffer + pump->filled, segment->head + pump->head_done, n);
    pump->filled += n;
    pump->head_done += (int64_t)n;
    return n == left;
}

// Fills the buffer as far as that goes. False: nothing came, ask again later.
static bool fill(struct pump *pump)
{
    while (pump->filled < BUFFER_BYTES && pump->at < pump->count) {
        struct segment *segment = &pump->segments[pump->at];
        if (!put_head(pump, segment))
            break;
        if (segment->first < segment->end) {
            size_t want = BUFFER_BYTES - pump->filled;
            if ((int64_t)want > segment->end - segment->first)
                want = (size_t)(segment->end - segment->first);
            if (!want)
                break;
            ssize_t n = read_source(pump, segment->first, pump->buffer + pump->filled, want);
            if (n < 0)
                pump->failed = pump->filled == 0; // what is there is sent first; the next read fails again
            if (n <= 0)
                return pump->filled > 0 || pump->failed;
            pump->filled += (size_t)n;
            segment->first += n;
        }
        if (segment->first >= segment->end) {
            pump->at++;
            pump->head_done = 0;
        }
    }
    return true;
}

static bool client_is_gone(const struct pump *pump)
{
    struct pollfd poll_fd = {.fd = pump->fd, .events = POLLRDHUP};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void nap(int64_t ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

static void run_pump(void *context)
{
    struct pump *pump = context;
    int64_t started_ms = sok_time_mono_ms();
    bool came = !pump->server->ending && fill(pump);
    if (!came) {
        int64_t now_ms = sok_time_mono_ms();
        if (!pump->stalled_since_ms) {
            pump->stalled_since_ms = started_ms;
            sok_metric_add(pump->server->options.metrics, SOK_METRIC_STREAM_WAITS, 1, 0, 0, 0);
        }
        if (!pump->server->ending && now_ms - pump->stalled_since_ms < STALL_MS && !client_is_gone(pump)) {
            if (now_ms - started_ms < NAP_MS)
                nap(NAP_MS);
            if (sok_pool_submit(pump->server->pumps, run_pump, pump))
                return;
        }
        pump->failed = true;
    }
    if (pump->stalled_since_ms)
        sok_metric_observe(
            pump->server->options.metrics, SOK_METRIC_STREAM_WAIT_SECONDS,
            (double)(sok_time_mono_ms() - pump->stalled_since_ms) / 1000, 0);
    struct MHD_Connection *mhd = pump->mhd;
    pump->stalled_since_ms = 0;
    pump->with_pool = false;
    MHD_resume_connection(mhd);
}

// --- On the connection's thread

static ssize_t ask_for_more(struct pump *pump)
{
    struct sok_http_server *server = pump->server;
    pump->filled = pump->taken = 0;
    pump->counted_as_suspended = true;
    sok_http_count(server, &server->suspended, 1);
    if (server->ending)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    pump->with_pool = true;
    MHD_suspend_connection(pump->mhd);
    if (!sok_pool_submit(server->pumps, run_pump, pump)) {
        pump->with_pool = false;
        pump->failed = true;
        MHD_resume_connection(pump->mhd);
    }
    return 0;
}

static ssize_t give(void *cls, uint64_t at, char *buf, size_t max)
{
    struct pump *pump = cls;
    if (pump->with_pool)
        return 0;
    if (pump->counted_as_suspended)
        sok_http_count(pump->server, &pump->server->suspended, -1);
    pump->counted_as_suspended = false;
    size_t n = pump->filled - pump->taken;
    if (n > max)
        n = max;
    if (n) {
        memcpy(buf, pump->buffer + pump->taken, n);
        pump->taken += n;
        return (ssize_t)n;
    }
    if (pump->failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return pump->at == pump->count ? MHD_CONTENT_READER_END_OF_STREAM : ask_for_more(pump);
}

static char *copy_text(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        sok_panic("out of memory for a stream");
    return copy;
}

struct MHD_Response *sok_pump_response(
    struct sok_exchange *exchange, const struct sok_byte_source *source_taken, const struct sok_range *ranges,
    const char *const *heads, const char *tail, int count, int64_t total_bytes)
{
    struct sok_http_server *server = exchange->server;
    struct pump *pump = calloc(1, sizeof(*pump));
    if (!pump || !(pump->segments = calloc((size_t)count + 1, sizeof(*pump->segments))))
        sok_panic("out of memory for a stream");
    pump->server = server;
    pump->mhd = exchange->mhd;
    pump->fd = exchange->connection->fd;
    pump->source = *source_taken;
    pump->count = count + (*tail != 0);
    for (int i = 0; i < count; i++)
        pump->segments[i] =
            (struct segment){heads ? copy_text(heads[i]) : NULL, ranges[i].first, ranges[i].last + 1};
    if (*tail)
        pump->segments[count].head = copy_text(tail);
    if (++server->pump_count > SOK_PUMPS_MAX) {
        free_pump(pump);
        return NULL;
    }
    struct MHD_Response *mhd =
        MHD_create_response_from_callback((uint64_t)total_bytes, BUFFER_BYTES / 2, give, pump, free_pump);
    if (!mhd)
        free_pump(pump);
    return mhd;
}
