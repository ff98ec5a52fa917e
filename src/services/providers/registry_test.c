#include "services/providers/registry.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "data/providers.h"
#include "data/test_db.h"
#include "services/providers/providers_testing.h"

#define TMDB_KEY "0123456789abcdef0123456789abcdef"

struct fixture {
    struct sok_test_db t;
    struct sok_config config;
    struct sok_http_client *http;
    struct sok_providers *providers;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sok_test_db_open(&f->t, "");
    struct sok_http_client_options options = {.clock = &sok_clock_system, .backoff_unit_ms = 1};
    assert_ok(sok_http_client_new(&options, &f->http, &f->t.err));
    f->config.tvmaze_url = f->config.archive_org_url = "off";
    f->providers = sok_providers_new(&f->config, f->t.db, NULL, f->http, &sok_clock_system);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sok_providers_free(f->providers);
    sok_http_client_free(f->http);
    sok_test_db_close(&f->t);
    free(f);
    return 0;
}

static struct sok_provider_instance *load(struct fixture *f, size_t want)
{
    struct sok_provider_instance *items;
    size_t count;
    assert_ok(sok_providers_load(f->providers, f->t.arena, &items, &count, &f->t.err));
    assert_int_equal(want, count);
    return items;
}

static void the_environment_names_providers(void **state)
{
    struct fixture *f = *state;
    load(f, 0);
    f->config.tvmaze_url = "https://api.tvmaze.com";
    f->config.archive_org_url = NULL; // the default
    f->config.prowlarr_url = "http://127.0.0.1:9696/base";
    f->config.torznab_urls = "http://127.0.0.1:1/api?apikey=a  http://127.0.0.1:1/other?apikey=b\n nonsense "
                             "https://Indexer.example/api";
    struct sok_provider_instance *items = load(f, 5); // Prowlarr and TMDB need keys
    const char *names[] = {"127.0.0.1:1", "127.0.0.1:1 (2)", "archive_org", "indexer.example:443", "tvmaze"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(names[i], items[i].config.name);
        assert_true(items[i].from_environment);
    }
    assert_string_equal("https://archive.org", items[2].config.base_url);
    f->config.prowlarr_api_key = "key";
    f->config.tmdb_api_key = TMDB_KEY;
    load(f, 7);
}

static enum sok_status insert(struct sok_db_tx *tx, void *context, struct sok_error *err)
{
    return sok_providers_insert(tx, context, err);
}

static void add_row(struct fixture *f, const char *id, const char *name, const char *kind, int64_t priority)
{
    struct sok_provider row = {
        .id = id,
        .name = name,
        .kind = kind,
        .url = "http://127.0.0.1:7/api",
        .is_enabled = true,
        .priority = priority,
        .settings = "{}",
        .created_at = 1,
        .updated_at = 1};
    assert_ok(sok_db_write(f->t.db, insert, &row, &f->t.err));
}

static void rows_of_the_table_stand_beside_it_by_priority(void **state)
{
    struct fixture *f = *state;
    f->config.torznab_urls = "http://127.0.0.1:1/api";
    add_row(f, "a", "low", "torznab", 10);
    add_row(f, "b", "high", "torznab", 90);
    add_row(f, "c", "strange", "carrier-pigeon", 99);
    struct sok_provider_instance *items = load(f, 3), one;
    assert_string_equal("high", items[0].config.name);
    assert_string_equal("127.0.0.1:1", items[1].config.name);
    assert_string_equal("low", items[2].config.name);
    assert_ok(sok_providers_load_one(f->providers, f->t.arena, "b", &one, &f->t.err));
    assert_string_equal("high", one.config.name);
    assert_ok(sok_providers_load_one(f->providers, f->t.arena, "low", &one, &f->t.err));
    assert_string_equal("a", one.config.id);
    assert_int_equal(SOK_NOT_FOUND, sok_providers_load_one(f->providers, f->t.arena, "x", &one, &f->t.err));
}

static void what_somebody_types_is_checked_field_by_field(void **state)
{
    struct fixture *f = *state;
    struct sok_provider_instance checked;
    struct sok_error err = {0};
    struct sok_provider_config config = {.kind = "carrier-pigeon", .name = " ", .priority = -1};
    assert_int_equal(SOK_INVALID, sok_provider_config_check(f->t.arena, &config, &checked, &err));
    assert_int_equal(3, err.field_count);
    err = (struct sok_error){0};
    config = (struct sok_provider_config){.kind = "prowlarr", .name = "P", .base_url = "ftp://x/"};
    assert_int_equal(SOK_INVALID, sok_provider_config_check(f->t.arena, &config, &checked, &err));
    assert_int_equal(2, err.field_count);
    assert_string_equal("base_url", err.fields[0].field);
    assert_string_equal("api_key", err.fields[1].field);
    err = (struct sok_error){0};
    config = (struct sok_provider_config){.kind = "tvmaze", .name = " TVmaze "};
    assert_ok(sok_provider_config_check(f->t.arena, &config, &checked, &err));
    assert_string_equal("TVmaze", checked.config.name);
    assert_string_equal("https://api.tvmaze.com", checked.config.base_url);
}

static const struct test_answer tmdb_rows[] = {
    {.with = {"/3/search/tv?query=Dallas", "first_air_date_year=2012"},
     .status = 200,
     .fixture = "tmdb/recorded/search-tv-dallas-2012.json"},
    {.with = {"/3/search/tv?query=Dallas"}, .status = 200, .fixture = "tmdb/recorded/search-tv-dallas.json"},
    {.with = {"/3/search/movie?query=James%20Bond"},
     .status = 200,
     .fixture = "tmdb/recorded/search-movie-james-bond-page1.json"},
    {.with = {"/3/search/"}, .status = 200, .fixture = "tmdb/recorded/search-movie-no-result.json"},
    {0},
};

static enum sok_status identify(
    struct fixture *f, const char *title, const char *type, int year, struct sok_found_media *ret)
{
    struct sok_provider_query query = SOK_PROVIDER_QUERY_NONE;
    query.title = title;
    query.media_type = type;
    query.year = year;
    return sok_providers_identify(f->providers, f->t.arena, &query, 10000, ret, &f->t.err);
}

static void the_work_that_is_meant_is_found_among_its_namesakes(void **state)
{
    struct fixture *f = *state;
    struct test_server server;
    struct test_answers answers = {.rows = tmdb_rows};
    struct sok_found_media media;
    test_server_start(&server, test_answer, &answers);
    f->config.tmdb_url = server.base;
    f->config.tmdb_api_key = TMDB_KEY;
    assert_ok(identify(f, "dallas", "tv", 2012, &media));
    assert_int_equal(37759, media.tmdb_id);
    assert_ok(identify(f, "Dallas", "tv", -1, &media));
    assert_int_equal(40, media.tmdb_id);
    assert_int_equal(SOK_NOT_FOUND, identify(f, "James Bond", "movie", 1950, &media)); // no film of that year
    assert_ok(identify(f, "James Bond", "movie", 2015, &media));
    assert_int_equal(360133, media.tmdb_id);
    assert_int_equal(SOK_NOT_FOUND, identify(f, "Nothing of the kind", "movie", -1, &media));
    f->http = sok_http_client_free(f->http);
    test_server_stop(&server);
}

static void without_metadata_providers_nobody_knows(void **state)
{
    struct sok_found_media media;
    assert_int_equal(SOK_NOT_FOUND, identify(*state, "Dallas", "tv", -1, &media));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_environment_names_providers),
        TEST(rows_of_the_table_stand_beside_it_by_priority),
        TEST(what_somebody_types_is_checked_field_by_field),
        TEST(the_work_that_is_meant_is_found_among_its_namesakes),
        TEST(without_metadata_providers_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
