// A file descriptor that is closed at the end of its scope.
#ifndef SOK_SERVICES_LIBRARY_FD_H
#define SOK_SERVICES_LIBRARY_FD_H

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

#endif
