#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/config.h"

struct loaded {
    struct sok_config config;
    const char *problems;
    enum sok_status status;
};

static struct loaded load(struct sok_arena *arena, const char *file, const char *const *environment)
{
    struct loaded loaded = {.problems = ""};
    struct sok_error err = {0};
    loaded.status = sok_config_load(
        arena, file ? file : "/dev/null", (char *const *)environment, &loaded.config, &loaded.problems, &err);
    return loaded;
}

// A file in /tmp with this text; its name lives in the arena.
static const char *write_file(struct sok_arena *arena, const char *text)
{
    char *path = sok_strdup(arena, "/tmp/sokoul-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    close(fd);
    return path;
}

static void defaults_are_the_documented_ones(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct loaded got = load(arena, NULL, NULL);
    assert_string_equal("", got.problems);
    assert_ok(got.status);
    assert_string_equal("127.0.0.1:3000", got.config.listen);
    assert_string_equal("sqlite:./data/sokoul.db", got.config.database_url);
    assert_string_equal("./data/library", got.config.library_dirs);
    assert_int_equal(31, got.config.roles);
    assert_int_equal(100, got.config.rate_api);
    assert_int_equal(1000, got.config.rate_ip);
    assert_int_equal(12, got.config.bcrypt_cost);
    assert_true(got.config.torrent_dht);
    assert_true(got.config.seed_hours == 24.0);
    assert_null(got.config.tmdb_api_key);
    assert_int_equal(SOK_LOG_AUTO, got.config.log_format);
}

static void the_environment_wins_over_the_file(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *path = write_file(
        arena, "listen = 0.0.0.0:80\nSOKOUL_RATE_API = 7\n[torrent]\ndht = off\nmax_active = 3 ; few\n"
               "[paths]\ndata_dir = \"/srv/with space\"\n");
    const char *const environment[] = {"PATH=/bin", "SOKOUL_RATE_API=50/min", "SOKOUL_TORRENT_LSD=no", NULL};
    struct loaded got = load(arena, path, environment);
    unlink(path);
    assert_string_equal("", got.problems);
    assert_string_equal("0.0.0.0:80", got.config.listen);
    assert_int_equal(50, got.config.rate_api);
    assert_int_equal(3, got.config.torrent_max_active);
    assert_false(got.config.torrent_dht);
    assert_false(got.config.torrent_lsd);
    assert_string_equal("sqlite:/srv/with space/sokoul.db", got.config.database_url);
}

static void a_folder_is_no_configuration(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct loaded got = load(arena, "/tmp", NULL);
    assert_int_equal(SOK_INVALID, got.status);
    assert_non_null(strstr(got.problems, "cannot read /tmp"));
}

static void every_wrong_setting_is_named(void **state)
{
    static const char *const wrong[] = {
        "SOKOUL_LISTEN=3000",
        "SOKOUL_LISTEN=127.0.0.1:70000",
        "SOKOUL_LISTEN=::1:3000",
        "SOKOUL_LISTEN=127.0.0.1:3000,unix:",
        "SOKOUL_LISTEN=,",
        "SOKOUL_METRICS_LISTEN=9090",
        "SOKOUL_METRICS_ALLOW=10.1.0.0/8",
        "SOKOUL_DATA_DIR=/dev/null",
        "SOKOUL_DATA_DIR=/dev/null/data",
        "SOKOUL_ROLES=api,cook",
        "SOKOUL_DATABASE_URL=mysql://x",
        "SOKOUL_DATABASE_URL=sqlite:",
        "SOKOUL_DATABASE_REPLICA_URLS=http://x",
        "SOKOUL_CACHE_URL=memcached://x",
        "SOKOUL_QUEUE_URL=kafka://x",
        "SOKOUL_DB_POOL_MIN=0",
        "SOKOUL_DB_POOL_MIN=21",
        "SOKOUL_DB_POOL_MAX=x",
        "SOKOUL_DOWNLOAD_DIR=/etc/passwd",
        "SOKOUL_LIBRARY_DIRS=/tmp:/dev/null/films",
        "SOKOUL_LIBRARY_DIRS=:",
        "SOKOUL_TMDB_API_KEY=two words",
        "SOKOUL_PROWLARR_API_KEY=k\xc3\xa9y",
        "SOKOUL_JACKETT_API_KEY=a\tb",
        "SOKOUL_TMDB_URL=ftp://x",
        "SOKOUL_TMDB_URL=https://api.example.org/3?language=de",
        "SOKOUL_TMDB_URL=https://user:hunter2@api.example.org/3",
        "SOKOUL_TMDB_URL=https://a..b/3",
        "SOKOUL_TMDB_URL=https://127.0.0.1:0/3",
        "SOKOUL_TMDB_URL=https://127.0.0.300/3",
        "SOKOUL_TMDB_URL=https://[::z]/3",
        "SOKOUL_PROWLARR_URL=localhost:9696",
        "SOKOUL_JACKETT_URL=http://",
        "SOKOUL_TORZNAB_URLS=http://a/api nonsense",
        "SOKOUL_ARCHIVE_ORG_URL=no",
        "SOKOUL_TVMAZE_URL=http://bad host/",
        "SOKOUL_EMBEDDINGS_URL=x",
        "SOKOUL_EMBEDDINGS_MODEL=a\x1b[1mb",
        "SOKOUL_TORRENT_LISTEN=6881",
        "SOKOUL_TORRENT_LISTEN=localhost:6881",
        "SOKOUL_TORRENT_DHT=maybe",
        "SOKOUL_TORRENT_LSD=2",
        "SOKOUL_TORRENT_UPNP=sometimes",
        "SOKOUL_TORRENT_MAX_ACTIVE=0",
        "SOKOUL_TORRENT_DOWN_KIB=-1",
        "SOKOUL_TORRENT_UP_KIB=1.5",
        "SOKOUL_SEED_HOURS=long",
        "SOKOUL_SEED_RATIO=-0.5",
        "SOKOUL_RATE_API=100/hour",
        "SOKOUL_RATE_SEARCH=many",
        "SOKOUL_RATE_AUTH=-1",
        "SOKOUL_RATE_IP=1e3",
        "SOKOUL_MAX_DOWNLOADS_PER_USER=five",
        "SOKOUL_MAX_WS_PER_IP=-1",
        "SOKOUL_TRUSTED_PROXIES=10.0.0.0/33",
        "SOKOUL_TRUSTED_PROXIES=fd00::/129",
        "SOKOUL_TRUSTED_PROXIES=proxy",
        "SOKOUL_TRUSTED_PROXIES=10.0.0.1/8",
        "SOKOUL_TRUSTED_PROXIES=10.0.0.0/8,fd00::1/64",
        "SOKOUL_ACCEL_PREFIX=/",
        "SOKOUL_ACCEL_PREFIX=/library",
        "SOKOUL_ACCEL_PREFIX=library/",
        "SOKOUL_ACCEL_PREFIX=/a//b/",
        "SOKOUL_ACCEL_PREFIX=/a/../",
        "SOKOUL_ACCEL_PREFIX=/a?/",
        "SOKOUL_ALLOW_HOSTS=localhost",
        "SOKOUL_ALLOW_HOSTS=localhost:0",
        "SOKOUL_PUBLIC_URL=example.org",
        "SOKOUL_PUBLIC_URL=https://example.org/#films",
        "SOKOUL_HOST_NAMES=https://films.example.org",
        "SOKOUL_SMTP_URL=http://x",
        "SOKOUL_SMTP_FROM=nope",
        "SOKOUL_SMTP_FROM=Films <a@b",
        "SOKOUL_SMTP_FROM=a@example.org, b@example.org",
        "SOKOUL_SMTP_CA=/does/not/exist",
        "SOKOUL_SMTP_CA=/etc/passwd",
        "SOKOUL_SMTP_CA=/etc",
        "SOKOUL_CLAMD=/run/clamd",
        "SOKOUL_LOG_LEVEL=loud",
        "SOKOUL_LOG_FORMAT=xml",
        "SOKOUL_SENTINEL_SECONDS=0",
        "SOKOUL_ALERT_CPU_PERCENT=101",
        "SOKOUL_ALERT_MEMORY_PERCENT=-1",
        "SOKOUL_ALERT_DISK_MIB=1 GiB",
        "SOKOUL_ALERT_QUEUE_JOBS=x",
        "SOKOUL_ALERT_QUEUE_SECONDS=5m",
        "SOKOUL_ALERT_DEAD_LETTERS=-1",
        "SOKOUL_BACKUP_PASSPHRASE=short",
        "SOKOUL_BCRYPT_COST=9",
        "SOKOUL_BCRYPT_COST=16",
        "SOKOUL_LISTEM=127.0.0.1:3000",
        "SOKOUL_TMDB_API_KEY_FILE=/does/not/exist",
        "SOKOUL_LISTEN_FILE=/etc/hostname",
        "SOKOUL_SMTP_FROM=\xff\xfe",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(wrong); i++) {
        const char *const environment[] = {sok_strdup(arena, wrong[i]), NULL};
        struct loaded got = load(arena, NULL, environment);
        const char *name = sok_strndup(arena, wrong[i], strcspn(wrong[i], "="));
        if (got.status != SOK_INVALID || !sok_text_starts(got.problems, name))
            fail_msg("%s: %d, %s", wrong[i], got.status, got.problems);
        if (strchr(got.problems, '\n') != got.problems + strlen(got.problems) - 1)
            fail_msg("%s: %s", wrong[i], got.problems);
        assert_null(strstr(got.problems, "hunter2"));
    }
    size_t count; // a new row needs its wrong value here
    const struct sok_config_row *rows = sok_config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_tried = false;
        for (size_t j = 0; j < SOK_ARRAY_LEN(wrong); j++)
            is_tried |= sok_text_starts(wrong[j], sok_format(arena, "%s=", rows[i].name));
        if (!is_tried)
            fail_msg("%s: no wrong value of it is tried", rows[i].name);
    }
}

static void right_settings_of_every_kind_are_taken(void **state)
{
    static const char *const right[] = {
        "SOKOUL_LISTEN=127.0.0.1:0, [::1]:3000, unix:/run/sokoul.sock",
        "SOKOUL_ROLES=api",
        "SOKOUL_DATABASE_URL=postgresql://u:p@db/sokoul",
        "SOKOUL_CACHE_URL=redis://127.0.0.1:6379",
        "SOKOUL_QUEUE_URL=nats://a.example:4222",
        "SOKOUL_TORZNAB_URLS=http://127.0.0.1:1/api?apikey=x https://b.example/torznab/",
        "SOKOUL_ARCHIVE_ORG_URL=off",
        "SOKOUL_TMDB_URL=http://[::1]:80/3",
        "SOKOUL_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8,::1",
        "SOKOUL_ACCEL_PREFIX=/_library/",
        "SOKOUL_ALLOW_HOSTS=localhost:9696,10.0.0.1:80,[::1]:80",
        "SOKOUL_SMTP_URL=smtps://user:pass@mail.example:465",
        "SOKOUL_CLAMD=tcp:localhost:3310",
        "SOKOUL_LISTEN=localhost:3000",
        "SOKOUL_DATA_DIR=/tmp/to/be/made",
        "SOKOUL_LIBRARY_DIRS=/tmp:/tmp/to/be/made",
        "SOKOUL_TMDB_URL=http://films.example.:80/3/",
        "SOKOUL_TMDB_URL=http://10.0.0.1/3",
        "SOKOUL_ALLOW_HOSTS=my_host:1,a-b.c1:65535",
        "SOKOUL_TRUSTED_PROXIES=0.0.0.0/0 ::/0 10.0.0.1/32",
        "SOKOUL_SMTP_FROM=sokoul@localhost",
        "SOKOUL_SMTP_FROM=Füms <a@example.org>",
        "SOKOUL_RATE_API=0",
        "SOKOUL_LOG_FORMAT=text",
        "SOKOUL_URL=http://127.0.0.1:3000",
    };
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    for (size_t i = 0; i < SOK_ARRAY_LEN(right); i++) {
        const char *const environment[] = {sok_strdup(arena, right[i]), NULL};
        struct loaded got = load(arena, NULL, environment);
        assert_string_equal("", got.problems);
    }
}

static void secrets_come_from_files_and_are_not_repeated(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *path = write_file(arena, "s3cret\nsecond line\n");
    const char *const environment[] = {sok_format(arena, "SOKOUL_TMDB_API_KEY_FILE=%s", path), NULL};
    struct loaded got = load(arena, NULL, environment);
    assert_string_equal("", got.problems);
    assert_string_equal("s3cret", got.config.tmdb_api_key);
    const char *const both[] = {environment[0], "SOKOUL_TMDB_API_KEY=x", NULL};
    got = load(arena, NULL, both);
    assert_string_equal(
        "SOKOUL_TMDB_API_KEY: given both directly and as SOKOUL_TMDB_API_KEY_FILE\n", got.problems);
    unlink(path);
    const char *const wrong[] = {"SOKOUL_DATABASE_URL=oracle://hunter2@x", NULL};
    got = load(arena, NULL, wrong);
    assert_null(strstr(got.problems, "hunter2"));
}

static void the_file_s_mistakes_are_named_all_at_once(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *path = write_file(arena, "colour = red\nbcrypt_cost = 99\nlisten = here\nnonsense\n");
    struct loaded got = load(arena, path, NULL);
    unlink(path);
    assert_int_equal(SOK_INVALID, got.status);
    assert_non_null(strstr(got.problems, "colour: no such setting (line 1)"));
    assert_non_null(strstr(got.problems, "SOKOUL_BCRYPT_COST: "));
    assert_non_null(strstr(got.problems, "SOKOUL_LISTEN: "));
    assert_non_null(strstr(got.problems, "line 4 of "));
    const char *const hostile[] = {"SOKOUL_\x1b]0;x\x07\nSOKOUL_LISTEN: fine=1", NULL};
    got = load(arena, NULL, hostile);
    assert_string_equal("SOKOUL_]0;x SOKOUL_LISTEN: fine: no such setting\n", got.problems);
    got = load(arena, "/does/not/exist.conf", NULL);
    assert_int_equal(SOK_INVALID, got.status);
}

static void long_lines_are_read_whole_and_endless_ones_refused(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char *text = sok_alloc(arena, 20000), key[1001];
    memset(key, 'k', 1000);
    key[1000] = 0;
    snprintf(text, 20000, "tmdb_api_key = %s\n", key);
    const char *path = write_file(arena, text);
    struct loaded got = load(arena, path, NULL);
    unlink(path);
    assert_string_equal(key, got.config.tmdb_api_key);
    memset(text, '=', 19999);
    path = write_file(arena, text);
    got = load(arena, path, NULL);
    unlink(path);
    assert_non_null(strstr(got.problems, "line 1 of the configuration file is over"));
}

static void reloading_tells_live_changes_from_others(void **state)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *const environment[] = {
        "SOKOUL_RATE_API=1", "SOKOUL_LOG_LEVEL=debug", "SOKOUL_LISTEN=[::1]:1", NULL};
    struct loaded before = load(arena, NULL, NULL), after = load(arena, NULL, environment);
    assert_string_equal(
        "SOKOUL_RATE_API, SOKOUL_LOG_LEVEL", sok_config_changes(arena, &before.config, &after.config, true));
    assert_string_equal("SOKOUL_LISTEN", sok_config_changes(arena, &before.config, &after.config, false));
    assert_string_equal("", sok_config_changes(arena, &after.config, &after.config, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(the_environment_wins_over_the_file),
        cmocka_unit_test(a_folder_is_no_configuration),
        cmocka_unit_test(every_wrong_setting_is_named),
        cmocka_unit_test(right_settings_of_every_kind_are_taken),
        cmocka_unit_test(secrets_come_from_files_and_are_not_repeated),
        cmocka_unit_test(the_file_s_mistakes_are_named_all_at_once),
        cmocka_unit_test(long_lines_are_read_whole_and_endless_ones_refused),
        cmocka_unit_test(reloading_tells_live_changes_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
