// Redis: the connections, up to SOK_REDIS_POOL_MAX, one command at a time over each; and what must be taken
// back because it could not be said while the server was away.
#include <stdlib.h>
#include <string.h>

#include "backends/cache/drivers/redis.h"
#include "base/text.h"
#include "base/time.h"
#include "base/wait.h"

#define WAIT_MS 100
#define DOWN_MS 500 // after a failure nobody tries for so long

// --- One command.

void sok_redis_add_bytes(struct sok_redis_words *words, const char *text, size_t len)
{
    if ((size_t)words->count == SOK_ARRAY_LEN(words->text))
        sok_panic("too many words for Redis");
    words->text[words->count] = text;
    words->len[words->count++] = len;
}

void sok_redis_add(struct sok_redis_words *words, const char *text)
{
    sok_redis_add_bytes(words, text, strlen(text));
}

// A server that was restarted may have come back with what it knew long ago, or some of it: what counts for
// one run of it has the run in its key.
static redisReply *ask(struct sok_redis_conn *conn, const struct sok_redis_words *words)
{
    char key[SOK_REDIS_KEY_SIZE + SOK_REDIS_RUN_SIZE];
    struct sok_redis_words bound = *words;
    if (words->is_bound) {
        snprintf(key, sizeof(key), "%s@%s", words->text[1], conn->run);
        bound.text[1] = key;
        bound.len[1] = strlen(key);
        return redisCommandArgv(conn->context, bound.count, (const char **)bound.text, bound.len);
    }
    return redisCommandArgv(conn->context, words->count, (const char **)words->text, words->len);
}

// A server that was demoted to a replica, or still reads its data, is none: the next connection may lead to
// another one.
static bool is_none(redisReply *reply)
{
    static const char *const words[] = {"READONLY ", "LOADING ", "MASTERDOWN "};
    for (size_t i = 0; reply && reply->type == REDIS_REPLY_ERROR && i < SOK_ARRAY_LEN(words); i++)
        if (sok_text_starts(reply->str, words[i]))
            return true;
    return false;
}

static bool is_accepted(struct sok_redis_conn *conn, struct sok_redis_words *words)
{
    redisReply *reply = ask(conn, words);
    bool good = reply && reply->type != REDIS_REPLY_ERROR;
    if (is_none(reply))
        conn->context->err = REDIS_ERR_OTHER; // is dropped
    freeReplyObject(reply);
    return good;
}

static bool log_in(struct sok_redis *redis, struct sok_redis_conn *conn)
{
    struct sok_redis_words auth = {.count = 0}, select = {.count = 0};
    sok_redis_add(&auth, "AUTH");
    if (redis->user)
        sok_redis_add(&auth, redis->user);
    if (redis->password)
        sok_redis_add(&auth, redis->password);
    sok_redis_add(&select, "SELECT");
    sok_redis_add(&select, redis->database);
    return (!redis->password || is_accepted(conn, &auth)) && is_accepted(conn, &select);
}

// Which run of the server this is (INFO's run_id): another one after each start, and on each server. A
// replica is none of ours: it has what somebody else writes.
static bool learn_run(struct sok_redis_conn *conn)
{
    struct sok_redis_words info = {.count = 0};
    sok_redis_add(&info, "INFO");
    sok_redis_add(&info, "server");
    sok_redis_add(&info, "replication");
    redisReply *reply = ask(conn, &info);
    const char *text = reply && reply->type == REDIS_REPLY_STRING ? reply->str : "";
    const char *at = strstr(text, "run_id:");
    size_t len = at ? strspn(at + strlen("run_id:"), "0123456789abcdef") : 0;
    bool is_replica = strstr(text, "role:slave") != NULL;
    bool is_good = len > 0 && len < SOK_REDIS_RUN_SIZE && !is_replica;
    if (is_good)
        snprintf(conn->run, sizeof(conn->run), "%.*s", (int)len, at + strlen("run_id:"));
    if (is_none(reply) || is_replica)
        conn->context->err = REDIS_ERR_OTHER;
    freeReplyObject(reply);
    return is_good;
}

struct sok_redis_conn *sok_redis_conn_close(struct sok_redis_conn *conn)
{
    if (conn)
        redisFree(conn->context);
    free(conn);
    return NULL;
}

struct sok_redis_conn *sok_redis_connect(struct sok_redis *redis, bool *ret_is_away)
{
    struct timeval limit = {.tv_usec = WAIT_MS * 1000L};
    struct sok_redis_conn *conn = calloc(1, sizeof(*conn));
    if (!conn || !(conn->context = redisConnectWithTimeout(redis->host, redis->port, limit)))
        sok_panic("out of memory for a connection");
    bool is_good = !conn->context->err && redisSetTimeout(conn->context, limit) == REDIS_OK &&
                   log_in(redis, conn) && learn_run(conn);
    *ret_is_away = conn->context->err != 0;
    if (!is_good)
        return sok_redis_conn_close(conn);
    redisEnableKeepAlive(conn->context);
    return conn;
}

// --- The pool.

static struct sok_redis_conn *take_any(struct sok_redis *redis, bool insists)
{
    struct timespec until = sok_wait_deadline(WAIT_MS);
    pthread_mutex_lock(&redis->lock);
    bool in_time = insists || sok_time_mono_ms() >= redis->down_until_ms;
    while (in_time && redis->idle_count == 0 && redis->count >= SOK_REDIS_POOL_MAX)
        in_time = sok_wait_until(&redis->returned, &redis->lock, &until);
    struct sok_redis_conn *conn = in_time && redis->idle_count ? redis->idle[--redis->idle_count] : NULL;
    bool may_connect = in_time && !conn;
    redis->count += may_connect;
    pthread_mutex_unlock(&redis->lock);
    if (!may_connect)
        return conn;
    bool is_away;
    conn = sok_redis_connect(redis, &is_away);
    if (conn)
        return conn;
    pthread_mutex_lock(&redis->lock);
    redis->count--;
    redis->down_until_ms = sok_time_mono_ms() + DOWN_MS;
    pthread_cond_signal(&redis->returned);
    pthread_mutex_unlock(&redis->lock);
    return NULL;
}

// A connection that broke takes the idle ones with it: they were made before the server went.
void sok_redis_give_back(struct sok_redis *redis, struct sok_redis_conn *conn)
{
    struct sok_redis_conn *dead[SOK_REDIS_POOL_MAX];
    size_t dead_count = 0;
    pthread_mutex_lock(&redis->lock);
    if (conn->context->err) {
        while (redis->idle_count)
            dead[dead_count++] = redis->idle[--redis->idle_count];
        dead[dead_count++] = conn;
        redis->count -= dead_count;
    } else {
        redis->idle[redis->idle_count++] = conn;
    }
    pthread_cond_broadcast(&redis->returned);
    pthread_mutex_unlock(&redis->lock);
    for (size_t i = 0; i < dead_count; i++)
        sok_redis_conn_close(dead[i]);
}

// --- What did not arrive. A replaced value that the server never heard of must not be read again, by this
// process or another: its key is removed before anything else is asked, and by a thread if nothing is.

// With `mending` held.
static bool mend(struct sok_redis *redis, struct sok_redis_conn *conn)
{
    while (redis->lost_count) {
        struct sok_redis_words words = {.count = 0, .is_bound = true};
        sok_redis_add(&words, "UNLINK");
        sok_redis_add(&words, redis->lost[redis->lost_count - 1]);
        if (!is_accepted(conn, &words))
            return false;
        redis->lost_count--;
    }
    atomic_store(&redis->has_lost, false);
    return true;
}

struct sok_redis_conn *sok_redis_take(struct sok_redis *redis, bool insists)
{
    struct sok_redis_conn *conn = take_any(redis, insists);
    if (!conn || !atomic_load(&redis->has_lost))
        return conn;
    pthread_mutex_lock(&redis->mending);
    bool is_mended = mend(redis, conn);
    pthread_mutex_unlock(&redis->mending);
    if (is_mended)
        return conn;
    sok_redis_give_back(redis, conn);
    return NULL;
}

static bool rest(struct sok_redis *redis)
{
    struct timespec until = sok_wait_deadline(DOWN_MS);
    pthread_mutex_lock(&redis->lock);
    while (!redis->ending && sok_wait_until(&redis->ended, &redis->lock, &until))
        ;
    bool goes_on = !redis->ending;
    pthread_mutex_unlock(&redis->lock);
    return goes_on;
}

static void *run_mender(void *context)
{
    struct sok_redis *redis = context;
    while (rest(redis)) {
        struct sok_redis_conn *conn = atomic_load(&redis->has_lost) ? sok_redis_take(redis, true) : NULL;
        if (conn)
            sok_redis_give_back(redis, conn);
    }
    return NULL;
}

// False: there is no room to remember it.
bool sok_redis_note_lost(struct sok_redis *redis, const char *key)
{
    size_t i = 0;
    pthread_mutex_lock(&redis->mending);
    while (i < redis->lost_count && strcmp(redis->lost[i], key) != 0)
        i++;
    bool fits = i < SOK_REDIS_LOST_MAX;
    if (fits && i == redis->lost_count)
        snprintf(redis->lost[redis->lost_count++], SOK_REDIS_KEY_SIZE, "%s", key);
    atomic_store(&redis->has_lost, redis->lost_count > 0);
    if (!redis->has_mender)
        redis->has_mender = pthread_create(&redis->mender, NULL, run_mender, redis) == 0;
    pthread_mutex_unlock(&redis->mending);
    return fits;
}

// The reply, the caller's to free, or NULL: Redis cannot be had. Every command here may be sent twice, so
// that a connection that idled through a restart of the server is not noticed.
redisReply *sok_redis_run(struct sok_redis *redis, const struct sok_redis_words *words)
{
    for (int try = 0; try < 2; try++) {
        struct sok_redis_conn *conn = sok_redis_take(redis, words->insists);
        if (!conn)
            break;
        redisReply *reply = ask(conn, words);
        if (is_none(reply)) {
            freeReplyObject(reply);
            reply = NULL;
            conn->context->err = REDIS_ERR_OTHER; // is dropped
        }
        bool is_slow = conn->context->err == REDIS_ERR_IO && sok_text_eq(words->text[0], "EVALSHA");
        sok_redis_give_back(redis, conn);
        if (reply)
            return reply;
        if (is_slow) // it may have counted
            break;
    }
    sok_metric_add(redis->base.metrics, SOK_METRIC_CACHE_ERRORS, 1, 0, 0, 0);
    return NULL;
}
