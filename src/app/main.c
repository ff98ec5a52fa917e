// The program's door: the commands that run it whole, beside those of cli/.
#include "app/commands.h"
#include "base/compiler.h"
#include "cli/cli.h"

static const struct sok_cli_command commands[] = {
    {"serve", "serve", "run the server and the workers of SOKOUL_ROLES", sok_app_serve},
    {"worker", "worker scout|hunter|oracle|sentinel", "run one worker (needs a shared queue)",
     sok_app_worker},
    {"migrate", "migrate [--status]", "bring the database's schema up to date", sok_app_migrate},
    {"openapi", "openapi", "print the OpenAPI document of the HTTP API", sok_app_openapi},
};

int main(int argc, char **argv)
{
    return sok_cli_main(argc, argv, commands, SOK_ARRAY_LEN(commands));
}
