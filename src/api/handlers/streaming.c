// Pressing play: which source (services/streaming/source.c), a signed URL for it (token.c), and the bytes.
#include "services/streaming/stream.h"

#include "api/handlers/handlers.h"
#include "api/handlers/media_json.h"
#include "api/middleware/csp.h"
#include "base/text.h"
#include "data/history.h"
#include "data/media_files.h"
#include "data/streams.h"
#include "services/auth/sessions.h"

#define POSITION_MAX ((int64_t)1000 * 3600)

static json_t *source_json(const struct sok_stream_source *source)
{
    bool is_file = source->kind == SOK_STREAM_FILE;
    json_t *object = json_object();
    sok_json_set_text(object, "kind", is_file ? "local" : "download");
    sok_json_set_text(object, "media_id", source->media_id);
    sok_json_set_text(object, "title", source->title);
    sok_json_set_optional_text(object, "media_file_id", source->media_file_id);
    sok_json_set_optional_text(object, "download_id", source->download_id);
    sok_json_set_text(object, "name", source->file_name);
    sok_json_set_text(object, "mime_type", source->mime_type);
    sok_json_set_optional_text(object, "container", source->container);
    sok_json_set_optional_text(object, "resolution", source->resolution);
    sok_json_set_optional_text(object, "codec_video", source->video_codec);
    sok_json_set_optional_text(object, "codec_audio", source->audio_codec);
    sok_json_set_int(object, "size_bytes", source->size_bytes);
    sok_json_set_optional_int(object, "duration_seconds", (source->duration_ms + 500) / 1000, 0);
    sok_json_set_int(object, "quality_score", source->quality_score);
    sok_json_set_real(object, "progress", source->progress);
    return object;
}

static enum sok_status list_sources(
    struct sok_request *request, struct sok_stream_source **ret, size_t *ret_count, struct sok_error *err)
{
    const char *media_id;
    SOK_TRY(sok_api_param_id(request, "media_id", &media_id, err));
    bool may_wait = sok_request_may_wait(request);
    enum sok_status status = sok_streaming_sources(
        sok_api_of(request)->streaming, request->arena, media_id, request->principal.user_id, may_wait, ret,
        ret_count, err);
    return status == SOK_TIMEOUT && !may_wait ? sok_request_go_slow(request) : status;
}

enum sok_status sok_streaming_providers(struct sok_request *request, struct sok_error *err)
{
    struct sok_stream_source *sources;
    size_t count;
    SOK_TRY(list_sources(request, &sources, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, source_json(&sources[i]));
    struct sok_page_info info;
    SOK_TRY(sok_api_cut_json(request, sok_request_param(request, "media_id"), list, &list, &info, err));
    sok_api_reply_list(request, list, &info);
    return SOK_OK;
}

static bool is_watched(struct sok_request *request, const char *media_id)
{
    struct sok_watch watch;
    struct sok_error none = {0};
    return sok_history_find(
               sok_db_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, media_id,
               &watch, &none) == SOK_OK &&
           watch.is_completed;
}

// The source that ?source= names by its file's or download's id; else the best one, of a series that of the
// first episode the caller has not finished.
static const struct sok_stream_source *choose_source(
    struct sok_request *request, const struct sok_stream_source *sources, size_t count)
{
    const char *wanted = sok_request_query(request, "source");
    for (size_t i = 0; i < count && wanted; i++)
        if (sok_text_eq(wanted, sources[i].media_file_id) || sok_text_eq(wanted, sources[i].download_id))
            return &sources[i];
    if (wanted || count == 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!sok_text_eq(sources[i].media_type, SOK_MEDIA_EPISODE) ||
            !is_watched(request, sources[i].media_id))
            return &sources[i];
    return &sources[0];
}

enum sok_status sok_streaming_direct(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_stream_source *sources;
    size_t count;
    const char *wanted = sok_request_query(request, "source");
    SOK_TRY(list_sources(request, &sources, &count, err));
    if (wanted && !sok_api_is_id(wanted)) {
        sok_fail_field(err, "source", "invalid", "is no id");
        return err->status;
    }
    const struct sok_stream_source *source = choose_source(request, sources, count);
    if (!source) {
        enum sok_status status = sok_fail(err, SOK_NOT_FOUND, "there is nothing to play yet");
        err->code = "nothing_to_play";
        return status;
    }
    struct sok_stream_grant grant;
    const char *url;
    SOK_TRY(sok_streaming_grant(
        api->streaming, request->arena, source, request->principal.user_id,
        sok_principal_login_id(&request->principal), request->client_ip, &grant, &url, err));
    json_t *body = json_object();
    sok_json_set_text(body, "stream_id", grant.stream_id);
    sok_json_set_text(body, "media_id", source->media_id);
    sok_json_set_text(body, "url", url);
    sok_json_set_text(body, "mime_type", source->mime_type);
    sok_json_set_int(body, "size_bytes", source->size_bytes);
    sok_json_set_optional_int(body, "duration_seconds", (source->duration_ms + 500) / 1000, 0);
    sok_json_set_time(body, "expires_at", grant.expires_at);
    json_object_set_new(body, "file", source_json(source));
    sok_reply_header(request, "Cache-Control", "no-store");
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

// --- The watching session.

static enum sok_status load_stream(struct sok_request *request, struct sok_stream *ret, struct sok_error *err)
{
    const char *id;
    SOK_TRY(sok_api_param_id(request, "stream_id", &id, err));
    struct sok_stream stream;
    SOK_TRY(sok_streams_find(sok_db_reader(sok_api_of(request)->db), request->arena, id, &stream, err));
    if (!sok_text_eq(stream.user_id, request->principal.user_id))
        return sok_fail(err, SOK_NOT_FOUND, "no such stream");
    *ret = stream;
    return SOK_OK;
}

struct change {
    struct sok_request *request;
    const struct sok_stream *stream;
    int64_t now_ms, position_seconds;
    bool keeps_history;
    struct sok_watch watch, written;
};

static enum sok_status write_start(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct change *change = context;
    return sok_streams_start(tx, change->stream->id, change->now_ms, err);
}

// Where the user stopped last time, 0 for a work begun anew.
static int64_t resume_position(struct sok_request *request, const char *media_id)
{
    struct sok_watch watch;
    struct sok_error none = {0};
    enum sok_status status = sok_history_find(
        sok_db_reader(sok_api_of(request)->db), request->arena, request->principal.user_id, media_id, &watch,
        &none);
    return status == SOK_OK && !watch.is_completed ? watch.progress_seconds : 0;
}

enum sok_status sok_streaming_start(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_stream stream;
    SOK_TRY(load_stream(request, &stream, err));
    struct change change = {.request = request, .stream = &stream, .now_ms = sok_clock_now_ms(api->clock)};
    SOK_TRY(sok_db_write(api->db, write_start, &change, err));
    json_t *body = json_object();
    sok_json_set_text(body, "stream_id", stream.id);
    sok_json_set_text(body, "media_id", stream.media_id);
    sok_json_set_int(body, "position_seconds", resume_position(request, stream.media_id));
    sok_json_set_time(body, "started_at", change.now_ms);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

static enum sok_status write_stop(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct change *change = context;
    SOK_TRY(sok_streams_stop(tx, change->stream->id, change->position_seconds, change->now_ms, err));
    if (!change->keeps_history)
        return SOK_OK;
    return sok_history_record(tx, change->request->arena, &change->watch, &change->written, err);
}

// The work's length: what its files say, else its runtime; 0 when neither is known.
static enum sok_status find_length(
    struct sok_request *request, const struct sok_media *media, int64_t *ret_seconds, struct sok_error *err)
{
    struct sok_media_file *files;
    size_t count;
    SOK_TRY(sok_media_files_list(
        sok_db_reader(sok_api_of(request)->db), request->arena, media->id, &files, &count, err));
    *ret_seconds = media->runtime_minutes * 60;
    for (size_t i = count; i-- > 0;)
        if (files[i].duration_ms)
            *ret_seconds = (files[i].duration_ms + 500) / 1000;
    return SOK_OK;
}

enum sok_status sok_streaming_stop(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_stream stream;
    struct sok_media media;
    int64_t total_seconds;
    int64_t position = sok_api_int(request, "position_seconds", 0, POSITION_MAX, -1, err);
    SOK_TRY(load_stream(request, &stream, err));
    if (position < 0)
        sok_fail_field(err, "position_seconds", "required", "is missing");
    if (err->field_count)
        return err->status;
    SOK_TRY(sok_media_find(sok_db_reader(api->db), request->arena, stream.media_id, &media, err));
    SOK_TRY(find_length(request, &media, &total_seconds, err));
    char id[SOK_UUID_LEN + 1];
    struct change change = {
        .request = request,
        .stream = &stream,
        .now_ms = sok_clock_now_ms(api->clock),
        .position_seconds = position,
        // Without a length nothing can be said about how much of it was watched; a series is watched by
        // episode.
        .keeps_history = total_seconds > 0 && !sok_text_eq(media.media_type, SOK_MEDIA_TV)};
    sok_uuid7(change.now_ms, id);
    change.watch = (struct sok_watch){
        .id = id,
        .user_id = request->principal.user_id,
        .media_id = media.id,
        .progress_seconds = position < total_seconds ? position : total_seconds,
        .total_seconds = total_seconds,
        .last_watched = change.now_ms,
        .created_at = change.now_ms};
    SOK_TRY(sok_db_write(api->db, write_stop, &change, err));
    json_t *body = change.keeps_history ? sok_watch_json(&change.written) : json_object();
    sok_json_set_text(body, "stream_id", stream.id);
    sok_json_set_text(body, "media_id", media.id);
    sok_json_set_int(body, "position_seconds", position);
    sok_reply_json(request, 200, body);
    return SOK_OK;
}

// --- The bytes.

enum sok_status sok_streaming_send(struct sok_request *request, struct sok_error *err)
{
    struct sok_api *api = sok_api_of(request);
    struct sok_stream_grant grant;
    struct sok_byte_source bytes;
    SOK_TRY(sok_streaming_check(
        api->streaming, request->arena, sok_request_param(request, "stream_id"), request->query,
        request->query_count, &grant, err));
    bool may_wait = sok_request_may_wait(request);
    enum sok_status status =
        sok_streaming_bytes(api->streaming, request->arena, &grant, may_wait, &bytes, err);
    if (status == SOK_TIMEOUT && !may_wait)
        return sok_request_go_slow(request);
    SOK_TRY(status);
    sok_reply_header(request, "Content-Security-Policy", SOK_CSP_MEDIA);
    sok_reply_ranges(request, &bytes);
    return SOK_OK;
}
