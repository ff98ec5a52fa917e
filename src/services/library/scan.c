// Two passes over a folder. The first walks it, one open directory a level and one file at a time, and writes
// what is new in batches; the second pages through the rows below the folder and drops those whose file is
// gone. Neither holds more than a batch in memory.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/text.h"
#include "services/library/beneath.h"
#include "services/library/classify.h"
#include "services/library/fd.h"
#include "services/library/library-private.h"

#define DEPTH_MAX 24
#define BATCH_FILES 64
#define BATCH_BYTES ((size_t)8 << 20)
#define SWEEP_ROWS 500
#define PROGRESS_FILES 100

struct found {        // a file whose rows are to be written
    const char *path; // below the root
    struct sok_release release;
    bool is_series;
    struct sok_media_file row;
    struct sok_media_file *old; // rows of this path: the works are known
    size_t old_count;
};

struct scan {
    struct sok_library *library;
    const struct sok_library_root *root;
    const struct sok_scan_options *options;
    struct sok_arena *arena; // the caller's: only problems go there
    struct sok_arena *batch_arena;
    struct found batch[BATCH_FILES];
    size_t batch_count;
    int64_t files_in_root;
    struct sok_scan_result *result;
};

static void note_problem(struct scan *scan, const char *path, const char *sentence)
{
    struct sok_scan_result *result = scan->result;
    if (result->problem_count < SOK_ARRAY_LEN(result->problems))
        result->problems[result->problem_count++] = sok_format(
            scan->arena, "%s/%s: %s", scan->root->path, sok_utf8_clean(scan->arena, path, strlen(path)),
            sentence);
}

static void note_unreadable(struct scan *scan, const char *path, const char *sentence)
{
    scan->result->unreadable++;
    note_problem(scan, path, sentence);
}

static bool is_cancelled(struct scan *scan)
{
    if (!scan->result->cancelled && scan->options->cancelled)
        scan->result->cancelled = scan->options->cancelled(scan->options->context);
    return scan->result->cancelled;
}

// --- Writing a batch.

struct batch_write {
    struct scan *scan;
    struct sok_arena *arena;
    int64_t added, media_made; // of this run of the body
    bool unclear[BATCH_FILES];
};

// The works in the file; *ret_count 0 when the name does not say.
static enum sok_status find_works(
    struct batch_write *write, struct sok_db_tx *tx, const struct found *found, const char ***ret_ids,
    size_t *ret_count, struct sok_error *err)
{
    struct sok_media work, *known;
    size_t known_count;
    *ret_count = 0;
    int64_t now_ms = sok_clock_now_ms(write->scan->library->clock);
    bool made;
    SOK_TRY(sok_work_find_or_make(
        tx, write->arena, &found->release, found->is_series, sok_path_stem(write->arena, found->path), now_ms,
        &work, &made, err));
    write->media_made += made;
    if (!found->is_series) {
        *ret_ids = sok_alloc(write->arena, sizeof **ret_ids);
        (*ret_ids)[0] = work.id;
        *ret_count = 1;
        return SOK_OK;
    }
    SOK_TRY(sok_media_list_episodes(tx, write->arena, work.id, -1, &known, &known_count, err));
    struct sok_episode_numbers numbers;
    const char *reason;
    if (!sok_work_episodes(write->arena, &found->release, known, known_count, &numbers, &reason))
        return SOK_OK;
    *ret_count = (size_t)numbers.count;
    return sok_work_ensure_episodes(
        tx, write->arena, &work, &numbers, &found->release, sok_clock_now_ms(write->scan->library->clock),
        ret_ids, err);
}

static enum sok_status write_file(
    struct batch_write *write, struct sok_db_tx *tx, struct found *found, bool *ret_unclear,
    struct sok_error *err)
{
    const char **ids = NULL;
    size_t count = found->old_count;
    if (count) {
        ids = sok_alloc_array(write->arena, count, sizeof *ids);
        for (size_t i = 0; i < count; i++)
            ids[i] = found->old[i].media_id;
    } else {
        SOK_TRY(find_works(write, tx, found, &ids, &count, err));
        *ret_unclear = count == 0;
        write->added += (int64_t)count;
    }
    for (size_t i = 0; i < count; i++) {
        char id[SOK_UUID_LEN + 1];
        const char *row_id;
        struct sok_media_file row = found->row;
        sok_uuid7(row.updated_at, id);
        row.id = id;
        row.media_id = ids[i];
        SOK_TRY(sok_media_files_upsert(tx, write->arena, &row, &row_id, err));
    }
    return SOK_OK;
}

static enum sok_status write_batch(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct batch_write *write = context;
    write->added = write->media_made = 0;
    memset(write->unclear, 0, sizeof write->unclear);
    for (size_t i = 0; i < write->scan->batch_count; i++)
        SOK_TRY(write_file(write, tx, &write->scan->batch[i], &write->unclear[i], err));
    return SOK_OK;
}

static enum sok_status flush_batch(struct scan *scan, struct sok_error *err)
{
    struct batch_write write = {.scan = scan, .arena = scan->batch_arena};
    if (scan->batch_count)
        SOK_TRY(sok_db_write(scan->library->db, write_batch, &write, err));
    scan->result->added += write.added;
    scan->result->media_made += write.media_made;
    for (size_t i = 0; i < scan->batch_count; i++)
        if (write.unclear[i]) {
            scan->result->unclear++;
            note_problem(scan, scan->batch[i].path, "the name does not say which episode it is");
        }
    scan->batch_count = 0;
    sok_arena_reset(scan->batch_arena);
    return SOK_OK;
}

// --- Looking at one file.

static bool is_unchanged(
    const struct scan *scan, const struct sok_media_file *rows, size_t count, const struct stat *info)
{
    int64_t modified_at = (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
    for (size_t i = 0; i < count; i++)
        if (rows[i].file_size != info->st_size || rows[i].modified_at != modified_at || rows[i].missing_at ||
            (scan->options->probe && !rows[i].probed_at))
            return false;
    return count > 0;
}

// False when the file is no film after all; the problem is noted.
static bool describe_found(struct scan *scan, struct found *found)
{
    struct sok_probe probe;
    struct sok_error why = {0};
    if (!scan->options->probe) {
        sok_describe_file(scan->batch_arena, &found->release, NULL, &found->row);
        return true;
    }
    SOK_FD_AUTO fd = -1;
    enum sok_status status = sok_beneath_open(scan->root->fd, found->path, &fd, &why);
    if (status == SOK_OK)
        status = sok_probe_file(scan->batch_arena, scan->library->probe_program, fd, &probe, &why);
    if (status == SOK_OK && !probe.has_video)
        status = sok_fail(&why, SOK_INVALID, "there is no picture in the file");
    if (status != SOK_OK) {
        note_unreadable(scan, found->path, why.message);
        return false;
    }
    sok_describe_file(scan->batch_arena, &found->release, &probe, &found->row);
    found->row.probed_at = sok_clock_now_ms(scan->library->clock);
    return true;
}

static void keep_origin(struct found *found, int64_t now_ms)
{
    const struct sok_media_file *old = found->old_count ? &found->old[0] : NULL;
    found->row.source = old ? old->source : "local";
    found->row.release_name = old ? old->release_name : NULL;
    found->row.download_id = old ? old->download_id : NULL;
    found->row.downloaded_at = old ? old->downloaded_at : now_ms;
    found->row.updated_at = now_ms;
}

static enum sok_status scan_film(
    struct scan *scan, const char *path, const struct stat *info, struct sok_error *err)
{
    struct found found = {.path = sok_strdup(scan->batch_arena, path)};
    const char *file_path = sok_format(scan->batch_arena, "%s/%s", scan->root->path, path);
    SOK_TRY(sok_media_files_list_path(
        sok_db_reader(scan->library->db), scan->batch_arena, file_path, &found.old, &found.old_count, err));
    if (is_unchanged(scan, found.old, found.old_count, info)) {
        scan->result->unchanged++;
        return SOK_OK;
    }
    sok_work_read_path(scan->batch_arena, path, &found.release, &found.is_series);
    if (!describe_found(scan, &found))
        return SOK_OK;
    found.row.file_path = file_path;
    found.row.file_size = info->st_size;
    found.row.modified_at = (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
    keep_origin(&found, sok_clock_now_ms(scan->library->clock));
    scan->batch[scan->batch_count++] = found;
    return SOK_OK;
}

// --- Walking.

static enum sok_status walk(struct scan *scan, char *path, size_t len, int depth, struct sok_error *err);

static enum sok_status visit(
    struct scan *scan, int folder_fd, const char *name, char *path, size_t len, int depth,
    struct sok_error *err)
{
    struct stat info;
    if (fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            note_unreadable(scan, path, "cannot be read");
        return SOK_OK;
    }
    if (S_ISDIR(info.st_mode))
        return walk(scan, path, len, depth + 1, err);
    if (!S_ISREG(info.st_mode) || sok_classify_file(path, info.st_size, NULL) != SOK_FILE_FILM)
        return SOK_OK;
    if (!sok_utf8_valid(path, len) || !sok_beneath_is_path(path)) {
        note_unreadable(scan, path, "the name is not UTF-8 text without control characters");
        return SOK_OK;
    }
    scan->result->files++;
    scan->files_in_root++;
    if (scan->options->progress && scan->result->files % PROGRESS_FILES == 0)
        scan->options->progress(scan->options->context, scan->result);
    SOK_TRY(scan_film(scan, path, &info, err));
    bool full = scan->batch_count == BATCH_FILES || sok_arena_used(scan->batch_arena) > BATCH_BYTES;
    return full ? flush_batch(scan, err) : SOK_OK;
}

// `path` (of `len` bytes, in a buffer of PATH_MAX) is the folder below the root, and is put back at the end.
static enum sok_status walk(struct scan *scan, char *path, size_t len, int depth, struct sok_error *err)
{
    int fd;
    struct sok_error why = {0};
    if (depth > DEPTH_MAX) {
        note_unreadable(scan, path, "too many folders in one another");
        return SOK_OK;
    }
    if (sok_beneath_open_dir(scan->root->fd, path, false, &fd, &why) != SOK_OK) {
        note_unreadable(scan, path, why.message);
        return SOK_OK;
    }
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return sok_fail_errno(err, SOK_IO, errno, "cannot list a folder");
    }
    scan->result->folders++;
    enum sok_status status = SOK_OK;
    for (struct dirent *entry;
         status == SOK_OK && !is_cancelled(scan) && (entry = readdir(folder)) != NULL;) {
        size_t name_len = strlen(entry->d_name), at = len ? len + 1 : 0;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lost+found") == 0 || entry->d_name[0] == '@')
            continue;
        if (at + name_len >= PATH_MAX - 1)
            continue;
        if (len)
            path[len] = '/';
        memcpy(path + at, entry->d_name, name_len + 1);
        status = visit(scan, fd, entry->d_name, path, at + name_len, depth, err);
        path[len] = '\0';
    }
    closedir(folder);
    return status;
}

// --- Dropping what is gone.

struct sweep_write {
    const char **ids;
    size_t count;
    bool mark; // instead of dropping
    int64_t now_ms;
};

static enum sok_status write_sweep(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sweep_write *write = context;
    for (size_t i = 0; i < write->count; i++) {
        enum sok_status status =
            write->mark ? sok_media_files_set_missing(tx, write->ids[i], write->now_ms, write->now_ms, err)
                        : sok_media_files_delete(tx, write->ids[i], err);
        if (status != SOK_OK && status != SOK_NOT_FOUND)
            return status;
    }
    return SOK_OK;
}

static bool is_gone(const struct scan *scan, const char *file_path)
{
    const struct sok_library_root *root;
    const char *below;
    struct stat info;
    return sok_library_locate(scan->library, file_path, &root, &below, NULL) == SOK_OK &&
           sok_beneath_stat(root->fd, below, &info, NULL) == SOK_NOT_FOUND;
}

static enum sok_status sweep(struct scan *scan, const char *folder, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char after[PATH_MAX] = "";
    while (!is_cancelled(scan)) {
        struct sok_media_file *rows;
        size_t count;
        sok_arena_reset(arena);
        SOK_TRY(sok_media_files_list_under(
            sok_db_reader(scan->library->db), arena, folder, *after ? after : NULL, SWEEP_ROWS, &rows, &count,
            err));
        if (count == 0)
            return SOK_OK;
        struct sweep_write write = {
            .ids = sok_alloc_array(arena, count, sizeof *write.ids),
            // A folder without a single film where there were some is more likely a disk that is not mounted.
            .mark = scan->files_in_root == 0,
            .now_ms = sok_clock_now_ms(scan->library->clock)};
        for (size_t i = 0; i < count; i++)
            if (!(write.mark && rows[i].missing_at) && is_gone(scan, rows[i].file_path))
                write.ids[write.count++] = rows[i].id;
        if (write.count)
            SOK_TRY(sok_db_write(scan->library->db, write_sweep, &write, err));
        *(write.mark ? &scan->result->missing : &scan->result->removed) += (int64_t)write.count;
        const char *last = rows[count - 1].file_path;
        if (strlen(last) >= sizeof after)
            return SOK_OK;
        memcpy(after, last, strlen(last) + 1);
    }
    return SOK_OK;
}

static enum sok_status scan_root(struct scan *scan, const char *below, struct sok_error *err)
{
    char path[PATH_MAX] = "";
    size_t len = strlen(below);
    if (len >= sizeof path)
        return sok_fail(err, SOK_INVALID, "the folder's path is too long");
    memcpy(path, below, len + 1);
    scan->files_in_root = 0;
    SOK_TRY(walk(scan, path, len, 0, err));
    SOK_TRY(flush_batch(scan, err));
    const char *folder = len ? sok_format(scan->arena, "%s/%s", scan->root->path, below) : scan->root->path;
    return sweep(scan, folder, err);
}

enum sok_status sok_library_scan(
    struct sok_library *library, struct sok_arena *arena, const struct sok_scan_options *options,
    struct sok_scan_result *ret, struct sok_error *err)
{
    SOK_ARENA_AUTO *batch_arena = sok_arena_new(0);
    struct sok_scan_result result = {0};
    struct scan scan = {
        .library = library,
        .options = options,
        .arena = arena,
        .batch_arena = batch_arena,
        .result = &result};
    if (options->folder) {
        char *real = realpath(options->folder, NULL);
        if (!real)
            return sok_fail_errno(err, SOK_IO, errno, "cannot open the folder %.160s", options->folder);
        const char *folder = sok_strdup(arena, real), *below;
        free(real);
        SOK_TRY(sok_library_locate(library, folder, &scan.root, &below, err));
        SOK_TRY(scan_root(&scan, below, err));
    }
    for (size_t i = 0; !options->folder && i < library->root_count; i++) {
        scan.root = &library->roots[i];
        SOK_TRY(scan_root(&scan, "", err));
    }
    *ret = result;
    return SOK_OK;
}
