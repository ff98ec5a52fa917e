// The parts of the Redis driver among themselves: redis.c (what a cache does), redis_conn.c (connections).
#ifndef SOK_BACKENDS_CACHE_DRIVERS_REDIS_H
#define SOK_BACKENDS_CACHE_DRIVERS_REDIS_H

#include <hiredis/hiredis.h>
#include <pthread.h>

#include "backends/cache/driver.h"
#include "base/digest.h"

#define SOK_REDIS_POOL_MAX 10
#define SOK_REDIS_KEY_SIZE 320
#define SOK_REDIS_RUN_SIZE 48
#define SOK_REDIS_LOST_MAX 32

struct sok_redis_conn {
    redisContext *context;
    char run[SOK_REDIS_RUN_SIZE]; // which one of the server it leads to
};

struct sok_redis {
    struct sok_cache base;
    struct sok_cache *local; // counters while the server is away
    struct sok_arena *arena; // of the texts
    const char *host, *user, *password, *database;
    int port;
    char limit_sha[2 * SOK_SHA1_BYTES + 1]; // by which the server knows the script
    _Atomic unsigned puts;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t returned, ended;
    struct sok_redis_conn *idle[SOK_REDIS_POOL_MAX];
    size_t idle_count, count;
    int64_t down_until_ms; // monotonic
    bool ending;
    pthread_mutex_t mending; // guards what follows; nobody takes it who holds `lock`
    _Atomic bool has_lost;   // read without it, too
    char lost[SOK_REDIS_LOST_MAX][SOK_REDIS_KEY_SIZE];
    size_t lost_count;
    pthread_t mender;
    bool has_mender;
};

// A command.
struct sok_redis_words {
    const char *text[8];
    size_t len[8];
    int count;
    bool is_bound; // its key, text[1], counts for one run of the server
    bool insists;  // tried although the server was away a moment ago: others may have it already
};

void sok_redis_add_bytes(struct sok_redis_words *words, const char *text, size_t len);
void sok_redis_add(struct sok_redis_words *words, const char *text);

// The reply, the caller's to free, or NULL: Redis cannot be had.
redisReply *sok_redis_run(struct sok_redis *redis, const struct sok_redis_words *words);

// A connection, NULL when there is none within 100 ms or, unless somebody insists, was none a moment ago.
struct sok_redis_conn *sok_redis_take(struct sok_redis *redis, bool insists);
void sok_redis_give_back(struct sok_redis *redis, struct sok_redis_conn *conn);

// A new one beside the pool, or NULL; then *ret_is_away: there is no server, rather than one that refuses us.
struct sok_redis_conn *sok_redis_connect(struct sok_redis *redis, bool *ret_is_away);
struct sok_redis_conn *sok_redis_conn_close(struct sok_redis_conn *conn);

// The bound key was written anew and the server has not heard of it: it will be removed there before anything
// else is asked. False: there is no room to remember it.
bool sok_redis_note_lost(struct sok_redis *redis, const char *key);

#endif
