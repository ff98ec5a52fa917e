#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_MS (INT64_C(-62167219200) * 1000) // 0000-01-01
#define LAST_MS (INT64_C(253402300799) * 1000)  // 9999-12-31T23:59:59

static struct tm to_utc(int64_t at_ms, int *ret_ms)
{
    if (at_ms < FIRST_MS)
        at_ms = FIRST_MS;
    if (at_ms > LAST_MS)
        at_ms = LAST_MS;
    int64_t ms = at_ms % 1000;
    if (ms < 0)
        ms += 1000;
    time_t seconds = (time_t)((at_ms - ms) / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    *ret_ms = (int)ms;
    return tm;
}

void sok_time_format(int64_t at_ms, char ret_text[SOK_TIME_TEXT])
{
    int ms;
    struct tm tm = to_utc(at_ms, &ms);
    size_t n = strftime(ret_text, SOK_TIME_TEXT, "0000-%m-%dT%H:%M:%S", &tm);
    int year = tm.tm_year + 1900;
    for (int i = 3; i >= 0; i--, year /= 10)
        ret_text[i] = (char)('0' + year % 10);
    snprintf(ret_text + n, SOK_TIME_TEXT - n, ".%03dZ", ms % 1000);
}

void sok_time_format_http(int64_t at_ms, char ret_text[30])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int ms;
    struct tm tm = to_utc(at_ms, &ms);
    char rest[13], day[3];
    strftime(day, sizeof(day), "%d", &tm);
    strftime(rest, sizeof(rest), "%H:%M:%S GMT", &tm);
    snprintf(
        ret_text, 30, "%s, %s %s %04u %s", days[tm.tm_wday], day, months[tm.tm_mon],
        (unsigned)(tm.tm_year + 1900) % 10000, rest);
}

bool sok_time_parse(const char *text, int64_t *ret_at_ms)
{
    struct tm tm = {.tm_mday = 1};
    int used = 0;
    if (!text || sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 ||
        used != 10)
        return false;
    if (tm.tm_year < 0 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
        return false;
    const char *at = text + used;
    int64_t ms = 0, zone_minutes = 0;
    if (*at == 'T' || *at == 't' || *at == ' ') {
        if (sscanf(++at, "%2d:%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 3 || used != 8)
            return false;
        at += used;
        if (*at == '.') {
            int64_t unit = 100;
            for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
                ms += (*at - '0') * unit;
        }
        int hours, minutes;
        if (*at == 'Z' || *at == 'z') {
            at++;
        } else if (*at == '+' || *at == '-') {
            int sign = *at == '-' ? -1 : 1;
            if ((sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5) &&
                (sscanf(at + 1, "%2d%2d%n", &hours, &minutes, &used) != 2 || used != 4))
                return false;
            if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
                return false;
            zone_minutes = sign * (hours * 60 + minutes);
            at += 1 + used;
        }
    }
    if (*at || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
        tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int day = tm.tm_mday;
    time_t seconds = timegm(&tm);
    if (tm.tm_mday != day) // 31 April became 1 May
        return false;
    *ret_at_ms = ((int64_t)seconds - zone_minutes * 60) * 1000 + ms;
    return true;
}

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t sok_time_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t sok_time_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t sok_time_mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
