// The migrations are the files of schema/, embedded: NNNN_name.sql runs on every engine,
// NNNN_name.<dialect>.sql behind it on that one. In a file a statement ends at a line that ends in ';', a
// trigger at a line "END;"; a line that begins with "--" is a comment.
#include "data/migrate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/embed.h"
#include "base/text.h"
#include "base/time.h"
#include "data/record.h"
#include "data/tables.h"

#define STATEMENT_MAX ((size_t)64 << 10)

extern const struct sok_embedded_file sok_schema_files[];
extern const size_t sok_schema_files_count;

static int64_t file_version(const struct sok_embedded_file *file)
{
    return strtol(file->path, NULL, 10);
}

// "0001_start.sqlite.sql" is for "sqlite".
static bool file_is_for(const struct sok_embedded_file *file, const char *dialect)
{
    const char *ending = strchr(file->path, '.');
    size_t len = strlen(dialect);
    return strncmp(ending + 1, dialect, len) == 0 && strcmp(ending + 1 + len, ".sql") == 0;
}

static bool file_is_common(const struct sok_embedded_file *file)
{
    return strcmp(strchr(file->path, '.'), ".sql") == 0;
}

static const char *file_name(struct sok_arena *arena, const struct sok_embedded_file *file)
{
    const char *name = strchr(file->path, '_') + 1;
    return sok_strndup(arena, name, strcspn(name, "."));
}

static bool statement_ends(const char *statement, const char *line, size_t len)
{
    if (sok_text_starts(statement, "CREATE TRIGGER"))
        return len == 4 && strncmp(line, "END;", 4) == 0;
    return len && line[len - 1] == ';';
}

static enum sok_status run_file(
    struct sok_db_tx *tx, const struct sok_embedded_file *file, struct sok_error *err)
{
    SOK_BUF_AUTO statement;
    sok_buf_init(&statement, STATEMENT_MAX);
    for (const char *line = (const char *)file->bytes; *line;) {
        size_t len = strcspn(line, "\n");
        bool is_comment = strncmp(line, "--", 2) == 0;
        if (len && !is_comment) {
            sok_buf_append(&statement, line, len);
            sok_buf_append(&statement, "\n", 1);
            if (statement.overflow)
                return sok_fail(err, SOK_INTERNAL, "a statement in %s is too long", file->path);
            if (statement_ends(statement.data, line, len)) {
                SOK_TRY(SOK_DB_QUERY(tx, NULL, NULL, err, statement.data));
                sok_buf_clear(&statement);
            }
        }
        line += len + (line[len] == '\n');
    }
    if (statement.len)
        return sok_fail(err, SOK_INTERNAL, "the last statement in %s does not end", file->path);
    return SOK_OK;
}

static enum sok_status make_list(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at BIGINT NOT NULL)");
}

static enum sok_status load_version(struct sok_db_tx *tx, int64_t *ret, struct sok_error *err)
{
    return sok_load_int(tx, "SELECT COALESCE(max(version), 0) FROM schema_migrations", NULL, 0, ret, err);
}

struct step {
    int64_t version, now_ms;
    bool has_run;
};

static const char *name_of(struct sok_arena *arena, int64_t version)
{
    for (size_t i = 0; i < sok_schema_files_count; i++)
        if (file_version(&sok_schema_files[i]) == version)
            return file_name(arena, &sok_schema_files[i]); // also of one that is another engine's
    return NULL;
}

static enum sok_status run_files(struct sok_db_tx *tx, int64_t version, struct sok_error *err)
{
    for (size_t i = 0; i < sok_schema_files_count; i++) { // what all share goes first
        const struct sok_embedded_file *file = &sok_schema_files[i];
        if (file_version(file) == version && file_is_common(file))
            SOK_TRY(run_file(tx, file, err));
    }
    for (size_t i = 0; i < sok_schema_files_count; i++) {
        const struct sok_embedded_file *file = &sok_schema_files[i];
        if (file_version(file) == version && file_is_for(file, sok_db_tx_dialect(tx)))
            SOK_TRY(run_file(tx, file, err));
    }
    return SOK_OK;
}

static enum sok_status run_step(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct step *step = context;
    int64_t present;
    step->has_run = false;
    SOK_TRY(load_version(tx, &present, err)); // another process may have been quicker
    if (present >= step->version)
        return SOK_OK;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *name = name_of(arena, step->version);
    if (!name) // a number that was left out
        return SOK_OK;
    // First of all: of several processes that start at once one goes on from here, the others wait for it and
    // then find, as a conflict that runs again, that nothing is left to do.
    SOK_TRY(SOK_DB_QUERY(
        tx, NULL, NULL, err,
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3) ON CONFLICT (version) "
        "DO "
        "NOTHING",
        sok_db_int(step->version), sok_db_text(name), sok_db_int(step->now_ms)));
    SOK_TRY(run_files(tx, step->version, err));
    step->has_run = true;
    return SOK_OK;
}

int64_t sok_migrate_newest(void)
{
    int64_t newest = 0;
    for (size_t i = 0; i < sok_schema_files_count; i++)
        if (file_version(&sok_schema_files[i]) > newest)
            newest = file_version(&sok_schema_files[i]);
    return newest;
}

enum sok_status sok_migrate_present(struct sok_db_tx *tx, int64_t *ret_version, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_table_schema *tables;
    size_t count;
    *ret_version = 0;
    SOK_TRY(sok_tables_list(tx, arena, &tables, &count, err));
    return sok_tables_find(tables, count, "schema_migrations") ? load_version(tx, ret_version, err) : SOK_OK;
}

enum sok_status sok_migrate_within(
    struct sok_db_tx *tx, int64_t version, int64_t now_ms, struct sok_error *err)
{
    SOK_TRY(make_list(tx, NULL, err));
    for (int64_t next = 1; next <= version; next++) {
        struct step step = {.version = next, .now_ms = now_ms};
        SOK_TRY(run_step(tx, &step, err));
    }
    return SOK_OK;
}

static enum sok_status take_snapshot(
    struct sok_db *db, const char *folder, int64_t version, int64_t now_ms, struct sok_error *err)
{
    char path[1024];
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %s", folder);
    int len =
        snprintf(path, sizeof(path), "%s/before-%lld-%lld.db", folder, (long long)version, (long long)now_ms);
    if (len < 0 || (size_t)len >= sizeof(path))
        return sok_fail(err, SOK_INVALID, "the path of the snapshot is too long");
    return sok_db_snapshot(db, path, err);
}

enum sok_status sok_migrate(
    struct sok_db *db, const char *snapshot_dir, int64_t now_ms, int64_t *ret_applied, struct sok_error *err)
{
    int64_t present, newest = sok_migrate_newest(), applied = 0;
    SOK_TRY(sok_db_write(db, make_list, NULL, err));
    SOK_TRY(load_version(sok_db_reader(db), &present, err));
    if (present > newest)
        return sok_fail(
            err, SOK_CONFLICT,
            "the database has schema %lld, this program knows up to %lld: use a newer Sokoul",
            (long long)present, (long long)newest);
    if (present && present < newest && snapshot_dir) {
        enum sok_status status = take_snapshot(db, snapshot_dir, present + 1, now_ms, err);
        if (status != SOK_OK && status != SOK_UNSUPPORTED) // a server rolls a schema back as any other change
            return status;
    }
    for (int64_t version = present + 1; version <= newest; version++) {
        struct step step = {.version = version, .now_ms = now_ms};
        SOK_TRY(sok_db_write(db, run_step, &step, err));
        applied += step.has_run;
    }
    *ret_applied = applied;
    return SOK_OK;
}

static const struct sok_column state_columns[] = {
    SOK_COLUMN(sok_migration_state, version, SOK_COLUMN_INT),
    SOK_COLUMN(sok_migration_state, name, SOK_COLUMN_TEXT),
    SOK_COLUMN(sok_migration_state, applied_at, SOK_COLUMN_INT),
};
static const struct sok_table state_table =
    SOK_TABLE("schema_migrations", sok_migration_state, state_columns);

enum sok_status sok_migrate_status(
    struct sok_db *db, struct sok_arena *arena, struct sok_migration_state **ret, size_t *ret_count,
    struct sok_error *err)
{
    struct sok_migration_state *applied;
    size_t count;
    SOK_TRY(sok_db_write(db, make_list, NULL, err));
    SOK_TRY(sok_table_list(
        sok_db_reader(db), arena, &state_table, "ORDER BY version", NULL, 0, &applied, &count, err));
    struct sok_migration_state *all = sok_alloc_array(arena, count + sok_schema_files_count, sizeof(*all));
    memcpy(all, applied, count * sizeof(*all));
    int64_t last = count ? all[count - 1].version : 0;
    for (int64_t version = last + 1, newest = sok_migrate_newest(); version <= newest;
         version++) { // one engine's own ones, too
        const char *name = name_of(arena, version);
        if (name)
            all[count++] = (struct sok_migration_state){version, name, 0};
    }
    *ret = all;
    *ret_count = count;
    return SOK_OK;
}
