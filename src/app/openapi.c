// `sokoul openapi`: the document that the server gives, without a server.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "app/commands.h"
#include "cli/cli.h"

int sok_app_openapi(int argc, char **argv)
{
    const struct sok_embedded_file *document = sok_openapi_document();
    if (sok_cli_parse("openapi", argc, argv, 1, NULL, 0, NULL, 0) < 0)
        return SOK_EXIT_USAGE;
    if (fwrite(document->bytes, 1, document->len, stdout) == document->len && fflush(stdout) == 0)
        return SOK_EXIT_OK;
    fprintf(stderr, "sokoul: cannot write the document: %s\n", strerror(errno));
    return SOK_EXIT_FAILED;
}
