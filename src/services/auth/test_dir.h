// For tests: a data folder of their own, gone afterwards.
#ifndef SOK_SERVICES_AUTH_TEST_DIR_H
#define SOK_SERVICES_AUTH_TEST_DIR_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

struct sok_test_dir {
    char path[64];
};

static inline void sok_test_dir_make(struct sok_test_dir *dir)
{
    snprintf(dir->path, sizeof(dir->path), "/tmp/sokoul-auth-XXXXXX");
    if (!mkdtemp(dir->path))
        sok_panic("mkdtemp");
}

// Two levels are all that these tests make.
static inline void sok_test_dir_remove(const char *path)
{
    DIR *list = opendir(path);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char *child = NULL;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
            sok_panic("out of memory");
        if (unlink(child) != 0)
            sok_test_dir_remove(child);
        free(child);
    }
    if (list)
        closedir(list);
    rmdir(path);
}

static inline void sok_test_dir_write(const char *dir, const char *name, const char *bytes, mode_t mode)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(bytes, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0)
        sok_panic("cannot write %s", path);
}

#endif
