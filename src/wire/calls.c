#include "wire/calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define LOCK "lock"
#define SLEEP "sleeping"
#define IO "io"

struct call {
    short number;
    bool repeatable;
    char state[18];
};

/* Those that wait, in the order of their numbers. */
static const struct call calls[] = {
    {SYS_read, true, IO},
    {SYS_write, true, IO},
    {SYS_open, false, IO},
    {SYS_close, false, IO},
    {SYS_poll, true, IO},
    {SYS_ioctl, false, "ioctl"},
    {SYS_pread64, false, IO},
    {SYS_pwrite64, false, IO},
    {SYS_readv, true, IO},
    {SYS_writev, true, IO},
    {SYS_select, true, IO},
    {SYS_sched_yield, false, "sched_yield"},
    {SYS_msync, false, IO},
    {SYS_pause, true, "pause"},
    {SYS_nanosleep, true, SLEEP},
    {SYS_sendfile, false, IO},
    {SYS_connect, true, IO},
    {SYS_accept, true, IO},
    {SYS_sendto, true, IO},
    {SYS_recvfrom, true, IO},
    {SYS_sendmsg, true, IO},
    {SYS_recvmsg, true, IO},
    {SYS_clone, false, "clone"},
    {SYS_fork, false, "fork"},
    {SYS_vfork, false, "vfork"},
    {SYS_execve, false, "execve"},
    {SYS_wait4, true, "wait4"},
    {SYS_semop, true, "semop"},
    {SYS_msgsnd, true, "msgsnd"},
    {SYS_msgrcv, true, "msgrcv"},
    {SYS_fcntl, false, "fcntl"},
    {SYS_flock, true, "flock"},
    {SYS_fsync, false, IO},
    {SYS_fdatasync, false, IO},
    {SYS_ptrace, false, "ptrace"},
    {SYS_rt_sigtimedwait, true, "rt_sigtimedwait"},
    {SYS_rt_sigsuspend, true, "rt_sigsuspend"},
    {SYS_futex, true, LOCK},
    {SYS_io_getevents, true, IO},
    {SYS_restart_syscall, false, SLEEP},
    {SYS_semtimedop, true, "semtimedop"},
    {SYS_clock_nanosleep, true, SLEEP},
    {SYS_epoll_wait, true, IO},
    {SYS_mq_timedsend, true, "mq_timedsend"},
    {SYS_mq_timedreceive, true, "mq_timedreceive"},
    {SYS_waitid, true, "waitid"},
    {SYS_openat, false, IO},
    {SYS_pselect6, true, IO},
    {SYS_ppoll, true, IO},
    {SYS_splice, false, IO},
    {SYS_epoll_pwait, true, IO},
    {SYS_accept4, true, IO},
    {SYS_preadv, false, IO},
    {SYS_pwritev, false, IO},
    {SYS_recvmmsg, true, IO},
    {SYS_sendmmsg, true, IO},
    {SYS_getrandom, true, "getrandom"},
    {SYS_userfaultfd, false, "userfaultfd"},
    {SYS_io_uring_enter, false, IO},
    {SYS_epoll_pwait2, true, IO},
    {SYS_futex_waitv, true, LOCK},
    {SYS_futex_wait, true, LOCK},
};

static const struct call *find(long number)
{
    size_t lo = 0, hi = sizeof calls / sizeof *calls;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (calls[mid].number == number)
            return &calls[mid];
        if (calls[mid].number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const char *calls_state(long number, char name[CALLS_NAME_BYTES])
{
    const struct call *call = find(number);
    char digits[8];
    int n = 0;
    if (call)
        return call->state;
    strcpy(name, "syscall ");
    for (long left = number > 0 ? number : 0; n < 8 && (left || n == 0); left /= 10)
        digits[n++] = (char)('0' + left % 10);
    for (int at = 8; n >= 0; at++)
        name[at] = n > 0 ? digits[n - 1] : '\0', n--;
    return name;
}

bool calls_repeatable(long number)
{
    const struct call *call = find(number);
    return call && call->repeatable;
}
