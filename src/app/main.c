// The program's door: the commands that run it whole, beside those of cli/.
#include "app/commands.h"
#include "base/compiler.h"
#include "cli/cli.h"

static const struct sok_cli_command commands[] = {
    {"migrate", "migrate [--status]", "bring the database's schema up to date", sok_app_migrate},
};

int main(int argc, char **argv)
{
    return sok_cli_main(argc, argv, commands, SOK_ARRAY_LEN(commands));
}
