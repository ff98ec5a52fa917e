// The session's own thread: takes what libtorrent reports, keeps the entries true, judges metadata that came
// by magnet link before a file of it is wanted, and wakes those who wait.
//
// A piece is there for readers when libtorrent says that it is verified *and* written; "passed its hash"
// comes a moment earlier. Passed pieces are therefore asked for again until they are on disk, which takes
// milliseconds.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "services/torrent/torrent-private.h"

#define TICK_MS 500       // how old a snapshot gets
#define POLL_MS 250       // how long a stop may take
#define WATCHED_MS 20000  // a player that asked for something is there for so long
#define POLL_WRITING_MS 3 // while pieces are being written

static struct sok_torrent_entry *find_id_locked(struct sok_torrents *torrents, uint64_t id)
{
    struct sok_torrent_entry *entry = NULL;
    HASH_FIND(by_id, torrents->by_id, &id, sizeof(id), entry);
    return entry;
}

static struct sok_torrent_entry *take_id(struct sok_torrents *torrents, uint64_t id)
{
    pthread_mutex_lock(&torrents->lock);
    struct sok_torrent_entry *entry = find_id_locked(torrents, id);
    if (entry)
        entry->refs++;
    pthread_mutex_unlock(&torrents->lock);
    return entry;
}

static void fail_locked(struct sok_torrent_entry *entry, enum sok_status status, const char *text)
{
    entry->error_status = status;
    (void)snprintf(entry->error, sizeof(entry->error), "%s", text);
}

static bool wants_all(const struct sok_torrent_info *info)
{
    for (size_t i = 0; i < info->file_count; i++)
        if (!info->files[i].wanted && !(info->files[i].flags & SOK_TORRENT_FILE_PAD))
            return false;
    return true;
}

// Metadata came: judge it and choose its files; or refuse it and rest.
static void admit(struct sok_torrents *torrents, struct sok_torrent_entry *entry)
{
    struct sok_error err = {0};
    SOK_ARENA_AUTO *scratch = sok_arena_new(0);
    struct sok_arena *arena = entry->arena; // only this thread allocates there once the torrent runs
    struct sok_torrent_info *info = sok_alloc(arena, sizeof(*info));
    const void *bytes;
    size_t len;
    enum sok_status status = sok_lt_metadata(scratch, entry->lt, &bytes, &len, &err);
    if (status == SOK_OK)
        status = sok_torrent_inspect(arena, bytes, len, info, &err);
    if (status != SOK_OK)
        sok_lt_pause(entry->lt);
    else if (!wants_all(info))
        sok_lt_set_wanted(entry->lt, sok_torrent_wanted(scratch, info), info->file_count);
    pthread_mutex_lock(&torrents->lock);
    if (status == SOK_OK)
        sok_torrent_set_info_locked(entry, info);
    else
        fail_locked(entry, SOK_INVALID, err.message);
    sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
}

// Reads from libtorrent which pieces are there.
static void sync_pieces(struct sok_torrents *torrents, struct sok_torrent_entry *entry)
{
    pthread_mutex_lock(&torrents->lock);
    const struct sok_torrent_info *info = entry->info;
    pthread_mutex_unlock(&torrents->lock);
    if (!info)
        return;
    size_t bytes = ((size_t)info->piece_count + 7) / 8;
    uint8_t *have = calloc(bytes + 1, 1);
    if (!have)
        sok_panic("out of memory for a torrent");
    bool is_known = sok_lt_have_pieces(entry->lt, have, info->piece_count);
    pthread_mutex_lock(&torrents->lock);
    if (is_known) {
        memcpy(entry->have, have, bytes);
        for (size_t i = 0; i < bytes; i++) // what is being written is not there yet
            entry->have[i] &= (uint8_t)~entry->passed[i];
        entry->is_checked = true;
    }
    sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
    free(have);
}

static void note_passed(struct sok_torrents *torrents, struct sok_torrent_entry *entry, int piece)
{
    pthread_mutex_lock(&torrents->lock);
    if (entry->info && piece >= 0 && piece < entry->info->piece_count) {
        uint8_t bit = (uint8_t)(1U << (piece % 8));
        if (!((entry->have[piece / 8] | entry->passed[piece / 8]) & bit)) {
            entry->passed[piece / 8] |= bit;
            entry->passed_count++;
            torrents->passed_count++;
        }
    }
    pthread_mutex_unlock(&torrents->lock);
}

static void note_status(
    struct sok_torrents *torrents, struct sok_torrent_entry *entry, const struct sok_lt_status *status)
{
    pthread_mutex_lock(&torrents->lock);
    const struct sok_lt_status *old = &entry->status;
    bool is_news = old->paused != status->paused || old->is_checking != status->is_checking ||
                   old->is_finished != status->is_finished || old->has_metadata != status->has_metadata;
    entry->status = *status;
    if (is_news)
        sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
}

static void note_error(
    struct sok_torrents *torrents, struct sok_torrent_entry *entry, const struct sok_lt_alert *alert)
{
    pthread_mutex_lock(&torrents->lock);
    if (alert->status != SOK_OK && entry->error_status != SOK_INVALID) {
        char text[200];
        bool is_full = alert->status == SOK_NO_SPACE;
        (void)snprintf(
            text, sizeof(text), is_full ? "the disk is full" : "the files cannot be written: %s",
            alert->text);
        fail_locked(entry, alert->status, text);
        sok_torrents_wake_locked(torrents);
    }
    pthread_mutex_unlock(&torrents->lock);
}

static void note_resume(
    struct sok_torrents *torrents, struct sok_torrent_entry *entry, const struct sok_lt_alert *alert)
{
    if (alert->len > SOK_TORRENT_RESUME_MAX_BYTES)
        return;
    void *copy = malloc(alert->len + 1);
    if (!copy)
        sok_panic("out of memory for resume data");
    memcpy(copy, alert->bytes, alert->len);
    pthread_mutex_lock(&torrents->lock);
    free(entry->resume);
    entry->resume = copy;
    entry->resume_len = alert->len;
    sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
}

// The files of a removed torrent are gone: its folder, too, if nothing else is in it.
static void bury(struct sok_torrents *torrents, const char *key)
{
    pthread_mutex_lock(&torrents->lock);
    for (struct sok_torrent_grave **at = &torrents->graves; *at; at = &(*at)->next) {
        struct sok_torrent_grave *grave = *at;
        if (strcmp(grave->key, key) != 0)
            continue;
        (void)rmdir(grave->save_path);
        *at = grave->next;
        free(grave->save_path);
        free(grave);
        break;
    }
    sok_torrents_wake_locked(torrents);
    pthread_mutex_unlock(&torrents->lock);
}

static void sync_all(struct sok_torrents *torrents)
{
    pthread_mutex_lock(&torrents->lock);
    size_t count = HASH_CNT(by_key, torrents->by_key), n = 0;
    struct sok_torrent_entry **list = calloc(count + 1, sizeof(struct sok_torrent_entry *)), *entry, *next;
    if (!list)
        sok_panic("out of memory for torrents");
    HASH_ITER(by_key, torrents->by_key, entry, next)
    {
        entry->refs++;
        list[n++] = entry;
    }
    pthread_mutex_unlock(&torrents->lock);
    for (size_t i = 0; i < n; i++) {
        if (list[i]->is_checked)
            sync_pieces(torrents, list[i]);
        sok_torrent_put(torrents, list[i]);
    }
    free(list);
}

static void dispatch(
    struct sok_torrents *torrents, struct sok_torrent_entry *entry, const struct sok_lt_alert *alert)
{
    switch (alert->kind) {
    case SOK_LT_METADATA:
        admit(torrents, entry);
        break;
    case SOK_LT_CHECKED:
    case SOK_LT_WANTED_SET: // which makes all pieces alike again
        if (entry->ends_first)
            sok_torrent_prefer_ends(entry);
        sync_pieces(torrents, entry);
        sok_lt_post_updates(torrents->lt);
        break;
    case SOK_LT_PIECE:
        note_passed(torrents, entry, alert->piece);
        break;
    case SOK_LT_STATUS:
        note_status(torrents, entry, alert->snapshot);
        break;
    case SOK_LT_ERROR:
        note_error(torrents, entry, alert);
        break;
    case SOK_LT_RESUME_DATA:
        note_resume(torrents, entry, alert);
        break;
    default: // SOK_LT_STATE and the like: a fresh snapshot says what it is
        sok_lt_post_updates(torrents->lt);
        break;
    }
}

static void on_alert(const struct sok_lt_alert *alert, void *context)
{
    struct sok_torrents *torrents = context;
    if (alert->kind == SOK_LT_DROPPED) {
        sync_all(torrents);
        return;
    }
    if (alert->kind == SOK_LT_FILES_DELETED) {
        bury(torrents, alert->text);
        return;
    }
    struct sok_torrent_entry *entry = take_id(torrents, alert->id);
    if (!entry)
        return;
    dispatch(torrents, entry, alert);
    sok_torrent_put(torrents, entry);
}

// Asks for each passed piece of this entry whether it is on disk by now.
static void confirm_entry(struct sok_torrents *torrents, struct sok_torrent_entry *entry)
{
    int count = entry->info->piece_count;
    for (int base = 0; base < count; base += 8) {
        uint8_t bits = entry->passed[base / 8]; // only this thread sets and clears them
        for (int i = 0; bits && i < 8; i++) {
            uint8_t bit = (uint8_t)(1U << i);
            if (!(bits & bit) || !sok_lt_have_piece(entry->lt, base + i))
                continue;
            pthread_mutex_lock(&torrents->lock);
            entry->passed[base / 8] &= (uint8_t)~bit;
            entry->have[base / 8] |= bit;
            entry->passed_count--;
            if (find_id_locked(torrents, entry->id))
                torrents->passed_count--;
            if (entry->passed_count == 0 && entry->status.is_finished)
                torrents->generation++;
            pthread_cond_broadcast(&torrents->changed);
            pthread_mutex_unlock(&torrents->lock);
        }
    }
}

static struct sok_torrent_entry *take_next_writing(struct sok_torrents *torrents, uint64_t after)
{
    struct sok_torrent_entry *best = NULL, *entry, *next;
    pthread_mutex_lock(&torrents->lock);
    HASH_ITER(by_id, torrents->by_id, entry, next)
    {
        if (entry->id > after && entry->passed_count && (!best || entry->id < best->id))
            best = entry;
    }
    if (best)
        best->refs++;
    pthread_mutex_unlock(&torrents->lock);
    return best;
}

static int count_passed(struct sok_torrents *torrents)
{
    pthread_mutex_lock(&torrents->lock);
    int count = torrents->passed_count;
    pthread_mutex_unlock(&torrents->lock);
    return count;
}

static void confirm_passed(struct sok_torrents *torrents)
{
    uint64_t after = 0;
    struct sok_torrent_entry *entry;
    while ((entry = take_next_writing(torrents, after))) {
        after = entry->id;
        confirm_entry(torrents, entry);
        sok_torrent_put(torrents, entry);
    }
}

static void follow_players(struct sok_torrents *torrents)
{
    bool is_watched = sok_torrents_were_wanted(torrents, WATCHED_MS);
    if (is_watched != torrents->is_watched)
        sok_lt_set_watched(torrents->lt, is_watched);
    torrents->is_watched = is_watched;
}

void *sok_torrents_run(void *context)
{
    struct sok_torrents *torrents = context;
    int64_t tick_at = 0;
    bool is_writing = false;
    while (!atomic_load(&torrents->stopping)) {
        int64_t now = sok_time_mono_ms();
        if (now >= tick_at) {
            sok_lt_post_updates(torrents->lt);
            follow_players(torrents);
            tick_at = now + TICK_MS;
        }
        sok_lt_poll(torrents->lt, is_writing ? POLL_WRITING_MS : POLL_MS, on_alert, torrents);
        if (count_passed(torrents))
            confirm_passed(torrents);
        is_writing = count_passed(torrents) > 0;
    }
    return NULL;
}
