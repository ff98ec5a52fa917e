// Whole requests, sent to a running server: request lines, headers, framing, forwarded addresses, cookies,
// query strings, bodies. The client stands behind a unix socket, whom the server believes X-Forwarded-For.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "net/http_server.h"

#define PATIENCE_MS 3 // for what an unfinished request may never give
#define ANSWER_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sockaddr_un address = {.sun_family = AF_UNIX};

// Everything that is read from a request.
static enum sok_status echo(struct sok_request *request, struct sok_error *err)
{
    json_t *body = json_object();
    sok_json_set_text(body, "path", request->path);
    sok_json_set_text(body, "ip", request->client_ip);
    sok_json_set_text(body, "q", sok_request_query(request, "q"));
    sok_json_set_text(body, "id", sok_request_param(request, "id"));
    sok_json_set_text(body, "cookie", sok_request_cookie(request, "sid"));
    sok_json_set_text(body, "upload_field", request->upload_field);
    if (request->json)
        json_object_set(body, "json", request->json);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

static ssize_t read_letters(void *context, int64_t offset, char *buf, size_t max)
{
    memset(buf, 'a' + (int)(offset % 26), max);
    return (ssize_t)max;
}

static enum sok_status send_ranges(struct sok_request *request, struct sok_error *err)
{
    struct sok_byte_source source = {
        .fd = -1,
        .size_bytes = 1000,
        .content_type = "text/plain",
        .etag = "\"letters\"",
        .modified_ms = 784111777000,
        .read = read_letters,
    };
    sok_reply_ranges(request, &source);
    return SOK_OK;
}

#define ROW(method, path, lane, body, max, handler)                              \
    {                                                                            \
        method, path, SOK_POLICY_PUBLIC, SOK_RATE_NONE, lane, body, max, handler \
    }
static const struct sok_route routes[] = {
    ROW(SOK_GET, "/e/{id}", SOK_LANE_INLINE, SOK_BODY_NONE, 0, echo),
    ROW(SOK_POST, "/e/{id}", SOK_LANE_INLINE, SOK_BODY_JSON, 4096, echo),
    ROW(SOK_PUT, "/e/{id}", SOK_LANE_SLOW, SOK_BODY_MULTIPART_OR_JSON, 8192, echo),
    ROW(SOK_GET, "/r/{rest...}", SOK_LANE_INLINE, SOK_BODY_NONE, 0, send_ranges),
};

static char folder[] = "/tmp/sokoul-http-fuzz-XXXXXX";

static void remove_folder(void)
{
    unlink(address.sun_path);
    rmdir(folder);
}

static void start(void)
{
    static struct sok_http_server *server; // lives as long as the program
    if (!mkdtemp(folder))
        sok_panic("http fuzz: no folder");
    atexit(remove_folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
    char listen[128];
    snprintf(listen, sizeof(listen), "unix:%s", address.sun_path);
    const struct sok_http_server_options options = {
        .listen = listen,
        .routes = routes,
        .route_count = SOK_ARRAY_LEN(routes),
        .trusted_proxies = "127.0.0.0/8,10.0.0.0/8,::1",
        .threads = 2,
        .lane_threads = 1,
    };
    struct sok_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    if (sok_http_server_start(&options, &server, &err) != SOK_OK)
        sok_panic("http fuzz: %s", err.message);
}

// A reply begins like one, and its header has no line that somebody else wrote into it.
static void check(const char *answer, size_t len)
{
    if (!len)
        return;
    const char *end = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || !end)
        sok_panic("http fuzz: no reply: %.200s", answer);
    const char *injected = strcasestr(answer, "\r\nX-Injected");
    if (injected && injected < end)
        sok_panic("http fuzz: a header was injected");
    if (strncmp(answer + 9, "100", 3) != 0 && !strcasestr(answer, "\r\nX-Request-ID: "))
        sok_panic("http fuzz: a reply without X-Request-ID: %.200s", answer);
    if (answer[9] == '5' && strncmp(answer + 9, "505", 3) != 0)
        sok_panic("http fuzz: %.400s", answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static char answer[ANSWER_MAX];
    pthread_once(&once, start);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        sok_panic("http fuzz: the server does not answer");
    if (len)
        (void)send(fd, data, len, MSG_NOSIGNAL);
    size_t got = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (got < ANSWER_MAX - 1 && poll(&ready, 1, PATIENCE_MS) > 0) {
        ssize_t n = recv(fd, answer + got, ANSWER_MAX - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    answer[got] = 0;
    close(fd);
    check(answer, got);
    return 0;
}
