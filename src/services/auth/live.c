#include "services/auth/live.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/status.h"
#include "base/text.h"

struct entry {
    struct sok_live_session session;
    int64_t loaded_ms; // monotonic
    bool dropped;      // stays until the place is needed
    UT_hash_handle hh;
    UT_hash_handle by_hash; // API keys only
};

struct sok_live {
    pthread_mutex_t lock;  // guards all below
    struct entry *entries; // by session id, in order of use
    struct entry *keys;    // those of API keys, by hash
    uint64_t generation;
};

struct sok_live *sok_live_new(void)
{
    struct sok_live *live = calloc(1, sizeof(*live));
    if (!live)
        sok_panic("out of memory");
    pthread_mutex_init(&live->lock, NULL);
    return live;
}

struct sok_live *sok_live_free(struct sok_live *live)
{
    if (!live)
        return NULL;
    struct entry *entry = live->entries;
    HASH_CLEAR(by_hash, live->keys);
    HASH_CLEAR(hh, live->entries); // the table alone: the entries stay linked
    for (struct entry *next; entry; entry = next) {
        next = entry->hh.next;
        free(entry);
    }
    pthread_mutex_destroy(&live->lock);
    free(live);
    return NULL;
}

// With the lock held, as the next two.
static bool use(struct sok_live *live, struct entry *entry, int64_t mono_ms, struct sok_live_session *ret)
{
    if (!entry || entry->dropped || mono_ms - entry->loaded_ms >= SOK_LIVE_TTL_MS)
        return false;
    *ret = entry->session;
    HASH_DEL(live->entries, entry); // to the end of the order
    HASH_ADD_STR(live->entries, session.session_id, entry);
    return true;
}

static void link_entry(struct sok_live *live, struct entry *entry)
{
    HASH_ADD_STR(live->entries, session.session_id, entry);
    if (entry->session.key_hash[0])
        HASH_ADD(by_hash, live->keys, session.key_hash, strlen(entry->session.key_hash), entry);
}

static void unlink_entry(struct sok_live *live, struct entry *entry)
{
    HASH_DEL(live->entries, entry);
    if (entry->session.key_hash[0])
        HASH_DELETE(by_hash, live->keys, entry);
}

bool sok_live_get(
    struct sok_live *live, const char *session_id, int64_t mono_ms, struct sok_live_session *ret)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&live->lock);
    HASH_FIND_STR(live->entries, session_id, entry);
    bool good = use(live, entry, mono_ms, ret);
    pthread_mutex_unlock(&live->lock);
    return good;
}

bool sok_live_get_key(
    struct sok_live *live, const char *key_hash, int64_t mono_ms, struct sok_live_session *ret)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&live->lock);
    HASH_FIND(by_hash, live->keys, key_hash, strlen(key_hash), entry);
    bool good = use(live, entry, mono_ms, ret);
    pthread_mutex_unlock(&live->lock);
    return good;
}

uint64_t sok_live_generation(struct sok_live *live)
{
    pthread_mutex_lock(&live->lock);
    uint64_t generation = live->generation;
    pthread_mutex_unlock(&live->lock);
    return generation;
}

void sok_live_put(
    struct sok_live *live, uint64_t generation, const struct sok_live_session *session, int64_t mono_ms)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&live->lock);
    if (generation == live->generation) {
        HASH_FIND_STR(live->entries, session->session_id, entry);
        if (entry)
            unlink_entry(live, entry);
        else if (HASH_COUNT(live->entries) >= SOK_LIVE_MAX) {
            entry = live->entries;
            unlink_entry(live, entry);
        } else if (!(entry = calloc(1, sizeof(*entry))))
            sok_panic("out of memory");
        entry->session = *session;
        entry->loaded_ms = mono_ms;
        entry->dropped = false;
        link_entry(live, entry);
    }
    pthread_mutex_unlock(&live->lock);
}

void sok_live_drop(struct sok_live *live, const char *session_id)
{
    struct entry *entry = NULL;
    pthread_mutex_lock(&live->lock);
    live->generation++;
    HASH_FIND_STR(live->entries, session_id, entry);
    if (entry)
        entry->dropped = true;
    pthread_mutex_unlock(&live->lock);
}

void sok_live_drop_user(struct sok_live *live, const char *user_id, const char *keep_session_id)
{
    pthread_mutex_lock(&live->lock);
    live->generation++;
    for (struct entry *entry = live->entries; entry; entry = entry->hh.next)
        if (sok_text_eq(entry->session.user_id, user_id) &&
            !sok_text_eq(entry->session.session_id, keep_session_id))
            entry->dropped = true;
    pthread_mutex_unlock(&live->lock);
}
