// The command `sokoul parse-release`.
#ifndef SOK_CLI_PARSE_RELEASE_H
#define SOK_CLI_PARSE_RELEASE_H

// argv[0] is the command's own name. Returns the exit status: 0 ok, 1 reading or writing failed, 2 usage.
int sok_cli_parse_release(int argc, char **argv);

#endif
