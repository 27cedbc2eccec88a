/* interpose_kernel: as interpose, the functions of libc by which a program takes
 * from itself what we use: memory that we read, and system calls.
 * Memory: none. */
#include "agent/http.h"
#include "agent/modules.h"
#include "agent/own.h"
#include "agent/recording.h"
#include "agent/roster.h"
#include "agent/sampler.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define EXPORT __attribute__((visibility("default")))

typedef int munmap_fn(void *, size_t);
typedef int mprotect_fn(void *, size_t, int);
typedef int prctl_fn(int, unsigned long, unsigned long, unsigned long, unsigned long);
typedef int unshare_fn(int);
typedef int setns_fn(int, int);
typedef long syscall_fn(long, long, long, long, long, long, long);

static munmap_fn *next_munmap;
static mprotect_fn *next_mprotect;
static prctl_fn *next_prctl;
static unshare_fn *next_unshare;
static setns_fn *next_setns;
syscall_fn *interpose_next_syscall __attribute__((visibility("hidden")));
syscall_fn interpose_syscall __attribute__((visibility("hidden")));
/* What calls of this number go to: of interpose_futex.c, where it is there. */
syscall_fn *interpose_on_futex __attribute__((visibility("hidden"))) = interpose_syscall;
long interpose_futex_number __attribute__((visibility("hidden"))) = SYS_seccomp;

static __attribute__((constructor(101))) void resolve(void)
{
    next_munmap = (munmap_fn *)dlsym(RTLD_NEXT, "munmap");
    next_mprotect = (mprotect_fn *)dlsym(RTLD_NEXT, "mprotect");
    next_prctl = (prctl_fn *)dlsym(RTLD_NEXT, "prctl");
    next_unshare = (unshare_fn *)dlsym(RTLD_NEXT, "unshare");
    next_setns = (setns_fn *)dlsym(RTLD_NEXT, "setns");
    interpose_next_syscall = (syscall_fn *)dlsym(RTLD_NEXT, "syscall");
}

static void need(const void *next)
{
    if (!next)
        resolve();
}

/* Whoever reads there now comes to an end; nobody begins. */
static void becomes_unreadable(const void *p, size_t n_bytes)
{
    if (recording_is_on() && modules_tear((uint64_t)p, (uint64_t)p + n_bytes))
        sampler_wait();
}

EXPORT int munmap(void *p, size_t n_bytes)
{
    need((const void *)next_munmap);
    becomes_unreadable(p, n_bytes);
    return next_munmap(p, n_bytes);
}

EXPORT int mprotect(void *p, size_t n_bytes, int protection)
{
    need((const void *)next_mprotect);
    if (!(protection & PROT_READ))
        becomes_unreadable(p, n_bytes);
    return next_mprotect(p, n_bytes, protection);
}

EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long a = va_arg(list, unsigned long), b = va_arg(list, unsigned long),
                  c = va_arg(list, unsigned long), d = va_arg(list, unsigned long);
    va_end(list);
    need((const void *)next_prctl);
    uint32_t frozen = option == PR_SET_SECCOMP ? recording_freeze(a == SECCOMP_MODE_STRICT) : 0;
    int rc = next_prctl(option, a, b, c, d);
    if (option == PR_SET_NAME)
        roster_renamed(true);
    if (frozen && rc != 0)
        recording_thaw(frozen);
    return rc;
}

/* Namespaces that only a process with one thread can leave: our server is none of the
 * program's.  In a new one of users nobody is who he was: it is not served there. */

EXPORT int unshare(int flags)
{
    struct http_pause pause = {.serves = false};
    need((const void *)next_unshare);
    if (flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        http_pause(&pause);
    int rc = next_unshare(flags);
    if (rc != 0 || !(flags & CLONE_NEWUSER))
        http_resume(&pause);
    return rc;
}

EXPORT int setns(int fd, int type)
{
    struct http_pause pause = {.serves = false};
    need((const void *)next_setns);
    if (!type || (type & (CLONE_NEWUSER | CLONE_NEWNS)))
        http_pause(&pause);
    int rc = next_setns(fd, type);
    if (rc != 0 || !(type & CLONE_NEWUSER))
        http_resume(&pause);
    return rc;
}

/* For the calls that `syscall` below does not pass on at once. */
long interpose_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    need((const void *)interpose_next_syscall);
    bool sets =
        number == SYS_seccomp && (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER);
    uint32_t frozen = sets ? recording_freeze(a == SECCOMP_SET_MODE_STRICT) : 0;
    struct http_pause pause = {.serves = false};
    bool is_for_all = sets && a == SECCOMP_SET_MODE_FILTER && (b & SECCOMP_FILTER_FLAG_TSYNC);
    if (is_for_all) {
        own_forbid(true);
        http_pause(&pause);
    }
    long rc = interpose_next_syscall(number, a, b, c, d, e, f);
    if (rc != 0) {
        recording_thaw(frozen);
        if (is_for_all)
            own_forbid(false);
        http_resume(&pause);
    }
    return rc;
}

/* A jump, so that it is not in the stacks, and children made by it find theirs. */
_Static_assert(SYS_seccomp == 317, "the number below");
__asm__(".pushsection .text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "    endbr64\n"
        "    movq interpose_next_syscall(%rip), %rax\n"
        "    testq %rax, %rax\n"
        "    jz 1f\n"
        "    cmpq $317, %rdi\n"
        "    je 1f\n"
        "    cmpq interpose_futex_number(%rip), %rdi\n"
        "    je 2f\n"
        "    jmp *%rax\n"
        "1:  jmp interpose_syscall\n"
        "2:  jmp *interpose_on_futex(%rip)\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
