// Torrents: a BitTorrent session (libtorrent-rasterbar) as plain C, and the piece deadlines that let a film
// be played while it arrives.
//
// A torrent is named by its key: the info hash as 40 lower-case hex digits (of a v2-only torrent the first 20
// bytes of its SHA-256, as BEP 52 has it). Every call may come from any thread; those that block say so. The
// session's own alert thread keeps the snapshots that sok_torrent_status answers from and wakes whoever
// waits. Hostile content is refused before a byte of payload is asked for: also metadata that comes by magnet
// link.
#ifndef SOK_SERVICES_TORRENT_TORRENT_H
#define SOK_SERVICES_TORRENT_TORRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_TORRENT_KEY_LEN 40
#define SOK_TORRENT_FILE_MAX_BYTES ((size_t)10 << 20) // of a .torrent
#define SOK_TORRENT_RESUME_MAX_BYTES ((size_t)32 << 20)

struct sok_torrents;

struct sok_torrents_options {
    const char *listen;       // "0.0.0.0:6881", "[::]:6881", comma-separated; port 0: any
    bool dht, lsd, upnp;      // upnp stands for NAT-PMP, too
    int64_t down_kib, up_kib; // KiB/s, 0: no limit
    int max_active;           // torrents that download at once; 0: no limit of the session's own
    bool many_per_address;    // several peers behind one address; always so when listening on loopback only
    const char *user_agent;   // NULL: "Sokoul/" and the version
};

// Listens and starts the alert thread. SOK_INVALID: a wrong address; SOK_IO: cannot listen. Blocks shortly.
// Owned by the caller. Freeing drops every torrent without saving resume data (ask for it before) and blocks
// for at most a few seconds (trackers are told goodbye).
SOK_MUST_CHECK enum sok_status sok_torrents_new(
    const struct sok_torrents_options *options, struct sok_torrents **ret, struct sok_error *err);
struct sok_torrents *sok_torrents_free(struct sok_torrents *torrents);

// The TCP port the session listens at, 0 when it does not.
int sok_torrents_port(struct sok_torrents *torrents);

// libtorrent's version, "2.0.8.0". Needs no session.
const char *sok_torrents_version(void);

void sok_torrents_set_limits(struct sok_torrents *torrents, int64_t down_kib, int64_t up_kib);

// --- What a torrent says it contains (torrent_check.c). Pure, no session.

enum sok_torrent_file_flag { // bits of sok_torrent_file.flags
    SOK_TORRENT_FILE_PAD = 1,
    SOK_TORRENT_FILE_VIDEO = 2,
    SOK_TORRENT_FILE_SUBTITLE = 4,
    SOK_TORRENT_FILE_PROGRAM = 8, // would run when opened: never downloaded
    SOK_TORRENT_FILE_ARCHIVE = 16
};

struct sok_torrent_file {
    int index;        // in the torrent, as the other calls take it
    const char *path; // below the torrent's save path, '/' between parts, UTF-8
    int64_t offset;   // in the torrent's bytes
    int64_t size_bytes, done_bytes;
    unsigned flags;
    bool wanted;
};

struct sok_torrent_info {
    char key[SOK_TORRENT_KEY_LEN + 1];
    const char *name;
    int64_t size_bytes; // without padding
    int64_t piece_bytes;
    int piece_count;
    bool is_private;
    bool has_password_archive; // only archives, or a name that says "password": probably not what it claims
    struct sok_torrent_file *files;
    size_t file_count;
};

// Reads and judges a .torrent. SOK_TOO_LARGE over SOK_TORRENT_FILE_MAX_BYTES; SOK_INVALID with a sentence a
// user understands: not a torrent (code "torrent_malformed"), or a hostile one (code "torrent_refused"):
// paths with "..", absolute paths, links, control characters, absurd sizes, counts or depths, programs posing
// as films, nothing but programs.
SOK_MUST_CHECK enum sok_status sok_torrent_inspect(
    struct sok_arena *arena, const void *bytes, size_t len, struct sok_torrent_info *ret,
    struct sok_error *err);

// The key that a magnet link or a bare info hash (40 or 64 hex digits, 32 base32 letters, any case) leads to.
// SOK_INVALID when there is none in it.
SOK_MUST_CHECK enum sok_status sok_torrent_key(
    struct sok_arena *arena, const char *magnet_or_hash, char ret_key[SOK_TORRENT_KEY_LEN + 1],
    struct sok_error *err);

// --- Torrents in the session.

struct sok_torrent_add {
    const char *magnet; // exactly one of magnet, info_hash and (bytes, len)
    const char *info_hash;
    const void *bytes; // a .torrent
    size_t len;
    const char *save_path; // directory; made when the first byte is written
    const void *resume; // what sok_torrent_take_resume gave once; NULL: none. Spares the check of the files
    size_t resume_len;
    const char *const *trackers; // more of them, NULL-terminated; may be NULL
    bool paused;
    bool ends_first; // first and last pieces of each video before the rest, so that it opens in a player
};

// Adds; a torrent that is there already is left as it is and its key returned (SOK_OK). Broken or foreign
// resume data is ignored (the files are checked instead). SOK_INVALID as sok_torrent_inspect. Blocks shortly.
SOK_MUST_CHECK enum sok_status sok_torrent_add(
    struct sok_torrents *torrents, const struct sok_torrent_add *add, char ret_key[SOK_TORRENT_KEY_LEN + 1],
    struct sok_error *err);

enum sok_torrent_state {
    SOK_TORRENT_CHECKING,    // files on disk, or resume data, are looked at
    SOK_TORRENT_METADATA,    // a magnet link whose files are not known yet
    SOK_TORRENT_DOWNLOADING, //
    SOK_TORRENT_COMPLETE,    // every wanted file is there and verified; seeding unless paused
    SOK_TORRENT_FAILED       // error_status says why; the torrent rests until sok_torrent_resume
};

struct sok_torrent_status {
    char key[SOK_TORRENT_KEY_LEN + 1];
    enum sok_torrent_state state;
    bool paused, has_metadata;
    const char *name, *save_path; // name: the best known, "" if none
    int64_t size_bytes;           // of the wanted files; 0 before the metadata is there
    int64_t done_bytes;           // verified, of the wanted files
    double progress;              // 0-1; of the check while CHECKING
    int64_t downloaded_bytes;     // payload, of all sessions (with resume data)
    int64_t uploaded_bytes;
    int64_t down_bytes_s, up_bytes_s;
    int peers, seeds;            // connected
    int64_t seeding_s, active_s; // of all sessions
    int64_t piece_bytes;
    bool resume_changed;          // resume data is worth saving
    enum sok_status error_status; // SOK_NO_SPACE: disk full; SOK_INVALID: content refused; SOK_IO: other
    const char *error;            // a sentence, or NULL
};

// The snapshot of at most half a second ago; text is copied to the arena. SOK_NOT_FOUND: no such torrent.
// Does not block.
SOK_MUST_CHECK enum sok_status sok_torrent_status(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key, struct sok_torrent_status *ret,
    struct sok_error *err);

// The files with their progress; none before the metadata is there. Blocks shortly.
SOK_MUST_CHECK enum sok_status sok_torrent_files(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key,
    struct sok_torrent_file **ret_files, size_t *ret_count, struct sok_error *err);

// The .torrent's raw info dictionary wrapped as a .torrent, for keeping: what came by magnet need not be
// fetched again. SOK_NOT_FOUND: no such torrent; SOK_CONFLICT: no metadata yet. Blocks shortly.
SOK_MUST_CHECK enum sok_status sok_torrent_metadata(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key, const void **ret_bytes,
    size_t *ret_len, struct sok_error *err);

// SOK_NOT_FOUND: no such torrent. resume also clears an error and tries again. remove forgets the torrent
// and, if asked, deletes its files and the folders that are left empty (in the background). Whoever does not
// care whether it was there may drop the status.
enum sok_status sok_torrent_pause(struct sok_torrents *torrents, const char *key, struct sok_error *err);
enum sok_status sok_torrent_resume(struct sok_torrents *torrents, const char *key, struct sok_error *err);
enum sok_status sok_torrent_remove(
    struct sok_torrents *torrents, const char *key, bool delete_files, struct sok_error *err);

// Which files are wanted: one flag a file, in order. SOK_CONFLICT before the metadata is there.
SOK_MUST_CHECK enum sok_status sok_torrent_set_wanted(
    struct sok_torrents *torrents, const char *key, const bool *wanted, size_t count, struct sok_error *err);

// Tries a peer at once, beside those that trackers and DHT find. address: IPv4 or IPv6 text.
SOK_MUST_CHECK enum sok_status sok_torrent_connect_peer(
    struct sok_torrents *torrents, const char *key, const char *address, int port, struct sok_error *err);

// Asks for resume data; a little later sok_torrent_take_resume has it (SOK_NOT_FOUND until then), as bytes
// that are the caller's to free(). It holds the metadata, too. No harm if nothing changed: the answer comes
// all the same.
SOK_MUST_CHECK enum sok_status sok_torrent_request_resume(
    struct sok_torrents *torrents, const char *key, struct sok_error *err);
SOK_MUST_CHECK enum sok_status sok_torrent_take_resume(
    struct sok_torrents *torrents, const char *key, void **ret_bytes, size_t *ret_len, struct sok_error *err);

// Blocks until something happened to any torrent since *generation (state, metadata, error, resume data
// ready) or timeout_ms passed, and stores the new generation. Start with 0. Rates and progress alone do not
// wake.
void sok_torrents_wait(struct sok_torrents *torrents, uint64_t *generation, int64_t timeout_ms);

// Lets whoever waits in sok_torrents_wait go on, as if something had happened.
void sok_torrents_wake(struct sok_torrents *torrents);

// --- Playing while it arrives. Offsets are bytes of one file, `file` its index.

// Whether all of [offset, offset + len) is verified and on disk, readable with pread. Past the end counts as
// there. False for an unknown torrent. Blocks shortly.
bool sok_torrent_has(struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len);

// How many bytes from offset on are there without a gap (0: the first is missing), at most max.
int64_t sok_torrent_available(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t max);

// Says that a player stands at offset: the pieces of [offset, offset + len) come before all others, with a
// deadline of deadline_ms from now (negative: none), those of the following read_ahead bytes next, the nearer
// the sooner. Does not block. Pieces of a file that is not wanted stay where they are.
SOK_MUST_CHECK enum sok_status sok_torrent_want(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len, int64_t read_ahead,
    int64_t deadline_ms, struct sok_error *err);

// Says that this player is not there any more; once for each sok_torrent_want, with `len` its len and
// read_ahead. When a player wants something next, pieces that nobody waits for any more are like all others:
// who goes on nearby changes nothing, who jumped does not wait behind what was left.
void sok_torrent_leave(struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len);

// How many wants were not left yet.
int sok_torrent_viewers(struct sok_torrents *torrents, const char *key);

// Blocks until the range is there (SOK_OK), timeout_ms passed (SOK_TIMEOUT), the torrent is gone
// (SOK_NOT_FOUND) or rests in an error (its error_status).
SOK_MUST_CHECK enum sok_status sok_torrent_wait_range(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len, int64_t timeout_ms,
    struct sok_error *err);

// Opens the file on disk for reading, beneath the save path, following no links. SOK_NOT_FOUND before its
// first byte was written. *ret_fd is the caller's to close. Blocks on the file system.
SOK_MUST_CHECK enum sok_status sok_torrent_open_file(
    struct sok_torrents *torrents, const char *key, int file, int *ret_fd, struct sok_error *err);

SOK_DEFINE_CLEANUP(struct sok_torrents, sok_torrents_cleanup, sok_torrents_free)

#endif
