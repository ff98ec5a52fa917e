// A scanner's answer comes over a socket: whatever it says, it is a clear yes, a clear no, or a failure.
#include <stdint.h>
#include <string.h>

#include "services/uploads/clamd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sok_clamd_verdict verdict;
    struct sok_error err = {0};
    if (sok_clamd_read_answer((const char *)data, len, &verdict, &err) != SOK_OK)
        return 0;
    size_t name_len = strnlen(verdict.signature, sizeof(verdict.signature));
    if (name_len >= sizeof(verdict.signature) || verdict.is_infected != (name_len > 0))
        sok_panic("a verdict that is none");
    for (size_t i = 0; i < name_len; i++)
        if (verdict.signature[i] < ' ' || verdict.signature[i] > '~')
            sok_panic("a name that cannot be shown");
    return 0;
}
