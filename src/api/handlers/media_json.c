#include "api/handlers/media_json.h"

#include <string.h>

#include "api/api.h"

json_t *sok_media_json(const struct sok_media *media)
{
    json_t *object = json_object();
    sok_json_set_text(object, "id", media->id);
    sok_json_set_text(object, "media_type", media->media_type);
    sok_json_set_text(object, "title", media->title);
    sok_json_set_optional_text(object, "original_title", media->original_title);
    json_object_set_new(object, "alternative_titles", sok_api_json_column(media->alternative_titles));
    sok_json_set_optional_int(object, "tmdb_id", media->tmdb_id, 0);
    sok_json_set_optional_text(object, "imdb_id", media->imdb_id);
    sok_json_set_optional_int(object, "tvdb_id", media->tvdb_id, 0);
    sok_json_set_optional_int(object, "tvmaze_id", media->tvmaze_id, 0);
    sok_json_set_optional_int(object, "year", media->year, 0);
    sok_json_set_optional_text(object, "release_date", media->release_date);
    sok_json_set_optional_text(object, "overview", media->overview);
    sok_json_set_optional_text(object, "poster_url", media->poster_url);
    sok_json_set_optional_text(object, "backdrop_url", media->backdrop_url);
    json_object_set_new(object, "genres", sok_api_json_column(media->genres));
    sok_json_set_optional_text(object, "original_language", media->original_language);
    json_object_set_new(object, "rating", media->rating > 0 ? json_real(media->rating) : json_null());
    sok_json_set_optional_int(object, "runtime_minutes", media->runtime_minutes, 0);
    sok_json_set_optional_text(object, "parent_id", media->parent_id);
    sok_json_set_optional_int(object, "season_number", media->season_number, -1);
    sok_json_set_optional_int(object, "episode_number", media->episode_number, -1);
    sok_json_set_optional_int(object, "absolute_number", media->absolute_number, -1);
    sok_json_set_time(object, "enriched_at", media->enriched_at);
    sok_json_set_time(object, "created_at", media->created_at);
    sok_json_set_time(object, "updated_at", media->updated_at);
    return object;
}

static json_t *work_of(json_t *entry, const char *key)
{
    json_t *work = key ? json_object_get(entry, key) : entry;
    return json_is_object(work) ? work : NULL;
}

enum sok_status sok_media_json_complete(
    const struct sok_request *request, json_t *list, const char *key, struct sok_error *err)
{
    size_t i, count = 0, at = 0;
    json_t *entry;
    const char **ids = sok_alloc_array(request->arena, json_array_size(list), sizeof(*ids));
    bool *available = sok_alloc_array(request->arena, json_array_size(list), sizeof(*available));
    json_array_foreach(list, i, entry) if (work_of(entry, key)) ids[count++] =
        sok_json_text(work_of(entry, key), "id", "");
    SOK_TRY(sok_media_available(sok_db_replica_reader(sok_api_of(request)->db), ids, count, available, err));
    json_array_foreach(list, i, entry) if (work_of(entry, key))
        sok_json_set_bool(work_of(entry, key), "available", available[at++]);
    return SOK_OK;
}

enum sok_status sok_media_json_complete_one(
    const struct sok_request *request, json_t *media, struct sok_error *err)
{
    SOK_JSON_AUTO *list = json_array();
    json_array_append(list, media);
    return sok_media_json_complete(request, list, NULL, err);
}

json_t *sok_media_file_json(const struct sok_media_file *file)
{
    const char *slash = strrchr(file->file_path, '/');
    json_t *object = json_object();
    sok_json_set_text(object, "id", file->id);
    sok_json_set_text(object, "media_id", file->media_id);
    sok_json_set_text(object, "file_path", file->file_path);
    sok_json_set_text(object, "file_name", slash ? slash + 1 : file->file_path);
    sok_json_set_int(object, "file_size", file->file_size);
    sok_json_set_optional_text(object, "container", file->container);
    sok_json_set_optional_text(object, "codec_video", file->codec_video);
    sok_json_set_optional_text(object, "codec_audio", file->codec_audio);
    sok_json_set_optional_text(object, "resolution", file->resolution);
    sok_json_set_optional_int(object, "width", file->width, 0);
    sok_json_set_optional_int(object, "height", file->height, 0);
    sok_json_set_optional_text(object, "hdr", file->hdr);
    sok_json_set_optional_text(object, "channels", file->channels);
    sok_json_set_optional_int(object, "duration_seconds", (file->duration_ms + 500) / 1000, 0);
    sok_json_set_optional_int(object, "bitrate", file->bitrate, 0);
    json_object_set_new(object, "audio_tracks", sok_api_json_column(file->audio_tracks));
    json_object_set_new(object, "subtitle_tracks", sok_api_json_column(file->subtitle_tracks));
    sok_json_set_int(object, "quality_score", file->quality_score);
    sok_json_set_text(object, "source", file->source);
    sok_json_set_optional_text(object, "release_name", file->release_name);
    sok_json_set_optional_text(object, "download_id", file->download_id);
    sok_json_set_bool(object, "missing", file->missing_at != 0);
    sok_json_set_time(object, "downloaded_at", file->downloaded_at);
    sok_json_set_time(object, "updated_at", file->updated_at);
    return object;
}

json_t *sok_watch_json(const struct sok_watch *watch)
{
    json_t *object = json_object();
    sok_json_set_optional_text(object, "id", watch->id);
    sok_json_set_text(object, "media_id", watch->media_id);
    sok_json_set_int(object, "progress_seconds", watch->progress_seconds);
    sok_json_set_int(object, "total_seconds", watch->total_seconds);
    sok_json_set_bool(object, "is_completed", watch->is_completed);
    sok_json_set_time(object, "last_watched", watch->last_watched);
    return object;
}
