// `sokoul-probe`: says on standard output what is inside the media file on standard input. See
// services/library/probe.h.
#include "services/library/probe.h"

int main(void)
{
    return sok_probe_child_main();
}
