// `sokoul parse-release`: release names in, one a line; JSON objects out, one a line, in order.
#include "cli/parse_release.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "domain/release.h"

// Reads a line of any length but keeps SOK_RELEASE_NAME_MAX bytes of it. -1 at the end of the input.
static long read_line(FILE *in, char *line)
{
    long len = 0;
    int c = getc_unlocked(in);
    if (c == EOF)
        return -1;
    for (; c != EOF && c != '\n'; c = getc_unlocked(in))
        if (len < SOK_RELEASE_NAME_MAX)
            line[len++] = (char)c;
    return len;
}

int sok_cli_parse_release(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "sokoul parse-release takes no arguments, but names on standard input\n");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    char line[SOK_RELEASE_NAME_MAX];
    for (long len; (len = read_line(stdin, line)) >= 0; sok_arena_reset(arena)) {
        struct sok_release release;
        sok_release_parse_bytes(arena, line, (size_t)len, &release);
        SOK_JSON_AUTO *object = sok_release_to_json(&release);
        fputs(sok_json_dump(arena, object), stdout);
        putchar('\n');
    }
    return fflush(stdout) == 0 && !ferror(stdin) ? 0 : 1;
}
