#include <stdio.h>
#include <unistd.h>

#include "backends/cache/cache.h"
#include "backends/db/db.h"
#include "backends/queue/queue.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "runtime/config.h"

// What is well said but what this program has no driver for.
static int backends_missing(const struct sok_config *config)
{
    const struct {
        const char *setting;
        bool is_there;
        const char *problem;
    } urls[] = {
        {"SOKOUL_DATABASE_URL", sok_db_has_driver(config->database_url), "there is no driver for its scheme"},
        {"SOKOUL_CACHE_URL", sok_cache_has_driver(config->cache_url), "there is no driver for its scheme"},
        {"SOKOUL_QUEUE_URL", sok_queue_has_driver(config->queue_url), "there is no driver for its scheme"},
    };
    int missing = 0;
    for (size_t i = 0; i < SOK_ARRAY_LEN(urls); i++)
        if (!urls[i].is_there) {
            fprintf(stderr, "%s: %s\n", urls[i].setting, urls[i].problem);
            missing++;
        }
    return missing;
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
        if (backends_missing(&config))
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
