// The parent's half. The child may have been taken over by what it read: its exit code is looked up in a
// table, and of its output only that it begins like what it must be.
#include "services/uploads/picture.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "services/library/child.h"
#include "services/library/fd.h"
#include "services/uploads/picture_codec.h"

#define OUTPUT_BYTES_MAX ((size_t)2 << 20)

bool sok_picture_is_jpeg(const void *bytes, size_t len)
{
    return len > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

bool sok_picture_is_png(const void *bytes, size_t len)
{
    return len > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static enum sok_status child_failed(int wait_status, struct sok_error *err)
{
    static const struct {
        enum sok_picture_result result;
        const char *sentence;
    } reasons[] = {
        {SOK_PICTURE_BROKEN, "the picture is damaged or not complete"},
        {SOK_PICTURE_TOO_BIG, "the picture has more than 40 million pixels, or a side of more than 8192"},
        {SOK_PICTURE_TOO_COMPLEX, "the picture takes too much work to read"},
        {SOK_PICTURE_UNKNOWN, "the picture must be a JPEG or a PNG"},
    };
    if (WIFEXITED(wait_status)) {
        int code = WEXITSTATUS(wait_status);
        for (size_t i = 0; i < SOK_ARRAY_LEN(reasons); i++)
            if (code == (int)reasons[i].result)
                return sok_fail(err, SOK_INVALID, "%s", reasons[i].sentence);
        if (code == SOK_PICTURE_NO_JAIL || code == SOK_PICTURE_NO_INPUT)
            return sok_fail(err, SOK_UNAVAILABLE, "the picture's reader could not be confined");
        return sok_fail(err, SOK_INVALID, "the picture cannot be read");
    }
    int signal = WTERMSIG(wait_status);
    if (signal == SIGXCPU || signal == SIGALRM || signal == SIGKILL)
        return sok_fail(err, SOK_INVALID, "the picture takes too much work to read");
    return sok_fail(err, SOK_INVALID, "the picture makes its reader crash (signal %d)", signal);
}

// The bytes as a file without a name, which the child gets as its standard input.
static enum sok_status put_into_file(const void *bytes, size_t len, int *ret_fd, struct sok_error *err)
{
    SOK_FD_AUTO fd = memfd_create("picture", MFD_CLOEXEC);
    if (fd < 0 || !sok_fd_write_all(fd, bytes, len))
        return sok_fail_errno(err, SOK_UNAVAILABLE, errno, "cannot hand the picture to its reader");
    *ret_fd = sok_fd_take(&fd);
    return SOK_OK;
}

enum sok_status sok_picture_make(
    struct sok_arena *arena, const char *program, const void *bytes, size_t len, struct sok_picture *ret,
    struct sok_error *err)
{
    bool is_png = sok_picture_is_png(bytes, len);
    if (len > SOK_PICTURE_BYTES_MAX)
        return sok_fail(
            err, SOK_TOO_LARGE, "the picture is over the limit of %zu bytes", SOK_PICTURE_BYTES_MAX);
    if (!is_png && !sok_picture_is_jpeg(bytes, len))
        return sok_fail(err, SOK_INVALID, "the picture must be a JPEG or a PNG");
    SOK_FD_AUTO fd = -1;
    SOK_TRY(put_into_file(bytes, len, &fd, err));
    SOK_BUF_AUTO output;
    int ended;
    sok_buf_init(&output, OUTPUT_BYTES_MAX);
    enum sok_status status =
        sok_child_run(program, "picture", fd, SOK_PICTURE_TIMEOUT_MS, &output, &ended, err);
    if (status == SOK_TIMEOUT)
        return sok_fail(err, SOK_INVALID, "the picture takes too much work to read");
    SOK_TRY(status);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != SOK_PICTURE_OK)
        return child_failed(ended, err);
    bool fits =
        is_png ? sok_picture_is_png(output.data, output.len) : sok_picture_is_jpeg(output.data, output.len);
    if (output.overflow || !fits)
        return sok_fail(err, SOK_INVALID, "the picture cannot be read");
    char *copy = sok_alloc(arena, output.len);
    memcpy(copy, output.data, output.len);
    *ret = (struct sok_picture){copy, output.len, is_png};
    return SOK_OK;
}
