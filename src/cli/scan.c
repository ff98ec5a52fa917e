// `sokoul scan [DIR]`: the library's rows made to agree with its folders, in this process. A server may be
// running: both write the same database.
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "services/library/library.h"

static void show_progress(void *context, const struct sok_scan_result *so_far)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%lld files, %lld new", (long long)so_far->files, (long long)so_far->added);
}

static void print_count(int64_t count, const char *one, const char *many)
{
    if (count)
        printf("  %lld %s\n", (long long)count, count == 1 ? one : many);
}

static void print_result(struct sok_arena *arena, const struct sok_scan_result *result)
{
    printf("%lld films in %lld folders\n", (long long)result->files, (long long)result->folders);
    print_count(result->added, "new file", "new files");
    print_count(result->media_made, "new film or series", "new films or series");
    print_count(result->unchanged, "known already", "known already");
    print_count(result->removed, "file is gone and was dropped", "files are gone and were dropped");
    print_count(
        result->missing, "file is missing with its whole folder, and kept",
        "files are missing with their whole folder, and kept");
    print_count(result->unclear, "file does not say what it is", "files do not say what they are");
    print_count(result->unreadable, "could not be read", "could not be read");
    for (size_t i = 0; i < result->problem_count; i++)
        fprintf(stderr, "%s\n", sok_cli_clean(arena, result->problems[i]));
    if (result->unreadable + result->unclear > (int64_t)result->problem_count)
        fprintf(stderr, "... and more\n");
}

static enum sok_status run(const char *folder, struct sok_error *err)
{
    SOK_LOCAL_AUTO local = {0};
    struct sok_library *library = NULL;
    SOK_TRY(sok_local_open(&local, err));
    struct sok_library_options options = {
        .db = local.db, .clock = &sok_clock_system, .library_dirs = local.config.library_dirs};
    SOK_TRY(sok_library_open(&options, &library, err));
    struct sok_scan_options scan = {.folder = folder, .probe = true, .progress = show_progress};
    struct sok_scan_result result;
    enum sok_status status = sok_library_scan(library, local.arena, &scan, &result, err);
    sok_library_close(library);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    if (status == SOK_OK)
        print_result(local.arena, &result);
    return status;
}

int sok_cli_scan(int argc, char **argv)
{
    const char *words[1] = {NULL};
    struct sok_error err = {0};
    int count = sok_cli_parse("scan", argc, argv, 1, NULL, 0, words, 1);
    if (count < 0)
        return SOK_EXIT_USAGE;
    if (count == 1 && words[0][0] == '\0')
        return sok_cli_usage("scan", "DIR is empty");
    return run(words[0], &err) == SOK_OK ? SOK_EXIT_OK : sok_cli_failed(&err);
}
