#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "domain/infohash.h"

#define HEX "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
#define V2 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void every_form_of_a_hash_becomes_lower_case_hex(void **state)
{
    static const char *const forms[] = {
        HEX,
        "C12FE1C06BBA254A9DC9F519B335AA7C1367A88A",
        " C12fE1c06bba254a9dc9f519b335aa7c1367a88a\n",
        "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK",
        "yex6dqdlxisuvhoj6um3gnnkpqjwpkek",
        "magnet:?xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK",
        "MAGNET:?dn=x&XT=URN:BTIH:" HEX,
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(forms); i++) {
        char hash[SOK_INFOHASH_TEXT] = "";
        assert_true(sok_infohash_normalise(forms[i], hash));
        assert_string_equal(HEX, hash);
    }
}

static void what_is_no_hash_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "abc",
        "0000000000000000000000000000000000000000",
        "g12fe1c06bba254a9dc9f519b335aa7c1367a88a",
        HEX "0",
        "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKE1",
        "magnet:?xt=urn:sha1:" HEX,
        "magnet:?dn=only"};
    char hash[SOK_INFOHASH_TEXT] = "kept";
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++)
        assert_false(sok_infohash_normalise(wrong[i], hash));
    assert_false(sok_infohash_normalise(NULL, hash));
    assert_string_equal("kept", hash);
}

static void magnet_is_read_within_limits(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_magnet m;
    assert_ok(sok_magnet_parse(
        arena,
        "magnet:?xt=urn:btih:" HEX "&xt=urn:btmh:1220" V2 "&dn=Big+Buck%20Bunny&xl=276445467"
        "&tr=udp%3A%2F%2Ftracker.example%3A1337&amp;tr.1=https://t.example/announce&tr=javascript:alert(1)"
        "&tr=udp%3A%2F%2Ftracker.example%3A1337&tr=http://a%0d%0aX:y&x.pe=10.0.0.1:6881&x.pe=nonsense"
        "&ws=https://w.example/f&ws=file:///etc/passwd&dn=second&xl=-4&broken=%zz&lone",
        &m, NULL));
    assert_string_equal(HEX, m.info_hash);
    assert_string_equal(V2, m.info_hash_v2);
    assert_string_equal("Big Buck Bunny", m.name);
    assert_int_equal(276445467, m.size_bytes);
    assert_int_equal(2, m.tracker_count);
    assert_string_equal("https://t.example/announce", m.trackers[1]);
    assert_int_equal(1, m.peer_count);
    assert_int_equal(1, m.web_seed_count);
    assert_string_equal(HEX, sok_magnet_hash(&m));
}

static void magnet_comes_back_as_it_was_read(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_magnet m, again;
    assert_ok(sok_magnet_parse(
        arena, "magnet:?xt=urn:btih:" HEX "&dn=A%26B&tr=udp://t:1&x.pe=[::1]:99&ws=http://w/", &m, NULL));
    assert_ok(sok_magnet_parse(arena, sok_magnet_format(arena, &m), &again, NULL));
    assert_string_equal("A&B", again.name);
    assert_string_equal("[::1]:99", again.peers[0]);
    assert_non_null(strstr(sok_magnet_format(arena, &m), "&x.pe=[::1]:99")); // as libtorrent reads it
    assert_string_equal("udp://t:1", again.trackers[0]);
    assert_string_equal(m.info_hash, again.info_hash);
}

static void lists_and_length_are_capped(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char text[SOK_MAGNET_MAX + 64] = "magnet:?xt=urn:btih:" HEX;
    size_t len = strlen(text);
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "&tr=udp://t%d:1", i);
    struct sok_magnet m;
    assert_ok(sok_magnet_parse(arena, text, &m, NULL));
    assert_int_equal(SOK_MAGNET_LIST_MAX, m.tracker_count);
    memset(text + len, '&', sizeof(text) - len - 1);
    assert_int_equal(SOK_TOO_LARGE, sok_magnet_parse(arena, text, &m, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_hash_becomes_lower_case_hex),
        cmocka_unit_test(what_is_no_hash_is_refused),
        cmocka_unit_test(magnet_is_read_within_limits),
        cmocka_unit_test(magnet_comes_back_as_it_was_read),
        cmocka_unit_test(lists_and_length_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
