// The other end of a WebSocket for tests: frames made and read by hand.
#ifndef SOK_NET_WEBSOCKET_CLIENT_TEST_H
#define SOK_NET_WEBSOCKET_CLIENT_TEST_H

#include "net/raw_client_test.h"

struct ws_frame {
    int opcode; // -1: the connection ended
    bool fin;
    int close_code; // of a close frame
    char text[70000];
    size_t len;
};

SOK_UNUSED static void ws_say(int fd, int opcode, const char *text, size_t len)
{
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t at = 2;
    if (len < 126) {
        head[1] = (unsigned char)(0x80 | len);
    } else if (len < 65536) {
        head[1] = 0x80 | 126;
        head[at++] = (unsigned char)(len >> 8);
        head[at++] = (unsigned char)len;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            head[at++] = (unsigned char)((uint64_t)len >> (8 * i));
    }
    at += 4; // a mask of zeros
    raw_say_bytes(fd, head, at);
    raw_say_bytes(fd, text, len);
}

SOK_UNUSED static void ws_say_text(int fd, const char *text)
{
    ws_say(fd, 1, text, strlen(text));
}

SOK_UNUSED static bool ws_read_exactly(int fd, void *buf, size_t len)
{
    for (size_t got = 0, n; got < len; got += n)
        if (!(n = raw_read(fd, (char *)buf + got, len - got)))
            return false;
    return true;
}

SOK_UNUSED static struct ws_frame *ws_listen(int fd)
{
    static struct ws_frame frame;
    unsigned char head[2], length[8];
    memset(&frame, 0, sizeof(frame));
    frame.opcode = -1;
    if (!ws_read_exactly(fd, head, 2))
        return &frame;
    assert_false(head[1] & 0x80); // a server does not mask
    size_t len = head[1], more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more && !ws_read_exactly(fd, length, more))
        return &frame;
    for (size_t i = 0; i < more; i++)
        len = (i ? len << 8 : 0) | length[i];
    assert_true(len < sizeof(frame.text));
    if (!ws_read_exactly(fd, frame.text, len))
        return &frame;
    frame.text[len] = 0;
    frame.len = len;
    frame.fin = head[0] & 0x80;
    frame.opcode = head[0] & 15;
    if (frame.opcode == 8 && len >= 2)
        frame.close_code = (unsigned char)frame.text[0] << 8 | (unsigned char)frame.text[1];
    return &frame;
}

// Reads on until the close frame; its code, or -1 when the connection just ends.
SOK_UNUSED static int ws_close_code(int fd)
{
    struct ws_frame *frame = ws_listen(fd);
    while (frame->opcode != 8 && frame->opcode != -1)
        frame = ws_listen(fd);
    return frame->opcode == 8 ? frame->close_code : -1;
}

#endif
