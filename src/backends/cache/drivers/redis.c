// Redis, for several processes: what one counts or forgets, all have counted or forgotten. A server that is
// slow or gone costs at most 100 ms now and then: the cache is empty meanwhile, and limits are counted in
// this process alone rather than not at all.
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cache/drivers/redis.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/uri.h"
#include "base/wait.h"

#define PORT 6379
#define PREFIX "sokoul:"
#define LIMIT_KIND "limit"
#define SCAN_STEP "500"
#define SIZE_EVERY 256 // puts between two looks at how much memory there is in use

// --- The driver.

static const char *key_of(char *buf, size_t size, const char *kind, const char *key)
{
    snprintf(buf, size, PREFIX "%s:%s", kind, key);
    return buf;
}

static bool is_bound(const char *kind)
{
    return strcmp(kind, SOK_CACHE_VERSIONS) == 0;
}

static enum sok_status redis_get(
    struct sok_cache *cache, struct sok_arena *arena, const char *kind, const char *key, bool remove,
    const char **ret_value, size_t *ret_len, struct sok_error *err)
{
    char full[SOK_REDIS_KEY_SIZE];
    struct sok_redis_words words = {.count = 0, .is_bound = is_bound(kind)};
    // A version must not be an old one: GETEX counts as a write, which a primary that was demoted refuses.
    sok_redis_add(&words, remove ? "GETDEL" : is_bound(kind) ? "GETEX" : "GET");
    sok_redis_add(&words, key_of(full, sizeof(full), kind, key));
    redisReply *reply = sok_redis_run((struct sok_redis *)cache, &words);
    bool found = reply && reply->type == REDIS_REPLY_STRING;
    if (found) {
        *ret_value = sok_strndup(arena, reply->str, reply->len);
        *ret_len = reply->len;
    }
    bool is_down =
        !reply && remove; // an empty cache to whoever only saves work, not to whoever needs an answer
    freeReplyObject(reply);
    if (is_down)
        return sok_fail(err, SOK_UNAVAILABLE, "the cache is down");
    return found ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "not in the cache");
}

// What all who use the server hold there, now and then.
static void note_size(struct sok_redis *redis)
{
    struct sok_redis_words words = {.count = 0};
    sok_redis_add(&words, "INFO");
    sok_redis_add(&words, "memory");
    redisReply *reply = sok_redis_run(redis, &words);
    const char *used = reply && reply->str ? strstr(reply->str, "used_memory:") : NULL;
    double bytes = 0;
    if (used && sscanf(used, "used_memory:%lf", &bytes) == 1)
        sok_metric_set(redis->base.metrics, SOK_METRIC_CACHE_BYTES, bytes, 0, 0);
    freeReplyObject(reply);
}

static bool set(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms,
    bool insists)
{
    char full[SOK_REDIS_KEY_SIZE], ttl[24];
    struct sok_redis_words words = {.count = 0, .is_bound = is_bound(kind), .insists = insists};
    snprintf(ttl, sizeof(ttl), "%" PRId64, ttl_ms);
    sok_redis_add(&words, "SET");
    sok_redis_add(&words, key_of(full, sizeof(full), kind, key));
    sok_redis_add_bytes(&words, value, len);
    sok_redis_add(&words, "PX");
    sok_redis_add(&words, ttl);
    redisReply *reply = sok_redis_run((struct sok_redis *)cache, &words);
    bool is_set = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return is_set;
}

static bool redis_put(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    struct sok_redis *redis = (struct sok_redis *)cache;
    bool is_kept = set(cache, kind, key, value, len, ttl_ms, false);
    if (atomic_fetch_add(&redis->puts, 1) % SIZE_EVERY == 0)
        note_size(redis);
    return is_kept;
}

static bool redis_replace(
    struct sok_cache *cache, const char *kind, const char *key, const char *value, size_t len, int64_t ttl_ms)
{
    char full[SOK_REDIS_KEY_SIZE];
    return set(cache, kind, key, value, len, ttl_ms, true) ||
           sok_redis_note_lost((struct sok_redis *)cache, key_of(full, sizeof(full), kind, key));
}

static void unlink_key(struct sok_redis *redis, const char *key, size_t len, bool bound)
{
    struct sok_redis_words words = {.count = 0, .is_bound = bound};
    sok_redis_add(&words, "UNLINK");
    sok_redis_add_bytes(&words, key, len);
    freeReplyObject(sok_redis_run(redis, &words));
}

// One step of a walk over the keys. False at its end.
static bool clear_some(struct sok_redis *redis, const char *pattern, bool spare_limits, char cursor[24])
{
    struct sok_redis_words words = {.count = 0};
    sok_redis_add(&words, "SCAN");
    sok_redis_add(&words, cursor);
    sok_redis_add(&words, "MATCH");
    sok_redis_add(&words, pattern);
    sok_redis_add(&words, "COUNT");
    sok_redis_add(&words, SCAN_STEP);
    redisReply *reply = sok_redis_run(redis, &words);
    bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; good && i < reply->element[1]->elements; i++) {
        const redisReply *key = reply->element[1]->element[i];
        if (!spare_limits || !sok_text_starts(key->str, PREFIX LIMIT_KIND ":"))
            unlink_key(redis, key->str, key->len, false);
    }
    if (good)
        snprintf(cursor, 24, "%s", reply->element[0]->str);
    freeReplyObject(reply);
    return good && strcmp(cursor, "0") != 0;
}

static void redis_clear(struct sok_cache *cache, const char *kind, const char *key)
{
    struct sok_redis *redis = (struct sok_redis *)cache;
    char full[SOK_REDIS_KEY_SIZE], cursor[24] = "0";
    if (key) {
        key_of(full, sizeof(full), kind, key);
        unlink_key(redis, full, strlen(full), is_bound(kind));
        return;
    }
    if (kind)
        key_of(full, sizeof(full), kind, "*");
    else
        snprintf(full, sizeof(full), PREFIX "*");
    while (clear_some(redis, full, !kind, cursor)) {
    }
}

// A sorted set of the moments within the window, by the server's clock: one clock for all processes.
static const char limit_script[] = "local t = redis.call('TIME')\n"
                                   "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
                                   "local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
                                   "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)\n"
                                   "local used, allowed = redis.call('ZCARD', KEYS[1]), 0\n"
                                   "if used < limit then\n"
                                   "  redis.call('ZADD', KEYS[1], now, ARGV[3])\n"
                                   "  redis.call('PEXPIRE', KEYS[1], window)\n"
                                   "  used, allowed = used + 1, 1\n"
                                   "end\n"
                                   "local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')\n"
                                   "return {allowed, used, first[2] + window - now}\n";

static redisReply *run_script(struct sok_redis *redis, struct sok_redis_words *words)
{
    redisReply *reply = sok_redis_run(redis, words);
    if (!reply || reply->type != REDIS_REPLY_ERROR || !sok_text_starts(reply->str, "NOSCRIPT"))
        return reply;
    freeReplyObject(reply); // the server forgot its scripts: by restarting, say
    words->text[0] = "EVAL";
    words->len[0] = strlen("EVAL");
    words->text[1] = limit_script;
    words->len[1] = strlen(limit_script);
    return sok_redis_run(redis, words);
}

static bool is_three_numbers(const redisReply *reply)
{
    bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3;
    for (size_t i = 0; good && i < 3; i++)
        good = reply->element[i]->type == REDIS_REPLY_INTEGER;
    return good;
}

static enum sok_status redis_limit(
    struct sok_cache *cache, const char *key, int64_t limit, int64_t window_ms, int64_t *ret_used,
    int64_t *ret_reset_ms, struct sok_error *err)
{
    struct sok_redis *redis = (struct sok_redis *)cache;
    char full[SOK_REDIS_KEY_SIZE], most[24], window[24], moment[32];
    struct sok_redis_words words = {.count = 0};
    snprintf(most, sizeof(most), "%" PRId64, limit);
    snprintf(window, sizeof(window), "%" PRId64, window_ms);
    sok_random_token(12, moment, sizeof(moment));
    sok_redis_add(&words, "EVALSHA");
    sok_redis_add(&words, redis->limit_sha);
    sok_redis_add(&words, "1");
    sok_redis_add(&words, key_of(full, sizeof(full), LIMIT_KIND, key));
    sok_redis_add(&words, most);
    sok_redis_add(&words, window);
    sok_redis_add(&words, moment);
    redisReply *reply = run_script(redis, &words);
    bool good = is_three_numbers(reply);
    bool allowed = good && reply->element[0]->integer == 1;
    if (good) {
        *ret_used = reply->element[1]->integer;
        *ret_reset_ms = reply->element[2]->integer;
    }
    freeReplyObject(reply);
    if (!good)
        return sok_cache_limit(redis->local, key, limit, window_ms, ret_used, ret_reset_ms, err);
    if (allowed)
        return SOK_OK;
    enum sok_status status = sok_fail(err, SOK_LIMITED, "too many requests");
    if (err)
        err->retry_after_s = (int)((*ret_reset_ms + 999) / 1000);
    return status;
}

// --- Opening and closing.

// "//[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]", as the Redis URI scheme has it.
static bool parse(struct sok_redis *redis, const char *location)
{
    if (!sok_text_starts(location, "//"))
        return false;
    char *text = sok_strdup(redis->arena, location + 2);
    char *path = strchr(text, '/'), *at = strrchr(text, '@');
    int64_t number = 0;
    redis->database = "0";
    redis->port = PORT;
    if (path) {
        *path++ = '\0';
        if (*path && !sok_parse_int(path, 0, 1000000, &number))
            return false;
        redis->database = *path ? path : "0";
    }
    if (at) {
        *at = '\0';
        char *colon = strchr(text, ':');
        if (!colon)
            return false;
        *colon = '\0';
        redis->user = *text ? sok_uri_decode(redis->arena, text, strlen(text), false) : NULL;
        redis->password = sok_uri_decode(redis->arena, colon + 1, strlen(colon + 1), false);
        if (!redis->password || (*text && !redis->user))
            return false;
        text = at + 1;
    }
    char *port = text[0] == '[' ? strstr(text, "]:") : strchr(text, ':');
    if (port) {
        port += text[0] == '[';
        *port++ = '\0';
        if (!sok_parse_int(port, 1, 65535, &number))
            return false;
        redis->port = (int)number;
    }
    if (text[0] == '[') { // [::1]
        text[strcspn(text, "]")] = '\0';
        text++;
    }
    redis->host = text;
    return *text && !strpbrk(text, "?#[]@ ");
}

static void redis_close(struct sok_cache *cache)
{
    struct sok_redis *redis = (struct sok_redis *)cache;
    pthread_mutex_lock(&redis->lock);
    redis->ending = true;
    pthread_cond_signal(&redis->ended);
    pthread_mutex_unlock(&redis->lock);
    if (redis->has_mender)
        pthread_join(redis->mender, NULL);
    for (size_t i = 0; i < redis->idle_count; i++)
        sok_redis_conn_close(redis->idle[i]);
    sok_cache_close(redis->local);
    pthread_mutex_destroy(&redis->lock);
    pthread_mutex_destroy(&redis->mending);
    pthread_cond_destroy(&redis->returned);
    pthread_cond_destroy(&redis->ended);
    sok_arena_free(redis->arena);
    free(redis);
}

// A server that is away is waited for; one that refuses us is named.
static enum sok_status try_out(struct sok_redis *redis, struct sok_error *err)
{
    bool is_away = false;
    struct sok_redis_conn *conn = sok_redis_connect(redis, &is_away);
    if (!conn && !is_away)
        return sok_fail(
            err, SOK_UNAVAILABLE,
            "SOKOUL_CACHE_URL: the Redis at %s:%d refuses the name, the password, the database or INFO",
            redis->host, redis->port);
    sok_redis_conn_close(conn);
    return SOK_OK;
}

static enum sok_status redis_check(const char *location, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_redis unused = {.arena = arena};
    return parse(&unused, location)
               ? SOK_OK
               : sok_fail(err, SOK_INVALID, "expected redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]");
}

static enum sok_status redis_open(
    const char *location, const struct sok_clock *clock, struct sok_metrics *metrics, struct sok_cache **ret,
    struct sok_error *err)
{
    struct sok_redis *redis = calloc(1, sizeof(*redis));
    if (!redis)
        sok_panic("out of memory for the cache");
    redis->base = (struct sok_cache){.driver = &sok_cache_redis, .metrics = metrics};
    redis->arena = sok_arena_new(0);
    unsigned char sha[SOK_SHA1_BYTES];
    sok_sha1(limit_script, strlen(limit_script), sha);
    sok_hex_encode(sha, sizeof(sha), redis->limit_sha);
    pthread_mutex_init(&redis->lock, NULL);
    pthread_mutex_init(&redis->mending, NULL);
    sok_wait_init(&redis->returned);
    sok_wait_init(&redis->ended);
    enum sok_status status = sok_cache_open("memory:", clock, NULL, &redis->local, err);
    if (status == SOK_OK && parse(redis, location)) // as was checked
        status = try_out(redis, err);
    if (status != SOK_OK) {
        redis_close(&redis->base);
        return status;
    }
    *ret = &redis->base;
    return SOK_OK;
}

const struct sok_cache_driver sok_cache_redis = {
    .scheme = "redis",
    .check = redis_check,
    .open = redis_open,
    .close = redis_close,
    .get = redis_get,
    .put = redis_put,
    .replace = redis_replace,
    .clear = redis_clear,
    .limit = redis_limit,
};
