// A film is played while it arrives: a seeder and a leecher on loopback, the leecher slowed down.
#include "base/time.h"
#include "data/downloads.h"
#include "services/library/library_world.h"
#include "services/streaming/stream.h"
#include "services/torrent/torrent.h"
#include "services/torrent/torrent_make.h"

#define USER WORLD_USER
#define OTHER_USER "01970000-0000-7000-8000-0000000000ab"
#define DOWNLOAD "01970000-0000-7000-8000-0000000000dd"
#define FILM_BYTES ((12 << 20) + 4321)
#define PIECE_BYTES (128 << 10)
#define DEADLINE_MS 60000

struct theatre {
    struct world world;
    unsigned char *film;
    const char *torrent;
    size_t torrent_len;
    struct sok_torrents *seeder, *leecher;
    char key[SOK_TORRENT_KEY_LEN + 1];
    struct sok_streaming *streaming;
    const char *media_id;
    struct sok_download download;
};

static struct sok_torrents *open_session(int64_t down_kib)
{
    struct sok_torrents_options options = {
        .listen = "127.0.0.1:0", .many_per_address = true, .down_kib = down_kib};
    struct sok_torrents *torrents;
    assert_ok(sok_torrents_new(&options, &torrents, NULL));
    return torrents;
}

static enum sok_status write_rows(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct theatre *theatre = context;
    SOK_TRY(world_write_user(tx, NULL, err));
    SOK_TRY(sok_downloads_insert(tx, &theatre->download, err));
    struct sok_download_file file = {
        .download_id = DOWNLOAD, .path = "Film.mkv", .size_bytes = FILM_BYTES, .wanted = true};
    return sok_download_files_replace(tx, DOWNLOAD, &file, 1, err);
}

static void theatre_open(struct theatre *theatre, int64_t down_kib)
{
    *theatre = (struct theatre){0};
    world_open(&theatre->world);
    struct sok_arena *arena = theatre->world.arena;
    theatre->film = sok_alloc(arena, FILM_BYTES);
    sok_random_bytes(theatre->film, FILM_BYTES);
    test_write(&theatre->world.dir, "seed/Film.mkv", theatre->film, FILM_BYTES);
    struct made_torrent make = {
        .name = "Film.mkv", .file_bytes = FILM_BYTES, .content = theatre->film, .piece_bytes = PIECE_BYTES};
    theatre->torrent = make_torrent(arena, &make, &theatre->torrent_len);
    theatre->seeder = open_session(0);
    theatre->leecher = open_session(down_kib);
    struct sok_torrent_add add = {
        .bytes = theatre->torrent,
        .len = theatre->torrent_len,
        .save_path = sok_strdup(arena, test_path(&theatre->world.dir, "seed"))};
    assert_ok(sok_torrent_add(theatre->seeder, &add, theatre->key, NULL));
    add.save_path = sok_strdup(arena, test_path(&theatre->world.dir, "down"));
    add.ends_first = true;
    assert_ok(sok_torrent_add(theatre->leecher, &add, theatre->key, NULL));
    assert_ok(sok_torrent_connect_peer(
        theatre->leecher, theatre->key, "127.0.0.1", sok_torrents_port(theatre->seeder), NULL));
    theatre->media_id = world_add_media(&theatre->world, "movie", "Film", 2019, NULL, -1, -1);
    theatre->download = (struct sok_download){
        .id = DOWNLOAD,
        .user_id = USER,
        .media_id = theatre->media_id,
        .title = "Film.mkv",
        .info_hash = theatre->key,
        .wanted = "run",
        .status = "downloading",
        .eta_seconds = -1,
        .created_at = 1,
        .updated_at = 1};
    assert_ok(sok_db_write(theatre->world.db, write_rows, theatre, NULL));
    struct sok_streaming_options options = {
        .db = theatre->world.db,
        .clock = &theatre->world.clock.clock,
        .library = theatre->world.library,
        .torrents = theatre->leecher,
        .data_dir = test_path(&theatre->world.dir, "data")};
    assert_ok(sok_streaming_open(&options, &theatre->streaming, NULL));
}

static void theatre_close(struct theatre *theatre)
{
    sok_streaming_close(theatre->streaming);
    sok_torrents_free(theatre->leecher);
    sok_torrents_free(theatre->seeder);
    world_close(&theatre->world);
}
#define THEATRE_AUTO SOK_CLEANUP(theatre_close) struct theatre

// Waits for the download to be a source, and makes a stream of it.
static void make_stream(struct theatre *theatre, struct sok_stream_grant *ret)
{
    struct sok_stream_source *sources;
    size_t count = 0;
    const char *url;
    uint64_t generation = 0;
    for (int64_t until = sok_time_mono_ms() + DEADLINE_MS; count == 0;) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(theatre->leecher, &generation, 50);
        assert_ok(sok_streaming_sources(
            theatre->streaming, theatre->world.arena, theatre->media_id, USER, &sources, &count, NULL));
    }
    assert_int_equal(1, count);
    assert_int_equal(SOK_STREAM_DOWNLOAD, sources[0].kind);
    assert_int_equal(FILM_BYTES, sources[0].size_bytes);
    assert_string_equal("video/x-matroska", sources[0].mime_type);
    assert_ok(sok_streaming_grant(
        theatre->streaming, theatre->world.arena, &sources[0], USER, "", "127.0.0.1", ret, &url, NULL));
}

static void read_and_compare(
    struct theatre *theatre, const struct sok_byte_source *source, int64_t offset, size_t len)
{
    static char buf[64 << 10];
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    for (size_t done = 0; done < len;) {
        size_t max = len - done < sizeof buf ? len - done : sizeof buf;
        ssize_t count = source->read(source->context, offset + (int64_t)done, buf, max);
        assert_true(count >= 0);
        assert_true(sok_time_mono_ms() < until);
        assert_memory_equal(theatre->film + offset + done, buf, (size_t)count);
        done += (size_t)count;
    }
}

static void film_is_played_byte_for_byte_while_it_arrives(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 512);
    struct sok_stream_grant grant;
    struct sok_byte_source source;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, &source, NULL));
    assert_int_equal(-1, source.fd);
    assert_int_equal(FILM_BYTES, source.size_bytes);
    read_and_compare(&theatre, &source, FILM_BYTES - 5000, 5000); // what players look at first
    read_and_compare(&theatre, &source, FILM_BYTES / 2, 300000);
    assert_false(sok_torrent_has(theatre.leecher, theatre.key, 0, 0, FILM_BYTES));
    sok_torrents_set_limits(theatre.leecher, 0, 0);
    read_and_compare(&theatre, &source, 0, FILM_BYTES);
    assert_int_equal(-1, source.read(source.context, FILM_BYTES, (char[1]){0}, 1));
    source.close(source.context);
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
        theatre.streaming, theatre.world.arena, theatre.media_id, OTHER_USER, &sources, &count, NULL));
    assert_int_equal(0, count);
}

static enum sok_status write_import(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct theatre *theatre = context;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *path = sok_format(arena, "%s/Film.mkv", sok_library_root(theatre->world.library, 0)), *id;
    struct sok_media_file file = {
        .id = "01970000-0000-7000-8000-0000000000ff",
        .media_id = theatre->media_id,
        .file_path = path,
        .file_size = FILM_BYTES,
        .source = "torrent",
        .audio_tracks = "[]",
        .subtitle_tracks = "[]",
        .downloaded_at = 1,
        .updated_at = 1};
    SOK_TRY(sok_media_files_upsert(tx, arena, &file, &id, err));
    return sok_download_files_set_imported(tx, DOWNLOAD, 0, theatre->media_id, path, err);
}

static void stream_goes_on_when_the_download_has_become_a_file(void **state)
{
    THEATRE_AUTO theatre;
    theatre_open(&theatre, 256);
    struct sok_stream_grant grant;
    struct sok_byte_source source, again;
    make_stream(&theatre, &grant);
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, &source, NULL));
    assert_int_equal(-1, source.fd);
    read_and_compare(&theatre, &source, 0, 100000);
    // The import, and the torrent's end, in the middle of the film.
    test_write(&theatre.world.dir, "library/Film.mkv", theatre.film, FILM_BYTES);
    assert_ok(sok_db_write(theatre.world.db, write_import, &theatre, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    read_and_compare(&theatre, &source, 100000, FILM_BYTES - 100000);
    source.close(source.context);
    // The same link, asked again: now a complete file with the same tag.
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, &again, NULL));
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
    assert_ok(sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, &source, NULL));
    assert_ok(sok_torrent_remove(theatre.leecher, theatre.key, true, NULL));
    ssize_t count = 0;
    char byte;
    for (int64_t until = sok_time_mono_ms() + DEADLINE_MS; count == 0 && sok_time_mono_ms() < until;)
        count = source.read(source.context, FILM_BYTES / 2, &byte, 1);
    assert_int_equal(-1, count);
    source.close(source.context);
    assert_int_equal(
        SOK_NOT_FOUND, sok_streaming_bytes(theatre.streaming, theatre.world.arena, &grant, &source, NULL));
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
