// A migrated SQLite database in a temporary folder, for unit tests of this layer and those above it.
#ifndef SOK_DATA_TEST_DB_H
#define SOK_DATA_TEST_DB_H

#include "base/test_dir.h"
#include "base/time.h"
#include "data/media.h"
#include "data/migrate.h"
#include "data/users.h"

struct sok_test_db {
    struct sok_test_dir dir;
    struct sok_arena *arena;
    struct sok_db *db;
    struct sok_db_tx *reader;
    struct sok_error err; // of the last call
};

static inline SOK_UNUSED void sok_test_db_check(enum sok_status status, const struct sok_error *err)
{
    if (status != SOK_OK)
        sok_panic("the test's database: %s (%s:%d)", err->message, err->file, err->line);
}

// url_prefix: "" or "failing:".
static inline SOK_UNUSED void sok_test_db_open(struct sok_test_db *t, const char *url_prefix)
{
    char url[160];
    int64_t applied;
    *t = (struct sok_test_db){.arena = sok_arena_new(0)};
    sok_test_dir_make(&t->dir);
    snprintf(url, sizeof(url), "%ssqlite:%s/sokoul.db", url_prefix, t->dir.path);
    sok_test_db_check(sok_db_open(url, NULL, &t->db, &t->err), &t->err);
    sok_test_db_check(sok_migrate(t->db, NULL, 1, &applied, &t->err), &t->err);
    t->reader = sok_db_reader(t->db);
}

static inline SOK_UNUSED void sok_test_db_close(struct sok_test_db *t)
{
    sok_db_close(t->db);
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

#endif
