// The kinds of what the program keeps in its cache: one row each, for whoever looks at the cache or clears
// it.
#ifndef SOK_SERVICES_CACHES_KINDS_H
#define SOK_SERVICES_CACHES_KINDS_H

#include <stdbool.h>
#include <stddef.h>

// The first argument of sok_cache_get and the like, and the metric's cache_type.
struct sok_cache_kind {
    const char *name; // "stats"
    const char *help;
    bool clearable; // what is only a copy; false: clearing would take something away from somebody
};
const struct sok_cache_kind *sok_cache_kinds(size_t *ret_count);

// NULL when there is no such kind.
const struct sok_cache_kind *sok_cache_kind_find(const char *name);

#endif
