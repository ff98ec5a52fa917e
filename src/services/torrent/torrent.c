// The session's torrents: adding, looking, commanding. What happens to them comes in through
// torrent_alerts.c; what players wait for is torrent_pieces.c's.
#include "services/torrent/torrent.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/torrent/torrent-private.h"

#define ENTRY_ARENA_BYTES ((size_t)64 << 20)

// --- Entries.

struct sok_torrent_entry *sok_torrent_find_locked(struct sok_torrents *torrents, const char *key)
{
    struct sok_torrent_entry *entry = NULL;
    HASH_FIND(by_key, torrents->by_key, key, strlen(key), entry);
    return entry;
}

struct sok_torrent_entry *sok_torrent_take(
    struct sok_torrents *torrents, const char *key, struct sok_error *err)
{
    pthread_mutex_lock(&torrents->lock);
    struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    if (entry)
        entry->refs++;
    pthread_mutex_unlock(&torrents->lock);
    if (!entry)
        (void)sok_fail(err, SOK_NOT_FOUND, "no such torrent is running");
    return entry;
}

void sok_torrent_put_locked(struct sok_torrent_entry *entry)
{
    if (--entry->refs > 0)
        return;
    sok_lt_torrent_free(entry->lt);
    free(entry->have);
    free(entry->passed);
    free(entry->resume);
    sok_arena_free(entry->arena);
    free(entry);
}

void sok_torrent_put(struct sok_torrents *torrents, struct sok_torrent_entry *entry)
{
    pthread_mutex_lock(&torrents->lock);
    sok_torrent_put_locked(entry);
    pthread_mutex_unlock(&torrents->lock);
}

void sok_torrents_wake_locked(struct sok_torrents *torrents)
{
    torrents->generation++;
    pthread_cond_broadcast(&torrents->changed);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        sok_panic("out of memory for a torrent");
    return memory;
}

void sok_torrent_set_info_locked(struct sok_torrent_entry *entry, struct sok_torrent_info *info)
{
    size_t bytes = ((size_t)info->piece_count + 7) / 8;
    entry->have = zeroed(bytes, 1);
    entry->passed = zeroed(bytes, 1);
    entry->name = info->name;
    entry->info = info;
}

static struct sok_torrent_entry *entry_new(const struct sok_torrent_add *add, const char *key)
{
    struct sok_torrent_entry *entry = zeroed(1, sizeof(*entry));
    entry->refs = 1;
    entry->arena = sok_arena_new(ENTRY_ARENA_BYTES);
    memcpy(entry->key, key, sizeof(entry->key));
    entry->save_path = sok_strdup(entry->arena, add->save_path);
    entry->name = "";
    entry->ends_first = add->ends_first;
    entry->status.paused = add->paused;
    entry->status.is_checking = true;
    return entry;
}

// --- The session.

struct sok_torrents *sok_torrents_free(struct sok_torrents *torrents)
{
    if (!torrents)
        return NULL;
    atomic_store(&torrents->stopping, true);
    if (torrents->thread)
        pthread_join(torrents->thread, NULL);
    sok_lt_close(torrents->lt);
    struct sok_torrent_entry *entry = torrents->by_key; // the maps go first; their links stay in the entries
    HASH_CLEAR(by_id, torrents->by_id);
    HASH_CLEAR(by_key, torrents->by_key);
    while (entry) {
        struct sok_torrent_entry *next = entry->by_key.next;
        sok_torrent_put_locked(entry);
        entry = next;
    }
    while (torrents->graves) {
        struct sok_torrent_grave *grave = torrents->graves;
        torrents->graves = grave->next;
        free(grave->save_path);
        free(grave);
    }
    pthread_cond_destroy(&torrents->changed);
    pthread_mutex_destroy(&torrents->lock);
    free(torrents);
    return NULL;
}

enum sok_status sok_torrents_new(
    const struct sok_torrents_options *options, struct sok_torrents **ret, struct sok_error *err)
{
    struct sok_lt_session *session;
    SOK_TRY(sok_lt_open(options, &session, err));
    if (sok_lt_port(session) == 0) {
        sok_lt_close(session);
        return sok_fail(err, SOK_IO, "cannot listen for torrent peers at %s", options->listen);
    }
    struct sok_torrents *torrents = zeroed(1, sizeof(*torrents));
    torrents->lt = session;
    torrents->next_id = 1;
    pthread_mutex_init(&torrents->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&torrents->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&torrents->thread, NULL, sok_torrents_run, torrents);
    if (failed) {
        torrents->thread = 0;
        sok_torrents_free(torrents);
        return sok_fail_errno(err, SOK_UNAVAILABLE, failed, "cannot start the torrent thread");
    }
    *ret = torrents;
    return SOK_OK;
}

int sok_torrents_port(struct sok_torrents *torrents)
{
    return sok_lt_port(torrents->lt);
}

const char *sok_torrents_version(void)
{
    return sok_lt_version();
}

void sok_torrents_set_limits(struct sok_torrents *torrents, int64_t down_kib, int64_t up_kib)
{
    sok_lt_set_limits(torrents->lt, down_kib, up_kib);
}

// --- Adding.

bool *sok_torrent_wanted(struct sok_arena *arena, const struct sok_torrent_info *info)
{
    bool *wanted = sok_alloc_array(arena, info->file_count, sizeof(*wanted));
    for (size_t i = 0; i < info->file_count; i++)
        wanted[i] = info->files[i].wanted;
    return wanted;
}

// Judges what is known, hands it to the session and enters it into the maps. The lock is held throughout, so
// that no alert of the new torrent is looked at before it can be found.
static enum sok_status enter_locked(
    struct sok_torrents *torrents, struct sok_lt_params *params, struct sok_torrent_entry *entry,
    struct sok_error *err)
{
    const struct sok_torrent_info *info = entry->info;
    const bool *wanted = info ? sok_torrent_wanted(entry->arena, info) : NULL;
    entry->id = torrents->next_id++;
    SOK_TRY(
        sok_lt_add(torrents->lt, params, wanted, info ? info->file_count : 0, entry->id, &entry->lt, err));
    HASH_ADD(by_key, torrents->by_key, key, SOK_TORRENT_KEY_LEN, entry);
    HASH_ADD(by_id, torrents->by_id, id, sizeof(entry->id), entry);
    sok_torrents_wake_locked(torrents);
    return SOK_OK;
}

static enum sok_status add_prepared(
    struct sok_torrents *torrents, const struct sok_torrent_add *add, struct sok_lt_params *params,
    const char *key, const void *torrent, size_t torrent_len, struct sok_error *err)
{
    struct sok_torrent_entry *entry = entry_new(add, key);
    enum sok_status status = SOK_OK;
    if (torrent) {
        struct sok_torrent_info *info = sok_alloc(entry->arena, sizeof(*info));
        status = sok_torrent_inspect(entry->arena, torrent, torrent_len, info, err);
        if (status == SOK_OK)
            sok_torrent_set_info_locked(entry, info);
    }
    pthread_mutex_lock(&torrents->lock);
    bool is_there = sok_torrent_find_locked(torrents, key) != NULL;
    if (status == SOK_OK && !is_there)
        status = enter_locked(torrents, params, entry, err);
    if (status != SOK_OK || is_there)
        sok_torrent_put_locked(entry);
    pthread_mutex_unlock(&torrents->lock);
    return status;
}

enum sok_status sok_torrent_add(
    struct sok_torrents *torrents, const struct sok_torrent_add *add, char ret_key[SOK_TORRENT_KEY_LEN + 1],
    struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(ENTRY_ARENA_BYTES);
    if (!add->magnet && !add->info_hash) {
        struct sok_torrent_info info;
        SOK_TRY(sok_torrent_inspect(arena, add->bytes, add->len, &info, err));
    } else {
        char key[SOK_TORRENT_KEY_LEN + 1];
        SOK_TRY(sok_torrent_key(arena, add->magnet ? add->magnet : add->info_hash, key, err));
    }
    struct sok_lt_params *params;
    const void *torrent;
    size_t torrent_len;
    char key[SOK_TORRENT_KEY_LEN + 1];
    SOK_TRY(sok_lt_prepare(arena, add, &params, key, &torrent, &torrent_len, err));
    enum sok_status status = add_prepared(torrents, add, params, key, torrent, torrent_len, err);
    sok_lt_params_free(params);
    if (status == SOK_OK)
        memcpy(ret_key, key, sizeof(key));
    return status;
}

// --- Looking.

static enum sok_torrent_state state_of(const struct sok_torrent_entry *entry)
{
    if (entry->error_status != SOK_OK)
        return SOK_TORRENT_FAILED;
    if (!entry->info)
        return SOK_TORRENT_METADATA;
    if (entry->status.is_checking || !entry->is_checked)
        return SOK_TORRENT_CHECKING;
    return entry->status.is_finished && entry->passed_count == 0 ? SOK_TORRENT_COMPLETE
                                                                 : SOK_TORRENT_DOWNLOADING;
}

static void fill_status(
    struct sok_arena *arena, const struct sok_torrent_entry *entry, struct sok_torrent_status *ret)
{
    const struct sok_lt_status *from = &entry->status;
    *ret = (struct sok_torrent_status){
        .state = state_of(entry),
        .paused = from->paused,
        .has_metadata = entry->info != NULL,
        .name = sok_strdup(arena, entry->name),
        .save_path = sok_strdup(arena, entry->save_path),
        .size_bytes = from->size_bytes,
        .done_bytes = from->done_bytes,
        .progress = from->progress,
        .downloaded_bytes = from->downloaded_bytes,
        .uploaded_bytes = from->uploaded_bytes,
        .down_bytes_s = from->down_bytes_s,
        .up_bytes_s = from->up_bytes_s,
        .peers = from->peers,
        .seeds = from->seeds,
        .seeding_s = from->seeding_s,
        .active_s = from->active_s,
        .piece_bytes = entry->info ? entry->info->piece_bytes : 0,
        .resume_changed = from->resume_changed,
        .error_status = entry->error_status,
        .error = entry->error_status != SOK_OK ? sok_strdup(arena, entry->error) : NULL,
    };
    memcpy(ret->key, entry->key, sizeof(ret->key));
}

enum sok_status sok_torrent_status(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key, struct sok_torrent_status *ret,
    struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    pthread_mutex_lock(&torrents->lock);
    fill_status(arena, entry, ret);
    sok_torrent_put_locked(entry);
    pthread_mutex_unlock(&torrents->lock);
    return SOK_OK;
}

static const struct sok_torrent_info *info_of(
    struct sok_torrents *torrents, const struct sok_torrent_entry *entry)
{
    pthread_mutex_lock(&torrents->lock);
    const struct sok_torrent_info *info = entry->info;
    pthread_mutex_unlock(&torrents->lock);
    return info;
}

enum sok_status sok_torrent_files(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key,
    struct sok_torrent_file **ret_files, size_t *ret_count, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    const struct sok_torrent_info *info = info_of(torrents, entry);
    size_t count = info ? info->file_count : 0;
    struct sok_torrent_file *files = sok_alloc_array(arena, count, sizeof(*files));
    int64_t *done = sok_alloc_array(arena, count, sizeof(*done));
    if (count)
        sok_lt_file_progress(entry->lt, done, count);
    pthread_mutex_lock(&torrents->lock);
    for (size_t i = 0; i < count; i++) {
        files[i] = info->files[i];
        files[i].path = sok_strdup(arena, info->files[i].path);
        files[i].done_bytes = done[i];
    }
    sok_torrent_put_locked(entry);
    pthread_mutex_unlock(&torrents->lock);
    *ret_files = files;
    *ret_count = count;
    return SOK_OK;
}

enum sok_status sok_torrent_metadata(
    struct sok_torrents *torrents, struct sok_arena *arena, const char *key, const void **ret_bytes,
    size_t *ret_len, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    enum sok_status status = sok_lt_metadata(arena, entry->lt, ret_bytes, ret_len, err);
    sok_torrent_put(torrents, entry);
    return status;
}

// --- Commanding.

enum sok_status sok_torrent_pause(struct sok_torrents *torrents, const char *key, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    sok_lt_pause(entry->lt);
    sok_torrent_put(torrents, entry);
    return SOK_OK;
}

enum sok_status sok_torrent_resume(struct sok_torrents *torrents, const char *key, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    pthread_mutex_lock(&torrents->lock);
    bool is_refused = entry->error_status == SOK_INVALID;
    if (!is_refused)
        entry->error_status = SOK_OK;
    pthread_mutex_unlock(&torrents->lock);
    if (!is_refused)
        sok_lt_resume(entry->lt);
    sok_torrent_put(torrents, entry);
    return is_refused ? sok_fail(err, SOK_CONFLICT, "the torrent's content was refused") : SOK_OK;
}

static void dig_grave_locked(struct sok_torrents *torrents, const struct sok_torrent_entry *entry)
{
    struct sok_torrent_grave *grave = zeroed(1, sizeof(*grave));
    memcpy(grave->key, entry->key, sizeof(grave->key));
    grave->save_path = strdup(entry->save_path);
    if (!grave->save_path)
        sok_panic("out of memory for a torrent");
    grave->next = torrents->graves;
    torrents->graves = grave;
}

enum sok_status sok_torrent_remove(
    struct sok_torrents *torrents, const char *key, bool delete_files, struct sok_error *err)
{
    pthread_mutex_lock(&torrents->lock);
    struct sok_torrent_entry *entry = sok_torrent_find_locked(torrents, key);
    if (entry) {
        if (delete_files)
            dig_grave_locked(torrents, entry);
        HASH_DELETE(by_key, torrents->by_key, entry);
        HASH_DELETE(by_id, torrents->by_id, entry);
        torrents->passed_count -= entry->passed_count;
        sok_lt_remove(torrents->lt, entry->lt, delete_files);
        sok_torrent_put_locked(entry);
        sok_torrents_wake_locked(torrents);
    }
    pthread_mutex_unlock(&torrents->lock);
    return entry ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "no such torrent is running");
}

enum sok_status sok_torrent_set_wanted(
    struct sok_torrents *torrents, const char *key, const bool *wanted, size_t count, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    pthread_mutex_lock(&torrents->lock);
    bool fits = entry->info && entry->info->file_count == count;
    for (size_t i = 0; fits && i < count; i++)
        entry->info->files[i].wanted = wanted[i];
    pthread_mutex_unlock(&torrents->lock);
    if (fits)
        sok_lt_set_wanted(entry->lt, wanted, count);
    sok_torrent_put(torrents, entry);
    return fits ? SOK_OK : sok_fail(err, SOK_CONFLICT, "the torrent's files are not known yet");
}

enum sok_status sok_torrent_connect_peer(
    struct sok_torrents *torrents, const char *key, const char *address, int port, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    bool is_address = port > 0 && port < 65536 && sok_lt_connect_peer(entry->lt, address, port);
    sok_torrent_put(torrents, entry);
    return is_address ? SOK_OK : sok_fail(err, SOK_INVALID, "not a peer's address: %.60s", address);
}

enum sok_status sok_torrent_request_resume(
    struct sok_torrents *torrents, const char *key, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    sok_lt_save_resume(entry->lt);
    sok_torrent_put(torrents, entry);
    return SOK_OK;
}

enum sok_status sok_torrent_take_resume(
    struct sok_torrents *torrents, const char *key, void **ret_bytes, size_t *ret_len, struct sok_error *err)
{
    struct sok_torrent_entry *entry = sok_torrent_take(torrents, key, err);
    if (!entry)
        return SOK_NOT_FOUND;
    pthread_mutex_lock(&torrents->lock);
    void *bytes = entry->resume;
    if (bytes) {
        *ret_bytes = bytes;
        *ret_len = entry->resume_len;
        entry->resume = NULL;
    }
    sok_torrent_put_locked(entry);
    pthread_mutex_unlock(&torrents->lock);
    return bytes ? SOK_OK : sok_fail(err, SOK_NOT_FOUND, "no resume data is ready");
}
