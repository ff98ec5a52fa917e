// A temporary folder for a unit test, removed with everything in it.
#ifndef SOK_BASE_TEST_DIR_H
#define SOK_BASE_TEST_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/status.h"

struct sok_test_dir {
    char path[64];
};

static inline SOK_UNUSED void sok_test_dir_make(struct sok_test_dir *dir)
{
    snprintf(dir->path, sizeof(dir->path), "/tmp/sokoul-test-XXXXXX");
    if (!mkdtemp(dir->path))
        sok_panic("cannot make a temporary folder");
}

static inline int sok_test_dir_remove_entry(
    const char *path, const struct stat *st, int kind, struct FTW *where)
{
    return remove(path);
}

static inline SOK_UNUSED void sok_test_dir_remove(struct sok_test_dir *dir)
{
    nftw(dir->path, sok_test_dir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// "<dir>/<name>" in a buffer of the caller's.
static inline SOK_UNUSED const char *sok_test_dir_file(
    const struct sok_test_dir *dir, const char *name, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "%s/%s", dir->path, name);
    return ret_path;
}

#endif
