#include "services/library/jail.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "services/library/library_testing.h"

// Runs in the jail; the bits say what was still possible.
static int try_everything(void)
{
    if (!sok_jail_enter(5, 20, 4096))
        return 128;
    int possible = 0;
    if (open("/etc/passwd", O_RDONLY) >= 0)
        possible |= 1;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
        possible |= 2;
    if (open("/tmp/sokoul-jail-test", O_WRONLY | O_CREAT, 0600) >= 0)
        possible |= 4;
    if (kill(getppid(), 0) == 0)
        possible |= 8;
    if (setuid(0) == 0 && getuid() == 0)
        possible |= 16;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        possible |= 32;
    return possible;
}

static void nothing_can_be_opened_made_or_reached_from_inside(void **state)
{
    if (SOK_SANITIZED)
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_everything());
    int status;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFEXITED(status));
    assert_int_equal(0, WEXITSTATUS(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_can_be_opened_made_or_reached_from_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
