// Sorted ranges that do not touch, one list for IPv4 and one for IPv6: a network of the one never contains an
// address of the other.
#include "net/address_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

struct range {
    struct sok_address first, last;
};

struct ranges {
    struct range *list;
    size_t count;
};

struct sok_address_set {
    struct ranges v4, v6;
};

static int compare(const struct sok_address *a, const struct sok_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int by_first(const void *a, const void *b)
{
    return compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

static void merge(struct ranges *ranges)
{
    size_t kept = 0;
    if (ranges->count)
        qsort(ranges->list, ranges->count, sizeof(struct range), by_first);
    for (size_t i = 0; i < ranges->count; i++) {
        struct range *last = kept ? &ranges->list[kept - 1] : NULL;
        if (!last || compare(&ranges->list[i].first, &last->last) > 0)
            ranges->list[kept++] = ranges->list[i];
        else if (compare(&ranges->list[i].last, &last->last) > 0)
            last->last = ranges->list[i].last;
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
        struct range *range = &ranges->list[ranges->count++];
        sok_cidr_range(&cidrs[i], &range->first, &range->last);
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
        if (compare(&ranges->list[middle].last, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && compare(&ranges->list[low].first, address) <= 0;
}
