// What the files of the hunter share. One thread (hunter.c) owns every hunt; what blocks (fetching a
// .torrent, importing) runs in a pool and leaves its outcome in the hunt's `job`.
#ifndef SOK_WORKERS_HUNTER_PRIVATE_H
#define SOK_WORKERS_HUNTER_PRIVATE_H

#include <pthread.h>

#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "data/downloads.h"
#include "runtime/pool.h"
#include "services/library/library.h"
#include "services/torrent/torrent.h"
#include "workers/hunter.h"

#define SOK_HUNT_LEASE_MS 60000
#define SOK_HUNT_RENEW_MS 15000
#define SOK_HUNT_REPORT_MS 5000
#define SOK_HUNT_EVENT_MS 1000
#define SOK_HUNT_RESUME_MS 10000

enum sok_hunt_phase {
    SOK_HUNT_WAITING,   // leased; paused, or no slot free yet
    SOK_HUNT_FETCHING,  // its .torrent is being fetched in the pool
    SOK_HUNT_RUNNING,   // in the session
    SOK_HUNT_IMPORTING, // complete; on its way into the library
    SOK_HUNT_SEEDING,   // imported; has no task any more
    SOK_HUNT_ENDED      // to be forgotten
};

// What a pool thread did. The hunter's thread reads it once `done` is true; until then it is the pool's.
struct sok_hunt_job {
    _Atomic bool done;
    bool is_out; // handed to the pool and not yet taken back
    struct sok_arena *arena;
    enum sok_status status;
    struct sok_error err;
    struct {
        const char *url, *magnet; // in, out
        const void *bytes;        // out
        size_t len;
    } fetch;
    struct {
        struct sok_import import; // in
        struct sok_import_result result;
        const char *note; // how it went, for the task; NULL: as usual
    } import;
};

// One download. `row` is what was or will be reported; its text lives in `arena`.
struct sok_hunt {
    struct sok_hunt *next;
    struct sok_hunter *hunter;
    struct sok_arena *arena;
    enum sok_hunt_phase phase;
    int64_t fence;                        // of the task's lease; 0: none held
    int64_t leased_ms;                    // when it was taken on, monotonic
    const char *request_id, *traceparent; // of the request that asked for it; NULL: unknown
    struct sok_download row;
    const char *magnet;                // from the row, or from a redirect
    char key[SOK_TORRENT_KEY_LEN + 1]; // "" before it is known
    bool in_session, files_stored;
    bool is_dirty;                         // the row must be written soon: its status changed
    int64_t retry_at;                      // the next try of what failed (disk full, import)
    int64_t event_at, resume_at, files_at; // when they were last done, monotonic
    int64_t idle_since;                    // no payload since; 0: it flows
    int64_t idle_bytes, metric_bytes;
    int64_t metric_uploaded; // and metric_bytes: what was counted already
    bool is_measured;        // they are known
    bool resume_asked;
    struct sok_hunt_job job;
};

struct sok_hunter {
    struct sok_worker_env env;
    struct sok_hunt *hunts;
    struct sok_pool *pool;
    pthread_t thread, listener;
    bool has_thread, has_listener;
    _Atomic bool stopping;
    bool was_woken;       // something happened: rows may have been changed by a user
    _Atomic bool offered; // there may be a task to lease
    int64_t lease_at, renew_at, report_at, sync_at; // next times, monotonic
    const char *resume_dir, *download_dir;          // the latter absolute
    struct sok_arena *arena;
};

// --- hunter_step.c: what one download does next.

void sok_hunt_step(struct sok_hunt *hunt, int64_t mono_ms);
// The user changed wanted: obeys it.
void sok_hunt_obey(struct sok_hunt *hunt, const char *wanted, bool delete_files);
// Whether it takes one of the slots of SOKOUL_TORRENT_MAX_ACTIVE.
bool sok_hunt_is_active(const struct sok_hunt *hunt);
int sok_hunter_active(const struct sok_hunter *hunter);
void sok_hunt_set_status(struct sok_hunt *hunt, const char *status);
// NULL: no error. The same text again costs nothing.
void sok_hunt_set_error(struct sok_hunt *hunt, const char *error);
// Out of the session, unless another download has the same torrent; then, if asked, off the disk.
void sok_hunt_leave_session(struct sok_hunt *hunt, bool delete_files);
bool sok_hunt_shares_torrent(const struct sok_hunt *hunt);

// --- hunter_jobs.c: what runs in the pool.

void sok_hunt_fetch(struct sok_hunt *hunt);
void sok_hunt_import(struct sok_hunt *hunt);
// Takes a finished job back; false while it is running.
bool sok_hunt_take_job(struct sok_hunt *hunt);

// --- hunter_store.c: the database and the events.

// A new hunt made of the row; NULL with a status when it cannot be read.
struct sok_hunt *sok_hunt_load(
    struct sok_hunter *hunter, const char *id, int64_t fence, struct sok_error *err);
struct sok_hunt *sok_hunt_free(struct sok_hunt *hunt);
// Writes the rows of all hunts that changed (or of all that run: `all`) in one transaction.
void sok_hunter_report(struct sok_hunter *hunter, bool all);
// Renews the leases; a hunt whose lease was lost leaves the session and ends.
void sok_hunter_renew(struct sok_hunter *hunter);
// Writes at once and returns whether that worked.
bool sok_hunt_hand_back(struct sok_hunt *hunt);
// Writes one row now.
void sok_hunt_report(struct sok_hunt *hunt);
// Whether a write worked; if not, what follows from it is done: a hunt whose lease was lost ends, another
// one's failure is logged as `what`.
bool sok_hunt_did(
    struct sok_hunt *hunt, enum sok_status status, const char *what, const struct sok_error *err);
int64_t sok_hunter_now_ms(const struct sok_hunter *hunter);
// Tells of the task's state, as the job loop does for the other workers.
void sok_hunt_announce(struct sok_hunt *hunt, const char *status, const struct sok_error *why);
void sok_hunt_publish(struct sok_hunt *hunt, const char *subject);
void sok_hunt_publish_library(struct sok_hunt *hunt);
void sok_hunter_log(struct sok_hunt *hunt, const char *message, const struct sok_error *err);
// From here on this thread works for the request that asked for the download (sok_log_set_context ends it).
void sok_hunt_enter(const struct sok_hunt *hunt);

// --- hunter_learned.c: what became known.
// Each writes at once and returns whether that worked; if not, it is tried again at the next step.

bool sok_hunt_store_torrent(struct sok_hunt *hunt, const void *bytes, size_t len);
bool sok_hunt_store_files(struct sok_hunt *hunt);
// Gives a download without a work one: found or made from the torrent's name.
bool sok_hunt_store_media(struct sok_hunt *hunt);

// --- hunter_ending.c: endings. The same holds.

bool sok_hunt_store_imported(struct sok_hunt *hunt, const char *status);
bool sok_hunt_store_failed(struct sok_hunt *hunt, const struct sok_error *why, bool may_retry);
bool sok_hunt_store_cancelled(struct sok_hunt *hunt, bool *ret_is_wanted_elsewhere);
// Seeding is over. *ret_in_library: the library has names of its own for the download's films.
bool sok_hunt_store_ended(struct sok_hunt *hunt, bool *ret_in_library);

// --- hunter_gone.c: downloads that were deleted with their user.

// Lets go of every hunt whose row is not there any more, and clears away what deleted users left. `live`: the
// rows that are not at their end.
void sok_hunter_clear_gone(struct sok_hunter *hunter, const struct sok_download *live, size_t count);

// --- hunter_files.c: resume data and folders.

// *ret_bytes in the arena; false when there is none.
bool sok_hunt_read_resume(
    struct sok_hunt *hunt, struct sok_arena *arena, const void **ret_bytes, size_t *ret_len);
// Asks for resume data every SOK_HUNT_RESUME_MS when it changed (or now: `force`), writes what has come.
void sok_hunt_keep_resume(struct sok_hunt *hunt, bool is_changed, bool force, int64_t mono_ms);
bool sok_hunt_write_resume(
    struct sok_hunt *hunt); // what has come, if anything: whether something was written
void sok_hunter_drop_resume(const struct sok_hunter *hunter, const char *key);
void sok_hunter_delete_folder(const struct sok_hunter *hunter, const char *key); // and all in it
bool sok_hunter_has_folder(const struct sok_hunter *hunter, const char *key);
int64_t sok_hunt_free_bytes(const struct sok_hunt *hunt);

#endif
