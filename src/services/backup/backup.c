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
#include "runtime/folders.h"
#include "services/backup/copy.h"
#include "services/backup/files.h"
#include "services/backup/pack.h"
#include "services/backup/settle.h"
#include "services/backup/sqlite_file.h"
#include "services/library/fd.h"

// --- What was done, in the audit trail.

struct note {
    const char *id, *action;
    const struct sok_backup_report *report;
    int64_t now_ms;
};

static enum sok_status write_note(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct note *note = context;
    char value[100];
    snprintf(
        value, sizeof(value), "{\"rows\":%lld,\"files\":%lld}", (long long)note->report->rows,
        (long long)note->report->files);
    struct sok_audit entry = {
        .id = note->id,
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
    report->bytes = info.st_size;
    return sok_folder_sync(dirname(sok_strdup(arena, path)), err);
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
    SOK_TRY(sok_backup_settle(place->data_dir, place->database_url, err));
    SOK_TRY(sok_backup_open_source(place->database_url, &db, err));
    SOK_TRY(write_file(arena, db, &writing, path, passphrase, err));
    char id[SOK_UUID_LEN + 1];
    sok_uuid7(place->now_ms, id);
    struct note note = {id, "backup.create", &report, place->now_ms};
    if (report.schema == sok_migrate_newest()) // an older one may have another trail
        SOK_TRY(sok_db_write(db, write_note, &note, err));
    *ret = report;
    return SOK_OK;
}

// --- Bringing one back.

struct restoring {
    struct sok_arena *arena;
    const struct sok_backup_place *place;
    const char *path, *passphrase;
    struct sok_backup_staging staging;
    char id[SOK_UUID_LEN + 1]; // of the entry in the audit trail
    struct note note;
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
    SOK_TRY(sok_backup_staging_begin(&restoring->staging, restoring->arena, restoring->place->data_dir, err));
    const struct sok_backup_source source = {.context = unpacker, .read = unpack};
    SOK_TRY(sok_backup_read(&source, sink, err));
    return sok_unpacker_finish(unpacker, err);
}

// The last of the transaction. On the disk before it can be committed: settle.c.
static enum sok_status end_load(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct restoring *restoring = context;
    const struct sok_backup_place *place = restoring->place;
    const char *database;
    SOK_TRY(write_note(tx, &restoring->note, err));
    SOK_TRY(sok_backup_name_database(
        restoring->arena, place->data_dir, place->database_url, restoring->id, &database, err));
    return sok_backup_staging_end(&restoring->staging, database, err);
}

static enum sok_status load_file(
    struct restoring *restoring, bool force, struct sok_backup_report *report, struct sok_error *err)
{
    const struct sok_backup_place *place = restoring->place;
    const struct sok_backup_sink files = {
        .context = restoring, .file = file, .file_bytes = file_bytes, .file_end = file_end};
    struct sok_backup_load load = {
        .arena = restoring->arena,
        .url = place->database_url,
        .suffix = SOK_BACKUP_RESTORED,
        .force = force,
        .now_ms = place->now_ms,
        .files = &files,
        .run = read_file,
        .context = restoring,
        .last = end_load,
        .last_context = restoring,
        .report = report,
    };
    sok_uuid7(place->now_ms, restoring->id);
    restoring->note = (struct note){restoring->id, "backup.restore", report, place->now_ms};
    SOK_TRY(sok_backup_staging_begin(&restoring->staging, restoring->arena, place->data_dir, err));
    SOK_TRY(sok_backup_load(&load, err));
    return sok_backup_files_commit(place->data_dir, err);
}

// Whatever came of it: all of it counts now, or none.
static enum sok_status end_restore(
    const struct sok_backup_place *place, enum sok_status status, struct sok_error *err)
{
    bool is_restored = false;
    struct sok_error found = {0};
    enum sok_status ended = sok_backup_end(place->data_dir, place->database_url, &is_restored, &found);
    if (status == SOK_OK && ended != SOK_OK && err)
        *err = found;
    if (status == SOK_OK || (ended == SOK_OK && is_restored)) // its commit was heard, and not its answer
        return ended;
    if (ended != SOK_OK && err) {
        char why[160];
        snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, err->message);
        return sok_fail(err, status, "%s; the next start finds out whether it took place", why);
    }
    return status;
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

enum sok_status sok_backup_restore(
    struct sok_arena *arena, const struct sok_backup_place *place, const char *path, const char *passphrase,
    bool force, struct sok_backup_report *ret, struct sok_error *err)
{
    struct restoring restoring = {
        .arena = arena,
        .place = place,
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
    enum sok_status status = load_file(&restoring, force, &report, err);
    sok_backup_staging_close(&restoring.staging);
    SOK_TRY(end_restore(place, status, err));
    report.bytes = info.st_size;
    *ret = report;
    return SOK_OK;
}
