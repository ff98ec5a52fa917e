#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "runtime/config.h"

static bool is_wrong(
    const char *setting, const char *url, enum sok_status (*check)(const char *url, struct sok_error *err))
{
    struct sok_error err = {0};
    if (check(url, &err) == SOK_OK)
        return false;
    fprintf(stderr, "%s: %s\n", setting, err.message);
    return true;
}

// What the configuration takes for a URL and the drivers do not.
static bool has_wrong_url(struct sok_arena *arena, const struct sok_config *config)
{
    bool wrong = is_wrong("SOKOUL_DATABASE_URL", config->database_url, sok_db_check_url);
    wrong |= is_wrong("SOKOUL_CACHE_URL", config->cache_url, sok_cache_check_url);
    wrong |= is_wrong("SOKOUL_QUEUE_URL", config->queue_url, sok_queue_check_url);
    char *list = sok_strdup(arena, config->database_replica_urls), *url;
    while (list && (url = strsep(&list, ",")))
        wrong |=
            *url && is_wrong("SOKOUL_DATABASE_REPLICA_URLS", sok_text_trim(arena, url), sok_db_check_url);
    return wrong;
}

int sok_cli_config(int argc, char **argv)
{
    const char *words[1] = {NULL};
    int count = sok_cli_parse("config", argc, argv, 1, NULL, 0, words, 1);
    if (count < 0)
        return SOK_EXIT_USAGE;
    if (count != 1 || !sok_text_eq(words[0], "check"))
        return sok_cli_usage("config", "check is what it can do");
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_config config;
    struct sok_error err = {0};
    const char *problems = "";
    if (sok_config_load(arena, NULL, environ, &config, &problems, &err) == SOK_OK) {
        if (has_wrong_url(arena, &config))
            return SOK_EXIT_FAILED;
        puts("The configuration is good.");
        return SOK_EXIT_OK;
    }
    if (sok_text_empty(problems))
        return sok_cli_failed(&err);
    fputs(problems, stderr);
    if (!sok_text_ends(problems, "\n"))
        fputc('\n', stderr);
    return SOK_EXIT_FAILED;
}
