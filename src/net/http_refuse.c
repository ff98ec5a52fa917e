// What libmicrohttpd refuses before it calls us: broken request lines, headers and chunks, and what is too
// long. It would answer with a page of its own, for some of them with the head twice, and offers no hook. But
// it queues that page with its own public MHD_queue_response, and a program's definition of a public function
// takes the place of a shared library's: the one below is called for those pages alone, since we ourselves
// call the library's by its address. It writes a problem document with everything that our replies have, and
// ends the stream, so that nothing comes of the page. docs/adr/refusals.md weighs this.
#include "net/http_private.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define HEAD_MAX 4096
#define DRAIN_MAX ((size_t)256 << 10)

sok_queue_response sok_find_queue_response(void)
{
    // The detour that POSIX describes for dlsym and functions.
    void *found = dlsym(RTLD_NEXT, "MHD_queue_response");
    sok_queue_response queue;
    memcpy(&queue, &found, sizeof(queue));
    return queue;
}

static void describe(struct sok_exchange *exchange, unsigned mhd_status)
{
    static const struct {
        int status;
        const char *code, *detail;
    } known[] = {
        {400, "malformed_request", "this is no HTTP/1.1 request that could be read"},
        {413, "too_large", "the body is larger than anything that is taken"},
        {414, "uri_too_long", "the address is too long"},
        {431, "headers_too_large", "the header is too long"},
        {505, "version_not_supported", "HTTP/1.1 is spoken here"},
    };
    size_t i = 0;
    // What it calls an error of its own is a header or a chunk that did not fit into its buffer.
    if (mhd_status == 500 && !exchange->begun)
        mhd_status = 431;
    while (i + 1 < SOK_ARRAY_LEN(known) && known[i].status != (int)mhd_status)
        i++;
    if (known[i].status != (int)mhd_status)
        i = 0;
    sok_exchange_refuse(exchange, known[i].status, known[i].code, known[i].detail, NULL);
}

static enum MHD_Result print_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    sok_buf_printf(cls, "%s: %s\r\n", name, value);
    return MHD_YES;
}

// Nothing is under way on this socket: libmicrohttpd answers one request after the other. What does not fit
// into the kernel's buffer belongs to a client that does not read.
static void write_reply(const struct sok_exchange *exchange)
{
    const struct sok_response *response = &exchange->response;
    int fd = exchange->connection->fd;
    SOK_BUF_AUTO text;
    sok_buf_init(&text, HEAD_MAX + response->len);
    sok_buf_printf(
        &text, "HTTP/1.1 %d %s\r\n", response->http_status,
        MHD_get_reason_phrase_for((unsigned)response->http_status));
    MHD_get_response_headers(response->mhd, print_header, &text);
    sok_buf_printf(&text, "Content-Length: %zu\r\n\r\n", response->len);
    sok_buf_append(&text, response->bytes, response->len);
    (void)send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    // A socket that is closed with unread bytes takes the reply back with a reset.
    char dropped[4096];
    ssize_t n;
    for (size_t total = 0; total < DRAIN_MAX; total += (size_t)n)
        if ((n = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT)) <= 0)
            break;
}

static void refuse(struct sok_exchange *exchange, unsigned mhd_status)
{
    if (!exchange->request.request_id) {
        exchange->request.started_ms = sok_clock_mono_ms(exchange->server->options.clock);
        exchange->request.path = "/";
        sok_exchange_read_ids(exchange);
    }
    if (exchange->response.mhd) // the refusal of a body that was to be sent behind its last byte
        MHD_destroy_response(exchange->response.mhd);
    exchange->response.mhd = NULL;
    exchange->response.close = true;
    describe(exchange, mhd_status);
    sok_exchange_add_headers(exchange);
    sok_exchange_report(exchange);
    write_reply(exchange);
}

enum MHD_Result sok_exchange_refuse_head(struct sok_exchange *exchange)
{
    refuse(exchange, 431);
    return MHD_NO;
}

__attribute__((visibility("default"))) enum MHD_Result MHD_queue_response(
    struct MHD_Connection *mhd, unsigned int status, struct MHD_Response *page)
{
    struct sok_connection *connection = sok_connection_of(mhd);
    struct sok_http_server *server = connection->server;
    struct sok_exchange *exchange = connection->exchange;
    bool is_new = !exchange; // not even a request line
    if (is_new)
        exchange = sok_exchange_new(server, "/", mhd);
    refuse(exchange, status);
    if (is_new) {
        void *done = exchange;
        sok_exchange_done(server, mhd, &done, MHD_REQUEST_TERMINATED_WITH_ERROR);
    }
    // The library goes its usual way with its page. It cannot send any of it, and closes the connection:
    // telling it no would have it close in the middle of reading, which it does not survive everywhere.
    return server->queue_response(mhd, status, page);
}
