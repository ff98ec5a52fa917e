// Range and conditional headers: the first byte chooses the size, the rest is the header.
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "net/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const int64_t sizes[] = {0, 1, 100, INT64_C(1) << 40, INT64_MAX};
    if (!len)
        return 0;
    int64_t size = sizes[data[0] % SOK_ARRAY_LEN(sizes)];
    char *header = malloc(len);
    memcpy(header, data + 1, len - 1);
    header[len - 1] = 0;
    struct sok_range ranges[SOK_RANGES_MAX];
    int count = 0;
    if (sok_range_parse(header, size, ranges, &count) == SOK_RANGE_PARTIAL) {
        int64_t total = 0;
        for (int i = 0; i < count; i++) {
            if (ranges[i].first < 0 || ranges[i].first > ranges[i].last || ranges[i].last >= size)
                sok_panic("range outside the body");
            total += ranges[i].last - ranges[i].first + 1;
        }
        if (count < 1 || count > SOK_RANGES_MAX || total > size)
            sok_panic("more than the whole body");
    }
    (void)sok_if_range_holds(header, "\"tag\"", 784111777000);
    (void)sok_etag_listed(header, "\"tag\"", data[0] & 1);
    free(header);
    return 0;
}
