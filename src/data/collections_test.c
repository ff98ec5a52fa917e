#include "data/collections.h"

#include <string.h>

#include "data/data_test.h"
#include "data/library.h"

static void add_collection(struct sok_test_db *t, const char *id, const char *user_id, bool is_public)
{
    struct sok_collection collection = {
        .id = id, .user_id = user_id, .name = id, .is_public = is_public, .created_at = 1, .updated_at = 1};
    assert_ok(sok_collections_insert(t->tx, &collection, &t->err));
}

// Films of the ids "a", "b", ... up to `last`.
static void add_films(struct sok_test_db *t, char last)
{
    for (char letter = 'a'; letter <= last; letter++) {
        struct sok_media media = SOK_MEDIA_INIT;
        media.id = media.title = sok_format(t->arena, "%c", letter);
        media.media_type = SOK_MEDIA_MOVIE;
        media.created_at = media.updated_at = letter;
        assert_ok(sok_media_insert(t->tx, &media, &t->err));
    }
}

static int put_count; // each has a greater id

static bool put(struct sok_test_db *t, const char *media_id, int64_t position)
{
    struct sok_collection_item kept, item = {
                                         .id = sok_format(t->arena, "i%03d", ++put_count),
                                         .collection_id = "c",
                                         .media_id = media_id,
                                         .position = position,
                                         .added_at = 5};
    bool is_new;
    assert_ok(sok_collections_put_media(t->tx, t->arena, &item, &kept, &is_new, &t->err));
    assert_string_equal(kept.media_id, media_id);
    return is_new;
}

// The works in their order.
static void assert_order(struct sok_test_db *t, const char *expected)
{
    struct sok_collection_item *rows;
    size_t count;
    struct sok_page_info info;
    assert_ok(sok_collections_list_media(t->tx, t->arena, "c", NULL, &rows, &count, &info, &t->err));
    assert_int_equal(count, strlen(expected));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rows[i].media_id[0], expected[i]);
}

static void a_collection_comes_back_as_it_was_written(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_collection found, written = {
                                     .id = "c",
                                     .user_id = "ada",
                                     .name = "Evenings",
                                     .description = "Slow ones",
                                     .is_public = true,
                                     .created_at = 3,
                                     .updated_at = 4};
    assert_ok(sok_collections_insert(t->tx, &written, &t->err));
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &found, &t->err));
    assert_string_equal(found.name, "Evenings");
    assert_string_equal(found.description, "Slow ones");
    assert_true(found.is_public);
    assert_int_equal(found.created_at, 3);
    assert_int_equal(found.updated_at, 4);
    assert_int_equal(found.media_count, 0);
    written = (struct sok_collection){.id = "c", .user_id = "bob", .name = "Nights", .updated_at = 9};
    assert_ok(sok_collections_update(t->tx, &written, &t->err));
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &found, &t->err));
    assert_string_equal(found.user_id, "ada"); // does not change hands
    assert_int_equal(found.created_at, 3);
    assert_null(found.description);
    assert_false(found.is_public);
    assert_ok(sok_collections_delete(t->tx, "c", &t->err));
    assert_int_equal(sok_collections_delete(t->tx, "c", &t->err), SOK_NOT_FOUND);
    assert_int_equal(sok_collections_update(t->tx, &written, &t->err), SOK_NOT_FOUND);
}

static void anothers_private_collection_is_not_there(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_collection found, *rows;
    size_t count;
    struct sok_page_info info;
    add_collection(t, "mine", "ada", false);
    add_collection(t, "open", "bob", true);
    add_collection(t, "shut", "bob", false);
    assert_ok(sok_collections_find(t->tx, t->arena, "mine", "ada", &found, &t->err));
    assert_ok(sok_collections_find(t->tx, t->arena, "open", "ada", &found, &t->err));
    assert_int_equal(sok_collections_find(t->tx, t->arena, "shut", "ada", &found, &t->err), SOK_NOT_FOUND);

    static const struct {
        const char *viewer, *filters;
        size_t count;
    } cases[] = {
        {"ada", "", 2},
        {"bob", "", 2},
        {"ada", "is_public=false", 1},
        {"bob", "is_public=true", 1},
        {"ada", "q=opem", 1},
        {"ada", "q=shut", 0},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_page page = {SOK_TEST_FILTERS(cases[i].filters)};
        assert_ok(
            sok_collections_list(t->tx, t->arena, cases[i].viewer, &page, &rows, &count, &info, &t->err));
        assert_int_equal(count, cases[i].count);
        assert_int_equal(info.total, cases[i].count);
    }
    struct sok_page page = {.sort = "name"};
    assert_ok(sok_collections_list(t->tx, t->arena, "ada", &page, &rows, &count, &info, &t->err));
    assert_string_equal(rows[0].name, "mine");
}

static void assert_position(struct sok_test_db *t, const char *media_id, int64_t expected)
{
    struct sok_collection_item kept,
        item = {.id = "x", .collection_id = "c", .media_id = media_id, .position = -1};
    assert_ok(sok_collections_put_media(t->tx, t->arena, &item, &kept, NULL, &t->err));
    assert_int_equal(kept.position, expected);
}

static void works_lie_where_they_are_put(void **state)
{
    struct sok_test_db *t = *state;
    add_collection(t, "c", "ada", false);
    add_films(t, 'g');
    assert_true(put(t, "a", 30));
    assert_true(put(t, "b", 10));
    assert_true(put(t, "c", 20));
    assert_order(t, "bca");
    assert_position(t, "a", 30);
    assert_position(t, "b", 10);
    assert_true(put(t, "d", -1)); // behind all
    assert_true(put(t, "e", 10)); // behind its equals
    assert_true(put(t, "f", 10));
    assert_true(put(t, "g", 0));
    assert_order(t, "gbefcad");
    assert_position(t, "d", 31);
    assert_false(put(t, "c", -1)); // is in it: stays
    assert_false(put(t, "b", 10));
    assert_order(t, "gbefcad");
    assert_false(put(t, "a", 10));
    assert_order(t, "gbefacd");
    assert_false(put(t, "g", 900));
    assert_false(put(t, "c", 0));
    assert_order(t, "cbefadg");
    assert_ok(sok_collections_remove_media(t->tx, "c", "e", 6, &t->err));
    assert_order(t, "cbfadg");
    assert_position(t, "f", 10);
    assert_int_equal(sok_collections_remove_media(t->tx, "c", "e", 6, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_media_delete(t->tx, "g", &t->err));
    assert_true(put(t, "e", -1));
    assert_order(t, "cbfade");
    assert_position(t, "e", 32);
}

static void its_version_moves_with_its_works(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_collection before, after;
    add_collection(t, "c", "ada", false);
    add_films(t, 'b');
    put(t, "b", -1);
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &before, &t->err));
    assert_int_equal(before.updated_at, 5);
    assert_int_equal(before.media_count, 1);
    assert_int_equal(before.media_version, 'b');
    put(t, "a", -1);
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &after, &t->err));
    assert_int_equal(after.updated_at, 6); // within the same millisecond
    assert_int_equal(after.media_count, 2);
    put(t, "a", -1); // nothing new
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &after, &t->err));
    assert_int_equal(after.updated_at, 6);
    assert_ok(sok_collections_remove_media(t->tx, "c", "b", 90, &t->err));
    assert_ok(sok_collections_find(t->tx, t->arena, "c", "ada", &after, &t->err));
    assert_int_equal(after.updated_at, 90);
    assert_int_equal(after.media_version, 'a');
}

static void a_user_has_only_so_many(void **state)
{
    struct sok_test_db *t = *state;
    for (int i = 0; i < SOK_COLLECTIONS_MAX; i++)
        add_collection(t, sok_format(t->arena, "c%d", i), "ada", false);
    struct sok_collection one_more = {.id = "more", .user_id = "ada", .name = "more"};
    assert_conflict(t, sok_collections_insert(t->tx, &one_more, &t->err));
    one_more.user_id = "bob";
    assert_ok(sok_collections_insert(t->tx, &one_more, &t->err));
}

static void a_work_that_is_not_there_cannot_be_put_in(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_collection_item kept, item = {.id = "i", .collection_id = "c", .media_id = "nothing"};
    add_collection(t, "c", "ada", false);
    assert_conflict(t, sok_collections_put_media(t->tx, t->arena, &item, &kept, NULL, &t->err));
    assert_string_equal(t->err.code, "reference_missing");
}

static void adding_to_the_watchlist_without_a_priority_keeps_it(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_watchlist_entry kept, entry = {.id = "1", .user_id = "ada", .media_id = "a", .priority = -1};
    bool is_new;
    add_films(t, 'a');
    assert_ok(sok_watchlist_add(t->tx, t->arena, &entry, &kept, &is_new, &t->err));
    assert_true(is_new);
    assert_int_equal(kept.priority, 0);
    entry.priority = 7;
    assert_ok(sok_watchlist_add(t->tx, t->arena, &entry, &kept, NULL, &t->err));
    entry.priority = -1;
    entry.id = "2";
    assert_ok(sok_watchlist_add(t->tx, t->arena, &entry, &kept, &is_new, &t->err));
    assert_false(is_new);
    assert_int_equal(kept.priority, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_collection_comes_back_as_it_was_written),
        TEST(anothers_private_collection_is_not_there),
        TEST(works_lie_where_they_are_put),
        TEST(its_version_moves_with_its_works),
        TEST(a_user_has_only_so_many),
        TEST(a_work_that_is_not_there_cannot_be_put_in),
        TEST(adding_to_the_watchlist_without_a_priority_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
