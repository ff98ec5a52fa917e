// Feeds arbitrary bytes to the entry point of .torrent files. Corpus: tests/corpus/torrent/.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "services/torrent/torrent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    struct sok_error err = {0};
    struct sok_torrent_info info;
    if (sok_torrent_inspect(arena, data, size, &info, &err) != SOK_OK)
        return 0;
    for (size_t i = 0; i < info.file_count; i++) { // what was let through stays beneath its folder
        const char *path = sok_format(arena, "/%s/", info.files[i].path);
        if (path[1] == '/' || strstr(path, "/../"))
            sok_panic("a path leads out of its folder: %s", path);
    }
    return 0;
}
