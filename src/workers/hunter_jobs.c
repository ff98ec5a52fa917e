// What takes long and must not hold up the other downloads: fetching a .torrent, and importing into the
// library.
#include <stdatomic.h>

#include "base/text.h"
#include "base/time.h"
#include "net/http_client.h"
#include "runtime/log.h"
#include "services/auth/secretbox.h"
#include "workers/hunter-private.h"

#define FETCH_TIMEOUT_MS 30000

static void finish(struct sok_hunt *hunt)
{
    sok_log_set_context("", "");
    atomic_store(&hunt->job.done, true);
    sok_torrents_wake(hunt->hunter->env.torrents);
}

static void start(struct sok_hunt *hunt, void (*run)(void *context))
{
    struct sok_hunt_job *job = &hunt->job;
    job->status = SOK_OK;
    job->err = (struct sok_error){0};
    atomic_store(&job->done, false);
    job->is_out = sok_pool_submit(hunt->hunter->pool, run, hunt);
    if (!job->is_out)
        job->status = sok_fail(&job->err, SOK_UNAVAILABLE, "too much is being imported at once");
    if (!job->is_out && hunt->phase == SOK_HUNT_FETCHING) {
        atomic_store(&job->done, true);
        job->is_out = true;
    }
}

static void new_arena(struct sok_hunt_job *job)
{
    sok_arena_free(job->arena);
    job->arena = sok_arena_new(0);
}

bool sok_hunt_take_job(struct sok_hunt *hunt)
{
    if (hunt->job.is_out && !atomic_load(&hunt->job.done))
        return false;
    hunt->job.is_out = false;
    return true;
}

// --- Fetching.

static enum sok_status check_fetched(struct sok_hunt_job *job, const struct sok_http_reply *reply)
{
    if (reply->magnet) {
        job->fetch.magnet = reply->magnet;
        return SOK_OK;
    }
    struct sok_torrent_info info;
    job->fetch.bytes = reply->body;
    job->fetch.len = reply->body_len;
    return sok_torrent_inspect(job->arena, reply->body, reply->body_len, &info, &job->err);
}

static void run_fetch(void *context)
{
    struct sok_hunt *hunt = context;
    struct sok_hunt_job *job = &hunt->job;
    struct sok_http_reply reply = {0};
    sok_hunt_enter(hunt);
    struct sok_http_fetch fetch = {.timeout_ms = FETCH_TIMEOUT_MS, .max_bytes = SOK_TORRENT_FILE_MAX_BYTES};
    job->status = sok_secretbox_open_url(
        hunt->hunter->env.secretbox, job->arena, job->fetch.url, &fetch.url, &job->err);
    if (job->status == SOK_OK)
        job->status = sok_http_fetch(hunt->hunter->env.http, job->arena, &fetch, &reply, &job->err);
    if (job->status == SOK_OK)
        job->status = check_fetched(job, &reply);
    finish(hunt);
}

void sok_hunt_fetch(struct sok_hunt *hunt)
{
    new_arena(&hunt->job);
    hunt->job.fetch.url = sok_strdup(hunt->job.arena, hunt->row.torrent_url); // sealed: run_fetch opens it
    hunt->job.fetch.magnet = NULL;
    hunt->job.fetch.bytes = NULL;
    hunt->job.fetch.len = 0;
    start(hunt, run_fetch);
}

// --- Importing.

// Linking costs nothing and keeps the download seeding. Where the library lies on another file system there
// is no other way than copying, and then the task says so.
static void run_import(void *context)
{
    struct sok_hunt *hunt = context;
    struct sok_hunt_job *job = &hunt->job;
    struct sok_library *library = hunt->hunter->env.library;
    struct sok_import *import = &job->import.import;
    sok_hunt_enter(hunt);
    int64_t started_ms = sok_time_mono_ms();
    import->mode = SOK_IMPORT_LINK;
    job->import.note = NULL;
    job->status = sok_library_import(library, job->arena, import, &job->import.result, &job->err);
    if (job->status == SOK_UNSUPPORTED && sok_text_eq(job->err.code, "cross_device")) {
        job->err = (struct sok_error){0};
        job->import.note = "copied: the library lies on another file system than the downloads";
        import->mode = SOK_IMPORT_COPY;
        job->status = sok_library_import(library, job->arena, import, &job->import.result, &job->err);
    }
    struct sok_metrics *metrics = hunt->hunter->env.metrics;
    sok_metric_observe(
        metrics, SOK_METRIC_IMPORT_SECONDS, (double)(sok_time_mono_ms() - started_ms) / 1000, 0);
    sok_metric_add(
        metrics, SOK_METRIC_IMPORTS, 1, job->status == SOK_OK ? SOK_OUTCOME_COMPLETED : SOK_OUTCOME_FAILED, 0,
        0);
    finish(hunt);
}

// The work may have been merged into another one, or deleted, since the download began.
static bool has_media(struct sok_hunt *hunt)
{
    struct sok_hunt_job *job = &hunt->job;
    struct sok_download row;
    job->err = (struct sok_error){0};
    job->status =
        sok_downloads_find(sok_db_reader(hunt->hunter->env.db), job->arena, hunt->row.id, &row, &job->err);
    if (job->status != SOK_OK)
        return false;
    hunt->row.media_id = sok_strdup(hunt->arena, row.media_id);
    if (hunt->row.media_id || sok_hunt_store_media(hunt))
        return true;
    job->status = sok_fail(&job->err, SOK_UNAVAILABLE, "the work of the download cannot be stored");
    return false;
}

void sok_hunt_import(struct sok_hunt *hunt)
{
    struct sok_hunt_job *job = &hunt->job;
    new_arena(job);
    if (!has_media(hunt))
        return;
    struct sok_torrent_file *files;
    size_t count, wanted = 0;
    job->status =
        sok_torrent_files(hunt->hunter->env.torrents, job->arena, hunt->key, &files, &count, &job->err);
    if (job->status != SOK_OK)
        return;
    struct sok_import_file *list = sok_alloc_array(job->arena, count, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        if (files[i].wanted && !(files[i].flags & SOK_TORRENT_FILE_PAD))
            list[wanted++] = (struct sok_import_file){files[i].path, files[i].size_bytes};
    job->import.import = (struct sok_import){
        .media_id = sok_strdup(job->arena, hunt->row.media_id),
        .folder = sok_strdup(job->arena, hunt->row.save_path),
        .release_name = sok_strdup(job->arena, hunt->row.title),
        .files = list,
        .file_count = wanted,
        .source = "torrent",
        .download_id = sok_strdup(job->arena, hunt->row.id),
    };
    job->import.result = (struct sok_import_result){0};
    start(hunt, run_import);
}
