// The handshake of RFC 6455 section 4.2. The upgraded socket does not stay with libmicrohttpd, which would
// keep a connection's memory and slow down every resume for each of them: it is duplicated and the original
// let go.
#include "net/http_private.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"

// Whether a comma-separated header has this token.
static bool has_token(const char *header, const char *token)
{
    size_t want = strlen(token);
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t len = strcspn(header, " \t,");
        if (len == want && strncasecmp(header, token, len) == 0)
            return true;
        header += len;
    }
    return false;
}

static enum sok_status refuse(struct sok_request *request, struct sok_error *err, const char *why)
{
    sok_reply_header(request, "Sec-WebSocket-Version", "13");
    (void)sok_fail(err, SOK_INVALID, "%s", why);
    if (err)
        err->code = "malformed_upgrade";
    return SOK_INVALID;
}

enum sok_status sok_reply_upgrade(
    struct sok_request *request, sok_take_socket take_socket, void *context, struct sok_error *err)
{
    const char *key = sok_request_header(request, "Sec-WebSocket-Key");
    unsigned char nonce[18];
    size_t nonce_len = 0;
    if (request->is_head || !has_token(sok_request_header(request, "Upgrade"), "websocket") ||
        !has_token(sok_request_header(request, "Connection"), "upgrade"))
        return refuse(request, err, "this address speaks WebSocket: Upgrade: websocket is missing");
    if (!sok_text_eq(sok_request_header(request, "Sec-WebSocket-Version"), "13"))
        return refuse(request, err, "only WebSocket version 13 is spoken");
    if (!key || strlen(key) != 24 || !sok_base64_decode(key, 24, nonce, sizeof(nonce), &nonce_len) ||
        nonce_len != 16)
        return refuse(request, err, "Sec-WebSocket-Key must be 16 bytes in base64");
    struct sok_response *response = request->response;
    response->kind = SOK_REPLY_UPGRADE;
    response->http_status = 101;
    response->take_socket = take_socket;
    response->take_context = context;
    return SOK_OK;
}

static void hand_over(
    void *cls, struct MHD_Connection *mhd, void *con_cls, const char *early, size_t early_len,
    MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
    struct sok_exchange *exchange = con_cls;
    struct sok_response *response = &exchange->response;
    int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    sok_take_socket take = response->take_socket;
    response->take_socket = NULL;
    take(response->take_context, fd, fd >= 0 ? early : NULL, fd >= 0 ? early_len : 0);
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

void sok_exchange_make_upgrade(struct sok_exchange *exchange)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = sok_request_header(&exchange->request, "Sec-WebSocket-Key");
    const char *text = sok_format(exchange->request.arena, "%s%s", key, magic);
    unsigned char digest[SOK_SHA1_BYTES];
    char accept[32];
    sok_sha1(text, strlen(text), digest);
    sok_base64_encode(digest, sizeof(digest), accept);
    exchange->response.mhd = MHD_create_response_for_upgrade(hand_over, NULL);
    if (!exchange->response.mhd)
        return;
    MHD_add_response_header(exchange->response.mhd, "Upgrade", "websocket");
    MHD_add_response_header(exchange->response.mhd, "Sec-WebSocket-Accept", accept);
}
