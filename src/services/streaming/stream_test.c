#include "services/streaming/stream.h"

#include "services/library/library_world.h"

#define USER WORLD_USER
#define SESSION "01970000-0000-7000-8000-0000000000bb"

static bool session_is_alive;

static bool session_lives(void *context, const char *session_id, const char *user_id)
{
    return session_is_alive && strcmp(session_id, SESSION) == 0 && strcmp(user_id, USER) == 0;
}

struct stage {
    struct world world;
    struct sok_streaming *streaming;
    const char *media_id;
};

static enum sok_status write_file(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const char *id;
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    return sok_media_files_upsert(tx, arena, context, &id, err);
}

static void add_file(struct stage *stage, const char *id, const char *path, int64_t quality_score)
{
    struct sok_media_file file = {
        .id = id,
        .media_id = stage->media_id,
        .file_path = path,
        .file_size = 10,
        .container = "mkv",
        .quality_score = quality_score,
        .source = "local",
        .duration_ms = 61000,
        .downloaded_at = 1,
        .updated_at = 1,
        .audio_tracks = "[]",
        .subtitle_tracks = "[]"};
    assert_ok(sok_db_write(stage->world.db, write_file, &file, NULL));
}

static void stage_open(struct stage *stage)
{
    world_open(&stage->world);
    session_is_alive = true;
    struct sok_streaming_options options = {
        .db = stage->world.db,
        .clock = &stage->world.clock.clock,
        .library = stage->world.library,
        .data_dir = test_path(&stage->world.dir, "data"),
        .session_lives = session_lives};
    assert_ok(sok_streaming_open(&options, &stage->streaming, NULL));
    assert_ok(sok_db_write(stage->world.db, world_write_user, NULL, NULL));
    stage->media_id = world_add_media(&stage->world, "movie", "Paper Lantern", 2019, NULL, -1, -1);
    test_write(&stage->world.dir, "library/a/Film ü.mkv", "0123456789", 10);
    add_file(
        stage, "01970000-0000-7000-8000-000000000001",
        sok_format(stage->world.arena, "%s/a/Film ü.mkv", sok_library_root(stage->world.library, 0)), 50);
}

static void stage_close(struct stage *stage)
{
    sok_streaming_close(stage->streaming);
    world_close(&stage->world);
}
#define STAGE_AUTO SOK_CLEANUP(stage_close) struct stage

static const char *make_url(struct stage *stage, struct sok_stream_grant *ret)
{
    struct sok_stream_source *sources;
    size_t count;
    const char *url;
    assert_ok(sok_streaming_sources(
        stage->streaming, stage->world.arena, stage->media_id, USER, false, &sources, &count, NULL));
    assert_true(count > 0);
    assert_ok(sok_streaming_grant(
        stage->streaming, stage->world.arena, &sources[0], USER, SESSION, "127.0.0.1", ret, &url, NULL));
    return url;
}

static enum sok_status check(
    struct stage *stage, const char *id, const char *url, struct sok_stream_grant *ret, struct sok_error *err)
{
    struct sok_uri_param *query;
    size_t count;
    const char *mark = strchr(url, '?');
    assert_true(sok_uri_parse_query(stage->world.arena, mark ? mark + 1 : "", &query, &count));
    return sok_streaming_check(stage->streaming, stage->world.arena, id, query, count, ret, err);
}

static void url_gives_the_bytes_it_was_made_for(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    struct sok_stream_grant made, checked;
    const char *url = make_url(&stage, &made);
    assert_non_null(strstr(url, "Film%20%C3%BC.mkv?"));
    assert_ok(check(&stage, made.stream_id, url, &checked, NULL));
    assert_string_equal(stage.media_id, checked.media_id);
    assert_string_equal(USER, checked.user_id);
    struct sok_byte_source bytes;
    assert_ok(sok_streaming_bytes(stage.streaming, stage.world.arena, &checked, false, &bytes, NULL));
    char text[16] = "";
    assert_int_equal(10, bytes.size_bytes);
    assert_string_equal("video/x-matroska", bytes.content_type);
    assert_int_equal(10, read(bytes.fd, text, sizeof text));
    assert_string_equal("0123456789", text);
    close(bytes.fd);
}

static void changed_url_is_refused(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    struct sok_stream_grant made, checked;
    struct sok_error err = {0};
    const char *url = make_url(&stage, &made);
    char *changed = sok_strdup(stage.world.arena, url), *at = strstr(changed, "signature=") + 10;
    *at = *at == 'A' ? 'B' : 'A';
    assert_int_equal(SOK_DENIED, check(&stage, made.stream_id, changed, &checked, &err));
    assert_string_equal("bad_signature", err.code);
    changed = sok_strdup(stage.world.arena, url); // a later end
    at = strstr(changed, "expires=") + 8;
    *at = '9';
    assert_int_equal(SOK_DENIED, check(&stage, made.stream_id, changed, &checked, NULL));
    assert_int_equal(SOK_DENIED, check(&stage, made.stream_id, "/stream", &checked, NULL));
    assert_int_equal(SOK_DENIED, check(&stage, SESSION, url, &checked, NULL)); // another stream's id
    assert_int_equal(SOK_DENIED, check(&stage, "short", url, &checked, NULL));
}

static void url_ends_with_its_time_and_its_session(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    struct sok_stream_grant made, checked;
    struct sok_error err = {0};
    const char *url = make_url(&stage, &made);
    session_is_alive = false;
    assert_int_equal(SOK_DENIED, check(&stage, made.stream_id, url, &checked, &err));
    assert_string_equal("session_ended", err.code);
    session_is_alive = true;
    assert_ok(check(&stage, made.stream_id, url, &checked, NULL));
    sok_clock_manual_advance(&stage.world.clock, SOK_STREAM_LIFETIME_MS);
    assert_int_equal(SOK_DENIED, check(&stage, made.stream_id, url, &checked, &err));
    assert_string_equal("expired", err.code);
}

static enum sok_status delete_file(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_media_files_delete(tx, "01970000-0000-7000-8000-000000000001", err);
}

static void stream_goes_on_with_the_file_that_replaced_its_own(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    struct sok_stream_grant made, checked;
    struct sok_byte_source bytes;
    const char *url = make_url(&stage, &made);
    test_write(&stage.world.dir, "library/a/Better.mp4", "better bytes", 12);
    add_file(
        &stage, "01970000-0000-7000-8000-000000000002",
        sok_format(stage.world.arena, "%s/a/Better.mp4", sok_library_root(stage.world.library, 0)), 90);
    assert_ok(sok_db_write(stage.world.db, delete_file, NULL, NULL));
    assert_ok(check(&stage, made.stream_id, url, &checked, NULL));
    assert_ok(sok_streaming_bytes(stage.streaming, stage.world.arena, &checked, false, &bytes, NULL));
    assert_int_equal(12, bytes.size_bytes);
    assert_string_equal("video/mp4", bytes.content_type);
    close(bytes.fd);
}

static void best_file_that_is_there_comes_first(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    const char *root = sok_library_root(stage.world.library, 0);
    test_write(&stage.world.dir, "library/a/Better.mkv", "0123456789", 10);
    add_file(
        &stage, "01970000-0000-7000-8000-000000000002",
        sok_format(stage.world.arena, "%s/a/Better.mkv", root), 90);
    add_file(
        &stage, "01970000-0000-7000-8000-000000000003", sok_format(stage.world.arena, "%s/a/Gone.mkv", root),
        99);
    struct sok_stream_source *sources;
    size_t count;
    assert_ok(sok_streaming_sources(
        stage.streaming, stage.world.arena, stage.media_id, USER, false, &sources, &count, NULL));
    assert_int_equal(2, count);
    assert_string_equal("Better.mkv", sources[0].file_name);
    assert_int_equal(
        SOK_NOT_FOUND, sok_streaming_sources(
                           stage.streaming, stage.world.arena, SESSION, USER, false, &sources, &count, NULL));
}

static void key_file_of_others_is_refused(void **state)
{
    STAGE_AUTO stage;
    stage_open(&stage);
    assert_int_equal(0, chmod(test_path(&stage.world.dir, "data/keys/stream.key"), 0644));
    struct sok_streaming_options options = {
        .db = stage.world.db,
        .clock = &stage.world.clock.clock,
        .library = stage.world.library,
        .data_dir = test_path(&stage.world.dir, "data")};
    struct sok_streaming *second = NULL;
    assert_int_equal(SOK_INVALID, sok_streaming_open(&options, &second, NULL));
    assert_null(second);
}

static void mime_types_go_by_extension(void **state)
{
    assert_string_equal("video/mp4", sok_stream_mime("a.b/film.MP4"));
    assert_string_equal("application/octet-stream", sok_stream_mime("film"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_gives_the_bytes_it_was_made_for),
        cmocka_unit_test(changed_url_is_refused),
        cmocka_unit_test(url_ends_with_its_time_and_its_session),
        cmocka_unit_test(stream_goes_on_with_the_file_that_replaced_its_own),
        cmocka_unit_test(best_file_that_is_there_comes_first),
        cmocka_unit_test(key_file_of_others_is_refused),
        cmocka_unit_test(mime_types_go_by_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
