/* interpose_call: as interpose, the functions of libc that wait in the kernel: for time, for
 * data, for children.  While nothing is traced they do nothing but pass on; they are
 * cancellation points as before, and may be called in handlers and in children by vfork. */
#include "agent/interpose_next.h"
#include "agent/trace_wait.h"

#include <stdarg.h>
#include <sys/select.h>
#include <sys/types.h>

struct pollfd;
struct epoll_event;
struct iovec;
struct msghdr;

/* A function, its parameters and arguments, and what is around the call of the next one. */
#define FUNCTION(type, name, begin, end, params, ...)                                              \
    typedef type name##_fn params;                                                                 \
    static name##_fn *next_##name;                                                                 \
    static __attribute__((noinline)) type slow_##name params                                       \
    {                                                                                              \
        if (!next_##name && (!find() || !next_##name))                                             \
            return (type)-1;                                                                       \
        const struct walk_regs regs = BLOCK_CALLED(next_##name);                                   \
        uint64_t since = trace_on() ? (begin) : 0;                                                 \
        type rc = next_##name(__VA_ARGS__);                                                        \
        if (since)                                                                                 \
            end;                                                                                   \
        return rc;                                                                                 \
    }                                                                                              \
    type name params;                                                                              \
    EXPORT type name params                                                                        \
    {                                                                                              \
        name##_fn *next = next_##name;                                                             \
        return LIKELY(next && !trace_on()) ? next(__VA_ARGS__) : slow_##name(__VA_ARGS__);         \
    }

#define CALL(type, name, params, ...)                                                              \
    FUNCTION(type, name, trace_call_begins(&regs), trace_call_ends(), params, __VA_ARGS__)
#define WAIT(reason, type, name, params, ...)                                                      \
    FUNCTION(type, name, trace_wait_begins(reason, NULL, &regs),                                   \
             trace_wait_ends(BLOCK_DONE, since), params, __VA_ARGS__)

static bool find(void);

WAIT(TRACE_RAW_SLEEP, int, nanosleep, (const struct timespec *time, struct timespec *left), time,
     left)
WAIT(TRACE_RAW_SLEEP, int, clock_nanosleep,
     (clockid_t clock, int flags, const struct timespec *time, struct timespec *left), clock, flags,
     time, left)
WAIT(TRACE_RAW_SLEEP, int, usleep, (unsigned us), us)
WAIT(TRACE_RAW_SLEEP, unsigned, sleep, (unsigned s), s)
WAIT(TRACE_RAW_NETWORK, int, poll, (struct pollfd * fds, unsigned long n, int ms), fds, n, ms)
WAIT(TRACE_RAW_NETWORK, int, __poll_chk,
     (struct pollfd * fds, unsigned long n, int ms, size_t size), fds, n, ms, size)
WAIT(TRACE_RAW_NETWORK, int, ppoll,
     (struct pollfd * fds, unsigned long n, const struct timespec *time, const sigset_t *mask), fds,
     n, time, mask)
WAIT(TRACE_RAW_NETWORK, int, select,
     (int n, fd_set *in, fd_set *out, fd_set *other, struct timeval *time), n, in, out, other, time)
WAIT(TRACE_RAW_NETWORK, int, pselect,
     (int n, fd_set *in, fd_set *out, fd_set *other, const struct timespec *time,
      const sigset_t *mask),
     n, in, out, other, time, mask)
WAIT(TRACE_RAW_NETWORK, int, epoll_wait, (int fd, struct epoll_event *events, int n, int ms), fd,
     events, n, ms)
WAIT(TRACE_RAW_NETWORK, int, epoll_pwait,
     (int fd, struct epoll_event *events, int n, int ms, const sigset_t *mask), fd, events, n, ms,
     mask)
WAIT(TRACE_RAW_NETWORK, int, epoll_pwait2,
     (int fd, struct epoll_event *events, int n, const struct timespec *time, const sigset_t *mask),
     fd, events, n, time, mask)
WAIT(TRACE_RAW_NETWORK, int, accept, (int fd, void *address, void *size), fd, address, size)
WAIT(TRACE_RAW_NETWORK, int, accept4, (int fd, void *address, void *size, int flags), fd, address,
     size, flags)
WAIT(TRACE_RAW_NETWORK, int, connect, (int fd, const void *address, unsigned size), fd, address,
     size)
WAIT(TRACE_RAW_NETWORK, ssize_t, recv, (int fd, void *to, size_t n, int flags), fd, to, n, flags)
WAIT(TRACE_RAW_NETWORK, ssize_t, __recv_chk, (int fd, void *to, size_t n, size_t size, int flags),
     fd, to, n, size, flags)
WAIT(TRACE_RAW_NETWORK, ssize_t, recvfrom,
     (int fd, void *to, size_t n, int flags, void *address, void *size), fd, to, n, flags, address,
     size)
WAIT(TRACE_RAW_NETWORK, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), fd, message,
     flags)
WAIT(TRACE_RAW_NETWORK, ssize_t, send, (int fd, const void *from, size_t n, int flags), fd, from, n,
     flags)
WAIT(TRACE_RAW_NETWORK, ssize_t, sendto,
     (int fd, const void *from, size_t n, int flags, const void *address, unsigned size), fd, from,
     n, flags, address, size)
WAIT(TRACE_RAW_NETWORK, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), fd,
     message, flags)
WAIT(TRACE_RAW_CHILD, pid_t, wait, (int *status), status)
WAIT(TRACE_RAW_CHILD, pid_t, waitpid, (pid_t pid, int *status, int options), pid, status, options)
WAIT(TRACE_RAW_CHILD, pid_t, wait3, (int *status, int options, void *usage), status, options, usage)
WAIT(TRACE_RAW_CHILD, pid_t, wait4, (pid_t pid, int *status, int options, void *usage), pid, status,
     options, usage)
WAIT(TRACE_RAW_CHILD, int, waitid, (int type, unsigned id, void *info, int options), type, id, info,
     options)
WAIT(TRACE_RAW_SIGNAL, int, pause, (void))
WAIT(TRACE_RAW_SIGNAL, int, sigsuspend, (const sigset_t *mask), mask)

CALL(ssize_t, read, (int fd, void *to, size_t n), fd, to, n)
CALL(ssize_t, __read_chk, (int fd, void *to, size_t n, size_t size), fd, to, n, size)
CALL(ssize_t, write, (int fd, const void *from, size_t n), fd, from, n)
CALL(ssize_t, readv, (int fd, const struct iovec *parts, int n), fd, parts, n)
CALL(ssize_t, writev, (int fd, const struct iovec *parts, int n), fd, parts, n)
CALL(ssize_t, pread, (int fd, void *to, size_t n, off_t at), fd, to, n, at)
CALL(ssize_t, pread64, (int fd, void *to, size_t n, off_t at), fd, to, n, at)
CALL(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), fd, from, n, at)
CALL(ssize_t, pwrite64, (int fd, const void *from, size_t n, off_t at), fd, from, n, at)
CALL(int, fsync, (int fd), fd)
CALL(int, fdatasync, (int fd), fd)

#define NEXT(name)                                                                                 \
    {                                                                                              \
        &next_##name, #name                                                                        \
    }

static const struct interpose_next all[] = {
    NEXT(nanosleep),   NEXT(clock_nanosleep), NEXT(usleep),   NEXT(sleep),      NEXT(poll),
    NEXT(__poll_chk),  NEXT(ppoll),           NEXT(select),   NEXT(pselect),    NEXT(epoll_wait),
    NEXT(epoll_pwait), NEXT(epoll_pwait2),    NEXT(accept),   NEXT(accept4),    NEXT(connect),
    NEXT(recv),        NEXT(__recv_chk),      NEXT(recvfrom), NEXT(recvmsg),    NEXT(send),
    NEXT(sendto),      NEXT(sendmsg),         NEXT(wait),     NEXT(waitpid),    NEXT(wait3),
    NEXT(wait4),       NEXT(waitid),          NEXT(pause),    NEXT(sigsuspend), NEXT(read),
    NEXT(__read_chk),  NEXT(write),           NEXT(readv),    NEXT(writev),     NEXT(pread),
    NEXT(pread64),     NEXT(pwrite),          NEXT(pwrite64), NEXT(fsync),      NEXT(fdatasync),
};

/* False: this is a call by the dynamic linker itself while it looks, or there is no such
 * function (epoll_pwait2, before glibc 2.35). */
static bool find(void)
{
    return interpose_find(all, sizeof all / sizeof *all);
}

static __attribute__((constructor(101))) void find_at_start(void)
{
    find();
}
