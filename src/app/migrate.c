// `sokoul migrate`: brings the database's schema up to date, or says where it stands. `serve` does the former
// at its start, too.
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/commands.h"
#include "backends/db/db.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "data/migrate.h"
#include "runtime/config.h"
#include "services/backup/backup.h"

extern char **environ;

static enum sok_status show(struct sok_db *db, struct sok_arena *arena, struct sok_error *err)
{
    struct sok_migration_state *states;
    size_t count;
    SOK_TRY(sok_migrate_status(db, arena, &states, &count, err));
    for (size_t i = 0; i < count; i++) {
        char at[SOK_TIME_TEXT] = "pending";
        if (states[i].applied_at)
            sok_time_format(states[i].applied_at, at);
        printf("%04lld  %-24s  %s\n", (long long)states[i].version, at, states[i].name);
    }
    return SOK_OK;
}

static enum sok_status apply(struct sok_db *db, const char *snapshots, struct sok_error *err)
{
    int64_t applied;
    SOK_TRY(sok_migrate(db, snapshots, sok_time_now_ms(), &applied, err));
    printf("%lld applied\n", (long long)applied);
    return SOK_OK;
}

int sok_app_migrate(int argc, char **argv)
{
    bool status_only = argc == 2 && sok_text_eq(argv[1], "--status");
    if (argc > 1 && !status_only)
        return sok_cli_usage("migrate", "takes --status or nothing");
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_config config;
    struct sok_error err = {0};
    const char *problems = "";
    SOK_CLEANUP(sok_db_cleanup) struct sok_db *db = NULL;
    enum sok_status status = sok_config_load(arena, NULL, environ, &config, &problems, &err);
    fputs(problems, stderr);
    if (status == SOK_OK && mkdir(config.data_dir, 0700) != 0 && errno != EEXIST)
        status = sok_fail_errno(&err, SOK_IO, errno, "cannot make the data folder %s", config.data_dir);
    if (status == SOK_OK)
        status = sok_backup_settle(config.data_dir, config.database_url, &err);
    if (status == SOK_OK)
        status = sok_db_open(config.database_url, NULL, &db, &err);
    if (status == SOK_OK)
        status = status_only ? show(db, arena, &err)
                             : apply(db, sok_format(arena, "%s/snapshots", config.data_dir), &err);
    return status == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
