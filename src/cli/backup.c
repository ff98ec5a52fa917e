// `sokoul backup FILE` and `sokoul restore FILE`.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "services/backup/backup.h"

#define PASSPHRASE_MAX 1024

struct arguments {
    const char *file, *passphrase_file;
    bool force;
};

static enum sok_status read_passphrase_file(
    struct sok_arena *arena, const char *path, const char **ret, struct sok_error *err)
{
    char line[PASSPHRASE_MAX + 2] = "";
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, sizeof(line), file);
    if (file)
        fclose(file);
    if (!is_read)
        return sok_fail(err, SOK_INVALID, "--passphrase-file: cannot read %s, or it is empty", path);
    size_t len = strcspn(line, "\r\n");
    bool is_whole = len <= PASSPHRASE_MAX;
    *ret = sok_strndup(arena, line, len);
    sok_wipe(line, sizeof(line));
    return is_whole ? SOK_OK : sok_fail(err, SOK_INVALID, "the passphrase is over %d bytes", PASSPHRASE_MAX);
}

static enum sok_status find_passphrase(
    struct sok_arena *arena, const struct sok_config *config, const struct arguments *given, bool is_new,
    const char **ret, struct sok_error *err)
{
    if (given->passphrase_file)
        return read_passphrase_file(arena, given->passphrase_file, ret, err);
    *ret = config->backup_passphrase;
    if (!*ret)
        SOK_TRY(sok_cli_read_secret(arena, "Passphrase of the backup: ", is_new, ret, err));
    if (sok_text_empty(*ret))
        return sok_fail(
            err, SOK_INVALID,
            "no passphrase: SOKOUL_BACKUP_PASSPHRASE, --passphrase-file, or the first line of standard "
            "input");
    return SOK_OK;
}

static struct sok_backup_place place_of(const struct sok_config *config)
{
    const char *named = getenv("SOKOUL_CONFIG");
    return (struct sok_backup_place){
        .data_dir = config->data_dir,
        .database_url = config->database_url,
        .config_file = named                              ? named
                       : access("sokoul.conf", R_OK) == 0 ? "sokoul.conf"
                                                          : NULL,
        .version = SOK_VERSION,
        .now_ms = sok_time_now_ms(),
    };
}

static int parse(const char *command, int argc, char **argv, struct arguments *ret)
{
    const char *words[1] = {NULL};
    const struct sok_cli_option options[] = {
        {.name = "passphrase-file", .ret_value = &ret->passphrase_file},
        {.name = "force", .ret_flag = &ret->force},
    };
    size_t count = strcmp(command, "restore") == 0 ? 2 : 1;
    int given = sok_cli_parse(command, argc, argv, 1, options, count, words, 1);
    if (given < 0)
        return SOK_EXIT_USAGE;
    if (given == 0 || sok_text_empty(words[0]))
        return sok_cli_usage(command, "needs a FILE");
    ret->file = words[0];
    return SOK_EXIT_OK;
}

static void print_report(
    struct sok_arena *arena, const char *what, const struct sok_backup_report *report, const char *file)
{
    char at[SOK_TIME_TEXT];
    sok_time_format(report->at_ms, at);
    printf(
        "%s: %zu tables, %lld rows, %lld files, %s in %s\n", what, report->table_count,
        (long long)report->rows, (long long)report->files, sok_cli_bytes(arena, report->bytes),
        sok_cli_clean(arena, file));
    printf(
        "as of %s, schema %lld of %s, Sokoul %s\n", at, (long long)report->schema,
        sok_cli_clean(arena, report->engine), sok_cli_clean(arena, report->version));
}

static enum sok_status back_up(struct sok_arena *arena, const struct arguments *given, struct sok_error *err)
{
    struct sok_config config;
    struct sok_backup_report report;
    const char *passphrase;
    SOK_TRY(sok_local_config(arena, &config, err));
    SOK_TRY(find_passphrase(arena, &config, given, true, &passphrase, err));
    const struct sok_backup_place place = place_of(&config);
    SOK_TRY(sok_backup_write(arena, &place, given->file, passphrase, &report, err));
    print_report(arena, "backed up", &report, given->file);
    return SOK_OK;
}

static enum sok_status bring_back(
    struct sok_arena *arena, const struct arguments *given, struct sok_error *err)
{
    struct sok_config config;
    struct sok_backup_report report;
    const char *passphrase;
    SOK_TRY(sok_local_config(arena, &config, err));
    SOK_TRY(find_passphrase(arena, &config, given, false, &passphrase, err));
    const struct sok_backup_place place = place_of(&config);
    SOK_TRY(sok_backup_restore(arena, &place, given->file, passphrase, given->force, &report, err));
    print_report(arena, "restored", &report, given->file);
    const char *before = sok_format(arena, "%s/before-restore", config.data_dir);
    if (access(before, F_OK) == 0)
        printf("what was there before is in %s\n", before);
    return SOK_OK;
}

int sok_cli_backup(int argc, char **argv)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct arguments given = {0};
    struct sok_error err = {0};
    int code = parse("backup", argc, argv, &given);
    if (code != SOK_EXIT_OK)
        return code;
    return back_up(arena, &given, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}

int sok_cli_restore(int argc, char **argv)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct arguments given = {0};
    struct sok_error err = {0};
    int code = parse("restore", argc, argv, &given);
    if (code != SOK_EXIT_OK)
        return code;
    return bring_back(arena, &given, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
