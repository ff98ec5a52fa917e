#include "net/retry.h"

#include <curl/curl.h>

#include "base/text.h"

int64_t sok_retry_backoff_ms(int attempt, int64_t unit_ms, double random)
{
    int64_t units = attempt < 1 ? 1 : attempt > 6 ? 60 : (int64_t)1 << (attempt - 1);
    int64_t full = (units > 60 ? 60 : units) * unit_ms;
    return full / 2 + (int64_t)(random * (double)(full - full / 2));
}

int64_t sok_retry_after_ms(const char *header, int64_t now_ms)
{
    if (sok_text_empty(header))
        return -1;
    int64_t seconds, wait_ms;
    if (sok_parse_int(header, 0, INT64_MAX / 1000, &seconds)) {
        wait_ms = seconds > SOK_RETRY_AFTER_MAX_MS / 1000 ? SOK_RETRY_AFTER_MAX_MS : seconds * 1000;
    } else {
        time_t at = curl_getdate(header, NULL);
        if (at == -1)
            return -1;
        wait_ms = (int64_t)at * 1000 - now_ms;
    }
    if (wait_ms < 0)
        return 0;
    return wait_ms > SOK_RETRY_AFTER_MAX_MS ? SOK_RETRY_AFTER_MAX_MS : wait_ms;
}
