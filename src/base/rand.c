#include "base/rand.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/encode.h"
#include "base/status.h"

void sok_random_bytes(void *bytes, size_t len)
{
    unsigned char *at = bytes;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno != EINTR)
            sok_panic("getrandom: %s", strerror(errno));
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

uint32_t sok_random_below(uint32_t bound)
{
    uint32_t value, limit = UINT32_MAX - UINT32_MAX % bound;
    do
        sok_random_bytes(&value, sizeof(value));
    while (value >= limit);
    return value % bound;
}

void sok_uuid7(int64_t now_ms, char ret_id[SOK_UUID_LEN + 1])
{
    // The millisecond in the high 48 bits, a counter within it in the 12 bits of rand_a (RFC 9562, method 1).
    static _Atomic uint64_t last;
    uint64_t want = (uint64_t)now_ms << 12, seen = atomic_load(&last), next;
    do
        next = want > seen ? want : seen + 1;
    while (!atomic_compare_exchange_weak(&last, &seen, next));
    unsigned char b[16];
    sok_random_bytes(b + 8, 8);
    uint64_t ms = next >> 12;
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | ((next >> 8) & 0x0f));
    b[7] = (unsigned char)next;
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    char hex[33];
    sok_hex_encode(b, sizeof(b), hex);
    snprintf(
        ret_id, SOK_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void sok_random_token(size_t bytes, char *ret_text, size_t text_size)
{
    unsigned char raw[64];
    if (bytes > sizeof(raw) || text_size < sok_base64_size(bytes))
        sok_panic("token of %zu bytes", bytes);
    sok_random_bytes(raw, bytes);
    sok_base64url_encode(raw, bytes, ret_text);
}
