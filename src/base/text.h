// Small questions about text: numbers, prefixes, UTF-8, and the folding that makes titles comparable.
#ifndef SOK_BASE_TEXT_H
#define SOK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

// NULL equals NULL only.
bool sok_text_eq(const char *a, const char *b);
bool sok_text_eq_nocase(const char *a, const char *b); // ASCII case
bool sok_text_starts(const char *text, const char *prefix);
bool sok_text_ends(const char *text, const char *suffix);
bool sok_text_empty(const char *text); // NULL or ""

// A whole decimal number and nothing else, within [min, max]; false and nothing written otherwise.
bool sok_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value);
bool sok_parse_double(const char *text, double min, double max, double *ret_value);

// A copy without white space at the ends.
char *sok_text_trim(struct sok_arena *arena, const char *text);

// Whether these bytes are UTF-8 without NUL (no surrogates, no overlong forms).
bool sok_utf8_valid(const char *text, size_t len);
// Whether it is UTF-8 without control characters.
bool sok_utf8_is_line(const char *text);

// A copy in which everything that is not UTF-8 is U+FFFD and control characters but tab and line feed are
// dropped.
char *sok_utf8_clean(struct sok_arena *arena, const char *text, size_t len);
// The same as one line: for terminals and messages, whoever wrote the text. NULL gives "".
char *sok_utf8_clean_line(struct sok_arena *arena, const char *text);

// Lower case, without diacritics (é -> e, ß -> ss, æ -> ae, ø -> o), as NFC. Invalid UTF-8 is cleaned first.
char *sok_text_fold(struct sok_arena *arena, const char *text);

// The text for a LIKE pattern with "\" as escape, in which it means itself.
char *sok_text_escape_like(struct sok_arena *arena, const char *text);

// Whether it has the form of a UUID in lower case. NULL has not.
bool sok_text_is_uuid(const char *text);

// Compares in time that depends on the lengths only. For secrets.
bool sok_bytes_eq_secret(const void *a, size_t a_len, const void *b, size_t b_len);

// Overwrites memory in a way the compiler may not drop.
void sok_wipe(void *memory, size_t len);

#endif
