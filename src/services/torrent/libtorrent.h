// The seam to libtorrent-rasterbar 2.0: what libtorrent.cpp, the program's only C++ file, offers to the C
// around it. Private to services/torrent.
//
// No exception crosses it: each is caught and becomes a status. Every function may be called from any thread;
// those that ask the session's own thread for an answer ("asks") block for as long as it is busy, usually
// well below a millisecond.
#ifndef SOK_SERVICES_TORRENT_LIBTORRENT_H
#define SOK_SERVICES_TORRENT_LIBTORRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "services/torrent/torrent.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- Reading bencoded torrents without trusting them.

struct sok_lt_text {
    const char *bytes; // borrowed from the input
    size_t len;
};

#define SOK_LT_DEPTH_MAX 32

struct sok_lt_raw_file {
    struct sok_lt_text parts[SOK_LT_DEPTH_MAX]; // folders and name, as the torrent spells them
    size_t part_count;                          // SOK_LT_DEPTH_MAX + 1: more than fit
    int64_t size_bytes;
    bool is_link;
    bool is_pad;
};

// One file of the torrent (of a hybrid one twice: from the v1 list and from the v2 tree). Returning anything
// but SOK_OK ends the walk with that status.
typedef enum sok_status (*sok_lt_raw_visit)(
    const struct sok_lt_raw_file *file, void *context, struct sok_error *err);

// Walks the torrent's own words, before libtorrent has cleaned them. `name` comes first, as a file with one
// part and size -1.
enum sok_status sok_lt_walk(
    const void *bytes, size_t len, sok_lt_raw_visit visit, void *context, struct sok_error *err);

// What libtorrent makes of it: names as they will be on disk. Files without flags and progress.
enum sok_status sok_lt_describe(
    struct sok_arena *arena, const void *bytes, size_t len, struct sok_torrent_info *ret,
    struct sok_error *err);

// --- The session.

struct sok_lt_session;
struct sok_lt_torrent; // a handle; freeing it does not remove the torrent
struct sok_lt_params;  // a torrent about to be added

enum sok_status sok_lt_open(
    const struct sok_torrents_options *options, struct sok_lt_session **ret, struct sok_error *err);
void sok_lt_close(struct sok_lt_session *session);
const char *sok_lt_version(void);
int sok_lt_port(struct sok_lt_session *session); // asks
void sok_lt_set_limits(struct sok_lt_session *session, int64_t down_kib, int64_t up_kib);
// While somebody watches, peers are asked for a second's worth of bytes at a time instead of three: what a
// player jumps to stands behind that.
void sok_lt_set_watched(struct sok_lt_session *session, bool watched);

// Reads magnet, hash, bytes and resume data into parameters. With metadata at hand it is in *ret_torrent (a
// .torrent, in the arena), else that is NULL.
enum sok_status sok_lt_prepare(
    struct sok_arena *arena, const struct sok_torrent_add *add, struct sok_lt_params **ret,
    char ret_key[SOK_TORRENT_KEY_LEN + 1], const void **ret_torrent, size_t *ret_torrent_len,
    struct sok_error *err);
void sok_lt_params_free(struct sok_lt_params *params);

// wanted: one flag a file, or NULL when the files are unknown: what sok_torrent_inspect refuses then pauses
// as soon as it is known, before any payload. `id` comes back in alerts. Asks.
enum sok_status sok_lt_add(
    struct sok_lt_session *session, struct sok_lt_params *params, const bool *wanted, size_t wanted_count,
    uint64_t id, struct sok_lt_torrent **ret, struct sok_error *err);
void sok_lt_torrent_free(struct sok_lt_torrent *torrent);

// These post a request and do not wait.
void sok_lt_remove(struct sok_lt_session *session, struct sok_lt_torrent *torrent, bool delete_files);
void sok_lt_pause(struct sok_lt_torrent *torrent);
void sok_lt_resume(struct sok_lt_torrent *torrent); // clears an error, too
void sok_lt_set_wanted(struct sok_lt_torrent *torrent, const bool *wanted, size_t count);
void sok_lt_prefer_piece(struct sok_lt_torrent *torrent, int piece);
// A priority counts as soon as a peer is asked for something more. Deadlines are looked at once a second,
// have blocks that a slow peer sits on fetched from others, and hold everything else back while they stand.
// The first deadline of a torrent takes back what peers were asked for before.
void sok_lt_set_deadline(struct sok_lt_torrent *torrent, int piece, int deadline_ms);
void sok_lt_clear_deadline(struct sok_lt_torrent *torrent, int piece); // leaves it with a low priority

#define SOK_LT_PRIORITY_USUAL 4
#define SOK_LT_PRIORITY_TOP 7

struct sok_lt_priority {
    int piece, priority; // 1 (last) to SOK_LT_PRIORITY_TOP
};
void sok_lt_set_priorities(struct sok_lt_torrent *torrent, const struct sok_lt_priority *list, size_t count);
void sok_lt_save_resume(struct sok_lt_torrent *torrent);
bool sok_lt_connect_peer(struct sok_lt_torrent *torrent, const char *address, int port);

// These ask.
bool sok_lt_have_piece(struct sok_lt_torrent *torrent, int piece); // verified and written
bool sok_lt_have_pieces(struct sok_lt_torrent *torrent, uint8_t *ret_bitmap, int piece_count);
bool sok_lt_file_progress(struct sok_lt_torrent *torrent, int64_t *ret_done, size_t count);
enum sok_status sok_lt_metadata(
    struct sok_arena *arena, struct sok_lt_torrent *torrent, const void **ret_bytes, size_t *ret_len,
    struct sok_error *err);

// --- What happened.

struct sok_lt_status {
    bool paused, has_metadata, is_checking, is_finished, resume_changed;
    double progress;
    int64_t size_bytes, done_bytes, downloaded_bytes, uploaded_bytes, down_bytes_s, up_bytes_s;
    int64_t seeding_s, active_s;
    int peers, seeds;
    enum sok_status error_status; // SOK_OK: none
};

enum sok_lt_alert_kind {
    SOK_LT_METADATA,      // a magnet link's files are known now
    SOK_LT_CHECKED,       // the files on disk were looked at
    SOK_LT_PIECE,         // `piece` passed its hash (but may not be on disk yet)
    SOK_LT_WANTED_SET,    // sok_lt_set_wanted took effect
    SOK_LT_STATE,         // paused, resumed, finished, ...: worth asking for the status
    SOK_LT_ERROR,         // `status` and `text`
    SOK_LT_STATUS,        // `snapshot`
    SOK_LT_RESUME_DATA,   // `bytes`
    SOK_LT_RESUME_FAILED, //
    SOK_LT_FILES_DELETED, // of the removed torrent whose key is in `text`. No id
    SOK_LT_DROPPED        // some alerts were lost: look at everything again. No id
};

struct sok_lt_alert {
    enum sok_lt_alert_kind kind;
    uint64_t id;
    int piece;
    enum sok_status status;
    const char *text;
    const struct sok_lt_status *snapshot;
    const void *bytes;
    size_t len;
};

typedef void (*sok_lt_alert_callback)(const struct sok_lt_alert *alert, void *context);

// Waits up to timeout_ms for alerts and gives each to the callback; what alerts point to ends with the call.
// One thread only.
void sok_lt_poll(
    struct sok_lt_session *session, int64_t timeout_ms, sok_lt_alert_callback callback, void *context);

// Asks for SOK_LT_STATUS of every torrent that changed. Does not wait.
void sok_lt_post_updates(struct sok_lt_session *session);

#ifdef __cplusplus
}
#endif

#endif
