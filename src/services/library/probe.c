// The parent's half of the probe. What comes through the pipe is as little to be trusted as the file itself:
// a demuxer that was taken over writes whatever it likes, so the text is capped, parsed and clamped.
#include "services/library/probe.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "services/library/child.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 10)

static enum sok_status child_failed(struct sok_error *err, int status)
{
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
        return sok_fail(err, SOK_INVALID, "probing the file takes too much time");
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        return sok_fail(err, SOK_INVALID, "the file makes the probe crash (signal %d)", WTERMSIG(status));
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 2))
        return sok_fail(err, SOK_UNAVAILABLE, "the probe's child process could not be confined");
    return sok_fail(err, SOK_INVALID, "the file cannot be probed");
}

static int clamp(int64_t value, int max)
{
    return value < 0 || value > max ? 0 : (int)value;
}

static const char *short_text(struct sok_arena *arena, const json_t *object, const char *key)
{
    const char *text = sok_json_text(object, key, NULL);
    return text && *text && strlen(text) <= 200 ? sok_utf8_clean(arena, text, strlen(text)) : NULL;
}

static struct sok_probe_track *read_tracks(struct sok_arena *arena, const json_t *list, size_t *ret_count)
{
    size_t count = json_array_size(list);
    if (count > SOK_PROBE_TRACKS_MAX)
        count = SOK_PROBE_TRACKS_MAX;
    struct sok_probe_track *tracks = sok_alloc_array(arena, count, sizeof *tracks);
    for (size_t i = 0; i < count; i++) {
        const json_t *track = json_array_get(list, i);
        const char *codec = short_text(arena, track, "codec");
        tracks[i] = (struct sok_probe_track){
            .codec = codec ? codec : "",
            .language = short_text(arena, track, "language"),
            .title = short_text(arena, track, "title"),
            .channels = clamp(sok_json_int(track, "channels", 0), 64),
            .is_default = sok_json_bool(track, "default", false),
            .is_forced = sok_json_bool(track, "forced", false)};
    }
    *ret_count = count;
    return tracks;
}

static void read_description(struct sok_arena *arena, const json_t *root, struct sok_probe *ret)
{
    const char *container = short_text(arena, root, "container");
    *ret = (struct sok_probe){.container = container ? container : ""};
    int64_t duration_ms = sok_json_int(root, "duration_ms", 0), bitrate = sok_json_int(root, "bitrate", 0);
    const int64_t thousand_hours_ms = (int64_t)1000 * 3600 * 1000;
    ret->duration_ms = duration_ms > 0 && duration_ms < thousand_hours_ms ? duration_ms : 0;
    ret->bitrate = bitrate > 0 && bitrate < (int64_t)1 << 40 ? bitrate : 0;
    const json_t *video = json_object_get(root, "video");
    if (json_is_object(video)) {
        ret->has_video = true;
        ret->video_codec = short_text(arena, video, "codec");
        ret->video_profile = short_text(arena, video, "profile");
        ret->hdr = short_text(arena, video, "hdr");
        ret->width = clamp(sok_json_int(video, "width", 0), 65536);
        ret->height = clamp(sok_json_int(video, "height", 0), 65536);
        ret->bit_depth = clamp(sok_json_int(video, "bit_depth", 0), 32);
        double rate = sok_json_real(video, "frame_rate", 0);
        ret->frame_rate = rate > 0 && rate < 1000 ? rate : 0;
    }
    ret->audio = read_tracks(arena, json_object_get(root, "audio"), &ret->audio_count);
    ret->subtitles = read_tracks(arena, json_object_get(root, "subtitles"), &ret->subtitle_count);
}

enum sok_status sok_probe_file(
    struct sok_arena *arena, const char *program, int fd, struct sok_probe *ret, struct sok_error *err)
{
    SOK_BUF_AUTO output;
    int ended;
    sok_buf_init(&output, OUTPUT_BYTES_MAX);
    enum sok_status status = sok_child_run(program, NULL, fd, SOK_PROBE_TIMEOUT_MS, &output, &ended, err);
    if (status == SOK_TIMEOUT)
        return sok_fail(
            err, SOK_TIMEOUT, "probing the file took longer than %d s", SOK_PROBE_TIMEOUT_MS / 1000);
    SOK_TRY(status);
    SOK_JSON_AUTO *root = NULL;
    if (output.len == 0 || output.overflow ||
        sok_json_parse(output.data, output.len, OUTPUT_BYTES_MAX, &root, NULL) != SOK_OK)
        return child_failed(err, ended);
    const char *error = short_text(arena, root, "error");
    if (error)
        return sok_fail(err, SOK_INVALID, "not a media file, or a broken one: %.100s", error);
    read_description(arena, root, ret);
    return SOK_OK;
}

const char *sok_probe_resolution(const struct sok_probe *probe)
{
    static const struct {
        int width, height;
        const char *name;
    } steps[] = {
        {7000, 4000, "4320p"}, {3200, 1700, "2160p"}, {2200, 1300, "1440p"}, {1700, 900, "1080p"},
        {1100, 650, "720p"},   {900, 540, "576p"},    {600, 400, "480p"},    {440, 300, "360p"},
    };
    if (!probe->has_video)
        return NULL;
    for (size_t i = 0; i < SOK_ARRAY_LEN(steps); i++)
        if (probe->width >= steps[i].width || probe->height >= steps[i].height)
            return steps[i].name;
    return "240p";
}
