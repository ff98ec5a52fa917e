#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/db/drivers/sqlite.h"
#include "base/text.h"
#include "base/time.h"

#define PROGRESS_STEPS 4000 // virtual machine steps between two looks at the clock: well under a millisecond

static bool is_disk_full(sqlite3 *handle, int code)
{
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    int system = handle ? sqlite3_system_errno(handle) : 0;
    return (code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT);
}

static enum sok_status fail_constraint(int code, struct sok_error *err)
{
    enum sok_status status;
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        status = sok_fail(err, SOK_CONFLICT, "it exists already");
        if (err)
            err->code = "already_exists";
        return status;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        status = sok_fail(err, SOK_CONFLICT, "it refers to something that is not there");
        if (err)
            err->code = "reference_missing";
        return status;
    default:
        return sok_fail(err, SOK_CONFLICT, "a value is not allowed here");
    }
}

enum sok_status sok_sqlite_fail(sqlite3 *handle, int code, struct sok_error *err)
{
    if (is_disk_full(handle, code))
        return sok_fail(err, SOK_NO_SPACE, "the disk of the database is full");
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return fail_constraint(code, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return sok_fail(err, SOK_UNAVAILABLE, "the database is busy");
    case SQLITE_INTERRUPT:
        return sok_fail(err, SOK_TIMEOUT, "the database took too long");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return sok_fail(err, SOK_IO, "the database file is damaged; restore a backup or a snapshot");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return sok_fail(
            err, SOK_IO, "the database file cannot be read or written (%s)",
            handle && sqlite3_system_errno(handle) ? strerror(sqlite3_system_errno(handle))
                                                   : sqlite3_errstr(code));
    case SQLITE_TOOBIG:
        return sok_fail(err, SOK_TOO_LARGE, "a value is too large for the database");
    case SQLITE_NOMEM:
        sok_panic("out of memory in the database");
    default:
        // Our own mistake: the reason is for the log; replies do not show messages of SOK_INTERNAL.
        return sok_fail(
            err, SOK_INTERNAL, "the database refused a statement: %s",
            handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
    }
}

static int on_progress(void *context)
{
    const struct sok_sqlite_conn *conn = context;
    return sok_time_mono_ms() > conn->deadline_ms;
}

static enum sok_status configure(struct sok_sqlite_conn *conn, struct sok_error *err)
{
    sqlite3_extended_result_codes(conn->handle, 1);
    sqlite3_busy_timeout(conn->handle, SOK_SQLITE_BUSY_MS);
    sqlite3_progress_handler(conn->handle, PROGRESS_STEPS, on_progress, conn);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    SOK_TRY(sok_sqlite_add_functions(conn->handle, err));
    SOK_TRY(sok_sqlite_conn_run(conn, "PRAGMA foreign_keys = ON", err));
    SOK_TRY(sok_sqlite_conn_run(conn, "PRAGMA temp_store = MEMORY", err));
    if (!conn->can_write)
        return sok_sqlite_conn_run(conn, "PRAGMA query_only = ON", err);
    SOK_TRY(sok_sqlite_conn_run(conn, "PRAGMA journal_mode = WAL", err));
    // FULL: a commit that was acknowledged survives a power cut, not only a kill. The price, one fsync a
    // commit, is shared by everyone in the group.
    SOK_TRY(sok_sqlite_conn_run(conn, "PRAGMA synchronous = FULL", err));
    return sok_sqlite_conn_run(conn, "PRAGMA journal_size_limit = 67108864", err);
}

enum sok_status sok_sqlite_conn_open(
    const char *path, bool can_write, struct sok_sqlite_conn **ret, struct sok_error *err)
{
    struct sok_sqlite_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        sok_panic("out of memory for a connection");
    conn->can_write = can_write;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(path, &conn->handle, flags, NULL);
    enum sok_status status =
        code == SQLITE_OK ? configure(conn, err) : sok_sqlite_fail(conn->handle, code, err);
    if (status != SOK_OK) {
        sok_sqlite_conn_close(conn);
        return status;
    }
    *ret = conn;
    return SOK_OK;
}

struct sok_sqlite_conn *sok_sqlite_conn_close(struct sok_sqlite_conn *conn)
{
    if (!conn)
        return NULL;
    for (size_t i = 0; i < conn->statement_count; i++)
        sqlite3_finalize(conn->statements[i].handle);
    sqlite3_close(conn->handle);
    free(conn);
    return NULL;
}

enum sok_status sok_sqlite_conn_run(struct sok_sqlite_conn *conn, const char *sql, struct sok_error *err)
{
    conn->deadline_ms = sok_time_mono_ms() + SOK_SQLITE_QUERY_MS;
    int code = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SOK_OK : sok_sqlite_fail(conn->handle, code, err);
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

// SQLite numbers "$2" by where it first stands, not by its digits.
static enum sok_status map_parameters(struct sok_sqlite_statement *statement, struct sok_error *err)
{
    statement->param_count = sqlite3_bind_parameter_count(statement->handle);
    if (statement->param_count > SOK_SQLITE_PARAMS_MAX)
        return sok_fail(err, SOK_INTERNAL, "a statement has too many parameters");
    for (int i = 0; i < statement->param_count; i++) {
        const char *name = sqlite3_bind_parameter_name(statement->handle, i + 1);
        int64_t number;
        if (!name || name[0] != '$' || !sok_parse_int(name + 1, 1, SOK_SQLITE_PARAMS_MAX, &number))
            return sok_fail(err, SOK_INTERNAL, "a statement has a parameter that is not $1, $2, ...");
        statement->places[i] = (unsigned char)(number - 1);
    }
    return SOK_OK;
}

static enum sok_status prepare(
    struct sok_sqlite_conn *conn, const char *sql, uint64_t hash, struct sok_sqlite_statement *ret,
    struct sok_error *err)
{
    struct sok_sqlite_statement statement = {.hash = hash};
    int code = sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement.handle, NULL);
    if (code != SQLITE_OK)
        return sok_sqlite_fail(conn->handle, code, err);
    if (!statement.handle)
        return sok_fail(err, SOK_INTERNAL, "an empty statement");
    enum sok_status status = map_parameters(&statement, err);
    if (status == SOK_OK && !conn->can_write && !sqlite3_stmt_readonly(statement.handle))
        status = sok_fail(err, SOK_INTERNAL, "a write on the read side of the database");
    if (status != SOK_OK) {
        sqlite3_finalize(statement.handle);
        return status;
    }
    *ret = statement;
    return SOK_OK;
}

static struct sok_sqlite_statement *free_place(struct sok_sqlite_conn *conn)
{
    if (conn->statement_count < SOK_SQLITE_STATEMENTS)
        return &conn->statements[conn->statement_count++];
    struct sok_sqlite_statement *oldest = &conn->statements[0];
    for (size_t i = 1; i < conn->statement_count; i++)
        if (conn->statements[i].used < oldest->used)
            oldest = &conn->statements[i];
    sqlite3_finalize(oldest->handle);
    return oldest;
}

static enum sok_status find_statement(
    struct sok_sqlite_conn *conn, const char *sql, struct sok_sqlite_statement **ret, struct sok_error *err)
{
    uint64_t hash = hash_text(sql);
    for (size_t i = 0; i < conn->statement_count; i++) {
        struct sok_sqlite_statement *statement = &conn->statements[i];
        if (statement->hash == hash && strcmp(sqlite3_sql(statement->handle), sql) == 0) {
            statement->used = ++conn->tick;
            *ret = statement;
            return SOK_OK;
        }
    }
    struct sok_sqlite_statement prepared;
    SOK_TRY(prepare(conn, sql, hash, &prepared, err));
    prepared.used = ++conn->tick;
    *ret = free_place(conn);
    **ret = prepared;
    return SOK_OK;
}

static int bind_value(sqlite3_stmt *handle, int place, const struct sok_db_value *value)
{
    switch (value->type) {
    case SOK_DB_INT:
        return sqlite3_bind_int64(handle, place, value->integer);
    case SOK_DB_REAL:
        return sqlite3_bind_double(handle, place, value->real);
    case SOK_DB_TEXT:
        return sqlite3_bind_text(handle, place, value->text, -1, SQLITE_STATIC);
    case SOK_DB_BLOB:
        return sqlite3_bind_blob64(handle, place, value->text ? value->text : "", value->len, SQLITE_STATIC);
    case SOK_DB_NULL:
    default:
        return sqlite3_bind_null(handle, place);
    }
}

static enum sok_status bind_all(
    struct sok_sqlite_conn *conn, const struct sok_sqlite_statement *statement,
    const struct sok_db_value *params, size_t param_count, struct sok_error *err)
{
    for (int i = 0; i < statement->param_count; i++) {
        if (statement->places[i] >= param_count)
            return sok_fail(err, SOK_INTERNAL, "a statement misses parameter $%d", statement->places[i] + 1);
        int code = bind_value(statement->handle, i + 1, &params[statement->places[i]]);
        if (code != SQLITE_OK)
            return sok_sqlite_fail(conn->handle, code, err);
    }
    return SOK_OK;
}

// As it lies in SQLite's own memory: good until the next step.
static void borrow_cell(sqlite3_stmt *handle, int column, struct sok_db_value *ret)
{
    switch (sqlite3_column_type(handle, column)) {
    case SQLITE_INTEGER:
        *ret = sok_db_int(sqlite3_column_int64(handle, column));
        return;
    case SQLITE_FLOAT:
        *ret = sok_db_real(sqlite3_column_double(handle, column));
        return;
    case SQLITE_TEXT:
        *ret = sok_db_text((const char *)sqlite3_column_text(handle, column));
        ret->len = (size_t)sqlite3_column_bytes(handle, column);
        return;
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(handle, column);
        *ret = sok_db_blob(bytes ? bytes : "", (size_t)sqlite3_column_bytes(handle, column));
        return;
    }
    default:
        *ret = sok_db_null();
    }
}

static void copy_cell(struct sok_arena *arena, sqlite3_stmt *handle, int column, struct sok_db_value *ret)
{
    borrow_cell(handle, column, ret);
    if (ret->type != SOK_DB_TEXT && ret->type != SOK_DB_BLOB)
        return;
    char *copy = sok_alloc(arena, ret->len + 1);
    memcpy(copy, ret->text, ret->len);
    ret->text = copy;
}

static enum sok_status take_row(
    struct sok_arena *arena, sqlite3_stmt *handle, struct sok_db_result *result, size_t *capacity,
    struct sok_error *err)
{
    struct sok_db_value *cells;
    SOK_TRY(sok_db_add_row(arena, result, capacity, &cells, err));
    for (size_t column = 0; column < result->column_count; column++)
        copy_cell(arena, handle, (int)column, &cells[column]);
    return SOK_OK;
}

static enum sok_status step_all(
    struct sok_sqlite_conn *conn, struct sok_arena *arena, sqlite3_stmt *handle, struct sok_db_result *ret,
    struct sok_error *err)
{
    struct sok_db_result result = {.column_count = (size_t)sqlite3_column_count(handle)};
    size_t capacity = 0;
    int code;
    while ((code = sqlite3_step(handle)) == SQLITE_ROW)
        if (ret)
            SOK_TRY(take_row(arena, handle, &result, &capacity, err));
    if (code != SQLITE_DONE)
        return sok_sqlite_fail(conn->handle, code, err);
    if (!ret)
        return SOK_OK;
    if (!sqlite3_stmt_readonly(handle))
        result.changed = sqlite3_changes64(conn->handle);
    *ret = result;
    return SOK_OK;
}

enum sok_status sok_sqlite_conn_query(
    struct sok_sqlite_conn *conn, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    conn->deadline_ms = sok_time_mono_ms() + SOK_SQLITE_QUERY_MS;
    struct sok_sqlite_statement *statement;
    SOK_TRY(find_statement(conn, sql, &statement, err));
    enum sok_status status = bind_all(conn, statement, params, param_count, err);
    if (status == SOK_OK)
        status = step_all(conn, arena, statement->handle, ret, err);
    sqlite3_reset(statement->handle);
    sqlite3_clear_bindings(statement->handle);
    return status;
}

#define SCAN_COLUMNS_MAX 128

static enum sok_status step_each(
    struct sok_sqlite_conn *conn, sqlite3_stmt *handle, sok_db_row row, void *context, struct sok_error *err)
{
    struct sok_db_value cells[SCAN_COLUMNS_MAX];
    int code, count = sqlite3_column_count(handle);
    if (count > SCAN_COLUMNS_MAX)
        return sok_fail(err, SOK_INTERNAL, "a scan has too many columns");
    while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
        for (int i = 0; i < count; i++)
            borrow_cell(handle, i, &cells[i]);
        SOK_TRY(row(context, cells, (size_t)count, err));
    }
    return code == SQLITE_DONE ? SOK_OK : sok_sqlite_fail(conn->handle, code, err);
}

enum sok_status sok_sqlite_conn_scan(
    struct sok_sqlite_conn *conn, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    sqlite3_stmt *handle = NULL;
    conn->deadline_ms = INT64_MAX;
    int code = sqlite3_prepare_v2(conn->handle, sql, -1, &handle, NULL);
    if (code != SQLITE_OK)
        return sok_sqlite_fail(conn->handle, code, err);
    enum sok_status status = step_each(conn, handle, row, context, err);
    sqlite3_finalize(handle);
    return status;
}
