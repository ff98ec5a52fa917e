// `sokoul serve` and `sokoul worker`: opens the program, starts what the roles ask for, and waits for
// signals. SIGHUP reads the configuration again; SIGTERM and SIGINT stop gracefully; a second one stops at
// once.
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "api/middleware/middleware.h"
#include "app/commands.h"
#include "app/metrics_port.h"
#include "app/program.h"
#include "app/service_manager.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "cli/cli.h"
#include "services/auth/setup.h"
#include "services/settings/overrides.h"
#include "workers/roles.h"

#define GRACE_MS 30000
#define SPARE_THREADS 8
#define FILES_MAX 65536

struct running {
    struct sok_program program;
    int first_socket, sockets; // that a service manager listens on for us
    struct sok_http_server *server, *metrics_port;
    struct sok_workers *workers;
};

static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    // Before any thread starts, so that all inherit it and only this one sees them.
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// Sockets of clients and peers, and open films: the usual soft limit of 1024 is for programs that use select.
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES_MAX)
        return;
    files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &files); // refused: it stays as it is
}

static enum sok_status load_config(struct sok_arena *arena, struct sok_config *ret, struct sok_error *err)
{
    const char *problems = "";
    enum sok_status status = sok_config_load(arena, NULL, environ, ret, &problems, err);
    if (*problems)
        fprintf(stderr, "%s%s", problems, sok_text_ends(problems, "\n") ? "" : "\n");
    return status;
}

// Where a server answers many callers at a time, as many can ask it, and a few more are left for what needs
// no database and for saying that it is busy.
static int connection_threads(const struct sok_program *program)
{
    size_t pool = sok_db_pool_size(program->db);
    return pool ? (int)pool + SPARE_THREADS : 0;
}

static enum sok_status start_server(struct running *running, struct sok_error *err)
{
    struct sok_program *program = &running->program;
    return sok_http_server_start(
        &(struct sok_http_server_options){
            .listen = program->config.listen,
            .inherited_first = running->first_socket,
            .inherited_count = running->sockets,
            .routes = sok_api_routes,
            .route_count = sok_api_route_count,
            .app = &program->api,
            .before = sok_api_before,
            .admit = sok_api_admit,
            .after = sok_api_after,
            .trusted_proxies = program->config.trusted_proxies,
            .public_is_tls =
                sok_text_starts(program->config.public_url ? program->config.public_url : "", "https://"),
            .threads = connection_threads(program),
            .clock = &sok_clock_system,
            .metrics = program->metrics,
        },
        &running->server, err);
}

static enum sok_status greet(struct running *running, struct sok_error *err)
{
    struct sok_program *program = &running->program;
    int port = sok_http_server_port(running->server);
    const char *token, *address = sok_api_web_address(&program->config, program->arena, port);
    sok_log(
        SOK_LOG_INFO, SOK_LOG_API, "ready", SOK_TEXT("address", address), SOK_TEXT("version", SOK_VERSION));
    enum sok_status status =
        sok_setup_token(program->db, program->config.data_dir, program->arena, &token, err);
    if (status == SOK_NOT_FOUND)
        return SOK_OK;
    SOK_TRY(status);
    if (isatty(STDOUT_FILENO))
        puts("There is no account yet. Open this link in a browser: who registers there becomes the admin.");
    printf("setup: %s/setup?token=%s\n", address, token);
    fflush(stdout);
    return SOK_OK;
}

static enum sok_status take_sockets(struct running *running, struct sok_error *err)
{
    struct sok_program *program = &running->program;
    running->sockets = sok_service_sockets(&running->first_socket);
    if (!running->sockets)
        return SOK_OK;
    return sok_http_sockets_text(
        program->arena, running->first_socket, running->sockets, &program->config.listen, err);
}

static enum sok_status start(struct running *running, struct sok_error *err)
{
    struct sok_program *program = &running->program;
    SOK_TRY(take_sockets(running, err));
    SOK_TRY(sok_program_open(program, err));
    SOK_TRY(sok_workers_start(&program->env, program->config.roles, &running->workers, err));
    if (!(program->config.roles & SOK_ROLE_API)) {
        SOK_TRY(sok_metrics_port_start(program, &running->metrics_port, err));
        sok_log(SOK_LOG_INFO, SOK_LOG_WORKER, "ready", SOK_TEXT("version", SOK_VERSION));
        return SOK_OK;
    }
    SOK_TRY(start_server(running, err));
    return greet(running, err);
}

static void stop(struct running *running)
{
    struct sok_program *program = &running->program;
    atomic_store(&program->api.stopping, true);
    sok_workers_end_watch(running->workers);
    if (program->queue)
        sok_queue_stop(program->queue);
    running->server = sok_http_server_stop(running->server, GRACE_MS);
    running->workers = sok_workers_stop(running->workers, GRACE_MS);
    running->metrics_port = sok_http_server_stop(running->metrics_port, 0);
    sok_program_close(program);
}

static void reload(struct running *running)
{
    struct sok_program *program = &running->program;
    struct sok_config fresh;
    struct sok_error err = {0};
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    if (load_config(arena, &fresh, &err) != SOK_OK) {
        sok_log_error(SOK_LOG_ERROR, sok_log_process(), "the configuration was not reloaded", &err);
        return;
    }
    const char *changed, *kept, *waiting = sok_config_changes(arena, &program->config, &fresh, false);
    if (sok_overrides_rebase(program->overrides, arena, &fresh, &changed, &kept, &err) != SOK_OK) {
        sok_log_error(SOK_LOG_ERROR, sok_log_process(), "the configuration was not reloaded", &err);
        return;
    }
    sok_log(
        SOK_LOG_INFO, sok_log_process(), "configuration reloaded", SOK_TEXT("changed", changed),
        SOK_TEXT("overridden", kept), SOK_TEXT("needs_restart", waiting));
}

static void wait_for_end(struct running *running, const sigset_t *signals)
{
    for (;;) {
        int number = 0;
        if (sigwait(signals, &number))
            continue;
        if (number != SIGHUP)
            break;
        reload(running);
    }
    sok_log(SOK_LOG_INFO, sok_log_process(), "stopping");
    // Whoever asks again does not want to wait for the grace.
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

// In the log where that is read by programs, in plain words where it is a person.
static int failed(const struct sok_error *err)
{
    if (!sok_log_is_json())
        return sok_cli_failed(err);
    struct sok_error said = *err;
    if (err->field_count)
        snprintf(said.message, sizeof(said.message), "%s: %s", err->fields[0].field, err->fields[0].message);
    sok_log_error(SOK_LOG_ERROR, sok_log_process(), "cannot start", &said);
    return SOK_EXIT_FAILED;
}

static int run(unsigned roles)
{
    sigset_t signals;
    block_signals(&signals);
    raise_file_limit();
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct running running = {.program = {.arena = arena, .lock_fd = -1}};
    struct sok_error err = {0};
    if (load_config(arena, &running.program.config, &err) != SOK_OK)
        return SOK_EXIT_FAILED;
    sok_log_set(running.program.config.log_level, running.program.config.log_format);
    if (roles)
        running.program.config.roles = roles;
    if (!(running.program.config.roles & SOK_ROLE_API))
        sok_log_set_process(SOK_LOG_WORKER);
    if (roles && sok_text_starts(running.program.config.queue_url, "embedded:")) {
        sok_fail(
            &err, SOK_INVALID,
            "SOKOUL_QUEUE_URL: a worker of its own needs a queue that processes share; "
            "embedded: is inside sokoul serve");
        return failed(&err);
    }
    enum sok_status status = start(&running, &err);
    if (status == SOK_OK) {
        sok_service_ready();
        wait_for_end(&running, &signals);
        sok_service_stopping();
    }
    stop(&running);
    return status == SOK_OK ? SOK_EXIT_OK : failed(&err);
}

int sok_app_serve(int argc, char **argv)
{
    if (argc > 1)
        return sok_cli_usage(
            "serve", "takes no arguments; settings come from sokoul.conf and the environment");
    return run(0);
}

int sok_app_worker(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned role;
    } workers[] = {
        {"scout", SOK_ROLE_SCOUT},
        {"hunter", SOK_ROLE_HUNTER},
        {"oracle", SOK_ROLE_ORACLE},
        {"sentinel", SOK_ROLE_SENTINEL},
    };
    for (size_t i = 0; argc == 2 && i < SOK_ARRAY_LEN(workers); i++)
        if (sok_text_eq(argv[1], workers[i].name))
            return run(workers[i].role);
    return sok_cli_usage("worker", "name one of scout, hunter, oracle, sentinel");
}
