// The hunter with a real database, queue, session, library and a seeder on loopback. Each step polls for its
// outcome until a deadline that only a broken program reaches.
#include "services/library/library_testing.h"

#include "backends/queue/queue.h"
#include "base/text.h"
#include "base/time.h"
#include "data/leftovers.h"
#include "data/media_files.h"
#include "data/tasks.h"
#include "data/test_db.h"
#include "services/library/library.h"
#include "services/torrent/torrent.h"
#include "services/torrent/torrent_make.h"
#include "workers/hunter-private.h"

#define DEADLINE_MS 30000
#define PIECE_BYTES 16384
#define DOWNLOAD_ID "01970000-0000-7000-8000-000000000001"
#define SECOND_ID "01970000-0000-7000-8000-000000000002"

struct world {
    struct sok_test_db db;
    struct sok_config config;
    struct sok_worker_env env;
    struct sok_torrents *seeder;
    struct sok_hunter *hunter;
    const char *film_path, *magnet;
    char *film;
    size_t film_len;
    char key[SOK_TORRENT_KEY_LEN + 1];
};

#define FILM "Paper.Lantern.2019.240p.mkv"

static void read_film(struct world *world)
{
    FILE *file = fopen(world->film_path, "r");
    assert_non_null(file);
    world->film = sok_alloc(world->db.arena, 4 << 20);
    world->film_len = fread(world->film, 1, 4 << 20, file);
    (void)fclose(file);
}

static void seed(struct world *world)
{
    struct sok_torrents_options options = {.listen = "127.0.0.1:0"};
    struct made_torrent make = {
        .name = FILM,
        .file_bytes = (int64_t)world->film_len,
        .content = (unsigned char *)world->film,
        .piece_bytes = PIECE_BYTES};
    struct sok_torrent_add add = {.save_path = sok_format(world->db.arena, "%s/seed", world->db.dir.path)};
    struct sok_error err = {0};
    add.bytes = make_torrent(world->db.arena, &make, &add.len);
    assert_ok(sok_torrents_new(&options, &world->seeder, &err));
    assert_ok(sok_torrent_add(world->seeder, &add, world->key, &err));
    world->magnet = sok_format(
        world->db.arena, "magnet:?xt=urn:btih:%s&dn=%s&x.pe=127.0.0.1:%d", world->key, FILM,
        sok_torrents_port(world->seeder));
}

static void open_session(struct world *world)
{
    struct sok_torrents_options options = {
        .listen = "127.0.0.1:0", .down_kib = world->config.torrent_down_kib};
    struct sok_error err = {0};
    assert_ok(sok_torrents_new(&options, &world->env.torrents, &err));
    assert_ok(sok_queue_open("embedded:", &world->env.queue, &err));
    assert_ok(sok_hunter_start(&world->env, &world->hunter, &err));
}

static void close_session(struct world *world)
{
    if (world->env.queue)
        sok_queue_stop(world->env.queue);
    world->hunter = sok_hunter_stop(world->hunter);
    world->env.queue = sok_queue_close(world->env.queue);
    world->env.torrents = sok_torrents_free(world->env.torrents);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    sok_test_db_open(&world->db, "");
    sok_test_db_add_user(&world->db, "ann", "user");
    const char *root = world->db.dir.path;
    struct test_dir dir;
    memcpy(dir.path, root, sizeof(dir.path));
    test_make_film(&dir, "seed/" FILM, NULL);
    world->film_path = sok_format(world->db.arena, "%s/seed/" FILM, root);
    read_film(world);
    world->config = (struct sok_config){
        .data_dir = root,
        .download_dir = sok_format(world->db.arena, "%s/downloads", root),
        .queue_url = "embedded:",
        .torrent_max_active = 10,
        .seed_hours = 24};
    assert_int_equal(0, mkdir(world->config.download_dir, 0755));
    world->env = (struct sok_worker_env){
        .config = &world->config, .clock = &sok_clock_system, .db = world->db.db, .owner = "test"};
    struct sok_error err = {0};
    struct sok_library_options library = {
        .db = world->db.db,
        .clock = &sok_clock_system,
        .library_dirs = sok_format(world->db.arena, "%s/library", root),
        .probe_program = test_program()};
    assert_ok(sok_library_open(&library, &world->env.library, &err));
    seed(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    close_session(world);
    sok_torrents_free(world->seeder);
    sok_library_close(world->env.library);
    sok_test_db_close(&world->db);
    free(world);
    return 0;
}

static enum sok_status write_film(
    struct sok_db_tx *tx, const struct world *world, const char *id, const char *user_id,
    struct sok_error *err)
{
    struct sok_download row = {
        .id = id,
        .user_id = user_id,
        .title = FILM,
        .info_hash = world->key,
        .magnet_link = world->magnet,
        .wanted = "run",
        .status = "queued",
        .eta_seconds = -1,
        .created_at = 1,
        .updated_at = 1};
    struct sok_task task = {
        .id = id, .task_type = "download", .user_id = user_id, .created_at = 1, .updated_at = 1};
    SOK_TRY(sok_downloads_insert(tx, &row, err));
    return sok_tasks_insert(tx, &task, err);
}

static enum sok_status write_download(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return write_film(tx, context, DOWNLOAD_ID, "ann", err);
}

static enum sok_status write_for_bob(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return write_film(tx, context, SECOND_ID, "bob", err);
}

static void start_download(struct world *world)
{
    struct sok_error err = {0};
    assert_ok(sok_db_write(world->db.db, write_download, world, &err));
    sok_queue_publish(world->env.queue, SOK_JOB_DOWNLOAD, DOWNLOAD_ID);
}

static struct sok_download find_row(struct world *world)
{
    struct sok_download row;
    struct sok_error err = {0};
    assert_ok(sok_downloads_find(world->db.reader, world->db.arena, DOWNLOAD_ID, &row, &err));
    return row;
}

static struct sok_download wait_status(struct world *world, const char *status)
{
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    for (;;) {
        struct sok_download row = find_row(world);
        if (sok_text_eq(row.status, status))
            return row;
        if (sok_time_mono_ms() > until)
            fail_msg("%s instead of %s: %s", row.status, status, row.error ? row.error : "no error");
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
}

struct wish {
    const char *wanted;
    bool delete_files;
};

static enum sok_status write_wish(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const struct wish *wish = context;
    return sok_downloads_set_wanted(tx, DOWNLOAD_ID, wish->wanted, wish->delete_files, 2, err);
}

static void want(struct world *world, const char *wanted, bool delete_files)
{
    struct wish wish = {wanted, delete_files};
    struct sok_error err = {0};
    assert_ok(sok_db_write(world->db.db, write_wish, &wish, &err));
    sok_queue_publish_event(
        world->env.queue, &(struct sok_event){.subject = "command.download", .user_id = "", .json = "{}"});
}

static const char *task_status(struct world *world)
{
    struct sok_task task;
    struct sok_error err = {0};
    assert_ok(sok_tasks_find(world->db.reader, world->db.arena, DOWNLOAD_ID, &task, &err));
    return task.status;
}

static void assert_in_library(struct world *world)
{
    struct sok_media_file *files;
    size_t count;
    struct sok_error err = {0};
    assert_ok(
        sok_media_files_list_download(world->db.reader, world->db.arena, DOWNLOAD_ID, &files, &count, &err));
    assert_int_equal(1, count);
    FILE *file = fopen(files[0].file_path, "r");
    assert_non_null(file);
    char *bytes = sok_alloc(world->db.arena, world->film_len);
    assert_int_equal(world->film_len, fread(bytes, 1, world->film_len, file));
    (void)fclose(file);
    assert_memory_equal(world->film, bytes, world->film_len);
    assert_non_null(strstr(files[0].file_path, "/library/Movies/Paper Lantern (2019)/"));
}

static bool is_in_download_dir(struct world *world)
{
    return access(sok_format(world->db.arena, "%s/%s", world->config.download_dir, world->key), F_OK) == 0;
}

static void a_magnet_ends_in_the_library_and_seeds(void **state)
{
    struct world *world = *state;
    open_session(world);
    start_download(world);
    struct sok_download row = wait_status(world, "seeding");
    assert_true(row.progress == 100);
    assert_null(row.error);
    assert_true(row.imported_at && row.completed_at);
    assert_non_null(row.media_id);
    assert_string_equal("completed", task_status(world));
    assert_in_library(world);
    struct sok_download_file *files;
    size_t count;
    struct sok_error err = {0};
    assert_ok(sok_download_files_list(world->db.reader, world->db.arena, DOWNLOAD_ID, &files, &count, &err));
    assert_int_equal(1, count);
    assert_non_null(files[0].library_path);
    assert_true(is_in_download_dir(world));
    close_session(world); // a restart goes on seeding
    open_session(world);
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    struct sok_torrent_status status = {0};
    while (sok_torrent_status(world->env.torrents, world->db.arena, world->key, &status, &err) != SOK_OK ||
           status.state != SOK_TORRENT_COMPLETE) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
    want(world, "paused", false);
    wait_status(world, "paused");
    want(world, "run", false);
    wait_status(world, "seeding");
    want(world, "cancelled", true);
    wait_status(world, "cancelled");
    assert_in_library(world);
}

static void without_seeding_it_is_completed_and_leaves_the_download_folder(void **state)
{
    struct world *world = *state;
    world->config.seed_hours = 0;
    open_session(world);
    start_download(world);
    wait_status(world, "completed");
    assert_in_library(world);
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (is_in_download_dir(world)) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
}

static void a_stop_hands_back_and_a_start_goes_on(void **state)
{
    struct world *world = *state;
    world->config.torrent_down_kib = 40;
    open_session(world);
    start_download(world);
    wait_status(world, "downloading");
    close_session(world);
    assert_string_equal("pending", task_status(world));
    world->config.torrent_down_kib = 0;
    open_session(world);
    wait_status(world, "seeding");
    assert_in_library(world);
}

static void pause_resume_and_cancel_are_obeyed(void **state)
{
    struct world *world = *state;
    world->config.torrent_down_kib = 20;
    open_session(world);
    start_download(world);
    wait_status(world, "downloading");
    want(world, "paused", false);
    wait_status(world, "paused");
    close_session(world); // paused it stays
    open_session(world);
    wait_status(world, "paused");
    want(world, "run", false);
    wait_status(world, "downloading");
    want(world, "cancelled", true);
    wait_status(world, "cancelled");
    assert_string_equal("cancelled", task_status(world));
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (is_in_download_dir(world)) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
}

// A download of a torrent nobody has.
static enum sok_status write_second(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    struct sok_download row = {
        .id = SECOND_ID,
        .user_id = "ann",
        .title = "Second",
        .info_hash = "1111111111111111111111111111111111111111",
        .wanted = "run",
        .status = "queued",
        .eta_seconds = -1,
        .created_at = 2,
        .updated_at = 2};
    struct sok_task task = {
        .id = SECOND_ID, .task_type = "download", .user_id = "ann", .created_at = 2, .updated_at = 2};
    SOK_TRY(sok_downloads_insert(tx, &row, err));
    return sok_tasks_insert(tx, &task, err);
}

static const char *second_status(struct world *world)
{
    struct sok_download row;
    struct sok_error err = {0};
    assert_ok(sok_downloads_find(world->db.reader, world->db.arena, SECOND_ID, &row, &err));
    return row.status;
}

static void only_so_many_run_at_once(void **state)
{
    struct world *world = *state;
    struct sok_error err = {0};
    world->config.torrent_max_active = 1;
    world->config.torrent_down_kib = 40;
    open_session(world);
    start_download(world);
    wait_status(world, "downloading");
    assert_ok(sok_db_write(world->db.db, write_second, world, &err));
    sok_queue_publish(world->env.queue, SOK_JOB_DOWNLOAD, SECOND_ID);
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (!sok_text_eq(second_status(world), "downloading")) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
    struct sok_task second; // began only when the first had everything
    assert_ok(sok_tasks_find(world->db.reader, world->db.arena, SECOND_ID, &second, &err));
    int64_t first_at = wait_status(world, "seeding").completed_at;
    assert_true(first_at && second.started_at >= first_at);
}

// --- Downloads that are deleted with their user.

static enum sok_status delete_user(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    SOK_TRY(sok_leftovers_note(tx, context, 3, err));
    return sok_users_delete(tx, context, err);
}

static void delete_ann(struct world *world)
{
    struct sok_error err = {0};
    assert_ok(sok_db_write(world->db.db, delete_user, (void *)"ann", &err));
}

static void wait_bytes_on_disk(struct world *world)
{
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    wait_status(world, "downloading");
    while (!is_in_download_dir(world)) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
}

static bool has_leftovers(struct world *world)
{
    struct sok_leftover *leftovers;
    size_t count;
    struct sok_error err = {0};
    assert_ok(sok_leftovers_list(world->db.reader, world->db.arena, &leftovers, &count, &err));
    return count > 0;
}

static bool is_in_session(struct world *world)
{
    struct sok_torrent_status status;
    return sok_torrent_status(world->env.torrents, world->db.arena, world->key, &status, NULL) == SOK_OK;
}

static bool has_resume(struct world *world)
{
    const char *path = sok_format(world->db.arena, "%s/resume/%s.resume", world->config.data_dir, world->key);
    return access(path, F_OK) == 0;
}

// Until nothing is noted any more; then nothing may be left either.
static void wait_cleared(struct world *world)
{
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (has_leftovers(world)) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
    assert_false(is_in_session(world));
    assert_false(is_in_download_dir(world));
    assert_false(has_resume(world));
}

static void a_running_download_goes_with_its_user(void **state)
{
    struct world *world = *state;
    world->config.torrent_down_kib = 40;
    open_session(world);
    start_download(world);
    wait_bytes_on_disk(world);
    delete_ann(world);
    sok_torrents_wake(world->env.torrents);
    wait_cleared(world);
}

static void what_was_deleted_while_nothing_ran_is_cleared_at_the_start(void **state)
{
    struct world *world = *state;
    world->config.torrent_down_kib = 40;
    open_session(world);
    start_download(world);
    wait_bytes_on_disk(world);
    close_session(world);
    assert_true(is_in_download_dir(world) && has_resume(world));
    delete_ann(world);
    open_session(world);
    wait_cleared(world);
}

static void another_who_downloads_the_same_keeps_it(void **state)
{
    struct world *world = *state;
    struct sok_error err = {0};
    sok_test_db_add_user(&world->db, "bob", "user");
    world->config.torrent_down_kib = 40;
    open_session(world);
    start_download(world);
    assert_ok(sok_db_write(world->db.db, write_for_bob, world, &err));
    sok_queue_publish(world->env.queue, SOK_JOB_DOWNLOAD, SECOND_ID);
    wait_status(world, "downloading");
    delete_ann(world);
    int64_t until = sok_time_mono_ms() + DEADLINE_MS;
    uint64_t generation = 0;
    while (has_leftovers(world) || !sok_text_eq(second_status(world), "downloading")) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
    sok_torrents_set_limits(world->env.torrents, 0, 0);
    while (!sok_text_eq(second_status(world), "seeding")) {
        assert_true(sok_time_mono_ms() < until);
        sok_torrents_wait(world->env.torrents, &generation, 50);
    }
    assert_true(is_in_download_dir(world));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_magnet_ends_in_the_library_and_seeds),
        TEST(without_seeding_it_is_completed_and_leaves_the_download_folder),
        TEST(a_stop_hands_back_and_a_start_goes_on),
        TEST(pause_resume_and_cancel_are_obeyed),
        TEST(only_so_many_run_at_once),
        TEST(a_running_download_goes_with_its_user),
        TEST(what_was_deleted_while_nothing_ran_is_cleared_at_the_start),
        TEST(another_who_downloads_the_same_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
