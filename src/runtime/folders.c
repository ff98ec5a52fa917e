#include "runtime/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void sok_folder_remove(const char *path)
{
    char *roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    if (!tree)
        return;
    for (FTSENT *at; (at = fts_read(tree));) {
        if (at->fts_info == FTS_DP)
            (void)rmdir(at->fts_accpath);
        else if (at->fts_info != FTS_D)
            (void)unlink(at->fts_accpath);
    }
    (void)fts_close(tree);
}

enum sok_status sok_folder_sync(const char *path, struct sok_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    return is_synced ? SOK_OK : sok_fail_errno(err, SOK_IO, why, "cannot sync %s", path);
}

enum sok_status sok_folder_move(const char *from, const char *to, struct sok_error *err)
{
    if (rename(from, to) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot move %s to %s", from, to);
    return SOK_OK;
}
