// What the tests of library and streaming share: a folder of their own, files in it, and tiny films by
// ffmpeg.
#ifndef SOK_SERVICES_LIBRARY_LIBRARY_TESTING_H
#define SOK_SERVICES_LIBRARY_LIBRARY_TESTING_H

#include "base/test.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test_dir.h"

#define test_dir sok_test_dir

static inline struct test_dir test_dir_new(void)
{
    struct test_dir dir;
    sok_test_dir_make(&dir);
    return dir;
}
#define TEST_DIR_AUTO SOK_CLEANUP(sok_test_dir_remove) struct test_dir

// "DIR/path", in one of a few turning buffers.
static inline const char *test_path(const struct test_dir *dir, const char *path)
{
    static char texts[8][PATH_MAX * 2];
    static int turn;
    char *text = texts[turn++ % 8];
    snprintf(text, sizeof texts[0], "%s/%s", dir->path, path);
    return text;
}

static inline void test_make_folders(const struct test_dir *dir, const char *path)
{
    char text[PATH_MAX * 2];
    snprintf(text, sizeof text, "%s/%s", dir->path, path);
    for (char *slash = text + strlen(dir->path) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(text, 0755);
    }
}

// Writes a file, with the folders above it.
static inline void test_write(const struct test_dir *dir, const char *path, const void *bytes, size_t len)
{
    test_make_folders(dir, path);
    FILE *file = fopen(test_path(dir, path), "w");
    assert_non_null(file);
    assert_int_equal(len, fwrite(bytes, 1, len, file));
    assert_int_equal(0, fclose(file));
}

static inline bool test_exists(const struct test_dir *dir, const char *path)
{
    struct stat info;
    return lstat(test_path(dir, path), &info) == 0;
}

// A film of two seconds; `extra` are further ffmpeg arguments before the output, NULL-terminated, or NULL.
// Skips the test where ffmpeg is not installed.
static inline void test_make_film(const struct test_dir *dir, const char *path, const char *const *extra)
{
    test_make_folders(dir, path);
    const char *out = test_path(dir, path);
    const char *argv[48] = {
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=12:duration=2",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:duration=2",
        "-pix_fmt",
        "yuv420p",
        "-shortest"};
    int count = 16;
    for (; extra && *extra; extra++)
        argv[count++] = *extra;
    argv[count++] = out;
    pid_t pid;
    static const char *const envp[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    if (posix_spawnp(&pid, "ffmpeg", NULL, NULL, (char *const *)argv, (char *const *)envp) != 0)
        skip();
    int status;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        skip();
    assert_int_equal(0, status);
}

static inline const char *test_program(void)
{
    const char *program = getenv("SOKOUL_PROBE");
    if (!program)
        skip();
    return program;
}

#endif
