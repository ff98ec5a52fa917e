// What is cached is as old as its tables: each has a version in the cache that every write to it replaces
// before the writer hears of its success (sok_db_listen). Whoever caches puts the versions into the key, read
// before the tables are: then a write is visible to the next read of anybody, and what was cached before it
// is never asked for again.
#ifndef SOK_DATA_CHANGES_H
#define SOK_DATA_CHANGES_H

#include "backends/cache/cache.h"
#include "backends/db/db.h"

// The cache whose versions the database's writes replace; both outlive every write. Once, at the start, in
// every process that writes.
void sok_changes_listen(struct sok_db *db, struct sok_cache *cache);

// A key (in the arena) for what is made from `tables`, names separated by blanks, and from the text `what`.
// Tables that are not kept track of panic. A cache that is down gives a key that nothing is under.
const char *sok_changes_key(
    struct sok_cache *cache, struct sok_arena *arena, const char *tables, const char *what);

#endif
