/* interpose_kernel: as interpose, the functions of libc by which a program takes
 * from itself what we use: memory that we read, and system calls; and those by which it
 * becomes another, or confines itself: our server then is the same, or is no more.
 * Memory: none. */
#include "agent/http.h"
#include "agent/modules.h"
#include "agent/object.h"
#include "agent/own.h"
#include "agent/recording.h"
#include "agent/roster.h"
#include "agent/sampler.h"
#include "agent/trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int munmap_fn(void *, size_t);
typedef int mprotect_fn(void *, size_t, int);
typedef int prctl_fn(int, unsigned long, unsigned long, unsigned long, unsigned long);
typedef int unshare_fn(int);
typedef int setns_fn(int, int);
typedef int capset_fn(cap_user_header_t, const cap_user_data_t);
typedef int id_fn(unsigned);
typedef int two_ids_fn(unsigned, unsigned);
typedef int three_ids_fn(unsigned, unsigned, unsigned);
typedef int groups_fn(size_t, const gid_t *);
typedef int initgroups_fn(const char *, gid_t);
typedef long syscall_fn(long, long, long, long, long, long, long);

static munmap_fn *next_munmap;
static mprotect_fn *next_mprotect;
static prctl_fn *next_prctl;
static unshare_fn *next_unshare;
static setns_fn *next_setns;
static capset_fn *next_capset;
static struct {
    id_fn *setuid, *seteuid, *setgid, *setegid;
    two_ids_fn *setreuid, *setregid;
    three_ids_fn *setresuid, *setresgid;
    groups_fn *setgroups;
    initgroups_fn *initgroups;
} next_set;
static bool is_first;
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
    next_capset = (capset_fn *)dlsym(RTLD_NEXT, "capset");
    next_set.setuid = (id_fn *)dlsym(RTLD_NEXT, "setuid");
    next_set.seteuid = (id_fn *)dlsym(RTLD_NEXT, "seteuid");
    next_set.setgid = (id_fn *)dlsym(RTLD_NEXT, "setgid");
    next_set.setegid = (id_fn *)dlsym(RTLD_NEXT, "setegid");
    next_set.setreuid = (two_ids_fn *)dlsym(RTLD_NEXT, "setreuid");
    next_set.setregid = (two_ids_fn *)dlsym(RTLD_NEXT, "setregid");
    next_set.setresuid = (three_ids_fn *)dlsym(RTLD_NEXT, "setresuid");
    next_set.setresgid = (three_ids_fn *)dlsym(RTLD_NEXT, "setresgid");
    next_set.setgroups = (groups_fn *)dlsym(RTLD_NEXT, "setgroups");
    next_set.initgroups = (initgroups_fn *)dlsym(RTLD_NEXT, "initgroups");
    void *found = dlsym(RTLD_DEFAULT, "setresuid");
    is_first = found && object_same(found, &is_first);
    interpose_next_syscall = (syscall_fn *)dlsym(RTLD_NEXT, "syscall");
}

bool recording_is_first(void)
{
    if (!interpose_next_syscall)
        resolve();
    return is_first;
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

/* Who the process is.  A thread that libc does not know of would stay who it was: it ends
 * before, and begins again from the thread that has changed. */

#define AS_WHO_IT_BECOMES(call)                                                                    \
    struct http_pause pause;                                                                       \
    need((const void *)interpose_next_syscall);                                                    \
    http_pause(&pause);                                                                            \
    int rc = call;                                                                                 \
    http_resume(&pause);                                                                           \
    return rc

EXPORT int setuid(uid_t id)
{
    AS_WHO_IT_BECOMES(next_set.setuid(id));
}

EXPORT int seteuid(uid_t id)
{
    AS_WHO_IT_BECOMES(next_set.seteuid(id));
}

EXPORT int setgid(gid_t id)
{
    AS_WHO_IT_BECOMES(next_set.setgid(id));
}

EXPORT int setegid(gid_t id)
{
    AS_WHO_IT_BECOMES(next_set.setegid(id));
}

EXPORT int setreuid(uid_t real, uid_t effective)
{
    AS_WHO_IT_BECOMES(next_set.setreuid(real, effective));
}

EXPORT int setregid(gid_t real, gid_t effective)
{
    AS_WHO_IT_BECOMES(next_set.setregid(real, effective));
}

EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    AS_WHO_IT_BECOMES(next_set.setresuid(real, effective, saved));
}

EXPORT int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    AS_WHO_IT_BECOMES(next_set.setresgid(real, effective, saved));
}

EXPORT int setgroups(size_t n, const gid_t *groups)
{
    AS_WHO_IT_BECOMES(next_set.setgroups(n, groups));
}

EXPORT int initgroups(const char *user, gid_t group)
{
    AS_WHO_IT_BECOMES(next_set.initgroups(user, group));
}

static bool has_filter; /* some thread of a program with several has one; atomic */

/* What is of the calling thread alone concerns us where the program has no other. */
static bool pauses_if_one(struct http_pause *pause)
{
    *pause = (struct http_pause){.serves = false};
    bool is_one =
        !__atomic_load_n(&has_filter, __ATOMIC_RELAXED) && http_is_on() && own_program_has_one();
    if (is_one)
        http_pause(pause);
    return is_one;
}

int capset(cap_user_header_t header, const cap_user_data_t data);
EXPORT int capset(cap_user_header_t header, const cap_user_data_t data)
{
    struct http_pause pause;
    need((const void *)interpose_next_syscall);
    pauses_if_one(&pause);
    int rc = next_capset(header, data);
    http_resume(&pause);
    return rc;
}

/* A filter of system calls.  The server is no more behind one that is for all threads, or for
 * the only one; it serves again where there is none, after all. */
struct confinement {
    uint32_t frozen;
    bool forbids;
    struct http_pause pause;
};

static void confine_begin(struct confinement *c, bool is_strict, bool is_for_all)
{
    *c = (struct confinement){.frozen = recording_freeze(is_strict), .forbids = is_for_all};
    if (is_for_all) {
        own_forbid(true, true);
        http_pause(&c->pause);
    } else {
        c->forbids = pauses_if_one(&c->pause);
        if (c->forbids)
            own_forbid(true, false);
    }
}

static void confine_end(const struct confinement *c, bool is_on)
{
    if (is_on) {
        __atomic_store_n(&has_filter, true, __ATOMIC_RELAXED);
        return;
    }
    recording_thaw(c->frozen);
    if (c->forbids && !__atomic_load_n(&has_filter, __ATOMIC_RELAXED))
        own_forbid(false, false);
    http_resume(&c->pause);
}

static bool is_of_identity(int option)
{
    return option == PR_CAPBSET_DROP || option == PR_CAP_AMBIENT || option == PR_SET_SECUREBITS ||
           option == PR_SET_NO_NEW_PRIVS;
}

EXPORT int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long a = va_arg(list, unsigned long), b = va_arg(list, unsigned long),
                  c = va_arg(list, unsigned long), d = va_arg(list, unsigned long);
    va_end(list);
    need((const void *)next_prctl);
    if (option == PR_SET_SECCOMP) {
        struct confinement confinement;
        confine_begin(&confinement, a == SECCOMP_MODE_STRICT, false);
        int rc = next_prctl(option, a, b, c, d);
        confine_end(&confinement, rc == 0);
        return rc;
    }
    /* No clock can be read any more, by this thread and by those that it makes. */
    if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV && recording_is_on()) {
        trace_stop();
        recording_is_bare = true;
    }
    struct http_pause pause = {.serves = false};
    if (is_of_identity(option))
        pauses_if_one(&pause);
    int rc = next_prctl(option, a, b, c, d);
    if (option == PR_SET_NAME)
        roster_renamed(true);
    http_resume(&pause);
    return rc;
}

/* Namespaces: some only a process with one thread can leave, and our server is none of the
 * program's; of the others it is to be where the program is.  In a new one of users nobody is
 * who he was: it is not served there. */

EXPORT int unshare(int flags)
{
    struct http_pause pause = {.serves = false};
    need((const void *)next_unshare);
    if (flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        http_pause(&pause);
    else if (flags & ~CLONE_FILES)
        pauses_if_one(&pause);
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
    else
        pauses_if_one(&pause);
    int rc = next_setns(fd, type);
    if (rc != 0 || !(type & CLONE_NEWUSER))
        http_resume(&pause);
    return rc;
}

/* The calls by number that have a function above.  They are of the calling thread alone, but
 * for a filter that says so. */
static bool sets_identity(long number, long a)
{
    return number == SYS_setuid || number == SYS_setgid || number == SYS_setreuid ||
           number == SYS_setregid || number == SYS_setresuid || number == SYS_setresgid ||
           number == SYS_setgroups || number == SYS_capset ||
           number == SYS_landlock_restrict_self || (number == SYS_prctl && is_of_identity((int)a));
}

/* For the calls that `syscall` below does not pass on at once. */
long interpose_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    need((const void *)interpose_next_syscall);
    bool by_prctl = number == SYS_prctl && a == PR_SET_SECCOMP;
    if (by_prctl ||
        (number == SYS_seccomp && (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER))) {
        struct confinement confinement;
        bool is_strict = by_prctl ? b == SECCOMP_MODE_STRICT : a == SECCOMP_SET_MODE_STRICT;
        confine_begin(&confinement, is_strict,
                      !by_prctl && !is_strict && (b & SECCOMP_FILTER_FLAG_TSYNC));
        long rc = interpose_next_syscall(number, a, b, c, d, e, f);
        confine_end(&confinement, rc == 0);
        return rc;
    }
    struct http_pause pause = {.serves = false};
    if (sets_identity(number, a))
        pauses_if_one(&pause);
    long rc = interpose_next_syscall(number, a, b, c, d, e, f);
    http_resume(&pause);
    return rc;
}

/* A jump, so that it is not in the stacks, and children made by it find theirs. */
_Static_assert(SYS_seccomp == 317 && SYS_setuid == 105 && SYS_prctl == 157 &&
                   SYS_landlock_restrict_self == 446,
               "the numbers below");
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
        "    cmpq $446, %rdi\n"
        "    je 1f\n"
        "    leaq -105(%rdi), %r11\n"
        "    cmpq $157-105, %r11\n"
        "    jbe 1f\n"
        "    cmpq interpose_futex_number(%rip), %rdi\n"
        "    je 2f\n"
        "    jmp *%rax\n"
        "1:  jmp interpose_syscall\n"
        "2:  jmp *interpose_on_futex(%rip)\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n"
        ".popsection\n");
