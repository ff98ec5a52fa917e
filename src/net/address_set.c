// Sorted ranges that do not touch, one list for IPv4 and one for IPv6: a network of the one never contains an
// address of the other.
#include "net/address_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

struct range {
    uint8_t first[16], last[16];
};

struct ranges {
    struct range *list;
    size_t count;
};

struct sok_address_set {
    struct ranges v4, v6;
};

static struct range range_of(const struct sok_cidr *cidr)
{
    struct range range;
    memcpy(range.first, cidr->network.bytes, 16);
    memcpy(range.last, cidr->network.bytes, 16);
    for (int i = cidr->bits; i < 128; i++)
        range.last[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return range;
}

static int by_first(const void *a, const void *b)
{
    return memcmp(((const struct range *)a)->first, ((const struct range *)b)->first, 16);
}

static void merge(struct ranges *ranges)
{
    size_t kept = 0;
    if (ranges->count)
        qsort(ranges->list, ranges->count, sizeof(struct range), by_first);
    for (size_t i = 0; i < ranges->count; i++) {
        struct range *last = kept ? &ranges->list[kept - 1] : NULL;
        if (!last || memcmp(ranges->list[i].first, last->last, 16) > 0)
            ranges->list[kept++] = ranges->list[i];
        else if (memcmp(ranges->list[i].last, last->last, 16) > 0)
            memcpy(last->last, ranges->list[i].last, 16);
    }
    ranges->count = kept;
}

struct sok_address_set *sok_address_set_new(const struct sok_cidr *cidrs, size_t count)
{
    struct sok_address_set *set = calloc(1, sizeof(*set));
    struct range *v4 = calloc(count + 1, sizeof(*v4)), *v6 = calloc(count + 1, sizeof(*v6));
    if (!set || !v4 || !v6)
        sok_panic("out of memory for networks");
    set->v4.list = v4;
    set->v6.list = v6;
    for (size_t i = 0; i < count; i++) {
        struct ranges *ranges = sok_cidr_is_v4(&cidrs[i]) ? &set->v4 : &set->v6;
        ranges->list[ranges->count++] = range_of(&cidrs[i]);
    }
    merge(&set->v4);
    merge(&set->v6);
    return set;
}

struct sok_address_set *sok_address_set_free(struct sok_address_set *set)
{
    if (set) {
        free(set->v4.list);
        free(set->v6.list);
        free(set);
    }
    return NULL;
}

bool sok_address_set_contains(const struct sok_address_set *set, const struct sok_address *address)
{
    if (!set)
        return false;
    const struct ranges *ranges = sok_address_is_v4(address) ? &set->v4 : &set->v6;
    size_t low = 0, high = ranges->count; // the first range that ends at the address or behind it
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(ranges->list[middle].last, address->bytes, 16) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && memcmp(ranges->list[low].first, address->bytes, 16) <= 0;
}
