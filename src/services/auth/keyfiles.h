// The folder of secrets, $DATA_DIR/keys: nobody else may enter it, and its files are there whole or not at
// all.
#ifndef SOK_SERVICES_AUTH_KEYFILES_H
#define SOK_SERVICES_AUTH_KEYFILES_H

#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/status.h"

// Makes $DATA_DIR (its last part) and $DATA_DIR/keys with mode 0700 if need be; SOK_INVALID for a folder that
// others may enter, SOK_IO when it cannot be made or opened. *ret_fd is the open folder, the caller's to
// close.
SOK_MUST_CHECK enum sok_status sok_keyfiles_open(const char *data_dir, int *ret_fd, struct sok_error *err);

// Writes a file of mode 0600 (temporary file, fsync, link, fsync of the folder). SOK_CONFLICT if the name
// exists. Blocks.
SOK_MUST_CHECK enum sok_status sok_keyfiles_write(
    int dir_fd, const char *name, const void *bytes, size_t len, struct sok_error *err);

// Reads a file of at most max_bytes. SOK_NOT_FOUND, SOK_INVALID (readable by others, too long, not a plain
// file) or SOK_IO; the message names the file. The bytes are NUL-terminated in the arena. Blocks.
SOK_MUST_CHECK enum sok_status sok_keyfiles_read(
    int dir_fd, const char *name, size_t max_bytes, struct sok_arena *arena, const char **ret_bytes,
    size_t *ret_len, struct sok_error *err);

// Closes *fd if it is open: for SOK_CLEANUP.
void sok_keyfiles_close(int *fd);
#define SOK_KEYFILES_AUTO SOK_CLEANUP(sok_keyfiles_close) int

#endif
