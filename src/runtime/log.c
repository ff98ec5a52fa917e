// A line is built in one buffer and leaves with one write(2), so that lines of many threads and processes
// never mix. There is no lock: what a thread adds to every line is its own, level and format are atomics.
// Only the few lines that go to the sink, too, are told under one.
#include "runtime/log.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/time.h"

#define VALUE_MAX 4096
#define LINE_MAX_BYTES (256 * 1024)

static _Atomic int current_level = SOK_LOG_INFO;
static _Atomic int current_format = SOK_LOG_AUTO;
static _Atomic(const char *) process_job = SOK_LOG_API;
static _Atomic int64_t counts[SOK_LOG_ERROR + 1];
static _Thread_local struct sok_log_context context;
static pthread_rwlock_t sink_lock = PTHREAD_RWLOCK_INITIALIZER; // guards the next two; held while one is told
static sok_log_sink current_sink;
static void *current_sink_context;

bool sok_log_is_json(void)
{
    int format = current_format;
    return format == SOK_LOG_JSON || (format == SOK_LOG_AUTO && !isatty(STDERR_FILENO));
}

void sok_log_set_process(const char *job)
{
    atomic_store(&process_job, job);
}

const char *sok_log_process(void)
{
    return atomic_load(&process_job);
}

bool sok_log_enabled(enum sok_log_level level)
{
    return (int)level >= current_level;
}

int64_t sok_log_count(enum sok_log_level level)
{
    return counts[level];
}

void sok_log_set_context(const char *request_id, const char *traceparent)
{
    size_t len = request_id ? strnlen(request_id, sizeof(context.request_id) - 1) : 0;
    if (len)
        memcpy(context.request_id, request_id, len);
    context.request_id[len] = 0;
    if (!sok_trace_parse(traceparent, context.traceparent))
        context.traceparent[0] = 0;
}

const struct sok_log_context *sok_log_context(void)
{
    return &context;
}

// The length to write: at most VALUE_MAX, not in the middle of a character.
static size_t cut(const char *text)
{
    size_t len = strnlen(text, VALUE_MAX + 1);
    if (len <= VALUE_MAX)
        return len;
    len = VALUE_MAX;
    while (len > VALUE_MAX - 4 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

// The length of a character beyond ASCII that a terminal or an editor obeys (C1 controls, line and paragraph
// separators, the marks that turn the direction of writing); 0 for every other one. Text is valid UTF-8.
static size_t obeyed(const char *text, unsigned *ret_code)
{
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] == 0xc2 && c[1] < 0xa0)
        *ret_code = c[1];
    else if (c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae)
        *ret_code = 0x2000U + (c[2] & 0x3fU);
    else if (c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)
        *ret_code = 0x2040U + (c[2] & 0x3fU);
    else
        return 0;
    return c[0] == 0xc2 ? 2 : 3;
}

// Quoted as RFC 8259 section 7 wants it; the text format uses the same escapes, so no value can start a new
// line or colour a terminal.
static void put_quoted(struct sok_buf *line, const char *text)
{
    size_t len = cut(text);
    bool is_utf8 = sok_utf8_valid(text, len);
    sok_buf_append(line, "\"", 1);
    for (size_t i = 0, plain = 0; i <= len; i++) {
        unsigned char c = (unsigned char)(i < len ? text[i] : 0);
        unsigned code = c;
        size_t special = c >= 0x80 && is_utf8 ? obeyed(text + i, &code) : 0;
        if (!special && i < len && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && (c < 0x80 || is_utf8))
            continue;
        sok_buf_append(line, text + plain, i - plain);
        if (i == len)
            break;
        i += special ? special - 1 : 0;
        plain = i + 1;
        if (c == '"' || c == '\\')
            sok_buf_printf(line, "\\%c", c);
        else if (c == '\n')
            sok_buf_puts(line, "\\n");
        else
            sok_buf_printf(line, "\\u%04x", c >= 0x80 && !special ? 0xfffd : code);
    }
    sok_buf_append(line, "\"", 1);
}

static bool is_plain_word(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f || (unsigned char)*c >= 0x80)
            return false;
    return *text && strnlen(text, VALUE_MAX + 1) <= VALUE_MAX;
}

static void put_text(struct sok_buf *line, bool json, const char *name, const char *value)
{
    if (!value)
        return;
    if (json) {
        sok_buf_puts(line, ",");
        put_quoted(line, name);
        sok_buf_puts(line, ":");
        put_quoted(line, value);
    } else {
        sok_buf_printf(line, " %s=", name);
        if (is_plain_word(value))
            sok_buf_puts(line, value);
        else
            put_quoted(line, value);
    }
}

static void put_field(struct sok_buf *line, bool json, const struct sok_log_field *field)
{
    if (field->kind == SOK_LOG_FIELD_TEXT) {
        put_text(line, json, field->name, field->text);
        return;
    }
    if (json) {
        sok_buf_puts(line, ",");
        put_quoted(line, field->name);
        sok_buf_puts(line, ":");
    } else {
        sok_buf_printf(line, " %s=", field->name);
    }
    if (field->kind == SOK_LOG_FIELD_INT)
        sok_buf_printf(line, "%lld", (long long)field->integer);
    else if (isfinite(field->real))
        sok_buf_printf(line, "%.6g", field->real);
    else
        sok_buf_puts(line, "null");
}

static void put_head(
    struct sok_buf *line, bool json, enum sok_log_level level, const char *job, const char *message)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char time[SOK_TIME_TEXT];
    sok_time_format(sok_time_now_ms(), time);
    if (json) {
        sok_buf_printf(
            line, "{\"time\":\"%s\",\"level\":\"%s\",\"job\":\"%s\",\"msg\":", time, names[level], job);
        put_quoted(line, message);
    } else {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        const char *clean = sok_utf8_clean(arena, message, strlen(message));
        sok_buf_printf(line, "%.12s %-5s %s", time + 11, names[level], clean);
        if (strcmp(job, SOK_LOG_API) != 0 && strcmp(job, SOK_LOG_WORKER) != 0)
            put_text(line, false, "job", job);
    }
    put_text(line, json, "request_id", *context.request_id ? context.request_id : NULL);
    if (*context.traceparent) {
        char trace_id[SOK_TRACE_ID_LEN + 1] = "";
        memcpy(trace_id, context.traceparent + 3, SOK_TRACE_ID_LEN);
        put_text(line, json, "trace_id", trace_id);
    }
}

static void put_line(
    struct sok_buf *line, bool json, enum sok_log_level level, const char *job, const char *message,
    const struct sok_log_field *fields)
{
    sok_buf_init(line, LINE_MAX_BYTES);
    put_head(line, json, level, job, message);
    for (const struct sok_log_field *field = fields; field->name; field++)
        put_field(line, json, field);
    sok_buf_puts(line, json ? "}\n" : "\n");
}

static void write_line(
    enum sok_log_level level, const char *job, const char *message, const struct sok_log_field *fields)
{
    SOK_BUF_AUTO line;
    put_line(&line, sok_log_is_json(), level, job, message, fields);
    // A log that cannot be written has nowhere to say so.
    if (line.len && write(STDERR_FILENO, line.data, line.len) < 0)
        return;
}

void sok_log_set_sink(sok_log_sink sink, void *sink_context)
{
    pthread_rwlock_wrlock(&sink_lock);
    current_sink = sink;
    current_sink_context = sink_context;
    pthread_rwlock_unlock(&sink_lock);
}

static void tell_sink(
    enum sok_log_level level, const char *job, const char *message, const struct sok_log_field *fields)
{
    pthread_rwlock_rdlock(&sink_lock);
    if (current_sink) {
        SOK_BUF_AUTO line;
        put_line(&line, true, level, job, message, fields);
        current_sink(
            current_sink_context, level == SOK_LOG_ERROR ? SOK_LOG_STREAM_ERRORS : SOK_LOG_STREAM_AUDIT,
            line.data, line.len - 1);
    }
    pthread_rwlock_unlock(&sink_lock);
}

void sok_log_fields(
    enum sok_log_level level, const char *job, const char *message, const struct sok_log_field *fields)
{
    if (level == SOK_LOG_ERROR || strcmp(job, SOK_LOG_AUDIT) == 0)
        tell_sink(level, job, message, fields);
    if (!sok_log_enabled(level))
        return;
    counts[level]++;
    write_line(level, job, message, fields);
}

// Past the sink, whose locks the thread that panics may hold.
static void say_last_words(const char *file, int line, const char *message)
{
    write_line(
        SOK_LOG_ERROR, sok_log_process(), "fatal",
        (const struct sok_log_field[]){
            SOK_TEXT("code", "panic"),
            SOK_TEXT("error", message),
            SOK_TEXT("file", file),
            SOK_INT("line", line),
            {0}});
}

void sok_log_set(enum sok_log_level level, enum sok_log_format format)
{
    current_level = level;
    current_format = format;
    sok_panic_set_last_words(say_last_words);
}

void sok_log_error(
    enum sok_log_level level, const char *job, const char *message, const struct sok_error *err)
{
    const char *code = err->code ? err->code : sok_status_info(err->status)->code;
    sok_log(
        level, job, message, SOK_TEXT("code", code), SOK_TEXT("error", err->message),
        SOK_TEXT("file", err->file), SOK_INT("line", err->line));
}
