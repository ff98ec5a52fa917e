// The order matters: limits that root may set first, then the user is given up, then the way back
// (no_new_privs), and last the system calls. The seccomp filter answers EPERM rather than killing, so that a
// C library that asks for something harmless and new goes on without it.
#include "services/library/jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"

#define NOBODY 65534

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

static bool limit(int what, rlim_t value)
{
    return setrlimit(what, &(struct rlimit){value, value}) == 0;
}

static bool drop_user(void)
{
    if (geteuid() != 0)
        return true;
    return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
           setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

#ifdef ARCH
static bool filter_calls(void)
{
    static const int allowed[] = {
        SYS_read,
        SYS_write,
        SYS_pread64,
        SYS_lseek,
        SYS_fstat,
        SYS_close,
        SYS_mmap,
        SYS_munmap,
        SYS_mprotect,
        SYS_mremap,
        SYS_madvise,
        SYS_brk,
        SYS_futex,
        SYS_exit,
        SYS_exit_group,
        SYS_rt_sigaction,
        SYS_rt_sigreturn,
        SYS_rt_sigprocmask,
        SYS_clock_gettime,
        SYS_getrandom,
        SYS_gettid,
        SYS_getpid,
        SYS_tgkill,
        SYS_sched_getaffinity,
        SYS_restart_syscall,
    };
    enum { COUNT = SOK_ARRAY_LEN(allowed), HEAD = 4, TAIL = 2 };
    struct sock_filter code[HEAD + COUNT + TAIL] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    for (unsigned i = 0; i < COUNT; i++) // a match jumps over the rest and the refusal
        code[HEAD + i] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], (uint8_t)(COUNT - i), 0);
    code[HEAD + COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    code[HEAD + COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = SOK_ARRAY_LEN(code), .filter = code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        return true;
    return errno == EINVAL || errno == ENOSYS; // a kernel without seccomp: the rest has to do
}
#else
static bool filter_calls(void)
{
    return true; // the numbers above are known for two machines; elsewhere the limits have to do
}
#endif

bool sok_jail_enter(int cpu_seconds, int wall_seconds, int memory_mib)
{
    alarm((unsigned)wall_seconds);
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_CPU, (rlim_t)cpu_seconds))
        return false;
    if (!SOK_SANITIZED &&
        (!limit(RLIMIT_AS, (rlim_t)memory_mib << 20) || !limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_NOFILE, 3)))
        return false;
    if (!drop_user() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return false;
    return SOK_SANITIZED || filter_calls();
}
