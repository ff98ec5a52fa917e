#include "base/encode.h"

#include <stdint.h>

static const char hex_digits[] = "0123456789abcdef";
#define BASE64_COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void sok_hex_encode(const void *bytes, size_t len, char *ret_text)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < len; i++) {
        *ret_text++ = hex_digits[b[i] >> 4];
        *ret_text++ = hex_digits[b[i] & 15];
    }
    *ret_text = 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sok_hex_decode(const char *text, size_t text_len, void *ret_bytes, size_t want_len)
{
    if (text_len != 2 * want_len)
        return false;
    for (size_t i = 0; i < text_len; i++)
        if (hex_value(text[i]) < 0)
            return false;
    unsigned char *out = ret_bytes;
    for (size_t i = 0; i < want_len; i++)
        out[i] = (unsigned char)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return true;
}

static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

bool sok_base32_decode(const char *text, size_t text_len, void *ret_bytes, size_t want_len)
{
    if (text_len != (want_len * 8 + 4) / 5)
        return false;
    for (size_t i = 0; i < text_len; i++)
        if (base32_value(text[i]) < 0)
            return false;
    unsigned char *out = ret_bytes;
    uint32_t bits = 0;
    int count = 0;
    size_t at = 0;
    for (size_t i = 0; i < text_len; i++) {
        bits = bits << 5 | (uint32_t)base32_value(text[i]);
        count += 5;
        if (count >= 8 && at < want_len) {
            count -= 8;
            out[at++] = (unsigned char)(bits >> count);
        }
    }
    return true;
}

size_t sok_base64_size(size_t len)
{
    return (len + 2) / 3 * 4 + 1;
}

// Returns the end of what it wrote, not terminated.
static char *base64_encode(const char *digits, const void *bytes, size_t len, char *out)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)b[i] << 16;
        if (i + 1 < len)
            bits |= (uint32_t)b[i + 1] << 8;
        if (i + 2 < len)
            bits |= b[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        if (i + 1 < len)
            *out++ = digits[bits >> 6 & 63];
        if (i + 2 < len)
            *out++ = digits[bits & 63];
    }
    return out;
}

void sok_base64url_encode(const void *bytes, size_t len, char *ret_text)
{
    *base64_encode(BASE64_COMMON "-_", bytes, len, ret_text) = 0;
}

void sok_base64_encode(const void *bytes, size_t len, char *ret_text)
{
    char *end = base64_encode(BASE64_COMMON "+/", bytes, len, ret_text);
    while ((end - ret_text) % 4)
        *end++ = '=';
    *end = 0;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

bool sok_base64_decode(const char *text, size_t text_len, void *ret_bytes, size_t size, size_t *ret_len)
{
    while (text_len && text[text_len - 1] == '=')
        text_len--;
    size_t want = text_len * 3 / 4;
    if (text_len % 4 == 1 || want > size)
        return false;
    for (size_t i = 0; i < text_len; i++)
        if (base64_value(text[i]) < 0)
            return false;
    unsigned char *out = ret_bytes;
    uint32_t bits = 0;
    int count = 0;
    size_t at = 0;
    for (size_t i = 0; i < text_len; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[at++] = (unsigned char)(bits >> count);
        }
    }
    *ret_len = at;
    return true;
}
