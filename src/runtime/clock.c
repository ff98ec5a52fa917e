#include "runtime/clock.h"

#include "base/time.h"

static int64_t system_now_ms(const struct sok_clock *clock)
{
    return sok_time_now_ms();
}

static int64_t system_mono_ms(const struct sok_clock *clock)
{
    return sok_time_mono_ms();
}

const struct sok_clock sok_clock_system = {system_now_ms, system_mono_ms};

static int64_t manual_ms(const struct sok_clock *clock)
{
    return ((const struct sok_clock_manual *)clock)->at_ms;
}

void sok_clock_manual_init(struct sok_clock_manual *manual, int64_t at_ms)
{
    manual->clock = (struct sok_clock){manual_ms, manual_ms};
    manual->at_ms = at_ms;
}

void sok_clock_manual_advance(struct sok_clock_manual *manual, int64_t by_ms)
{
    manual->at_ms += by_ms;
}
