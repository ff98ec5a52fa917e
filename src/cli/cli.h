// The command line: one table of commands, and what every command shares.
#ifndef SOK_CLI_CLI_H
#define SOK_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_EXIT_OK 0
#define SOK_EXIT_FAILED 1
#define SOK_EXIT_USAGE 2

struct sok_cli_command {
    const char *name;
    const char *usage; // what follows "sokoul ", one form a line: "user add NAME --email E\nuser list"
    const char *help;  // one line
    int (*run)(int argc, char **argv); // argv[0] is the command's name; returns the exit code
};

// Runs the command that argv[1] names, out of cli's own table and `more` (those that app registers). --help,
// --version and `COMMAND --help` answer on standard output; what is wrong is said on standard error with exit
// code 2. `more` lives as long as the process.
int sok_cli_main(int argc, char **argv, const struct sok_cli_command *more, size_t count);

// --- For commands.

// "sokoul: user: <message>" on standard error. Returns SOK_EXIT_USAGE, upon which sok_cli_main shows the
// command's usage.
int sok_cli_usage(const char *command, const char *format, ...) SOK_PRINTF(2, 3);

// "sokoul: <message>" and the wrong fields on standard error. Returns SOK_EXIT_FAILED.
int sok_cli_failed(const struct sok_error *err);

// "--name VALUE", "--name=VALUE" or, without `ret_value`, the flag "--name".
struct sok_cli_option {
    const char *name; // without dashes
    const char **ret_value;
    bool *ret_flag;
};

// Sorts a command's arguments (argv[first] on) into options and words; "--" ends the options. Returns the
// number of words, or -1 after saying what is wrong (the caller returns SOK_EXIT_USAGE).
int sok_cli_parse(
    const char *command, int argc, char **argv, int first, const struct sok_cli_option *options,
    size_t option_count, const char **ret_words, int max_words);

// A secret from standard input: asked for with `prompt` and without echo on a terminal (twice when
// `confirm`), else its first line. "" when there is none. SOK_INVALID when it is over 1,024 bytes or the two
// differ. In the arena; the caller wipes it.
SOK_MUST_CHECK enum sok_status sok_cli_read_secret(
    struct sok_arena *arena, const char *prompt, bool confirm, const char **ret_secret,
    struct sok_error *err);

// A size as people write it: "1.4 GiB". In the arena.
const char *sok_cli_bytes(struct sok_arena *arena, long long bytes);

// Text from elsewhere for the terminal: control characters (and so escape sequences) are dropped. In the
// arena.
const char *sok_cli_clean(struct sok_arena *arena, const char *text);

#endif
