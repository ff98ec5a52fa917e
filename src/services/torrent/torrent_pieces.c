// Which bytes are there, and hurrying those a player waits for.
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "services/library/beneath.h"
#include "services/torrent/torrent-private.h"

#define WINDOW_REPEAT_MS 1000 // asking for the same pieces again within this time changes nothing
#define PIECES_AT_ONCE_MAX 256
#define DEADLINE_MAX_MS 600000
#define SOON_BYTES ((int64_t)1 << 20)  // of the read-ahead: what comes with the player's place, ...
#define LATER_BYTES ((int64_t)4 << 20) // ... and what comes before the rest of it
#define ENDS_BYTES_MAX ((int64_t)8 << 20)

struct piece_range {
    int first, last; // inclusive; last < first: empty
};

// The pieces that hold [offset, offset + len) of a file, cut to the file.
static struct piece_range pieces_of(
    const struct sok_torrent_info *info, int file, int64_t offset, int64_t len)
{
    struct piece_range none = {0, -1};
    if (!info || file < 0 || (size_t)file >= info->file_count || offset < 0)
        return none;
    const struct sok_torrent_file *at = &info->files[file];
    if (len <= 0 || offset >= at->size_bytes)
        return none;
    if (len > at->size_bytes - offset)
        len = at->size_bytes - offset;
    int64_t from = at->offset + offset;
    return (struct piece_range){(int)(from / info->piece_bytes), (int)((from + len - 1) / info->piece_bytes)};
}

static bool has_piece(const struct sok_torrent_entry *entry, int piece)
{
    return entry->have[piece / 8] & (1U << (piece % 8));
}

static bool is_file(const struct sok_torrent_entry *entry, int file)
{
    return entry->info && file >= 0 && (size_t)file < entry->info->file_count;
}

// How much from offset on is there, at most max. The lock must be held.
static int64_t available_locked(const struct sok_torrent_entry *entry, int file, int64_t offset, int64_t max)
{
    if (!is_file(entry, file) || !entry->is_checked || offset < 0)
        return 0;
    const struct sok_torrent_info *info = entry->info;
    const struct sok_torrent_file *at = &info->files[file];
    if (offset >= at->size_bytes)
        return 0;
    struct piece_range range = pieces_of(info, file, offset, max);
    int piece = range.first;
    while (piece <= range.last && has_piece(entry, piece))
        piece++;
    int64_t there = (int64_t)piece * info->piece_bytes - at->offset - offset;
    int64_t most = max < at->size_bytes - offset ? max : at->size_bytes - offset;
    return there < 0 || piece == range.first ? 0 : there < most ? there : most;
}

static bool has_locked(const struct sok_torrent_entry *entry, int file, int64_t offset, int64_t len)
{
    if (!is_file(entry, file) || !entry->is_checked)
        return false;
    struct piece_range range = pieces_of(entry->info, file, offset, len);
    for (int piece = range.first; piece <= range.last; piece++)
        if (!has_piece(entry, piece))
            return false;
    return true;
}

bool sok_torrent_has(struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len)
{
    pthread_mutex_lock(&torrents->lock);
    const struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    bool has = entry && has_locked(entry, file, offset, len);
    pthread_mutex_unlock(&torrents->lock);
    return has;
}

int64_t sok_torrent_available(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t max)
{
    pthread_mutex_lock(&torrents->lock);
    const struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    int64_t available = entry ? available_locked(entry, file, offset, max) : 0;
    pthread_mutex_unlock(&torrents->lock);
    return available;
}

// --- What players wait for.
//
// A priority brings a piece next from whichever peer has room, without waiting for libtorrent's look at the
// deadlines once a second; a deadline has blocks that a slow peer sits on fetched from others. The pieces at
// the player's place get both. Its read-ahead gets priorities alone: asked for at once, as deadlines would
// have it, it would stand in the way of the next jump.

static struct sok_torrent_window *find_window(struct sok_torrent_entry *entry, struct piece_range range)
{
    for (int i = 0; i < SOK_TORRENT_WINDOWS; i++) {
        struct sok_torrent_window *window = &entry->windows[i];
        if (window->at_ms && window->first == range.first && window->last == range.last)
            return window;
    }
    return NULL;
}

// Notes one more player at these pieces; false when they were asked for a moment ago. The lock must be held.
static bool note_wanted(struct sok_torrent_entry *entry, struct piece_range range)
{
    int64_t now = sok_time_mono_ms();
    struct sok_torrent_window *window = find_window(entry, range);
    if (window) {
        window->viewers++;
        if (now - window->at_ms < WINDOW_REPEAT_MS)
            return false;
        window->at_ms = now;
        return true;
    }
    window = &entry->windows[0];
    for (int i = 1; i < SOK_TORRENT_WINDOWS; i++)
        if (entry->windows[i].at_ms < window->at_ms)
            window = &entry->windows[i];
    *window = (struct sok_torrent_window){range.first, range.last, 1, now};
    return true;
}

static bool is_coming(const struct sok_torrent_entry *entry, int piece)
{
    return (entry->have[piece / 8] | entry->passed[piece / 8]) & (1U << (piece % 8));
}

static bool is_wanted(const struct sok_torrent_entry *entry, int piece)
{
    for (int i = 0; i < SOK_TORRENT_WINDOWS; i++) {
        const struct sok_torrent_window *window = &entry->windows[i];
        if (window->at_ms && window->viewers && piece >= window->first && piece <= window->last)
            return true;
    }
    return false;
}

// Forgets the windows that were left. Their pieces that nobody else wants, at most PIECES_AT_ONCE_MAX, are to
// be like all others. The lock must be held.
static int list_left(struct sok_torrent_entry *entry, struct sok_lt_priority *ret)
{
    int count = 0;
    for (int i = 0; i < SOK_TORRENT_WINDOWS; i++) {
        struct sok_torrent_window *window = &entry->windows[i];
        if (!window->at_ms || window->viewers)
            continue;
        for (int piece = window->first; piece <= window->last && count < PIECES_AT_ONCE_MAX; piece++)
            if (!is_coming(entry, piece) && !is_wanted(entry, piece))
                ret[count++] = (struct sok_lt_priority){piece, SOK_LT_PRIORITY_USUAL};
        *window = (struct sok_torrent_window){0};
    }
    return count;
}

// `ahead`: by how many pieces it lies behind those of the player's place.
static int priority_of(const struct sok_torrent_info *info, int ahead)
{
    if (ahead <= 1 || ahead * info->piece_bytes <= SOON_BYTES)
        return SOK_LT_PRIORITY_TOP;
    return SOK_LT_PRIORITY_TOP - (ahead * info->piece_bytes <= LATER_BYTES ? 1 : 2);
}

// The missing ones of a range, at most PIECES_AT_ONCE_MAX. The lock must be held.
static int list_missing(
    const struct sok_torrent_entry *entry, struct piece_range now, struct piece_range all,
    struct sok_lt_priority *ret)
{
    int count = 0;
    for (int piece = all.first; piece <= all.last && count < PIECES_AT_ONCE_MAX; piece++)
        if (!is_coming(entry, piece))
            ret[count++] = (struct sok_lt_priority){piece, priority_of(entry->info, piece - now.last)};
    return count;
}

enum sok_status sok_torrent_want(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len, int64_t read_ahead,
    int64_t deadline_ms, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    struct sok_lt_priority missing[PIECES_AT_ONCE_MAX], left[PIECES_AT_ONCE_MAX];
    int count = 0, left_count = 0;
    int at_ms = deadline_ms > DEADLINE_MAX_MS ? DEADLINE_MAX_MS : (int)deadline_ms;
    pthread_mutex_lock(&torrents->lock);
    bool is_known = is_file(entry, file);
    struct piece_range now = pieces_of(entry->info, file, offset, len);
    struct piece_range all = pieces_of(entry->info, file, offset, len + (read_ahead > 0 ? read_ahead : 0));
    if (is_known && entry->info->files[file].wanted && all.last >= all.first) {
        if (note_wanted(entry, all))
            count = list_missing(entry, now, all, missing);
        left_count = list_left(entry, left);
    }
    pthread_mutex_unlock(&torrents->lock);
    for (int i = 0; i < left_count; i++)
        sok_lt_clear_deadline(entry->lt, left[i].piece);
    if (left_count)
        sok_lt_set_priorities(entry->lt, left, (size_t)left_count);
    if (count)
        sok_lt_set_priorities(entry->lt, missing, (size_t)count);
    for (int i = 0; at_ms >= 0 && i < count && missing[i].piece <= now.last; i++)
        sok_lt_set_deadline(entry->lt, missing[i].piece, at_ms);
    sok_torrent_put(torrents, entry);
    return is_known ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "the torrent has no such file");
}

void sok_torrent_leave(struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len)
{
    pthread_mutex_lock(&torrents->lock);
    struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    struct sok_torrent_window *window =
        entry ? find_window(entry, pieces_of(entry->info, file, offset, len)) : NULL;
    if (window && window->viewers)
        window->viewers--;
    pthread_mutex_unlock(&torrents->lock);
}

int sok_torrent_viewers(struct sok_torrents *torrents, const char *key)
{
    int count = 0;
    pthread_mutex_lock(&torrents->lock);
    const struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    for (int i = 0; entry && i < SOK_TORRENT_WINDOWS; i++)
        count += entry->windows[i].viewers;
    pthread_mutex_unlock(&torrents->lock);
    return count;
}

bool sok_torrents_were_wanted(struct sok_torrents *torrents, int64_t within_ms)
{
    bool were_wanted = false;
    int64_t since = sok_time_mono_ms() - within_ms;
    struct sok_torrent_entry *entry, *next;
    pthread_mutex_lock(&torrents->lock);
    HASH_ITER(by_key, torrents->by_key, entry, next)
    {
        for (int i = 0; i < SOK_TORRENT_WINDOWS && !were_wanted; i++)
            were_wanted = entry->windows[i].at_ms && entry->windows[i].at_ms >= since;
    }
    pthread_mutex_unlock(&torrents->lock);
    return were_wanted;
}

// --- Waiting.

static struct timespec after(int64_t timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + timeout_ms % 1000 * 1000000;
    at.tv_sec += (time_t)(timeout_ms / 1000 + ns / 1000000000);
    at.tv_nsec = (long)(ns % 1000000000);
    return at;
}

enum sok_status sok_torrent_wait_range(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len, int64_t timeout_ms,
    struct sok_error *err)
{
    struct timespec until = after(timeout_ms);
    enum sok_status status = SOK_TIMEOUT;
    char error[256] = "";
    pthread_mutex_lock(&torrents->lock);
    for (int waited = 0;;) {
        const struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
        if (!entry)
            status = SOK_NOT_FOUND;
        else if (has_locked(entry, file, offset, len))
            status = SOK_OK;
        else if (entry->error_status != SOK_OK)
            status = entry->error_status;
        if (entry && entry->error_status != SOK_OK)
            memcpy(error, entry->error, sizeof(error));
        if (status != SOK_TIMEOUT || waited)
            break;
        waited = pthread_cond_timedwait(&torrents->changed, &torrents->lock, &until);
    }
    pthread_mutex_unlock(&torrents->lock);
    switch (status) {
    case SOK_OK:
        return SOK_OK;
    case SOK_NOT_FOUND:
        return sok_fail(err, status, "no such torrent is running");
    case SOK_TIMEOUT:
        return sok_fail(err, status, "these bytes have not arrived yet");
    default:
        return sok_fail(err, status, "%s", error);
    }
}

void sok_torrents_wait(struct sok_torrents *torrents, uint64_t *generation, int64_t timeout_ms)
{
    struct timespec until = after(timeout_ms);
    pthread_mutex_lock(&torrents->lock);
    while (torrents->generation == *generation &&
           pthread_cond_timedwait(&torrents->changed, &torrents->lock, &until) == 0)
        ;
    *generation = torrents->generation;
    pthread_mutex_unlock(&torrents->lock);
}

void sok_torrents_wake(struct sok_torrents *torrents)
{
    pthread_mutex_lock(&torrents->lock);
    sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
}

enum sok_status sok_torrent_open_file(
    struct sok_torrents *torrents, const char *key, int file, int *ret_fd, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    pthread_mutex_lock(&torrents->lock);
    const char *path = is_file(entry, file) ? entry->info->files[file].path : NULL;
    pthread_mutex_unlock(&torrents->lock);
    int root_fd = -1;
    enum sok_status status = path ? sok_beneath_root(entry->save_path, false, &root_fd, err)
                                  : sok_fail(err, SOK_NOT_FOUND, "the torrent has no such file");
    if (status == SOK_OK) {
        status = sok_beneath_open(root_fd, path, ret_fd, err);
        (void)close(root_fd);
    }
    sok_torrent_put(torrents, entry);
    return status;
}

void sok_torrent_prefer_ends(struct sok_torrent_entry *entry)
{
    const struct sok_torrent_info *info = entry->info;
    for (size_t i = 0; info && i < info->file_count; i++) {
        const struct sok_torrent_file *file = &info->files[i];
        if (!(file->flags & SOK_TORRENT_FILE_VIDEO) || file->size_bytes <= 0)
            continue;
        int64_t end = file->size_bytes / 100; // containers keep their index in the first or last hundredth
        end = end < 1 ? 1 : end > ENDS_BYTES_MAX ? ENDS_BYTES_MAX : end;
        struct piece_range head = pieces_of(info, (int)i, 0, end);
        struct piece_range tail = pieces_of(info, (int)i, file->size_bytes - end, end);
        for (int piece = head.first; piece <= head.last; piece++)
            sok_lt_prefer_piece(entry->lt, piece);
        for (int piece = tail.first; piece <= tail.last; piece++)
            sok_lt_prefer_piece(entry->lt, piece);
    }
}
