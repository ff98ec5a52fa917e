// A few threads that run what is handed to them, with a bounded waiting line.
#ifndef SOK_RUNTIME_POOL_H
#define SOK_RUNTIME_POOL_H

#include <stdbool.h>

struct sok_pool;

// Starts `threads` threads, named so for `top`; at most queue_max jobs wait. Owned by the caller.
struct sok_pool *sok_pool_new(const char *name, int threads, int queue_max);

// Hands over a job. False, and nothing happens, when the line is full or the pool is closing. Any thread.
bool sok_pool_submit(struct sok_pool *pool, void (*run)(void *context), void *context);

// Runs what waits, then ends the threads. NULL is fine. Returns NULL. Blocks.
struct sok_pool *sok_pool_free(struct sok_pool *pool);

#endif
