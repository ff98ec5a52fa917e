#include "services/library/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "services/library/fd.h"

// `sokoul-probe` in the folder of this very executable; 0 or an errno value.
static int find_program(char *ret_path, size_t size)
{
    static const char name[] = "sokoul-probe";
    ssize_t len = readlink("/proc/self/exe", ret_path, size - 1);
    if (len < 0)
        return errno;
    ret_path[len] = 0;
    char *file = strrchr(ret_path, '/') + 1;
    if ((size_t)(file - ret_path) + sizeof(name) > size)
        return ENAMETOOLONG;
    memcpy(file, name, sizeof(name));
    return 0;
}

static int start_child(const char *program, const char *task, int fd, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    // Above the three standard ones, so that no dup2 below writes over its own source.
    SOK_FD_AUTO high_in = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    SOK_FD_AUTO high_out = fcntl(out, F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_adddup2(&actions, high_in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, high_out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    const char *const argv[] = {"sokoul-probe", task, NULL}, *const envp[] = {"LC_ALL=C", NULL};
    int failed =
        high_in < 0 || high_out < 0
            ? EMFILE
            : posix_spawn(ret_pid, program, &actions, &attributes, (char *const *)argv, (char *const *)envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

// Reads until the child closes its end. False when the deadline passed.
static bool read_output(int fd, int timeout_ms, struct sok_buf *output)
{
    int64_t deadline_ms = sok_time_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - sok_time_mono_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
        if (ready == 0)
            return false;
        char chunk[4096];
        ssize_t count = ready > 0 ? read(fd, chunk, sizeof chunk) : -1;
        if (count == 0 || (count < 0 && errno != EINTR))
            return true;
        if (count > 0 && !sok_buf_append(output, chunk, (size_t)count))
            return true; // too much: the buffer says so
    }
}

// Ends the child (it may have closed its output and go on) and says how it ended.
static int end_child(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return status;
}

enum sok_status sok_child_run(
    const char *program, const char *task, int fd, int timeout_ms, struct sok_buf *output,
    int *ret_wait_status, struct sok_error *err)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return sok_fail_errno(err, SOK_UNAVAILABLE, errno, "cannot make a pipe");
    SOK_FD_AUTO in = pipe_fds[0], out = pipe_fds[1];
    pid_t pid;
    char beside[PATH_MAX];
    int failed = program ? 0 : find_program(beside, sizeof(beside));
    if (!failed)
        failed = start_child(program ? program : beside, task, fd, out, &pid);
    if (failed)
        return sok_fail_errno(err, SOK_UNAVAILABLE, failed, "cannot start sokoul-probe");
    close(sok_fd_take(&out));
    bool in_time = read_output(in, timeout_ms, output);
    int wait_status = end_child(pid);
    if (!in_time)
        return sok_fail(err, SOK_TIMEOUT, "sokoul-probe took longer than %d s", timeout_ms / 1000);
    *ret_wait_status = wait_status;
    return SOK_OK;
}
