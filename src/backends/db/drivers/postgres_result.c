// What PostgreSQL answers: rows as this program's values, errors as its statuses.
#include <string.h>

#include "backends/db/drivers/postgres.h"
#include "base/text.h"

static bool begins(const char *state, const char *with)
{
    return strncmp(state, with, strlen(with)) == 0;
}

// Two transactions that cannot both have happened; or two processes that made the same table at once, which
// PostgreSQL reports as a conflict in its own catalog.
static bool is_conflict(const PGresult *result, const char *state)
{
    const char *schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME);
    return begins(state, "40001") || begins(state, "40P01") || begins(state, "42P07") ||
           begins(state, "42710") || (begins(state, "23505") && schema && strcmp(schema, "pg_catalog") == 0);
}

// What SQLSTATE means to a caller (PostgreSQL's documentation, appendix A), the first match counts.
static const struct meaning {
    const char *state;
    enum sok_status status;
    const char *message, *code;
} meanings[] = {
    {"23505", SOK_CONFLICT, "it exists already", "already_exists"},
    {"23503", SOK_CONFLICT, "it refers to something that is not there", "reference_missing"},
    {"23", SOK_CONFLICT, "a value is not allowed here", NULL},
    {"57014", SOK_TIMEOUT, "the database took too long", NULL},
    {"53100", SOK_NO_SPACE, "the disk of the database is full", NULL},
    {"53", SOK_UNAVAILABLE, "the database has no room for more", NULL},
    {"55P03", SOK_UNAVAILABLE, "the database is busy", NULL},
    {"54", SOK_TOO_LARGE, "a value is too large for the database", NULL},
    {"58", SOK_IO, "the database cannot read or write its files", NULL},
    {"XX001", SOK_IO, "the database is damaged; restore a backup", NULL},
    {"25006", SOK_INTERNAL, "a write on the read side of the database", NULL},
};

enum sok_status sok_pg_fail_result(struct sok_pg_conn *conn, const PGresult *result, struct sok_error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || PQstatus(conn->handle) != CONNECTION_OK || begins(state, "57P") ||
        (begins(state, "08") && strcmp(state, "08P01") != 0))
        return sok_pg_lose(conn, "the database went away", err);
    if (begins(
            state, "0A000")) { // a write at a standby (or a plan that another version's schema has outdated)
        conn->is_standby = true;
        return sok_pg_lose(conn, "the database takes no writes", err);
    }
    if (is_conflict(result, state)) {
        conn->in_conflict = true;
        if (begins(state, "42")) // still so after all tries: it was no other process of ours
            return sok_fail(
                err, SOK_UNAVAILABLE, "the database holds something that is not Sokoul's: %s",
                PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        return sok_fail(err, SOK_UNAVAILABLE, "the database is busy");
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(meanings); i++) {
        if (!begins(state, meanings[i].state))
            continue;
        enum sok_status status = sok_fail(err, meanings[i].status, "%s", meanings[i].message);
        if (err && meanings[i].code)
            err->code = meanings[i].code;
        return status;
    }
    // Our own mistake: the reason is for the log; replies do not show messages of SOK_INTERNAL.
    return sok_fail(
        err, SOK_INTERNAL, "the database refused a statement: %s (%s)",
        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), state);
}

static void copy_number(const PGresult *row, int column, struct sok_db_value *ret)
{
    const char *text = PQgetvalue(row, 0, column);
    int64_t integer;
    double real = 0;
    if (sok_parse_int(text, INT64_MIN, INT64_MAX, &integer)) {
        *ret = sok_db_int(integer);
        return;
    }
    if (!sok_parse_double(text, -1e308, 1e308, &real))
        real = 0;
    *ret = sok_db_real(real);
}

static void copy_blob(struct sok_arena *arena, const PGresult *row, int column, struct sok_db_value *ret)
{
    size_t len = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(row, 0, column), &len);
    if (!bytes)
        sok_panic("out of memory for a value");
    char *copy = sok_alloc(arena, len + 1);
    memcpy(copy, bytes, len);
    PQfreemem(bytes);
    *ret = sok_db_blob(copy, len);
}

static void copy_cell(struct sok_arena *arena, const PGresult *row, int column, struct sok_db_value *ret)
{
    if (PQgetisnull(row, 0, column)) {
        *ret = sok_db_null();
        return;
    }
    switch (PQftype(row, column)) {
    case PG_INT8:
    case PG_INT4:
    case PG_INT2:
    case PG_NUMERIC: // the sum of whole numbers
        copy_number(row, column, ret);
        return;
    case PG_FLOAT4:
    case PG_FLOAT8:
        copy_number(row, column, ret);
        if (ret->type == SOK_DB_INT)
            *ret = sok_db_real((double)ret->integer);
        return;
    case PG_BOOL:
        *ret = sok_db_int(PQgetvalue(row, 0, column)[0] == 't');
        return;
    case PG_BYTEA:
        copy_blob(arena, row, column, ret);
        return;
    default:
        ret->type = SOK_DB_TEXT;
        ret->len = (size_t)PQgetlength(row, 0, column);
        ret->text = sok_strndup(arena, PQgetvalue(row, 0, column), ret->len);
    }
}

static enum sok_status take_row(
    struct sok_arena *arena, const PGresult *row, struct sok_db_result *result, size_t *capacity,
    struct sok_error *err)
{
    struct sok_db_value *cells;
    SOK_TRY(sok_db_add_row(arena, result, capacity, &cells, err));
    for (size_t column = 0; column < result->column_count; column++)
        copy_cell(arena, row, (int)column, &cells[column]);
    return SOK_OK;
}

enum sok_status sok_pg_take_result(
    struct sok_pg_conn *conn, struct sok_arena *arena, PGresult *from, struct sok_db_result *result,
    size_t *capacity, struct sok_error *err)
{
    int64_t changed = 0;
    result->column_count = (size_t)PQnfields(from);
    switch (PQresultStatus(from)) {
    case PGRES_SINGLE_TUPLE:
        return arena ? take_row(arena, from, result, capacity, err) : SOK_OK;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (!begins(PQcmdStatus(from), "SELECT"))
            sok_parse_int(PQcmdTuples(from), 0, INT64_MAX, &changed);
        result->changed = changed;
        return SOK_OK;
    default:
        return sok_pg_fail_result(conn, from, err);
    }
}
