// A file descriptor that is closed at the end of its scope, and the loop around write.
#ifndef SOK_SERVICES_LIBRARY_FD_H
#define SOK_SERVICES_LIBRARY_FD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/compiler.h"

static inline void sok_fd_cleanup(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define SOK_FD_AUTO SOK_CLEANUP(sok_fd_cleanup) int

// Moves the descriptor out of its scope.
static inline int sok_fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

// All of it, or false with the reason in errno.
static inline bool sok_fd_write_all(int fd, const void *bytes, size_t len)
{
    for (const char *at = bytes; len;) {
        ssize_t wrote = write(fd, at, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

#endif
