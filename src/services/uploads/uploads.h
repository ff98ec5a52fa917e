// What users send as files: bounded in number, looked at by a virus scanner where there is one, and the
// pictures of accounts kept.
//
// A picture lies in $DATA_DIR/avatars under a name made here (144 bits of chance, and the ending of what it
// is), written whole or not at all. The name is what one needs to know to see it: an <img> cannot sign in.
#ifndef SOK_SERVICES_UPLOADS_UPLOADS_H
#define SOK_SERVICES_UPLOADS_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "services/uploads/clamd.h"

struct sok_db;
struct sok_uploads;

#define SOK_UPLOAD_BYTES_MAX ((size_t)10 << 20) // of one file
// Scans and pictures being made at once; further ones are SOK_UNAVAILABLE (code "overloaded"): one thread of
// the slow lane stays free, whatever a scanner or a picture does.
#define SOK_UPLOADS_AT_ONCE 3
#define SOK_AVATAR_PATH "/avatars/" // of users.avatar_url: this and the name

struct sok_uploads_options {
    const char *data_dir;
    const char *clamd;         // SOKOUL_CLAMD; NULL or "": nothing is scanned
    const char *probe_program; // sokoul-probe; NULL: the one beside this executable
};

// Makes $DATA_DIR/avatars. SOK_IO. Owned by the caller; any thread may use it.
SOK_MUST_CHECK enum sok_status sok_uploads_open(
    const struct sok_uploads_options *options, struct sok_uploads **ret, struct sok_error *err);
struct sok_uploads *sok_uploads_close(struct sok_uploads *uploads); // NULL is fine; returns NULL

// Asks the scanner about a file; without SOKOUL_CLAMD every file is clean. Errors of sok_clamd_scan. Blocks,
// for SOK_CLAMD_TIMEOUT_MS at most.
SOK_MUST_CHECK enum sok_status sok_uploads_scan(
    struct sok_uploads *uploads, const void *bytes, size_t len, struct sok_clamd_verdict *ret,
    struct sok_error *err);

// --- Pictures of accounts

// Makes a picture of ours of the bytes (picture.h has the errors) and writes it. *ret_url is in the arena:
// for users.avatar_url. Blocks.
SOK_MUST_CHECK enum sok_status sok_avatar_store(
    struct sok_uploads *uploads, struct sok_arena *arena, const void *bytes, size_t len, const char **ret_url,
    struct sok_error *err);

// Removes the file behind a users.avatar_url. Nobody's, none of ours or gone already: nothing happens. After
// the row that named it has changed or gone; what a crash leaves between the two, sok_avatars_sweep takes.
void sok_avatar_remove(struct sok_uploads *uploads, const char *url);

struct sok_avatar_file {
    int fd; // the caller's
    int64_t size_bytes;
    const char *content_type; // a literal
};
// SOK_NOT_FOUND also for what cannot be a name of ours.
SOK_MUST_CHECK enum sok_status sok_avatar_open(
    struct sok_uploads *uploads, const char *name, struct sok_avatar_file *ret, struct sok_error *err);

// Removes the files that no account names and that are older than an hour (a younger one may be on its way
// into a row). At start. Blocks.
SOK_MUST_CHECK enum sok_status sok_avatars_sweep(
    struct sok_uploads *uploads, struct sok_db *db, int64_t now_ms, int *ret_removed, struct sok_error *err);

#endif
