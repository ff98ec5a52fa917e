#include "net/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define BOUNDARY_MAX 70 // RFC 2046 section 5.1.1
#define HEADERS_MAX 4096

static enum sok_status malformed(struct sok_error *err, const char *why)
{
    (void)sok_fail(err, SOK_INVALID, "malformed multipart body: %s", why);
    if (err)
        err->code = "malformed_multipart";
    return SOK_INVALID;
}

// Reads a quoted string behind its opening quote; NULL when it does not end. Only \" and \\ are escapes:
// browsers send file names with single backslashes.
static const char *read_quoted(struct sok_arena *arena, const char *at, const char **ret_end)
{
    char *copy = sok_alloc(arena, strlen(at) + 1), *out = copy;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *out++ = *at;
    }
    if (*at != '"')
        return NULL;
    *ret_end = at + 1;
    return copy;
}

const char *sok_header_param(struct sok_arena *arena, const char *header, const char *name)
{
    const char *at = header ? strchr(header, ';') : NULL;
    while (at && *at == ';') {
        at++;
        at += strspn(at, " \t");
        size_t len = strcspn(at, "=; \t");
        bool found = len == strlen(name) && strncasecmp(at, name, len) == 0;
        at += len;
        const char *value = "";
        if (*at == '=' && at[1] == '"') {
            value = read_quoted(arena, at + 2, &at);
            if (!value)
                return NULL;
        } else if (*at == '=') {
            len = strcspn(++at, "; \t");
            value = found ? sok_strndup(arena, at, len) : "";
            at += len;
        }
        if (found)
            return value;
        at = strchr(at, ';');
    }
    return NULL;
}

// The value of one header of a part, NUL-terminated in the arena; NULL when it is not there.
static const char *find_header(struct sok_arena *arena, const char *headers, const char *name)
{
    size_t len = strlen(name);
    while (*headers) {
        size_t line = strcspn(headers, "\r");
        if (line > len && headers[len] == ':' && strncasecmp(headers, name, len) == 0)
            return sok_text_trim(arena, sok_strndup(arena, headers + len + 1, line - len - 1));
        headers += line;
        headers += strspn(headers, "\r\n");
    }
    return NULL;
}

static const char *read_headers(
    struct sok_arena *arena, const char *start, size_t len, struct sok_multipart_part *part)
{
    if (len > HEADERS_MAX)
        return "the headers of a part are too long";
    if (!sok_utf8_valid(start, len))
        return "the headers of a part are not UTF-8";
    const char *headers = sok_strndup(arena, start, len);
    const char *disposition = find_header(arena, headers, "Content-Disposition");
    if (!disposition || strncasecmp(disposition, "form-data", 9) != 0)
        return "a part without Content-Disposition: form-data";
    part->name = sok_header_param(arena, disposition, "name");
    part->filename = sok_header_param(arena, disposition, "filename");
    part->content_type = find_header(arena, headers, "Content-Type");
    return part->name ? NULL : "a part without a name";
}

// "\r\n--boundary", in the arena; NULL when the header has no usable boundary.
static const char *read_delimiter(struct sok_arena *arena, const char *content_type)
{
    const char *boundary = sok_header_param(arena, content_type, "boundary");
    size_t len = boundary ? strlen(boundary) : 0;
    return len && len <= BOUNDARY_MAX ? sok_format(arena, "\r\n--%s", boundary) : NULL;
}

static const char *find(const char *at, const char *end, const char *text, size_t len)
{
    return memmem(at, (size_t)(end - at), text, len);
}

enum sok_status sok_multipart_parse(
    struct sok_arena *arena, const char *content_type, const char *body, size_t len,
    struct sok_multipart_part **ret_parts, size_t *ret_count, struct sok_error *err)
{
    const char *delimiter = read_delimiter(arena, content_type);
    if (!delimiter)
        return malformed(err, "no boundary of 1 to 70 characters");
    size_t delimiter_len = strlen(delimiter), count = 0, capacity = 0;
    struct sok_multipart_part *parts = NULL;
    const char *end = body + len;
    // The first delimiter may stand at the very beginning, without the line end that is part of the others.
    const char *at;
    if (len >= delimiter_len - 2 && memcmp(body, delimiter + 2, delimiter_len - 2) == 0)
        at = body + delimiter_len - 2;
    else if ((at = len ? find(body, end, delimiter, delimiter_len) : NULL))
        at += delimiter_len;
    else
        return malformed(err, "the boundary never comes");
    for (;;) {
        if (end - at >= 2 && memcmp(at, "--", 2) == 0)
            break;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (end - at < 2 || memcmp(at, "\r\n", 2) != 0)
            return malformed(err, "a boundary line that does not end");
        // Headers end with an empty line; a part without any starts with it.
        const char *headers = at + 2, *blank = find(at, end, "\r\n\r\n", 4);
        if (!blank)
            return malformed(err, "a part without an end of headers");
        struct sok_multipart_part part = {.bytes = blank + 4};
        const char *wrong =
            read_headers(arena, headers, blank > headers ? (size_t)(blank - headers) : 0, &part);
        if (wrong)
            return malformed(err, wrong);
        at = find(blank + 2, end, delimiter, delimiter_len);
        if (!at)
            return malformed(err, "the last boundary is missing");
        if (at < part.bytes) // the blank line's own line end belongs to the delimiter: an empty part
            part.bytes = at;
        part.len = (size_t)(at - part.bytes);
        if (count == SOK_MULTIPART_PARTS_MAX)
            return malformed(err, "too many parts");
        parts = sok_grow_array(arena, parts, &capacity, count + 1, sizeof(*parts));
        parts[count++] = part;
        at += delimiter_len;
    }
    *ret_parts = parts;
    *ret_count = count;
    return SOK_OK;
}
