// media, media_files, history, library.
#include "data/media.h"

#include <string.h>

#include "data/data_test.h"
#include "data/history.h"
#include "data/library.h"
#include "data/media_files.h"

static void add(struct sok_test_db *t, const char *id, const char *type, const char *title, int64_t year)
{
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = id;
    media.media_type = type;
    media.title = title;
    media.year = year;
    media.genres = "[\"Drama\",\"Science Fiction\"]";
    media.created_at = media.updated_at = 1;
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
}

static void add_episode(
    struct sok_test_db *t, const char *id, const char *series, int64_t season, int64_t number)
{
    struct sok_media media = SOK_MEDIA_INIT;
    const char *got;
    media.id = id;
    media.parent_id = series;
    media.season_number = season;
    media.episode_number = number;
    media.created_at = media.updated_at = 1;
    assert_ok(sok_media_upsert_episode(t->tx, t->arena, &media, &got, &t->err));
    assert_string_equal(got, id);
}

static void every_fact_comes_back(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media media = SOK_MEDIA_INIT, found;
    media = (struct sok_media){
        .id = "m1",
        .media_type = "movie",
        .title = "Amélie",
        .original_title = "Le Fabuleux Destin d'Amélie Poulain",
        .alternative_titles = "[\"Die fabelhafte Welt der Amélie\"]",
        .tmdb_id = 194,
        .imdb_id = "tt0211915",
        .year = 2001,
        .release_date = "2001-04-25",
        .overview = "…",
        .genres = "[\"Comedy\"]",
        .original_language = "fr",
        .rating = 7.9,
        .runtime_minutes = 122,
        .season_number = -1,
        .episode_number = -1,
        .absolute_number = -1,
        .origin = "tmdb",
        .enriched_at = 7,
        .created_at = 5,
        .updated_at = 6};
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
    assert_ok(sok_media_find_tmdb(t->tx, t->arena, 194, "movie", &found, &t->err));
    assert_string_equal(found.title, "Amélie");
    assert_true(found.rating > 7.89 && found.rating < 7.91);
    assert_int_equal(found.season_number, -1);
    assert_int_equal(found.tvdb_id, 0);
    media.created_at = 99; // stays
    media.overview = NULL;
    assert_ok(sok_media_update(t->tx, &media, &t->err));
    assert_ok(sok_media_find(t->tx, t->arena, "m1", &found, &t->err));
    assert_int_equal(found.created_at, 5);
    assert_null(found.overview);
    struct sok_media twin = media;
    twin.id = "m2";
    assert_conflict(t, sok_media_insert(t->tx, &twin, &t->err));
    assert_string_equal(t->err.code, "media_exists");
    twin.media_type = "tv"; // TMDB numbers films and series apart
    assert_ok(sok_media_insert(t->tx, &twin, &t->err));
    assert_int_equal(sok_media_find_tmdb(t->tx, t->arena, 1, "movie", &found, &t->err), SOK_NOT_FOUND);
}

static void a_title_is_found_by_any_of_its_names(void **state)
{
    static const struct {
        const char *title;
        int64_t year;
        const char *type, *id; // NULL: not found
    } cases[] = {
        {"AMELIE", 2001, "movie", "a"},
        {"amélie", 0, NULL, "a"},
        {"Die fabelhafte Welt der Amelie", 2001, NULL, "a"},
        {"le fabuleux destin d'amélie poulain", 0, NULL, "a"},
        {"fabuleux destin", 0, NULL, NULL}, // a part is not the title
        {"Amélie", 2002, "movie", "a"},     // one year off
        {"Amélie", 2003, "movie", NULL},
        {"Amélie", 2001, "tv", NULL},
        {"Dune", 1984, NULL, "d1984"},
        {"Dune", 2021, NULL, "d2021"},
        {"Dune", 2020, NULL, "d2021"},
        {"100% \"Wolf\"", 0, NULL, "w"},
        {"", 0, NULL, NULL},
    };
    struct sok_test_db *t = *state;
    struct sok_media media = SOK_MEDIA_INIT;
    media.id = "a";
    media.media_type = "movie";
    media.title = "Amélie";
    media.original_title = "Le Fabuleux Destin d'Amélie Poulain";
    media.alternative_titles = "[\"Die fabelhafte Welt der Amélie\"]";
    media.year = 2001;
    media.created_at = media.updated_at = 1;
    assert_ok(sok_media_insert(t->tx, &media, &t->err));
    add(t, "d1984", "movie", "Dune", 1984);
    add(t, "d2021", "movie", "Dune", 2021);
    add(t, "w", "movie", "100% \"Wolf\"", 2020);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_media found;
        enum sok_status status = sok_media_find_title(
            t->tx, t->arena, cases[i].title, cases[i].year, cases[i].type, &found, &t->err);
        assert_int_equal(status, cases[i].id ? SOK_OK : SOK_NOT_FOUND);
        if (cases[i].id)
            assert_string_equal(found.id, cases[i].id);
    }
}

static size_t list(
    struct sok_test_db *t, struct sok_media_filter filter, struct sok_page page, struct sok_media **ret)
{
    size_t count;
    struct sok_page_info info;
    assert_ok(sok_media_list(t->tx, t->arena, &filter, &page, ret, &count, &info, &t->err));
    return count;
}

static void titles_are_searched_with_typos_and_without_accents(void **state)
{
    static const struct {
        const char *text, *first; // first NULL: nothing
    } cases[] = {
        {"matrix", "m1"},          {"matirx", "m1"},       {"the matrix", "m1"}, {"amelie", "am"},
        {"amélei", "am"},          {"reloaded", "m2"},     {"ma", "ma"},         {"zzzzzz", NULL},
        {"matrix reloadde", "m2"}, {"\"OR\" AND *", NULL}, {"é", NULL},
    };
    struct sok_test_db *t = *state;
    struct sok_media *found;
    add(t, "m1", "movie", "The Matrix", 1999);
    add(t, "m2", "movie", "The Matrix Reloaded", 2003);
    add(t, "am", "movie", "Amélie", 2001);
    add(t, "ma", "movie", "Ma", 2019);
    add(t, "du", "tv", "Dune: Prophecy", 2024);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        size_t count =
            list(t, (struct sok_media_filter){.text = cases[i].text}, (struct sok_page){0}, &found);
        if (!cases[i].first)
            assert_int_equal(count, 0);
        else {
            assert_true(count > 0);
            assert_string_equal(found[0].id, cases[i].first);
        }
    }
    assert_int_equal(
        list(
            t, (struct sok_media_filter){.text = "matrix"}, (struct sok_page){SOK_TEST_FILTERS("year=2003")},
            &found),
        1);
    assert_int_equal(
        list(t, (struct sok_media_filter){.text = "matrix"}, (struct sok_page){.sort = "-year"}, &found), 2);
    assert_string_equal(found[0].id, "m2");
    // A renamed title is found under its new name only.
    found[0].title = "Speed Racer";
    assert_ok(sok_media_update(t->tx, &found[0], &t->err));
    assert_int_equal(list(t, (struct sok_media_filter){.text = "reloaded"}, (struct sok_page){0}, &found), 0);
    assert_int_equal(list(t, (struct sok_media_filter){.text = "racer"}, (struct sok_page){0}, &found), 1);
}

// Every single error in a title of three to five letters, in whatever letters.
static void short_titles_are_found_with_an_error(void **state)
{
    static const struct {
        const char *id, *text;
    } cases[] = {
        {"akira", "akria"}, {"akira", "akra"},  {"akira", "akura"}, {"akira", "akiira"}, {"akira", "kaira"},
        {"akira", "aikra"}, {"akira", "bkira"}, {"akira", "akirb"}, {"leon", "leno"},    {"leon", "loen"},
        {"leon", "elon"},   {"leon", "len"},    {"leon", "lön"},    {"leon", "leoon"},   {"leon", "laon"},
        {"ran", "rna"},     {"ran", "arn"},     {"ran", "raan"},    {"brat", "бртат"},   {"brat", "барт"},
        {"brat", "бат"},    {"aka", "akahgie"}, {"two", "iikru"},
    };
    static const char *const nothing[] = {"akrai", "leno x", "noel", "aks", "a_ira", "ak%"};
    struct sok_test_db *t = *state;
    struct sok_media *found;
    add(t, "akira", "movie", "Akira", 1988);
    add(t, "leon", "movie", "Léon", 1994);
    add(t, "ran", "movie", "Ran", 1985);
    add(t, "brat", "movie", "Брат", 1997);
    add(t, "aka", "movie", "Akahige", 1965);
    add(t, "two", "movie", "Ikiru", 1952);
    add(t, "other", "movie", "Mirror", 1975);
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        size_t count =
            list(t, (struct sok_media_filter){.text = cases[i].text}, (struct sok_page){0}, &found);
        if (count != 1 || strcmp(found[0].id, cases[i].id) != 0)
            fail_msg("%s: %zu, %s", cases[i].text, count, count ? found[0].id : "");
    }
    for (size_t i = 0; i < SOK_ARRAY_LEN(nothing); i++)
        if (list(t, (struct sok_media_filter){.text = nothing[i]}, (struct sok_page){0}, &found))
            fail_msg("%s: %s", nothing[i], found[0].id);
}

static void two_letters_stand_anywhere_where_words_have_no_blanks(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media *found;
    add(t, "sen", "movie", "千と千尋の神隠し", 2001);
    add(t, "tokyo", "movie", "東京物語", 1953);
    add(t, "cup", "movie", "Cup of Tea", 2000);
    static const char *const cases[][2] = {
        {"千尋", "sen"}, {"神隠", "sen"}, {"物語", "tokyo"}, {"東京", "tokyo"}};
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        assert_int_equal(
            list(t, (struct sok_media_filter){.text = cases[i][0]}, (struct sok_page){0}, &found), 1);
        assert_string_equal(found[0].id, cases[i][1]);
    }
    assert_int_equal(list(t, (struct sok_media_filter){.text = "up"}, (struct sok_page){0}, &found), 0);
    assert_int_equal(list(t, (struct sok_media_filter){.text = "京千"}, (struct sok_page){0}, &found), 0);
}

static void found_titles_come_in_pages(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media *found;
    size_t count, total = 0;
    struct sok_page_info info = {0};
    for (int i = 0; i < 12; i++)
        add(t, sok_format(t->arena, "s%02d", i), "movie", sok_format(t->arena, "Saga part %d", i), 2000 + i);
    struct sok_page page = {.per_page = 5};
    do {
        assert_ok(sok_media_list(
            t->tx, t->arena, &(struct sok_media_filter){.text = "saga"}, &page, &found, &count, &info,
            &t->err));
        assert_int_equal(info.total, 12);
        total += count;
        page.cursor = info.next_cursor;
    } while (page.cursor);
    assert_int_equal(total, 12);
    page.cursor = "nonsense";
    assert_int_equal(
        sok_media_list(
            t->tx, t->arena, &(struct sok_media_filter){.text = "saga"}, &page, &found, &count, &info,
            &t->err),
        SOK_INVALID);
}

static const char *add_file(struct sok_test_db *t, const char *id, const char *media_id, const char *path)
{
    const char *got;
    struct sok_media_file file = {
        .id = id,
        .media_id = media_id,
        .file_path = path,
        .file_size = 100,
        .source = "local",
        .quality_score = 50,
        .downloaded_at = 1,
        .updated_at = 1};
    assert_ok(sok_media_files_upsert(t->tx, t->arena, &file, &got, &t->err));
    return got;
}

static void lists_are_filtered(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media *found;
    add(t, "m1", "movie", "A film", 1999);
    add(t, "tv", "tv", "A series", 2003);
    add_episode(t, "e1", "tv", 1, 1);
    assert_int_equal(list(t, (struct sok_media_filter){0}, (struct sok_page){0}, &found), 2);
    assert_int_equal(
        list(t, (struct sok_media_filter){.with_episodes = true}, (struct sok_page){0}, &found), 3);
    assert_int_equal(
        list(
            t, (struct sok_media_filter){0}, (struct sok_page){SOK_TEST_FILTERS("genre=Science Fiction")},
            &found),
        2);
    assert_int_equal(
        list(t, (struct sok_media_filter){0}, (struct sok_page){SOK_TEST_FILTERS("genre=Science")}, &found),
        0);
    assert_int_equal(
        list(t, (struct sok_media_filter){0}, (struct sok_page){SOK_TEST_FILTERS("available=true")}, &found),
        0);
    add_file(t, "f1", "e1", "/l/e1.mkv");
    assert_int_equal(
        list(t, (struct sok_media_filter){0}, (struct sok_page){SOK_TEST_FILTERS("available=true")}, &found),
        1);
    assert_string_equal(found[0].id, "tv"); // a series counts by its episodes
    assert_int_equal(list(t, (struct sok_media_filter){.parent_id = "tv"}, (struct sok_page){0}, &found), 1);
    static const char *const sorts[] = {"title", "-year", "rating", "-updated_at"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(sorts); i++)
        assert_int_equal(
            list(t, (struct sok_media_filter){0}, (struct sok_page){.sort = sorts[i]}, &found), 2);
    size_t count;
    assert_ok(sok_media_list_stale(t->tx, t->arena, 0, 10, &found, &count, &t->err));
    assert_int_equal(count, 2);
    int64_t number;
    assert_ok(sok_media_count(t->tx, "episode", &number, &t->err));
    assert_int_equal(number, 1);
}

static void an_episode_is_one_row_that_learns(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media episode = SOK_MEDIA_INIT, found;
    const char *id;
    add(t, "tv", "tv", "A series", 2003);
    add_episode(t, "e1", "tv", 0, 1); // a special
    episode.id = "other";
    episode.parent_id = "tv";
    episode.season_number = 0;
    episode.episode_number = 1;
    episode.title = "Pilot";
    episode.runtime_minutes = 45;
    episode.updated_at = 9;
    assert_ok(sok_media_upsert_episode(t->tx, t->arena, &episode, &id, &t->err));
    assert_string_equal(id, "e1");
    episode.title = NULL;
    episode.runtime_minutes = 0;
    assert_ok(sok_media_upsert_episode(t->tx, t->arena, &episode, &id, &t->err));
    assert_ok(sok_media_find_episode(t->tx, t->arena, "tv", 0, 1, &found, &t->err));
    assert_string_equal(found.title, "Pilot");
    assert_int_equal(found.runtime_minutes, 45);
    add_episode(t, "e3", "tv", 2, 1);
    add_episode(t, "e2", "tv", 1, 9);
    struct sok_media *episodes;
    size_t count;
    assert_ok(sok_media_list_episodes(t->tx, t->arena, "tv", -1, &episodes, &count, &t->err));
    assert_int_equal(count, 3);
    assert_string_equal(episodes[1].id, "e2");
    assert_ok(sok_media_list_episodes(t->tx, t->arena, "tv", 2, &episodes, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_media_delete(t->tx, "tv", &t->err));
    assert_int_equal(sok_media_find(t->tx, t->arena, "e1", &found, &t->err), SOK_NOT_FOUND);
}

static void watch(struct sok_test_db *t, const char *media_id, int64_t at, int64_t seconds, int64_t total)
{
    struct sok_watch row;
    struct sok_watch record = {
        .id = sok_format(t->arena, "w-%s", media_id),
        .user_id = "ada",
        .media_id = media_id,
        .progress_seconds = seconds,
        .total_seconds = total,
        .last_watched = at};
    assert_ok(sok_history_record(t->tx, t->arena, &record, &row, &t->err));
    assert_int_equal(row.is_completed, total > 0 && seconds * 10 >= total * 9);
}

static void two_rows_of_one_work_become_one(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media found;
    struct sok_watch seen;
    struct sok_media_file *files;
    size_t count;
    add(t, "old", "tv", "Series", 2003);
    add(t, "new", "tv", "The Series", 2003);
    add_episode(t, "o1", "old", 1, 1);
    add_episode(t, "o2", "old", 1, 2);
    add_episode(t, "n1", "new", 1, 1);
    add_file(t, "f1", "o1", "/l/1.mkv");
    add_file(t, "f2", "o2", "/l/2.mkv");
    watch(t, "o1", 10, 100, 1000);
    watch(t, "n1", 20, 200, 1000);
    watch(t, "o2", 30, 300, 1000);
    assert_ok(sok_media_merge(t->tx, "old", "new", 40, &t->err));
    assert_int_equal(sok_media_find(t->tx, t->arena, "old", &found, &t->err), SOK_NOT_FOUND);
    assert_int_equal(sok_media_find(t->tx, t->arena, "o1", &found, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_media_find(t->tx, t->arena, "o2", &found, &t->err));
    assert_string_equal(found.parent_id, "new");
    assert_ok(sok_media_files_list(t->tx, t->arena, "n1", &files, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_history_find(t->tx, t->arena, "ada", "n1", &seen, &t->err));
    assert_int_equal(seen.progress_seconds, 200);
    assert_ok(sok_history_find(t->tx, t->arena, "ada", "o2", &seen, &t->err));
}

static void a_file_keeps_its_id_and_is_found_by_path(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_media_file *files, file;
    size_t count;
    int64_t number, bytes;
    add(t, "m1", "movie", "A film", 1999);
    add(t, "m2", "movie", "B film", 1999);
    assert_string_equal(add_file(t, "f1", "m1", "/lib/Movies/a.mkv"), "f1");
    assert_string_equal(add_file(t, "f2", "m1", "/lib/Movies/a.mkv"), "f1");
    assert_string_equal(add_file(t, "f3", "m2", "/lib/Movies/a.mkv"), "f3"); // a file of two works
    add_file(t, "f4", "m2", "/lib/Movies2/b.mkv");
    assert_ok(sok_media_files_list_path(t->tx, t->arena, "/lib/Movies/a.mkv", &files, &count, &t->err));
    assert_int_equal(count, 2);
    assert_ok(sok_media_files_list_under(t->tx, t->arena, "/lib/Movies", NULL, 10, &files, &count, &t->err));
    assert_int_equal(count, 2); // not Movies2
    assert_ok(sok_media_files_list_under(
        t->tx, t->arena, "/lib", "/lib/Movies/a.mkv", 10, &files, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_media_files_total(t->tx, &number, &bytes, &t->err));
    assert_int_equal(number, 2);
    assert_int_equal(bytes, 200);
    assert_ok(sok_media_files_set_missing(t->tx, "f3", 77, 78, &t->err));
    assert_ok(sok_media_files_find(t->tx, t->arena, "f3", &file, &t->err));
    assert_int_equal(file.missing_at, 77);
    assert_string_equal(file.audio_tracks, "[]");
    assert_ok(sok_media_files_list(t->tx, t->arena, "m2", &files, &count, &t->err));
    assert_string_equal(files[0].id, "f4"); // what is there first
    assert_ok(sok_media_files_list_download(t->tx, t->arena, "none", &files, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(sok_media_files_delete(t->tx, "f3", &t->err));
    assert_int_equal(sok_media_files_delete(t->tx, "f3", &t->err), SOK_NOT_FOUND);
}

static size_t continuing(struct sok_test_db *t, struct sok_continue_item **ret)
{
    size_t count;
    assert_ok(sok_history_continue(t->tx, t->arena, "ada", 20, ret, &count, &t->err));
    return count;
}

static void continue_offers_what_was_begun_and_the_next_episode(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_continue_item *items;
    add(t, "film", "movie", "A film", 1999);
    add(t, "tv", "tv", "A series", 2003);
    add_episode(t, "s0e1", "tv", 0, 1);
    add_episode(t, "s1e1", "tv", 1, 1);
    add_episode(t, "s1e2", "tv", 1, 2);
    add_episode(t, "s2e1", "tv", 2, 1);
    assert_int_equal(continuing(t, &items), 0);
    watch(t, "film", 10, 600, 6000);
    watch(t, "s1e1", 20, 950, 1000); // finished
    assert_int_equal(continuing(t, &items), 2);
    assert_string_equal(items[0].media.id, "s1e2");
    assert_string_equal(items[0].series.id, "tv");
    assert_null(items[0].watch.id);
    assert_string_equal(items[1].media.id, "film");
    assert_null(items[1].series.id);
    assert_int_equal(items[1].watch.progress_seconds, 600);
    watch(t, "s1e2", 30, 100, 1000); // begun: that one itself
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s1e2");
    assert_int_equal(items[0].watch.progress_seconds, 100);
    watch(t, "s1e2", 40, 1000, 1000); // across the season
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s2e1");
    watch(t, "s2e1", 50, 1000, 1000); // the end: what is left is the special
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s0e1");
    assert_false(items[0].is_available);
    add_episode(t, "s2e2", "tv", 2, 2); // another one came out
    add_episode(t, "s2e3", "tv", 2, 3);
    add_episode(t, "s0e2", "tv", 0, 2);
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s2e2");
    watch(t, "s0e1", 52, 1000, 1000); // after a special the seasons go on where they were
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s2e2");
    struct sok_media_file file = {
        .id = "f", .media_id = "s2e3", .file_path = "/f", .source = "local", .file_size = 1};
    const char *file_id;
    assert_ok(sok_media_files_upsert(t->tx, t->arena, &file, &file_id, &t->err));
    continuing(t, &items); // what can be watched comes before what cannot
    assert_string_equal(items[0].media.id, "s2e3");
    assert_true(items[0].is_available);
    watch(t, "s2e3", 53, 1000, 1000);
    watch(t, "s2e2", 54, 1000, 1000);
    continuing(t, &items);
    assert_string_equal(items[0].media.id, "s0e2");
    watch(t, "s0e2", 55, 1000, 1000);
    assert_int_equal(continuing(t, &items), 1);
    watch(t, "film", 60, 5500, 6000); // over 90 %
    assert_int_equal(continuing(t, &items), 0);
    struct sok_watch *watched;
    size_t count;
    struct sok_page_info info;
    assert_ok(sok_history_watched(t->tx, t->arena, "ada", NULL, &watched, &count, &info, &t->err));
    assert_int_equal(count, 8);
    assert_string_equal(watched[0].media_id, "film");
    assert_int_equal(sok_history_delete(t->tx, "bob", watched[0].id, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_history_delete(t->tx, "ada", watched[0].id, &t->err));
}

static void favorites_and_the_watchlist_hold_a_work_once(void **state)
{
    struct sok_test_db *t = *state;
    bool is_new;
    size_t count;
    struct sok_page_info info;
    add(t, "m1", "movie", "A film", 1999);
    struct sok_favorite favorite = {.id = "f1", .user_id = "ada", .media_id = "m1", .added_at = 1}, kept,
                        *favorites;
    assert_ok(sok_favorites_add(t->tx, t->arena, &favorite, &kept, &is_new, &t->err));
    assert_true(is_new);
    favorite.id = "f2";
    assert_ok(sok_favorites_add(t->tx, t->arena, &favorite, &kept, &is_new, &t->err));
    assert_false(is_new);
    assert_string_equal(kept.id, "f1");
    assert_ok(sok_favorites_list(t->tx, t->arena, "ada", NULL, &favorites, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_favorites_remove(t->tx, "ada", "m1", &t->err));
    assert_int_equal(sok_favorites_remove(t->tx, "ada", "m1", &t->err), SOK_NOT_FOUND);

    struct sok_watchlist_entry entry = {.id = "e1", .user_id = "ada", .media_id = "m1", .priority = 1}, held,
                               *list_of;
    assert_ok(sok_watchlist_add(t->tx, t->arena, &entry, &held, &is_new, &t->err));
    entry = (struct sok_watchlist_entry){.id = "e2", .user_id = "ada", .media_id = "m1", .priority = 5};
    assert_ok(sok_watchlist_add(t->tx, t->arena, &entry, &held, NULL, &t->err));
    assert_string_equal(held.id, "e1");
    assert_int_equal(held.priority, 5);
    assert_ok(sok_watchlist_list(t->tx, t->arena, "ada", NULL, &list_of, &count, &info, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_watchlist_remove(t->tx, "ada", "m1", &t->err));
    favorite.media_id = "nothing";
    assert_conflict(t, sok_favorites_add(t->tx, t->arena, &favorite, &kept, NULL, &t->err));
    assert_string_equal(t->err.code, "reference_missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_fact_comes_back),
        TEST(a_title_is_found_by_any_of_its_names),
        TEST(titles_are_searched_with_typos_and_without_accents),
        TEST(short_titles_are_found_with_an_error),
        TEST(two_letters_stand_anywhere_where_words_have_no_blanks),
        TEST(found_titles_come_in_pages),
        TEST(lists_are_filtered),
        TEST(an_episode_is_one_row_that_learns),
        TEST(two_rows_of_one_work_become_one),
        TEST(a_file_keeps_its_id_and_is_found_by_path),
        TEST(continue_offers_what_was_begun_and_the_next_episode),
        TEST(favorites_and_the_watchlist_hold_a_work_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
