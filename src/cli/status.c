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

static enum sok_status run(const char *user, struct sok_error *err)
{
    SOK_CLIENT_AUTO client = {0};
    SOK_JSON_AUTO *health = NULL, *downloads = NULL;
    SOK_TRY(sok_client_open(&client, user, err));
    printf("server: %s (as %s)\n", client.base_url, client.username);
    enum sok_status well = sok_client_call(&client, "GET", "//health/deep", NULL, &health, err);
    if (well == SOK_OK)
        print_health(client.local.arena, health);
    else if (well == SOK_UNAVAILABLE) // a part of it is ill, but it answers
        printf("health: degraded\n");
    else
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
