// The place behind a row of a list, as text for clients: the list it belongs to, its order, the row's sort
// value and key.
#ifndef SOK_DATA_CURSOR_H
#define SOK_DATA_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct sok_cursor {
    uint64_t list;    // which list: of sok_cursor_list
    const char *sort; // its name
    bool descending;
    const char *value, *key;
};

// A number for a list: what it is of and every condition on it. Start with hash 0.
uint64_t sok_cursor_list(uint64_t hash, const char *text);

// NULL when it would be too long to come back in a URL.
const char *sok_cursor_format(struct sok_arena *arena, const struct sok_cursor *cursor);

// Whether `text` could be a cursor at all, of whichever list.
bool sok_cursor_is_formed(const char *text);

// Reads `text`, which must belong to the list and order that *cursor names, into its value and key. Otherwise
// notes the field "cursor": SOK_INVALID.
SOK_MUST_CHECK enum sok_status sok_cursor_parse(
    struct sok_arena *arena, const char *text, struct sok_cursor *cursor, struct sok_error *err);

#endif
