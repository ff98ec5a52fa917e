#include "data/changes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "data/history.h"
#include "data/test_db.h"

#define ALL "media media_files watch_history library_favorites library_watchlist collections collection_media"
#define FILM "f1"

struct scene {
    struct sok_test_db t;
    struct sok_cache *cache;
};

static int set_up_with(void **state, const char *cache_url)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct sok_error err = {0};
    sok_test_db_open(&scene->t, "");
    assert_ok(sok_cache_open(cache_url, &sok_clock_system, NULL, &scene->cache, &err));
    sok_changes_listen(scene->t.db, scene->cache);
    sok_test_db_add_user(&scene->t, "ada", "user");
    sok_test_db_add_movie(&scene->t, FILM, "Metropolis", 1927);
    *state = scene;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, "memory:");
}

static int set_up_failing(void **state)
{
    return set_up_with(state, "failing:");
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    sok_test_db_close(&scene->t);
    sok_cache_close(scene->cache);
    free(scene);
    return 0;
}

static const char *key(struct scene *scene, const char *tables)
{
    return sok_changes_key(scene->cache, scene->t.arena, tables, "question");
}

static enum sok_status run_sql(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_db_query(tx, NULL, context, NULL, 0, NULL, err);
}

static enum sok_status refuse(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(sok_db_query(tx, NULL, context, NULL, 0, NULL, err));
    return sok_fail(err, SOK_CONFLICT, "no");
}

static void write_sql(struct scene *scene, const char *sql)
{
    struct sok_error err = {0};
    assert_ok(sok_db_write(scene->t.db, run_sql, (void *)sql, &err));
}

static void a_write_changes_the_keys_of_its_table_and_no_others(void **state)
{
    static const struct {
        const char *sql, *changed, *same;
    } cases[] = {
        {"UPDATE media SET year = 1926 WHERE id = 'f1'", "media", "watch_history collections"},
        {"UPDATE media SET year = 1926 WHERE id = 'none'", "media_files media", "media_files"},
        {"INSERT INTO library_favorites (id, user_id, media_id, added_at) VALUES ('1', 'ada', 'f1', 1)",
         "library_favorites", "media library_watchlist"},
        {"DELETE FROM library_favorites WHERE id = '1'", "library_favorites", "media library_watchlist"},
        {"UPDATE users SET last_login_at = 5 WHERE id = 'ada'", NULL, ALL},
        {"UPDATE tasks SET progress = 5", NULL, ALL},
        {"DELETE FROM users WHERE id = 'ada'", "collections", "media"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        const char *changed = cases[i].changed ? key(scene, cases[i].changed) : NULL;
        const char *same = key(scene, cases[i].same);
        assert_string_equal(key(scene, cases[i].same), same);
        write_sql(scene, cases[i].sql);
        if (changed)
            assert_string_not_equal(key(scene, cases[i].changed), changed);
        if (i + 1 < SOK_ARRAY_LEN(cases)) // the last takes everything along
            assert_string_equal(key(scene, cases[i].same), same);
        else
            assert_string_not_equal(key(scene, cases[i].same), same);
    }
}

static void different_questions_have_different_keys(void **state)
{
    struct scene *scene = *state;
    const char *first = sok_changes_key(scene->cache, scene->t.arena, "media", "a");
    assert_string_not_equal(first, sok_changes_key(scene->cache, scene->t.arena, "media", "b"));
    assert_string_equal(first, sok_changes_key(scene->cache, scene->t.arena, "media", "a"));
    assert_string_not_equal(first, sok_changes_key(scene->cache, scene->t.arena, "media_files", "a"));
    sok_cache_clear(scene->cache, NULL); // versions that are lost do not come back
    assert_string_not_equal(first, sok_changes_key(scene->cache, scene->t.arena, "media", "a"));
}

static void a_write_that_fails_may_change_them_and_a_read_does_not(void **state)
{
    struct scene *scene = *state;
    struct sok_error err = {0};
    const char *before = key(scene, ALL);
    write_sql(scene, "SELECT 1");
    assert_string_equal(key(scene, ALL), before);
    const char *sql = "UPDATE media SET year = 1900";
    assert_int_equal(sok_db_write(scene->t.db, refuse, (void *)sql, &err), SOK_CONFLICT);
    assert_string_equal(key(scene, "collections"), key(scene, "collections"));
}

// A cache that is down: every key is new, so nothing is ever found under one.
static void without_a_cache_no_key_comes_twice(void **state)
{
    struct scene *scene = *state;
    const char *before = key(scene, "media");
    assert_string_not_equal(key(scene, "media"), before);
    assert_true(sok_cache_take_loss(scene->cache));
    assert_false(sok_cache_take_loss(scene->cache));
    write_sql(scene, "UPDATE media SET year = 1900");
    assert_true(sok_cache_take_loss(scene->cache));
    assert_string_not_equal(key(scene, "media"), before);
}

struct race {
    struct scene *scene;
    _Atomic int64_t written; // what sok_db_write has confirmed
    _Atomic bool over;
    _Atomic int64_t hits;
};

static int64_t read_year(struct race *race, struct sok_arena *arena)
{
    struct sok_error err = {0};
    struct sok_media media;
    const char *text, *at = sok_changes_key(race->scene->cache, arena, "media", "year");
    size_t len;
    if (sok_cache_get(race->scene->cache, arena, "media", at, &text, &len, NULL) == SOK_OK) {
        race->hits++;
        return strtoll(text, NULL, 10);
    }
    assert_ok(sok_media_find(sok_db_reader(race->scene->t.db), arena, FILM, &media, &err));
    text = sok_format(arena, "%lld", (long long)media.year);
    sok_cache_put(race->scene->cache, "media", at, text, strlen(text), 3600000);
    return media.year;
}

static void *read_on(void *context)
{
    struct race *race = context;
    while (!race->over) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        int64_t confirmed = race->written;
        if (read_year(race, arena) < confirmed)
            sok_panic("a read is older than a write that was confirmed before it");
    }
    return NULL;
}

static void no_read_is_older_than_a_confirmed_write(void **state)
{
    struct race race = {.scene = *state};
    pthread_t readers[3];
    write_sql(race.scene, "UPDATE media SET year = 0");
    for (size_t i = 0; i < SOK_ARRAY_LEN(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    for (int64_t year = 1; year <= 300; year++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "UPDATE media SET year = %lld", (long long)year);
        write_sql(race.scene, sql);
        race.written = year;
        if (year % 50 == 0)
            sok_cache_clear(race.scene->cache, "version");
    }
    while (!race.hits) // the cache is in use at all
        sched_yield();
    race.over = true;
    for (size_t i = 0; i < SOK_ARRAY_LEN(readers); i++)
        pthread_join(readers[i], NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_write_changes_the_keys_of_its_table_and_no_others),
        TEST(different_questions_have_different_keys),
        TEST(a_write_that_fails_may_change_them_and_a_read_does_not),
        TEST(no_read_is_older_than_a_confirmed_write),
        cmocka_unit_test_setup_teardown(without_a_cache_no_key_comes_twice, set_up_failing, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
