#include <string.h>
#include <sys/stat.h>

#include "data/migrate.h"
#include "services/backup/copy.h"
#include "services/backup/sqlite_file.h"

struct counting {
    const struct sok_backup_sink *sink;
    int64_t rows;
};

static enum sok_status send_row(
    void *context, const struct sok_db_value *cells, size_t count, struct sok_error *err)
{
    struct counting *counting = context;
    counting->rows++;
    return counting->sink->row(counting->sink->context, cells, count, err);
}

static enum sok_status send_table(
    struct sok_db_tx *tx, struct sok_backup_dump *dump, const struct sok_table_schema *table,
    struct sok_error *err)
{
    const struct sok_backup_sink *sink = dump->sink;
    struct sok_backup_report *report = dump->report;
    struct counting counting = {.sink = sink};
    const char *columns[SOK_TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++)
        columns[i] = table->columns[i].name;
    SOK_TRY(sink->table(sink->context, table->name, columns, table->column_count, err));
    SOK_TRY(sok_tables_scan(tx, table, send_row, &counting, err));
    SOK_TRY(sink->table_end(sink->context, counting.rows, err));
    report->tables[report->table_count].name = table->name;
    report->tables[report->table_count++].rows = counting.rows;
    report->rows += counting.rows;
    return SOK_OK;
}

static enum sok_status send_all(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_backup_dump *dump = context;
    struct sok_backup_report *report = dump->report;
    struct sok_table_schema *tables;
    size_t count;
    SOK_TRY(sok_migrate_present(tx, &report->schema, err));
    if (report->schema == 0)
        return sok_fail(err, SOK_NOT_FOUND, "the database holds nothing of Sokoul");
    if (report->schema > sok_migrate_newest())
        return sok_fail(
            err, SOK_CONFLICT,
            "the database has schema %lld, this program knows up to %lld: use a newer Sokoul",
            (long long)report->schema, (long long)sok_migrate_newest());
    report->engine = sok_db_tx_dialect(tx);
    report->version = dump->version;
    report->at_ms = dump->now_ms;
    const struct sok_backup_info info = {report->version, report->schema, report->at_ms, report->engine};
    SOK_TRY(sok_tables_list(tx, dump->arena, &tables, &count, err));
    SOK_TRY(dump->sink->begin(dump->sink->context, &info, err));
    if (dump->first)
        SOK_TRY(dump->first(dump->context, err));
    for (size_t i = 0; i < count; i++)
        SOK_TRY(send_table(tx, dump, &tables[i], err));
    return dump->sink->end(dump->sink->context, err);
}

enum sok_status sok_backup_dump(struct sok_db *db, struct sok_backup_dump *dump, struct sok_error *err)
{
    return sok_db_read(db, send_all, dump, err);
}

// Opening an SQLite database that is not there would make one.
enum sok_status sok_backup_open_source(const char *url, struct sok_db **ret, struct sok_error *err)
{
    const char *path = sok_backup_sqlite_path(url);
    struct stat info;
    if (path && (stat(path, &info) != 0 || info.st_size == 0))
        return sok_fail(err, SOK_NOT_FOUND, "there is no database %s", path);
    const struct sok_db_options options = {.url = url, .pool_min = 1, .pool_max = 2};
    return sok_db_open_with(&options, ret, err);
}
