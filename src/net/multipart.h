// multipart/form-data bodies (RFC 7578), complete in memory, cut into parts. Pure; nothing is copied but
// names.
#ifndef SOK_NET_MULTIPART_H
#define SOK_NET_MULTIPART_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_MULTIPART_PARTS_MAX 32

struct sok_multipart_part {
    const char *name;         // of the form field, UTF-8, in the arena
    const char *filename;     // NULL: an ordinary field; never to be used as a path
    const char *content_type; // as sent; NULL when it was not
    const char *bytes;        // borrowed from the body, not NUL-terminated
    size_t len;
};

// content_type is the request's header with its boundary parameter. SOK_INVALID with code
// "malformed_multipart" for anything that is not a complete, well-formed body of at most
// SOK_MULTIPART_PARTS_MAX parts, each with a name.
SOK_MUST_CHECK enum sok_status sok_multipart_parse(
    struct sok_arena *arena, const char *content_type, const char *body, size_t len,
    struct sok_multipart_part **ret_parts, size_t *ret_count, struct sok_error *err);

// The value of parameter `name` of a header like `form-data; name="a"`, unquoted, in the arena; NULL when it
// is not there.
const char *sok_header_param(struct sok_arena *arena, const char *header, const char *name);

#endif
