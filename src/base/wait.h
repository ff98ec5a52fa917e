// Condition variables that wait on the clock that never goes back.
#ifndef SOK_BASE_WAIT_H
#define SOK_BASE_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

// For sok_wait_until; pthread_cond_destroy ends it.
void sok_wait_init(pthread_cond_t *cond);

// The moment in ms from now, for sok_wait_until.
struct timespec sok_wait_deadline(int64_t ms);

// Waits as pthread_cond_timedwait; false when the deadline has passed.
bool sok_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *deadline);

#endif
