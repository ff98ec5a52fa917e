// For tests: orders for the Redis that SOKOUL_TEST_REDIS names, "redis://127.0.0.1:PORT".
#ifndef SOK_BACKENDS_CACHE_DRIVERS_REDIS_TESTING_H
#define SOK_BACKENDS_CACHE_DRIVERS_REDIS_TESTING_H

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

// FLUSHALL, CLIENT KILL TYPE normal, ... A reply need not come: the order may end its own connection.
static inline SOK_UNUSED void sok_test_redis_run(const char *order)
{
    redisContext *context =
        redisConnect("127.0.0.1", (int)strtol(strrchr(getenv("SOKOUL_TEST_REDIS"), ':') + 1, NULL, 10));
    if (!context || context->err)
        sok_panic("the test's Redis does not answer");
    freeReplyObject(redisCommand(context, order));
    redisFree(context);
}

#endif
