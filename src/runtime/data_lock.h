// The lock of a data folder: two programs with embedded queues on one folder would both lead the same
// downloads, and nothing may be put into it under a running one.
#ifndef SOK_RUNTIME_DATA_LOCK_H
#define SOK_RUNTIME_DATA_LOCK_H

#include "base/compiler.h"
#include "base/status.h"

// Makes the folder (its last part, mode 0700) if need be and takes the lock of $DATA_DIR/sokoul.lock, for as
// long as *ret_fd is open. SOK_CONFLICT when somebody else has it. Does not wait.
SOK_MUST_CHECK enum sok_status sok_data_lock(const char *data_dir, int *ret_fd, struct sok_error *err);
// The same for one of several processes that share the folder: they keep out who wants it alone, and the
// other way round.
SOK_MUST_CHECK enum sok_status sok_data_share(const char *data_dir, int *ret_fd, struct sok_error *err);
// -1 is fine.
void sok_data_unlock(int *fd);

#define SOK_DATA_LOCK_AUTO SOK_CLEANUP(sok_data_unlock) int

#endif
