// JSON through jansson: reading outside bytes within limits, and getters that say no instead of guessing.
//
// json_t is reference-counted; SOK_JSON_AUTO drops a reference at the end of the scope. A json_t is used by
// one thread at a time.
#ifndef SOK_BASE_JSON_H
#define SOK_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

static inline void sok_json_cleanup(json_t **held)
{
    json_decref(*held);
}
#define SOK_JSON_AUTO SOK_CLEANUP(sok_json_cleanup) json_t

// Parses one JSON text of at most max_bytes, nesting at most 64 deep, duplicate keys refused, UTF-8 checked.
// SOK_TOO_LARGE over the limit, SOK_INVALID (code "malformed_json") with line and column otherwise. *ret is
// the caller's reference.
SOK_MUST_CHECK enum sok_status sok_json_parse(
    const char *text, size_t len, size_t max_bytes, json_t **ret, struct sok_error *err);

// The same for providers' answers, in which a key may come twice (the last one counts).
SOK_MUST_CHECK enum sok_status sok_json_parse_lenient(
    const char *text, size_t len, size_t max_bytes, json_t **ret, struct sok_error *err);

// Compact text in the arena; NULL for NULL.
char *sok_json_dump(struct sok_arena *arena, const json_t *value);

// Absent, null and wrong types give the fallback. Text is borrowed from the object.
const char *sok_json_text(const json_t *object, const char *key, const char *fallback);
int64_t sok_json_int(const json_t *object, const char *key, int64_t fallback); // also integral reals
double sok_json_real(const json_t *object, const char *key, double fallback);
bool sok_json_bool(const json_t *object, const char *key, bool fallback);

// Setters that take a reference and skip NULL text: an absent fact is an absent key.
void sok_json_set_text(json_t *object, const char *key, const char *value); // not UTF-8: cleaned
void sok_json_set_int(json_t *object, const char *key, int64_t value);
void sok_json_set_real(json_t *object, const char *key, double value);
void sok_json_set_bool(json_t *object, const char *key, bool value);
void sok_json_set_time(json_t *object, const char *key, int64_t at_ms); // RFC 3339; 0 is null

// Setters for what may be unknown: null instead of an absent key.
void sok_json_set_optional_text(json_t *object, const char *key, const char *value);
void sok_json_set_optional_int(json_t *object, const char *key, int64_t value, int64_t unknown);

#endif
