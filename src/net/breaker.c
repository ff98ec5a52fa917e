#include "net/breaker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

struct breaker {
    char *name;
    int failures; // in a row
    enum sok_breaker_state state;
    int64_t opened_mono_ms; // OPEN: since when; HALF_OPEN: when the one trial was let through
};

struct sok_breakers {
    const struct sok_clock *clock;
    pthread_mutex_t lock; // guards all below
    size_t count;
    struct breaker items[SOK_BREAKERS_MAX];
};

struct sok_breakers *sok_breakers_new(const struct sok_clock *clock)
{
    struct sok_breakers *breakers = calloc(1, sizeof(*breakers));
    if (!breakers)
        sok_panic("out of memory for circuit breakers");
    breakers->clock = clock;
    pthread_mutex_init(&breakers->lock, NULL);
    return breakers;
}

struct sok_breakers *sok_breakers_free(struct sok_breakers *breakers)
{
    if (!breakers)
        return NULL;
    for (size_t i = 0; i < breakers->count; i++)
        free(breakers->items[i].name);
    pthread_mutex_destroy(&breakers->lock);
    free(breakers);
    return NULL;
}

// Under the lock. NULL when the table is full.
static struct breaker *find(struct sok_breakers *breakers, const char *name)
{
    for (size_t i = 0; i < breakers->count; i++)
        if (strcmp(breakers->items[i].name, name) == 0)
            return &breakers->items[i];
    if (breakers->count == SOK_BREAKERS_MAX)
        return NULL;
    struct breaker *breaker = &breakers->items[breakers->count];
    breaker->name = strdup(name);
    if (!breaker->name)
        sok_panic("out of memory for a circuit breaker");
    breakers->count++;
    return breaker;
}

bool sok_breaker_try(struct sok_breakers *breakers, const char *name, int64_t *ret_wait_ms)
{
    int64_t now = sok_clock_mono_ms(breakers->clock), wait_ms = 0;
    bool allowed = true;
    pthread_mutex_lock(&breakers->lock);
    struct breaker *breaker = find(breakers, name);
    if (breaker && breaker->state != SOK_BREAKER_CLOSED) {
        // A trial that never reported (its caller died) makes room for the next after the same time.
        wait_ms = breaker->opened_mono_ms + SOK_BREAKER_OPEN_MS - now;
        allowed = wait_ms <= 0;
        if (allowed) {
            breaker->state = SOK_BREAKER_HALF_OPEN;
            breaker->opened_mono_ms = now;
        }
    }
    pthread_mutex_unlock(&breakers->lock);
    if (ret_wait_ms)
        *ret_wait_ms = allowed ? 0 : wait_ms;
    return allowed;
}

void sok_breaker_report(struct sok_breakers *breakers, const char *name, bool success)
{
    int64_t now = sok_clock_mono_ms(breakers->clock);
    pthread_mutex_lock(&breakers->lock);
    struct breaker *breaker = find(breakers, name);
    if (breaker && success) {
        breaker->failures = 0;
        breaker->state = SOK_BREAKER_CLOSED;
    } else if (breaker) {
        breaker->failures++;
        // Late failures of calls that began before it opened do not push the end of the pause away.
        bool was_open = breaker->state == SOK_BREAKER_OPEN;
        if (!was_open &&
            (breaker->state == SOK_BREAKER_HALF_OPEN || breaker->failures >= SOK_BREAKER_FAILURES)) {
            breaker->state = SOK_BREAKER_OPEN;
            breaker->opened_mono_ms = now;
        }
    }
    pthread_mutex_unlock(&breakers->lock);
}

void sok_breaker_forget(struct sok_breakers *breakers, const char *name)
{
    pthread_mutex_lock(&breakers->lock);
    struct breaker *breaker = find(breakers, name);
    if (breaker && breaker->state == SOK_BREAKER_HALF_OPEN) {
        breaker->state = SOK_BREAKER_OPEN; // the next caller may be the trial at once
        breaker->opened_mono_ms = sok_clock_mono_ms(breakers->clock) - SOK_BREAKER_OPEN_MS;
    }
    pthread_mutex_unlock(&breakers->lock);
}

enum sok_breaker_state sok_breaker_state(struct sok_breakers *breakers, const char *name)
{
    pthread_mutex_lock(&breakers->lock);
    struct breaker *breaker = find(breakers, name);
    enum sok_breaker_state state = breaker ? breaker->state : SOK_BREAKER_CLOSED;
    bool ripe = state == SOK_BREAKER_OPEN &&
                sok_clock_mono_ms(breakers->clock) - breaker->opened_mono_ms >= SOK_BREAKER_OPEN_MS;
    pthread_mutex_unlock(&breakers->lock);
    return ripe ? SOK_BREAKER_HALF_OPEN : state;
}
