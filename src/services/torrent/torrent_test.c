// Two sessions on loopback move real bytes. Nothing here waits for a fixed time: each step polls for its
// outcome until a deadline that only a broken program reaches.
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/time.h"
#include "services/torrent/libtorrent.h"
#include "services/torrent/torrent.h"
#include "services/torrent/torrent_make.h"

#define PIECE_BYTES (128 << 10)
#define FILM_BYTES ((20 << 20) + 12345)
#define DEADLINE_MS 60000

struct swarm {
    struct sok_arena *arena;
    char root[64];
    const char *seed_dir, *leech_dir;
    unsigned char *film;
    const char *torrent;
    size_t torrent_len;
    struct sok_torrents *seeder, *leecher;
    char key[SOK_TORRENT_KEY_LEN + 1];
};

static struct sok_torrents *open_session(int64_t down_kib)
{
    struct sok_torrents_options options = {
        .listen = "127.0.0.1:0", .many_per_address = true, .down_kib = down_kib};
    struct sok_torrents *torrents;
    struct sok_error err = {0};
    assert_ok(sok_torrents_new(&options, &torrents, &err));
    return torrents;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(len, write(fd, bytes, len));
    close(fd);
}

// Bytes no two pieces of which are alike.
static unsigned char *make_film(struct sok_arena *arena)
{
    unsigned char *film = sok_alloc(arena, FILM_BYTES);
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < FILM_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        film[i] = (unsigned char)x;
    }
    return film;
}

static struct sok_torrent_status status_of(struct swarm *swarm, struct sok_torrents *torrents)
{
    struct sok_torrent_status status;
    struct sok_error err = {0};
    assert_ok(sok_torrent_status(torrents, swarm->arena, swarm->key, &status, &err));
    return status;
}

static struct sok_torrent_status wait_state(
    struct swarm *swarm, struct sok_torrents *torrents, enum sok_torrent_state state)
{
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    for (;;) {
        struct sok_torrent_status status = status_of(swarm, torrents);
        if (status.state == state)
            return status;
        if (sok_time_mono_ms() >= until)
            fail_msg(
                "state %d instead of %d: metadata %d, %lld of %lld bytes, %d peers, %s", status.state, state,
                status.has_metadata, (long long)status.done_bytes, (long long)status.size_bytes, status.peers,
                status.error ? status.error : "no error");
        sok_torrents_wait(torrents, &generation, 100);
    }
}

static void meet(struct swarm *swarm)
{
    struct sok_error err = {0};
    assert_ok(sok_torrent_connect_peer(
        swarm->leecher, swarm->key, "127.0.0.1", sok_torrents_port(swarm->seeder), &err));
}

static int set_up(void **state)
{
    struct swarm *swarm = calloc(1, sizeof(*swarm));
    assert_non_null(swarm);
    swarm->arena = sok_arena_new(0);
    (void)snprintf(swarm->root, sizeof(swarm->root), "/tmp/sokoul-torrent-XXXXXX");
    assert_non_null(mkdtemp(swarm->root));
    swarm->seed_dir = sok_format(swarm->arena, "%s/seed", swarm->root);
    swarm->leech_dir = sok_format(swarm->arena, "%s/leech", swarm->root);
    assert_int_equal(0, mkdir(swarm->seed_dir, 0755));
    swarm->film = make_film(swarm->arena);
    write_file(sok_format(swarm->arena, "%s/Film.mkv", swarm->seed_dir), swarm->film, FILM_BYTES);
    struct made_torrent make = {
        .name = "Film.mkv", .file_bytes = FILM_BYTES, .content = swarm->film, .piece_bytes = PIECE_BYTES};
    swarm->torrent = make_torrent(swarm->arena, &make, &swarm->torrent_len);
    swarm->seeder = open_session(0);
    struct sok_torrent_add add = {
        .bytes = swarm->torrent, .len = swarm->torrent_len, .save_path = swarm->seed_dir};
    struct sok_error err = {0};
    assert_ok(sok_torrent_add(swarm->seeder, &add, swarm->key, &err));
    wait_state(swarm, swarm->seeder, SOK_TORRENT_COMPLETE);
    *state = swarm;
    return 0;
}

static void remove_tree(const char *path)
{
    char command_path[256];
    (void)snprintf(command_path, sizeof(command_path), "%s/Film.mkv", path);
    (void)unlink(command_path);
    (void)rmdir(path);
}

static int tear_down(void **state)
{
    struct swarm *swarm = *state;
    sok_torrents_free(swarm->leecher);
    sok_torrents_free(swarm->seeder);
    remove_tree(swarm->seed_dir);
    remove_tree(swarm->leech_dir);
    (void)rmdir(swarm->root);
    sok_arena_free(swarm->arena);
    free(swarm);
    return 0;
}

static void leech(struct swarm *swarm, int64_t down_kib, struct sok_torrent_add add)
{
    struct sok_error err = {0};
    swarm->leecher = open_session(down_kib);
    add.save_path = swarm->leech_dir;
    if (!add.magnet) {
        add.bytes = swarm->torrent;
        add.len = swarm->torrent_len;
    }
    char key[SOK_TORRENT_KEY_LEN + 1];
    assert_ok(sok_torrent_add(swarm->leecher, &add, key, &err));
    assert_string_equal(swarm->key, key);
    if (!add.paused)
        meet(swarm);
}

static void assert_film(struct swarm *swarm, struct sok_torrents *torrents, int64_t offset, size_t len)
{
    struct sok_error err = {0};
    int fd;
    assert_ok(sok_torrent_open_file(torrents, swarm->key, 0, &fd, &err));
    unsigned char *bytes = sok_alloc(swarm->arena, len);
    assert_int_equal(len, pread(fd, bytes, len, offset));
    assert_memory_equal(swarm->film + offset, bytes, len);
    close(fd);
}

static void a_torrent_arrives_byte_for_byte(void **state)
{
    struct swarm *swarm = *state;
    leech(swarm, 0, (struct sok_torrent_add){.ends_first = true});
    struct sok_torrent_status status = wait_state(swarm, swarm->leecher, SOK_TORRENT_COMPLETE);
    assert_int_equal(FILM_BYTES, status.size_bytes);
    assert_int_equal(FILM_BYTES, status.done_bytes);
    assert_true(sok_torrent_has(swarm->leecher, swarm->key, 0, 0, FILM_BYTES));
    assert_film(swarm, swarm->leecher, 0, FILM_BYTES);
    struct sok_torrent_file *files;
    size_t count;
    struct sok_error err = {0};
    assert_ok(sok_torrent_files(swarm->leecher, swarm->arena, swarm->key, &files, &count, &err));
    assert_int_equal(1, count);
    assert_string_equal("Film.mkv", files[0].path);
    assert_int_equal(FILM_BYTES, files[0].done_bytes);
}

static void a_magnet_link_brings_metadata_then_bytes(void **state)
{
    struct swarm *swarm = *state;
    const char *magnet = sok_format(
        swarm->arena, "magnet:?xt=urn:btih:%s&dn=Film&x.pe=127.0.0.1:%d", swarm->key,
        sok_torrents_port(swarm->seeder));
    leech(swarm, 0, (struct sok_torrent_add){.magnet = magnet, .ends_first = true});
    wait_state(swarm, swarm->leecher, SOK_TORRENT_COMPLETE);
    assert_film(swarm, swarm->leecher, 0, FILM_BYTES);
}

// Waits until the range is there and fails the test when the whole torrent came first.
static void first_and_last_pieces_come_first(void **state)
{
    struct swarm *swarm = *state;
    leech(swarm, 2048, (struct sok_torrent_add){.ends_first = true});
    struct sok_error err = {0};
    int64_t tail = FILM_BYTES / 100;
    assert_ok(
        sok_torrent_wait_range(swarm->leecher, swarm->key, 0, FILM_BYTES - tail, tail, DEADLINE_MS, &err));
    assert_ok(sok_torrent_wait_range(swarm->leecher, swarm->key, 0, 0, tail, DEADLINE_MS, &err));
    assert_false(sok_torrent_has(swarm->leecher, swarm->key, 0, 0, FILM_BYTES));
    assert_true(sok_torrent_available(swarm->leecher, swarm->key, 0, 0, FILM_BYTES) < FILM_BYTES / 2);
    assert_film(swarm, swarm->leecher, FILM_BYTES - tail, (size_t)tail);
}

static void a_wanted_range_overtakes_the_rest(void **state)
{
    struct swarm *swarm = *state;
    leech(swarm, 2048, (struct sok_torrent_add){0});
    struct sok_error err = {0};
    const int64_t heads[] = {FILM_BYTES / 2, FILM_BYTES / 4 * 3, FILM_BYTES / 5};
    for (size_t i = 0; i < SOK_ARRAY_LEN(heads); i++) {
        const int64_t len = 1 << 20;
        assert_ok(sok_torrent_want(swarm->leecher, swarm->key, 0, heads[i], len, 1 << 19, 0, &err));
        assert_ok(sok_torrent_wait_range(swarm->leecher, swarm->key, 0, heads[i], len, DEADLINE_MS, &err));
        assert_film(swarm, swarm->leecher, heads[i], (size_t)len);
    }
    assert_false(sok_torrent_has(swarm->leecher, swarm->key, 0, 0, FILM_BYTES));
}

static int count_pieces(struct swarm *swarm, int64_t offset, int64_t len)
{
    int count = 0;
    for (int64_t at = offset; at < offset + len; at += PIECE_BYTES)
        count += sok_torrent_has(swarm->leecher, swarm->key, 0, at, PIECE_BYTES);
    return count;
}

// Before the first byte comes a player wants two places; what is asserted of the order has seconds to spare.
#define LEFT 0
#define NEXT (10 << 20)
#define AHEAD (2 << 20)

static void want_place(struct swarm *swarm, int64_t offset)
{
    struct sok_error err = {0};
    assert_ok(sok_torrent_want(swarm->leecher, swarm->key, 0, offset, PIECE_BYTES, AHEAD, 0, &err));
}

static void begin_paused(struct swarm *swarm)
{
    leech(swarm, 1024, (struct sok_torrent_add){.paused = true});
    wait_state(swarm, swarm->leecher, SOK_TORRENT_DOWNLOADING);
}

static void go_on_until_next(struct swarm *swarm)
{
    struct sok_error err = {0};
    assert_ok(sok_torrent_resume(swarm->leecher, swarm->key, &err));
    meet(swarm);
    assert_ok(sok_torrent_wait_range(swarm->leecher, swarm->key, 0, NEXT, AHEAD, DEADLINE_MS, &err));
}

// It comes like all the rest; without the leave the two would come side by side.
static void what_a_player_left_does_not_stand_in_the_way(void **state)
{
    struct swarm *swarm = *state;
    begin_paused(swarm);
    want_place(swarm, LEFT);
    assert_int_equal(1, sok_torrent_viewers(swarm->leecher, swarm->key));
    sok_torrent_leave(swarm->leecher, swarm->key, 0, LEFT, PIECE_BYTES + AHEAD);
    assert_int_equal(0, sok_torrent_viewers(swarm->leecher, swarm->key));
    want_place(swarm, NEXT);
    go_on_until_next(swarm);
    assert_in_range(count_pieces(swarm, LEFT, AHEAD), 0, AHEAD / PIECE_BYTES / 2);
    assert_film(swarm, swarm->leecher, NEXT, AHEAD);
}

// Two players at one place count as two.
static void where_one_of_two_stays_the_bytes_come_first(void **state)
{
    struct swarm *swarm = *state;
    begin_paused(swarm);
    want_place(swarm, LEFT);
    want_place(swarm, LEFT);
    sok_torrent_leave(swarm->leecher, swarm->key, 0, LEFT, PIECE_BYTES + AHEAD);
    sok_torrent_leave(swarm->leecher, swarm->key, 0, LEFT + PIECE_BYTES, AHEAD); // nobody's
    want_place(swarm, NEXT);
    assert_int_equal(2, sok_torrent_viewers(swarm->leecher, swarm->key));
    go_on_until_next(swarm);
    assert_in_range(count_pieces(swarm, LEFT, AHEAD / 2), AHEAD / 4 / PIECE_BYTES, AHEAD / 2 / PIECE_BYTES);
}

static void waiting_ends_with_its_deadline(void **state)
{
    struct swarm *swarm = *state;
    leech(swarm, 0, (struct sok_torrent_add){.paused = true});
    struct sok_error err = {0};
    assert_int_equal(SOK_TIMEOUT, sok_torrent_wait_range(swarm->leecher, swarm->key, 0, 0, 10, 20, &err));
    assert_int_equal(SOK_NOT_FOUND, sok_torrent_wait_range(swarm->leecher, "00", 0, 0, 10, 20, &err));
    assert_int_equal(0, sok_torrent_available(swarm->leecher, swarm->key, 0, 0, 100));
    assert_false(sok_torrent_has(swarm->leecher, swarm->key, 7, 0, 100));
}

static void *save_resume(struct swarm *swarm, size_t *ret_len)
{
    struct sok_error err = {0};
    void *bytes;
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    assert_ok(sok_torrent_request_resume(swarm->leecher, swarm->key, &err));
    while (sok_torrent_take_resume(swarm->leecher, swarm->key, &bytes, ret_len, &err) != SOK_OK) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(swarm->leecher, &generation, 100);
    }
    return bytes;
}

static void after_a_restart_only_the_rest_is_fetched(void **state)
{
    struct swarm *swarm = *state;
    leech(swarm, 8192, (struct sok_torrent_add){0});
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (status_of(swarm, swarm->leecher).done_bytes < FILM_BYTES / 3) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(swarm->leecher, &generation, 50);
    }
    size_t len;
    void *resume = save_resume(swarm, &len);
    swarm->leecher = sok_torrents_free(swarm->leecher);
    leech(swarm, 0, (struct sok_torrent_add){.resume = resume, .resume_len = len});
    struct sok_torrent_status status = wait_state(swarm, swarm->leecher, SOK_TORRENT_COMPLETE);
    assert_film(swarm, swarm->leecher, 0, FILM_BYTES);
    // What was on its way when the session ended, and what came after the resume data, is fetched again; no
    // more.
    assert_true(status.downloaded_bytes < FILM_BYTES + FILM_BYTES / 4);
    free(resume);
}

static void foreign_resume_data_is_ignored(void **state)
{
    struct swarm *swarm = *state;
    static const char *const rubbish[] = {"", "x", "d11:file-format22:libtorrent resume filee"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(rubbish); i++) {
        leech(
            swarm, 0,
            (struct sok_torrent_add){.resume = rubbish[i], .resume_len = strlen(rubbish[i]), .paused = true});
        swarm->leecher = sok_torrents_free(swarm->leecher);
    }
}

static void pause_and_resume_are_obeyed(void **state)
{
    struct swarm *swarm = *state;
    struct sok_error err = {0};
    leech(swarm, 0, (struct sok_torrent_add){.paused = true});
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    wait_state(swarm, swarm->leecher, SOK_TORRENT_DOWNLOADING);
    assert_true(status_of(swarm, swarm->leecher).paused);
    assert_ok(sok_torrent_resume(swarm->leecher, swarm->key, &err));
    meet(swarm);
    wait_state(swarm, swarm->leecher, SOK_TORRENT_COMPLETE);
    assert_ok(sok_torrent_pause(swarm->leecher, swarm->key, &err));
    while (!status_of(swarm, swarm->leecher).paused) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(swarm->leecher, &generation, 50);
    }
}

static void removing_deletes_files_and_folder(void **state)
{
    struct swarm *swarm = *state;
    struct sok_error err = {0};
    leech(swarm, 0, (struct sok_torrent_add){0});
    wait_state(swarm, swarm->leecher, SOK_TORRENT_COMPLETE);
    assert_ok(sok_torrent_remove(swarm->leecher, swarm->key, true, &err));
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (access(swarm->leech_dir, F_OK) == 0) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(swarm->leecher, &generation, 50);
    }
    assert_int_equal(SOK_NOT_FOUND, sok_torrent_pause(swarm->leecher, swarm->key, &err));
}

// A hostile seeder: its metadata is valid for its hash, and its content a trap. Our own sessions refuse to
// seed such a thing, so libtorrent is driven directly.
static void hostile_metadata_is_refused_before_payload(void **state)
{
    struct swarm *swarm = *state;
    struct sok_error err = {0};
    const char *list[] = {"Film.mkv", "Film.2024.mp4.exe", NULL};
    struct made_torrent make = {
        .name = "Trap",
        .paths = list,
        .file_bytes = PIECE_BYTES,
        .content = swarm->film,
        .piece_bytes = PIECE_BYTES};
    size_t len, unused;
    const char *torrent = make_torrent(swarm->arena, &make, &len);
    assert_int_equal(0, mkdir(sok_format(swarm->arena, "%s/Trap", swarm->seed_dir), 0755));
    const char *film = sok_format(swarm->arena, "%s/Trap/Film.mkv", swarm->seed_dir);
    const char *trap = sok_format(swarm->arena, "%s/Trap/Film.2024.mp4.exe", swarm->seed_dir);
    write_file(film, swarm->film, PIECE_BYTES);
    write_file(trap, swarm->film + PIECE_BYTES, PIECE_BYTES);
    struct sok_torrents_options options = {.listen = "127.0.0.1:0", .many_per_address = true};
    struct sok_torrent_add add = {.bytes = torrent, .len = len, .save_path = swarm->seed_dir};
    struct sok_lt_session *seeder;
    struct sok_lt_params *params;
    struct sok_lt_torrent *seeding;
    const void *copy;
    const bool wanted[] = {true, true};
    assert_ok(sok_lt_open(&options, &seeder, &err));
    assert_ok(sok_lt_prepare(swarm->arena, &add, &params, swarm->key, &copy, &unused, &err));
    assert_ok(sok_lt_add(seeder, params, wanted, 2, 1, &seeding, &err));
    const char *magnet =
        sok_format(swarm->arena, "magnet:?xt=urn:btih:%s&x.pe=127.0.0.1:%d", swarm->key, sok_lt_port(seeder));
    leech(swarm, 0, (struct sok_torrent_add){.magnet = magnet});
    struct sok_torrent_status status = wait_state(swarm, swarm->leecher, SOK_TORRENT_FAILED);
    assert_int_equal(SOK_INVALID, status.error_status);
    assert_non_null(strstr(status.error, "poses"));
    assert_int_equal(SOK_CONFLICT, sok_torrent_resume(swarm->leecher, swarm->key, &err));
    assert_int_equal(-1, access(swarm->leech_dir, F_OK));
    add.save_path = swarm->leech_dir;
    assert_int_equal(SOK_INVALID, sok_torrent_add(swarm->leecher, &add, swarm->key, &err));
    assert_string_equal("torrent_refused", err.code);
    sok_lt_torrent_free(seeding);
    sok_lt_params_free(params);
    sok_lt_close(seeder);
    (void)unlink(film);
    (void)unlink(trap);
    (void)rmdir(sok_format(swarm->arena, "%s/Trap", swarm->seed_dir));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_torrent_arrives_byte_for_byte),
        TEST(a_magnet_link_brings_metadata_then_bytes),
        TEST(first_and_last_pieces_come_first),
        TEST(a_wanted_range_overtakes_the_rest),
        TEST(what_a_player_left_does_not_stand_in_the_way),
        TEST(where_one_of_two_stays_the_bytes_come_first),
        TEST(waiting_ends_with_its_deadline),
        TEST(after_a_restart_only_the_rest_is_fetched),
        TEST(foreign_resume_data_is_ignored),
        TEST(pause_and_resume_are_obeyed),
        TEST(removing_deletes_files_and_folder),
        TEST(hostile_metadata_is_refused_before_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
