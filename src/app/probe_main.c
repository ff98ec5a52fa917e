// `sokoul-probe`: says on standard output what is inside the media file on standard input
// (services/library/probe.h); `sokoul-probe picture` makes a picture of the one on standard input
// (services/uploads/picture.h).
#include "base/text.h"
#include "services/library/probe.h"
#include "services/uploads/picture.h"

int main(int argc, char **argv)
{
    return argc > 1 && sok_text_eq(argv[1], "picture") ? sok_picture_child_main() : sok_probe_child_main();
}
