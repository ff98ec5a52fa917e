// The parent's half of the probe. What comes through the pipe is as little to be trusted as the file itself:
// a demuxer that was taken over writes whatever it likes, so the text is capped, parsed and clamped.
#include "services/library/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "services/library/fd.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 10)

// `sokoul-probe` in the folder of this very executable; 0 or an errno value.
static int find_program(char *ret_path, size_t size)
{
    static const char name[] = "sokoul-probe";
    ssize_t len = readlink("/proc/self/exe", ret_path, size - 1);
    if (len < 0)
        return errno;
    ret_path[len] = 0;
    char *file = strrchr(ret_path, '/') + 1;
    if ((size_t)(file - ret_path) + sizeof(name) > size)
        return ENAMETOOLONG;
    memcpy(file, name, sizeof(name));
    return 0;
}

static int start_child(const char *program, int fd, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    // Above the three standard ones, so that no dup2 below writes over its own source.
    SOK_FD_AUTO high_in = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    SOK_FD_AUTO high_out = fcntl(out, F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_adddup2(&actions, high_in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, high_out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    static const char *const argv[] = {"sokoul-probe", NULL}, *const envp[] = {"LC_ALL=C", NULL};
    int failed =
        high_in < 0 || high_out < 0
            ? EMFILE
            : posix_spawn(ret_pid, program, &actions, &attributes, (char *const *)argv, (char *const *)envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

// Reads until the child closes its end. False when the deadline passed.
static bool read_output(int fd, struct sok_buf *output)
{
    int64_t deadline_ms = sok_time_mono_ms() + SOK_PROBE_TIMEOUT_MS;
    for (;;) {
        int64_t left_ms = deadline_ms - sok_time_mono_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
        if (ready == 0)
            return false;
        char chunk[4096];
        ssize_t count = ready > 0 ? read(fd, chunk, sizeof chunk) : -1;
        if (count == 0 || (count < 0 && errno != EINTR))
            return true;
        if (count > 0 && !sok_buf_append(output, chunk, (size_t)count))
            return true; // too much: what is there will not parse
    }
}

// Ends the child (it may have closed its output and go on) and says how it ended.
static int end_child(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return status;
}

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
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return sok_fail_errno(err, SOK_UNAVAILABLE, errno, "cannot make a pipe");
    SOK_FD_AUTO in = pipe_fds[0], out = pipe_fds[1];
    pid_t pid;
    char beside[PATH_MAX];
    int failed = program ? 0 : find_program(beside, sizeof(beside));
    if (!failed)
        failed = start_child(program ? program : beside, fd, out, &pid);
    if (failed)
        return sok_fail_errno(err, SOK_UNAVAILABLE, failed, "cannot start the probe");
    close(sok_fd_take(&out));
    SOK_BUF_AUTO output;
    sok_buf_init(&output, OUTPUT_BYTES_MAX);
    bool in_time = read_output(in, &output);
    int status = end_child(pid);
    if (!in_time)
        return sok_fail(
            err, SOK_TIMEOUT, "probing the file took longer than %d s", SOK_PROBE_TIMEOUT_MS / 1000);
    SOK_JSON_AUTO *root = NULL;
    if (output.len == 0 || output.overflow ||
        sok_json_parse(output.data, output.len, OUTPUT_BYTES_MAX, &root, NULL) != SOK_OK)
        return child_failed(err, status);
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
