// What a torrent may contain. The names are judged as the torrent spells them, before libtorrent has cleaned
// them: whoever writes "../" into a torrent is not to be downloaded from under a cleaned name. A torrent is
// refused as a whole when something in it lies (a program that poses as a film); honest programs beside a
// film are left out.
#include <string.h>

#include "base/text.h"
#include "domain/infohash.h"
#include "services/torrent/libtorrent.h"
#include "services/torrent/torrent-private.h"

#define FILES_MAX 20000
#define SIZE_MAX_BYTES ((int64_t)16 << 40)
#define PART_MAX_BYTES 1024
#define PATH_MAX_BYTES 3072
#define DEPTH_MAX 16

static const char *const program_extensions[] = {
    "apk",     "app", "appimage", "bat", "cmd",  "com", "cpl", "desktop", "dll", "exe",
    "gadget",  "hta", "inf",      "ins", "jar",  "js",  "jse", "lnk",     "msi", "msix",
    "msp",     "mst", "pif",      "ps1", "psm1", "reg", "run", "scf",     "scr", "sh",
    "service", "vb",  "vbe",      "vbs", "ws",   "wsf", "wsh", "xpi",
};
static const char *const video_extensions[] = {
    "3gp",  "asf", "avi", "divx", "flv", "m2ts", "m4v",  "mk3d", "mkv", "mov",  "mp4",
    "mpeg", "mpg", "mts", "ogm",  "ogv", "rm",   "rmvb", "ts",   "vob", "webm", "wmv",
};
static const char *const subtitle_extensions[] = {"ass", "idx", "smi", "srt", "ssa", "sub", "sup", "vtt"};
static const char *const archive_extensions[] = {"001", "7z",  "ace", "arj", "cab", "gz",  "iso",
                                                 "lzh", "rar", "tar", "tgz", "xz",  "zip", "zst"};
// What else a program likes to be taken for.
static const char *const harmless_extensions[] = {"doc", "docx", "gif", "jpeg", "jpg", "mp3", "nfo", "pdf",
                                                  "png", "txt",  "wav", "flac", "aac", "xls", "html"};

static bool listed(const char *extension, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sok_text_eq_nocase(extension, list[i]))
            return true;
    return false;
}
#define LISTED(extension, list) listed(extension, list, SOK_ARRAY_LEN(list))

static bool is_trailing(char c)
{
    return c == '.' || c == ' ' || c == '_';
}

// Takes the last extension off `name`, without the blanks and dots that hide it; "" if there is none.
static void cut_extension(char *name, char ret_extension[16])
{
    size_t len = strlen(name);
    while (len && is_trailing(name[len - 1]))
        name[--len] = '\0';
    ret_extension[0] = '\0';
    char *dot = strrchr(name, '.');
    if (!dot || strlen(dot + 1) >= 16)
        return;
    memcpy(ret_extension, dot + 1, strlen(dot + 1) + 1);
    *dot = '\0';
}

static bool poses(const char *extension)
{
    return LISTED(extension, video_extensions) || LISTED(extension, subtitle_extensions) ||
           LISTED(extension, archive_extensions) || LISTED(extension, harmless_extensions);
}

unsigned sok_torrent_classify(const char *path, bool *ret_poses)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char name[PART_MAX_BYTES + 1], extension[16], inner[16];
    size_t len = strnlen(base, PART_MAX_BYTES);
    memcpy(name, base, len);
    name[len] = '\0';
    cut_extension(name, extension);
    *ret_poses = false;
    if (LISTED(extension, program_extensions)) {
        cut_extension(name, inner);
        *ret_poses = poses(inner);
        return SOK_TORRENT_FILE_PROGRAM;
    }
    if (LISTED(extension, video_extensions))
        return SOK_TORRENT_FILE_VIDEO;
    if (LISTED(extension, subtitle_extensions))
        return SOK_TORRENT_FILE_SUBTITLE;
    bool is_volume = (extension[0] == 'r' || extension[0] == 'z') && strlen(extension) == 3 &&
                     strspn(extension + 1, "0123456789") == 2;
    return is_volume || LISTED(extension, archive_extensions) ? SOK_TORRENT_FILE_ARCHIVE : 0;
}

static enum sok_status refuse(struct sok_error *err, const char *why, struct sok_lt_text name)
{
    char shown[81];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < sizeof(shown) - 1; i++)
        shown[n++] = name.bytes[i] >= ' ' && name.bytes[i] < 0x7f ? name.bytes[i] : '?';
    shown[n] = '\0';
    enum sok_status status = n ? sok_fail(err, SOK_INVALID, "torrent refused: %s: %s", why, shown)
                               : sok_fail(err, SOK_INVALID, "torrent refused: %s", why);
    if (err)
        err->code = "torrent_refused";
    return status;
}

// Control characters, and those that turn the direction of writing ("film[U+202E]4pm.exe" shows as
// "filmexe.mp4").
static bool has_control(struct sok_lt_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char *at = (const unsigned char *)text.bytes + i;
        size_t left = text.len - i;
        if (at[0] < 0x20 || at[0] == 0x7f || (left > 1 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
            return true;
        if (left > 2 && at[0] == 0xe2 &&
            ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) || // U+202A-202E
             (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))  // U+2066-2069
            return true;
    }
    return false;
}

static enum sok_status check_part(struct sok_lt_text part, struct sok_error *err)
{
    if (part.len == 0)
        return refuse(err, "it has an empty file or folder name", part);
    if (part.len > PART_MAX_BYTES)
        return refuse(err, "a name is too long", part);
    if (has_control(part))
        return refuse(err, "a name has control characters", part);
    if (memchr(part.bytes, '/', part.len) || memchr(part.bytes, '\\', part.len))
        return refuse(err, "a name is a path of its own", part);
    if ((part.len == 1 && part.bytes[0] == '.') || (part.len == 2 && memcmp(part.bytes, "..", 2) == 0))
        return refuse(err, "a path leads out of its folder", part);
    if (part.len == 2 && part.bytes[1] == ':')
        return refuse(err, "a path is absolute", part);
    return SOK_OK;
}

struct survey {
    size_t files;
};

static enum sok_status check_raw(const struct sok_lt_raw_file *file, void *context, struct sok_error *err)
{
    struct survey *survey = context;
    struct sok_lt_text none = {0}, last = file->part_count && file->part_count <= SOK_LT_DEPTH_MAX
                                              ? file->parts[file->part_count - 1]
                                              : none;
    if (file->is_link)
        return refuse(err, "it contains a link", last);
    if (file->part_count == 0)
        return refuse(err, "a file has no name", none);
    if (file->part_count > DEPTH_MAX)
        return refuse(err, "its folders are nested too deep", none);
    size_t path_bytes = 0;
    for (size_t i = 0; i < file->part_count; i++) {
        SOK_TRY(check_part(file->parts[i], err));
        path_bytes += file->parts[i].len + 1;
    }
    if (path_bytes > PATH_MAX_BYTES)
        return refuse(err, "a path is too long", last);
    if (file->size_bytes < 0) // the torrent's own name; a file without a size libtorrent refuses
        return SOK_OK;
    if (++survey->files > 3 * (size_t)FILES_MAX) // v1, its UTF-8 names and v2 may each list them all
        return refuse(err, "it has too many files", none);
    return SOK_OK;
}

static bool has_word(struct sok_arena *arena, const char *path, const char *word)
{
    return strstr(sok_text_fold(arena, path), word) != NULL;
}

// Flags the files and refuses what as a whole is a trap.
static enum sok_status judge(struct sok_arena *arena, struct sok_torrent_info *info, struct sok_error *err)
{
    size_t videos = 0, programs = 0, archives = 0;
    bool has_password_file = false;
    for (size_t i = 0; i < info->file_count; i++) {
        struct sok_torrent_file *file = &info->files[i];
        if (file->flags & SOK_TORRENT_FILE_PAD)
            continue;
        bool is_posing;
        file->flags = sok_torrent_classify(file->path, &is_posing);
        struct sok_lt_text name = {file->path, strlen(file->path)};
        if (is_posing)
            return refuse(err, "a program poses as something else", name);
        file->wanted = !(file->flags & SOK_TORRENT_FILE_PROGRAM);
        programs += (file->flags & SOK_TORRENT_FILE_PROGRAM) != 0;
        videos += (file->flags & SOK_TORRENT_FILE_VIDEO) != 0;
        archives += (file->flags & SOK_TORRENT_FILE_ARCHIVE) != 0;
        has_password_file |=
            has_word(arena, file->path, "password") || has_word(arena, file->path, "passwort");
    }
    if (programs && !videos)
        return refuse(err, "it contains programs and no film", (struct sok_lt_text){0});
    info->has_password_archive = archives && (has_password_file || !videos);
    return SOK_OK;
}

enum sok_status sok_torrent_inspect(
    struct sok_arena *arena, const void *bytes, size_t len, struct sok_torrent_info *ret,
    struct sok_error *err)
{
    if (len > SOK_TORRENT_FILE_MAX_BYTES)
        return sok_fail(err, SOK_TOO_LARGE, "the torrent file is larger than 10 MB");
    struct survey survey = {0};
    struct sok_torrent_info info;
    SOK_TRY(sok_lt_walk(bytes, len, check_raw, &survey, err));
    SOK_TRY(sok_lt_describe(arena, bytes, len, &info, err));
    if (info.file_count > FILES_MAX)
        return refuse(err, "it has too many files", (struct sok_lt_text){0});
    if (info.size_bytes > SIZE_MAX_BYTES)
        return refuse(err, "its size is absurd", (struct sok_lt_text){0});
    if (info.size_bytes <= 0)
        return refuse(err, "it is empty", (struct sok_lt_text){0});
    SOK_TRY(judge(arena, &info, err));
    *ret = info;
    return SOK_OK;
}

enum sok_status sok_torrent_key(
    struct sok_arena *arena, const char *magnet_or_hash, char ret_key[SOK_TORRENT_KEY_LEN + 1],
    struct sok_error *err)
{
    char hash[SOK_INFOHASH_TEXT];
    if (sok_magnet_is(magnet_or_hash)) {
        struct sok_magnet magnet;
        SOK_TRY(sok_magnet_parse(arena, magnet_or_hash, &magnet, err));
        memcpy(hash, sok_magnet_hash(&magnet), sizeof(hash));
    } else if (!sok_infohash_normalise(magnet_or_hash, hash)) {
        return sok_fail(err, SOK_INVALID, "not an info hash: 40 or 64 hex digits or 32 base32 letters");
    }
    memcpy(ret_key, hash, SOK_TORRENT_KEY_LEN);
    ret_key[SOK_TORRENT_KEY_LEN] = '\0';
    return SOK_OK;
}
