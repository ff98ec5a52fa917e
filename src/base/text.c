#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/status.h"

bool sok_text_eq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool sok_text_eq_nocase(const char *a, const char *b)
{
    return a && b ? strcasecmp(a, b) == 0 : a == b;
}

bool sok_text_starts(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool sok_text_ends(const char *text, const char *suffix)
{
    if (!text)
        return false;
    size_t len = strlen(text), tail = strlen(suffix);
    return len >= tail && memcmp(text + len - tail, suffix, tail) == 0;
}

bool sok_text_empty(const char *text)
{
    return !text || !*text;
}

bool sok_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    if (sok_text_empty(text) || !(isdigit((unsigned char)*text) || *text == '-'))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

bool sok_parse_double(const char *text, double min, double max, double *ret_value)
{
    if (sok_text_empty(text) || isspace((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || *end || !isfinite(value) || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

char *sok_text_trim(struct sok_arena *arena, const char *text)
{
    if (!text)
        return NULL;
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    return sok_strndup(arena, text, len);
}

// The length of the well-formed character at `text`, or 0.
static size_t char_len(const char *text, size_t len)
{
    utf8proc_int32_t code;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &code);
    return n > 0 && code > 0 ? (size_t)n : 0;
}

bool sok_utf8_valid(const char *text, size_t len)
{
    while (len) {
        size_t n = char_len(text, len);
        if (!n)
            return false;
        text += n;
        len -= n;
    }
    return true;
}

// C0 but for tabs and line ends, DEL, and C1, which a terminal takes for escape sequences as well.
static bool is_control(const char *text, size_t len)
{
    unsigned char c = (unsigned char)*text;
    if (len == 1)
        return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
    return c == 0xc2 && (unsigned char)text[1] < 0xa0;
}

char *sok_utf8_clean(struct sok_arena *arena, const char *text, size_t len)
{
    char *copy = sok_alloc(arena, 3 * len + 1), *out = copy;
    while (len) {
        size_t n = char_len(text, len);
        if (!n) {
            memcpy(out, "\xef\xbf\xbd", 3);
            out += 3;
            n = 1;
        } else if (!is_control(text, n)) {
            memcpy(out, text, n);
            out += n;
        }
        text += n;
        len -= n;
    }
    *out = 0;
    return copy;
}

bool sok_utf8_is_line(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return sok_utf8_valid(text, strlen(text));
}

char *sok_utf8_clean_line(struct sok_arena *arena, const char *text)
{
    char *clean = sok_utf8_clean(arena, text ? text : "", text ? strlen(text) : 0);
    for (char *at = clean; *at; at++)
        if (*at == '\t' || *at == '\n')
            *at = ' ';
    return clean;
}

// Letters that Unicode does not take apart but people type plainly.
static const struct {
    const char *letter, *plain;
} plain_letters[] = {
    {"ß", "ss"}, {"æ", "ae"}, {"œ", "oe"}, {"ø", "o"}, {"đ", "d"}, {"ð", "d"},
    {"þ", "th"}, {"ł", "l"},  {"ħ", "h"},  {"ı", "i"}, {"’", "'"}, {"‘", "'"},
};

char *sok_text_fold(struct sok_arena *arena, const char *text)
{
    char *clean = sok_utf8_clean(arena, text, strlen(text));
    // STRIPMARK wants a decomposed form; UTF8PROC_COMPOSE puts back together what is left (Hangul, for one).
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map(
        (const utf8proc_uint8_t *)clean, 0, &folded,
        UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD |
            UTF8PROC_IGNORE);
    if (n < 0)
        return clean;
    char *out = sok_alloc(arena, (size_t)n * 2 + 1), *at = out;
    for (const char *in = (const char *)folded; *in;) {
        const char *plain = NULL;
        size_t len = 1;
        for (size_t i = 0; (unsigned char)*in >= 0x80 && i < SOK_ARRAY_LEN(plain_letters); i++) {
            if (sok_text_starts(in, plain_letters[i].letter)) {
                plain = plain_letters[i].plain;
                len = strlen(plain_letters[i].letter);
                break;
            }
        }
        size_t plain_len = plain ? strlen(plain) : 1;
        memcpy(at, plain ? plain : in, plain_len);
        at += plain_len;
        in += len;
    }
    free(folded);
    return out;
}

char *sok_text_escape_like(struct sok_arena *arena, const char *text)
{
    char *escaped = sok_alloc(arena, strlen(text) * 2 + 1), *at = escaped;
    for (; *text; text++) {
        if (strchr("%_\\", *text))
            *at++ = '\\';
        *at++ = *text;
    }
    *at = '\0';
    return escaped;
}

bool sok_text_is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!text || strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
            return false;
    return true;
}

bool sok_bytes_eq_secret(const void *a, size_t a_len, const void *b, size_t b_len)
{
    if (a_len != b_len)
        return false;
    const volatile unsigned char *x = a, *y = b;
    unsigned char differs = 0;
    for (size_t i = 0; i < a_len; i++)
        differs |= x[i] ^ y[i];
    return differs == 0;
}

void sok_wipe(void *memory, size_t len)
{
    explicit_bzero(memory, len);
}
