// What a call can come to: one enum of causes a caller can act on, and the sentence that goes with it.
//
// A function that can fail returns enum sok_status and takes a struct sok_error last. The status decides what
// happens (HTTP answer, retry); the message is for people. A message may reach an API client: it names what
// was wrong with their input or which outside thing failed, never SQL, file contents, stack or secret.
#ifndef SOK_BASE_STATUS_H
#define SOK_BASE_STATUS_H

#include <stdbool.h>

#include "base/compiler.h"

enum sok_status {
    SOK_OK = 0,
    SOK_NOT_FOUND,       // it is not there, or not there for this caller
    SOK_INVALID,         // the input is wrong; the same input will always be wrong
    SOK_UNAUTHENTICATED, // nobody is signed in
    SOK_DENIED,          // somebody is, and may not
    SOK_CONFLICT,        // the thing's present state does not allow it
    SOK_PRECONDITION,    // If-Match named another version
    SOK_TOO_LARGE,       // over a size limit
    SOK_UNSUPPORTED,     // wrong content type or feature
    SOK_LIMITED,         // too many requests: later, after retry_after_s
    SOK_UNAVAILABLE,     // something we need is down or full; trying again may help
    SOK_TIMEOUT,         // a deadline passed; trying again may help
    SOK_NO_SPACE,        // the disk is full; trying again helps once there is room
    SOK_PROTOCOL,        // the other side answered with something that is not its protocol
    SOK_CANCELLED,       // somebody asked for it to stop
    SOK_IO,              // the system refused a read, write, open, bind, ...
    SOK_INTERNAL,        // our own mistake
    SOK_STATUS_COUNT
};

#define SOK_ERROR_FIELDS_MAX 40 // more than any body has

// Lives on the caller's stack. Filled on failure only; zero-initialise before the first call: `struct
// sok_error err = {0};`
struct sok_error {
    enum sok_status status;
    const char *code; // stable, machine-readable, a string literal; NULL: the status's own code
    const char *file; // where it was raised, a string literal
    int line;
    int retry_after_s; // with SOK_LIMITED and SOK_UNAVAILABLE; 0: not known
    char message[256];
    int field_count; // wrong input fields, for the 422 answer
    struct sok_field_error {
        char field[48];
        const char *code; // string literal: required, too_long, out_of_range, ...
        char message[120];
    } fields[SOK_ERROR_FIELDS_MAX];
};

struct sok_status_info {
    enum sok_status status;
    const char *code;  // "not_found"
    const char *title; // "Not found"
    int http_status;
    bool retry; // a job that failed like this is worth another try
};

// Never NULL; a value out of range gives the row of SOK_INTERNAL. Any thread.
const struct sok_status_info *sok_status_info(enum sok_status status);

// Writes the sentence and returns `status`, so that `return sok_fail(err, SOK_INVALID, "...")` reads as it
// does. err may be NULL.
#define sok_fail(err, status, ...) sok_fail_at(err, status, __FILE__, __LINE__, __VA_ARGS__)
enum sok_status sok_fail_at(
    struct sok_error *err, enum sok_status status, const char *file, int line, const char *format, ...)
    SOK_PRINTF(5, 6);

// The same with the text of an errno value behind it: "cannot open x: No such file". ENOSPC and EDQUOT become
// SOK_NO_SPACE, ENOENT SOK_NOT_FOUND when `status` is SOK_IO.
#define sok_fail_errno(err, status, errnum, ...) \
    sok_fail_errno_at(err, status, errnum, __FILE__, __LINE__, __VA_ARGS__)
enum sok_status sok_fail_errno_at(
    struct sok_error *err, enum sok_status status, int errnum, const char *file, int line, const char *format,
    ...) SOK_PRINTF(6, 7);

#ifdef __clang_analyzer__ // it looks at one file at a time and cannot know that these never give SOK_OK
#undef sok_fail
#undef sok_fail_errno
#define sok_fail(err, status, ...) ((void)sok_fail_at(err, status, __FILE__, __LINE__, __VA_ARGS__), (status))
#define sok_fail_errno(err, status, errnum, ...) \
    ((void)sok_fail_errno_at(err, status, errnum, __FILE__, __LINE__, __VA_ARGS__), (status))
#endif

// Notes one wrong input field and sets the status to SOK_INVALID; beyond SOK_ERROR_FIELDS_MAX they are
// dropped, and so is what else is wrong with a field that is noted already: the first thing said of it
// counts. So whoever reads fields and whoever checks their values can both note into one error, one after the
// other, and one answer names every wrong field. `code` is a literal.
void sok_fail_field(struct sok_error *err, const char *field, const char *code, const char *format, ...)
    SOK_PRINTF(4, 5);

// Notes what `found` has noted, and so fails with it: SOK_INVALID. Of a check that needed an error of its own
// to tell its own verdict by. err may be NULL.
enum sok_status sok_fail_fields(struct sok_error *err, const struct sok_error *found);

// Returns early with the status of a call that failed.
#define SOK_TRY(call)                             \
    do {                                          \
        enum sok_status sok_try_status_ = (call); \
        if (sok_try_status_ != SOK_OK)            \
            return sok_try_status_;               \
    } while (0)

// Says what is wrong on standard error and aborts. For our own mistakes and for memory that cannot be had.
#define sok_panic(...) sok_panic_at(__FILE__, __LINE__, __VA_ARGS__)
SOK_NORETURN void sok_panic_at(const char *file, int line, const char *format, ...) SOK_PRINTF(3, 4);

// Who says a panic's last words in place of a plain line on standard error: the log, so that its readers find
// them. Called once, on the thread that panics, whatever that holds.
typedef void (*sok_last_words)(const char *file, int line, const char *message);
void sok_panic_set_last_words(sok_last_words say);

#endif
