#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"

#define POLL_MS 1000 // 60 a minute stay below the API's limit
#define WAIT_MAX_MS (3 * 60 * 1000)

struct options {
    const char *title, *year, *type, *season, *episode, *user;
    bool explain;
};

static bool set_number(json_t *body, const char *name, const char *text, int64_t max)
{
    int64_t value = 0;
    if (!text)
        return true;
    if (!sok_parse_int(text, 0, max, &value))
        return false;
    sok_json_set_int(body, name, value);
    return true;
}

// One line a provider, when it has answered.
static void print_provider(struct sok_arena *arena, const json_t *provider)
{
    const char *name = sok_cli_clean(arena, sok_json_text(provider, "name", "?"));
    const char *error = sok_json_text(provider, "error", NULL);
    if (error)
        fprintf(stderr, "%s: %s\n", name, sok_cli_clean(arena, error));
    else
        fprintf(
            stderr, "%s: %lld results in %lld ms\n", name, (long long)sok_json_int(provider, "results", 0),
            (long long)sok_json_int(provider, "latency_ms", 0));
}

static bool is_over(const char *status)
{
    return sok_text_eq(status, "completed") || sok_text_eq(status, "failed");
}

// Reports the providers that have answered since the last look; `seen` holds the names of those reported.
static void print_news(struct sok_arena *arena, const json_t *search, json_t *seen)
{
    size_t i;
    const json_t *provider;
    json_array_foreach(json_object_get(search, "providers"), i, provider)
    {
        const char *name = sok_json_text(provider, "name", "?");
        if (!is_over(sok_json_text(provider, "status", "")) || json_object_get(seen, name))
            continue;
        sok_json_set_bool(seen, name, true);
        print_provider(arena, provider);
    }
}

static void print_reasons(struct sok_arena *arena, const json_t *result)
{
    size_t i;
    const json_t *reason;
    json_array_foreach(json_object_get(result, "score_breakdown"), i, reason)
    {
        double points = sok_json_real(reason, "points", 0);
        printf("%14s%+6.1f  %s\n", "", points, sok_cli_clean(arena, sok_json_text(reason, "reason", "")));
    }
}

static void print_results(struct sok_arena *arena, const json_t *search, bool explain)
{
    const json_t *results = json_object_get(search, "results"), *result;
    size_t i;
    if (json_array_size(results) == 0) {
        puts("Nothing was found.");
        return;
    }
    printf("%8s  %5s  %10s  %7s  %s\n", "ID", "SCORE", "SIZE", "SEEDERS", "RELEASE");
    json_array_foreach(results, i, result)
    {
        int64_t seeders = sok_json_int(result, "seeders", -1), size = sok_json_int(result, "size_bytes", 0);
        printf(
            "%8lld  %5lld  %10s  %7s  %s  [%s]\n", (long long)sok_json_int(result, "id", 0),
            (long long)sok_json_int(result, "score", 0), size > 0 ? sok_cli_bytes(arena, size) : "?",
            seeders >= 0 ? sok_format(arena, "%lld", (long long)seeders) : "?",
            sok_cli_clean(arena, sok_json_text(result, "title", "")),
            sok_cli_clean(arena, sok_json_text(result, "provider", "")));
        if (explain)
            print_reasons(arena, result);
    }
    puts("\nStart one with: sokoul download ID");
}

static enum sok_status follow(
    struct sok_client *client, const char *search_id, bool explain, struct sok_error *err)
{
    struct sok_arena *arena = client->local.arena;
    SOK_JSON_AUTO *seen = json_object();
    const char *path = sok_format(arena, "/search/%s", search_id);
    for (int waited_ms = 0; waited_ms < WAIT_MAX_MS; waited_ms += POLL_MS) {
        SOK_JSON_AUTO *search = NULL;
        SOK_TRY(sok_client_call(client, "GET", path, NULL, &search, err));
        const char *status = sok_json_text(search, "status", "");
        print_news(arena, search, seen);
        if (sok_text_eq(status, "failed") && json_array_size(json_object_get(search, "results")) == 0)
            return sok_fail(
                err, SOK_UNAVAILABLE, "the search failed: %s",
                sok_cli_clean(arena, sok_json_text(search, "error", "no provider answered")));
        if (is_over(status)) {
            print_results(arena, search, explain);
            return SOK_OK;
        }
        nanosleep(&(struct timespec){.tv_sec = POLL_MS / 1000}, NULL);
    }
    return sok_fail(err, SOK_TIMEOUT, "the search is still running after %d s", WAIT_MAX_MS / 1000);
}

static enum sok_status run(const struct options *options, json_t *body_taken, struct sok_error *err)
{
    SOK_CLIENT_AUTO client = {0};
    SOK_JSON_AUTO *body = body_taken, *started = NULL;
    SOK_TRY(sok_client_open(&client, options->user, err));
    SOK_TRY(sok_client_call(&client, "POST", "/search", json_incref(body), &started, err));
    const char *search_id = sok_json_text(started, "search_id", NULL);
    if (!search_id)
        return sok_fail(err, SOK_PROTOCOL, "the server's answer has no search_id");
    return follow(&client, search_id, options->explain, err);
}

int sok_cli_search(int argc, char **argv)
{
    struct options o = {0};
    const struct sok_cli_option options[] = {{"year", &o.year, NULL},     {"type", &o.type, NULL},
                                             {"season", &o.season, NULL}, {"episode", &o.episode, NULL},
                                             {"user", &o.user, NULL},     {"explain", NULL, &o.explain}};
    int count = sok_cli_parse("search", argc, argv, 1, options, SOK_ARRAY_LEN(options), &o.title, 1);
    if (count < 0)
        return SOK_EXIT_USAGE;
    if (count == 0 || sok_text_empty(o.title))
        return sok_cli_usage("search", "a title is needed");
    if (o.type && !sok_text_eq(o.type, "movie") && !sok_text_eq(o.type, "tv"))
        return sok_cli_usage("search", "--type is movie or tv");
    if (o.episode && !o.season)
        return sok_cli_usage("search", "--episode goes with --season");
    json_t *body = json_object();
    sok_json_set_text(body, "query", o.title);
    sok_json_set_text(body, "media_type", o.type);
    if (!set_number(body, "year", o.year, 9999) || !set_number(body, "season", o.season, 9999) ||
        !set_number(body, "episode", o.episode, 99999)) {
        json_decref(body);
        return sok_cli_usage("search", "--year, --season and --episode are numbers");
    }
    struct sok_error err = {0};
    return run(&o, body, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
