#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sok_status_info infos[] = {
    {SOK_OK, "ok", "OK", 200, false},
    {SOK_NOT_FOUND, "not_found", "Not found", 404, false},
    {SOK_INVALID, "invalid", "Invalid input", 422, false},
    {SOK_UNAUTHENTICATED, "unauthenticated", "Not signed in", 401, false},
    {SOK_DENIED, "forbidden", "Not allowed", 403, false},
    {SOK_CONFLICT, "conflict", "Conflict", 409, false},
    {SOK_PRECONDITION, "precondition_failed", "Precondition failed", 412, false},
    {SOK_TOO_LARGE, "too_large", "Too large", 413, false},
    {SOK_UNSUPPORTED, "unsupported_media_type", "Unsupported content type", 415, false},
    {SOK_LIMITED, "rate_limited", "Too many requests", 429, true},
    {SOK_UNAVAILABLE, "unavailable", "Temporarily unavailable", 503, true},
    {SOK_TIMEOUT, "timeout", "Timed out", 503, true},
    {SOK_NO_SPACE, "no_space", "No space left", 507, true},
    {SOK_PROTOCOL, "bad_upstream", "Bad answer from another service", 502, true},
    {SOK_CANCELLED, "cancelled", "Cancelled", 409, false},
    {SOK_IO, "io_error", "Input/output error", 500, true},
    {SOK_INTERNAL, "internal", "Internal error", 500, true},
};
_Static_assert(SOK_ARRAY_LEN(infos) == SOK_STATUS_COUNT, "a row for every status");

const struct sok_status_info *sok_status_info(enum sok_status status)
{
    if ((unsigned)status >= SOK_STATUS_COUNT)
        status = SOK_INTERNAL;
    return &infos[status];
}

static void set_place(struct sok_error *err, enum sok_status status, const char *file, int line)
{
    err->status = status;
    err->code = NULL;
    err->file = file;
    err->line = line;
    err->retry_after_s = 0;
    err->field_count = 0;
}

enum sok_status sok_fail_at(
    struct sok_error *err, enum sok_status status, const char *file, int line, const char *format, ...)
{
    if (!err)
        return status;
    set_place(err, status, file, line);
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return status;
}

enum sok_status sok_fail_errno_at(
    struct sok_error *err, enum sok_status status, int errnum, const char *file, int line, const char *format,
    ...)
{
    if (errnum == ENOSPC || errnum == EDQUOT)
        status = SOK_NO_SPACE;
    else if (errnum == ENOENT && status == SOK_IO)
        status = SOK_NOT_FOUND;
    if (!err)
        return status;
    set_place(err, status, file, line);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    char text[96];
    if (n >= 0 && (size_t)n < sizeof(err->message))
        snprintf(
            err->message + n, sizeof(err->message) - (size_t)n, ": %s",
            strerror_r(errnum, text, sizeof(text)));
    return status;
}

static bool is_noted(const struct sok_error *err, const char *field)
{
    for (int i = 0; i < err->field_count; i++)
        if (strncmp(err->fields[i].field, field, sizeof(err->fields[i].field) - 1) == 0)
            return true;
    return false;
}

void sok_fail_field(struct sok_error *err, const char *field, const char *code, const char *format, ...)
{
    if (err->status != SOK_INVALID || err->field_count == 0) {
        set_place(err, SOK_INVALID, __FILE__, __LINE__);
        snprintf(err->message, sizeof(err->message), "some fields are wrong");
    }
    if (err->field_count == SOK_ERROR_FIELDS_MAX || is_noted(err, field))
        return;
    struct sok_field_error *wrong = &err->fields[err->field_count++];
    snprintf(wrong->field, sizeof(wrong->field), "%s", field);
    wrong->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(wrong->message, sizeof(wrong->message), format, args);
    va_end(args);
}

enum sok_status sok_fail_fields(struct sok_error *err, const struct sok_error *found)
{
    for (int i = 0; err && i < found->field_count; i++)
        sok_fail_field(err, found->fields[i].field, found->fields[i].code, "%s", found->fields[i].message);
    return SOK_INVALID;
}

static _Atomic(sok_last_words) last_words;

void sok_panic_set_last_words(sok_last_words say)
{
    atomic_store(&last_words, say);
}

void sok_panic_at(const char *file, int line, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    sok_last_words say = atomic_exchange(&last_words, NULL); // saying them may panic again
    if (say)
        say(file, line, message);
    else
        fprintf(stderr, "sokoul: fatal at %s:%d: %s\n", file, line, message);
    abort();
}
