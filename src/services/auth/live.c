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
};

struct sok_live {
    pthread_mutex_t lock;  // guards all below
    struct entry *entries; // by session id, in order of use
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
    HASH_CLEAR(hh, live->entries); // the table alone: the entries stay linked
    for (struct entry *next; entry; entry = next) {
        next = entry->hh.next;
        free(entry);
    }
    pthread_mutex_destroy(&live->lock);
    free(live);
    return NULL;
}

bool sok_live_get(
    struct sok_live *live, const char *session_id, int64_t mono_ms, struct sok_live_session *ret)
{
    struct entry *entry = NULL;
    bool good = false;
    pthread_mutex_lock(&live->lock);
    HASH_FIND_STR(live->entries, session_id, entry);
    if (entry && !entry->dropped && mono_ms - entry->loaded_ms < SOK_LIVE_TTL_MS) {
        *ret = entry->session;
        good = true;
        HASH_DEL(live->entries, entry); // to the end of the order
        HASH_ADD_STR(live->entries, session.session_id, entry);
    }
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
            HASH_DEL(live->entries, entry);
        else if (HASH_COUNT(live->entries) >= SOK_LIVE_MAX) {
            entry = live->entries;
            HASH_DEL(live->entries, entry);
        } else if (!(entry = calloc(1, sizeof(*entry))))
            sok_panic("out of memory");
        entry->session = *session;
        entry->loaded_ms = mono_ms;
        entry->dropped = false;
        HASH_ADD_STR(live->entries, session.session_id, entry);
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
