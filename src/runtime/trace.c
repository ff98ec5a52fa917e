#include "runtime/trace.h"

#include <string.h>

#include "base/encode.h"
#include "base/rand.h"

#define SPAN_AT 36
#define SPAN_LEN 16
#define FLAGS_AT 53
#define HEX "0123456789abcdef" // the specification takes no capitals

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, HEX) >= len;
}

static bool is_id(const char *text, size_t len)
{
    return is_hex(text, len) && strspn(text, "0") < len;
}

bool sok_trace_parse(const char *text, char ret_traceparent[SOK_TRACEPARENT_LEN + 1])
{
    size_t len = text ? strnlen(text, SOK_TRACEPARENT_LEN + 1) : 0;
    if (len < SOK_TRACEPARENT_LEN || text[2] != '-' || text[SPAN_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
        return false;
    if (!is_hex(text, 2) || strncmp(text, "ff", 2) == 0 || !is_id(text + 3, SOK_TRACE_ID_LEN) ||
        !is_id(text + SPAN_AT, SPAN_LEN) || !is_hex(text + FLAGS_AT, 2))
        return false;
    if (len > SOK_TRACEPARENT_LEN && (strncmp(text, "00", 2) == 0 || text[SOK_TRACEPARENT_LEN] != '-'))
        return false;
    memcpy(ret_traceparent, text, SOK_TRACEPARENT_LEN);
    memcpy(ret_traceparent, "00", 2);
    ret_traceparent[SOK_TRACEPARENT_LEN] = 0;
    return true;
}

void sok_trace_child(const char *parent, char ret_traceparent[SOK_TRACEPARENT_LEN + 1])
{
    unsigned char bytes[(SOK_TRACE_ID_LEN + SPAN_LEN) / 2];
    char hex[2 * sizeof(bytes) + 1];
    sok_random_bytes(bytes, sizeof(bytes));
    bytes[0] |= 1; // no id is all zeros
    bytes[SOK_TRACE_ID_LEN / 2] |= 1;
    sok_hex_encode(bytes, sizeof(bytes), hex);
    if (!sok_trace_parse(parent, ret_traceparent)) {
        memcpy(ret_traceparent, "00-", 3);
        memcpy(ret_traceparent + 3, hex, SOK_TRACE_ID_LEN);
        memcpy(ret_traceparent + SPAN_AT - 1, "-", 1);
        memcpy(ret_traceparent + FLAGS_AT - 1, "-00", 4);
    }
    memcpy(ret_traceparent + SPAN_AT, hex + SOK_TRACE_ID_LEN, SPAN_LEN);
}
