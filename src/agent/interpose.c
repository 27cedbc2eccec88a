/* interpose: the functions of libc that libsonde.so stands in for, so that threads
 * are sampled from their first instruction to their last, and that the program's
 * use of SIGURG and ours do not disturb each other.  All pass on to the next
 * library's; when nothing is recorded they do nothing else.
 * Memory: none but fixed arrays. */
#include "agent/labels.h"
#include "agent/modules.h"
#include "agent/own.h"
#include "agent/raw.h"
#include "agent/recording.h"
#include "agent/roster.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/timers.h"
#include "agent/trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <threads.h>

#define EXPORT __attribute__((visibility("default")))
#define OWN_STACK_MAX (1u << 20)
#define N_STARTS 1024 /* threads between pthread_create and their first instruction */

const bool recording_is_hooked = true;

int __sigaction(int signo, const struct sigaction *act, struct sigaction *old);

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int thrd_create_fn(thrd_t *, thrd_start_t, void *);
typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);
typedef sighandler_t signal_fn(int, sighandler_t);
typedef int mask_fn(int, const sigset_t *, sigset_t *);
typedef int timedwait_fn(const sigset_t *, siginfo_t *, const struct timespec *);
typedef int signalfd_fn(int, const sigset_t *, int);
typedef int altstack_fn(const stack_t *, stack_t *);
typedef int close_fn(void *);
typedef int setname_fn(pthread_t, const char *);

static create_fn *next_pthread_create;
static thrd_create_fn *next_thrd_create;
static sigaction_fn *next_sigaction;
static signal_fn *next_signal, *next_sysv_signal;
static mask_fn *next_pthread_sigmask, *next_sigprocmask;
static timedwait_fn *next_sigtimedwait;
static signalfd_fn *next_signalfd;
static altstack_fn *next_sigaltstack;
static close_fn *next_dlclose;
static setname_fn *next_setname;

static pthread_key_t at_thread_end;
static bool has_key;

static void thread_ends(void *arg)
{
    recording_thread_end();
}

static __attribute__((constructor(101))) void resolve(void)
{
    next_pthread_create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
    next_thrd_create = (thrd_create_fn *)dlsym(RTLD_NEXT, "thrd_create");
    next_sigaction = (sigaction_fn *)dlsym(RTLD_NEXT, "sigaction");
    next_signal = (signal_fn *)dlsym(RTLD_NEXT, "signal");
    next_sysv_signal = (signal_fn *)dlsym(RTLD_NEXT, "__sysv_signal");
    next_pthread_sigmask = (mask_fn *)dlsym(RTLD_NEXT, "pthread_sigmask");
    next_sigprocmask = (mask_fn *)dlsym(RTLD_NEXT, "sigprocmask");
    next_sigtimedwait = (timedwait_fn *)dlsym(RTLD_NEXT, "sigtimedwait");
    next_sigaltstack = (altstack_fn *)dlsym(RTLD_NEXT, "sigaltstack");
    next_setname = (setname_fn *)dlsym(RTLD_NEXT, "pthread_setname_np");
    next_signalfd = (signalfd_fn *)dlsym(RTLD_NEXT, "signalfd");
    if (!next_dlclose) {
        next_dlclose = (close_fn *)dlsym(RTLD_NEXT, "dlclose");
        if (next_dlclose)
            modules_closing_is_told();
    }
    /* Early, and so among the keys that need no malloc in a thread. */
    has_key = pthread_key_create(&at_thread_end, thread_ends) == 0;
}

/* A constructor of another library may come before ours. */
static void need(const void *next)
{
    if (!next)
        resolve();
}

/* Threads. */

struct start {
    int taken;
    void *(*run)(void *);
    thrd_start_t run_c11;
    void *arg;
    const struct sonde_labels *labels;
    struct trace_birth birth;
    size_t stack_bytes; /* from its lowest byte to some KiB above the thread's block */
};

static struct start starts[N_STARTS];

static struct start *start_take(void)
{
    for (uint32_t i = 0; i < N_STARTS; i++)
        if (!__atomic_load_n(&starts[i].taken, __ATOMIC_RELAXED) &&
            !__atomic_exchange_n(&starts[i].taken, 1, __ATOMIC_ACQUIRE))
            return &starts[i];
    return NULL;
}

static void start_release(struct start *s)
{
    __atomic_store_n(&s->taken, 0, __ATOMIC_RELEASE);
}

static size_t stack_bytes(const pthread_attr_t *attr)
{
    pthread_attr_t usual;
    size_t size = 0, guard = 0;
    if (!attr && pthread_attr_init(&usual) == 0)
        attr = &usual;
    if (!attr || pthread_attr_getstacksize(attr, &size) != 0 ||
        pthread_attr_getguardsize(attr, &guard) != 0 || size <= guard)
        size = guard = 0;
    if (attr == &usual)
        pthread_attr_destroy(&usual);
    return size - guard;
}

static void thread_begins(const struct start *s)
{
    size_t n_bytes = s->stack_bytes;
    if (s->labels)
        labels_take(s->labels);
    /* glibc puts a thread's block, which the thread pointer is the address of, at the
     * top of its stack: elsewhere this sp would not be so near.  Half of the stack is
     * taken for certain. */
    uint64_t sp = (uint64_t)__builtin_frame_address(0);
    uint64_t block = (uint64_t)__builtin_thread_pointer();
    n_bytes = n_bytes / 2 < OWN_STACK_MAX ? n_bytes / 2 : OWN_STACK_MAX;
    if (sp < block && block - sp < n_bytes)
        sampler_own_stack(block - n_bytes, block);
    if (has_key)
        pthread_setspecific(at_thread_end, &at_thread_end);
    trace_thread_begin(s->birth);
    recording_thread_begin();
}

/* The calls below are jumps when optimised: our functions are not in the stacks. */
static void *run_thread(void *arg)
{
    struct start s = *(struct start *)arg;
    start_release(arg);
    thread_begins(&s);
    return s.run(s.arg);
}

static int run_thread_c11(void *arg)
{
    struct start s = *(struct start *)arg;
    start_release(arg);
    thread_begins(&s);
    return s.run_c11(s.arg);
}

int recording_plain_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                           void *arg)
{
    need((const void *)next_pthread_create);
    return next_pthread_create(thread, attr, run, arg);
}

/* Without a free `start` the thread is found by timers_rescan, and has no labels. */
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    need((const void *)next_pthread_create);
    struct start *s = recording_is_on() || labels_current ? start_take() : NULL;
    if (!s) {
        const struct walk_regs caller = WALK_CALLER();
        int rc = next_pthread_create(thread, attr, run, arg);
        if (rc == 0)
            recording_thread_made(&caller);
        return rc;
    }
    s->run = run;
    s->arg = arg;
    s->labels = labels_current;
    s->stack_bytes = stack_bytes(attr);
    const struct walk_regs caller = WALK_CALLER();
    s->birth = trace_makes_thread((const void *)run, &caller);
    int rc = next_pthread_create(thread, attr, run_thread, s);
    if (rc == 0)
        recording_thread_made(&caller);
    else
        start_release(s);
    return rc;
}

EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    need((const void *)next_thrd_create);
    struct start *s = recording_is_on() || labels_current ? start_take() : NULL;
    if (!s) {
        const struct walk_regs caller = WALK_CALLER();
        int rc = next_thrd_create(thread, run, arg);
        if (rc == thrd_success)
            recording_thread_made(&caller);
        return rc;
    }
    s->run_c11 = run;
    s->arg = arg;
    s->labels = labels_current;
    s->stack_bytes = stack_bytes(NULL);
    const struct walk_regs caller = WALK_CALLER();
    s->birth = trace_makes_thread((const void *)run, &caller);
    int rc = next_thrd_create(thread, run_thread_c11, s);
    if (rc == thrd_success)
        recording_thread_made(&caller);
    else
        start_release(s);
    return rc;
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    need((const void *)next_setname);
    int rc = next_setname(thread, name);
    roster_renamed(pthread_equal(thread, pthread_self()));
    return rc;
}

/* Libraries: an unwinder may be reading the one that goes. */

EXPORT int dlclose(void *handle)
{
    need((const void *)next_dlclose);
    modules_closing_begin();
    sampler_wait();
    int rc = next_dlclose(handle);
    modules_closing_end();
    return rc;
}

/* The disposition of SIGURG. */

EXPORT int sigaction(int signo, const struct sigaction *act, struct sigaction *old)
{
    if (signo == SIGURG && signals_installed()) {
        signals_program_action(act, old);
        return 0;
    }
    sigaction_fn *next = next_sigaction ? next_sigaction : __sigaction;
    struct sigaction copy;
    const struct sigaction *set = signals_to_set(act, &copy);
    int rc = next(signo, set, old);
    if (rc == 0)
        signals_set(signo, set, old, set == &copy);
    return rc;
}

static sighandler_t set_handler(signal_fn *next, int signo, sighandler_t handler, int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags}, old;
    if (signo != SIGURG || handler == SIG_ERR || !signals_installed()) {
        sighandler_t was = next(signo, handler);
        if (was != SIG_ERR)
            signals_set(signo, &act, NULL, false);
        return was;
    }
    if (!(flags & SA_NODEFER))
        sigaddset(&act.sa_mask, signo);
    signals_program_action(&act, &old);
    return old.sa_handler;
}

EXPORT sighandler_t signal(int signo, sighandler_t handler)
{
    need((const void *)next_signal);
    return set_handler(next_signal, signo, handler, SA_RESTART);
}

EXPORT sighandler_t ssignal(int signo, sighandler_t handler)
{
    need((const void *)next_signal);
    return set_handler(next_signal, signo, handler, SA_RESTART);
}

sighandler_t bsd_signal(int signo, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int signo, sighandler_t handler)
{
    need((const void *)next_signal);
    return set_handler(next_signal, signo, handler, SA_RESTART);
}

EXPORT sighandler_t __sysv_signal(int signo, sighandler_t handler)
{
    need((const void *)next_sysv_signal);
    return set_handler(next_sysv_signal, signo, handler, SA_RESETHAND | SA_NODEFER);
}

EXPORT sighandler_t sysv_signal(int signo, sighandler_t handler)
{
    need((const void *)next_sysv_signal);
    return set_handler(next_sysv_signal, signo, handler, SA_RESETHAND | SA_NODEFER);
}

EXPORT int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
    need((const void *)next_sigaltstack);
    int rc = next_sigaltstack(stack, old);
    if (rc == 0 && stack && !(stack->ss_flags & SS_DISABLE))
        signals_alternate_stack(stack->ss_size);
    return rc;
}

/* Signal masks: SIGURG stays out of them. */

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    need((const void *)next_pthread_sigmask);
    int rc =
        next_pthread_sigmask(how, how == SIG_UNBLOCK ? set : signals_for_mask(set, &copy), old);
    return rc;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    need((const void *)next_sigprocmask);
    int rc = next_sigprocmask(how, how == SIG_UNBLOCK ? set : signals_for_mask(set, &copy), old);
    return rc;
}

/* Waiting for signals: one of our timers is not what the program waits for. */

static int wait_for(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    siginfo_t own;
    struct timespec left;
    need((const void *)next_sigtimedwait);
    bool shared = sigismember(set, SIGURG) == 1 && signals_installed();
    if (!shared) {
        int rc = next_sigtimedwait(set, info, timeout);
        return rc;
    }
    uint64_t end = 0;
    if (timeout) {
        left = *timeout;
        end = raw_clock_ns(CLOCK_MONOTONIC) + (uint64_t)left.tv_sec * 1000000000u +
              (uint64_t)left.tv_nsec;
    }
    int rc;
    signals_set_waiter(raw_gettid());
    while ((rc = next_sigtimedwait(set, &own, timeout ? &left : NULL)) == SIGURG &&
           signals_is_ours(&own)) {
        signals_lost(&own);
        if (!timeout)
            continue;
        uint64_t now = raw_clock_ns(CLOCK_MONOTONIC), ns = now < end ? end - now : 0;
        left = (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    }
    signals_set_waiter(0);
    if (rc > 0 && info)
        *info = own;
    return rc;
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    return wait_for(set, info, timeout);
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return wait_for(set, info, NULL);
}

EXPORT int sigwait(const sigset_t *set, int *signo)
{
    int rc, saved_errno = errno;
    while ((rc = wait_for(set, NULL, NULL)) < 0 && errno == EINTR)
        ;
    if (rc < 0)
        return errno;
    errno = saved_errno;
    *signo = rc;
    return 0;
}

EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
    sigset_t copy;
    need((const void *)next_signalfd);
    int rc = next_signalfd(fd, signals_for_fd(set, &copy), flags);
    return rc;
}
