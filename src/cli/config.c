#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "runtime/config.h"

int sok_cli_config(int argc, char **argv)
{
    const char *words[1] = {NULL};
    int count = sok_cli_parse("config", argc, argv, 1, NULL, 0, words, 1);
    if (count < 0)
        return SOK_EXIT_USAGE;
    if (count != 1 || !sok_text_eq(words[0], "check"))
        return sok_cli_usage("config", "say what to do");
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_config config;
    struct sok_error err = {0};
    const char *problems = "";
    if (sok_config_load(arena, NULL, environ, &config, &problems, &err) == SOK_OK) {
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
