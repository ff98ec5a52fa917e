// One download's way: waiting, fetching its .torrent, running, importing, seeding, ended. Each step looks at
// what is so and does the next thing; nothing here depends on an earlier step of this process, so a kill at
// any instant is made good by starting again from the row.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runtime/log.h"
#include "services/torrent/download_view.h"
#include "workers/hunter-private.h"

#define METADATA_PATIENCE_MS 60000
#define STALL_PATIENCE_MS 120000
#define SPACE_RETRY_MS 2000
#define ERROR_RETRY_MS 30000
#define ROOM_BYTES ((int64_t)32 << 20)

static struct sok_torrents *torrents_of(const struct sok_hunt *hunt)
{
    return hunt->hunter->env.torrents;
}

static bool wants(const struct sok_hunt *hunt, const char *wanted)
{
    return sok_text_eq(hunt->row.wanted, wanted);
}

bool sok_hunt_is_active(const struct sok_hunt *hunt)
{
    return hunt->phase == SOK_HUNT_FETCHING || (hunt->phase == SOK_HUNT_RUNNING && !wants(hunt, "paused"));
}

int sok_hunter_active(const struct sok_hunter *hunter)
{
    int count = 0;
    for (const struct sok_hunt *hunt = hunter->hunts; hunt; hunt = hunt->next)
        count += sok_hunt_is_active(hunt);
    return count;
}

static bool has_slot(const struct sok_hunter *hunter)
{
    return hunter->env.config->torrent_max_active <= 0 ||
           sok_hunter_active(hunter) < hunter->env.config->torrent_max_active;
}

static bool is_over(const struct sok_hunter *hunter)
{
    return hunter->env.config->torrent_max_active > 0 &&
           sok_hunter_active(hunter) > hunter->env.config->torrent_max_active;
}

void sok_hunt_set_status(struct sok_hunt *hunt, const char *status)
{
    if (sok_text_eq(hunt->row.status, status))
        return;
    hunt->row.status = status; // always a literal
    hunt->is_dirty = true;
    hunt->event_at = 0;
}

void sok_hunt_set_error(struct sok_hunt *hunt, const char *error)
{
    if (sok_text_eq(hunt->row.error, error))
        return;
    hunt->row.error = sok_strdup(hunt->arena, error);
    hunt->is_dirty = true;
}

bool sok_hunt_shares_torrent(const struct sok_hunt *hunt)
{
    for (const struct sok_hunt *other = hunt->hunter->hunts; other; other = other->next)
        if (other != hunt && other->in_session && strcmp(other->key, hunt->key) == 0)
            return true;
    return false;
}

// Whether somebody else wants the same torrent to run.
static bool runs_for_another(const struct sok_hunt *hunt)
{
    for (const struct sok_hunt *other = hunt->hunter->hunts; other; other = other->next)
        if (other != hunt && other->in_session && strcmp(other->key, hunt->key) == 0 && wants(other, "run"))
            return true;
    return false;
}

void sok_hunt_leave_session(struct sok_hunt *hunt, bool delete_files)
{
    bool is_shared = sok_hunt_shares_torrent(hunt);
    if (hunt->in_session && !is_shared)
        (void)sok_torrent_remove(torrents_of(hunt), hunt->key, delete_files, NULL);
    else if (delete_files && !is_shared)
        sok_hunter_delete_folder(hunt->hunter, hunt->key);
    hunt->in_session = false;
}

static void fail(struct sok_hunt *hunt, const struct sok_error *why, bool may_retry)
{
    if (!sok_hunt_store_failed(hunt, why, may_retry))
        return;
    sok_hunter_log(hunt, "download failed", why);
    sok_hunt_leave_session(hunt, false);
    hunt->phase = SOK_HUNT_ENDED;
}

static bool should_retry(const struct sok_error *why)
{
    return sok_status_info(why->status)->retry;
}

// --- Into the session.

static enum sok_status add_to_session(
    struct sok_hunt *hunt, struct sok_arena *arena, const struct sok_bytes *torrent, struct sok_error *err)
{
    struct sok_torrent_add add = {
        .ends_first = true, .paused = wants(hunt, "paused") && !runs_for_another(hunt)};
    if (torrent->len) {
        add.bytes = torrent->data;
        add.len = torrent->len;
    } else if (hunt->magnet) {
        add.magnet = hunt->magnet;
    } else {
        add.info_hash = hunt->row.info_hash;
    }
    if (hunt->key[0] == '\0' && torrent->len) {
        struct sok_torrent_info info;
        SOK_TRY(sok_torrent_inspect(arena, torrent->data, torrent->len, &info, err));
        memcpy(hunt->key, info.key, sizeof(hunt->key));
    } else if (hunt->key[0] == '\0') {
        SOK_TRY(sok_torrent_key(arena, hunt->magnet ? hunt->magnet : hunt->row.info_hash, hunt->key, err));
    }
    add.save_path = sok_format(hunt->arena, "%s/%s", hunt->hunter->download_dir, hunt->key);
    (void)sok_hunt_read_resume(hunt, arena, &add.resume, &add.resume_len);
    SOK_TRY(sok_torrent_add(torrents_of(hunt), &add, hunt->key, err));
    hunt->row.save_path = add.save_path;
    hunt->row.info_hash = hunt->key;
    hunt->in_session = true;
    return SOK_OK;
}

static void enter(struct sok_hunt *hunt, const struct sok_bytes *torrent, enum sok_hunt_phase phase)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    enum sok_status status = add_to_session(hunt, arena, torrent, &err);
    if (status != SOK_OK) {
        fail(hunt, &err, should_retry(&err));
        return;
    }
    hunt->phase = phase;
    hunt->is_dirty = true;
    if (phase == SOK_HUNT_RUNNING && wants(hunt, "run")) {
        sok_hunt_set_status(hunt, "downloading");
        (void)sok_torrent_resume(
            torrents_of(hunt), hunt->key, NULL); // it may be there, paused for somebody else
    }
}

static void begin(struct sok_hunt *hunt)
{
    if (hunt->row.torrent.len || hunt->magnet || !hunt->row.torrent_url) {
        enter(hunt, &hunt->row.torrent, SOK_HUNT_RUNNING);
        return;
    }
    hunt->phase = SOK_HUNT_FETCHING;
    sok_hunt_set_status(hunt, "downloading");
    sok_hunt_fetch(hunt);
}

static void step_waiting(struct sok_hunt *hunt)
{
    if (wants(hunt, "cancelled")) {
        sok_hunt_obey(hunt, "cancelled", hunt->row.delete_files);
        return;
    }
    if (wants(hunt, "paused")) {
        sok_hunt_set_status(hunt, "paused");
        return;
    }
    if (has_slot(hunt->hunter))
        begin(hunt);
    else
        sok_hunt_set_status(hunt, "queued");
}

static void step_fetching(struct sok_hunt *hunt)
{
    if (!sok_hunt_take_job(hunt))
        return;
    if (wants(hunt, "cancelled")) {
        sok_hunt_obey(hunt, "cancelled", hunt->row.delete_files);
        return;
    }
    bool is_hostile = sok_text_eq(hunt->job.err.code, "torrent_refused");
    if (hunt->job.status != SOK_OK && (is_hostile || !hunt->row.info_hash)) {
        fail(hunt, &hunt->job.err, should_retry(&hunt->job.err));
        return;
    }
    struct sok_bytes torrent = {hunt->job.fetch.bytes, hunt->job.fetch.len};
    if (hunt->job.status != SOK_OK) // the hash is known all the same: the swarm may have it
        torrent.len = 0;
    hunt->magnet = sok_strdup(hunt->arena, hunt->job.fetch.magnet);
    enter(hunt, &torrent, SOK_HUNT_RUNNING);
    if (hunt->in_session && torrent.len)
        (void)sok_hunt_store_torrent(hunt, torrent.data, torrent.len);
}

// --- Running.

static void publish_progress(struct sok_hunt *hunt, int64_t mono_ms)
{
    if (hunt->event_at && mono_ms - hunt->event_at < SOK_HUNT_EVENT_MS)
        return;
    hunt->event_at = mono_ms;
    sok_hunt_publish(hunt, "download.progress");
}

// What came since the last look; at the first one, since the row was written. The torrent's own figures are
// of all its sessions, and begin anew where its resume data is lost.
static void count_bytes(struct sok_hunt *hunt, const struct sok_torrent_status *status)
{
    struct sok_metrics *metrics = hunt->hunter->env.metrics;
    if (!hunt->is_measured) {
        hunt->metric_bytes = hunt->row.downloaded_bytes;
        hunt->metric_uploaded = hunt->row.uploaded_bytes;
    }
    hunt->is_measured = true;
    int64_t down = status->downloaded_bytes - hunt->metric_bytes;
    int64_t up = status->uploaded_bytes - hunt->metric_uploaded;
    if (down > 0)
        sok_metric_add(metrics, SOK_METRIC_DOWNLOAD_BYTES, (double)down, 0, 0, 0);
    if (up > 0)
        sok_metric_add(metrics, SOK_METRIC_DOWNLOAD_UPLOADED, (double)up, 0, 0, 0);
    hunt->metric_bytes = status->downloaded_bytes;
    hunt->metric_uploaded = status->uploaded_bytes;
}

// Says what a download without progress waits for.
static void watch_idleness(struct sok_hunt *hunt, const struct sok_torrent_status *status, int64_t mono_ms)
{
    bool moves = status->downloaded_bytes != hunt->idle_bytes || status->paused ||
                 status->state == SOK_TORRENT_CHECKING;
    hunt->idle_bytes = status->downloaded_bytes;
    if (moves || !hunt->idle_since) {
        hunt->idle_since = mono_ms;
        sok_hunt_set_error(hunt, NULL);
        return;
    }
    int64_t idle_ms = mono_ms - hunt->idle_since;
    if (status->state == SOK_TORRENT_METADATA && idle_ms > METADATA_PATIENCE_MS)
        sok_hunt_set_error(hunt, "no peer has told yet what the torrent contains; still looking for peers");
    else if (status->state == SOK_TORRENT_DOWNLOADING && idle_ms > STALL_PATIENCE_MS)
        sok_hunt_set_error(
            hunt, status->peers ? "stalled: no connected peer has the missing pieces" : "stalled: no peers");
}

static void step_failed(struct sok_hunt *hunt, const struct sok_torrent_status *status, int64_t mono_ms)
{
    if (status->error_status == SOK_INVALID) {
        struct sok_error why = {0};
        (void)sok_fail(&why, SOK_INVALID, "%s", status->error);
        why.code = "torrent_refused";
        fail(hunt, &why, false);
        return;
    }
    sok_hunt_set_error(hunt, status->error);
    bool is_full = status->error_status == SOK_NO_SPACE;
    if (!hunt->retry_at)
        hunt->retry_at = mono_ms + (is_full ? SPACE_RETRY_MS : ERROR_RETRY_MS);
    if (mono_ms < hunt->retry_at)
        return;
    hunt->retry_at = 0;
    int64_t left = status->size_bytes - status->done_bytes;
    int64_t needed = left < ROOM_BYTES ? left : ROOM_BYTES;
    if (!is_full || sok_hunt_free_bytes(hunt) > needed)
        (void)sok_torrent_resume(torrents_of(hunt), hunt->key, NULL);
}

// What is known once the metadata is there: the files, the torrent itself, the work.
static void learn(struct sok_hunt *hunt, const struct sok_torrent_status *status)
{
    if (hunt->files_stored || !status->has_metadata)
        return;
    if (!sok_text_empty(status->name) && !hunt->row.search_result_id)
        hunt->row.title = sok_strdup(hunt->arena, status->name);
    hunt->row.size_bytes = status->size_bytes;
    if (!sok_hunt_store_files(hunt))
        return;
    if (!hunt->row.media_id && !sok_hunt_store_media(hunt))
        return;
    hunt->files_stored = true;
    hunt->is_dirty = true;
    sok_hunt_keep_resume(hunt, true, true, 0);
}

static void step_complete(struct sok_hunt *hunt, int64_t mono_ms)
{
    sok_hunt_set_error(hunt, NULL);
    if (!hunt->files_stored)
        return;
    if (!hunt->row.completed_at)
        hunt->row.completed_at = sok_clock_now_ms(hunt->hunter->env.clock);
    sok_hunt_set_status(hunt, "importing");
    sok_hunt_keep_resume(hunt, true, true, mono_ms);
    hunt->phase = SOK_HUNT_IMPORTING;
    hunt->retry_at = 0;
    sok_hunt_import(hunt);
}

static bool refresh(struct sok_hunt *hunt, struct sok_arena *arena, struct sok_torrent_status *ret)
{
    if (sok_torrent_status(torrents_of(hunt), arena, hunt->key, ret, NULL) != SOK_OK) {
        hunt->in_session = false; // somebody removed it: start again from the row
        hunt->phase = SOK_HUNT_WAITING;
        return false;
    }
    count_bytes(hunt, ret);
    sok_download_refresh(&hunt->row, ret);
    return true;
}

static void step_running(struct sok_hunt *hunt, int64_t mono_ms)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrent_status status;
    if (!refresh(hunt, arena, &status))
        return;
    learn(hunt, &status);
    if (status.state == SOK_TORRENT_FAILED) {
        step_failed(hunt, &status, mono_ms);
    } else if (status.state == SOK_TORRENT_COMPLETE && !wants(hunt, "paused")) {
        step_complete(hunt, mono_ms);
        return;
    } else {
        hunt->retry_at = 0;
        watch_idleness(hunt, &status, mono_ms);
    }
    if (hunt->phase != SOK_HUNT_RUNNING)
        return;
    sok_hunt_keep_resume(hunt, status.resume_changed, false, mono_ms);
    publish_progress(hunt, mono_ms);
}

// --- Importing and seeding.

static bool seeds_at_all(const struct sok_config *config)
{
    return config->seed_hours > 0 || config->seed_ratio > 0;
}

static void finish_import(struct sok_hunt *hunt)
{
    const char *status = seeds_at_all(hunt->hunter->env.config) ? "seeding" : "completed";
    if (!sok_hunt_store_imported(hunt, status))
        return;
    hunt->fence = 0;
    hunt->phase = SOK_HUNT_SEEDING;
    hunt->event_at = 0;
    sok_metric_observe(
        hunt->hunter->env.metrics, SOK_METRIC_DOWNLOAD_SECONDS,
        (double)(hunt->row.completed_at - hunt->row.created_at) / 1000, 0);
    sok_hunt_publish(hunt, "download.completed");
    sok_hunt_publish_library(hunt);
    sok_hunter_log(hunt, "download complete", NULL);
}

static void step_importing(struct sok_hunt *hunt, int64_t mono_ms)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrent_status status = {0};
    if (sok_torrent_status(torrents_of(hunt), arena, hunt->key, &status, NULL) == SOK_OK)
        sok_download_refresh(&hunt->row, &status);
    sok_hunt_keep_resume(hunt, status.resume_changed, false, mono_ms);
    publish_progress(hunt, mono_ms);
    if (hunt->job.is_out) {
        if (!sok_hunt_take_job(hunt))
            return;
        hunt->retry_at = mono_ms + SPACE_RETRY_MS;
    }
    if (wants(hunt, "cancelled")) {
        sok_hunt_obey(hunt, "cancelled", hunt->row.delete_files);
        return;
    }
    enum sok_status outcome = hunt->job.status;
    bool has_nothing = outcome == SOK_INVALID && sok_text_eq(hunt->job.err.code, "nothing_to_import");
    if (outcome == SOK_OK || has_nothing) {
        sok_hunt_set_error(hunt, has_nothing ? hunt->job.err.message : NULL);
        finish_import(hunt);
    } else if (outcome != SOK_NOT_FOUND && !should_retry(&hunt->job.err)) { // not found: the work was merged
        fail(hunt, &hunt->job.err, false);
    } else {
        sok_hunt_set_error(hunt, hunt->job.err.message);
        if (mono_ms >= hunt->retry_at)
            sok_hunt_import(hunt);
    }
}

static bool has_seeded_enough(const struct sok_hunt *hunt, const struct sok_torrent_status *status)
{
    const struct sok_config *config = hunt->hunter->env.config;
    if (!seeds_at_all(config))
        return true;
    return (config->seed_hours > 0 && (double)status->seeding_s >= config->seed_hours * 3600) ||
           (config->seed_ratio > 0 && status->size_bytes > 0 &&
            (double)status->uploaded_bytes >= config->seed_ratio * (double)status->size_bytes);
}

// The library has its own name for what it took; what lies in the download folder was for seeding.
static void end_seeding(struct sok_hunt *hunt)
{
    sok_hunt_set_status(hunt, "completed");
    hunt->row.download_speed = hunt->row.upload_speed = 0;
    hunt->row.peers = hunt->row.seeds = 0;
    bool is_in_library;
    if (!sok_hunt_store_ended(hunt, &is_in_library))
        return;
    sok_hunt_publish(hunt, "download.progress");
    sok_hunt_leave_session(hunt, is_in_library);
    if (!sok_hunt_shares_torrent(hunt))
        sok_hunter_drop_resume(hunt->hunter, hunt->key);
    hunt->phase = SOK_HUNT_ENDED;
}

static void step_seeding(struct sok_hunt *hunt, int64_t mono_ms)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrent_status status;
    if (!hunt->in_session) { // after a restart
        if (!seeds_at_all(hunt->hunter->env.config))
            end_seeding(hunt);
        else
            enter(hunt, &hunt->row.torrent, SOK_HUNT_SEEDING);
        return;
    }
    if (!refresh(hunt, arena, &status)) {
        hunt->phase = SOK_HUNT_SEEDING;
        return;
    }
    hunt->row.seeding_ms = status.seeding_s * 1000;
    hunt->row.eta_seconds = 0;
    sok_hunt_keep_resume(hunt, status.resume_changed, false, mono_ms);
    if (!wants(hunt, "paused") && has_seeded_enough(hunt, &status)) {
        end_seeding(hunt);
        return;
    }
    if (status.up_bytes_s || hunt->is_dirty)
        publish_progress(hunt, mono_ms);
}

void sok_hunt_step(struct sok_hunt *hunt, int64_t mono_ms)
{
    switch (hunt->phase) {
    case SOK_HUNT_WAITING:
        step_waiting(hunt);
        break;
    case SOK_HUNT_FETCHING:
        step_fetching(hunt);
        break;
    case SOK_HUNT_RUNNING:
        step_running(hunt, mono_ms);
        break;
    case SOK_HUNT_IMPORTING:
        step_importing(hunt, mono_ms);
        break;
    case SOK_HUNT_SEEDING:
        step_seeding(hunt, mono_ms);
        break;
    case SOK_HUNT_ENDED:
        break;
    }
}

// --- Commands.

static void cancel(struct sok_hunt *hunt)
{
    if (hunt->job.is_out && !sok_hunt_take_job(hunt))
        return; // the pool works for it: as soon as that is done
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrent_status status;
    if (hunt->in_session && sok_torrent_status(torrents_of(hunt), arena, hunt->key, &status, NULL) == SOK_OK)
        sok_download_refresh(&hunt->row, &status);
    bool is_wanted_elsewhere; // by another hunter's download, perhaps: its files are the same
    if (!sok_hunt_store_cancelled(hunt, &is_wanted_elsewhere))
        return;
    bool is_shared = sok_hunt_shares_torrent(hunt) || is_wanted_elsewhere;
    sok_hunt_leave_session(hunt, hunt->row.delete_files && !is_shared);
    if (!is_shared)
        sok_hunter_drop_resume(hunt->hunter, hunt->key);
    sok_hunt_publish(hunt, "download.progress");
    hunt->phase = SOK_HUNT_ENDED;
}

void sok_hunt_obey(struct sok_hunt *hunt, const char *wanted, bool delete_files)
{
    bool is_new = !sok_text_eq(hunt->row.wanted, wanted);
    static const char *const wishes[] = {
        "run", "paused", "cancelled"}; // literals: this is called all the time
    for (size_t i = 0; i < SOK_ARRAY_LEN(wishes); i++)
        if (sok_text_eq(wanted, wishes[i]))
            hunt->row.wanted = wishes[i];
    hunt->row.delete_files = delete_files;
    if (wants(hunt, "cancelled")) {
        cancel(hunt);
        return;
    }
    if (!is_new || !hunt->in_session)
        return;
    if (wants(hunt, "paused")) {
        if (!runs_for_another(hunt))
            (void)sok_torrent_pause(torrents_of(hunt), hunt->key, NULL);
        if (hunt->phase == SOK_HUNT_IMPORTING)
            return; // the transfer rests; the import goes on and then says so
        hunt->row.download_speed = hunt->row.upload_speed = 0;
        sok_hunt_set_status(hunt, "paused");
        sok_hunt_keep_resume(hunt, true, true, 0);
    } else if (hunt->phase == SOK_HUNT_RUNNING && is_over(hunt->hunter)) {
        sok_hunt_leave_session(hunt, false); // back into the line
        hunt->phase = SOK_HUNT_WAITING;
    } else {
        (void)sok_torrent_resume(torrents_of(hunt), hunt->key, NULL);
        sok_hunt_set_status(hunt, hunt->phase == SOK_HUNT_SEEDING ? "seeding" : "downloading");
        hunt->idle_since = 0;
    }
}
