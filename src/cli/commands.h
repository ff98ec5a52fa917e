// The commands that cli/ itself has; app/commands.h has those that run the whole program.
#ifndef SOK_CLI_COMMANDS_H
#define SOK_CLI_COMMANDS_H

int sok_cli_backup(int argc, char **argv);
int sok_cli_config(int argc, char **argv);
int sok_cli_download(int argc, char **argv);
int sok_cli_migrate_data(int argc, char **argv);
int sok_cli_provider(int argc, char **argv);
int sok_cli_restore(int argc, char **argv);
int sok_cli_scan(int argc, char **argv);
int sok_cli_search(int argc, char **argv);
int sok_cli_status(int argc, char **argv);
int sok_cli_user(int argc, char **argv);

#endif
