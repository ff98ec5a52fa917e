// For tests: a database of their own on the server that SOKOUL_TEST_POSTGRES names, gone afterwards.
#ifndef SOK_BACKENDS_DB_DRIVERS_POSTGRES_TESTING_H
#define SOK_BACKENDS_DB_DRIVERS_POSTGRES_TESTING_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/status.h"

struct sok_test_postgres {
    char name[64], url[256]; // "" until made
};

// "postgresql://USER@HOST:PORT", whose user may make databases. NULL: these tests run without PostgreSQL.
static inline SOK_UNUSED const char *sok_test_postgres_server(void)
{
    return getenv("SOKOUL_TEST_POSTGRES");
}

static inline SOK_UNUSED void sok_test_postgres_run(const char *sql)
{
    char url[256];
    snprintf(url, sizeof(url), "%s/postgres", sok_test_postgres_server());
    PGconn *conn = PQconnectdb(url);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        sok_panic("the test's PostgreSQL: %s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

static inline SOK_UNUSED void sok_test_postgres_make(struct sok_test_postgres *t)
{
    static _Atomic int number;
    char sql[160];
    snprintf(t->name, sizeof(t->name), "sokoul_test_%d_%d", (int)getpid(), number++);
    snprintf(t->url, sizeof(t->url), "%s/%s", sok_test_postgres_server(), t->name);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", t->name);
    sok_test_postgres_run(sql);
}

// FORCE ends the connections that are still there.
static inline SOK_UNUSED void sok_test_postgres_drop(struct sok_test_postgres *t)
{
    char sql[160];
    if (!t->name[0])
        return;
    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", t->name);
    sok_test_postgres_run(sql);
    t->name[0] = '\0';
}

// Ends every connection to it, as a server that restarts does.
static inline SOK_UNUSED void sok_test_postgres_cut(const struct sok_test_postgres *t)
{
    char sql[256];
    snprintf(
        sql, sizeof(sql),
        "DO $$BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'; END$$",
        t->name);
    sok_test_postgres_run(sql);
}

#endif
