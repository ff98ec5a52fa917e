// Memory that lives as long as one request or one job and is given back all at once.
//
// Not thread-safe: an arena belongs to one thread at a time. Running out of memory, or of the arena's own
// limit, aborts the process: whatever comes from outside must be capped before it is copied here.
#ifndef SOK_BASE_ARENA_H
#define SOK_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

struct sok_arena;

#define SOK_ARENA_LIMIT_DEFAULT ((size_t)256 << 20)

// A new arena that holds at most limit_bytes (0: SOK_ARENA_LIMIT_DEFAULT). Owned by the caller.
struct sok_arena *sok_arena_new(size_t limit_bytes);

// Gives everything back. NULL is fine. Returns NULL.
struct sok_arena *sok_arena_free(struct sok_arena *arena);

// Forgets all allocations but keeps the first block for the next use.
void sok_arena_reset(struct sok_arena *arena);

// Bytes handed out since the last reset.
size_t sok_arena_used(const struct sok_arena *arena);

// Zeroed memory, aligned for any type; never NULL, also for 0 bytes.
void *sok_alloc(struct sok_arena *arena, size_t size_bytes);

// Zeroed memory for `count` items of `item_bytes`; the product is checked.
void *sok_alloc_array(struct sok_arena *arena, size_t count, size_t item_bytes);

// Grows an arena array: returns `items` when need <= *capacity, else a larger copy and sets *capacity. For
// append loops.
void *sok_grow_array(struct sok_arena *arena, void *items, size_t *capacity, size_t need, size_t item_bytes);

// NUL-terminated copies. NULL in, NULL out.
char *sok_strdup(struct sok_arena *arena, const char *text);
char *sok_strndup(struct sok_arena *arena, const char *text, size_t len);
char *sok_format(struct sok_arena *arena, const char *format, ...) SOK_PRINTF(2, 3);
char *sok_vformat(struct sok_arena *arena, const char *format, va_list args) SOK_PRINTF(2, 0);

SOK_DEFINE_CLEANUP(struct sok_arena, sok_arena_cleanup, sok_arena_free)
#define SOK_ARENA_AUTO SOK_CLEANUP(sok_arena_cleanup) struct sok_arena

#endif
