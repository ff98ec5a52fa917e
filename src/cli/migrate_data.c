// `sokoul migrate-data FROM TO`: from embedded to a cluster and back.
#include <stdio.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "services/backup/backup.h"

static enum sok_status move(const char *from, const char *to, bool force, struct sok_error *err)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_config config;
    struct sok_backup_report report;
    SOK_TRY(sok_local_config(arena, &config, err));
    SOK_TRY(sok_backup_settle(config.data_dir, config.database_url, err));
    SOK_TRY(sok_backup_move(arena, config.data_dir, from, to, force, sok_time_now_ms(), &report, err));
    for (size_t i = 0; i < report.table_count; i++)
        printf("%-24s %10lld\n", report.tables[i].name, (long long)report.tables[i].rows);
    printf("%zu tables, %lld rows moved\n", report.table_count, (long long)report.rows);
    puts("The data folder stays the one it was: its keys open what the database keeps sealed.");
    return SOK_OK;
}

int sok_cli_migrate_data(int argc, char **argv)
{
    const char *words[2] = {NULL};
    struct sok_error err = {0};
    bool force = false;
    const struct sok_cli_option options[] = {{.name = "force", .ret_flag = &force}};
    int count = sok_cli_parse("migrate-data", argc, argv, 1, options, 1, words, 2);
    if (count < 0)
        return SOK_EXIT_USAGE;
    if (count < 2)
        return sok_cli_usage("migrate-data", "needs the URLs of two databases");
    for (size_t i = 0; i < 2; i++)
        if (!sok_text_starts(words[i], "sqlite:") && !sok_text_starts(words[i], "postgresql:"))
            return sok_cli_usage("migrate-data", "a database is sqlite:PATH or postgresql://...");
    return move(words[0], words[1], force, &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
