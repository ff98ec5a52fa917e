#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/parse_release.h"

#define SECRET_MAX_BYTES 1024

static const struct sok_cli_command own_commands[] = {
    {"search",
     "search \"TITLE\" [--year Y] [--type movie|tv] [--season N [--episode N]] [--explain] [--user NAME]",
     "search every provider and show what was found, best first", sok_cli_search},
    {"download", "download ID|MAGNET|INFO-HASH|URL [--user NAME]",
     "start a search result (or a magnet link) and watch it until it is complete", sok_cli_download},
    {"status", "status [--user NAME]", "what the running server is doing", sok_cli_status},
    {"scan", "scan [DIR]", "import what already lies in the library folders", sok_cli_scan},
    {"user",
     "user add NAME --email E [--role user|moderator|admin]\nuser list\nuser passwd NAME\n"
     "user role NAME user|moderator|admin\nuser disable NAME\nuser enable NAME\nuser keys NAME\n"
     "user revoke NAME",
     "accounts; passwords are asked for or read from standard input", sok_cli_user},
    {"provider",
     "provider add NAME --kind KIND [--url URL] [--priority 0-1000]\nprovider list\nprovider test NAME\n"
     "provider remove NAME",
     "indexers and metadata sources; keys are asked for or read from standard input", sok_cli_provider},
    {"backup", "backup FILE [--passphrase-file PATH]",
     "everything but the films into one encrypted file, while the server runs", sok_cli_backup},
    {"restore", "restore FILE [--force] [--passphrase-file PATH]",
     "bring back what a backup holds; --force replaces what is there", sok_cli_restore},
    {"migrate-data", "migrate-data FROM TO [--force]",
     "copy a database into another: sqlite:PATH to postgresql://... or back", sok_cli_migrate_data},
    {"parse-release", "parse-release", "release names on standard input to JSON, one a line",
     sok_cli_parse_release},
    {"config", "config check", "validate the configuration and name each wrong setting", sok_cli_config},
};

struct table { // cli's own commands behind those of app
    const struct sok_cli_command *more;
    size_t more_count;
};

static const struct sok_cli_command *command_at(const struct table *table, size_t i)
{
    return i < table->more_count ? &table->more[i] : &own_commands[i - table->more_count];
}

static size_t command_count(const struct table *table)
{
    return table->more_count + SOK_ARRAY_LEN(own_commands);
}

static const struct sok_cli_command *find_command(const struct table *table, const char *name)
{
    for (size_t i = 0; i < command_count(table); i++)
        if (sok_text_eq(command_at(table, i)->name, name))
            return command_at(table, i);
    return NULL;
}

static void print_usage(FILE *out, const struct sok_cli_command *command)
{
    const char *prefix = "usage:";
    for (const char *line = command->usage; line; prefix = "      ") {
        int len = (int)strcspn(line, "\n");
        fprintf(out, "%s sokoul %.*s\n", prefix, len, line);
        line = line[len] ? line + len + 1 : NULL;
    }
}

static void print_command(const struct sok_cli_command *command)
{
    printf("%s\n", command->help);
    print_usage(stdout, command);
}

static void print_help(FILE *out, const struct table *table)
{
    fputs(
        "sokoul: search, download, keep and watch films and series\n\nusage: sokoul COMMAND [ARGUMENTS]\n\n",
        out);
    for (size_t i = 0; i < command_count(table); i++)
        fprintf(out, "  %-14s %s\n", command_at(table, i)->name, command_at(table, i)->help);
    fputs(
        "\n  --help         this text; `sokoul COMMAND --help` for one command\n"
        "  --version      the version\n\n"
        "Settings come from sokoul.conf and the environment. Exit codes: 0 done, 1 failed, 2 usage.\n"
        "More in sokoul(1).\n",
        out);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && !sok_text_eq(argv[i], "--"); i++)
        if (sok_text_eq(argv[i], "--help") || sok_text_eq(argv[i], "-h"))
            return true;
    return false;
}

int sok_cli_main(int argc, char **argv, const struct sok_cli_command *more, size_t count)
{
    const struct table table = {more, count};
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_help(stderr, &table);
        return SOK_EXIT_USAGE;
    }
    if (argc == 3 && sok_text_eq(name, "help") && find_command(&table, argv[2])) {
        print_command(find_command(&table, argv[2]));
        return SOK_EXIT_OK;
    }
    if (sok_text_eq(name, "--help") || sok_text_eq(name, "-h") || sok_text_eq(name, "help")) {
        print_help(stdout, &table);
        return SOK_EXIT_OK;
    }
    if (sok_text_eq(name, "--version")) {
        puts("sokoul " SOK_VERSION);
        return SOK_EXIT_OK;
    }
    const struct sok_cli_command *command = find_command(&table, name);
    if (!command) {
        fprintf(stderr, "sokoul: there is no command \"%s\"; see sokoul --help\n", name);
        return SOK_EXIT_USAGE;
    }
    if (asks_for_help(argc, argv)) {
        print_command(command);
        return SOK_EXIT_OK;
    }
    int code = command->run(argc - 1, argv + 1);
    if (code == SOK_EXIT_USAGE)
        print_usage(stderr, command);
    return code;
}

int sok_cli_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "sokoul: %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return SOK_EXIT_USAGE;
}

int sok_cli_failed(const struct sok_error *err)
{
    if (err->field_count == 0)
        fprintf(stderr, "sokoul: %s\n", err->message[0] ? err->message : sok_status_info(err->status)->title);
    for (int i = 0; i < err->field_count; i++)
        fprintf(stderr, "sokoul: %s: %s\n", err->fields[i].field, err->fields[i].message);
    return SOK_EXIT_FAILED;
}

static const struct sok_cli_option *find_option(
    const struct sok_cli_option *options, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

// One "--..." argument; advances *at when the value is the next one. False after saying what is wrong.
static bool take_option(
    const char *command, int argc, char **argv, int *at, const struct sok_cli_option *options, size_t count)
{
    const char *name = argv[*at] + 2;
    size_t len = strcspn(name, "=");
    const struct sok_cli_option *option = find_option(options, count, name, len);
    if (!option) {
        sok_cli_usage(command, "there is no option --%.*s", (int)len, name);
        return false;
    }
    if (!option->ret_value) {
        *option->ret_flag = true;
        if (name[len])
            sok_cli_usage(command, "--%s takes no value", option->name);
        return !name[len];
    }
    if (name[len]) {
        *option->ret_value = name + len + 1;
        return true;
    }
    if (*at + 1 >= argc) {
        sok_cli_usage(command, "--%s needs a value", option->name);
        return false;
    }
    *option->ret_value = argv[++*at];
    return true;
}

int sok_cli_parse(
    const char *command, int argc, char **argv, int first, const struct sok_cli_option *options,
    size_t option_count, const char **ret_words, int max_words)
{
    int words = 0;
    bool only_words = false;
    for (int i = first; i < argc; i++) {
        if (!only_words && sok_text_eq(argv[i], "--")) {
            only_words = true;
        } else if (!only_words && sok_text_starts(argv[i], "--")) {
            if (!take_option(command, argc, argv, &i, options, option_count))
                return -1;
        } else if (words == max_words) {
            sok_cli_usage(command, "\"%s\" is one argument too many", argv[i]);
            return -1;
        } else {
            ret_words[words++] = argv[i];
        }
    }
    return words;
}

// Up to the first line feed, byte by byte: what follows belongs to the next question.
static enum sok_status read_line(struct sok_arena *arena, const char **ret_line, struct sok_error *err)
{
    char line[SECRET_MAX_BYTES + 1];
    size_t len = 0;
    enum sok_status status = SOK_OK;
    for (char c;;) {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || c == '\n')
            break;
        if (len == SECRET_MAX_BYTES) {
            status = sok_fail(err, SOK_INVALID, "more than %d bytes on one line", SECRET_MAX_BYTES);
            break;
        }
        line[len++] = c;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (status == SOK_OK)
        *ret_line = sok_strndup(arena, line, len);
    sok_wipe(line, sizeof(line));
    return status;
}

static enum sok_status ask(
    struct sok_arena *arena, const char *prompt, const char **ret_line, struct sok_error *err)
{
    struct termios before, silent;
    bool changed = tcgetattr(STDIN_FILENO, &before) == 0;
    if (changed) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    fputs(prompt, stderr);
    fflush(stderr);
    enum sok_status status = read_line(arena, ret_line, err);
    if (changed)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return status;
}

enum sok_status sok_cli_read_secret(
    struct sok_arena *arena, const char *prompt, bool confirm, const char **ret_secret, struct sok_error *err)
{
    const char *first = NULL, *second = NULL;
    if (!isatty(STDIN_FILENO))
        return read_line(arena, ret_secret, err);
    SOK_TRY(ask(arena, prompt, &first, err));
    if (confirm) {
        SOK_TRY(ask(arena, "Once more: ", &second, err));
        if (!sok_text_eq(first, second))
            return sok_fail(err, SOK_INVALID, "the two are not the same");
    }
    *ret_secret = first;
    return SOK_OK;
}

const char *sok_cli_bytes(struct sok_arena *arena, long long bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < SOK_ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    return sok_format(arena, "%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
}

const char *sok_cli_clean(struct sok_arena *arena, const char *text)
{
    return sok_utf8_clean_line(arena, text);
}
