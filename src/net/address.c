#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/encode.h"
#include "base/text.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct sok_address from_v4(const void *bytes)
{
    struct sok_address address;
    memcpy(address.bytes, mapped_prefix, 12);
    memcpy(address.bytes + 12, bytes, 4);
    return address;
}

bool sok_address_is_v4(const struct sok_address *address)
{
    return memcmp(address->bytes, mapped_prefix, 12) == 0;
}

bool sok_address_parse(const char *text, struct sok_address *ret)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!text)
        return false;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        *ret = from_v4(&v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(ret->bytes, &v6, 16);
    return true;
}

bool sok_address_from_sockaddr(const struct sockaddr *addr, struct sok_address *ret)
{
    if (addr->sa_family == AF_INET) {
        *ret = from_v4(&((const struct sockaddr_in *)addr)->sin_addr);
        return true;
    }
    if (addr->sa_family != AF_INET6)
        return false;
    memcpy(ret->bytes, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
    return true;
}

void sok_address_format(const struct sok_address *address, char ret_text[46])
{
    if (sok_address_is_v4(address))
        inet_ntop(AF_INET, address->bytes + 12, ret_text, 46);
    else
        inet_ntop(AF_INET6, address->bytes, ret_text, 46);
}

bool sok_cidr_parse(const char *text, struct sok_cidr *ret)
{
    char host[46];
    const char *slash = text ? strchr(text, '/') : NULL;
    size_t len = !text ? 0 : slash ? (size_t)(slash - text) : strlen(text);
    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    struct sok_cidr cidr;
    if (!sok_address_parse(host, &cidr.network))
        return false;
    int width = strchr(host, ':') ? 128 : 32;
    int64_t bits = width;
    if (slash && !sok_parse_int(slash + 1, 0, width, &bits))
        return false;
    cidr.bits = (int)bits + 128 - width;
    for (int i = 0; i < 128; i++) // bits behind the prefix say nothing
        if (i >= cidr.bits)
            cidr.network.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    *ret = cidr;
    return true;
}

bool sok_cidr_is_v4(const struct sok_cidr *cidr)
{
    return cidr->bits >= 96 && sok_address_is_v4(&cidr->network);
}

void sok_cidr_format(const struct sok_cidr *cidr, char ret_text[50])
{
    bool is_v4 = sok_cidr_is_v4(cidr);
    if (is_v4)
        inet_ntop(AF_INET, cidr->network.bytes + 12, ret_text, 46);
    else
        inet_ntop(AF_INET6, cidr->network.bytes, ret_text, 46);
    size_t len = strlen(ret_text);
    snprintf(ret_text + len, 50 - len, "/%d", is_v4 ? cidr->bits - 96 : cidr->bits);
}

void sok_cidr_range(const struct sok_cidr *cidr, struct sok_address *ret_first, struct sok_address *ret_last)
{
    *ret_first = *ret_last = cidr->network;
    for (int i = cidr->bits; i < 128; i++)
        ret_last->bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

void sok_address_key(const struct sok_address *address, char ret_text[SOK_ADDRESS_KEY_SIZE])
{
    sok_hex_encode(address->bytes, sizeof(address->bytes), ret_text);
}

bool sok_cidr_contains(const struct sok_cidr *cidr, const struct sok_address *address)
{
    if (sok_address_is_v4(address) && !sok_cidr_is_v4(cidr))
        return false;
    int whole = cidr->bits / 8, rest = cidr->bits % 8;
    if (memcmp(cidr->network.bytes, address->bytes, (size_t)whole) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return (cidr->network.bytes[whole] & mask) == (address->bytes[whole] & mask);
}

// IANA's special-purpose registries: what is not globally reachable. Prefix bytes and their length in bits.
struct range {
    uint8_t prefix[6];
    int bits;
};

static const struct range private_v4[] = {
    {{0}, 8},            // this network
    {{10}, 8},           // private
    {{100, 64}, 10},     // carrier-grade NAT
    {{127}, 8},          // loopback
    {{169, 254}, 16},    // link-local
    {{172, 16}, 12},     // private
    {{192, 0, 0}, 24},   // protocol assignments
    {{192, 0, 2}, 24},   // documentation
    {{192, 88, 99}, 24}, // 6to4 relays
    {{192, 168}, 16},    // private
    {{198, 18}, 15},     // benchmarks
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24}, // documentation
    {{224}, 4},          // multicast
    {{240}, 4},          // reserved, broadcast
};

static const struct range private_v6[] = {
    {{0}, 8},                             // unspecified, loopback, v4-compatible, local NAT64 (64:ff9b:1::)
    {{0x01}, 8},                          // discard
    {{0x20, 0x01, 0x00, 0x00}, 32},       // Teredo: leads to whatever v4 it embeds
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       // documentation
    {{0x20, 0x01, 0x00, 0x02, 0, 0}, 48}, // benchmarks
    {{0x5f}, 8},                          // segment routing
    {{0xfc}, 7},                          // unique local
    {{0xfe, 0x80}, 10},                   // link-local
    {{0xfe, 0xc0}, 10},                   // site-local
    {{0xff}, 8},                          // multicast
};

static bool in_ranges(const uint8_t *bytes, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int whole = ranges[i].bits / 8, rest = ranges[i].bits % 8;
        if (memcmp(bytes, ranges[i].prefix, (size_t)whole) != 0)
            continue;
        if (rest == 0 || (bytes[whole] ^ ranges[i].prefix[whole]) >> (8 - rest) == 0)
            return true;
    }
    return false;
}

static bool v4_is_private(const uint8_t *bytes)
{
    return in_ranges(bytes, private_v4, SOK_ARRAY_LEN(private_v4));
}

bool sok_address_is_private(const struct sok_address *address)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    const uint8_t *bytes = address->bytes;
    if (sok_address_is_v4(address) || memcmp(bytes, nat64, 12) == 0)
        return v4_is_private(bytes + 12);
    if (bytes[0] == 0x20 && bytes[1] == 0x02) // 6to4
        return v4_is_private(bytes + 2);
    return in_ranges(bytes, private_v6, SOK_ARRAY_LEN(private_v6));
}

bool sok_address_is_loopback(const struct sok_address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return sok_address_is_v4(address) ? address->bytes[12] == 127 : memcmp(address->bytes, loopback, 16) == 0;
}

void sok_address_to_household(struct sok_address *address)
{
    if (!sok_address_is_v4(address))
        memset(address->bytes + 8, 0, 8);
}
