// Takes away from this process everything that reading standard input and writing standard output do not
// need.
#ifndef SOK_SERVICES_LIBRARY_JAIL_H
#define SOK_SERVICES_LIBRARY_JAIL_H

#include <stdbool.h>

// For good, in a process of one thread: no more files, sockets, processes or privileges (root becomes
// nobody), at most cpu_seconds and memory_mib; ends by SIGALRM after wall_seconds. False when the system
// refused a part of it: the caller must not go on.
bool sok_jail_enter(int cpu_seconds, int wall_seconds, int memory_mib);

#endif
