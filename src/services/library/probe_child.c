// The child's half of the probe: the only file that knows libavformat. Standard input is the media file,
// standard output a pipe; see jail.c for what else there is (nothing).
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "services/library/fd.h"
#include "services/library/jail.h"
#include "services/library/probe.h"

#define CPU_SECONDS 15
#define MEMORY_MIB 1024
#define IO_BUFFER (64 * 1024)

// Containers that films come in. Playlists (HLS, DASH, concat) are left out: they name other files.
static const char formats[] =
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,flv,live_flv,ogg,asf,rm,wtv,m4v,mpegvideo,nut,ivf";

struct input {
    int64_t at, size;
};

static int read_input(void *opaque, uint8_t *buf, int size)
{
    struct input *input = opaque;
    ssize_t count = pread(STDIN_FILENO, buf, (size_t)size, input->at);
    if (count < 0)
        return AVERROR(EIO);
    input->at += count;
    return count > 0 ? (int)count : AVERROR_EOF;
}

static int64_t seek_input(void *opaque, int64_t offset, int whence)
{
    struct input *input = opaque;
    if (whence & AVSEEK_SIZE)
        return input->size;
    int64_t base = 0;
    if ((whence & 0xffff) == SEEK_CUR)
        base = input->at;
    else if ((whence & 0xffff) == SEEK_END)
        base = input->size;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return AVERROR(EINVAL);
    return input->at = target;
}

static int refuse_open(
    AVFormatContext *ctx, AVIOContext **pb, const char *url, int flags, AVDictionary **opts)
{
    return AVERROR(EPERM); // a file that names another file gets nothing
}

static const char *container_name(const AVFormatContext *ctx)
{
    static const struct {
        const char *format, *name;
    } names[] = {
        {"matroska", "mkv"}, {"avi", "avi"}, {"mpegts", "ts"}, {"mpegvideo", "mpg"}, {"mpeg", "mpg"},
        {"flv", "flv"},      {"ogg", "ogg"}, {"asf", "wmv"},   {"rm", "rm"},         {"wtv", "wtv"},
        {"nut", "nut"},      {"ivf", "ivf"}, {"m4v", "m4v"},
    };
    const char *format = ctx->iformat->name;
    if (sok_text_starts(format, "mov,")) {
        AVDictionaryEntry *brand = av_dict_get(ctx->metadata, "major_brand", NULL, 0);
        return brand && sok_text_starts(brand->value, "qt") ? "mov" : "mp4";
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(names); i++)
        if (sok_text_starts(format, names[i].format))
            return names[i].name;
    return "";
}

static const char *hdr_name(const AVStream *stream)
{
    if (av_stream_get_side_data(stream, AV_PKT_DATA_DOVI_CONF, NULL))
        return "DV";
    if (stream->codecpar->color_trc == AVCOL_TRC_SMPTE2084)
        return "HDR10";
    return stream->codecpar->color_trc == AVCOL_TRC_ARIB_STD_B67 ? "HLG" : NULL;
}

static json_t *video_json(const AVStream *stream)
{
    const AVCodecParameters *par = stream->codecpar;
    json_t *video = json_object();
    sok_json_set_text(video, "codec", avcodec_get_name(par->codec_id));
    sok_json_set_text(video, "profile", avcodec_profile_name(par->codec_id, par->profile));
    sok_json_set_int(video, "width", par->width);
    sok_json_set_int(video, "height", par->height);
    sok_json_set_text(video, "hdr", hdr_name(stream));
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(par->format);
    sok_json_set_int(video, "bit_depth", pixels ? pixels->comp[0].depth : par->bits_per_raw_sample);
    if (stream->avg_frame_rate.num > 0 && stream->avg_frame_rate.den > 0)
        sok_json_set_real(video, "frame_rate", av_q2d(stream->avg_frame_rate));
    return video;
}

static void add_track(json_t *tracks, const AVStream *stream)
{
    if (json_array_size(tracks) >= SOK_PROBE_TRACKS_MAX)
        return;
    json_t *track = json_object();
    sok_json_set_text(track, "codec", avcodec_get_name(stream->codecpar->codec_id));
    AVDictionaryEntry *language = av_dict_get(stream->metadata, "language", NULL, 0);
    AVDictionaryEntry *title = av_dict_get(stream->metadata, "title", NULL, 0);
    if (language && strlen(language->value) <= 35 && strcmp(language->value, "und") != 0)
        sok_json_set_text(track, "language", language->value);
    if (title && strlen(title->value) <= 200)
        sok_json_set_text(track, "title", title->value);
    if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
        sok_json_set_int(track, "channels", stream->codecpar->ch_layout.nb_channels);
    sok_json_set_bool(track, "default", stream->disposition & AV_DISPOSITION_DEFAULT);
    sok_json_set_bool(track, "forced", stream->disposition & AV_DISPOSITION_FORCED);
    json_array_append_new(tracks, track);
}

static json_t *describe(const AVFormatContext *ctx)
{
    json_t *root = json_object(), *audio = json_array(), *subtitles = json_array();
    sok_json_set_text(root, "container", container_name(ctx));
    sok_json_set_int(root, "duration_ms", ctx->duration > 0 ? ctx->duration / (AV_TIME_BASE / 1000) : 0);
    sok_json_set_int(root, "bitrate", ctx->bit_rate > 0 ? ctx->bit_rate : 0);
    bool has_video = false;
    for (unsigned i = 0; i < ctx->nb_streams; i++) {
        const AVStream *stream = ctx->streams[i];
        const AVCodecParameters *par = stream->codecpar;
        // A cover picture is a video stream too.
        if (par->codec_type == AVMEDIA_TYPE_VIDEO && !has_video && par->width > 0 && par->height > 0 &&
            par->codec_id != AV_CODEC_ID_NONE && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
            has_video = true;
            json_object_set_new(root, "video", video_json(stream));
        } else if (par->codec_type == AVMEDIA_TYPE_AUDIO) {
            add_track(audio, stream);
        } else if (par->codec_type == AVMEDIA_TYPE_SUBTITLE) {
            add_track(subtitles, stream);
        }
    }
    json_object_set_new(root, "audio", audio);
    json_object_set_new(root, "subtitles", subtitles);
    return root;
}

static json_t *error_json(int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    json_t *root = json_object();
    sok_json_set_text(root, "error", text);
    return root;
}

static json_t *probe_input(int64_t size)
{
    struct input input = {.size = size};
    unsigned char *buffer = av_malloc(IO_BUFFER);
    AVFormatContext *ctx = avformat_alloc_context();
    AVIOContext *io =
        buffer ? avio_alloc_context(buffer, IO_BUFFER, 0, &input, read_input, NULL, seek_input) : NULL;
    if (!ctx || !io)
        return error_json(AVERROR(ENOMEM));
    ctx->pb = io;
    ctx->io_open = refuse_open;
    ctx->flags |= AVFMT_FLAG_CUSTOM_IO;
    AVDictionary *options = NULL;
    av_dict_set(&options, "format_whitelist", formats, 0);
    int code = avformat_open_input(&ctx, NULL, NULL, &options); // frees ctx when it fails
    av_dict_free(&options);
    if (code >= 0)
        code = avformat_find_stream_info(ctx, NULL);
    json_t *root = code >= 0 ? describe(ctx) : error_json(code);
    avformat_close_input(&ctx);
    av_freep(&io->buffer);
    avio_context_free(&io);
    return root;
}

int sok_probe_child_main(void)
{
    // The memory of a process that never returns to anybody: freed for the leak checker's sake only.
    av_log_set_level(AV_LOG_QUIET);
    struct stat info; // asked before the jail: the call behind fstat takes paths too and is not allowed there
    if (fstat(STDIN_FILENO, &info) != 0 || !S_ISREG(info.st_mode))
        return 2;
    if (!sok_jail_enter(CPU_SECONDS, SOK_PROBE_TIMEOUT_MS / 1000 + 5, MEMORY_MIB))
        return 3;
    json_t *root = probe_input(info.st_size);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!text)
        return 4;
    bool written = sok_fd_write_all(STDOUT_FILENO, text, strlen(text));
    free(text);
    return written ? 0 : 4;
}
