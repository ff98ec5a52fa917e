// When to try again: exponential backoff with jitter, and the Retry-After header (RFC 9110 section 10.2.3).
#ifndef SOK_NET_RETRY_H
#define SOK_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define SOK_RETRY_AFTER_MAX_MS (24 * 3600 * 1000)

// The wait before try number `attempt` + 1 (attempt >= 1): unit_ms, twice, four times ... at most 60 units,
// drawn from the upper half. `random` in [0, 1).
int64_t sok_retry_backoff_ms(int attempt, int64_t unit_ms, double random);

// Seconds or an HTTP date, seen from now_ms; -1 when it is neither. Clamped to SOK_RETRY_AFTER_MAX_MS.
int64_t sok_retry_after_ms(const char *header, int64_t now_ms);

#endif
