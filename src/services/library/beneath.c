// A path of a download or of a library folder is somebody else's text. The kernel resolves it: openat2
// refuses to leave the root or to pass a symbolic link, so there is no window between looking and opening. A
// new name for a file is made from its open descriptor (/proc/self/fd), never by resolving the old name
// again.
#include "services/library/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "services/library/fd.h"

#define PATH_BYTES_MAX 4000
#define NAME_BYTES_MAX 255
#define COPY_CHUNK ((size_t)1 << 20)

static int open_beneath(int root_fd, const char *path, uint64_t flags, uint64_t mode)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    for (int tries = 0;; tries++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        // EAGAIN: a rename elsewhere made the kernel unsure whether it stayed beneath (openat2(2)).
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries >= 100)
            return (int)fd;
    }
}

static enum sok_status open_failed(struct sok_error *err, const char *path)
{
    if (errno == ELOOP || errno == EXDEV)
        return sok_fail(err, SOK_DENIED, "\"%.120s\" leads outside its folder", path);
    return sok_fail_errno(err, SOK_IO, errno, "cannot open \"%.120s\"", path);
}

bool sok_beneath_is_path(const char *path)
{
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || len > PATH_BYTES_MAX)
        return false;
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    for (const char *part = path;;) {
        size_t part_len = strcspn(part, "/");
        if (part_len == 0 || part_len > NAME_BYTES_MAX)
            return false;
        if (part[0] == '.' && (part_len == 1 || (part_len == 2 && part[1] == '.')))
            return false;
        if (part[part_len] == '\0')
            return true;
        part += part_len + 1;
    }
}

static enum sok_status check_path(const char *path, struct sok_error *err)
{
    if (!sok_beneath_is_path(path))
        return sok_fail(err, SOK_DENIED, "\"%.120s\" is not a path beneath a folder", path ? path : "");
    return SOK_OK;
}

enum sok_status sok_beneath_root(const char *folder, bool make, int *ret_fd, struct sok_error *err)
{
    char path[PATH_MAX];
    size_t len = strlen(folder);
    if (len == 0 || len >= sizeof path)
        return sok_fail(err, SOK_INVALID, "\"%.160s\" is not a folder's path", folder);
    memcpy(path, folder, len + 1);
    for (char *slash = path + 1; make && (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %.160s", path);
    }
    if (make && mkdir(path, 0755) != 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %.160s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open the folder %.160s", path);
    *ret_fd = fd;
    return SOK_OK;
}

enum sok_status sok_beneath_open(int root_fd, const char *path, int *ret_fd, struct sok_error *err)
{
    SOK_TRY(check_path(path, err));
    // O_NONBLOCK: a FIFO planted under a film's name must not hold us; it changes nothing for regular files.
    SOK_FD_AUTO fd = open_beneath(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return open_failed(err, path);
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot read \"%.120s\"", path);
    if (!S_ISREG(info.st_mode))
        return sok_fail(err, SOK_DENIED, "\"%.120s\" is not a regular file", path);
    *ret_fd = sok_fd_take(&fd);
    return SOK_OK;
}

// Opens one folder below parent_fd, making it if asked. `name` has no slash.
static int open_part(int parent_fd, const char *name, bool make)
{
    int fd = open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0 || !make || errno != ENOENT)
        return fd;
    if (mkdirat(parent_fd, name, 0755) != 0 && errno != EEXIST)
        return -1;
    if (fsync(parent_fd) != 0)
        return -1;
    return open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

enum sok_status sok_beneath_open_dir(
    int root_fd, const char *path, bool make, int *ret_fd, struct sok_error *err)
{
    SOK_FD_AUTO at = open_beneath(root_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (at < 0)
        return open_failed(err, path);
    if (path[0] != '\0')
        SOK_TRY(check_path(path, err));
    for (const char *part = path; *part;) {
        char name[NAME_BYTES_MAX + 1];
        size_t len = strcspn(part, "/");
        memcpy(name, part, len); // check_path: at most NAME_BYTES_MAX
        name[len] = '\0';
        int next = open_part(at, name, make);
        if (next < 0)
            return open_failed(err, path);
        close(at);
        at = next;
        part += len + (part[len] == '/');
    }
    *ret_fd = sok_fd_take(&at);
    return SOK_OK;
}

// Opens the folder above the last part; *ret_name points into path.
static enum sok_status open_parent(
    int root_fd, const char *path, bool make, int *ret_fd, const char **ret_name, struct sok_error *err)
{
    SOK_TRY(check_path(path, err));
    const char *slash = strrchr(path, '/');
    char folder[PATH_BYTES_MAX + 1] = "";
    if (slash)
        memcpy(folder, path, (size_t)(slash - path)); // shorter than PATH_BYTES_MAX; the rest is zero
    *ret_name = slash ? slash + 1 : path;
    return sok_beneath_open_dir(root_fd, folder, make, ret_fd, err);
}

enum sok_status sok_beneath_stat(int root_fd, const char *path, struct stat *ret, struct sok_error *err)
{
    SOK_TRY(check_path(path, err));
    SOK_FD_AUTO fd = open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return open_failed(err, path);
    if (fstat(fd, ret) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot read \"%.120s\"", path);
    return SOK_OK;
}

static enum sok_status sync_folder(int fd, const char *path, struct sok_error *err)
{
    // EINVAL: a file system that has nothing to sync for a folder.
    if (fsync(fd) != 0 && errno != EINVAL)
        return sok_fail_errno(err, SOK_IO, errno, "cannot sync the folder of \"%.120s\"", path);
    return SOK_OK;
}

static enum sok_status cross_device(struct sok_error *err, const char *path)
{
    enum sok_status status = sok_fail(
        err, SOK_UNSUPPORTED,
        "\"%.100s\" lies on another file system than the library, or on one without hard links", path);
    if (err)
        err->code = "cross_device";
    return status;
}

static enum sok_status place_failed(struct sok_error *err, const char *from, const char *to)
{
    if (errno == EEXIST)
        return sok_fail(err, SOK_CONFLICT, "\"%.120s\" is taken", to);
    if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP || errno == ENOSYS)
        return cross_device(err, from);
    return sok_fail_errno(err, SOK_IO, errno, "cannot place \"%.120s\"", to);
}

static int link_open_file(int fd, int folder, const char *name)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, folder, name, AT_SYMLINK_FOLLOW);
}

// Opens what is to get a name and the folder that the name shall stand in.
static enum sok_status open_both(
    int from_root_fd, const char *from, int to_root_fd, const char *to, int *ret_source, int *ret_folder,
    const char **ret_name, struct sok_error *err)
{
    SOK_FD_AUTO source = -1;
    SOK_TRY(sok_beneath_open(from_root_fd, from, &source, err));
    SOK_TRY(open_parent(to_root_fd, to, true, ret_folder, ret_name, err));
    *ret_source = sok_fd_take(&source);
    return SOK_OK;
}

enum sok_status sok_beneath_link(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err)
{
    SOK_FD_AUTO source = -1, folder = -1;
    const char *name;
    SOK_TRY(open_both(from_root_fd, from, to_root_fd, to, &source, &folder, &name, err));
    if (link_open_file(source, folder, name) != 0)
        return place_failed(err, from, to);
    return sync_folder(folder, to, err);
}

// The same name for every try at the same target, so that what a killed process left is found and dropped.
static void part_name(const char *name, char ret_part[64])
{
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    snprintf(ret_part, 64, SOK_BENEATH_PART_PREFIX "%016llx", (unsigned long long)hash);
}

enum sok_status sok_beneath_link_over(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err)
{
    SOK_FD_AUTO source = -1, folder = -1;
    const char *name;
    SOK_TRY(open_both(from_root_fd, from, to_root_fd, to, &source, &folder, &name, err));
    char part[64];
    part_name(name, part);
    (void)unlinkat(folder, part, 0);
    if (link_open_file(source, folder, part) != 0)
        return place_failed(err, from, to);
    if (renameat(folder, part, folder, name) != 0) {
        enum sok_status status = place_failed(err, from, to);
        (void)unlinkat(folder, part, 0);
        return status;
    }
    return sync_folder(folder, to, err);
}

enum sok_status sok_beneath_move(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err)
{
    SOK_FD_AUTO source = -1, folder = -1, from_folder = -1;
    const char *name, *from_name;
    SOK_TRY(open_both(from_root_fd, from, to_root_fd, to, &source, &folder, &name, err));
    SOK_TRY(open_parent(from_root_fd, from, false, &from_folder, &from_name, err));
    if (renameat2(from_folder, from_name, folder, name, RENAME_NOREPLACE) != 0)
        return place_failed(err, from, to);
    SOK_TRY(sync_folder(folder, to, err));
    return sync_folder(from_folder, from, err);
}

static enum sok_status copy_bytes(int from, int to, const char *path, struct sok_error *err)
{
    for (;;) {
        // Shares the blocks where the file system can; copies inside the kernel elsewhere.
        ssize_t count = copy_file_range(from, NULL, to, NULL, COPY_CHUNK * 64, 0);
        if (count == 0)
            return SOK_OK;
        if (count < 0 && errno != EINTR)
            break;
    }
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return sok_fail_errno(err, SOK_IO, errno, "cannot copy to \"%.120s\"", path);
    char *chunk = malloc(COPY_CHUNK);
    if (!chunk)
        sok_panic("out of memory");
    enum sok_status status = SOK_OK;
    for (ssize_t count; status == SOK_OK && (count = read(from, chunk, COPY_CHUNK)) != 0;) {
        if (count < 0 && errno == EINTR)
            continue;
        for (ssize_t done = 0, wrote; count > 0 && done < count; done += wrote)
            if ((wrote = write(to, chunk + done, (size_t)(count - done))) < 0) {
                count = -1;
                break;
            }
        if (count < 0)
            status = sok_fail_errno(err, SOK_IO, errno, "cannot copy to \"%.120s\"", path);
    }
    free(chunk);
    return status;
}

static enum sok_status compare_bytes(int a, int b, const char *path, bool *ret_same, struct sok_error *err)
{
    char *chunk = malloc(COPY_CHUNK * 2);
    if (!chunk)
        sok_panic("out of memory");
    enum sok_status status = SOK_OK;
    *ret_same = true;
    for (off_t at = 0;;) {
        ssize_t a_len = pread(a, chunk, COPY_CHUNK, at);
        ssize_t b_len = pread(b, chunk + COPY_CHUNK, COPY_CHUNK, at);
        if (a_len < 0 || b_len < 0)
            status = sok_fail_errno(err, SOK_IO, errno, "cannot compare \"%.120s\"", path);
        else if (a_len != b_len || memcmp(chunk, chunk + COPY_CHUNK, (size_t)a_len) != 0)
            *ret_same = false;
        if (status != SOK_OK || !*ret_same || a_len == 0)
            break;
        at += a_len;
    }
    free(chunk);
    return status;
}

enum sok_status sok_beneath_same(
    int a_root_fd, const char *a, int b_root_fd, const char *b, bool *ret_same, struct sok_error *err)
{
    SOK_FD_AUTO a_fd = -1, b_fd = -1;
    SOK_TRY(sok_beneath_open(a_root_fd, a, &a_fd, err));
    SOK_TRY(sok_beneath_open(b_root_fd, b, &b_fd, err));
    return compare_bytes(a_fd, b_fd, b, ret_same, err);
}

static enum sok_status copy_checked(
    int source, int folder, const char *part, const char *name, const char *to, struct sok_error *err)
{
    SOK_FD_AUTO copy = openat(folder, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (copy < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make \"%.120s\"", to);
    SOK_TRY(copy_bytes(source, copy, to, err));
    if (fsync(copy) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot sync \"%.120s\"", to);
    // The comparison shall see the disk, not what we just wrote.
    (void)posix_fadvise(copy, 0, 0, POSIX_FADV_DONTNEED);
    bool same;
    SOK_TRY(compare_bytes(source, copy, to, &same, err));
    if (!same)
        return sok_fail(err, SOK_IO, "the copy of \"%.120s\" differs from what was copied", to);
    if (renameat2(folder, part, folder, name, RENAME_NOREPLACE) != 0)
        return place_failed(err, name, to);
    return sync_folder(folder, to, err);
}

enum sok_status sok_beneath_copy(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err)
{
    SOK_FD_AUTO source = -1, folder = -1;
    const char *name;
    SOK_TRY(open_both(from_root_fd, from, to_root_fd, to, &source, &folder, &name, err));
    if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return sok_fail(err, SOK_CONFLICT, "\"%.120s\" is taken", to); // before copying gigabytes in vain
    char part[64];
    part_name(name, part);
    (void)unlinkat(folder, part, 0);
    enum sok_status status = copy_checked(source, folder, part, name, to, err);
    if (status != SOK_OK)
        (void)unlinkat(folder, part, 0);
    return status;
}

enum sok_status sok_beneath_unlink(int root_fd, const char *path, struct sok_error *err)
{
    SOK_FD_AUTO folder = -1;
    const char *name;
    enum sok_status status = open_parent(root_fd, path, false, &folder, &name, err);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    SOK_TRY(status);
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
        return sok_fail_errno(err, SOK_IO, errno, "cannot remove \"%.120s\"", path);
    return sync_folder(folder, path, err);
}

void sok_beneath_prune(int root_fd, const char *path)
{
    char above[PATH_BYTES_MAX + 1];
    if (!sok_beneath_is_path(path))
        return;
    memcpy(above, path, strlen(path) + 1);
    for (char *slash; (slash = strrchr(above, '/')) != NULL;) {
        *slash = '\0';
        SOK_FD_AUTO folder = -1;
        const char *name;
        if (open_parent(root_fd, above, false, &folder, &name, NULL) != SOK_OK ||
            unlinkat(folder, name, AT_REMOVEDIR) != 0)
            return;
    }
}
