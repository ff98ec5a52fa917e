#include <stdio.h>
#include <string.h>

#include "services/library/probe.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "probe-media") == 0)
        return sok_probe_child_main();
    puts("sokoul " SOK_VERSION);
    return 0;
}
