#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"

static void print_health(struct sok_arena *arena, const json_t *health)
{
    printf("health: %s\n", sok_cli_clean(arena, sok_json_text(health, "status", "unknown")));
    const char *name;
    json_t *check;
    json_object_foreach(json_object_get(health, "checks"), name, check)
    {
        const char *error = sok_json_text(check, "error", NULL);
        printf(
            "  %-20s %s%s%s\n", sok_cli_clean(arena, name),
            sok_cli_clean(arena, sok_json_text(check, "status", "")), error ? ": " : "",
            sok_cli_clean(arena, error));
    }
}

static void print_downloads(struct sok_arena *arena, const json_t *page)
{
    const json_t *items = json_object_get(page, "items"), *item;
    size_t i;
    printf("downloads: %lld\n", (long long)sok_json_int(page, "total", (int64_t)json_array_size(items)));
    json_array_foreach(items, i, item)
    {
        printf(
            "  %-11s %5.1f %%  %10s/s  %s\n", sok_cli_clean(arena, sok_json_text(item, "status", "")),
            sok_json_real(item, "progress", 0), sok_cli_bytes(arena, sok_json_int(item, "download_speed", 0)),
            sok_cli_clean(arena, sok_json_text(item, "title", "")));
    }
}

// A queue at rest is not worth a line.
static void print_queues(struct sok_arena *arena, const json_t *queues)
{
    const char *name;
    json_t *queue;
    bool any = false;
    printf("jobs:");
    json_object_foreach((json_t *)queues, name, queue)
    {
        long long pending = sok_json_int(queue, "pending", 0), running = sok_json_int(queue, "running", 0),
                  dead = sok_json_int(queue, "dead", 0);
        if (pending + running + dead) {
            printf(
                "\n  %-11s %lld waiting, %lld running, %lld failed for good", sok_cli_clean(arena, name),
                pending, running, dead);
            any = true;
        }
    }
    printf("%s\n", any ? "" : " none");
}

static void print_stats(struct sok_arena *arena, const json_t *stats)
{
    const json_t *media = json_object_get(stats, "media"), *types = json_object_get(media, "by_type"),
                 *folder;
    size_t i;
    printf(
        "library: %lld films, %lld series, %lld episodes; %lld files, %s\n",
        (long long)sok_json_int(types, "movie", 0), (long long)sok_json_int(types, "tv", 0),
        (long long)sok_json_int(types, "episode", 0), (long long)sok_json_int(media, "files", 0),
        sok_cli_bytes(arena, sok_json_int(media, "bytes", 0)));
    json_array_foreach(json_object_get(stats, "storage"), i, folder)
    {
        const char *error = sok_json_text(folder, "error", NULL);
        printf(
            "  %-11s %s free at %s%s%s\n", sok_cli_clean(arena, sok_json_text(folder, "purpose", "")),
            sok_cli_bytes(arena, sok_json_int(folder, "free_bytes", 0)),
            sok_cli_clean(arena, sok_json_text(folder, "path", "")), error ? ": " : "",
            sok_cli_clean(arena, error));
    }
    print_queues(arena, json_object_get(stats, "queues"));
}

static enum sok_status run(const char *user, struct sok_error *err)
{
    SOK_CLIENT_AUTO client = {0};
    SOK_JSON_AUTO *health = NULL, *downloads = NULL, *stats = NULL;
    SOK_TRY(sok_client_open(&client, user, err));
    printf("server: %s (as %s)\n", client.base_url, client.username);
    enum sok_status well = sok_client_call(&client, "GET", "//health/deep", NULL, &health, err);
    if (well == SOK_OK)
        print_health(client.local.arena, health);
    else if (well == SOK_UNAVAILABLE) // a part of it is ill, but it answers
        printf("health: degraded\n");
    else
        return well;
    well = sok_client_call(&client, "GET", "/admin/system/stats", NULL, &stats, err);
    if (well == SOK_OK)
        print_stats(client.local.arena, stats);
    else if (well != SOK_DENIED) // for admins only
        return well;
    SOK_TRY(sok_client_call(&client, "GET", "/downloads?per_page=50", NULL, &downloads, err));
    print_downloads(client.local.arena, downloads);
    return SOK_OK;
}

int sok_cli_status(int argc, char **argv)
{
    const char *user = NULL;
    const struct sok_cli_option options[] = {{"user", &user, NULL}};
    if (sok_cli_parse("status", argc, argv, 1, options, SOK_ARRAY_LEN(options), NULL, 0) < 0)
        return SOK_EXIT_USAGE;
    struct sok_error err = {0};
    return run(user, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
