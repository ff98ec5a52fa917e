#include <string.h>

#include "base/json.h"
#include "domain/quality.h"
#include "services/library/classify.h"
#include "services/library/library-private.h"

static const char *channel_name(int channels)
{
    static const char *const names[] = {NULL, "1.0", "2.0", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1"};
    return channels > 0 && channels < (int)SOK_ARRAY_LEN(names) ? names[channels] : NULL;
}

static const char *tracks_json(struct sok_arena *arena, const struct sok_probe_track *tracks, size_t count)
{
    SOK_JSON_AUTO *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *track = json_object();
        sok_json_set_text(track, "codec", tracks[i].codec);
        sok_json_set_text(track, "language", tracks[i].language);
        sok_json_set_text(track, "title", tracks[i].title);
        if (tracks[i].channels)
            sok_json_set_int(track, "channels", tracks[i].channels);
        sok_json_set_bool(track, "default", tracks[i].is_default);
        sok_json_set_bool(track, "forced", tracks[i].is_forced);
        json_array_append_new(list, track);
    }
    return sok_json_dump(arena, list);
}

static void describe_by_probe(
    struct sok_arena *arena, const struct sok_probe *probe, struct sok_media_file *ret)
{
    if (*probe->container)
        ret->container = probe->container;
    ret->codec_video = probe->video_codec;
    ret->resolution = sok_probe_resolution(probe);
    ret->width = probe->width;
    ret->height = probe->height;
    ret->hdr = probe->hdr;
    ret->duration_ms = probe->duration_ms;
    ret->bitrate = probe->bitrate;
    if (probe->audio_count) {
        ret->codec_audio = probe->audio[0].codec;
        ret->channels = channel_name(probe->audio[0].channels);
    }
    ret->audio_tracks = tracks_json(arena, probe->audio, probe->audio_count);
    ret->subtitle_tracks = tracks_json(arena, probe->subtitles, probe->subtitle_count);
}

void sok_describe_file(
    struct sok_arena *arena, const struct sok_release *release, const struct sok_probe *probe,
    struct sok_media_file *ret)
{
    ret->container = release->container;
    ret->codec_video = release->video_codec;
    ret->codec_audio = release->audio_codec.count ? release->audio_codec.item[0] : NULL;
    ret->resolution = release->resolution;
    ret->hdr = release->hdr.count ? release->hdr.item[0] : NULL;
    ret->channels = release->channels.count ? release->channels.item[0] : NULL;
    ret->audio_tracks = ret->subtitle_tracks = "[]";
    if (probe)
        describe_by_probe(arena, probe, ret);
    // What the picture really is counts, not what the name claims.
    struct sok_release judged = *release;
    judged.resolution = ret->resolution;
    if (probe && probe->video_codec)
        judged.video_codec = probe->video_codec;
    int64_t score = sok_quality_of(&judged) / 10;
    ret->quality_score = score < 0 ? 0 : score > 100 ? 100 : score;
}
