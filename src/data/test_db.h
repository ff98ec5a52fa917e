// A migrated database for unit tests of this layer and those above it: SQLite in a temporary folder, or one
// on the PostgreSQL that SOKOUL_TEST_POSTGRES names.
#ifndef SOK_DATA_TEST_DB_H
#define SOK_DATA_TEST_DB_H

#include <pthread.h>
#include <string.h>

#include "backends/db/drivers/postgres_testing.h"
#include "base/test_dir.h"
#include "base/time.h"
#include "data/media.h"
#include "data/migrate.h"
#include "data/users.h"

struct sok_test_db {
    struct sok_test_dir dir;
    struct sok_test_postgres postgres;
    struct sok_arena *arena;
    struct sok_db *db;
    struct sok_db_tx *reader;
    struct sok_error err; // of the last call
    struct sok_db_tx *tx; // between sok_test_db_begin and _end
    pthread_t holder;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_end;
};

static inline SOK_UNUSED void sok_test_db_check(enum sok_status status, const struct sok_error *err)
{
    if (status != SOK_OK)
        sok_panic("the test's database: %s (%s:%d)", err->message, err->file, err->line);
}

// url_prefix: "" or "failing:".
static inline SOK_UNUSED void sok_test_db_open(struct sok_test_db *t, const char *url_prefix)
{
    char url[300];
    int64_t applied;
    *t = (struct sok_test_db){.arena = sok_arena_new(0)};
    sok_test_dir_make(&t->dir);
    if (sok_test_postgres_server()) {
        sok_test_postgres_make(&t->postgres);
        snprintf(url, sizeof(url), "%s%s", url_prefix, t->postgres.url);
    } else {
        snprintf(url, sizeof(url), "%ssqlite:%s/sokoul.db", url_prefix, t->dir.path);
    }
    sok_test_db_check(sok_db_open(url, NULL, &t->db, &t->err), &t->err);
    sok_test_db_check(sok_migrate(t->db, NULL, 1, &applied, &t->err), &t->err);
    t->reader = sok_db_reader(t->db);
}

static inline SOK_UNUSED void sok_test_db_close(struct sok_test_db *t)
{
    sok_db_close(t->db);
    sok_test_postgres_drop(&t->postgres);
    sok_arena_free(t->arena);
    sok_test_dir_remove(&t->dir);
}

static inline SOK_UNUSED enum sok_status sok_test_db_insert_user(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_users_insert(tx, context, err);
}

static inline SOK_UNUSED enum sok_status sok_test_db_insert_media(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_media_insert(tx, context, err);
}

// An account with this id, which is its name too.
static inline SOK_UNUSED void sok_test_db_add_user(struct sok_test_db *t, const char *id, const char *role)
{
    struct sok_user user = {
        .id = id,
        .username = id,
        .email = sok_format(t->arena, "%s@example.org", id),
        .password_hash = "!",
        .role = role,
        .is_active = true,
        .created_at = 1,
        .updated_at = 1,
    };
    sok_test_db_check(sok_db_write(t->db, sok_test_db_insert_user, &user, &t->err), &t->err);
}

// A film of that id, title and year.
static inline SOK_UNUSED void sok_test_db_add_movie(
    struct sok_test_db *t, const char *id, const char *title, int64_t year)
{
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = id;
    media.media_type = SOK_MEDIA_MOVIE;
    media.title = title;
    media.year = year;
    media.created_at = media.updated_at = 1;
    sok_test_db_check(sok_db_write(t->db, sok_test_db_insert_media, &media, &t->err), &t->err);
}

// A page's filters, as its context: "status=failed&q=text". For struct sok_page's param.
static inline SOK_UNUSED const char *sok_test_db_param(const void *context, const char *name)
{
    static _Thread_local char values[32][200]; // what is returned stays for the next 31 calls
    static _Thread_local unsigned used;
    for (const char *at = context; *at; at += strspn(at, "&")) {
        size_t len = strcspn(at, "&");
        if (strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == '=') {
            char *value = values[used++ % 32];
            snprintf(value, sizeof(values[0]), "%.*s", (int)(len - strlen(name) - 1), at + strlen(name) + 1);
            return value;
        }
        at += len;
    }
    return NULL;
}
#define SOK_TEST_FILTERS(text) .param = sok_test_db_param, .context = (text)

static inline SOK_UNUSED enum sok_status sok_test_db_hold(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_test_db *t = context;
    pthread_mutex_lock(&t->lock);
    t->tx = tx;
    pthread_cond_broadcast(&t->changed);
    while (!t->may_end)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return SOK_OK;
}

static inline SOK_UNUSED void *sok_test_db_run_holder(void *context)
{
    struct sok_test_db *t = context;
    struct sok_error err = {0};
    sok_test_db_check(sok_db_write(t->db, sok_test_db_hold, t, &err), &err);
    return NULL;
}

// Opens a write transaction that the test's own thread uses as t->tx: functions of data/ can then be called
// one by one. Nothing else may write until sok_test_db_end.
static inline SOK_UNUSED void sok_test_db_begin(struct sok_test_db *t)
{
    t->may_end = false;
    t->tx = NULL;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    if (pthread_create(&t->holder, NULL, sok_test_db_run_holder, t) != 0)
        sok_panic("cannot start a thread");
    pthread_mutex_lock(&t->lock);
    while (!t->tx)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

static inline SOK_UNUSED void sok_test_db_end(struct sok_test_db *t)
{
    pthread_mutex_lock(&t->lock);
    t->may_end = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->holder, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
}

#endif
