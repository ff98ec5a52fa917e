// Traceparents: what is read, is read again the same, and its child belongs to the same trace.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    char found[SOK_TRACEPARENT_LEN + 1], again[SOK_TRACEPARENT_LEN + 1], child[SOK_TRACEPARENT_LEN + 1];
    memcpy(text, data, len);
    text[len] = 0;
    bool is_one = sok_trace_parse(text, found);
    sok_trace_child(text, child);
    if (!sok_trace_parse(child, again) || strcmp(child, again) != 0)
        abort();
    if (is_one && (!sok_trace_parse(found, again) || strcmp(found, again) != 0 ||
                   memcmp(found, child, 3 + SOK_TRACE_ID_LEN) != 0))
        abort();
    free(text);
    return 0;
}
