#include "runtime/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"

struct job {
    void (*run)(void *context);
    void *context;
};

struct sok_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool closing;
    int thread_count, first, waiting, capacity; // `jobs` is a ring of `capacity`
    pthread_t *threads;
    struct job jobs[];
};

static void *work(void *context)
{
    struct sok_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->waiting && !pool->closing)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (!pool->waiting)
            break;
        struct job job = pool->jobs[pool->first];
        pool->first = (pool->first + 1) % pool->capacity;
        pool->waiting--;
        pthread_mutex_unlock(&pool->lock);
        job.run(job.context);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct sok_pool *sok_pool_new(const char *name, int threads, int queue_max)
{
    struct sok_pool *pool = calloc(1, sizeof(*pool) + (size_t)queue_max * sizeof(pool->jobs[0]));
    if (!pool || !(pool->threads = calloc((size_t)threads, sizeof(pthread_t))))
        sok_panic("out of memory for a pool");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->capacity = queue_max;
    for (; pool->thread_count < threads; pool->thread_count++) {
        char thread_name[16];
        snprintf(thread_name, sizeof(thread_name), "%.9s-%u", name, (unsigned)pool->thread_count % 1000);
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0)
            sok_panic("cannot start a thread");
        pthread_setname_np(pool->threads[pool->thread_count], thread_name);
    }
    return pool;
}

bool sok_pool_submit(struct sok_pool *pool, void (*run)(void *context), void *context)
{
    pthread_mutex_lock(&pool->lock);
    bool taken = !pool->closing && pool->waiting < pool->capacity;
    if (taken) {
        pool->jobs[(pool->first + pool->waiting) % pool->capacity] = (struct job){run, context};
        pool->waiting++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

struct sok_pool *sok_pool_free(struct sok_pool *pool)
{
    if (!pool)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    return NULL;
}
