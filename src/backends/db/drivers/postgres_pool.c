// The connections to one server of PostgreSQL.
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
}

void sok_pg_pool_done(struct sok_pg_pool *pool)
{
    for (size_t i = 0; i < pool->idle_count; i++)
        sok_pg_conn_close(pool->idle[i]);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->returned);
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

// --- Taking and returning.

// Waits until a connection is idle or one may be made, which is counted as made. With `lock` held.
static enum sok_status wait_for_place(
    struct sok_pg_pool *pool, int64_t wait_ms, struct sok_pg_conn **ret, struct sok_error *err)
{
    struct timespec until = sok_wait_deadline(wait_ms);
    bool in_time = true;
    bool is_full = pool->idle_count == 0 && pool->conn_count >= pool->max;
    if (is_full && (pool->is_stuck || pool->waiting >= 2 * pool->max))
        return fail_full(err);
    pool->waiting++;
    while (pool->idle_count == 0 && pool->conn_count >= pool->max && in_time)
        in_time = sok_wait_until(&pool->returned, &pool->lock, &until);
    pool->waiting--;
    pool->is_stuck = !in_time;
    if (is_left_alone(pool)) // also for who waited, and where idle connections are left: they lead nowhere
        return sok_pg_fail_away("the database cannot be reached", err);
    *ret = pool->idle_count ? pool->idle[--pool->idle_count] : NULL;
    if (!*ret && !in_time)
        return fail_full(err);
    pool->conn_count += !*ret;
    pool->is_tried = pool->is_down;
    return SOK_OK;
}

static enum sok_status connect_place(
    struct sok_pg_pool *pool, struct sok_pg_conn **ret, struct sok_error *err)
{
    struct sok_error why = {0};
    bool is_there = sok_pg_conn_open(&pool->server, ret, &why) == SOK_OK;
    pthread_mutex_lock(&pool->lock);
    pool->is_tried = false;
    if (is_there) {
        note_success(pool);
    } else {
        pool->conn_count--;
        note_failure(pool);
        pthread_cond_broadcast(&pool->returned);
    }
    pthread_mutex_unlock(&pool->lock);
    if (is_there)
        return SOK_OK;
    return sok_pg_fail_away("the database cannot be reached", err); // its address is nobody's business
}

enum sok_status sok_pg_pool_take(
    struct sok_pg_pool *pool, int64_t wait_ms, struct sok_pg_conn **ret, size_t *ret_in_use,
    struct sok_error *err)
{
    struct sok_pg_conn *conn = NULL;
    pthread_mutex_lock(&pool->lock);
    enum sok_status status = wait_for_place(pool, wait_ms, &conn, err);
    *ret_in_use = pool->conn_count - pool->idle_count;
    pthread_mutex_unlock(&pool->lock);
    SOK_TRY(status);
    if (!conn)
        SOK_TRY(connect_place(pool, &conn, err));
    *ret = conn;
    return SOK_OK;
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
