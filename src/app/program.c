#include "app/program.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/hub.h"
#include "api/login_watch.h"
#include "api/middleware/ip_gate.h"
#include "api/reset_mail.h"
#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "data/changes.h"
#include "data/migrate.h"
#include "net/http_client.h"
#include "runtime/data_lock.h"
#include "runtime/log.h"
#include "services/auth/auth.h"
#include "services/backup/backup.h"
#include "services/health/health.h"
#include "services/library/library.h"
#include "services/providers/registry.h"
#include "services/settings/overrides.h"
#include "services/streaming/play_client.h"
#include "services/streaming/play_server.h"
#include "services/streaming/stream.h"
#include "services/torrent/torrent.h"
#include "services/uploads/uploads.h"

#define ALONE_WAIT_MS 5000
#define SLOW_STATEMENT_MS 500 // has a line in the log

// Makes the folder and those above it; what is there already is left as it is.
static enum sok_status make_folder(
    struct sok_arena *arena, const char *path, mode_t mode, struct sok_error *err)
{
    char *part = sok_strdup(arena, path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %s", part);
        *slash = '/';
    }
    if (mkdir(part, mode) < 0 && errno != EEXIST)
        return sok_fail_errno(err, SOK_IO, errno, "cannot make the folder %s", part);
    return SOK_OK;
}

// Processes of a cluster share the folder, and still nothing is put into it under them: neither by `restore`
// nor by one of them that ends a restore, for which it has to be alone. Those that start together wait for
// it.
static enum sok_status share_data_dir(struct sok_program *program, struct sok_error *err)
{
    const struct sok_config *config = &program->config;
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    int64_t until_ms = sok_clock_mono_ms(&sok_clock_system) + ALONE_WAIT_MS;
    for (;;) {
        enum sok_status status = sok_data_share(config->data_dir, &program->lock_fd, err);
        if (status == SOK_OK && !sok_backup_is_unsettled(config->data_dir, config->database_url))
            return SOK_OK;
        sok_data_unlock(&program->lock_fd);
        if (status == SOK_OK)
            status = sok_backup_settle(config->data_dir, config->database_url, err);
        if (status != SOK_OK && status != SOK_CONFLICT)
            return status;
        if (sok_clock_mono_ms(&sok_clock_system) > until_ms)
            return status != SOK_OK
                       ? status
                       : sok_fail(
                             err, SOK_IO, "what an interrupted move has left in %s does not go away",
                             config->data_dir);
        nanosleep(&pause, NULL);
    }
}

static enum sok_status open_folders(struct sok_program *program, struct sok_error *err)
{
    const struct sok_config *config = &program->config;
    SOK_TRY(make_folder(program->arena, config->data_dir, 0700, err));
    SOK_TRY(make_folder(program->arena, config->download_dir, 0755, err));
    if (!sok_text_starts(config->queue_url, "embedded:"))
        return share_data_dir(program, err);
    SOK_TRY(sok_data_lock(config->data_dir, &program->lock_fd, err));
    return sok_backup_resume(config->data_dir, config->database_url, err);
}

// A copy of the audit trail and of every error, for who watches the whole cluster.
static void keep_line(void *context, enum sok_log_stream stream, const char *line, size_t len)
{
    struct sok_program *program = context;
    if (!sok_queue_publish_log(program->queue, stream, line, len))
        sok_metric_add(program->metrics, SOK_METRIC_LOG_DROPPED, 1, 0, 0, 0);
}

static void tell_slow(void *context, const char *sql, int64_t took_ms)
{
    sok_log(
        SOK_LOG_WARN, SOK_LOG_DATABASE, "slow statement", SOK_TEXT("statement", sql),
        SOK_INT("duration_ms", took_ms));
}

static enum sok_status open_backends(struct sok_program *program, struct sok_error *err)
{
    const struct sok_config *config = &program->config;
    const char *snapshots = sok_format(program->arena, "%s/snapshots", config->data_dir);
    int64_t applied;
    const struct sok_db_options database = {
        .url = config->database_url,
        .replica_urls = config->database_replica_urls,
        .metrics = program->metrics,
        .pool_min = config->db_pool_min,
        .pool_max = config->db_pool_max,
    };
    SOK_TRY(sok_db_open_with(&database, &program->db, err));
    SOK_TRY(sok_migrate(program->db, snapshots, sok_clock_now_ms(&sok_clock_system), &applied, err));
    SOK_TRY(sok_cache_open(config->cache_url, &sok_clock_system, program->metrics, &program->cache, err));
    sok_changes_listen(program->db, program->cache);
    sok_db_listen_slow(program->db, SLOW_STATEMENT_MS, tell_slow, NULL);
    SOK_TRY(sok_queue_open(config->queue_url, &program->queue, err));
    sok_log_set_sink(keep_line, program);
    sok_queue_measure(program->queue, program->metrics);
    return sok_overrides_open(
        &(struct sok_overrides_options){
            .config = &program->config,
            .db = program->db,
            .queue = program->queue,
            .clock = &sok_clock_system},
        &program->overrides, err);
}

static bool session_lives(void *context, const char *session_id, const char *user_id)
{
    struct sok_auth *auth = context;
    struct sok_principal principal;
    struct sok_error err = {0};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    return sok_session_find(auth->sessions, arena, session_id, &principal, &err) == SOK_OK &&
           sok_text_eq(principal.user_id, user_id);
}

// libtorrent takes a port nearby when the one asked for is taken. Peers get along with that, a port forwarded
// at the router does not.
static void check_torrent_port(struct sok_program *program)
{
    int port = sok_torrents_port(program->torrents);
    const char *asked = program->config.torrent_listen;
    const char *listed = sok_format(program->arena, "%s,", asked);
    if (strstr(listed, ":0,") || strstr(listed, sok_format(program->arena, ":%d,", port)))
        return;
    sok_log(
        SOK_LOG_WARN, SOK_LOG_WORKER, "BitTorrent cannot listen at SOKOUL_TORRENT_LISTEN, its port is taken",
        SOK_TEXT("asked", asked), SOK_INT("port", port));
}

static enum sok_status open_uploads(struct sok_program *program, struct sok_error *err)
{
    int removed = 0;
    struct sok_error unswept = {0};
    SOK_TRY(sok_uploads_open(
        &(struct sok_uploads_options){.data_dir = program->config.data_dir, .clamd = program->config.clamd},
        &program->uploads, err));
    int64_t now_ms = sok_clock_now_ms(&sok_clock_system);
    if (sok_avatars_sweep(program->uploads, program->db, now_ms, &removed, &unswept) != SOK_OK)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_API, "pictures that nobody uses could not be removed", &unswept);
    return SOK_OK;
}

// What one process downloads, another may play.
static enum sok_status open_play(struct sok_program *program, struct sok_error *err)
{
    if (sok_text_starts(program->config.queue_url, "embedded:"))
        return SOK_OK;
    if (program->torrents)
        SOK_TRY(sok_play_server_start(program->queue, program->torrents, &program->play_server, err));
    if (program->config.roles & SOK_ROLE_API)
        SOK_TRY(sok_play_client_new(program->queue, &program->play_client, err));
    return SOK_OK;
}

static enum sok_status open_services(struct sok_program *program, struct sok_error *err)
{
    const struct sok_config *config = &program->config;
    const struct sok_clock *clock = &sok_clock_system;
    SOK_TRY(sok_http_client_new(
        &(struct sok_http_client_options){
            .clock = clock,
            .metrics = program->metrics,
            .user_agent = "Sokoul/" SOK_VERSION,
            .allow_hosts = config->allow_hosts},
        &program->http, err));
    SOK_TRY(sok_auth_open(
        &(struct sok_auth_options){
            .data_dir = config->data_dir,
            .db = program->db,
            .cache = program->cache,
            .queue = program->queue,
            .clock = clock,
            .bcrypt_cost = config->bcrypt_cost},
        &program->auth, err));
    program->providers =
        sok_providers_new(config, program->db, program->auth->secretbox, program->http, clock);
    // Loading them allows their addresses, so that a download kept from before can be fetched before any
    // search has asked; a provider that cannot be read now is read when it is needed.
    struct sok_provider_instance *known;
    size_t known_count;
    struct sok_error unread = {0};
    if (sok_providers_load(program->providers, program->arena, &known, &known_count, &unread) != SOK_OK)
        sok_log_error(SOK_LOG_WARN, SOK_LOG_WORKER, "the providers could not be read", &unread);

    if (config->roles & SOK_ROLE_HUNTER)
        SOK_TRY(sok_torrents_new(
            &(struct sok_torrents_options){
                .listen = config->torrent_listen,
                .dht = config->torrent_dht,
                .lsd = config->torrent_lsd,
                .upnp = config->torrent_upnp,
                .down_kib = config->torrent_down_kib,
                .up_kib = config->torrent_up_kib},
            &program->torrents, err));
    if (program->torrents)
        check_torrent_port(program);
    SOK_TRY(open_play(program, err));
    SOK_TRY(sok_library_open(
        &(struct sok_library_options){
            .db = program->db, .clock = clock, .library_dirs = config->library_dirs},
        &program->library, err));
    if (config->roles & SOK_ROLE_API)
        SOK_TRY(open_uploads(program, err));
    if (config->roles & SOK_ROLE_API)
        SOK_TRY(sok_streaming_open(
            &(struct sok_streaming_options){
                .db = program->db,
                .clock = clock,
                .library = program->library,
                .torrents = program->torrents,
                .accel_prefix = sok_text_empty(config->accel_prefix) ? NULL : config->accel_prefix,
                .others = program->play_client,
                .data_dir = config->data_dir,
                .session_lives = session_lives,
                .context = program->auth},
            &program->streaming, err));
    return SOK_OK;
}

// Hands settings that changed to what keeps a copy of them; everything else reads them in the configuration.
static void settings_applied(void *context)
{
    struct sok_program *program = context;
    const struct sok_config *config = &program->config;
    sok_log_set(config->log_level, config->log_format);
    if (program->torrents)
        sok_torrents_set_limits(program->torrents, config->torrent_down_kib, config->torrent_up_kib);
    if (program->hub)
        sok_hub_set_max_per_ip(program->hub, config->max_ws_per_ip);
}

static void settings_failed(void *context, const struct sok_error *err)
{
    sok_log_error(SOK_LOG_ERROR, sok_log_process(), "changed settings could not be read", err);
}

static void set_views(struct sok_program *program)
{
    program->api = (struct sok_api){
        .config = &program->config,
        .clock = &sok_clock_system,
        .metrics = program->metrics,
        .db = program->db,
        .cache = program->cache,
        .queue = program->queue,
        .overrides = program->overrides,
        .http = program->http,
        .providers = program->providers,
        .auth = program->auth,
        .torrents = program->torrents,
        .library = program->library,
        .streaming = program->streaming,
        .uploads = program->uploads,
        .hub = program->hub,
        .reset_mail = program->reset_mail,
        .ip_gate = program->ip_gate,
        .started_ms = sok_clock_mono_ms(&sok_clock_system),
    };
    sok_api_name_endpoints(&program->api, program->arena);
    program->env = (struct sok_worker_env){
        .config = &program->config,
        .clock = &sok_clock_system,
        .metrics = program->metrics,
        .db = program->db,
        .cache = program->cache,
        .queue = program->queue,
        .http = program->http,
        .providers = program->providers,
        .secretbox = program->auth->secretbox,
        .torrents = program->torrents,
        .library = program->library,
        .owner = program->owner,
    };
}

// A start does not fail because a cache or a queue is away: it is named here, and waited for.
static void name_absent(const struct sok_program *program)
{
    const struct sok_health_env env = {
        .config = &program->config,
        .clock = &sok_clock_system,
        .db = program->db,
        .cache = program->cache,
        .queue = program->queue};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_health_check *checks;
    size_t count;
    sok_health_run(&env, arena, &checks, &count);
    for (size_t i = 0; i < count; i++)
        if (!checks[i].ok && checks[i].vital)
            sok_log(
                SOK_LOG_WARN, sok_log_process(), "started without a part that is not well",
                SOK_TEXT("part", checks[i].name), SOK_TEXT("error", checks[i].error));
}

static enum sok_status open_parts(struct sok_program *program, struct sok_error *err)
{
    program->metrics = sok_metrics_new();
    sok_metric_set(
        program->metrics, SOK_METRIC_BUILD_INFO, 1,
        sok_label_intern(program->metrics, SOK_LABEL_VERSION, SOK_VERSION), 0);
    sok_uuid7(sok_clock_now_ms(&sok_clock_system), program->owner);
    SOK_TRY(open_folders(program, err));
    SOK_TRY(open_backends(program, err));
    SOK_TRY(open_services(program, err));
    SOK_TRY(sok_ip_gate_new(program->db, program->queue, &sok_clock_system, &program->ip_gate, err));
    if (program->config.roles & SOK_ROLE_API)
        SOK_TRY(sok_hub_new(
            &(struct sok_hub_options){
                .queue = program->queue,
                .clock = &sok_clock_system,
                .metrics = program->metrics,
                .ip_gate = program->ip_gate,
                .max_per_ip = program->config.max_ws_per_ip,
                .is_one_of_many = !sok_text_starts(program->config.queue_url, "embedded:")},
            &program->hub, err));
    if (program->config.roles & SOK_ROLE_API) {
        program->reset_mail = sok_reset_mail_new(&program->api);
        program->login_watch = sok_login_watch_new(program->auth->sessions, program->hub);
    }
    set_views(program);
    name_absent(program);
    return sok_overrides_follow(program->overrides, settings_applied, settings_failed, program, err);
}

enum sok_status sok_program_open(struct sok_program *program, struct sok_error *err)
{
    program->lock_fd = -1;
    enum sok_status status = open_parts(program, err);
    if (status != SOK_OK)
        sok_program_close(program);
    return status;
}

void sok_program_close(struct sok_program *program)
{
    program->reset_mail = sok_reset_mail_free(program->reset_mail);
    program->login_watch = sok_login_watch_free(program->login_watch);
    sok_log_set_sink(NULL, NULL);
    sok_play_server_stop(program->play_server); // sends through the queue
    // The queue's thread calls into the hub and the sessions, so it ends before they do.
    program->queue = sok_queue_close(program->queue);
    program->overrides = sok_overrides_close(program->overrides);
    program->hub = sok_hub_free(program->hub);
    program->ip_gate = sok_ip_gate_free(program->ip_gate);
    program->streaming = sok_streaming_close(program->streaming);
    program->play_client = sok_play_client_free(program->play_client);
    program->play_server = sok_play_server_free(program->play_server);
    program->uploads = sok_uploads_close(program->uploads);
    program->library = sok_library_close(program->library);
    program->torrents = sok_torrents_free(program->torrents);
    program->providers = sok_providers_free(program->providers);
    program->auth = sok_auth_close(program->auth);
    program->http = sok_http_client_free(program->http);
    program->cache = sok_cache_close(program->cache);
    program->db = sok_db_close(program->db);
    program->metrics = sok_metrics_free(program->metrics);
    sok_data_unlock(&program->lock_fd);
}
