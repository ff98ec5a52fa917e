#include "services/auth/keyfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

void sok_keyfiles_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

enum sok_status sok_keyfiles_open(const char *data_dir, int *ret_fd, struct sok_error *err)
{
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the data folder %s", data_dir);
    SOK_KEYFILES_AUTO parent = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the data folder %s", data_dir);
    if (mkdirat(parent, "keys", 0700) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make %s/keys", data_dir);
    int dir = openat(parent, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (dir < 0 || fstat(dir, &st) != 0) {
        int why = errno;
        sok_keyfiles_close(&dir);
        return sok_fail_errno(err, SOK_IO, why, "cannot open %s/keys", data_dir);
    }
    if (st.st_mode & 077) {
        sok_keyfiles_close(&dir);
        return sok_fail(
            err, SOK_INVALID, "%s/keys may be entered by others (mode %03o): chmod 700 it", data_dir,
            (unsigned)(st.st_mode & 0777));
    }
    *ret_fd = dir;
    return SOK_OK;
}

static enum sok_status write_all(int fd, const char *bytes, size_t len, struct sok_error *err)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return sok_fail_errno(err, SOK_IO, errno, "cannot write a key file");
        bytes += wrote;
        len -= (size_t)wrote;
    }
    if (fsync(fd) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot sync a key file");
    return SOK_OK;
}

enum sok_status sok_keyfiles_write(
    int dir_fd, const char *name, const void *bytes, size_t len, struct sok_error *err)
{
    char temporary[64], random[16];
    sok_random_token(9, random, sizeof(random));
    snprintf(temporary, sizeof(temporary), ".new-%s", random);
    SOK_KEYFILES_AUTO fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make a key file");
    enum sok_status status = write_all(fd, bytes, len, err);
    // link() and not rename(): an existing key is never replaced, whoever comes second.
    if (status == SOK_OK && linkat(dir_fd, temporary, dir_fd, name, 0) != 0) {
        if (errno == EEXIST)
            status = sok_fail(err, SOK_CONFLICT, "the key file %s exists already", name);
        else
            status = sok_fail_errno(err, SOK_IO, errno, "cannot name the key file %s", name);
    }
    unlinkat(dir_fd, temporary, 0);
    if (status == SOK_OK && fsync(dir_fd) != 0)
        status = sok_fail_errno(err, SOK_IO, errno, "cannot sync the folder of keys");
    return status;
}

enum sok_status sok_keyfiles_read(
    int dir_fd, const char *name, size_t max_bytes, struct sok_arena *arena, const char **ret_bytes,
    size_t *ret_len, struct sok_error *err)
{
    SOK_KEYFILES_AUTO fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the key file %s", name);
    if (!S_ISREG(st.st_mode))
        return sok_fail(err, SOK_INVALID, "the key file %s is not a plain file", name);
    if (st.st_mode & 077)
        return sok_fail(
            err, SOK_INVALID, "the key file %s may be read by others (mode %03o): chmod 600 it", name,
            (unsigned)(st.st_mode & 0777));
    if (st.st_size < 0 || (size_t)st.st_size > max_bytes)
        return sok_fail(err, SOK_INVALID, "the key file %s is too long", name);
    char *bytes = sok_alloc(arena, (size_t)st.st_size + 1);
    size_t have = 0;
    while (have < (size_t)st.st_size) {
        ssize_t got = read(fd, bytes + have, (size_t)st.st_size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sok_fail_errno(err, SOK_IO, errno, "cannot read the key file %s", name);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *ret_bytes = bytes;
    *ret_len = have;
    return SOK_OK;
}
