#include "services/backup/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/text.h"
#include "data/audit.h"
#include "data/migrate.h"
#include "runtime/data_lock.h"
#include "services/backup/copy.h"
#include "services/backup/files.h"
#include "services/backup/pack.h"
#include "services/library/fd.h"

// --- What was done, in the audit trail.

struct note {
    const char *action;
    const struct sok_backup_report *report;
    int64_t now_ms;
};

static enum sok_status write_note(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct note *note = context;
    char id[SOK_UUID_LEN + 1], value[100];
    sok_uuid7(note->now_ms, id);
    snprintf(
        value, sizeof(value), "{\"rows\":%lld,\"files\":%lld}", (long long)note->report->rows,
        (long long)note->report->files);
    struct sok_audit entry = {
        .id = id,
        .action = note->action,
        .resource = "backup",
        .new_value = value,
        .created_at = note->now_ms,
    };
    return sok_audit_insert(tx, &entry, err);
}

// --- Writing one.

struct writing {
    const struct sok_backup_place *place;
    struct sok_packer *packer;
    struct sok_backup_sink sink;
    struct sok_backup_report *report;
};

static enum sok_status pack(void *context, const void *bytes, size_t len, struct sok_error *err)
{
    return sok_packer_write(context, bytes, len, err);
}

// Behind the moment of the database, so that what its rows name is there.
static enum sok_status send_files(void *context, struct sok_error *err)
{
    struct writing *writing = context;
    return sok_backup_files_send(
        writing->place->data_dir, writing->place->config_file, &writing->sink, &writing->report->files, err);
}

static enum sok_status write_content(
    struct sok_arena *arena, struct sok_db *db, struct writing *writing, struct sok_error *err)
{
    struct sok_backup_writer writer = {.context = writing->packer, .write = pack};
    writing->sink = sok_backup_records(&writer);
    struct sok_backup_dump dump = {
        .arena = arena,
        .version = writing->place->version,
        .now_ms = writing->place->now_ms,
        .sink = &writing->sink,
        .first = send_files,
        .context = writing,
        .report = writing->report,
    };
    SOK_TRY(sok_backup_dump(db, &dump, err));
    return sok_packer_finish(writing->packer, err);
}

static enum sok_status put_into_place(
    struct sok_arena *arena, int fd, const char *part, const char *path, struct sok_backup_report *report,
    struct sok_error *err)
{
    struct stat info;
    if (fsync(fd) != 0 || fstat(fd, &info) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot sync %s", part);
    if (rename(part, path) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot rename %s to %s", part, path);
    SOK_FD_AUTO folder = open(dirname(sok_strdup(arena, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot sync the folder of %s", path);
    report->bytes = info.st_size;
    return SOK_OK;
}

static enum sok_status write_file(
    struct sok_arena *arena, struct sok_db *db, struct writing *writing, const char *path,
    const char *passphrase, struct sok_error *err)
{
    char random[16];
    sok_random_token(9, random, sizeof(random));
    const char *part = sok_format(arena, "%s.part-%s", path, random);
    SOK_FD_AUTO fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot write %s", part);
    SOK_CLEANUP(sok_packer_cleanup) struct sok_packer *packer = NULL;
    enum sok_status status = sok_packer_new(fd, passphrase, &packer, err);
    writing->packer = packer;
    if (status == SOK_OK)
        status = write_content(arena, db, writing, err);
    if (status == SOK_OK)
        status = put_into_place(arena, fd, part, path, writing->report, err);
    if (status != SOK_OK)
        (void)unlink(part);
    return status;
}

// Opening an SQLite database that is not there would make one.
static enum sok_status open_source(const char *url, struct sok_db **ret, struct sok_error *err)
{
    const char *path = sok_backup_sqlite_path(url);
    struct stat info;
    if (path && (stat(path, &info) != 0 || info.st_size == 0))
        return sok_fail(err, SOK_NOT_FOUND, "there is no database %s", path);
    const struct sok_db_options options = {.url = url, .pool_min = 1, .pool_max = 2};
    return sok_db_open_with(&options, ret, err);
}

enum sok_status sok_backup_write(
    struct sok_arena *arena, const struct sok_backup_place *place, const char *path, const char *passphrase,
    struct sok_backup_report *ret, struct sok_error *err)
{
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *db = NULL;
    struct sok_backup_report report = {0};
    struct writing writing = {.place = place, .report = &report};
    struct stat info;
    if (strlen(passphrase) < SOK_PASSPHRASE_MIN)
        return sok_fail(
            err, SOK_INVALID, "the passphrase has less than %d bytes: whoever has the file has time to guess",
            SOK_PASSPHRASE_MIN);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return sok_fail(err, SOK_INVALID, "%s is no plain file", path);
    SOK_TRY(open_source(place->database_url, &db, err));
    SOK_TRY(write_file(arena, db, &writing, path, passphrase, err));
    struct note note = {"backup.create", &report, place->now_ms};
    if (report.schema == sok_migrate_newest()) // an older one may have another trail
        SOK_TRY(sok_db_write(db, write_note, &note, err));
    *ret = report;
    return SOK_OK;
}

// --- Bringing one back.

struct restoring {
    struct sok_arena *arena;
    const char *data_dir, *path, *passphrase;
    struct sok_backup_staging staging;
    struct sok_backup_sink sink; // what the records go to: rows to the database, files to the folder
};

static enum sok_status unpack(void *context, void *bytes, size_t len, struct sok_error *err)
{
    return sok_unpacker_read(context, bytes, len, err);
}

static enum sok_status file(void *context, const char *path, int64_t size, struct sok_error *err)
{
    return sok_backup_staging_file(&((struct restoring *)context)->staging, path, err);
}

static enum sok_status file_bytes(void *context, const void *bytes, size_t len, struct sok_error *err)
{
    return sok_backup_staging_bytes(&((struct restoring *)context)->staging, bytes, len, err);
}

static enum sok_status file_end(void *context, struct sok_error *err)
{
    return sok_backup_staging_file_end(&((struct restoring *)context)->staging, err);
}

// From the first byte of the file on, as often as the transaction is run.
static enum sok_status read_file(void *context, const struct sok_backup_sink *sink, struct sok_error *err)
{
    struct restoring *restoring = context;
    SOK_FD_AUTO fd = open(restoring->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open %s", restoring->path);
    SOK_CLEANUP(sok_unpacker_cleanup) struct sok_unpacker *unpacker = NULL;
    SOK_TRY(sok_unpacker_new(fd, restoring->passphrase, &unpacker, err));
    sok_backup_staging_drop(&restoring->staging);
    SOK_TRY(sok_backup_staging_begin(&restoring->staging, restoring->arena, restoring->data_dir, err));
    const struct sok_backup_source source = {.context = unpacker, .read = unpack};
    SOK_TRY(sok_backup_read(&source, sink, err));
    return sok_unpacker_finish(unpacker, err);
}

static enum sok_status load_file(
    struct restoring *restoring, const struct sok_backup_place *place, bool force,
    struct sok_backup_report *report, struct sok_error *err)
{
    const struct sok_backup_sink files = {
        .context = restoring, .file = file, .file_bytes = file_bytes, .file_end = file_end};
    struct note note = {"backup.restore", report, place->now_ms};
    struct sok_backup_load load = {
        .arena = restoring->arena,
        .url = place->database_url,
        .force = force,
        .now_ms = place->now_ms,
        .files = &files,
        .run = read_file,
        .context = restoring,
        .last = write_note,
        .last_context = &note,
        .report = report,
    };
    return sok_backup_load(&load, err);
}

static enum sok_status check_room(const char *data_dir, bool force, struct sok_error *err)
{
    int64_t count;
    SOK_TRY(sok_backup_files_count(data_dir, &count, err));
    if (count && !force)
        return sok_fail(
            err, SOK_CONFLICT, "%s holds keys or pictures already: --force replaces them", data_dir);
    return SOK_OK;
}

bool sok_backup_is_unsettled(const char *data_dir)
{
    return sok_backup_files_are_ready(data_dir);
}

enum sok_status sok_backup_resume(const char *data_dir, const char *database_url, struct sok_error *err)
{
    if (!sok_backup_files_are_ready(data_dir))
        return SOK_OK;
    return sok_backup_files_settle(data_dir, sok_backup_sqlite_path(database_url), err);
}

enum sok_status sok_backup_restore(
    struct sok_arena *arena, const struct sok_backup_place *place, const char *path, const char *passphrase,
    bool force, struct sok_backup_report *ret, struct sok_error *err)
{
    struct restoring restoring = {
        .arena = arena,
        .data_dir = place->data_dir,
        .path = path,
        .passphrase = passphrase,
        .staging.fd = -1,
    };
    struct sok_backup_report report = {0};
    struct stat info;
    if (stat(path, &info) != 0)
        return sok_fail_errno(err, SOK_IO, errno, "cannot open %s", path);
    SOK_DATA_LOCK_AUTO lock = -1;
    SOK_TRY(sok_data_lock(place->data_dir, &lock, err));
    SOK_TRY(sok_backup_resume(place->data_dir, place->database_url, err));
    SOK_TRY(check_room(place->data_dir, force, err));
    enum sok_status status = load_file(&restoring, place, force, &report, err);
    if (status == SOK_OK)
        status = sok_backup_staging_commit(&restoring.staging, err);
    if (status != SOK_OK) {
        sok_backup_staging_drop(&restoring.staging);
        return status;
    }
    SOK_TRY(sok_backup_resume(place->data_dir, place->database_url, err));
    report.bytes = info.st_size;
    *ret = report;
    return SOK_OK;
}

// --- From one database to another.

struct moving {
    struct sok_arena *arena;
    struct sok_db *from;
    int64_t now_ms;
};

static enum sok_status send_database(void *context, const struct sok_backup_sink *sink, struct sok_error *err)
{
    struct moving *moving = context;
    struct sok_backup_report sent = {0};
    struct sok_backup_dump dump = {
        .arena = moving->arena, .version = "", .now_ms = moving->now_ms, .sink = sink, .report = &sent};
    return sok_backup_dump(moving->from, &dump, err);
}

// A process that has the database open otherwise than by PostgreSQL shows by its lock alone.
static enum sok_status lock_folder_of(
    struct sok_arena *arena, const char *data_dir, const char *url, int *lock, struct sok_error *err)
{
    struct stat own, other;
    const char *path = sok_backup_sqlite_path(url);
    const char *folder = path ? dirname(sok_strdup(arena, path)) : NULL;
    if (!folder || stat(folder, &other) != 0 ||
        (stat(data_dir, &own) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino))
        return SOK_OK;
    return sok_data_lock(folder, lock, err);
}

static enum sok_status move_rows(
    struct moving *moving, const char *to_url, bool force, struct sok_backup_report *report,
    struct sok_error *err)
{
    struct sok_backup_load load = {
        .arena = moving->arena,
        .url = to_url,
        .force = force,
        .now_ms = moving->now_ms,
        .run = send_database,
        .context = moving,
        .report = report,
    };
    SOK_TRY(sok_backup_load(&load, err));
    const char *path = sok_backup_sqlite_path(to_url);
    return path ? sok_backup_switch_database(path, err) : SOK_OK;
}

static bool is_same(const char *from_url, const char *to_url)
{
    struct stat from, to;
    const char *from_path = sok_backup_sqlite_path(from_url), *to_path = sok_backup_sqlite_path(to_url);
    if (from_path && to_path && stat(from_path, &from) == 0 && stat(to_path, &to) == 0)
        return from.st_dev == to.st_dev && from.st_ino == to.st_ino;
    return strcmp(from_url, to_url) == 0;
}

enum sok_status sok_backup_move(
    struct sok_arena *arena, const char *data_dir, const char *from_url, const char *to_url, bool force,
    int64_t now_ms, struct sok_backup_report *ret, struct sok_error *err)
{
    SOK_DATA_LOCK_AUTO lock = -1, from_lock = -1, to_lock = -1;
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *from = NULL;
    struct sok_backup_report report;
    if (is_same(from_url, to_url))
        return sok_fail(err, SOK_CONFLICT, "both are the same database");
    SOK_TRY(sok_data_lock(data_dir, &lock, err));
    SOK_TRY(lock_folder_of(arena, data_dir, from_url, &from_lock, err));
    SOK_TRY(lock_folder_of(arena, data_dir, to_url, &to_lock, err));
    SOK_TRY(open_source(from_url, &from, err));
    SOK_TRY(sok_backup_wait_quiet(from, err));
    struct moving moving = {arena, from, now_ms};
    SOK_TRY(move_rows(&moving, to_url, force, &report, err));
    *ret = report;
    return SOK_OK;
}
