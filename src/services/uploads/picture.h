// A picture that a user sent, made into one of ours: decoded, turned upright, scaled down, stripped of
// everything but its pixels and encoded anew.
//
// Pictures come from strangers and image readers have holes, so the work is done by `sokoul-probe picture`, a
// child that may do nothing else (services/library/jail.h); the server itself links no image library.
#ifndef SOK_SERVICES_UPLOADS_PICTURE_H
#define SOK_SERVICES_UPLOADS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_PICTURE_BYTES_MAX ((size_t)10 << 20) // as it comes
#define SOK_PICTURE_SIDE_MAX 8192                // pixels, of either side
#define SOK_PICTURE_PIXELS_MAX 40000000          // of both together
#define SOK_PICTURE_SIDE 512                     // the longer side of what becomes of it, at most
#define SOK_PICTURE_TIMEOUT_MS 15000

struct sok_picture {
    const char *bytes; // in the arena
    size_t len;
    bool is_png; // else a JPEG
};

// Whether the bytes begin like a JPEG or a PNG: what a name or a Content-Type says does not count.
bool sok_picture_is_jpeg(const void *bytes, size_t len);
bool sok_picture_is_png(const void *bytes, size_t len);

// Makes a JPEG of a JPEG and a PNG of a PNG. `program` as in sok_library_options. SOK_INVALID with a sentence
// for the one who sent it: neither of the two, broken, too many pixels, too much work. SOK_TOO_LARGE over
// SOK_PICTURE_BYTES_MAX. SOK_UNAVAILABLE: no child could be started. Blocks, for SOK_PICTURE_TIMEOUT_MS at
// most; any thread.
SOK_MUST_CHECK enum sok_status sok_picture_make(
    struct sok_arena *arena, const char *program, const void *bytes, size_t len, struct sok_picture *ret,
    struct sok_error *err);

// The child: confines itself, reads standard input, writes the new picture to standard output. Returns the
// process's exit code, an enum sok_picture_result (picture_codec.h).
int sok_picture_child_main(void);

#endif
