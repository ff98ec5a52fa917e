// Moments as text. A moment is milliseconds since 1970 UTC in an int64_t named ..._ms or ..._at.
#ifndef SOK_BASE_TIME_H
#define SOK_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define SOK_TIME_TEXT 25 // "2026-02-01T12:34:56.789Z" and the NUL

// RFC 3339 in UTC with milliseconds. Years 0-9999; anything else is clamped.
void sok_time_format(int64_t at_ms, char ret_text[SOK_TIME_TEXT]);

// RFC 3339 / ISO 8601: a date alone, or date and time with 'T' or a blank, optional fraction, optional zone
// (none: UTC).
bool sok_time_parse(const char *text, int64_t *ret_at_ms);

// The HTTP date of RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". ret_text holds 30.
void sok_time_format_http(int64_t at_ms, char ret_text[30]);

// Real time and a clock that never goes back, both in milliseconds. Code that decides by time takes a struct
// sok_clock (runtime/clock.h) so that tests can turn it.
int64_t sok_time_now_ms(void);
int64_t sok_time_mono_ms(void);

// The second one in microseconds, for measuring what is short.
int64_t sok_time_mono_us(void);

#endif
