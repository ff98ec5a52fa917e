#include "services/uploads/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "net/dial.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define ANSWER_MAX 1024
#define RETRY_AFTER_S 30

struct talk {
    int fd; // -1: not open
    int64_t deadline_ms;
};

static void end_talk(struct talk *talk)
{
    if (talk->fd >= 0)
        close(talk->fd);
}
#define TALK_AUTO SOK_CLEANUP(end_talk) struct talk

static enum sok_status unavailable(struct sok_error *err, const char *what)
{
    enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "the virus scanner %.200s", what);
    if (err) {
        err->code = "scanner_unavailable";
        err->retry_after_s = RETRY_AFTER_S;
    }
    return status;
}

// The events that have come; 0 once the time is over.
static int wait_for(const struct talk *talk, int events)
{
    for (;;) {
        struct pollfd wait = {.fd = talk->fd, .events = (short)events};
        int64_t left_ms = talk->deadline_ms - sok_time_mono_ms();
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
        if (ready > 0)
            return wait.revents;
        if (ready == 0 || errno != EINTR)
            return 0;
    }
}

// What sending came to. ANSWERED: it speaks before it has heard all, or has hung up: read what it said.
enum sent { SENT, ANSWERED, TOO_SLOW };

static enum sent send_all(const struct talk *talk, const void *bytes, size_t len, int flags)
{
    for (const char *at = bytes; len;) {
        int events = wait_for(talk, POLLIN | POLLOUT);
        if (!events)
            return TOO_SLOW;
        if (events & ~POLLOUT)
            return ANSWERED;
        ssize_t sent = send(talk->fd, at, len, MSG_NOSIGNAL | flags);
        if (sent < 0 && errno != EINTR && errno != EAGAIN)
            return ANSWERED;
        if (sent > 0) {
            at += sent;
            len -= (size_t)sent;
        }
    }
    return SENT;
}

static enum sent send_file(const struct talk *talk, const char *bytes, size_t len)
{
    static const char command[] = "zINSTREAM";
    enum sent sent = send_all(talk, command, sizeof(command), MSG_MORE); // with its NUL
    for (size_t at = 0; sent == SENT && at < len;) {
        size_t chunk = len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES;
        uint32_t header = htonl((uint32_t)chunk);
        sent = send_all(talk, &header, sizeof(header), MSG_MORE);
        if (sent == SENT)
            sent = send_all(talk, bytes + at, chunk, 0);
        at += chunk;
    }
    return sent == SENT ? send_all(talk, "\0\0\0\0", 4, 0) : sent;
}

// Up to the NUL, or to where it hangs up.
static enum sok_status read_line(
    const struct talk *talk, char answer[ANSWER_MAX], size_t *ret_len, struct sok_error *err)
{
    size_t len = 0;
    while (len < ANSWER_MAX) {
        if (!wait_for(talk, POLLIN))
            return unavailable(err, "takes too long");
        ssize_t got = recv(talk->fd, answer + len, ANSWER_MAX - len, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        const char *end = got > 0 ? memchr(answer + len, 0, (size_t)got) : NULL;
        len = end ? (size_t)(end - answer) : len + (size_t)(got > 0 ? got : 0);
        if (end || got == 0 || (got < 0 && len)) {
            *ret_len = len;
            return len ? SOK_OK : unavailable(err, "hung up without an answer");
        }
        if (got < 0)
            return unavailable(err, "hung up");
    }
    return unavailable(err, "gave an answer without an end");
}

static enum sok_status open_talk(
    const char *address, int64_t timeout_ms, struct talk *ret, struct sok_error *err)
{
    struct sok_error why = {0};
    int64_t deadline_ms = sok_time_mono_ms() + timeout_ms;
    int fd;
    if (sok_dial(address, timeout_ms, &fd, &why) != SOK_OK) {
        char what[256];
        snprintf(what, sizeof(what), "is not there: %.180s", why.message);
        return unavailable(err, what);
    }
    *ret = (struct talk){fd, deadline_ms};
    return SOK_OK;
}

static bool ends_with(const char *text, size_t len, const char *ending)
{
    size_t ending_len = strlen(ending);
    return len >= ending_len && memcmp(text + len - ending_len, ending, ending_len) == 0;
}

static void copy_name(const char *name, size_t len, char ret[SOK_CLAMD_SIGNATURE_SIZE])
{
    size_t count = len < SOK_CLAMD_SIGNATURE_SIZE - 1 ? len : SOK_CLAMD_SIGNATURE_SIZE - 1;
    for (size_t i = 0; i < count; i++)
        ret[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
    ret[count] = 0;
}

enum sok_status sok_clamd_read_answer(
    const char *answer, size_t len, struct sok_clamd_verdict *ret, struct sok_error *err)
{
    static const char clean[] = "stream: OK", prefix[] = "stream: ", found[] = " FOUND";
    size_t prefix_len = sizeof(prefix) - 1, found_len = sizeof(found) - 1;
    if (len == sizeof(clean) - 1 && memcmp(answer, clean, len) == 0) {
        *ret = (struct sok_clamd_verdict){.is_infected = false};
        return SOK_OK;
    }
    if (len > prefix_len + found_len && memcmp(answer, prefix, prefix_len) == 0 &&
        ends_with(answer, len, found)) {
        ret->is_infected = true;
        copy_name(answer + prefix_len, len - prefix_len - found_len, ret->signature);
        return SOK_OK;
    }
    if (ends_with(answer, len, "size limit exceeded. ERROR"))
        return sok_fail(err, SOK_TOO_LARGE, "the file is larger than the virus scanner takes");
    return unavailable(
        err, ends_with(answer, len, "ERROR") ? "reports an error" : "gave an answer that is none");
}

enum sok_status sok_clamd_scan(
    const char *address, const void *bytes, size_t len, int64_t timeout_ms, struct sok_clamd_verdict *ret,
    struct sok_error *err)
{
    TALK_AUTO talk = {.fd = -1};
    char answer[ANSWER_MAX];
    size_t answer_len;
    SOK_TRY(open_talk(address, timeout_ms, &talk, err));
    if (send_file(&talk, bytes, len) == TOO_SLOW)
        return unavailable(err, "takes too long");
    SOK_TRY(read_line(&talk, answer, &answer_len, err));
    return sok_clamd_read_answer(answer, answer_len, ret, err);
}

enum sok_status sok_clamd_ping(const char *address, int64_t timeout_ms, struct sok_error *err)
{
    static const char command[] = "zPING", good[] = "PONG";
    TALK_AUTO talk = {.fd = -1};
    char answer[ANSWER_MAX];
    size_t len;
    SOK_TRY(open_talk(address, timeout_ms, &talk, err));
    if (send_all(&talk, command, sizeof(command), 0) == TOO_SLOW)
        return unavailable(err, "takes too long");
    SOK_TRY(read_line(&talk, answer, &len, err));
    if (len != sizeof(good) - 1 || memcmp(answer, good, len) != 0)
        return unavailable(err, "gave an answer that is none");
    return SOK_OK;
}
