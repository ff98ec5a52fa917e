// Runs `sokoul-probe`, the program that reads what strangers made: a file as its standard input, a pipe as
// its standard output, and nothing else of this process. What it does there is jail.c's and its task's
// business.
#ifndef SOK_SERVICES_LIBRARY_CHILD_H
#define SOK_SERVICES_LIBRARY_CHILD_H

#include "base/buf.h"
#include "base/status.h"

// Runs `program` (NULL: the sokoul-probe beside this executable) with `task` as its one argument (NULL: none)
// on the open file, until it closes its output. What it wrote is in `output`, as much as that takes, and is
// no more to be trusted than the file. *ret_wait_status as waitpid gives it; a child that goes on after it
// has closed its output is killed. SOK_TIMEOUT (killed), SOK_UNAVAILABLE (could not be started). Blocks; any
// thread. The descriptor stays the caller's; its offset is shared with the child.
SOK_MUST_CHECK enum sok_status sok_child_run(
    const char *program, const char *task, int fd, int timeout_ms, struct sok_buf *output,
    int *ret_wait_status, struct sok_error *err);

#endif
