// Files beneath a folder, and nowhere else: every path goes through openat2 with RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS (Linux 5.6).
//
// `root_fd` is the folder's descriptor (O_DIRECTORY); `path` is relative to it, without "." and ".." parts.
// What leads outside or through a symbolic link is SOK_DENIED. All calls block on the disk only.
#ifndef SOK_SERVICES_LIBRARY_BENEATH_H
#define SOK_SERVICES_LIBRARY_BENEATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/status.h"

// What a copy is called until it is complete; a scan passes over such names.
#define SOK_BENEATH_PART_PREFIX ".sokoul-part-"

// Opens a folder by its path (which may contain links: it is the administrator's). `make`: with the
// missing folders, mode 0755.
SOK_MUST_CHECK enum sok_status sok_beneath_root(
    const char *folder, bool make, int *ret_fd, struct sok_error *err);

// Whether this is a path that may be asked for: relative, not empty, no empty, "." or ".." part, no part over
// 255 bytes, no control character, at most 4,000 bytes.
bool sok_beneath_is_path(const char *path);

// Opens a regular file for reading ("" as path is SOK_INVALID). Never blocks on a FIFO; anything that is not
// a regular file is SOK_DENIED.
SOK_MUST_CHECK enum sok_status sok_beneath_open(
    int root_fd, const char *path, int *ret_fd, struct sok_error *err);

// Opens a folder; "" is the root itself (a new descriptor).
SOK_MUST_CHECK enum sok_status sok_beneath_open_dir(
    int root_fd, const char *path, bool make, int *ret_fd, struct sok_error *err);

// The file's data, without following a link at its end. SOK_NOT_FOUND when it is not there.
SOK_MUST_CHECK enum sok_status sok_beneath_stat(
    int root_fd, const char *path, struct stat *ret, struct sok_error *err);

// Gives the open regular file a second name and syncs the folder. SOK_CONFLICT: the name is taken.
// SOK_UNSUPPORTED with code "cross_device": another file system, or one without hard links.
SOK_MUST_CHECK enum sok_status sok_beneath_link(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err);

// The same, but takes the place of the file that has the name, in one step. Whoever has that one open keeps
// it.
SOK_MUST_CHECK enum sok_status sok_beneath_link_over(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err);

// Renames, never over another file: SOK_CONFLICT. SOK_UNSUPPORTED with code "cross_device".
SOK_MUST_CHECK enum sok_status sok_beneath_move(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err);

// Whether two files hold the same bytes. Reads both.
SOK_MUST_CHECK enum sok_status sok_beneath_same(
    int a_root_fd, const char *a, int b_root_fd, const char *b, bool *ret_same, struct sok_error *err);

// Copies into a hidden file beside `to`, compares what the disk holds, syncs and renames it to `to`
// (SOK_CONFLICT when the name is taken). A copy cut short leaves nothing under the name.
SOK_MUST_CHECK enum sok_status sok_beneath_copy(
    int from_root_fd, const char *from, int to_root_fd, const char *to, struct sok_error *err);

// Removes a file and syncs its folder. SOK_OK when it is gone already.
SOK_MUST_CHECK enum sok_status sok_beneath_unlink(int root_fd, const char *path, struct sok_error *err);

// Removes the folders above `path` that are empty, up to the root. What cannot be removed stays.
void sok_beneath_prune(int root_fd, const char *path);

#endif
