// Files that arrive in another process. Their bytes come by letter from the hunter that has them
// (play_client.h). When it is silent or has them no more, the download's row says what to do: read on in the
// library, wait for the next hunter, or end. The next hunter may be this process's own, to which no letter
// goes: then the file is read here.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "services/library/classify.h"
#include "services/streaming/play_client.h"
#include "services/streaming/stream-private.h"

#define ROW_AGAIN_MS 500 // the row is not read more often than this

struct elsewhere { // a file of another process's download, as one answer reads it
    struct sok_streaming *streaming;
    char download_id[SOK_UUID_LEN + 1];
    int file_index;
    int64_t size_bytes;
    int fd; // of the library's file, once it is there; else -1
    int64_t row_at;
    struct sok_play_file *file;
    struct sok_byte_source here; // read: NULL before it arrives in this process
};

bool sok_stream_is_elsewhere(const struct sok_streaming *streaming, const struct sok_download *download)
{
    static const char *const states[] = {"downloading", "paused", "importing", "seeding"};
    if (!streaming->options.others || !download->info_hash || sok_text_eq(download->wanted, "cancelled"))
        return false;
    for (size_t i = 0; i < SOK_ARRAY_LEN(states); i++)
        if (sok_text_eq(download->status, states[i]))
            return true;
    return false;
}

enum sok_status sok_stream_list_elsewhere(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    struct sok_torrent_file **ret, size_t *ret_count, struct sok_error *err)
{
    struct sok_download_file *rows = NULL;
    size_t count = 0;
    SOK_TRY(sok_download_files_list(
        sok_db_reader(streaming->options.db), arena, download->id, &rows, &count, err));
    struct sok_torrent_file *files = sok_alloc_array(arena, count ? count : 1, sizeof(*files));
    for (size_t i = 0; i < count; i++)
        files[i] = (struct sok_torrent_file){
            .index = (int)rows[i].file_index,
            .path = rows[i].path,
            .size_bytes = rows[i].size_bytes,
            .done_bytes = rows[i].downloaded_bytes,
            .wanted = rows[i].wanted};
    *ret = files;
    *ret_count = count;
    return SOK_OK;
}

static void close_elsewhere(void *context)
{
    struct elsewhere *file = context;
    if (file->fd >= 0)
        close(file->fd);
    if (file->here.close)
        file->here.close(file->here.context);
    sok_play_file_close(file->file);
    free(file);
}

// Whether this process has the download by now, with the same file.
static bool go_on_here(struct elsewhere *file, struct sok_arena *arena, const struct sok_download *download)
{
    struct sok_byte_source here = {.fd = -1};
    if (sok_stream_open_arriving(file->streaming, arena, download, file->file_index, &here, NULL) != SOK_OK)
        return false;
    if (here.size_bytes != file->size_bytes) {
        if (here.close)
            here.close(here.context);
        if (here.fd >= 0)
            close(here.fd);
        return false;
    }
    file->fd = here.fd; // of one that is complete
    file->here = here;
    return true;
}

// No hunter has it just now. Whether there is still something to wait for.
static bool is_worth_waiting(struct elsewhere *file)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_download download;
    struct sok_db_tx *tx = sok_db_reader(file->streaming->options.db);
    int64_t now_ms = sok_time_mono_ms();
    if (now_ms - file->row_at < ROW_AGAIN_MS)
        return true;
    file->row_at = now_ms;
    file->fd =
        sok_stream_open_imported(file->streaming, file->download_id, file->file_index, file->size_bytes);
    if (file->fd >= 0)
        return true;
    enum sok_status status = sok_downloads_find(tx, arena, file->download_id, &download, NULL);
    if (status != SOK_OK)
        return status != SOK_NOT_FOUND; // the database is away: nothing can be said yet
    if (go_on_here(file, arena, &download))
        return true;
    return sok_text_eq(download.status, "queued") || sok_stream_is_elsewhere(file->streaming, &download);
}

static ssize_t read_elsewhere(void *context, int64_t offset, char *buf, size_t max)
{
    struct elsewhere *file = context;
    if (offset < 0 || offset >= file->size_bytes)
        return -1;
    if ((int64_t)max > file->size_bytes - offset)
        max = (size_t)(file->size_bytes - offset);
    if (file->fd < 0 && file->here.read)
        return file->here.read(file->here.context, offset, buf, max);
    if (file->fd < 0) {
        ssize_t count = sok_play_file_read(file->file, offset, buf, max);
        if (count >= 0)
            return count;
        return is_worth_waiting(file) ? 0 : -1;
    }
    ssize_t count = pread(file->fd, buf, max, offset);
    return count > 0 ? count : -1;
}

enum sok_status sok_stream_open_elsewhere(
    struct sok_streaming *streaming, struct sok_arena *arena, const struct sok_download *download,
    int file_index, bool may_wait, struct sok_byte_source *ret, struct sok_error *err)
{
    struct sok_torrent_file *files;
    size_t count, at = 0;
    struct sok_play_look look;
    SOK_TRY(sok_stream_list_elsewhere(streaming, arena, download, &files, &count, err));
    while (at < count && files[at].index != file_index)
        at++;
    if (at == count)
        return sok_fail(err, SOK_UNAVAILABLE, "the download does not know its files yet");
    if (!may_wait)
        return sok_fail(err, SOK_TIMEOUT, "another process must be asked");
    SOK_TRY(sok_play_look(streaming->options.others, download->info_hash, file_index, 0, 0, &look, err));
    if (look.size_bytes != files[at].size_bytes)
        return sok_fail(err, SOK_UNAVAILABLE, "the download's files are not known for certain yet");
    struct elsewhere *file = calloc(1, sizeof(*file));
    if (!file)
        sok_panic("out of memory for a stream");
    *file = (struct elsewhere){
        .streaming = streaming, .file_index = file_index, .size_bytes = look.size_bytes, .fd = -1};
    memcpy(file->download_id, download->id, strnlen(download->id, SOK_UUID_LEN));
    file->file =
        sok_play_file_open(streaming->options.others, download->info_hash, file_index, look.size_bytes);
    *ret = (struct sok_byte_source){
        .fd = -1,
        .size_bytes = look.size_bytes,
        .content_type = sok_stream_mime(sok_path_name(files[at].path)),
        .read = read_elsewhere,
        .close = close_elsewhere,
        .context = file};
    return SOK_OK;
}
