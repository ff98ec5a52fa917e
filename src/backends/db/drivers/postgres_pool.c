// The connections to one server of PostgreSQL. A thread of the pool makes them: looking a name up, a server
// that is slow and one that says nothing cost whoever needs a connection the time it is ready to wait and no
// more, and what took longer than that is there for the next one.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/db/drivers/postgres.h"
#include "base/time.h"
#include "base/wait.h"

#define DOWN_MS 500 // after a failed connect nobody tries for so long: all are told at once

void sok_pg_pool_init(struct sok_pg_pool *pool, const struct sok_pg_server *server, size_t max)
{
    *pool = (struct sok_pg_pool){.server = *server, .max = max, .down_ms = DOWN_MS, .down_most_ms = DOWN_MS};
    pool->server.url = strdup(server->url);
    if (!pool->server.url)
        sok_panic("out of memory for the database");
    pthread_mutex_init(&pool->lock, NULL);
    sok_wait_init(&pool->returned);
    sok_wait_init(&pool->asked);
}

void sok_pg_pool_done(struct sok_pg_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_signal(&pool->asked);
    pthread_mutex_unlock(&pool->lock);
    if (pool->has_maker)
        pthread_join(pool->maker, NULL);
    for (size_t i = 0; i < pool->idle_count; i++)
        sok_pg_conn_close(pool->idle[i]);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->returned);
    pthread_cond_destroy(&pool->asked);
    free((char *)pool->server.url);
}

enum sok_status sok_pg_pool_fill(struct sok_pg_pool *pool, size_t count, struct sok_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct sok_pg_conn *conn;
        SOK_TRY(sok_pg_conn_open(&pool->server, &conn, err));
        pool->idle[pool->idle_count++] = conn;
        pool->conn_count++;
    }
    return SOK_OK;
}

static enum sok_status fail_full(struct sok_error *err)
{
    enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "all connections to the database are in use");
    if (err)
        err->retry_after_s = 1;
    return status;
}

// --- The server that is away. All with `lock` held.

static void note_failure(struct sok_pg_pool *pool)
{
    int64_t pause_ms = pool->down_ms << (pool->failures < 10 ? pool->failures : 10);
    pool->failures++;
    pool->failed++;
    pool->is_down = true;
    pool->down_until_ms =
        sok_time_mono_ms() + (pause_ms < pool->down_most_ms ? pause_ms : pool->down_most_ms);
}

static void note_success(struct sok_pg_pool *pool)
{
    pool->is_down = false;
    pool->failures = 0;
}

static bool is_left_alone(const struct sok_pg_pool *pool)
{
    return pool->is_down && (pool->is_tried || sok_time_mono_ms() < pool->down_until_ms);
}

void sok_pg_pool_leave_alone(struct sok_pg_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    note_failure(pool);
    pthread_mutex_unlock(&pool->lock);
}

// --- Making connections.

// A failure is a failure for all who wait: what they wait for will not come.
static void keep_made(struct sok_pg_pool *pool, struct sok_pg_conn *conn)
{
    pool->is_tried = pool->is_stuck = false;
    if (conn) {
        pool->idle[pool->idle_count++] = conn;
        note_success(pool);
    } else {
        pool->conn_count--;
        pool->wanted = 0;
        note_failure(pool);
    }
    pthread_cond_broadcast(&pool->returned);
}

static void *make_conns(void *context)
{
    struct sok_pg_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_ending) {
        if (!pool->wanted || pool->conn_count >= pool->max) {
            pool->wanted = 0;
            pthread_cond_wait(&pool->asked, &pool->lock);
            continue;
        }
        struct sok_pg_conn *conn = NULL;
        struct sok_error unseen = {0}; // names the server's address, which is nobody's business
        pool->wanted--;
        pool->conn_count++;
        pool->is_making = true;
        pthread_mutex_unlock(&pool->lock);
        if (sok_pg_conn_open(&pool->server, &conn, &unseen) != SOK_OK)
            conn = NULL;
        pthread_mutex_lock(&pool->lock);
        pool->is_making = false;
        keep_made(pool, conn);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

// Has one more made for whoever waits, if there is room for it and none on its way already.
static void ask_for_one(struct sok_pg_pool *pool)
{
    if (pool->conn_count + pool->wanted >= pool->max || pool->wanted + pool->is_making >= pool->waiting)
        return;
    pool->wanted++;
    pool->is_tried = pool->is_down;
    pthread_cond_signal(&pool->asked);
}

// --- Taking and returning.

static enum sok_status fail_none(const struct sok_pg_pool *pool, struct sok_error *err)
{
    if (pool->conn_count - pool->is_making == 0)
        return sok_pg_fail_away("the database cannot be reached", err);
    return fail_full(err);
}

// Waits until a connection is idle. With `lock` held.
static enum sok_status wait_for_conn(
    struct sok_pg_pool *pool, int64_t wait_ms, struct sok_pg_conn **ret, struct sok_error *err)
{
    struct timespec until = sok_wait_deadline(wait_ms);
    bool in_time = true;
    uint64_t failed = pool->failed;
    if (is_left_alone(pool)) // also where idle connections are left: they lead nowhere
        return sok_pg_fail_away("the database cannot be reached", err);
    if (pool->idle_count == 0 && (pool->is_stuck || pool->waiting >= 2 * pool->max ||
                                  (pool->no_queue && pool->conn_count >= pool->max)))
        return fail_none(pool, err);
    if (pool->idle_count == 0 && !pool->has_maker)
        pool->has_maker = pthread_create(&pool->maker, NULL, make_conns, pool) == 0;
    if (pool->idle_count == 0 && !pool->has_maker)
        return fail_none(pool, err);
    pool->waiting++;
    while (pool->idle_count == 0 && pool->failed == failed && in_time) {
        ask_for_one(pool);
        in_time = sok_wait_until(&pool->returned, &pool->lock, &until);
    }
    pool->waiting--;
    if (pool->failed != failed)
        return sok_pg_fail_away("the database cannot be reached", err);
    pool->is_stuck = pool->idle_count == 0;
    if (pool->is_stuck)
        return fail_none(pool, err);
    *ret = pool->idle[--pool->idle_count];
    pool->is_tried = pool->is_down;
    return SOK_OK;
}

enum sok_status sok_pg_pool_take(
    struct sok_pg_pool *pool, int64_t wait_ms, struct sok_pg_conn **ret, size_t *ret_in_use,
    struct sok_error *err)
{
    pthread_mutex_lock(&pool->lock);
    enum sok_status status = wait_for_conn(pool, wait_ms, ret, err);
    *ret_in_use = pool->conn_count - pool->idle_count;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

// A connection that was lost takes the idle ones with it: the server has most likely restarted.
void sok_pg_pool_return(struct sok_pg_pool *pool, struct sok_pg_conn *conn)
{
    struct sok_pg_conn *dead[SOK_PG_POOL_MAX];
    size_t dead_count = 0;
    pthread_mutex_lock(&pool->lock);
    pool->is_tried = pool->is_stuck = false;
    if (conn->lost && conn->silent)
        note_failure(pool);
    else if (!conn->lost)
        note_success(pool);
    if (conn->lost) {
        while (pool->idle_count)
            dead[dead_count++] = pool->idle[--pool->idle_count];
    }
    if (conn->broken) {
        dead[dead_count++] = conn;
        pool->conn_count -= dead_count;
    } else {
        pool->idle[pool->idle_count++] = conn;
    }
    if (conn->broken)
        pthread_cond_broadcast(&pool->returned);
    else
        pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < dead_count; i++)
        sok_pg_conn_close(dead[i]);
}
