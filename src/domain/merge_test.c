#include "base/test.h"

#include <string.h>

#include "domain/merge.h"

#define HASH "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
#define BASE32 "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"

static void one_torrent_of_three_indexers_is_one_result(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_merge *merge = sok_merge_new(arena, 100);
    struct sok_merged *first = sok_merge_add(
        merge, &(struct sok_candidate){
                   .provider = "a",
                   .guid = "1",
                   .title = "Sintel 2010 1080p",
                   .seeders = 3,
                   .leechers = 9,
                   .size_bytes = 700 << 20,
                   .published_at = 2000,
                   .magnet_link = "magnet:?xt=urn:btih:" HASH "&tr=udp://one:1"});
    struct sok_merged *second = sok_merge_add(
        merge, &(struct sok_candidate){
                   .provider = "b",
                   .guid = "x",
                   .title = "Sintel.2010.1080p",
                   .seeders = 40,
                   .leechers = -1,
                   .published_at = 1000,
                   .info_hash = BASE32,
                   .magnet_link = "magnet:?xt=urn:btih:" BASE32 "&tr=udp://two:1"});
    struct sok_merged *third = sok_merge_add(
        merge, &(struct sok_candidate){
                   .provider = "c",
                   .guid = "y",
                   .title = "Sintel_2010_(1080p)",
                   .seeders = -1,
                   .size_bytes = (700 << 20) + 17,
                   .download_url = "http://c/y.torrent"});
    assert_ptr_equal(first, second);
    assert_ptr_equal(first, third);
    assert_int_equal(1, sok_merge_count(merge));
    assert_int_equal(3, first->source_count);
    assert_string_equal(HASH, first->best.info_hash);
    assert_int_equal(40, first->best.seeders);
    assert_int_equal(9, first->best.leechers);
    assert_int_equal(700 << 20, first->best.size_bytes);
    assert_int_equal(1000, first->best.published_at);
    assert_string_equal("http://c/y.torrent", first->best.download_url);
    assert_non_null(strstr(first->best.magnet_link, "one"));
    assert_non_null(strstr(first->best.magnet_link, "two"));
}

static void two_torrents_stay_two_though_name_and_size_agree(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_merge *merge = sok_merge_new(arena, 100);
    struct sok_candidate candidate = {
        .provider = "a", .guid = "1", .title = "Sintel", .size_bytes = 5 << 20, .info_hash = HASH};
    sok_merge_add(merge, &candidate);
    candidate.info_hash = "0123456789abcdef0123456789abcdef01234567";
    sok_merge_add(merge, &candidate);
    assert_int_equal(2, sok_merge_count(merge));
    candidate =
        (struct sok_candidate){.provider = "a", .guid = "2", .title = "Sintel", .size_bytes = 9 << 20};
    sok_merge_add(merge, &candidate);
    candidate.protocol = "http";
    sok_merge_add(merge, &candidate);
    assert_int_equal(4, sok_merge_count(merge));
}

static void a_hit_without_hash_or_size_stays_alone(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_merge *merge = sok_merge_new(arena, 100);
    struct sok_candidate candidate = {.provider = "a", .guid = "1", .title = "Sintel"};
    sok_merge_add(merge, &candidate);
    candidate.guid = "2";
    sok_merge_add(merge, &candidate);
    assert_int_equal(2, sok_merge_count(merge));
    assert_null(sok_merge_add(merge, &(struct sok_candidate){.title = ""}));
}

static void the_limit_holds_and_the_pointers_stay(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_merge *merge = sok_merge_new(arena, 500);
    struct sok_merged *first = NULL;
    for (int i = 0; i < 1000; i++) {
        struct sok_merged *added = sok_merge_add(
            merge, &(struct sok_candidate){
                       .provider = "a",
                       .guid = sok_format(arena, "%d", i),
                       .title = sok_format(arena, "T%d", i),
                       .size_bytes = 1 << 20});
        assert_true((added != NULL) == (i < 500));
        first = first ? first : added;
    }
    assert_ptr_equal(first, sok_merge_at(merge, 0));
    assert_null(sok_merge_at(merge, 500));
    assert_true(first->changed);
    sok_merge_clear_changed(merge);
    assert_false(first->changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_torrent_of_three_indexers_is_one_result),
        cmocka_unit_test(two_torrents_stay_two_though_name_and_size_agree),
        cmocka_unit_test(a_hit_without_hash_or_size_stays_alone),
        cmocka_unit_test(the_limit_holds_and_the_pointers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
