#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define BLOCK_BYTES ((size_t)8 << 10)

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

struct sok_arena {
    struct block *head; // the block being filled; older and oversized ones behind it
    struct block *first;
    size_t used, limit;
};

static struct block *block_new(size_t size)
{
    struct block *block = malloc(sizeof(*block) + size);
    if (!block)
        sok_panic("out of memory for %zu bytes", size);
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

struct sok_arena *sok_arena_new(size_t limit_bytes)
{
    struct sok_arena *arena = calloc(1, sizeof(*arena));
    if (!arena)
        sok_panic("out of memory for an arena");
    arena->limit = limit_bytes ? limit_bytes : SOK_ARENA_LIMIT_DEFAULT;
    arena->head = arena->first = block_new(BLOCK_BYTES);
    return arena;
}

static void free_all_but_first(struct sok_arena *arena)
{
    struct block *block = arena->head;
    while (block) {
        struct block *next = block->next;
        if (block != arena->first)
            free(block);
        block = next;
    }
}

struct sok_arena *sok_arena_free(struct sok_arena *arena)
{
    if (arena) {
        free_all_but_first(arena);
        free(arena->first);
        free(arena);
    }
    return NULL;
}

void sok_arena_reset(struct sok_arena *arena)
{
    free_all_but_first(arena);
    arena->head = arena->first;
    arena->head->next = NULL;
    arena->head->used = 0;
    arena->used = 0;
}

size_t sok_arena_used(const struct sok_arena *arena)
{
    return arena->used;
}

void *sok_alloc(struct sok_arena *arena, size_t size_bytes)
{
    const size_t align = alignof(max_align_t);
    if (size_bytes > arena->limit)
        sok_panic("allocation of %zu bytes over the arena's limit of %zu", size_bytes, arena->limit);
    size_t size = (size_bytes + align - 1) & ~(align - 1);
    if (size == 0)
        size = align;
    arena->used += size;
    if (arena->used > arena->limit)
        sok_panic("arena over its limit of %zu bytes", arena->limit);
    struct block *block = arena->head;
    if (block->size - block->used < size) {
        size_t block_size = size > BLOCK_BYTES / 4 ? size : BLOCK_BYTES;
        struct block *fresh = block_new(block_size);
        if (block_size == size) { // filled at once: goes behind, the open block stays in front
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->head = fresh;
        }
        block = fresh;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

void *sok_alloc_array(struct sok_arena *arena, size_t count, size_t item_bytes)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_bytes, &size))
        sok_panic("array of %zu items of %zu bytes", count, item_bytes);
    return sok_alloc(arena, size);
}

void *sok_grow_array(struct sok_arena *arena, void *items, size_t *capacity, size_t need, size_t item_bytes)
{
    if (need <= *capacity)
        return items;
    size_t grown = *capacity ? *capacity * 2 : 8;
    if (grown < need)
        grown = need;
    void *fresh = sok_alloc_array(arena, grown, item_bytes);
    if (*capacity)
        memcpy(fresh, items, *capacity * item_bytes);
    *capacity = grown;
    return fresh;
}

char *sok_strndup(struct sok_arena *arena, const char *text, size_t len)
{
    if (!text)
        return NULL;
    char *copy = sok_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *sok_strdup(struct sok_arena *arena, const char *text)
{
    return text ? sok_strndup(arena, text, strlen(text)) : NULL;
}

char *sok_vformat(struct sok_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        sok_panic("bad format '%s'", format);
    char *text = sok_alloc(arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

char *sok_format(struct sok_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = sok_vformat(arena, format, args);
    va_end(args);
    return text;
}
