// Names of files are strangers' text: whatever they are, they are judged without harm.
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "services/library/beneath.h"
#include "services/library/classify.h"
#include "services/library/library-private.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    SOK_ARENA_AUTO *arena = sok_arena_new(0);
    const char *path = sok_strndup(arena, (const char *)data, len), *reason;
    struct sok_release release;
    struct sok_episode_numbers numbers;
    bool is_series;
    (void)sok_classify_file(path, (int64_t)len << 20, &reason);
    (void)sok_beneath_is_path(path);
    (void)sok_subtitle_suffix(arena, sok_path_stem(arena, path), sok_path_folder(arena, path));
    sok_work_read_path(arena, path, &release, &is_series);
    (void)sok_work_episodes(arena, &release, NULL, 0, &numbers, &reason);
    return 0;
}
