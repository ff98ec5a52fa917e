// For tests: all of authentication on a real database with a clock that is turned by hand.
#ifndef SOK_SERVICES_AUTH_TEST_AUTH_H
#define SOK_SERVICES_AUTH_TEST_AUTH_H

#include "backends/db/db.h"
#include "base/test.h"
#include "base/text.h"
#include "data/migrate.h"
#include "services/auth/auth.h"
#include "services/auth/test_dir.h"

#define NOW INT64_C(1800000000000)
#define PASSWORD "correct horse battery"

static struct sok_test_dir dir;
static struct sok_clock_manual time_now;
static struct sok_arena *arena;
static struct sok_db *db;
static struct sok_auth *auth;
static struct sok_error err;

static int setup(void **state SOK_UNUSED)
{
    int64_t applied = 0;
    char url[128];
    sok_test_dir_make(&dir);
    sok_clock_manual_init(&time_now, NOW);
    arena = sok_arena_new(0);
    memset(&err, 0, sizeof(err));
    snprintf(url, sizeof(url), "sqlite:%s/sokoul.db", dir.path);
    if (sok_db_open(url, NULL, &db, &err) != SOK_OK || sok_migrate(db, NULL, NOW, &applied, &err) != SOK_OK)
        return -1;
    struct sok_auth_options options = {
        .data_dir = dir.path, .db = db, .clock = &time_now.clock, .bcrypt_cost = 4};
    return sok_auth_open(&options, &auth, &err) == SOK_OK ? 0 : -1;
}

static int teardown(void **state SOK_UNUSED)
{
    auth = sok_auth_close(auth);
    db = sok_db_close(db);
    arena = sok_arena_free(arena);
    sok_test_dir_remove(dir.path);
    return 0;
}

static struct sok_user make_user(const char *name, const char *role)
{
    struct sok_user user = {0};
    struct sok_new_account account = {
        .username = name,
        .email = sok_format(arena, "%s@example.org", name),
        .password = PASSWORD,
        .role = role,
    };
    assert_ok(sok_accounts_create(&auth->accounts, arena, &account, &user, &err));
    return user;
}

#endif
