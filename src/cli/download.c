#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"

#define BAR_WIDTH 30

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number SOK_UNUSED)
{
    interrupted = 1;
}

static bool is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdefABCDEF") == len;
}

// What was given, by its form; NULL when it has none of the known ones.
static json_t *request_of(const char *what)
{
    json_t *body = json_object();
    int64_t id = 0;
    if (sok_parse_int(what, 1, INT64_MAX, &id))
        sok_json_set_int(body, "search_result_id", id);
    else if (sok_text_starts(what, "magnet:"))
        sok_json_set_text(body, "magnet_link", what);
    else if (is_hex(what, 40) || is_hex(what, 64))
        sok_json_set_text(body, "info_hash", what);
    else if (sok_text_starts(what, "http://") || sok_text_starts(what, "https://"))
        sok_json_set_text(body, "torrent_url", what);
    else {
        json_decref(body);
        return NULL;
    }
    return body;
}

static const char *duration(struct sok_arena *arena, int64_t seconds)
{
    if (seconds <= 0)
        return "";
    if (seconds < 3600)
        return sok_format(arena, ", %lld:%02lld left", (long long)seconds / 60, (long long)seconds % 60);
    return sok_format(
        arena, ", %lld:%02lld:%02lld left", (long long)seconds / 3600, (long long)seconds / 60 % 60,
        (long long)seconds % 60);
}

// On a terminal one line that is written over; elsewhere a line whenever the text changes by a whole step.
static void print_progress(struct sok_arena *arena, const json_t *download, int *last_step)
{
    double progress = sok_json_real(download, "progress", 0);
    const char *status = sok_json_text(download, "status", "");
    progress = progress < 0 ? 0 : progress > 100 ? 100 : progress;
    const char *line = sok_format(
        arena, "%5.1f %%  %s/s from %lld peers%s  %s", progress,
        sok_cli_bytes(arena, sok_json_int(download, "download_speed", 0)),
        (long long)sok_json_int(download, "peers", 0),
        duration(arena, sok_json_int(download, "eta_seconds", 0)), sok_cli_clean(arena, status));
    if (isatty(STDOUT_FILENO)) {
        char bar[BAR_WIDTH + 1];
        int filled = (int)(progress * BAR_WIDTH / 100);
        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', (size_t)filled);
        bar[BAR_WIDTH] = '\0';
        printf("\r[%s] %s\033[K", bar, line);
    } else if ((int)progress / 10 != *last_step) {
        puts(line);
    }
    *last_step = (int)progress / 10;
    fflush(stdout);
}

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (sok_text_eq(text, *list))
            return true;
    return false;
}

static enum sok_status finish(struct sok_arena *arena, const json_t *download, struct sok_error *err)
{
    const char *status = sok_json_text(download, "status", ""), *title = sok_json_text(download, "title", "");
    if (isatty(STDOUT_FILENO))
        putchar('\n');
    if (sok_text_eq(status, "failed") || sok_text_eq(status, "cancelled"))
        return sok_fail(
            err, SOK_UNAVAILABLE, "the download %s: %s", status,
            sok_cli_clean(arena, sok_json_text(download, "error", "no reason was given")));
    printf("100 %%  %s is complete and in the library.\n", sok_cli_clean(arena, title));
    return SOK_OK;
}

static enum sok_status follow(struct sok_client *client, const char *id, struct sok_error *err)
{
    static const char *const over[] = {"completed", "seeding", "failed", "cancelled", NULL};
    const char *path = sok_format(client->local.arena, "/downloads/%s", id);
    int last_step = -1;
    while (!interrupted) {
        SOK_ARENA_AUTO *arena = sok_arena_new(0);
        SOK_JSON_AUTO *download = NULL;
        SOK_TRY(sok_client_call(client, "GET", path, NULL, &download, err));
        print_progress(arena, download, &last_step);
        if (is_one_of(sok_json_text(download, "status", ""), over))
            return finish(arena, download, err);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    printf("\nIt goes on in the server; see sokoul status.\n");
    return SOK_OK;
}

static enum sok_status run(json_t *body_taken, const char *user, struct sok_error *err)
{
    SOK_JSON_AUTO *body = body_taken, *started = NULL;
    SOK_CLIENT_AUTO client = {0};
    SOK_TRY(sok_client_open(&client, user, err));
    SOK_TRY(sok_client_call(&client, "POST", "/downloads/start", json_incref(body), &started, err));
    const char *id = sok_json_text(started, "download_id", sok_json_text(started, "id", NULL));
    if (!id)
        return sok_fail(err, SOK_PROTOCOL, "the server's answer has no download_id");
    return follow(&client, id, err);
}

int sok_cli_download(int argc, char **argv)
{
    const char *user = NULL, *what = NULL;
    const struct sok_cli_option options[] = {{"user", &user, NULL}};
    int count = sok_cli_parse("download", argc, argv, 1, options, SOK_ARRAY_LEN(options), &what, 1);
    if (count < 0)
        return SOK_EXIT_USAGE;
    json_t *body = count == 1 ? request_of(what) : NULL;
    if (!body)
        return sok_cli_usage(
            "download", "the id of a search result, a magnet link, an info hash or a URL is needed");
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
    struct sok_error err = {0};
    return run(body, user, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
