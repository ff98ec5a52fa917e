// Structured logs: one JSON object (or one line of text on a terminal) per event, on standard error.
//
// Library layers do not log; they return errors. Workers, api, cli and app log, once, at the top. Never pass
// a secret. A field value longer than 4 KiB is cut.
#ifndef SOK_RUNTIME_LOG_H
#define SOK_RUNTIME_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "runtime/trace.h"

enum sok_log_level { SOK_LOG_DEBUG, SOK_LOG_INFO, SOK_LOG_WARN, SOK_LOG_ERROR };

enum sok_log_format { SOK_LOG_AUTO, SOK_LOG_JSON, SOK_LOG_TEXT }; // AUTO: text on a terminal

// The stream a line belongs to: the "job" field.
#define SOK_LOG_API "sokoul-api"
#define SOK_LOG_WORKER "sokoul-worker"
#define SOK_LOG_AUTH "sokoul-auth"
#define SOK_LOG_AUDIT "sokoul-audit"
#define SOK_LOG_DATABASE "sokoul-database"

// Process-wide, set at start and on SIGHUP; any thread. From then on a panic's last words are a line, too.
void sok_log_set(enum sok_log_level level, enum sok_log_format format);
bool sok_log_enabled(enum sok_log_level level);
bool sok_log_is_json(void); // with the format as it is set, and standard error as it is

// Whose the lines about the process itself are: SOK_LOG_API, unless it is set at start to SOK_LOG_WORKER (a
// literal).
void sok_log_set_process(const char *job);
const char *sok_log_process(void);

// How many lines of this level the process has written.
int64_t sok_log_count(enum sok_log_level level);

// Where a copy of some lines goes beside standard error: the audit trail, whatever the level is set to, and
// every error. `line` is one JSON object without a newline, whatever the format is set to. Called on the
// thread that logs: must not block and must not log.
enum sok_log_stream { SOK_LOG_STREAM_AUDIT, SOK_LOG_STREAM_ERRORS, SOK_LOG_STREAM_COUNT };
typedef void (*sok_log_sink)(void *context, enum sok_log_stream stream, const char *line, size_t len);
// Process-wide; NULL ends it and returns when no line is on its way there.
void sok_log_set_sink(sok_log_sink sink, void *sink_context);

// What every line of this thread carries until changed: whose request it works for. "" where there is none.
struct sok_log_context {
    char request_id[129], traceparent[SOK_TRACEPARENT_LEN + 1];
};
// Set at the start of a request or job and cleared ("" or NULL) at its end; a traceparent gives the lines
// their trace_id. Copied, a longer id is cut.
void sok_log_set_context(const char *request_id, const char *traceparent);
// This thread's, to be handed to threads that help it and to what it asks of other programs. Never NULL.
const struct sok_log_context *sok_log_context(void);

// One field of a line; see the macros below.
struct sok_log_field {
    const char *name;
    enum { SOK_LOG_FIELD_TEXT, SOK_LOG_FIELD_INT, SOK_LOG_FIELD_REAL } kind;
    const char *text;
    int64_t integer;
    double real;
};
#define SOK_TEXT(field, value) \
    ((struct sok_log_field){.name = (field), .kind = SOK_LOG_FIELD_TEXT, .text = (value)})
#define SOK_INT(field, value) \
    ((struct sok_log_field){.name = (field), .kind = SOK_LOG_FIELD_INT, .integer = (value)})
#define SOK_REAL(field, value) \
    ((struct sok_log_field){.name = (field), .kind = SOK_LOG_FIELD_REAL, .real = (value)})

// sok_log(SOK_LOG_INFO, SOK_LOG_WORKER, "search done", SOK_TEXT("task_id", id), SOK_INT("results", n));
// A text field that is NULL is left out. Any thread; writes with one write(2).
#define sok_log(level, job, message, ...) \
    sok_log_fields(level, job, message, (const struct sok_log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
void sok_log_fields(
    enum sok_log_level level, const char *job, const char *message, const struct sok_log_field *fields);

// The same with an error's code, sentence and place.
void sok_log_error(
    enum sok_log_level level, const char *job, const char *message, const struct sok_error *err);

#endif
