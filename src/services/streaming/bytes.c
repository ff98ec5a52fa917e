// The bytes of a stream. A complete file is a descriptor that the server sends by itself. A file that is
// still arriving is read here: each read tells the torrent where the player stands, so that the pieces around
// it come first, waits for at most a second and hands out what is verified.
//
// The descriptor is opened once and kept. When the download completes, is moved or removed, it goes on giving
// the same bytes; only what had not arrived by then is looked for in the library.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "base/uri.h"
#include "data/downloads.h"
#include "data/media_files.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/streaming/stream-private.h"
#include "services/torrent/torrent.h"

#define READ_AHEAD_BYTES ((int64_t)16 << 20)
#define WANT_AGAIN_BYTES ((int64_t)2 << 20) // how far the play head moves before the deadlines are renewed
#define STARVED_MS 1000
#define WAIT_MS 900
#define ACCEL_PATH_BYTES ((size_t)16 << 10)
#define DEADLINE_MS 300

struct arriving { // a file of a running download, as one answer reads it
    struct sok_streaming *streaming;
    char key[SOK_TORRENT_KEY_LEN + 1], download_id[SOK_UUID_LEN + 1];
    int file_index;
    int64_t size_bytes;
    int fd;        // -1: its first byte was not written yet
    bool complete; // everything is in fd; the torrent is not asked any more
    struct sok_play_head head;
};

// --- Complete files.

// Where the proxy finds it: PREFIX FOLDER/PATH, each part encoded. The file was opened beneath the folder
// just now, so nothing in its path leads out of it. NULL: there is no such proxy.
static const char *accel_path(
    const struct sok_streaming *streaming, struct sok_arena *arena, const char *file_path)
{
    const char *prefix = streaming->options.accel_prefix, *below;
    size_t root;
    if (!prefix || sok_library_split(streaming->options.library, file_path, &root, &below, NULL) != SOK_OK)
        return NULL;
    SOK_BUF_AUTO path;
    sok_buf_init(&path, ACCEL_PATH_BYTES);
    sok_buf_printf(&path, "%s%zu", prefix, root);
    while (*below) {
        size_t len = strcspn(below, "/");
        sok_buf_printf(&path, "/%s", sok_uri_encode(arena, sok_strndup(arena, below, len)));
        below += len + (below[len] == '/');
    }
    return sok_strndup(arena, path.data, path.len);
}

// Opens a row's file. *ret_etag names these bytes: another file under the same name has another one.
static enum sok_status open_row(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_media_file *row,
    struct sok_byte_source *ret, struct sok_error *err)
{
    SOK_FD_AUTO fd = -1;
    struct stat info;
    SOK_TRY(sok_library_open_file(streaming->options.library, row->file_path, &fd, err));
    if (fstat(fd, &info) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot read the file");
    int64_t modified_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
    *ret = (struct sok_byte_source){
        .size_bytes = info.st_size,
        .content_type = sok_stream_mime(sok_path_name(row->file_path)),
        .etag = sok_format(
            arena, "\"%llx-%llx\"", (unsigned long long)modified_ms, (unsigned long long)info.st_size),
        .modified_ms = modified_ms,
        .accel = accel_path(streaming, arena, row->file_path)};
    ret->fd = sok_fd_take(&fd);
    return SOK_OK;
}

// The row itself, or the best file of the work when it was replaced meanwhile.
static enum sok_status open_file_stream(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_grant *grant,
    struct sok_byte_source *ret, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(streaming->options.db);
    struct sok_media_file row, *rows;
    size_t count;
    enum sok_status status = SOK_NOT_FOUND;
    if (grant->subject_id)
        status = sok_media_files_find(tx, arena, grant->subject_id, &row, err);
    if (status == SOK_OK)
        status = open_row(streaming, arena, &row, ret, err);
    if (status != SOK_NOT_FOUND)
        return status;
    SOK_TRY(sok_media_files_list(tx, arena, grant->media_id, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        if (!rows[i].missing_at && open_row(streaming, arena, &rows[i], ret, NULL) == SOK_OK)
            return SOK_OK;
    return sok_fail(err, SOK_NOT_FOUND, "the file of this stream is gone");
}

// What a file of a download became in the library.
static enum sok_status find_imported(
    struct sok_streaming *streaming, struct sok_arena *arena, const char *download_id, int file_index,
    struct sok_media_file *ret, struct sok_error *err)
{
    struct sok_db_tx *tx = sok_db_reader(streaming->options.db);
    struct sok_download_file *files;
    struct sok_media_file *rows;
    size_t count;
    SOK_TRY(sok_download_files_list(tx, arena, download_id, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (files[i].file_index != file_index || !files[i].library_path)
            continue;
        size_t row_count;
        SOK_TRY(sok_media_files_list_path(tx, arena, files[i].library_path, &rows, &row_count, err));
        if (row_count && rows[0].file_size == files[i].size_bytes) {
            *ret = rows[0];
            return SOK_OK;
        }
    }
    return sok_fail(err, SOK_NOT_FOUND, "the download of this stream is gone");
}

// --- Arriving files.

static void close_arriving(void *context)
{
    struct arriving *file = context;
    if (file->fd >= 0)
        close(file->fd);
    sok_play_leave(file->streaming->options.torrents, file->key, file->file_index, &file->head);
    free(file);
}

int sok_stream_open_imported(
    struct sok_streaming *streaming, const char *download_id, int file_index, int64_t size_bytes)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_media_file row;
    struct sok_byte_source source;
    if (find_imported(streaming, arena, download_id, file_index, &row, NULL) != SOK_OK ||
        open_row(streaming, arena, &row, &source, NULL) != SOK_OK)
        return -1;
    if (source.size_bytes == size_bytes)
        return source.fd;
    close(source.fd);
    return -1;
}

// The torrent is gone: has the file reached the library?
static bool go_on_in_library(struct arriving *file)
{
    int fd = sok_stream_open_imported(file->streaming, file->download_id, file->file_index, file->size_bytes);
    if (fd < 0)
        return false;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    file->complete = true;
    return true;
}

void sok_play_leave(struct sok_torrents *torrents, const char *key, int file, struct sok_play_head *head)
{
    if (head->wanted_to)
        sok_torrent_leave(torrents, key, file, head->wanted_from, head->wanted_to - head->wanted_from);
    *head = (struct sok_play_head){0};
}

// A deadline takes back what peers were asked for before. That is right where the player jumps and where it
// starves; while it moves on through its read-ahead it would only have the same bytes asked for again.
void sok_play_want(
    struct sok_torrents *torrents, const char *key, int file, struct sok_play_head *head, int64_t offset,
    int64_t len)
{
    int64_t now_ms = sok_time_mono_ms();
    bool is_within = offset >= head->wanted_from && offset + len <= head->wanted_to;
    bool has_moved = offset >= head->wanted_from + WANT_AGAIN_BYTES;
    bool starves = is_within && now_ms - head->wanted_ms >= STARVED_MS &&
                   sok_torrent_available(torrents, key, file, offset, 1) == 0;
    if (is_within && !has_moved && !starves)
        return;
    sok_play_leave(torrents, key, file, head);
    int64_t deadline_ms = is_within && !starves ? -1 : DEADLINE_MS;
    if (sok_torrent_want(torrents, key, file, offset, len, READ_AHEAD_BYTES, deadline_ms, NULL) != SOK_OK)
        return;
    *head = (struct sok_play_head){offset, offset + len + READ_AHEAD_BYTES, now_ms};
}

// How many bytes from offset on may be read. 0: none yet; -1: never.
static int64_t wait_for_bytes(struct arriving *file, int64_t offset, size_t max)
{
    struct sok_torrents *torrents = file->streaming->options.torrents;
    if (file->complete)
        return (int64_t)max;
    sok_play_want(torrents, file->key, file->file_index, &file->head, offset, (int64_t)max);
    int64_t there = sok_torrent_available(torrents, file->key, file->file_index, offset, (int64_t)max);
    if (there > 0)
        return there;
    enum sok_status status =
        sok_torrent_wait_range(torrents, file->key, file->file_index, offset, 1, WAIT_MS, NULL);
    if (status == SOK_NOT_FOUND)
        return go_on_in_library(file) ? (int64_t)max : -1;
    if (status != SOK_OK) // also while it rests in an error (disk full): it may go on, the client decides
        return 0;
    return sok_torrent_available(torrents, file->key, file->file_index, offset, (int64_t)max);
}

static ssize_t read_arriving(void *context, int64_t offset, char *buf, size_t max)
{
    struct arriving *file = context;
    if (offset < 0 || offset >= file->size_bytes)
        return -1;
    if ((int64_t)max > file->size_bytes - offset)
        max = (size_t)(file->size_bytes - offset);
    int64_t there = wait_for_bytes(file, offset, max);
    if (there <= 0)
        return (ssize_t)there;
    if (file->fd < 0 &&
        sok_torrent_open_file(
            file->streaming->options.torrents, file->key, file->file_index, &file->fd, NULL) != SOK_OK)
        return go_on_in_library(file) ? 0 : -1;
    ssize_t count = pread(file->fd, buf, (size_t)there, offset);
    return count > 0 ? count : -1;
}

enum sok_status sok_stream_open_arriving(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    int file_index, struct sok_byte_source *ret, struct sok_error *err)
{
    struct sok_torrents *torrents = streaming->options.torrents;
    struct sok_torrent_file *files = NULL;
    size_t count = 0, at = 0;
    if (!torrents || !download->info_hash)
        return sok_fail(err, SOK_NOT_FOUND, "the download does not run here");
    SOK_TRY(sok_torrent_files(torrents, arena, download->info_hash, &files, &count, err));
    while (at < count && files[at].index != file_index)
        at++;
    if (at == count)
        return sok_fail(err, SOK_UNAVAILABLE, "the download does not know its files yet");
    *ret = (struct sok_byte_source){
        .fd = -1, .size_bytes = files[at].size_bytes, .content_type = sok_stream_mime(files[at].path)};
    if (sok_torrent_has(torrents, download->info_hash, file_index, 0, ret->size_bytes))
        return sok_torrent_open_file(torrents, download->info_hash, file_index, &ret->fd, err);
    struct arriving *file = calloc(1, sizeof *file);
    if (!file)
        sok_panic("out of memory");
    *file = (struct arriving){
        .streaming = streaming, .file_index = file_index, .size_bytes = ret->size_bytes, .fd = -1};
    memcpy(file->key, download->info_hash, strnlen(download->info_hash, SOK_TORRENT_KEY_LEN));
    memcpy(file->download_id, download->id, strnlen(download->id, SOK_UUID_LEN));
    ret->read = read_arriving;
    ret->close = close_arriving;
    ret->context = file;
    return SOK_OK;
}

static enum sok_status open_download_stream(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_grant *grant,
    bool may_wait, struct sok_byte_source *ret, struct sok_error *err)
{
    struct sok_download download;
    struct sok_media_file row;
    SOK_TRY(
        sok_downloads_find(sok_db_reader(streaming->options.db), arena, grant->subject_id, &download, err));
    enum sok_status status =
        sok_stream_open_arriving(streaming, arena, &download, grant->file_index, ret, err);
    if (status == SOK_NOT_FOUND) {
        status = find_imported(streaming, arena, download.id, grant->file_index, &row, err);
        if (status == SOK_OK)
            status = open_row(streaming, arena, &row, ret, err);
        else if (status == SOK_NOT_FOUND && sok_stream_is_elsewhere(streaming, &download))
            status =
                sok_stream_open_elsewhere(streaming, arena, &download, grant->file_index, may_wait, ret, err);
    }
    SOK_TRY(status);
    // The same before and after the download has ended, for a player's If-Range: the bytes are the torrent's.
    ret->etag =
        sok_format(arena, "\"%.40s-%d\"", download.info_hash ? download.info_hash : "", grant->file_index);
    ret->modified_ms = 0;
    return SOK_OK;
}

enum sok_status sok_streaming_bytes(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_stream_grant *grant,
    bool may_wait, struct sok_byte_source *ret, struct sok_error *err)
{
    return grant->kind == SOK_STREAM_FILE ? open_file_stream(streaming, arena, grant, ret, err)
                                          : open_download_stream(streaming, arena, grant, may_wait, ret, err);
}
