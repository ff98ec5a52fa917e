// Which bytes are there, and hurrying those a player waits for.
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "services/library/beneath.h"
#include "services/torrent/torrent-private.h"

#define WINDOW_REPEAT_MS 1000 // asking for the same pieces again within this time changes nothing
#define READ_AHEAD_STEP_MS 150
#define PIECES_AT_ONCE_MAX 256
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

// Whether these pieces were asked for a moment ago; notes that they are now. The lock must be held.
static bool asked_lately(struct sok_torrent_entry *entry, struct piece_range range)
{
    int64_t now = sok_time_mono_ms();
    struct sok_torrent_window *oldest = &entry->windows[0];
    for (int i = 0; i < SOK_TORRENT_WINDOWS; i++) {
        struct sok_torrent_window *window = &entry->windows[i];
        bool is_same = window->at_ms && window->first == range.first && window->last == range.last;
        if (is_same && now - window->at_ms < WINDOW_REPEAT_MS)
            return true;
        if (is_same || window->at_ms < oldest->at_ms)
            oldest = window;
        if (is_same)
            break;
    }
    *oldest = (struct sok_torrent_window){range.first, range.last, now};
    return false;
}

// The missing ones of a range, at most PIECES_AT_ONCE_MAX. The lock must be held.
static int list_missing(const struct sok_torrent_entry *entry, struct piece_range range, int *ret_pieces)
{
    int count = 0;
    for (int piece = range.first; piece <= range.last && count < PIECES_AT_ONCE_MAX; piece++)
        if (!((entry->have[piece / 8] | entry->passed[piece / 8]) & (1U << (piece % 8))))
            ret_pieces[count++] = piece;
    return count;
}

enum sok_status sok_torrent_want(
    struct sok_torrents *torrents, const char *key, int file, int64_t offset, int64_t len, int64_t read_ahead,
    int64_t deadline_ms, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    int missing[PIECES_AT_ONCE_MAX], count = 0;
    pthread_mutex_lock(&torrents->lock);
    bool is_known = is_file(entry, file);
    struct piece_range now = pieces_of(entry->info, file, offset, len);
    struct piece_range all = pieces_of(entry->info, file, offset, len + (read_ahead > 0 ? read_ahead : 0));
    if (is_known && !asked_lately(entry, all))
        count = list_missing(entry, all, missing);
    pthread_mutex_unlock(&torrents->lock);
    for (int i = 0; i < count; i++) {
        int ahead = missing[i] > now.last ? missing[i] - now.last : 0;
        int64_t at_ms = deadline_ms + (int64_t)ahead * READ_AHEAD_STEP_MS;
        sok_lt_set_deadline(entry->lt, missing[i], at_ms < 0 ? 0 : at_ms > 600000 ? 600000 : (int)at_ms);
    }
    sok_torrent_put(torrents, entry);
    return is_known ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "the torrent has no such file");
}

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
