// A film is played while it arrives: a seeder and a leecher on loopback, the leecher slowed down.
#include "services/streaming/theatre_testing.h"

static void film_is_played_byte_for_byte_while_it_arrives(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 512);
    struct sok_stream_grant grant;
    struct sok_byte_source source;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, false, &source, NULL));
    assert_int_equal(-1, source.fd);
    assert_int_equal(FILM_BYTES, source.size_bytes);
    read_and_compare(&theatre, &source, FILM_BYTES - 5000, 5000); // what players look at first
    read_and_compare(&theatre, &source, FILM_BYTES / 2, 300000);
    assert_false(sok_torrent_has(theatre.leecher, theatre.key, 0, 0, FILM_BYTES));
    sok_torrents_set_limits(theatre.leecher, 0, 0);
    read_and_compare(&theatre, &source, 0, FILM_BYTES);
    assert_int_equal(-1, source.read(source.context, FILM_BYTES, (char[1]){0}, 1));
    assert_int_equal(
        1, sok_torrent_viewers(theatre.leecher, theatre.key)); // it jumped, and is one all the same
    source.close(source.context);
    assert_int_equal(0, sok_torrent_viewers(theatre.leecher, theatre.key));
}

static void downloads_of_others_are_no_source(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 0);
    struct sok_stream_grant grant;
    struct sok_stream_source *sources;
    size_t count;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_sources(
        theatre.streaming, theatre.world.arena, theatre.media_id, OTHER_USER, false, &sources, &count, NULL));
    assert_int_equal(0, count);
}

static void stream_goes_on_when_the_download_has_become_a_file(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 256);
    struct sok_stream_grant grant;
    struct sok_byte_source source, again;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, false, &source, NULL));
    assert_int_equal(-1, source.fd);
    read_and_compare(&theatre, &source, 0, 100000);
    // The import, and the torrent's end, in the middle of the film.
    test_write(&theatre.world.dir, "library/Film.mkv", theatre.film, FILM_BYTES);
    assert_ok(sok_db_write(theatre.world.db, write_import, &theatre, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    read_and_compare(&theatre, &source, 100000, FILM_BYTES - 100000);
    source.close(source.context);
    // The same link, asked again: now a complete file with the same tag.
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, false, &again, NULL));
    assert_true(again.fd >= 0);
    assert_string_equal(source.etag, again.etag);
    close(again.fd);
}

static void download_that_is_gone_ends_the_stream(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 256);
    struct sok_stream_grant grant;
    struct sok_byte_source source;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, false, &source, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    ssize_t count = 0;
    char byte;
    for (int64_t until = sok_time_mono_ms() + DEADLINE_MS; count == 0 && sok_time_mono_ms() < until;)
        count = source.read(source.context, FILM_BYTES / 2, &byte, 1);
    assert_int_equal(-1, count);
    source.close(source.context);
    assert_int_equal(
        SOK_NOT_FOUND,
        sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, false, &source, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_is_played_byte_for_byte_while_it_arrives),
        cmocka_unit_test(downloads_of_others_are_no_source),
        cmocka_unit_test(stream_goes_on_when_the_download_has_become_a_file),
        cmocka_unit_test(download_that_is_gone_ends_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
