#include "services/torrent/download_view.h"

#include "base/text.h"

static json_t *files_to_json(const struct sok_download_file *files, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct sok_download_file *file = &files[i];
        json_t *item = json_object();
        sok_json_set_int(item, "index", file->file_index);
        sok_json_set_text(item, "path", file->path);
        sok_json_set_int(item, "size_bytes", file->size_bytes);
        sok_json_set_int(item, "downloaded_bytes", file->downloaded_bytes);
        sok_json_set_bool(item, "wanted", file->wanted);
        sok_json_set_text(item, "media_id", file->media_id);
        json_array_append_new(list, item);
    }
    return list;
}

json_t *sok_download_to_json(
    const struct sok_download *download, const struct sok_download_file *files, size_t file_count)
{
    json_t *object = json_object();
    sok_json_set_text(object, "id", download->id);
    sok_json_set_optional_text(object, "media_id", download->media_id);
    sok_json_set_text(object, "title", download->title);
    sok_json_set_optional_text(object, "info_hash", download->info_hash);
    sok_json_set_text(object, "status", sok_download_status(download));
    sok_json_set_real(object, "progress", download->progress);
    sok_json_set_int(object, "size_bytes", download->size_bytes);
    sok_json_set_int(object, "downloaded_bytes", download->downloaded_bytes);
    sok_json_set_int(object, "uploaded_bytes", download->uploaded_bytes);
    sok_json_set_int(object, "download_speed", download->download_speed);
    sok_json_set_int(object, "upload_speed", download->upload_speed);
    sok_json_set_int(object, "peers", download->peers);
    sok_json_set_int(object, "seeds", download->seeds);
    sok_json_set_real(object, "ratio", download->ratio);
    sok_json_set_optional_int(object, "eta_seconds", download->eta_seconds, -1);
    sok_json_set_optional_text(object, "error", download->error);
    sok_json_set_time(object, "completed_at", download->completed_at);
    sok_json_set_time(object, "created_at", download->created_at);
    sok_json_set_time(object, "updated_at", download->updated_at);
    if (files)
        json_object_set_new(object, "files", files_to_json(files, file_count));
    return object;
}

bool sok_download_is_running(const struct sok_download *download)
{
    const char *status = sok_download_status(download);
    return sok_text_eq(status, "downloading") || sok_text_eq(status, "importing") ||
           sok_text_eq(status, "seeding");
}

static double rounded(double value, double steps)
{
    return (double)(int64_t)(value * steps + 0.5) / steps;
}

void sok_download_refresh(struct sok_download *download, const struct sok_torrent_status *status)
{
    bool is_checking = status->state == SOK_TORRENT_CHECKING;
    if (status->has_metadata && !is_checking) {
        download->size_bytes = status->size_bytes;
        double part = status->size_bytes > 0 ? (double)status->done_bytes / (double)status->size_bytes : 0;
        // 100 is said when everything is there, not a moment before.
        double progress = rounded(part * 100, 100);
        download->progress = progress >= 100 && status->done_bytes < status->size_bytes ? 99.99 : progress;
    }
    // The counter lags by a second, and knows nothing of what lay there before.
    download->downloaded_bytes =
        status->downloaded_bytes > status->done_bytes ? status->downloaded_bytes : status->done_bytes;
    download->uploaded_bytes = status->uploaded_bytes;
    // A torrent at rest reports no more: its last rates would stay for good.
    download->download_speed = status->paused ? 0 : status->down_bytes_s;
    download->upload_speed = status->paused ? 0 : status->up_bytes_s;
    download->peers = status->peers;
    download->seeds = status->seeds;
    download->ratio = status->size_bytes > 0
                          ? rounded((double)status->uploaded_bytes / (double)status->size_bytes, 1000)
                          : 0;
    int64_t left = status->size_bytes - status->done_bytes;
    download->eta_seconds = !status->has_metadata || is_checking ? -1
                            : left <= 0                          ? 0
                            : status->down_bytes_s > 0           ? left / status->down_bytes_s
                                                                 : -1;
}
