// Moments as text: what is read and lies in the years that are written comes out again the same.
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define YEAR_10000 INT64_C(253402300800000)
#define YEAR_0 (-INT64_C(62167219200000))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1), written[SOK_TIME_TEXT], http[30];
    memcpy(text, data, len);
    text[len] = 0;
    int64_t at, again;
    if (sok_time_parse(text, &at)) {
        sok_time_format(at, written);
        sok_time_format_http(at, http);
        if (!sok_time_parse(written, &again) || (at >= YEAR_0 && at < YEAR_10000 && at != again))
            abort();
    }
    free(text);
    return 0;
}
