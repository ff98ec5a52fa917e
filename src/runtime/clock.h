// The time as something that is handed in, so that tests turn it instead of waiting.
#ifndef SOK_RUNTIME_CLOCK_H
#define SOK_RUNTIME_CLOCK_H

#include <stdint.h>

// Both functions may be called from any thread and do not block.
struct sok_clock {
    int64_t (*now_ms)(const struct sok_clock *clock);  // since 1970 UTC
    int64_t (*mono_ms)(const struct sok_clock *clock); // never goes back; for durations and deadlines
};

extern const struct sok_clock sok_clock_system;

static inline int64_t sok_clock_now_ms(const struct sok_clock *clock)
{
    return clock->now_ms(clock);
}

static inline int64_t sok_clock_mono_ms(const struct sok_clock *clock)
{
    return clock->mono_ms(clock);
}

// A clock for tests: both times stand still at what is stored here. Embed or use directly; store from the
// test's thread.
struct sok_clock_manual {
    struct sok_clock clock;
    _Atomic int64_t at_ms;
};
void sok_clock_manual_init(struct sok_clock_manual *manual, int64_t at_ms);
void sok_clock_manual_advance(struct sok_clock_manual *manual, int64_t by_ms);

#endif
