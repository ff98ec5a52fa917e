// A database out of records. Whatever names the records have are looked up in the schema that this program
// makes for their version; nothing of them becomes part of a statement.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"
#include "base/time.h"
#include "data/migrate.h"
#include "services/backup/copy.h"
#include "services/backup/sqlite_file.h"

#define QUIET_MS 5000
#define STATEMENT_MS (10 * 60 * 1000) // an index of millions of titles is one

struct loading {
    struct sok_backup_load *load;
    struct sok_db_tx *tx;
    struct sok_arena *arena; // of one run of the transaction
    struct sok_table_schema *tables;
    size_t table_count;
    struct sok_table_indexes indexes;
    bool seen[SOK_TABLES_MAX];
    struct sok_table_loader loader;
    size_t order[SOK_TABLE_COLUMNS_MAX]; // order[i]: where the given row has the table's column i
};

// --- The sink.

static enum sok_status begin(void *context, const struct sok_backup_info *info, struct sok_error *err)
{
    struct loading *loading = context;
    struct sok_backup_report *report = loading->load->report;
    if (info->schema > sok_migrate_newest())
        return sok_fail(
            err, SOK_CONFLICT,
            "the backup has schema %lld, this program knows up to %lld: use a newer Sokoul",
            (long long)info->schema, (long long)sok_migrate_newest());
    report->schema = info->schema;
    report->at_ms = info->at_ms;
    report->version = sok_strdup(loading->load->arena, info->version);
    report->engine = sok_strdup(loading->load->arena, info->engine);
    SOK_TRY(sok_migrate_within(loading->tx, info->schema, loading->load->now_ms, err));
    SOK_TRY(
        SOK_DB_QUERY(loading->tx, NULL, NULL, err, "DELETE FROM schema_migrations")); // the rows bring theirs
    SOK_TRY(sok_tables_drop_indexes(loading->tx, loading->arena, &loading->indexes, err));
    return sok_tables_list(loading->tx, loading->arena, &loading->tables, &loading->table_count, err);
}

static enum sok_status fail_schema(const struct loading *loading, const char *table, struct sok_error *err)
{
    return sok_fail(
        err, SOK_INVALID, "the backup says that it has schema %lld, and its table %.60s has not",
        (long long)loading->load->report->schema, table);
}

static enum sok_status map_columns(
    struct loading *loading, const struct sok_table_schema *table, const char *const *columns, size_t count,
    struct sok_error *err)
{
    if (count != table->column_count)
        return fail_schema(loading, table->name, err);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < count && strcmp(columns[at], table->columns[i].name) != 0)
            at++;
        if (at == count)
            return fail_schema(loading, table->name, err);
        loading->order[i] = at;
    }
    return SOK_OK;
}

static enum sok_status table(
    void *context, const char *name, const char *const *columns, size_t count, struct sok_error *err)
{
    struct loading *loading = context;
    const struct sok_table_schema *found = sok_tables_find(loading->tables, loading->table_count, name);
    if (!found)
        return fail_schema(loading, sok_utf8_clean_line(loading->arena, name), err);
    size_t place = (size_t)(found - loading->tables);
    if (loading->seen[place])
        return sok_fail(err, SOK_INVALID, "the backup has the table %.60s twice", found->name);
    loading->seen[place] = true;
    SOK_TRY(map_columns(loading, found, columns, count, err));
    sok_table_loader_begin(&loading->loader, loading->tx, loading->arena, found);
    return SOK_OK;
}

// Says of which table the rows are that the database did not take.
static enum sok_status name_rows(const struct loading *loading, enum sok_status status, struct sok_error *err)
{
    char why[160];
    if (status == SOK_OK || !err)
        return status;
    snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, err->message);
    snprintf(err->message, sizeof(err->message), "the rows of %.60s: %s", loading->loader.table->name, why);
    return status;
}

static enum sok_status row(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err)
{
    struct loading *loading = context;
    struct sok_db_value ordered[SOK_TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < count; i++)
        ordered[i] = cells[loading->order[i]];
    return name_rows(loading, sok_table_loader_row(&loading->loader, ordered, err), err);
}

static enum sok_status table_end(void *context, int64_t rows, struct sok_error *err)
{
    struct loading *loading = context;
    struct sok_backup_report *report = loading->load->report;
    SOK_TRY(name_rows(loading, sok_table_loader_end(&loading->loader, err), err));
    const char *name = loading->loader.table->name;
    if (loading->loader.written != rows)
        return sok_fail(
            err, SOK_INTERNAL, "%lld rows of %.60s were written out of %lld",
            (long long)loading->loader.written, name, (long long)rows);
    report->tables[report->table_count].name = sok_strdup(loading->load->arena, name);
    report->tables[report->table_count++].rows = rows;
    report->rows += rows;
    sok_table_loader_done(&loading->loader);
    return SOK_OK;
}

static enum sok_status end(void *context, struct sok_error *err)
{
    struct loading *loading = context;
    int64_t present;
    for (size_t i = 0; i < loading->table_count; i++)
        if (!loading->seen[i])
            return fail_schema(loading, loading->tables[i].name, err);
    SOK_TRY(sok_migrate_present(loading->tx, &present, err));
    if (present != loading->load->report->schema)
        return fail_schema(loading, "schema_migrations", err);
    SOK_TRY(sok_tables_make_indexes(loading->tx, &loading->indexes, err));
    SOK_TRY(sok_tables_renumber(loading->tx, err));
    return sok_migrate_within(loading->tx, sok_migrate_newest(), loading->load->now_ms, err);
}

// --- Files, to whoever wants them.

static enum sok_status file(void *context, const char *path, int64_t size, struct sok_error *err)
{
    const struct sok_backup_sink *files = ((struct loading *)context)->load->files;
    return files ? files->file(files->context, path, size, err) : SOK_OK;
}

static enum sok_status file_bytes(void *context, const void *bytes, size_t len, struct sok_error *err)
{
    const struct sok_backup_sink *files = ((struct loading *)context)->load->files;
    return files ? files->file_bytes(files->context, bytes, len, err) : SOK_OK;
}

static enum sok_status file_end(void *context, struct sok_error *err)
{
    const struct sok_backup_load *load = ((struct loading *)context)->load;
    load->report->files++;
    return load->files ? load->files->file_end(load->files->context, err) : SOK_OK;
}

static struct sok_backup_sink sink_of(struct loading *loading)
{
    return (struct sok_backup_sink){
        .context = loading,
        .begin = begin,
        .file = file,
        .file_bytes = file_bytes,
        .file_end = file_end,
        .table = table,
        .row = row,
        .table_end = table_end,
        .end = end,
    };
}

// --- The transaction.

static enum sok_status make_room(struct loading *loading, struct sok_error *err)
{
    int64_t present;
    SOK_TRY(sok_tables_list(loading->tx, loading->arena, &loading->tables, &loading->table_count, err));
    if (loading->table_count == 0)
        return SOK_OK;
    if (!loading->load->force)
        return sok_fail(err, SOK_CONFLICT, "the database holds something already: --force replaces it");
    SOK_TRY(sok_migrate_present(loading->tx, &present, err));
    if (present == 0)
        return sok_fail(err, SOK_CONFLICT, "the database holds tables that are not Sokoul's");
    return sok_tables_drop_all(loading->tx, err);
}

static enum sok_status load_all(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_backup_load *load = context;
    struct loading loading = {.load = load, .tx = tx, .arena = arena};
    const struct sok_backup_sink sink = sink_of(&loading);
    *load->report = (struct sok_backup_report){0};
    SOK_TRY(sok_tables_claim(tx, err));
    SOK_TRY(sok_tables_take_time(tx, err)); // every file that comes along is synced within it
    SOK_TRY(make_room(&loading, err));
    enum sok_status status = load->run(load->context, &sink, err);
    sok_table_loader_done(&loading.loader);
    if (status == SOK_OK && load->last)
        status = load->last(tx, load->last_context, err);
    return status;
}

// PostgreSQL takes a moment to see that a process has ended.
enum sok_status sok_backup_wait_quiet(struct sok_db *db, struct sok_error *err)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int64_t sessions = 0, until_ms = sok_time_mono_ms() + QUIET_MS;
    for (;;) {
        SOK_TRY(sok_tables_sessions(sok_db_reader(db), &sessions, err));
        if (sessions == 0)
            return SOK_OK;
        if (sok_time_mono_ms() > until_ms)
            return sok_fail(
                err, SOK_CONFLICT, "%lld sessions of Sokoul are on the database: stop what runs there first",
                (long long)sessions);
        nanosleep(&pause, NULL);
    }
}

static enum sok_status load_into(const char *url, struct sok_backup_load *load, struct sok_error *err)
{
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *db = NULL;
    // One connection: every other session that the database has is somebody else's.
    const struct sok_db_options options = {
        .url = url, .pool_min = 1, .pool_max = 1, .query_ms = STATEMENT_MS};
    SOK_TRY(sok_db_open_with(&options, &db, err));
    SOK_TRY(sok_backup_wait_quiet(db, err));
    return sok_db_write(db, load_all, load, err);
}

enum sok_status sok_backup_load(struct sok_backup_load *load, struct sok_error *err)
{
    const char *path = sok_backup_sqlite_path(load->url);
    struct stat info;
    if (!path)
        return load_into(load->url, load, err);
    if (!load->force && stat(path, &info) == 0 && info.st_size > 0)
        return sok_fail(err, SOK_CONFLICT, "%s is there already: --force replaces it", path);
    sok_sqlite_file_drop(path, load->suffix);
    const char *fresh = sok_format(load->arena, "%s%s", path, load->suffix);
    enum sok_status status = load_into(sok_format(load->arena, "sqlite:%s", fresh), load, err);
    // Closing folds the journal into the file and removes it, and says nothing when it could not: the disk
    // was full. Without it the file would be a part of the database.
    if (status == SOK_OK && sok_sqlite_file_is_there(fresh, "-wal"))
        status = sok_fail(err, SOK_NO_SPACE, "%s could not be written to the end", fresh);
    if (status != SOK_OK)
        sok_sqlite_file_drop(path, load->suffix);
    return status;
}
