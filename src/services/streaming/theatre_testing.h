// For tests: a film that arrives, slowed down, from a seeder on loopback.
#ifndef SOK_SERVICES_STREAMING_THEATRE_TESTING_H
#define SOK_SERVICES_STREAMING_THEATRE_TESTING_H

#include "backends/queue/queue.h"
#include "base/time.h"
#include "data/downloads.h"
#include "services/library/library_world.h"
#include "services/streaming/play_client.h"
#include "services/streaming/play_server.h"
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
    // Where another process downloads: what carries its letters, and its and this process's ends.
    struct sok_queue *queue;
    struct sok_play_server *server;
    struct sok_play_client *client;
    struct sok_streaming *streaming;
    const char *media_id;
    struct sok_download download;
};

static inline SOK_UNUSED struct sok_torrents *open_session(int64_t down_kib)
{
    struct sok_torrents_options options = {
        .listen = "127.0.0.1:0", .many_per_address = true, .down_kib = down_kib};
    struct sok_torrents *torrents;
    assert_ok(sok_torrents_new(&options, &torrents, NULL));
    return torrents;
}

static inline SOK_UNUSED enum sok_status write_rows(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct theatre *theatre = context;
    SOK_TRY(world_write_user(tx, NULL, err));
    SOK_TRY(sok_downloads_insert(tx, &theatre->download, err));
    struct sok_download_file file = {
        .download_id = DOWNLOAD, .path = "Film.mkv", .size_bytes = FILM_BYTES, .wanted = true};
    return sok_download_files_replace(tx, DOWNLOAD, &file, 1, err);
}

// `is_elsewhere`: the leecher is another process's; all that is shared is a queue, here an embedded one.
static inline SOK_UNUSED void theatre_open_at(struct theatre *theatre, int64_t down_kib, bool is_elsewhere)
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
    if (is_elsewhere) {
        assert_ok(sok_queue_open("embedded:", &theatre->queue, NULL));
        assert_ok(sok_play_server_start(theatre->queue, theatre->leecher, &theatre->server, NULL));
        assert_ok(sok_play_client_new(theatre->queue, &theatre->client, NULL));
    }
    struct sok_streaming_options options = {
        .db = theatre->world.db,
        .clock = &theatre->world.clock.clock,
        .library = theatre->world.library,
        .torrents = is_elsewhere ? NULL : theatre->leecher,
        .others = theatre->client,
        .data_dir = test_path(&theatre->world.dir, "data")};
    assert_ok(sok_streaming_open(&options, &theatre->streaming, NULL));
}

static inline SOK_UNUSED void theatre_open(struct theatre *theatre, int64_t down_kib)
{
    theatre_open_at(theatre, down_kib, false);
}

static inline SOK_UNUSED void theatre_close(struct theatre *theatre)
{
    sok_play_server_stop(theatre->server);
    sok_queue_close(theatre->queue);
    sok_streaming_close(theatre->streaming);
    sok_play_client_free(theatre->client);
    sok_play_server_free(theatre->server);
    sok_torrents_free(theatre->leecher);
    sok_torrents_free(theatre->seeder);
    world_close(&theatre->world);
}
#define THEATRE_AUTO SOK_CLEANUP(theatre_close) struct theatre

// Waits for the download to be a source, and makes a stream of it.
static inline SOK_UNUSED void make_stream(struct theatre *theatre, struct sok_stream_grant *ret)
{
    struct sok_stream_source *sources;
    size_t count = 0;
    const char *url;
    uint64_t generation = 0;
    for (int64_t until = sok_time_mono_ms() + DEADLINE_MS; count == 0;) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(theatre->leecher, &generation, 50);
        assert_ok(sok_streaming_sources(
            theatre->streaming, theatre->world.arena, theatre->media_id, USER, true, &sources, &count, NULL));
    }
    assert_int_equal(1, count);
    assert_int_equal(SOK_STREAM_DOWNLOAD, sources[0].kind);
    assert_int_equal(FILM_BYTES, sources[0].size_bytes);
    assert_string_equal("video/x-matroska", sources[0].mime_type);
    assert_ok(sok_streaming_grant(
        theatre->streaming, theatre->world.arena, &sources[0], USER, "", "127.0.0.1", ret, &url, NULL));
}

static inline SOK_UNUSED void read_and_compare(
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

static inline SOK_UNUSED enum sok_status write_import(
    struct sok_db_tx *tx, void *context, struct sok_error *err)
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

#endif
