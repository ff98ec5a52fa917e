// The folders that grow, and how much room their file systems have.
#ifndef SOK_SERVICES_HEALTH_STORAGE_H
#define SOK_SERVICES_HEALTH_STORAGE_H

#include "base/arena.h"
#include "runtime/config.h"

struct sok_storage {
    const char *purpose; // "data", "downloads", "library"
    const char *path;
    int64_t total_bytes, used_bytes, free_bytes; // of the file system it lies on; free: for us
    const char *error;                           // NULL: the numbers are there
};

// One row a folder, each library folder its own. In the arena. Blocks as long as the file systems do.
void sok_storage_list(
    struct sok_arena *arena, const struct sok_config *config, struct sok_storage **ret, size_t *ret_count);

#endif
