// What the files of services/torrent share: a torrent's entry, and the locks.
//
// One mutex guards the maps and every entry's fields. It is not held while libtorrent is asked for something
// (such a call takes a reference to the entry, unlocks, asks), but for adding: no alert of a torrent may be
// looked at before it can be found. libtorrent's threads never take it.
#ifndef SOK_SERVICES_TORRENT_TORRENT_PRIVATE_H
#define SOK_SERVICES_TORRENT_TORRENT_PRIVATE_H

#include <pthread.h>
#include <uthash.h>

#include "services/torrent/libtorrent.h"
#include "services/torrent/torrent.h"

// The kind of file a path names (SOK_TORRENT_FILE_ bits), and whether it is a program under a false name.
unsigned sok_torrent_classify(const char *path, bool *ret_poses);

#define SOK_TORRENT_WINDOWS 8

// Pieces that players want. Free while at_ms is 0.
struct sok_torrent_window {
    int first, last;
    int viewers;   // 0: they left, and the pieces are to be made like all others
    int64_t at_ms; // when they were last asked for, monotonic
};

// Refs: the map holds one, everybody who works with it without the lock another. `lt`, `id`, `key`,
// `save_path` and, once set, `info` and its files never change until the last reference is gone.
struct sok_torrent_entry {
    UT_hash_handle by_key, by_id;
    int refs;
    uint64_t id;
    char key[SOK_TORRENT_KEY_LEN + 1];
    struct sok_lt_torrent *lt;
    struct sok_arena *arena; // of what is here
    const char *save_path, *name;
    bool ends_first;
    struct sok_torrent_info *info; // NULL before the metadata was there and judged
    struct sok_lt_status status;
    bool is_checked;              // `have` is true
    enum sok_status error_status; // SOK_OK: none
    char error[256];
    uint8_t *have, *passed; // bitmaps: on disk; passed its hash but perhaps not yet written
    int passed_count;
    void *resume;
    size_t resume_len;
    struct sok_torrent_window windows[SOK_TORRENT_WINDOWS];
};

// A removed torrent whose files are being deleted.
struct sok_torrent_grave {
    struct sok_torrent_grave *next;
    char key[SOK_TORRENT_KEY_LEN + 1];
    char *save_path;
};

struct sok_torrents {
    struct sok_lt_session *lt;
    pthread_t thread;
    _Atomic bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t changed; // a piece came, or anything else happened
    uint64_t generation;    // of sok_torrents_wait
    uint64_t next_id;
    int passed_count; // of all entries
    bool is_watched;  // the alert thread's: somebody plays what arrives
    struct sok_torrent_entry *by_key, *by_id;
    struct sok_torrent_grave *graves;
};

// The entry with one more reference, or NULL with SOK_NOT_FOUND in err. Takes and gives back the lock.
struct sok_torrent_entry *sok_torrent_take(
    struct sok_torrents *torrents, const char *key, struct sok_error *err);
void sok_torrent_put(struct sok_torrents *torrents, struct sok_torrent_entry *entry);
void sok_torrent_put_locked(struct sok_torrent_entry *entry);

// With the lock held.
struct sok_torrent_entry *sok_torrent_find_locked(struct sok_torrents *torrents, const char *key);
void sok_torrents_wake_locked(struct sok_torrents *torrents); // a new generation

// Gives the entry its content: judged, bitmaps made. The lock must be held; info lives in entry->arena.
void sok_torrent_set_info_locked(struct sok_torrent_entry *entry, struct sok_torrent_info *info);

// The choice of files as one flag a file.
bool *sok_torrent_wanted(struct sok_arena *arena, const struct sok_torrent_info *info);

// The first and last pieces of each video to the front. Without the lock.
void sok_torrent_prefer_ends(struct sok_torrent_entry *entry);

// Whether a player asked for pieces of any torrent within the last so many milliseconds.
bool sok_torrents_were_wanted(struct sok_torrents *torrents, int64_t within_ms);

// The alert thread's function (torrent_alerts.c); context is the sok_torrents.
void *sok_torrents_run(void *context);

#endif
