// What is inside a media file, found out by libavformat in a child process that may do nothing else.
//
// Media files come from strangers, and demuxers are where media servers break. The child is a program
// of its own (`sokoul-probe`, which also keeps the codecs out of the server's memory), with the file as its
// standard input and a pipe as its standard output: no other descriptor, no privileges, no new files or
// sockets, little memory and time.
#ifndef SOK_SERVICES_LIBRARY_PROBE_H
#define SOK_SERVICES_LIBRARY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_PROBE_TRACKS_MAX 64
#define SOK_PROBE_TIMEOUT_MS 20000

struct sok_probe_track {          // an audio or subtitle track
    const char *codec;            // ffmpeg's name: "aac", "ac3", "subrip", ...
    const char *language, *title; // "eng", ...; NULL when the file does not say
    int channels;                 // 0 for subtitles
    bool is_default, is_forced;
};

struct sok_probe {
    const char *container; // "mkv", "webm", "mp4", "avi", "ts", ... ("" when it has no short name)
    int64_t duration_ms;   // 0: unknown
    int64_t bitrate;       // bits/s, 0: unknown
    bool has_video;
    const char *video_codec; // "h264", "hevc", "av1", ...; NULL without video
    const char *video_profile;
    int width, height, bit_depth; // 0: unknown
    double frame_rate;            // 0: unknown
    const char *hdr;              // NULL (SDR), "HDR10", "HLG", "DV"
    struct sok_probe_track *audio, *subtitles;
    size_t audio_count, subtitle_count;
};

// Probes the open file. `program` as in sok_library_options. The descriptor stays the caller's; its offset
// does not matter. SOK_INVALID: not a media file, broken, or one that made the child crash or run out of its
// limits (the message says which). SOK_TIMEOUT after SOK_PROBE_TIMEOUT_MS. SOK_UNAVAILABLE: no child could be
// started. Blocks; any thread.
SOK_MUST_CHECK enum sok_status sok_probe_file(
    struct sok_arena *arena, const char *program, int fd, struct sok_probe *ret, struct sok_error *err);

// "2160p", "1080p", "720p", "576p", "480p", ...: by height, or by width where the picture is cropped. NULL
// without video.
const char *sok_probe_resolution(const struct sok_probe *probe);

// The child: limits itself, probes standard input, prints one JSON object on standard output. Returns the
// process's exit code. All that app/probe_main.c does.
int sok_probe_child_main(void);

#endif
