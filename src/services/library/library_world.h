// A database, a library and a download folder of a test's own.
#ifndef SOK_SERVICES_LIBRARY_LIBRARY_WORLD_H
#define SOK_SERVICES_LIBRARY_LIBRARY_WORLD_H

#include "base/rand.h"
#include "data/media.h"
#include "data/media_files.h"
#include "data/migrate.h"
#include "data/users.h"
#include "services/library/library.h"
#include "services/library/library_testing.h"

struct world {
    struct test_dir dir;
    struct sok_arena *arena;
    struct sok_clock_manual clock;
    struct sok_db *db;
    struct sok_library *library;
};

static inline void world_open(struct world *world)
{
    *world = (struct world){.dir = test_dir_new(), .arena = sok_arena_new(0)};
    sok_clock_manual_init(&world->clock, 1750000000000);
    char url[256];
    snprintf(url, sizeof url, "sqlite:%s/test.db", world->dir.path);
    int64_t applied;
    assert_ok(sok_db_open(url, NULL, &world->db, NULL));
    assert_ok(sok_migrate(world->db, NULL, 1750000000000, &applied, NULL));
    char roots[256];
    snprintf(roots, sizeof roots, "%s/library:%s/more", world->dir.path, world->dir.path);
    struct sok_library_options options = {
        .db = world->db,
        .clock = &world->clock.clock,
        .library_dirs = roots,
        .probe_program = getenv("SOKOUL_PROBE")};
    assert_ok(sok_library_open(&options, &world->library, NULL));
}

static inline void world_close(struct world *world)
{
    sok_library_close(world->library);
    sok_db_close(world->db);
    sok_arena_free(world->arena);
    sok_test_dir_remove(&world->dir);
}
#define WORLD_AUTO SOK_CLEANUP(world_close) struct world

static inline enum sok_status world_write_media(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_media_insert(tx, context, err);
}

// Adds a work; the id is in the world's arena.
static inline const char *world_add_media(
    struct world *world, const char *type, const char *title, int year, const char *parent_id, int season,
    int episode)
{
    char *id = sok_alloc(world->arena, SOK_UUID_LEN + 1);
    sok_uuid7(1750000000000, id);
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = id;
    media.media_type = type;
    media.title = title;
    media.year = year;
    media.parent_id = parent_id;
    media.season_number = season;
    media.episode_number = episode;
    media.alternative_titles = media.genres = "[]";
    media.origin = "query";
    media.created_at = media.updated_at = 1750000000000;
    assert_ok(sok_db_write(world->db, world_write_media, &media, NULL));
    return id;
}

// An account to watch with.
#define WORLD_USER "01970000-0000-7000-8000-0000000000aa"

static inline enum sok_status world_write_user(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_user user = {
        .id = WORLD_USER,
        .username = "viewer",
        .email = "v@example.org",
        .password_hash = "x",
        .role = "user",
        .is_active = true,
        .created_at = 1,
        .updated_at = 1};
    return sok_users_insert(tx, &user, err);
}

static inline struct sok_media_file *world_files(struct world *world, const char *media_id, size_t *ret_count)
{
    struct sok_media_file *rows;
    assert_ok(sok_media_files_list(sok_db_reader(world->db), world->arena, media_id, &rows, ret_count, NULL));
    return rows;
}

static inline void world_copy(struct world *world, const char *from, const char *to)
{
    FILE *file = fopen(test_path(&world->dir, from), "r");
    assert_non_null(file);
    static char bytes[4 << 20];
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    test_write(&world->dir, to, bytes, len);
}

static inline ino_t world_inode(struct world *world, const char *path)
{
    struct stat info;
    return lstat(test_path(&world->dir, path), &info) == 0 ? info.st_ino : 0;
}

// "film.mkv" (320x180) and "better.mkv" (1280x720) in the world's folder.
static inline void world_make_films(struct world *world)
{
    static const char *const small[] = {"-c:v", "mpeg4", "-c:a", "mp2", NULL};
    static const char *const large[] = {"-vf", "scale=1280:720", "-c:v", "mpeg4", "-c:a", "mp2", NULL};
    (void)test_program();
    test_make_film(&world->dir, "film.mkv", small);
    test_make_film(&world->dir, "better.mkv", large);
}

#endif
