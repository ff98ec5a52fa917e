#include "runtime/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

static enum sok_status lock(const char *data_dir, int kind, int *ret_fd, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the data folder %s", data_dir);
    const char *path = sok_format(arena, "%s/sokoul.lock", data_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open %s", path);
    // A file system that shares no locks does not keep processes from sharing the folder.
    if (flock(fd, kind | LOCK_NB) < 0 && (kind == LOCK_EX || errno == EWOULDBLOCK)) {
        close(fd);
        return sok_fail(err, SOK_CONFLICT, "another Sokoul is running on %s (it holds %s)", data_dir, path);
    }
    *ret_fd = fd;
    return SOK_OK;
}

enum sok_status sok_data_lock(const char *data_dir, int *ret_fd, struct sok_error *err)
{
    return lock(data_dir, LOCK_EX, ret_fd, err);
}

enum sok_status sok_data_share(const char *data_dir, int *ret_fd, struct sok_error *err)
{
    return lock(data_dir, LOCK_SH, ret_fd, err);
}

void sok_data_unlock(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
