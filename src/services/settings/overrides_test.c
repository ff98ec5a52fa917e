#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "backends/queue/queue.h"
#include "base/text.h"
#include "base/wait.h"
#include "data/settings.h"
#include "data/test_db.h"
#include "services/settings/overrides.h"
#include "services/settings/stored.h"

// Two programs on one database, with one queue between them.
struct world {
    struct sok_test_db db;
    struct sok_arena *arena; // the database's
    struct sok_queue *queue;
    pthread_mutex_t lock; // guards the counts
    pthread_cond_t changed;
    struct program {
        struct sok_config config;
        struct sok_overrides *overrides;
        int applied, failed;
        struct world *world;
    } programs[2];
};

static void count(struct world *world, int *counter)
{
    pthread_mutex_lock(&world->lock);
    (*counter)++;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static void on_applied(void *context)
{
    struct program *program = context;
    count(program->world, &program->applied);
}

static void on_failed(void *context, const struct sok_error *err)
{
    struct program *program = context;
    count(program->world, &program->failed);
}

// Until this program works with that rate.
static void wait_for_rate(struct world *world, int index, int64_t rate)
{
    struct timespec deadline = sok_wait_deadline(20000);
    pthread_mutex_lock(&world->lock);
    while (world->programs[index].config.rate_search != rate)
        if (!sok_wait_until(&world->changed, &world->lock, &deadline))
            break;
    pthread_mutex_unlock(&world->lock);
    assert_int_equal(rate, world->programs[index].config.rate_search);
}

static void start_program(struct world *world, int index, int64_t rate_search)
{
    struct program *program = &world->programs[index];
    program->world = world;
    program->config = (struct sok_config){.rate_search = rate_search, .torrent_max_active = 10};
    struct sok_overrides_options options = {
        .config = &program->config, .db = world->db.db, .queue = world->queue, .clock = &sok_clock_system};
    assert_ok(sok_overrides_open(&options, &program->overrides, NULL));
    assert_ok(sok_overrides_follow(program->overrides, on_applied, on_failed, program, NULL));
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    sok_test_db_open(&world->db, "");
    world->arena = world->db.arena;
    pthread_mutex_init(&world->lock, NULL);
    sok_wait_init(&world->changed);
    assert_ok(sok_queue_open("embedded:", &world->queue, NULL));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    sok_queue_close(world->queue);
    for (int i = 0; i < 2; i++)
        sok_overrides_close(world->programs[i].overrides);
    sok_test_db_close(&world->db);
    pthread_cond_destroy(&world->changed);
    pthread_mutex_destroy(&world->lock);
    free(world);
    return 0;
}

static enum sok_status set(struct world *world, int program, const char *json, struct sok_error *err)
{
    SOK_JSON_AUTO *body = NULL;
    const char *before, *after;
    assert_ok(sok_json_parse(json, strlen(json), 4096, &body, NULL));
    struct sok_overrides_change change = {.body = body, .user_id = "admin"};
    return sok_overrides_set(world->programs[program].overrides, world->arena, &change, &before, &after, err);
}

static enum sok_status write_row(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    const char *const *row = context;
    struct sok_setting setting = {.name = row[0], .value = row[1], .updated_at = 1};
    return sok_settings_set(tx, &setting, err);
}

static void a_change_reaches_every_process(void **state)
{
    struct world *world = *state;
    start_program(world, 0, 30);
    start_program(world, 1, 60);
    assert_ok(set(world, 0, "{\"rate_search\": 7, \"seed_hours\": 2}", NULL));
    assert_int_equal(7, world->programs[0].config.rate_search);
    wait_for_rate(world, 1, 7);
    // Each goes back to its own configuration.
    assert_ok(set(world, 1, "{\"rate_search\": null}", NULL));
    assert_int_equal(60, world->programs[1].config.rate_search);
    wait_for_rate(world, 0, 30);
    pthread_mutex_lock(&world->lock);
    assert_int_equal(0, world->programs[0].failed + world->programs[1].failed);
    assert_true(world->programs[0].applied >= 2 && world->programs[1].applied >= 2);
    pthread_mutex_unlock(&world->lock);
}

static void what_is_stored_wrongly_is_as_if_it_were_not_there(void **state)
{
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"rate_search", "\"many\""},      {"torrent_max_active", "0"},
        {"seed_hours", "{\"a\":1}"},      {"log_level", "}{"},
        {"quality_profile", "{\"x\":1}"}, {"naming", "{\"movie\":\"../{title}\"}"},
        {"max_ws_per_ip", "7"},           {"of_a_later_version", "[1]"},
    };
    for (size_t i = 0; i < SOK_ARRAY_LEN(rows); i++)
        assert_ok(sok_db_write(world->db.db, write_row, (void *)rows[i], NULL));
    start_program(world, 0, 30);
    struct program *program = &world->programs[0];
    assert_int_equal(30, program->config.rate_search);
    assert_int_equal(10, program->config.torrent_max_active);
    assert_int_equal(7, program->config.max_ws_per_ip);
    struct sok_naming_style style;
    assert_ok(sok_stored_naming(world->db.reader, world->arena, &style, NULL));
    assert_string_equal(sok_naming_style_default.movie, style.movie);
    struct sok_quality_profile profile;
    assert_ok(sok_stored_quality(world->db.reader, world->arena, &profile, NULL));
    assert_int_equal(1080, profile.preferred_height);
    // And it can be mended by setting it.
    assert_ok(set(world, 0, "{\"rate_search\": 5, \"naming\": null, \"quality_profile\": null}", NULL));
    assert_int_equal(5, program->config.rate_search);
}

static void reloading_keeps_what_is_overridden(void **state)
{
    struct world *world = *state;
    const char *changed, *kept;
    start_program(world, 0, 30);
    struct program *program = &world->programs[0];
    assert_ok(set(world, 0, "{\"rate_search\": 5}", NULL));
    struct sok_config fresh = {.rate_search = 31, .rate_api = 100, .torrent_max_active = 10};
    assert_ok(sok_overrides_rebase(program->overrides, world->arena, &fresh, &changed, &kept, NULL));
    assert_string_equal("SOKOUL_RATE_API, SOKOUL_RATE_SEARCH", changed);
    assert_string_equal("SOKOUL_RATE_SEARCH", kept);
    assert_int_equal(5, program->config.rate_search);
    assert_int_equal(100, program->config.rate_api);
    assert_ok(set(world, 0, "{\"rate_search\": null}", NULL));
    assert_int_equal(31, program->config.rate_search);
}

static void a_version_names_one_state(void **state)
{
    struct world *world = *state;
    start_program(world, 0, 30);
    const char *versions[3];
    static const char *const bodies[] = {"{}", "{\"rate_search\": 5}", "{\"rate_search\": null}"};
    for (size_t i = 0; i < SOK_ARRAY_LEN(bodies); i++) {
        SOK_JSON_AUTO *view = NULL;
        assert_ok(set(world, 0, bodies[i], NULL));
        assert_ok(sok_overrides_json(world->programs[0].overrides, world->arena, &view, &versions[i], NULL));
    }
    assert_string_not_equal(versions[0], versions[1]);
    assert_string_equal(versions[0], versions[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_reaches_every_process, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_stored_wrongly_is_as_if_it_were_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(reloading_keeps_what_is_overridden, setup, teardown),
        cmocka_unit_test_setup_teardown(a_version_names_one_state, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
