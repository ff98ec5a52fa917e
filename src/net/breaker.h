// Circuit breakers by name: after 5 failures in a row nothing is tried for 60 s, then one call tries for all.
#ifndef SOK_NET_BREAKER_H
#define SOK_NET_BREAKER_H

#include <stdbool.h>

#include "runtime/clock.h"

#define SOK_BREAKER_FAILURES 5
#define SOK_BREAKER_OPEN_MS 60000
#define SOK_BREAKERS_MAX 256 // names beyond that are never blocked

enum sok_breaker_state { SOK_BREAKER_CLOSED, SOK_BREAKER_OPEN, SOK_BREAKER_HALF_OPEN };

struct sok_breakers;

// Owned by the caller; the clock is borrowed. All functions: any thread, no blocking.
struct sok_breakers *sok_breakers_new(const struct sok_clock *clock);
struct sok_breakers *sok_breakers_free(struct sok_breakers *breakers);

// Whether a call may be made now. In the half-open state only the first caller gets true; it must report.
// *ret_wait_ms (may be NULL): how long until asking again makes sense.
bool sok_breaker_try(struct sok_breakers *breakers, const char *name, int64_t *ret_wait_ms);

// What came of a call that was allowed.
void sok_breaker_report(struct sok_breakers *breakers, const char *name, bool success);

// A call that was allowed but says nothing about the other side (cancelled, refused by us).
void sok_breaker_forget(struct sok_breakers *breakers, const char *name);

enum sok_breaker_state sok_breaker_state(struct sok_breakers *breakers, const char *name);

#endif
