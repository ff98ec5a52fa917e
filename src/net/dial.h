// A connection to a service beside us, within a deadline that also holds for looking its name up.
#ifndef SOK_NET_DIAL_H
#define SOK_NET_DIAL_H

#include <stdint.h>

#include "base/status.h"

// `address` is "unix:PATH" or "tcp:HOST:PORT" (a v6 address in brackets), from the configuration: it may lead
// anywhere. Tries each address of the host in turn. *ret_fd: a connected, non-blocking socket, the caller's.
// SOK_UNAVAILABLE names what failed; SOK_TIMEOUT; SOK_INVALID for something else than an address. Blocks; any
// thread. A name whose lookup is given up is looked up to its end by a thread that nobody waits for.
SOK_MUST_CHECK enum sok_status sok_dial(
    const char *address, int64_t timeout_ms, int *ret_fd, struct sok_error *err);

#endif
