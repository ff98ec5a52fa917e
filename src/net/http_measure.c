// What a client was sent of a film. The server hands a whole file to the kernel (sendfile), so the kernel is
// asked how much of it went into the connection.
#include "net/http_private.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// Bytes written to a TCP connection so far; -1 for another kind of socket.
static int64_t written(const struct sok_connection *connection)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    if (!connection || getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return -1;
    return (int64_t)(info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes);
}

void sok_exchange_measure_stream(struct sok_exchange *exchange)
{
    if (!exchange->is_stream)
        return;
    exchange->is_counted = true;
    exchange->written_before = written(exchange->connection);
    sok_metric_add(exchange->server->options.metrics, SOK_METRIC_STREAMS_ACTIVE, 1, 0, 0, 0);
}

void sok_exchange_measure_end(struct sok_exchange *exchange)
{
    struct sok_metrics *metrics = exchange->server->options.metrics;
    if (!exchange->is_counted)
        return;
    int64_t after = written(exchange->connection), bytes = exchange->response.body_bytes;
    if (exchange->written_before >= 0 && after >= exchange->written_before)
        bytes = after - exchange->written_before;
    sok_metric_add(metrics, SOK_METRIC_STREAMS_ACTIVE, -1, 0, 0, 0);
    sok_metric_add(metrics, SOK_METRIC_STREAM_BYTES, (double)(bytes > 0 ? bytes : 0), 0, 0, 0);
}
