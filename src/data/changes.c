// A version is a random text, never one that was used before: whatever happens to the cache (an entry thrown
// out, two who make a version at the same time), a version that is put after a write has only what was read
// after it.
#include "data/changes.h"

#include <string.h>

#include "base/digest.h"
#include "base/rand.h"

#define KIND SOK_CACHE_VERSIONS
#define TTL_MS ((int64_t)30 * 24 * 3600 * 1000)
#define VERSION_BYTES 12
#define VERSION_SIZE 24

// The tables that cached things are made from. A deletion in `users` takes rows of all of them along; one in
// media, rows that are shown with their work and so depend on media anyhow.
static const char *const tables[] = {
    "media",       "media_files",     "watch_history", "library_favorites", "library_watchlist",
    "collections", "collection_media"};

static size_t find_table(const char *name, size_t len)
{
    size_t i = 0;
    while (i < SOK_ARRAY_LEN(tables) && (strncmp(tables[i], name, len) != 0 || tables[i][len]))
        i++;
    return i;
}

static void renew(struct sok_cache *cache, const char *table, char ret_version[VERSION_SIZE])
{
    sok_random_token(VERSION_BYTES, ret_version, VERSION_SIZE);
    sok_cache_replace(cache, KIND, table, ret_version, strlen(ret_version), TTL_MS);
}

static void renew_all(struct sok_cache *cache)
{
    char version[VERSION_SIZE];
    for (size_t i = 0; i < SOK_ARRAY_LEN(tables); i++)
        renew(cache, tables[i], version);
}

static void on_write(void *context, const char *table, bool is_deletion)
{
    char version[VERSION_SIZE];
    size_t known = find_table(table, strlen(table));
    if (!*table || (is_deletion && strcmp(table, "users") == 0))
        renew_all(context);
    else if (known < SOK_ARRAY_LEN(tables))
        renew(context, tables[known], version);
}

void sok_changes_listen(struct sok_db *db, struct sok_cache *cache)
{
    sok_db_listen(db, on_write, cache);
}

const char *sok_changes_key(
    struct sok_cache *cache, struct sok_arena *arena, const char *wanted, const char *what)
{
    char hex[SOK_SHA256_HEX], version[VERSION_SIZE];
    const char *all = what;
    if (sok_cache_take_loss(cache)) // of which table is not known any more
        renew_all(cache);
    for (const char *at = wanted; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " "), value_len, table = find_table(at, len);
        const char *value;
        if (table == SOK_ARRAY_LEN(tables))
            sok_panic("no track is kept of the table %.*s", (int)len, at);
        if (sok_cache_get(cache, arena, KIND, tables[table], &value, &value_len, NULL) != SOK_OK) {
            sok_random_token(VERSION_BYTES, version, VERSION_SIZE); // one that does not arrive is nobody's
            sok_cache_put(cache, KIND, tables[table], version, strlen(version), TTL_MS);
            value = version;
        }
        all = sok_format(arena, "%s\n%s", all, value);
        at += len;
    }
    sok_sha256_hex(all, strlen(all), hex);
    return sok_strdup(arena, hex);
}
