// A film is played by a process that does not download it, and what its letters may hold.
#include <stdatomic.h>
#include <string.h>

#include "services/streaming/play_letter.h"
#include "services/streaming/theatre_testing.h"

static void open_source(struct theatre *theatre, struct sok_byte_source *ret)
{
    struct sok_stream_grant grant;
    make_stream(theatre, &grant);
    assert_int_equal(
        SOK_TIMEOUT, sok_streaming_bytes(theatre->streaming, theatre->world.arena, &grant, false, ret, NULL));
    assert_ok(sok_streaming_bytes(theatre->streaming, theatre->world.arena, &grant, true, ret, NULL));
    assert_int_equal(-1, ret->fd);
    assert_int_equal(FILM_BYTES, ret->size_bytes);
    assert_string_equal("video/x-matroska", ret->content_type);
}

static void wait_viewers(struct theatre *theatre, size_t count)
{
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    while (sok_play_server_viewers(theatre->server) != count)
        assert_true(sok_time_mono_ms() < until);
}

static void film_of_another_process_is_played_byte_for_byte(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open_at(&theatre, 512, true);
    struct sok_byte_source first, second;
    open_source(&theatre, &first);
    open_source(&theatre, &second);
    read_and_compare(&theatre, &first, FILM_BYTES - 5000, 5000); // what players look at first
    read_and_compare(&theatre, &second, FILM_BYTES / 2, 300000);
    read_and_compare(&theatre, &first, 0, 200000);
    assert_false(sok_torrent_has(theatre.leecher, theatre.key, 0, 0, FILM_BYTES));
    assert_int_equal(2, sok_play_server_viewers(theatre.server));
    second.close(second.context); // in the middle, with a question out
    wait_viewers(&theatre, 1);
    sok_torrents_set_limits(theatre.leecher, 0, 0);
    read_and_compare(&theatre, &first, 0, FILM_BYTES);
    assert_int_equal(-1, first.read(first.context, FILM_BYTES, (char[1]){0}, 1));
    assert_int_equal(1, sok_torrent_viewers(theatre.leecher, theatre.key));
    first.close(first.context);
    wait_viewers(&theatre, 0);
    assert_int_equal(0, sok_torrent_viewers(theatre.leecher, theatre.key));
}

static void stream_goes_on_in_the_library(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open_at(&theatre, 256, true);
    struct sok_byte_source source;
    open_source(&theatre, &source);
    read_and_compare(&theatre, &source, 0, 100000);
    test_write(&theatre.world.dir, "library/Film.mkv", theatre.film, FILM_BYTES);
    assert_ok(sok_db_write(theatre.world.db, write_import, &theatre, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    read_and_compare(&theatre, &source, 100000, FILM_BYTES - 100000);
    source.close(source.context);
}

static enum sok_status write_end(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_downloads_set_status(tx, DOWNLOAD, "cancelled", NULL, 2, err);
}

// Reads where nothing is yet until the answer is not "later".
static ssize_t read_to_the_end(const struct sok_byte_source *source)
{
    ssize_t count = 0;
    char byte;
    for (int64_t until = sok_time_mono_ms() + DEADLINE_MS; count == 0 && sok_time_mono_ms() < until;)
        count = source->read(source->context, FILM_BYTES / 2, &byte, 1);
    return count;
}

static void download_that_is_cancelled_ends_the_stream(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open_at(&theatre, 256, true);
    struct sok_byte_source source;
    open_source(&theatre, &source);
    assert_ok(sok_db_write(theatre.world.db, write_end, &theatre, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    assert_int_equal(-1, read_to_the_end(&source));
    source.close(source.context);
}

static void silent_hunter_is_said_to_be_away_and_the_next_one_goes_on(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open_at(&theatre, 256, true);
    struct sok_byte_source source, other;
    struct sok_stream_grant grant;
    struct sok_error err = {0};
    open_source(&theatre, &source);
    make_stream(&theatre, &grant);
    read_and_compare(&theatre, &source, 0, 1000);
    sok_play_server_stop(theatre.server);
    assert_int_equal(
        SOK_UNAVAILABLE,
        sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, true, &other, &err));
    assert_string_equal("hunter_away", err.code);
    assert_true(err.retry_after_s > 0);
    int64_t began = sok_time_mono_ms(); // once nobody has answered nobody is asked for a while
    for (int i = 0; i < 50; i++)
        assert_int_equal(
            SOK_UNAVAILABLE,
            sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, true, &other, NULL));
    assert_true(sok_time_mono_ms() - began < (int64_t)25 * SOK_PLAY_LOOK_TIMEOUT_MS);
    char byte;
    assert_int_equal(0, source.read(source.context, FILM_BYTES / 2, &byte, 1));
    struct sok_play_server *next;
    assert_ok(sok_play_server_start(theatre.queue, theatre.leecher, &next, NULL));
    read_and_compare(&theatre, &source, FILM_BYTES / 2, 200000);
    source.close(source.context);
    sok_play_server_stop(next);
    theatre.queue = sok_queue_close(theatre.queue);
    sok_play_server_free(next);
}

// --- Letters.

static const struct sok_play_ask read_ask = {
    .kind = SOK_PLAY_READ,
    .id = 0x0123456789abcdef,
    .viewer = 0xfedcba9876543210,
    .from = "play.01970000-0000-7000-8000-0000000000dd",
    .key = "00112233445566778899aabbccddeeff00112233",
    .file = 7,
    .offset = (int64_t)5 << 40,
    .len = 128 << 10,
    .wait_ms = 1500};

static void questions_come_back_as_they_were_written(void **state)
{
    unsigned char letter[SOK_PLAY_ASK_BYTES];
    struct sok_play_ask ask;
    sok_play_format_ask(&read_ask, letter);
    assert_true(sok_play_parse_ask(letter, sizeof letter, &ask));
    assert_memory_equal(&read_ask, &ask, sizeof ask);
    assert_false(sok_play_parse_ask(letter, sizeof letter - 1, &ask));
}

static void impossible_questions_are_no_questions(void **state)
{
    struct sok_play_ask wrong[] = {read_ask, read_ask, read_ask, read_ask,
                                   read_ask, read_ask, read_ask, read_ask};
    unsigned char letter[SOK_PLAY_ASK_BYTES];
    struct sok_play_ask ask;
    wrong[0].kind = 0;
    wrong[1].kind = 4;
    memcpy(wrong[2].from, "EVENTS.>", 8); // another's subject
    wrong[3].key[0] = 'A';
    wrong[4].file = SOK_PLAY_FILES_MAX;
    wrong[5].offset = -1;
    wrong[6].len = SOK_PLAY_CHUNK_BYTES + 1;
    wrong[7].wait_ms = SOK_PLAY_WAIT_MAX_MS + 1;
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        sok_play_format_ask(&wrong[i], letter);
        assert_false(sok_play_parse_ask(letter, sizeof letter, &ask));
    }
}

static void answers_come_back_as_they_were_written(void **state)
{
    unsigned char letter[SOK_PLAY_ANSWER_HEAD_BYTES + 5];
    struct sok_play_answer wrote = {
        .id = 9, .state = SOK_PLAY_HERE, .size_bytes = 1 << 20, .done_bytes = 5, .there_bytes = 4, .len = 5};
    struct sok_play_answer answer;
    memcpy(wrote.hunter, read_ask.from, sizeof wrote.hunter);
    sok_play_format_answer(&wrote, letter);
    memcpy(letter + SOK_PLAY_ANSWER_HEAD_BYTES, "bytes", 5);
    assert_true(sok_play_parse_answer(letter, sizeof letter, &answer));
    assert_int_equal(9, answer.id);
    assert_string_equal(read_ask.from, answer.hunter);
    assert_int_equal(1 << 20, answer.size_bytes);
    assert_int_equal(5, answer.len);
    assert_memory_equal("bytes", answer.bytes, 5);
    assert_false(sok_play_parse_answer(letter, sizeof letter - 1, &answer)); // more announced than there is
    wrote.done_bytes = wrote.size_bytes + 1;
    sok_play_format_answer(&wrote, letter);
    assert_false(sok_play_parse_answer(letter, sizeof letter, &answer));
}

// Garbage, answers to nothing, and questions for what is not there leave no trace and disturb nobody.
static void garbled_letters_are_ignored(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open_at(&theatre, 512, true);
    struct sok_byte_source source;
    unsigned char letter[SOK_PLAY_ASK_BYTES + 8];
    open_source(&theatre, &source);
    read_and_compare(&theatre, &source, 0, 1000);
    for (int i = 0; i < 5000; i++) {
        struct sok_play_ask ask = read_ask;
        ask.viewer = (uint64_t)i;
        sok_play_format_ask(&ask, letter);
        if (i % 2)
            sok_random_bytes(letter + sok_random_below(SOK_PLAY_ASK_BYTES), 1 + sok_random_below(8));
        assert_ok(sok_queue_send(
            theatre.queue, SOK_PLAY_EVERYBODY, letter, sok_random_below(4) ? SOK_PLAY_ASK_BYTES : 17, NULL));
    }
    read_and_compare(&theatre, &source, FILM_BYTES - 300000, 300000);
    assert_in_range(sok_play_server_viewers(theatre.server), 1, SOK_PLAY_VIEWERS_MAX);
    source.close(source.context);
    wait_viewers(&theatre, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_of_another_process_is_played_byte_for_byte),
        cmocka_unit_test(stream_goes_on_in_the_library),
        cmocka_unit_test(download_that_is_cancelled_ends_the_stream),
        cmocka_unit_test(silent_hunter_is_said_to_be_away_and_the_next_one_goes_on),
        cmocka_unit_test(questions_come_back_as_they_were_written),
        cmocka_unit_test(impossible_questions_are_no_questions),
        cmocka_unit_test(answers_come_back_as_they_were_written),
        cmocka_unit_test(garbled_letters_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
