// One connection to PostgreSQL. libpq is used without blocking: a server that stops answering costs a
// deadline, not a thread.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/db/drivers/postgres.h"
#include "base/text.h"
#include "base/time.h"

// The session reads only, unless a transaction says otherwise: what the reader is for. Without a time zone or
// a search path of somebody's own, the same statement means the same everywhere. Said once it is connected:
// libpq takes a server that only reads for a standby (target_session_attrs), and the URL may have options of
// its own.
static const char session[] =
    "SET default_transaction_read_only = on; SET statement_timeout = %d; SET lock_timeout = 5000; "
    "SET idle_in_transaction_session_timeout = 30000; SET timezone = 'UTC'; SET bytea_output = hex; "
    "SET extra_float_digits = 3; SET client_min_messages = warning";

static void ignore_notice(void *context, const PGresult *result)
{
}

enum sok_status sok_pg_fail_away(const char *why, struct sok_error *err)
{
    enum sok_status status = sok_fail(err, SOK_UNAVAILABLE, "%s", why);
    if (err) {
        err->code = SOK_DB_AWAY;
        err->retry_after_s = 1;
    }
    return status;
}

enum sok_status sok_pg_lose(struct sok_pg_conn *conn, const char *why, struct sok_error *err)
{
    conn->broken = conn->lost = true;
    return sok_pg_fail_away(why, err);
}

static enum sok_status begin_session(
    struct sok_pg_conn *conn, const struct sok_pg_server *server, struct sok_error *err)
{
    char sql[sizeof(session) + 12];
    const char *encoding = PQparameterStatus(conn->handle, "server_encoding");
    if (!sok_text_eq(encoding, "UTF8"))
        return sok_fail(
            err, SOK_INVALID, "%s: the database's encoding is %s; it must be UTF8", server->setting,
            encoding ? encoding : "not known");
    PQsetNoticeReceiver(conn->handle, ignore_notice, NULL);
    snprintf(sql, sizeof(sql), session, (int)server->query_ms);
    return sok_pg_conn_run(conn, sql, NULL, 0, err);
}

enum sok_status sok_pg_conn_open(
    const struct sok_pg_server *server, struct sok_pg_conn **ret, struct sok_error *err)
{
    char seconds[12], silence_ms[12];
    snprintf(seconds, sizeof(seconds), "%d", SOK_PG_CONNECT_S);
    snprintf(silence_ms, sizeof(silence_ms), "%d", SOK_PG_SILENCE_MS);
    // What was sent and not confirmed for so long is lost, and so is a connection whose probes are not:
    // without this a network that drops everything would cost each statement its whole time.
    const char *const names[] = {
        "connect_timeout",     "application_name", "client_encoding", "keepalives_idle",
        "keepalives_interval", "tcp_user_timeout", "dbname",          NULL};
    const char *const values[] = {seconds, "sokoul", "UTF8", "2", "1", silence_ms, server->url, NULL};
    char *problem = NULL;
    PQconninfoOption *parsed = PQconninfoParse(server->url, &problem);
    PQfreemem(problem); // may quote the password
    if (!parsed)
        return sok_fail(err, SOK_INVALID, "%s is not a URL of PostgreSQL", server->setting);
    PQconninfoFree(parsed);

    struct sok_pg_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        sok_panic("out of memory for a connection");
    conn->query_ms = server->query_ms;
    conn->handle = PQconnectdbParams(names, values, 1);
    if (!conn->handle)
        sok_panic("out of memory for a connection");
    enum sok_status status = SOK_OK;
    if (PQstatus(conn->handle) != CONNECTION_OK || PQsetnonblocking(conn->handle, 1) != 0) {
        // The server's own words tell an operator whether it is down, full, or refuses the account.
        char words[160];
        snprintf(words, sizeof(words), "%s", PQerrorMessage(conn->handle));
        words[strcspn(words, "\n")] = '\0';
        status =
            sok_fail(err, SOK_UNAVAILABLE, "%s: the database cannot be reached: %s", server->setting, words);
    }
    if (status == SOK_OK)
        status = begin_session(conn, server, err);
    if (status != SOK_OK) {
        sok_pg_conn_close(conn);
        return status;
    }
    *ret = conn;
    return SOK_OK;
}

struct sok_pg_conn *sok_pg_conn_close(struct sok_pg_conn *conn)
{
    if (!conn)
        return NULL;
    for (size_t i = 0; i < conn->statement_count; i++)
        free(conn->statements[i].key);
    PQfinish(conn->handle);
    free(conn);
    return NULL;
}

// --- Waiting.

// Whether the connection ended since the other side could not be reached, as against one that was refused or
// closed: another one would not come through either.
static bool is_unreachable(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
           (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH);
}

static enum sok_status wait_for(
    struct sok_pg_conn *conn, short events, int64_t deadline_ms, struct sok_error *err)
{
    struct pollfd fd = {.fd = PQsocket(conn->handle), .events = events};
    for (;;) {
        int64_t left = deadline_ms - sok_time_mono_ms();
        conn->silent = left <= 0;
        if (fd.fd < 0 || left <= 0)
            return sok_pg_lose(conn, "the database does not answer", err);
        int ready = poll(&fd, 1, (int)left);
        conn->silent = ready > 0 && (fd.revents & POLLERR) && is_unreachable(fd.fd);
        if (conn->silent || (ready < 0 && errno != EINTR))
            return sok_pg_lose(conn, "the connection to the database broke", err);
        if (ready > 0)
            return SOK_OK;
    }
}

static enum sok_status send_all(struct sok_pg_conn *conn, int64_t deadline_ms, struct sok_error *err)
{
    int left;
    while ((left = PQflush(conn->handle)) > 0) {
        SOK_TRY(wait_for(conn, POLLIN | POLLOUT, deadline_ms, err));
        if (!PQconsumeInput(conn->handle))
            return sok_pg_lose(conn, "the connection to the database broke", err);
    }
    return left == 0 ? SOK_OK : sok_pg_lose(conn, "the connection to the database broke", err);
}

// The next result of what was sent, or NULL at its end.
static enum sok_status next_result(
    struct sok_pg_conn *conn, int64_t deadline_ms, PGresult **ret, struct sok_error *err)
{
    while (PQisBusy(conn->handle)) {
        SOK_TRY(wait_for(conn, POLLIN, deadline_ms, err));
        if (!PQconsumeInput(conn->handle))
            return sok_pg_lose(conn, "the connection to the database broke", err);
    }
    *ret = PQgetResult(conn->handle);
    return SOK_OK;
}

static void stop_statement(struct sok_pg_conn *conn)
{
    char words[64];
    PGcancel *cancel = PQgetCancel(conn->handle);
    if (!cancel || !PQcancel(cancel, words, sizeof(words)))
        conn->broken = true;
    PQfreeCancel(cancel);
}

// Everything the statement gives, or the first thing that went wrong with it. Rows come one by one, so that a
// query gone wild does not fill the memory before anybody has counted.
static enum sok_status take_all(
    struct sok_pg_conn *conn, struct sok_arena *arena, struct sok_db_result *ret, struct sok_error *err)
{
    int64_t deadline_ms = sok_time_mono_ms() + conn->query_ms + SOK_PG_GRACE_MS;
    struct sok_db_result result = {0};
    size_t capacity = 0;
    enum sok_status status = SOK_OK;
    SOK_TRY(send_all(conn, deadline_ms, err));
    for (;;) {
        PGresult *from = NULL;
        struct sok_error unseen = {0};
        SOK_TRY(next_result(conn, deadline_ms, &from, err));
        if (!from)
            break;
        if (status == SOK_OK) {
            status = sok_pg_take_result(conn, arena, from, &result, &capacity, err ? err : &unseen);
            if (status == SOK_TOO_LARGE)
                stop_statement(conn);
        }
        PQclear(from);
    }
    if (status == SOK_OK && ret)
        *ret = result;
    return status;
}

// --- Statements.

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static Oid oid_of(const struct sok_db_value *value)
{
    static const Oid oids[] = {
        [SOK_DB_NULL] = 0,
        [SOK_DB_INT] = PG_INT8,
        [SOK_DB_REAL] = PG_FLOAT8,
        [SOK_DB_TEXT] = PG_TEXT,
        [SOK_DB_BLOB] = PG_BYTEA};
    return oids[value->type];
}

// A statement is prepared for the types of its parameters, which here go by value as in SQLite.
static char *make_key(const char *sql, const struct sok_db_value *params, size_t count)
{
    static const char letters[] = {
        [SOK_DB_NULL] = 'n',
        [SOK_DB_INT] = 'i',
        [SOK_DB_REAL] = 'r',
        [SOK_DB_TEXT] = 't',
        [SOK_DB_BLOB] = 'b'};
    size_t len = strlen(sql);
    char *key = malloc(len + count + 2);
    if (!key)
        sok_panic("out of memory for a statement");
    for (size_t i = 0; i < count; i++)
        key[i] = letters[params[i].type];
    key[count] = ' ';
    memcpy(key + count + 1, sql, len + 1);
    return key;
}

static enum sok_status free_place(
    struct sok_pg_conn *conn, struct sok_pg_statement **ret, struct sok_error *err)
{
    if (conn->statement_count < SOK_PG_STATEMENTS) {
        *ret = &conn->statements[conn->statement_count++];
        return SOK_OK;
    }
    struct sok_pg_statement *oldest = &conn->statements[0];
    for (size_t i = 1; i < conn->statement_count; i++)
        if (conn->statements[i].used < oldest->used)
            oldest = &conn->statements[i];
    char sql[48];
    snprintf(sql, sizeof(sql), "DEALLOCATE %s", oldest->name);
    SOK_TRY(sok_pg_conn_run(conn, sql, NULL, 0, err));
    free(oldest->key);
    *ret = oldest;
    return SOK_OK;
}

static enum sok_status prepare(
    struct sok_pg_conn *conn, const char *name, const char *sql, const struct sok_db_value *params,
    size_t count, struct sok_error *err)
{
    Oid oids[SOK_PG_PARAMS_MAX];
    for (size_t i = 0; i < count; i++)
        oids[i] = oid_of(&params[i]);
    if (!PQsendPrepare(conn->handle, name, sql, (int)count, oids))
        return sok_pg_lose(conn, "the connection to the database broke", err);
    return take_all(conn, NULL, NULL, err);
}

static enum sok_status find_statement(
    struct sok_pg_conn *conn, const char *sql, const struct sok_db_value *params, size_t count,
    struct sok_pg_statement **ret, struct sok_error *err)
{
    char *key = make_key(sql, params, count);
    uint64_t hash = hash_text(key);
    for (size_t i = 0; i < conn->statement_count; i++) {
        struct sok_pg_statement *statement = &conn->statements[i];
        if (statement->hash != hash || strcmp(statement->key, key) != 0)
            continue;
        free(key);
        statement->used = ++conn->tick;
        *ret = statement;
        return SOK_OK;
    }
    struct sok_pg_statement made = {.hash = hash, .used = ++conn->tick, .key = key};
    struct sok_pg_statement *place = NULL;
    snprintf(made.name, sizeof(made.name), "s%" PRIu64, conn->tick);
    enum sok_status status = prepare(conn, made.name, sql, params, count, err);
    if (status == SOK_OK)
        status = free_place(conn, &place, err);
    if (status != SOK_OK) {
        free(key);
        return status;
    }
    *place = made;
    *ret = place;
    return SOK_OK;
}

#define NUMBER_SIZE 32

// Numbers as text into `numbers`, the rest as it lies there.
static void bind_value(
    const struct sok_db_value *value, char number[NUMBER_SIZE], const char **ret_text, int *ret_len,
    int *ret_format)
{
    *ret_format = value->type == SOK_DB_BLOB;
    *ret_len = value->type == SOK_DB_BLOB ? (int)value->len : 0;
    *ret_text = number;
    switch (value->type) {
    case SOK_DB_INT:
        snprintf(number, NUMBER_SIZE, "%" PRId64, value->integer);
        return;
    case SOK_DB_REAL:
        snprintf(number, NUMBER_SIZE, "%.17g", value->real);
        return;
    case SOK_DB_TEXT:
        *ret_text = value->text;
        return;
    case SOK_DB_BLOB:
        *ret_text = value->text ? value->text : "";
        return;
    case SOK_DB_NULL:
    default:
        *ret_text = NULL;
    }
}

enum sok_status sok_pg_conn_query(
    struct sok_pg_conn *conn, struct sok_arena *arena, const char *sql, const struct sok_db_value *params,
    size_t param_count, struct sok_db_result *ret, struct sok_error *err)
{
    char numbers[SOK_PG_PARAMS_MAX][NUMBER_SIZE];
    const char *values[SOK_PG_PARAMS_MAX];
    int lengths[SOK_PG_PARAMS_MAX], formats[SOK_PG_PARAMS_MAX];
    if (param_count > SOK_PG_PARAMS_MAX)
        return sok_fail(err, SOK_INTERNAL, "a statement has too many parameters");
    for (size_t i = 0; i < param_count; i++)
        bind_value(&params[i], numbers[i], &values[i], &lengths[i], &formats[i]);
    struct sok_pg_statement *statement;
    SOK_TRY(find_statement(conn, sql, params, param_count, &statement, err));
    if (!PQsendQueryPrepared(conn->handle, statement->name, (int)param_count, values, lengths, formats, 0))
        return sok_pg_lose(conn, "the connection to the database broke", err);
    PQsetSingleRowMode(conn->handle);
    return take_all(conn, ret ? arena : NULL, ret, err);
}

enum sok_status sok_pg_conn_run(
    struct sok_pg_conn *conn, const char *sql, char *ret_tag, size_t size, struct sok_error *err)
{
    int64_t deadline_ms = sok_time_mono_ms() + conn->query_ms + SOK_PG_GRACE_MS;
    if (!PQsendQuery(conn->handle, sql))
        return sok_pg_lose(conn, "the connection to the database broke", err);
    SOK_TRY(send_all(conn, deadline_ms, err));
    enum sok_status status = SOK_OK;
    for (;;) {
        PGresult *from = NULL;
        SOK_TRY(next_result(conn, deadline_ms, &from, err));
        if (!from)
            return status;
        if (PQresultStatus(from) != PGRES_COMMAND_OK)
            status = sok_pg_fail_result(conn, from, err);
        else if (ret_tag)
            snprintf(ret_tag, size, "%s", PQcmdStatus(from));
        PQclear(from);
    }
}

// What one message holds of a scan: a row, or its end.
static enum sok_status hand_over(
    struct sok_pg_conn *conn, struct sok_arena *arena, PGresult *from, sok_db_row row, void *context,
    struct sok_error *err)
{
    struct sok_db_result result = {0};
    size_t capacity = 0;
    sok_arena_reset(arena);
    SOK_TRY(sok_pg_take_result(conn, arena, from, &result, &capacity, err));
    return result.row_count ? row(context, result.cells, result.column_count, err) : SOK_OK;
}

enum sok_status sok_pg_conn_scan(
    struct sok_pg_conn *conn, const char *sql, sok_db_row row, void *context, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error unseen = {0};
    enum sok_status status = SOK_OK;
    if (!PQsendQuery(conn->handle, sql))
        return sok_pg_lose(conn, "the connection to the database broke", err);
    PQsetSingleRowMode(conn->handle);
    SOK_TRY(send_all(conn, sok_time_mono_ms() + conn->query_ms, err));
    for (;;) {
        PGresult *from = NULL;
        SOK_TRY(next_result(conn, sok_time_mono_ms() + SOK_PG_SCAN_MS, &from, err));
        if (!from)
            return status;
        if (status == SOK_OK) {
            bool is_row = PQresultStatus(from) == PGRES_SINGLE_TUPLE;
            status = hand_over(conn, arena, from, row, context, err ? err : &unseen);
            if (status != SOK_OK && is_row)
                stop_statement(conn);
        }
        PQclear(from);
    }
}
