// What a work can be played from: the files of the library that hold it, then the running downloads whose
// file has its beginning already.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "data/downloads.h"
#include "data/media.h"
#include "data/media_files.h"
#include "domain/quality.h"
#include "domain/release.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/streaming/play_client.h"
#include "services/streaming/stream-private.h"
#include "services/torrent/torrent.h"

#define HEAD_BYTES ((int64_t)64 << 10) // a player can tell from these what it has
#define DOWNLOADS_MAX 50

struct list {
    struct sok_streaming *streaming;
    struct sok_arena *arena;
    struct sok_stream_source *items;
    size_t count;
    bool may_wait;
    bool must_wait; // something is left out because it may not
    bool is_silent; // a hunter that ought to answer does not: nobody else is asked
};

const char *sok_stream_mime(const char *file_name)
{
    static const struct {
        const char *extension, *mime;
    } types[] = {
        {"mkv", "video/x-matroska"},
        {"mp4", "video/mp4"},
        {"m4v", "video/mp4"},
        {"webm", "video/webm"},
        {"avi", "video/x-msvideo"},
        {"mov", "video/quicktime"},
        {"ts", "video/mp2t"},
        {"m2ts", "video/mp2t"},
        {"mts", "video/mp2t"},
        {"mpg", "video/mpeg"},
        {"mpeg", "video/mpeg"},
        {"wmv", "video/x-ms-wmv"},
        {"asf", "video/x-ms-asf"},
        {"flv", "video/x-flv"},
        {"ogv", "video/ogg"},
        {"ogm", "video/ogg"},
        {"3gp", "video/3gpp"},
        {"divx", "video/x-msvideo"},
        {"srt", "application/x-subrip"},
        {"vtt", "text/vtt"},
    };
    const char *extension = sok_path_extension(file_name);
    for (size_t i = 0; i < SOK_ARRAY_LEN(types); i++)
        if (strcasecmp(extension, types[i].extension) == 0)
            return types[i].mime;
    return "application/octet-stream";
}

static struct sok_stream_source *add_source(struct list *list, const struct sok_media *media)
{
    if (list->count == SOK_STREAM_SOURCES_MAX)
        return NULL;
    struct sok_stream_source *source = &list->items[list->count++];
    *source = (struct sok_stream_source){
        .media_id = media->id, .media_type = media->media_type, .title = media->title, .file_index = -1};
    return source;
}

// A row whose file has gone since the last scan is no source.
static bool is_there(const struct list *list, const struct sok_media_file *row)
{
    SOK_FD_AUTO fd = -1;
    return !row->missing_at &&
           sok_library_open_file(list->streaming->options.library, row->file_path, &fd, NULL) == SOK_OK;
}

static enum sok_status add_files(struct list *list, const struct sok_media *media, struct sok_error *err)
{
    struct sok_media_file *rows;
    size_t count;
    SOK_TRY(sok_media_files_list(
        sok_db_reader(list->streaming->options.db), list->arena, media->id, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sok_stream_source *source = is_there(list, &rows[i]) ? add_source(list, media) : NULL;
        if (!source)
            continue;
        source->kind = SOK_STREAM_FILE;
        source->media_file_id = rows[i].id;
        source->file_name = sok_path_name(rows[i].file_path);
        source->mime_type = sok_stream_mime(source->file_name);
        source->container = rows[i].container;
        source->resolution = rows[i].resolution;
        source->video_codec = rows[i].codec_video;
        source->audio_codec = rows[i].codec_audio;
        source->size_bytes = rows[i].file_size;
        source->duration_ms = rows[i].duration_ms;
        source->quality_score = (int)rows[i].quality_score;
        source->progress = 100;
    }
    return SOK_OK;
}

static bool holds_episode(const struct sok_release *release, const struct sok_media *media)
{
    return sok_numbers_has(&release->episodes, (int)media->episode_number) &&
           (release->season < 0 || release->season == media->season_number);
}

// Which file of a torrent holds the work: an episode's by its name, a film's by its size. A lone film is it
// whatever its name says. -1: none.
static int choose_file(
    struct list *list, const struct sok_media *media, const struct sok_torrent_file *files, size_t count,
    struct sok_release *ret_release)
{
    int best = -1, largest = -1, films = 0;
    bool is_episode = strcmp(media->media_type, SOK_MEDIA_EPISODE) == 0;
    for (size_t i = 0; i < count; i++) {
        if (!files[i].wanted || !sok_library_is_film(files[i].path, files[i].size_bytes))
            continue;
        films++;
        if (largest < 0 || files[i].size_bytes > files[largest].size_bytes)
            largest = (int)i;
        struct sok_release release;
        if (is_episode && best < 0) {
            sok_release_parse(list->arena, files[i].path, &release);
            if (holds_episode(&release, media))
                best = (int)i;
        }
    }
    if (best < 0 && (!is_episode || films == 1))
        best = largest;
    if (best >= 0)
        sok_release_parse(list->arena, files[best].path, ret_release);
    return best;
}

// Whether the beginning of a file is there that another process downloads; notes how much of it is.
static bool has_head_elsewhere(
    struct list *list, const struct sok_download *download, struct sok_torrent_file *file, int64_t head)
{
    struct sok_play_look look;
    if (!list->may_wait || list->is_silent) {
        list->must_wait = list->must_wait || !list->may_wait;
        return false;
    }
    if (sok_play_look(
            list->streaming->options.others, download->info_hash, file->index, 0, head, &look, NULL) !=
        SOK_OK) {
        list->is_silent = !sok_text_eq(download->status, "paused"); // which a hunter need not have loaded
        return false;
    }
    file->done_bytes = look.done_bytes;
    return look.size_bytes == file->size_bytes && look.there_bytes >= head;
}

static enum sok_status add_download(
    struct list *list, const struct sok_media *media, const struct sok_download *download,
    struct sok_error *err)
{
    struct sok_torrents *torrents = list->streaming->options.torrents;
    struct sok_torrent_file *files;
    struct sok_release release;
    size_t count;
    if (!download->info_hash)
        return SOK_OK;
    bool is_here =
        torrents &&
        sok_torrent_files(torrents, list->arena, download->info_hash, &files, &count, NULL) == SOK_OK;
    if (!is_here && !sok_stream_is_elsewhere(list->streaming, download)) // queued
        return SOK_OK;
    if (!is_here)
        SOK_TRY(sok_stream_list_elsewhere(list->streaming, list->arena, download, &files, &count, err));
    int index = choose_file(list, media, files, count, &release);
    if (index < 0)
        return SOK_OK;
    struct sok_torrent_file *file = &files[index];
    int64_t head = file->size_bytes < HEAD_BYTES ? file->size_bytes : HEAD_BYTES;
    bool is_playable =
        is_here ? sok_torrent_available(torrents, download->info_hash, file->index, 0, head) >= head
                : has_head_elsewhere(list, download, file, head);
    struct sok_stream_source *source = is_playable ? add_source(list, media) : NULL;
    if (!source)
        return SOK_OK;
    source->kind = SOK_STREAM_DOWNLOAD;
    source->download_id = download->id;
    source->file_index = file->index;
    source->file_name = sok_path_name(file->path);
    source->mime_type = sok_stream_mime(source->file_name);
    source->container = sok_path_extension(file->path);
    source->resolution = release.resolution;
    source->video_codec = release.video_codec;
    source->audio_codec = release.audio_codec.count ? release.audio_codec.item[0] : NULL;
    source->size_bytes = file->size_bytes;
    source->duration_ms = media->runtime_minutes * 60000;
    source->quality_score = sok_quality_of(&release) / 10;
    source->progress = file->size_bytes ? 100.0 * (double)file->done_bytes / (double)file->size_bytes : 0;
    return SOK_OK;
}

static enum sok_status add_downloads(
    struct list *list, const struct sok_media *media, const char *user_id, struct sok_error *err)
{
    struct sok_download *downloads;
    size_t count;
    if (!list->streaming->options.torrents && !list->streaming->options.others)
        return SOK_OK;
    SOK_TRY(sok_downloads_list_media(
        sok_db_reader(list->streaming->options.db), list->arena, media->id, &downloads, &count, err));
    for (size_t i = 0; i < count && i < DOWNLOADS_MAX; i++)
        if (!downloads[i].imported_at && sok_text_eq(downloads[i].user_id, user_id))
            SOK_TRY(add_download(list, media, &downloads[i], err));
    return SOK_OK;
}

static enum sok_status add_work(
    struct list *list, const struct sok_media *media, const char *user_id, struct sok_error *err)
{
    SOK_TRY(add_files(list, media, err));
    return add_downloads(list, media, user_id, err);
}

enum sok_status sok_streaming_sources(
    struct sok_streaming *streaming, struct sok_arena *arena, const char *media_id, const char *user_id,
    bool may_wait, struct sok_stream_source **ret, size_t *ret_count, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(streaming->options.db);
    struct list list = {
        .streaming = streaming,
        .arena = arena,
        .may_wait = may_wait,
        .items = sok_alloc_array(arena, SOK_STREAM_SOURCES_MAX, sizeof *list.items)};
    struct sok_media media, *episodes = NULL;
    size_t count = 0;
    SOK_TRY(sok_media_find(tx, arena, media_id, &media, err));
    if (strcmp(media.media_type, SOK_MEDIA_TV) == 0)
        SOK_TRY(sok_media_list_episodes(tx, arena, media.id, -1, &episodes, &count, err));
    for (size_t i = 0; i < count && list.count < SOK_STREAM_SOURCES_MAX; i++)
        SOK_TRY(add_work(&list, &episodes[i], user_id, err));
    // A series whose download knows no episodes yet is a source itself.
    if (list.count == 0 || strcmp(media.media_type, SOK_MEDIA_TV) != 0)
        SOK_TRY(add_work(&list, &media, user_id, err));
    if (list.must_wait)
        return sok_fail(err, SOK_TIMEOUT, "another process must be asked");
    if (list.is_silent && list.count == 0)
        return sok_play_fail_silent(err);
    *ret = list.items;
    *ret_count = list.count;
    return SOK_OK;
}
