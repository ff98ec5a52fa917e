// downloads, and streams of what they brought.
#include "data/downloads.h"

#include "data/data_test.h"
#include "data/searches_test.h"
#include "data/streams.h"

static struct sok_download new_download(const char *id, const char *user_id, const char *hash)
{
    return (struct sok_download){
        .id = id,
        .user_id = user_id,
        .title = id,
        .info_hash = hash,
        .wanted = "run",
        .status = "queued",
        .eta_seconds = -1,
        .created_at = 1,
        .updated_at = 1};
}

static void one_user_downloads_a_torrent_once(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_download download = new_download("d1", "ada", "aa"), found, *list;
    int64_t count_live;
    size_t count;
    struct sok_page_info info;
    download.torrent = (struct sok_bytes){"d8:x\0e", 6};
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = new_download("d2", "ada", "aa");
    assert_conflict(t, sok_downloads_insert(t->tx, &download, &t->err));
    assert_string_equal(t->err.code, "download_exists");
    download = new_download("d3", "bob", "aa");
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = new_download("d4", "ada", NULL); // the hash is not known yet
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    assert_ok(sok_downloads_find_live(t->tx, t->arena, "ada", "aa", &found, &t->err));
    assert_string_equal(found.id, "d1");
    assert_int_equal(found.torrent.len, 6);
    assert_memory_equal(found.torrent.data, "d8:x\0e", 6);
    download.info_hash = "aa"; // and turns out to be one they have
    assert_conflict(t, sok_downloads_report(t->tx, &download, &t->err));
    assert_string_equal(t->err.code, "download_exists");
    assert_ok(sok_downloads_count_live(t->tx, "ada", &count_live, &t->err));
    assert_int_equal(count_live, 2);
    assert_ok(sok_downloads_list(t->tx, t->arena, "ada", NULL, &list, &count, &info, &t->err));
    assert_int_equal(count, 2);
    assert_int_equal(list[1].torrent.len, 0);
    assert_ok(sok_downloads_set_status(t->tx, "d1", "failed", "gone", 5, &t->err));
    download = new_download("d5", "ada", "aa"); // a failed one makes room
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    assert_ok(sok_downloads_list_live(t->tx, t->arena, &list, &count, &t->err));
    assert_int_equal(count, 3);
}

static void wishes_fit_the_state_of_a_download(void **state)
{
    static const struct {
        const char *status, *wanted, *wish;
        bool fits;
    } cases[] = {
        {"queued", "run", "paused", true},        {"downloading", "run", "paused", true},
        {"paused", "paused", "paused", false},    {"paused", "paused", "run", true},
        {"downloading", "run", "run", false},     {"seeding", "run", "paused", true},
        {"completed", "run", "paused", false},    {"completed", "run", "cancelled", false},
        {"failed", "run", "run", false},          {"failed", "run", "cancelled", false},
        {"cancelled", "cancelled", "run", false}, {"importing", "run", "paused", false},
    };
    struct sok_test_db *t = *state;
    for (size_t i = 0; i < SOK_ARRAY_LEN(cases); i++) {
        struct sok_download download = new_download(sok_format(t->arena, "d%zu", i), "ada", NULL), found;
        download.status = cases[i].status;
        download.wanted = cases[i].wanted;
        assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
        assert_int_equal(
            sok_downloads_set_wanted(t->tx, download.id, cases[i].wish, true, 9, &t->err),
            cases[i].fits ? SOK_OK : SOK_CONFLICT);
        assert_ok(sok_downloads_find(t->tx, t->arena, download.id, &found, &t->err));
        assert_string_equal(found.wanted, cases[i].fits ? cases[i].wish : cases[i].wanted);
    }
    assert_int_equal(sok_downloads_set_wanted(t->tx, "none", "run", false, 9, &t->err), SOK_NOT_FOUND);
}

static void what_was_cancelled_is_not_reported_as_anything_else(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_download one = new_download("d1", "ada", "aa"), other = new_download("d2", "bob", "aa"), found;
    bool is_wanted;
    one.status = other.status = "seeding";
    assert_ok(sok_downloads_insert(t->tx, &one, &t->err));
    assert_ok(sok_downloads_insert(t->tx, &other, &t->err));
    assert_ok(sok_downloads_set_wanted(t->tx, "d1", "cancelled", true, 9, &t->err));
    one.status = "completed"; // its hunter has not heard of it
    one.seeding_ms = 5;
    assert_ok(sok_downloads_report(t->tx, &one, &t->err));
    assert_ok(sok_downloads_find(t->tx, t->arena, "d1", &found, &t->err));
    assert_string_equal(found.status, "seeding");
    assert_int_equal(found.seeding_ms, 5);
    assert_ok(sok_downloads_is_wanted_elsewhere(t->tx, "aa", "d1", &is_wanted, &t->err));
    assert_true(is_wanted);
    assert_ok(sok_downloads_is_wanted_elsewhere(t->tx, "aa", "d2", &is_wanted, &t->err));
    assert_false(is_wanted); // d1 is as good as gone
    one.status = "cancelled";
    assert_ok(sok_downloads_report(t->tx, &one, &t->err));
    assert_ok(sok_downloads_find(t->tx, t->arena, "d1", &found, &t->err));
    assert_string_equal(found.status, "cancelled");
}

static void downloads_report_and_hold_files(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_download download = new_download("d1", "ada", NULL), found, *list;
    size_t count;
    add_search(t, "s1");
    assert_ok(sok_downloads_insert(t->tx, &download, &t->err));
    download = (struct sok_download){
        .id = "d1",
        .info_hash = "bb",
        .status = "downloading",
        .progress = 12.5,
        .size_bytes = 1000,
        .ratio = 0.5,
        .eta_seconds = 0,
        .updated_at = 7};
    assert_ok(sok_downloads_report(t->tx, &download, &t->err));
    assert_ok(sok_downloads_set_media(t->tx, "d1", "media-s1", 8, &t->err));
    assert_ok(sok_downloads_set_torrent(t->tx, "d1", "xyz", 3, 8, &t->err));
    assert_ok(sok_downloads_find(t->tx, t->arena, "d1", &found, &t->err));
    assert_string_equal(found.title, "d1"); // kept
    assert_string_equal(found.info_hash, "bb");
    assert_true(found.progress == 12.5);
    assert_int_equal(found.eta_seconds, 0);
    assert_int_equal(found.torrent.len, 3);
    const struct sok_download_file files[] = {
        {.file_index = 0, .path = "a.mkv", .size_bytes = 5, .wanted = true},
        {.file_index = 1, .path = "b.nfo", .size_bytes = 1, .wanted = false},
    };
    struct sok_download_file *held;
    assert_ok(sok_download_files_replace(t->tx, "d1", files, 2, &t->err));
    assert_ok(sok_download_files_replace(t->tx, "d1", files, 2, &t->err));
    assert_ok(sok_download_files_set_progress(t->tx, "d1", 0, 4, &t->err));
    assert_ok(sok_download_files_set_imported(t->tx, "d1", 0, "media-s1", "/l/a.mkv", &t->err));
    assert_int_equal(sok_download_files_set_progress(t->tx, "d1", 9, 4, &t->err), SOK_NOT_FOUND);
    assert_ok(sok_download_files_list(t->tx, t->arena, "d1", &held, &count, &t->err));
    assert_int_equal(count, 2);
    assert_int_equal(held[0].downloaded_bytes, 4);
    assert_string_equal(held[0].library_path, "/l/a.mkv");
    assert_false(held[1].wanted);
    assert_ok(sok_downloads_list_media(t->tx, t->arena, "media-s1", &list, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(sok_downloads_delete(t->tx, "d1", &t->err));
    assert_ok(sok_download_files_list(t->tx, t->arena, "d1", &held, &count, &t->err));
    assert_int_equal(count, 0);
}

static void streams_start_stop_and_expire(void **state)
{
    struct sok_test_db *t = *state;
    struct sok_stream stream =
                          {.id = "x1",
                           .user_id = "ada",
                           .media_id = "media-s1",
                           .file_index = -1,
                           .expires_at = 100,
                           .created_at = 1,
                           .updated_at = 1},
                      found;
    int64_t number;
    add_search(t, "s1");
    assert_ok(sok_streams_insert(t->tx, &stream, &t->err));
    assert_ok(sok_streams_count_active(t->tx, 50, &number, &t->err));
    assert_int_equal(number, 0);
    assert_ok(sok_streams_start(t->tx, "x1", 10, &t->err));
    assert_ok(sok_streams_count_active(t->tx, 50, &number, &t->err));
    assert_int_equal(number, 1);
    assert_ok(sok_streams_stop(t->tx, "x1", 33, 20, &t->err));
    assert_ok(sok_streams_set_file(t->tx, "x1", NULL, 20, &t->err));
    assert_ok(sok_streams_find(t->tx, t->arena, "x1", &found, &t->err));
    assert_int_equal(found.position_seconds, 33);
    assert_int_equal(found.file_index, -1);
    assert_ok(sok_streams_purge(t->tx, 101, &number, &t->err));
    assert_int_equal(number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_user_downloads_a_torrent_once),
        TEST(wishes_fit_the_state_of_a_download),
        TEST(what_was_cancelled_is_not_reported_as_anything_else),
        TEST(downloads_report_and_hold_files),
        TEST(streams_start_stop_and_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
