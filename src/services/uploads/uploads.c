#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "services/library/fd.h"
#include "services/uploads/uploads-private.h"

static char *copy_text(const char *text)
{
    char *copy = sok_text_empty(text) ? NULL : strdup(text);
    if (!copy && !sok_text_empty(text))
        sok_panic("out of memory");
    return copy;
}

static enum sok_status open_avatars(const char *data_dir, int *ret_fd, struct sok_error *err)
{
    SOK_FD_AUTO parent = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the data folder %s", data_dir);
    if (mkdirat(parent, "avatars", 0700) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make %s/avatars", data_dir);
    int fd = openat(parent, "avatars", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open %s/avatars", data_dir);
    *ret_fd = fd;
    return SOK_OK;
}

enum sok_status sok_uploads_open(
    const struct sok_uploads_options *options, struct sok_uploads **ret, struct sok_error *err)
{
    int avatars_fd = -1;
    SOK_TRY(open_avatars(options->data_dir, &avatars_fd, err));
    struct sok_uploads *uploads = calloc(1, sizeof(*uploads));
    if (!uploads)
        sok_panic("out of memory");
    uploads->clamd = copy_text(options->clamd);
    uploads->program = copy_text(options->probe_program);
    uploads->avatars_fd = avatars_fd;
    *ret = uploads;
    return SOK_OK;
}

struct sok_uploads *sok_uploads_close(struct sok_uploads *uploads)
{
    if (!uploads)
        return NULL;
    close(uploads->avatars_fd);
    free(uploads->clamd);
    free(uploads->program);
    free(uploads);
    return NULL;
}

enum sok_status sok_uploads_enter(struct sok_uploads *uploads, struct sok_error *err)
{
    if (atomic_fetch_add(&uploads->at_work, 1) < SOK_UPLOADS_AT_ONCE)
        return SOK_OK;
    sok_uploads_leave(uploads);
    enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "other uploads are being looked at");
    if (err) {
        err->code = "overloaded";
        err->retry_after_s = 2;
    }
    return status;
}

void sok_uploads_leave(struct sok_uploads *uploads)
{
    atomic_fetch_sub(&uploads->at_work, 1);
}

enum sok_status sok_uploads_scan(
    struct sok_uploads *uploads, const void *bytes, size_t len, struct sok_clamd_verdict *ret,
    struct sok_error *err)
{
    if (!uploads->clamd) {
        *ret = (struct sok_clamd_verdict){.is_infected = false};
        return SOK_OK;
    }
    SOK_TRY(sok_uploads_enter(uploads, err));
    enum sok_status status = sok_clamd_scan(uploads->clamd, bytes, len, SOK_CLAMD_TIMEOUT_MS, ret, err);
    sok_uploads_leave(uploads);
    return status;
}
