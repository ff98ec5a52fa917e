// What became known of a download on its way: its torrent, the torrent's files, and the work it is of.
#include <string.h>

#include "base/text.h"
#include "data/media.h"
#include "data/tasks.h"
#include "domain/release.h"
#include "workers/hunter-private.h"

struct torrent_write {
    struct sok_hunt *hunt;
    const void *bytes;
    size_t len;
};

static enum sok_status write_torrent(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct torrent_write *write = context;
    return sok_downloads_set_torrent(
        tx, write->hunt->row.id, write->bytes, write->len, sok_hunter_now_ms(write->hunt->hunter), err);
}

bool sok_hunt_store_torrent(struct sok_hunt *hunt, const void *bytes, size_t len)
{
    struct torrent_write write = {hunt, bytes, len};
    struct sok_error err = {0};
    sok_hunt_report(hunt);
    if (hunt->phase == SOK_HUNT_ENDED)
        return false;
    return sok_hunt_did(
        hunt, sok_db_write(hunt->hunter->env.db, write_torrent, &write, &err), "cannot keep a torrent", &err);
}

struct files_write {
    struct sok_hunt *hunt;
    struct sok_download_file *files;
    size_t count;
    const void *torrent;
    size_t torrent_len;
};

static enum sok_status write_files(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct files_write *write = context;
    const char *id = write->hunt->row.id;
    int64_t now_ms = sok_hunter_now_ms(write->hunt->hunter);
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_download_file *old;
    size_t old_count;
    SOK_TRY(sok_download_files_list(tx, arena, id, &old, &old_count, err));
    if (old_count != write->count) // after a restart they are there, with what was imported
        SOK_TRY(sok_download_files_replace(tx, id, write->files, write->count, err));
    if (write->torrent)
        SOK_TRY(sok_downloads_set_torrent(tx, id, write->torrent, write->torrent_len, now_ms, err));
    return SOK_OK;
}

bool sok_hunt_store_files(struct sok_hunt *hunt)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_torrents *torrents = hunt->hunter->env.torrents;
    struct files_write write = {.hunt = hunt};
    struct sok_error err = {0};
    struct sok_torrent_file *files;
    size_t count;
    if (sok_torrent_files(torrents, arena, hunt->key, &files, &count, &err) != SOK_OK)
        return false;
    write.files = sok_alloc_array(arena, count, sizeof(*write.files));
    for (size_t i = 0; i < count; i++) {
        if (files[i].flags & SOK_TORRENT_FILE_PAD)
            continue;
        write.files[write.count++] = (struct sok_download_file){
            .download_id = hunt->row.id,
            .file_index = files[i].index,
            .path = files[i].path,
            .size_bytes = files[i].size_bytes,
            .downloaded_bytes = files[i].done_bytes,
            .wanted = files[i].wanted,
        };
    }
    if (!hunt->row.torrent.len &&
        sok_torrent_metadata(torrents, arena, hunt->key, &write.torrent, &write.torrent_len, &err) != SOK_OK)
        return false;
    return sok_hunt_did(
        hunt, sok_db_write(hunt->hunter->env.db, write_files, &write, &err), "cannot keep a torrent's files",
        &err);
}

// --- The work of a download that was started without one.

struct media_write {
    struct sok_hunt *hunt;
    struct sok_arena *arena;
    const struct sok_release *release;
    char media_id[SOK_UUID_LEN + 1], task_id[SOK_UUID_LEN + 1];
    bool is_new;
};

static enum sok_status insert_media(struct sok_db_tx *tx, struct media_write *write, struct sok_error *err)
{
    int64_t now_ms = sok_hunter_now_ms(write->hunt->hunter);
    bool is_series = sok_text_eq(write->release->type, "episode");
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = write->media_id;
    media.media_type = is_series ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE;
    media.title = write->release->title;
    media.year = write->release->year;
    media.origin = "file";
    media.created_at = media.updated_at = now_ms;
    SOK_TRY(sok_media_insert(tx, &media, err));
    struct sok_task task = {
        .id = write->task_id,
        .task_type = sok_job_name(SOK_JOB_MONITOR),
        .payload = sok_format(write->arena, "{\"kind\":\"enrich\",\"media_id\":\"%s\"}", write->media_id),
        .media_id = write->media_id,
        .request_id = write->hunt->request_id,
        .traceparent = write->hunt->traceparent,
        .run_at = now_ms,
        .created_at = now_ms,
        .updated_at = now_ms,
    };
    write->is_new = true;
    return sok_tasks_insert(tx, &task, err);
}

static enum sok_status write_media(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct media_write *write = context;
    bool is_series = sok_text_eq(write->release->type, "episode");
    struct sok_media media;
    int64_t now_ms = sok_hunter_now_ms(write->hunt->hunter);
    write->is_new = false;
    enum sok_status status = sok_media_find_title(
        tx, write->arena, write->release->title, write->release->year,
        is_series ? SOK_MEDIA_TV : SOK_MEDIA_MOVIE, &media, err);
    if (status == SOK_OK) {
        memcpy(write->media_id, media.id, sizeof(write->media_id));
    } else if (status == SOK_NOT_FOUND) {
        *err = (struct sok_error){0};
        sok_uuid7(now_ms, write->media_id);
        sok_uuid7(now_ms, write->task_id);
        SOK_TRY(insert_media(tx, write, err));
    } else {
        return status;
    }
    return sok_downloads_set_media(tx, write->hunt->row.id, write->media_id, now_ms, err);
}

bool sok_hunt_store_media(struct sok_hunt *hunt)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_release release;
    sok_release_parse(arena, hunt->row.title, &release);
    if (sok_text_empty(release.title))
        release.title = hunt->row.title;
    struct media_write write = {.hunt = hunt, .arena = arena, .release = &release};
    struct sok_error err = {0};
    enum sok_status status = sok_db_write(hunt->hunter->env.db, write_media, &write, &err);
    if (!sok_hunt_did(hunt, status, "cannot find the work of a download", &err))
        return false;
    hunt->row.media_id = sok_strdup(hunt->arena, write.media_id);
    if (write.is_new)
        sok_queue_publish(hunt->hunter->env.queue, SOK_JOB_MONITOR, write.task_id);
    return true;
}
